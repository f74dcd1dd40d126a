"""Ending sessions of a database: exactly the ones that were shown, and only while they are still at the same thing."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from bot.connectors.postgres import Backend, Postgres
from bot.connectors.postgres.session import Connection
from bot.durations import about_duration
from bot.effect import AtMost, Attempt, Effect, Permanent, Survival
from bot.model import Record
from bot.operation import Database

OURS = "tandem/"  # how the names of the bot's own sessions begin: never ended from here
MOST = 30  # sessions in one plan: more than that nobody reads before approving
GOING = timedelta(seconds=10)  # a session that was told to end has this long
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DENIED = "42501"
GRANTS = "pg_signal_backend and pg_read_all_stats"

# A condition of its own for each thing that must not be ended, whatever a plan says. Of a session that the role may
# not look at everything but pid and database is NULL: it is not touched, and told as refused instead of as gone.
END_ONE = """
SELECT CASE WHEN backend_type IS NOT NULL THEN pg_terminate_backend(pid) END AS told FROM pg_stat_activity
WHERE pid = $1 AND datname = $4 AND (backend_type IS NULL OR (
  backend_start = $2 AND state_change = $3 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND NOT starts_with(application_name, 'tandem/')))
"""
STILL = """
SELECT count(*) FROM pg_stat_activity
WHERE (pid, backend_start) IN (SELECT * FROM unnest($1::int[], $2::timestamptz[]))
"""


class Sitting(Record):
    """One session at one thing: a session that has done anything since is another Sitting."""

    pid: int
    started: datetime  # of the session
    since: datetime  # of its present state
    role: str
    application: str

    @property
    def mark(self) -> str:
        """Pid, start and since as one word that fits into a command line."""
        return f"{self.pid}@{_micros(self.started)}@{_micros(self.since)}"


class Terminated(Record):
    """What became of the sessions that were to end."""

    ended: int
    gone: int = 0  # had ended, or done something else since, when their turn came
    refused: int = 0  # Tandem's role may not end them
    stuck: int = 0  # told to end, and still there

    @property
    def words(self) -> tuple[str, ...]:
        """One line for each thing that became of some of them."""
        said = {
            "ended": self.ended,
            "had ended or gone on to something else, and were left alone": self.gone,
            "belong to a role that Tandem may not end": self.refused,
            "were told to end and are still there": self.stuck,
        }
        return tuple(f"{count} {what}" for what, count in said.items() if count)

    def told(self, more: int) -> tuple[str, ...]:
        """The same, and that `more` were left out of the plan."""
        return (*self.words, f"{more} more were left out: ask again for the rest") if more else self.words


def sitting(backend: Backend) -> Sitting | None:
    """What a look at a session gives a plan to name; None for the bot's own and for what the role may not see."""
    if backend.state is None or backend.app.startswith(OURS):
        return None
    return Sitting(
        pid=backend.pid,
        started=backend.backend_start,
        since=backend.since,
        role=plain(backend.role or ""),
        application=plain(backend.app),
    )


def sittings(backends: Iterable[Backend]) -> frozenset[Sitting]:
    """All that a plan may name of them."""
    return frozenset(one for one in map(sitting, backends) if one)


def longest(backends: Iterable[Backend]) -> tuple[str, ...]:
    """The marks of those that one plan names: the first of them, which are longest in their state."""
    return tuple(one.mark for one in map(sitting, backends) if one)[:MOST]


def left_out(named: Collection[str], backends: Iterable[Backend]) -> int:
    """How many of them a plan that is full does not name."""
    if len(named) < MOST:
        return 0
    return sum(one.mark not in named for one in map(sitting, backends) if one)


def counted(found: int, more: int = 0) -> str:
    """ "1 session", "30 sessions"; "the longest 30 of 200 sessions" where `more` were left out."""
    if more:
        return f"the longest {found} of {found + more} sessions"
    return f"{found} session{'' if found == 1 else 's'}"


def described(backend: Backend, now: datetime) -> str:
    """One session in words: the digest stands for its statement, whose text may hold anything."""
    who = f"{plain(backend.role or '') or 'no role'}@{plain(backend.app) or 'no name'}"
    parts = [f"pid {backend.pid} {who} {backend.state} for {about_duration(max(timedelta(), now - backend.since))}"]
    parts += ["waits for a lock"] if backend.blocked else []
    parts += [f"query {backend.query}"] if backend.query else []
    return ", ".join(parts)


def plain(name: str) -> str:
    """A name that a client chose for itself, fit to be shown: one line of at most 40 printable characters."""
    return "".join(c for c in name if c.isprintable() and c not in "<>`*")[:40]


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


class Terminate(Effect[Terminated]):
    """Ends these sessions and no other. Those that are gone, or at something else by now, are left alone."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(seconds=60)
    internal: ClassVar[frozenset[str]] = frozenset({"sessions"})  # a plan's sentence describes each
    connector = Postgres
    database: Database
    sessions: Annotated[frozenset[Sitting], AtMost()]

    async def do(self, on: Any, at: Attempt) -> Terminated:
        async with on.session(at) as connection:  # in the maintenance database: the live one may be full
            return await _terminate(connection, on.live, sorted(self.sessions, key=lambda s: s.pid))

    async def bar(self, on: Any, at: Attempt) -> bool:
        barred: bool = await on.bar(at)
        return barred


async def _terminate(connection: Connection, database: str, sessions: list[Sitting]) -> Terminated:
    import asyncpg

    told: list[Sitting] = []
    refused = 0
    for one in sessions:
        try:
            found = await connection.fetchrow(END_ONE, one.pid, one.started, one.since, database)
        except asyncpg.InsufficientPrivilegeError:
            refused += 1
            continue
        if found and found["told"]:
            told.append(one)
        elif found and found["told"] is None:
            refused += 1
    if refused and not told:
        raise Permanent(f"Tandem's role may not end these sessions: grant it {GRANTS} ({_DENIED})")
    stuck = await _still_there(connection, told)
    gone = len(sessions) - len(told) - refused
    return Terminated(ended=len(told) - stuck, gone=gone, refused=refused, stuck=stuck)


async def _still_there(connection: Connection, told: list[Sitting]) -> int:
    """How many of them are still there after GOING; returns at once when none is."""
    pids, starts = [s.pid for s in told], [s.started for s in told]
    end = asyncio.get_running_loop().time() + GOING.total_seconds()
    while True:
        left: int = await connection.fetchval(STILL, pids, starts)
        if not left or asyncio.get_running_loop().time() > end:
            return left
        await asyncio.sleep(0.05)
