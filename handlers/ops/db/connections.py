"""D15: who holds a server's connections, and whether anybody else still gets in."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.connectors.postgres import Backend, Connections, Postgres
from bot.connectors.postgres_sessions import plain
from bot.connectors.tandem import Tandem
from bot.operation import (
    Answer,
    Call,
    Database,
    Input,
    Observed,
    Offer,
    Operation,
    Plan,
    Risk,
    See,
    Series,
    Unseen,
    Voice,
    about_duration,
)

SATURATED = 0.9  # of what applications can use
LONG = timedelta(minutes=5)  # idle in transaction for longer keeps vacuum and locks waiting
DAY = timedelta(days=1)
RESERVED = ("superuser_reserved_connections", "reserved_connections")  # the second from PostgreSQL 16 on


class Params(Input):
    database: Database


class Facts(Observed):
    summary: Connections
    backends: tuple[Backend, ...]
    reserved: int  # of summary.most, only for administrators
    before: tuple[tuple[datetime, float], ...] = ()  # used, as earlier looks of a day saw it

    @property
    def free(self) -> int:
        """Connections that an application can still open."""
        return max(0, self.summary.most - self.reserved - self.summary.used)

    @property
    def share(self) -> float:
        """Used, of what applications can use."""
        return self.summary.used / max(1, self.summary.most - self.reserved)


class DatabaseConnections(Operation[Params, Facts]):
    """See who holds a database server's connections.

    Used and most, by state and by application, the longest idle in transaction, and whether the server is saturated.
    A server's databases share its connections, so all of them are counted.
    """

    risk = Risk.READ
    examples = ("/ops db connections shop",)
    words = ("pool", "max_connections", "too many clients", "saturated", "idle in transaction", "sessions")
    voice = Voice.QUIET  # so that a schedule may ask every few minutes: only saturation is told aloud

    async def observe(self, params: Params, see: See) -> Facts:
        reads = await see(Postgres, params.database)
        summary, backends = await reads.connections(), await reads.activity(anywhere=True)
        kept = await see.all({name: reads.parameter(name) for name in RESERVED}, within=timedelta(seconds=5))
        reserved = sum(int(value) for value in kept.values() if not isinstance(value, Unseen))
        lately = await see.all({"before": _before(see, params.database.key)}, within=timedelta(seconds=2))
        before = () if isinstance(lately["before"], Unseen) else tuple(lately["before"])
        return Facts(run=see.run, at=see.at, summary=summary, backends=backends, reserved=reserved, before=before)

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence=f"Look at the connections of {params.database.key}")

    def answer(self, params: Params, facts: Facts, results: object) -> Answer:
        used, key = facts.summary, params.database.key
        saturated = facts.share >= SATURATED
        waiting = [b for b in facts.backends if _in_transaction(b)]
        long = [b for b in waiting if facts.at - b.since >= LONG]
        state = "SATURATED, " if saturated else ""
        headline = f"{key}: {state}{used.used} of {used.most} connections used, {facts.free} free for applications"
        lines = [f"{n} {state}" for state, n in sorted(used.by_state.items(), key=lambda held: -held[1])]
        if waiting:
            longest = about_duration(max(timedelta(), facts.at - min(b.since for b in waiting)))
            lines.append(f"{len(waiting)} idle in transaction, the longest for {longest}")
        if any(b.state is None for b in facts.backends):
            lines.append("Some sessions' states are hidden from Tandem's role: grant it pg_read_all_stats.")
        return Answer(
            headline=headline,
            lines=tuple(lines),
            table=(("Application", "Role", "Database", "State", "Sessions", "Longest"), *_rows(facts)),
            series=_lately(key, facts),
            offers=_offers(key, facts) if saturated or long else (),
            loud=saturated,
        )


async def _before(see: See, key: str) -> Sequence[tuple[datetime, float]]:
    return await (await see(Tandem)).seen("ops db connections", {"database": key}, "summary.used", DAY)


def _lately(key: str, facts: Facts) -> Series | None:
    """How many were used in the last day, where somebody looked often enough to tell."""
    if len(facts.before) < 2:
        return None
    points = (*facts.before, (facts.at, float(facts.summary.used)))
    return Series(title=f"Connections of {key}, last day", unit="connections", points=points)


def _in_transaction(backend: Backend) -> bool:
    return (backend.state or "").startswith("idle in transaction")


def _rows(facts: Facts) -> list[tuple[str, ...]]:
    """One row for each application in each state, most sessions first, at most 20."""
    held: dict[tuple[str, ...], list[datetime]] = {}
    for b in facts.backends:
        who = (plain(b.app) or "no name", b.role or "", b.database or "", b.state or "hidden")
        held.setdefault(who, []).append(b.since)
    ranked = sorted(held.items(), key=lambda row: (-len(row[1]), row[0]))
    return [
        (*who, str(len(since)), about_duration(max(timedelta(), facts.at - min(since)))) for who, since in ranked[:20]
    ]


def _offers(key: str, facts: Facts) -> tuple[Offer, ...]:
    offers = [Offer(label="End idle sessions", call=Call(command="ops db kill-idle", params={"database": key}))]
    if any(b.state == "active" for b in facts.backends):
        call = Call(command="ops db kill-queries", params={"database": key})
        offers.append(Offer(label="End long statements", call=call))
    return tuple(offers)
