"""D12: end statements that run too long: the very sessions that were shown, and no other."""

from datetime import timedelta

from bot.connectors.postgres import Backend, Postgres
from bot.connectors.postgres_sessions import (
    Terminate,
    Terminated,
    counted,
    described,
    left_out,
    longest,
    sitting,
    sittings,
)
from bot.operation import (
    Answer,
    Database,
    Field,
    Input,
    Loss,
    Observed,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
    about_duration,
)

SHORTEST = timedelta(seconds=1)


class Params(Input):
    database: Database
    over: timedelta = Field(default=timedelta(minutes=5), description="statements that run for longer than this")
    sessions: tuple[str, ...] = Field(default=(), description="filled in when you ask: the sessions that match then")


class Facts(Observed):
    strictest: bool  # the database is of the strictest environment
    found: tuple[Backend, ...]  # those named in params that are still at the same statement
    more: int = 0  # that matched as well, and found no room in the plan


class KillQueries(Operation[Params, Facts]):
    """End the sessions whose statement has run for too long.

    Which sessions is settled when you ask: the plan lists each with its pid, role, application and age. Only those are
    ended, and only while they still run the same statement. Replication, autovacuum and Tandem's own sessions are never
    ended. Statements are told by a digest, never by their text.
    """

    risk = Risk.WRITE
    examples = (
        '/ops db kill-queries shop reason="checkout waits behind a report"',
        '/ops db kill-queries shop over=30m reason="reports that nobody reads"',
    )
    words = ("terminate", "cancel", "long running", "stuck", "slow query", "pg_terminate_backend")
    locks = ("sessions/{database}",)

    async def resolve(self, params: Params, see: See) -> Params:
        if params.sessions or params.over < SHORTEST:
            return params
        reads = await see(Postgres, params.database)
        matching = await reads.activity(state="active", longer_than=params.over)
        return params.model_copy(update={"sessions": longest(matching)})

    async def observe(self, params: Params, see: See) -> Facts:
        reads = await see(Postgres, params.database)
        active = await reads.activity(state="active")
        named = frozenset(params.sessions)
        found = tuple(b for b in active if (one := sitting(b)) and one.mark in named)
        more = left_out(named, await reads.activity(state="active", longer_than=params.over))
        return Facts(run=see.run, at=see.at, strictest=see.strictest(params.database), found=found, more=more)

    def raises(self, params: Params, facts: Facts) -> Risk | None:
        return Risk.DESTRUCTIVE if facts.strictest else None

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        key, long = params.database.key, about_duration(params.over)
        if params.over < SHORTEST:
            return Refusal(code="bounds", sentence="Below a second statements end by themselves: type e.g. over=5m.")
        if not facts.found and facts.more:
            return Plan(sentence=f"Nothing to end: the longest are gone. Ask again for the {facts.more} that are left")
        if not facts.found:
            return Plan(sentence=f"Nothing to end: no statement in {key} has run for over {long}")
        listed = "; ".join(described(b, facts.at) for b in facts.found)
        count, rest = counted(len(facts.found), facts.more), " (ask again for the rest)" if facts.more else ""
        return Plan(
            sentence=f"End {count} of {key} whose statement has run for over {long}{rest}: {listed}",
            steps=(self._step(params, facts),),
            loses=(Loss(what="unfinished statements", now=len(facts.found), at_most=len(facts.found)),),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        done = results.get(self._step(params, facts).result)
        if done is None:
            return None
        headline = f"{params.database.key}: {done.ended} of {counted(len(facts.found))} ended"
        return Answer(headline=headline, lines=done.told(facts.more))

    @staticmethod
    def _step(params: Params, facts: Facts) -> Step[Terminated]:
        return Step(
            "terminate",
            Terminate(database=params.database, sessions=sittings(facts.found)),
            leaves="their transactions rolled back; their applications see an error and connect anew",
            tells=f"End these {counted(len(facts.found))} and no other",
        )
