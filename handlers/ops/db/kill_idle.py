"""D12: end sessions that only hold a connection: the very ones that were shown, and no other."""

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

SHORTEST = timedelta(minutes=1)
IDLE = "idle"
IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")


class Params(Input):
    database: Database
    over: timedelta = Field(default=timedelta(hours=1), description="sessions that have been idle for longer than this")
    in_transaction: bool = Field(default=False, description="only those that hold a transaction open")
    sessions: tuple[str, ...] = Field(default=(), description="filled in when you ask: the sessions that match then")


class Facts(Observed):
    strictest: bool  # the database is of the strictest environment
    found: tuple[Backend, ...]  # those named in params that have done nothing since
    more: int = 0  # that matched as well, and found no room in the plan


class KillIdle(Operation[Params, Facts]):
    """End the sessions that have been idle for too long.

    Which sessions is settled when you ask: the plan lists each with its pid, role, application and age. Only those are
    ended, and only while they have done nothing since. Replication, autovacuum and Tandem's own sessions are never
    ended. An idle session that holds a transaction open loses what it wrote in it.
    """

    risk = Risk.WRITE
    examples = (
        '/ops db kill-idle shop reason="connections are saturated"',
        '/ops db kill-idle shop over=10m in-transaction reason="vacuum waits"',
    )
    words = ("idle", "connections", "pool", "saturated", "terminate", "pg_terminate_backend")
    locks = ("sessions/{database}",)

    async def resolve(self, params: Params, see: See) -> Params:
        if params.sessions or params.over < SHORTEST:
            return params
        reads = await see(Postgres, params.database)
        matching = await reads.activity(longer_than=params.over)
        return params.model_copy(update={"sessions": longest(b for b in matching if _idle(b, params))})

    async def observe(self, params: Params, see: See) -> Facts:
        reads = await see(Postgres, params.database)
        all_ = await reads.activity()
        named = frozenset(params.sessions)
        found = tuple(b for b in all_ if _idle(b, params) and (one := sitting(b)) and one.mark in named)
        matching = await reads.activity(longer_than=params.over)
        more = left_out(named, (b for b in matching if _idle(b, params)))
        return Facts(run=see.run, at=see.at, strictest=see.strictest(params.database), found=found, more=more)

    def raises(self, params: Params, facts: Facts) -> Risk | None:
        return Risk.DESTRUCTIVE if facts.strictest else None

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        key, long = params.database.key, about_duration(params.over)
        what = "idle in transaction" if params.in_transaction else "idle"
        if params.over < SHORTEST:
            return Refusal(code="bounds", sentence="A pool's sessions rest for seconds as a rule: type e.g. over=10m.")
        if not facts.found and facts.more:
            return Plan(sentence=f"Nothing to end: the longest are gone. Ask again for the {facts.more} that are left")
        if not facts.found:
            return Plan(sentence=f"Nothing to end: no session of {key} has been {what} for over {long}")
        holding = sum(b.state in IN_TRANSACTION for b in facts.found)
        loses = (Loss(what="transactions held open", now=holding, at_most=holding),) if holding else ()
        listed = "; ".join(described(b, facts.at) for b in facts.found)
        count, rest = counted(len(facts.found), facts.more), " (ask again for the rest)" if facts.more else ""
        return Plan(
            sentence=f"End {count} of {key}, {what} for over {long}{rest}: {listed}",
            steps=(self._step(params, facts),),
            loses=loses,
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
            leaves="their applications connect anew when they next need to",
            tells=f"End these {counted(len(facts.found))} and no other",
        )


def _idle(backend: Backend, params: Params) -> bool:
    return backend.state in IN_TRANSACTION or (backend.state == IDLE and not params.in_transaction)
