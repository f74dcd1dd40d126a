"""The store's face: each method is one statement, each verb one SQL function and one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from bot.model import Event, Heading, Mark, Record, Risk, State, Way
from bot.store.pool import CODE, door_call, engine_call, stale_claims

LAPSES = 100  # runs whose personal values are erased at once
RUN_COLUMNS = (
    "id, tag, command, params, asked, reason, requester, team, slack_user, via, channel, look_only, parent, "
    "parent_step, root, schedule, created_at, config, environment, risk, state, seq, moved_at, ended_at, plan, "
    "fingerprint, planned_at, facts, locks, long, expires_at, start_by, resume_within, heading, why, wish, question, "
    "question_seq, due, due_since, progress, worker, fence, claims, about, retries"
)


class RunRow(Record):
    """One row of the runs table, as it was read."""

    id: int
    tag: str
    command: str
    params: dict[str, Any]
    asked: dict[str, Any] | None  # before the planner resolved it; None in rows of an earlier version
    reason: str
    requester: str | None
    team: str | None
    slack_user: str | None
    via: str
    channel: str | None
    look_only: bool
    parent: int | None
    parent_step: str | None
    root: int
    schedule: str | None
    created_at: datetime
    config: str
    environment: str
    risk: Risk
    state: State
    seq: int
    moved_at: datetime
    ended_at: datetime | None
    plan: str | None
    fingerprint: str | None
    planned_at: datetime | None
    facts: dict[str, Any] | None
    locks: tuple[str, ...]
    long: bool
    expires_at: datetime | None
    start_by: timedelta | None
    resume_within: timedelta | None
    heading: Heading
    why: str
    wish: str | None
    question: dict[str, Any] | None
    question_seq: int | None
    due: datetime | None
    due_since: datetime | None
    progress: dict[str, Any]
    worker: UUID | None
    fence: int
    claims: int
    about: int | None  # the run in whose thread it was begun
    retries: int | None  # the run of which it tries again what failed


def run_row(row: Any) -> RunRow:
    """An asyncpg record of the runs table (or of a function that returns it) as a RunRow."""
    return RunRow.model_validate({name: row[name] for name in RunRow.model_fields})


def event_row(row: Any) -> Event:
    """An asyncpg record of the events table as an Event."""
    return Event.model_validate({name: row[name] for name in Event.model_fields})


class Doors:
    """The verbs of people, each bounded in time. Every method may raise NotRecorded or Uncertain."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        return await self._verb("ask", asked)

    async def retry(self, word: dict[str, Any]) -> dict[str, Any]:
        """A run that tries again what failed in `word["run"]`."""
        return await self._verb("retry", word)

    async def approve(self, word: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._verb("approve", word)
        except asyncpg.PostgresError as error:
            if error.sqlstate != "TD014":
                raise
            return {"code": "expired"}  # between the look and the wall; nothing was written

    async def say(self, word: dict[str, Any]) -> dict[str, Any]:
        """deny, cancel, supersede, amend, ask_back, answer_back: `word["verb"]` says which."""
        return await self._verb("say", word)

    async def heed(self, word: dict[str, Any]) -> dict[str, Any]:
        """looked, followed, called_in: `word["kind"]` says which; it moves nothing."""
        return await self._verb("heed", word)

    async def unmask(self, word: dict[str, Any]) -> dict[str, Any]:
        """The sealed personal values of a run; that somebody looks at them is an event."""
        return await self._verb("unmask", word)

    async def favour(self, word: dict[str, Any]) -> dict[str, Any]:
        """Keeps a form, or lets the one of the id `word["gone"]` go."""
        return await self._verb("favour", word)

    async def answer(self, word: dict[str, Any]) -> dict[str, Any]:
        return await self._verb("answer", word)

    async def tick(self, word: dict[str, Any]) -> dict[str, Any]:
        return await self._verb("tick", word)

    async def count_up(self, run: int) -> dict[str, Any]:
        return await door_call(self.pool, "SELECT count_up($1)", run)  # type: ignore[no-any-return]

    async def _verb(self, name: str, argument: dict[str, Any]) -> dict[str, Any]:
        given = {key: value for key, value in argument.items() if value is not None}
        return await door_call(self.pool, f"SELECT {name}($1)", given)  # type: ignore[no-any-return]

    async def save_draft(self, id: UUID, team: str, user: str, command: str, channel: str | None, body: Any) -> None:
        """A form's draft, bound to the account and the operation."""
        await door_call(
            self.pool,
            "INSERT INTO drafts VALUES ($1, $2, $3, $4, $5, $6, NULL, clock()) "
            "ON CONFLICT (id) DO UPDATE SET body = $6 WHERE drafts.team = $2 AND drafts.slack_user = $3",
            id, team, user, command, channel, body,
        )  # fmt: skip

    async def change_draft(self, id: UUID, team: str, user: str, at: str) -> dict[str, Any] | None:
        """The draft of this account, unless a later change of its form is known; `at` counts as the latest from now."""
        return await door_call(  # type: ignore[no-any-return]
            self.pool,
            "UPDATE drafts SET body = body || jsonb_build_object('.changed', $4::text) "
            "WHERE id = $1 AND team = $2 AND slack_user = $3 AND coalesce(body->>'.changed', '') <= $4 "
            "RETURNING jsonb_build_object('command', command, 'channel', channel, 'body', body)",
            id, team, user, at,
        )  # fmt: skip

    async def draft(self, id: UUID, team: str, user: str) -> dict[str, Any] | None:
        """{command, channel, body} where the draft is this account's, else None."""
        return await door_call(  # type: ignore[no-any-return]
            self.pool,
            "SELECT jsonb_build_object('command', command, 'channel', channel, 'body', body) FROM drafts "
            "WHERE id = $1 AND team = $2 AND slack_user = $3",
            id, team, user,
        )  # fmt: skip


class Wished(Exception):
    """Somebody asked to cancel before the step was started."""


class Claimed(Record):
    """A worker's hold on a run: every write names it, and a stale one is refused by the database."""

    run: int
    worker: UUID
    fence: int


class Ledger:
    """The engine's verbs."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def enlist(self, worker: UUID, lease: timedelta, config: str, kinds: Sequence[str]) -> None:
        """Raises Outdated where the tables are for a newer version than this."""
        await engine_call(self.pool, "SELECT enlist($1, $2, $3, $4, $5)", worker, lease, config, list(kinds), CODE)

    async def retire(self, worker: UUID) -> None:
        await engine_call(self.pool, "SELECT retire($1)", worker)

    async def claim(self, worker: UUID, limit: int, long: int | None = None) -> list[RunRow]:
        """Due runs, at most `long` (by default any number) of those that may take long.

        Raises StaleClaim where the worker itself has no lease any more.
        """
        most = limit if long is None else long
        with stale_claims():
            return [run_row(r) for r in await self.pool.fetch("SELECT * FROM claim($1, $2, $3)", worker, limit, most)]

    async def row(self, run: int) -> RunRow:
        return run_row(await self.pool.fetchrow(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = $1", run))  # noqa: S608

    async def events(self, run: int, after: int = 0) -> list[Event]:
        sql = "SELECT * FROM events WHERE run = $1 AND seq > $2 ORDER BY seq"
        return [event_row(r) for r in await self.pool.fetch(sql, run, after)]

    async def now(self) -> datetime:
        return await engine_call(self.pool, "SELECT clock()")  # type: ignore[no-any-return]

    async def left(self, deadline: datetime | None) -> timedelta:
        """How long, by the database's own clock, until an attempt counts as over."""
        if deadline is None:
            return timedelta(0)
        sql = "SELECT greatest($1 - clock_timestamp(), interval '0')"
        return await engine_call(self.pool, sql, deadline)  # type: ignore[no-any-return]

    async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Another run, asked for by a run or a schedule."""
        given = {key: value for key, value in asked.items() if value is not None}
        return await engine_call(self.pool, "SELECT ask($1)", given)  # type: ignore[no-any-return]

    async def nudge(self, c: Claimed, kind: str, step: str, number: int, body: dict[str, Any]) -> None:
        """Tells of a task once more ("nudge"), or that it has come back ("recalled"); each number once."""
        sql = "SELECT nudge($1, $2, $3, $4, $5, $6, $7)"
        await engine_call(self.pool, sql, c.run, c.worker, c.fence, kind, step, number, body)

    async def release(self, c: Claimed, due: datetime | None, seen: datetime | None) -> None:
        """`seen`: the due time that was read with the run; where it is another by now, the run is due at once."""
        await engine_call(self.pool, "SELECT release($1, $2, $3, $4, $5)", c.run, c.worker, c.fence, due, seen)

    async def drop(self, c: Claimed) -> None:
        """Gives back a claim that came to nothing; the third in a row makes the run ask."""
        await engine_call(self.pool, "SELECT drop_claim($1, $2, $3)", c.run, c.worker, c.fence)

    async def note(self, c: Claimed, progress: dict[str, Any]) -> str | None:
        """Progress for the card; gives the wish ("cancel") if somebody has one."""
        sql = "SELECT note($1, $2, $3, $4)"
        return await engine_call(self.pool, sql, c.run, c.worker, c.fence, progress)  # type: ignore[no-any-return]

    async def planned(self, c: Claimed, word: dict[str, Any]) -> dict[str, Any]:
        sql = "SELECT planned($1, $2, $3, $4)"
        return await engine_call(self.pool, sql, c.run, c.worker, c.fence, word)  # type: ignore[no-any-return]

    async def begin(self, c: Claimed) -> str:
        """ "started", "late", "unapproved", "frozen" or "not_shown"."""
        return str((await engine_call(self.pool, "SELECT begin_run($1, $2, $3)", c.run, c.worker, c.fence))["code"])

    async def not_begun(self, c: Claimed, signal: str, body: dict[str, Any]) -> None:
        await engine_call(self.pool, "SELECT not_begun($1, $2, $3, $4, $5)", c.run, c.worker, c.fence, signal, body)

    async def started(
        self, c: Claimed, step: str, way: Way, attempt: int, timeout: timedelta, body: dict[str, Any]
    ) -> datetime | None:
        """Commits *started*; gives the attempt's deadline, or None where it is too late to start.

        Raises Wished where a cancel was committed since the run was read: nothing is started.
        """
        sql = "SELECT started($1, $2, $3, $4, $5, $6, $7, $8)"
        answer = await engine_call(self.pool, sql, c.run, c.worker, c.fence, step, way, attempt, timeout, body)
        if answer["code"] == "wished":
            raise Wished
        return datetime.fromisoformat(answer["deadline"]) if answer["code"] == "started" else None

    async def settled(
        self,
        c: Claimed,
        step: str,
        way: Way,
        attempt: int,
        mark: Mark,
        body: dict[str, Any],
        *,
        box: bytes | None = None,
        own: dict[str, Any] | None = None,
    ) -> None:
        sql = "SELECT settled($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        await engine_call(self.pool, sql, c.run, c.worker, c.fence, step, way, attempt, mark, body, box, own)

    async def late(self, c: Claimed, step: str, way: Way, attempt: int, body: dict[str, Any]) -> None:
        """Evidence of an attempt that was begun under this claim; nothing where its end was written after all."""
        sql = "SELECT late($1, $2, $3, $4, $5, $6)"
        await engine_call(self.pool, sql, c.run, step, way, attempt, body, c.fence)

    async def park(
        self, c: Claimed, due: datetime | None, seen: datetime | None, body: dict[str, Any],
        progress: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`seen` as for `release`."""
        sql = "SELECT park($1, $2, $3, $4, $5, $6, $7)"
        await engine_call(self.pool, sql, c.run, c.worker, c.fence, due, seen, body, progress)

    async def turned(self, c: Claimed, heading: Heading, why: str, step: str) -> None:
        await engine_call(
            self.pool, "SELECT turned($1, $2, $3, $4, $5, $6)", c.run, c.worker, c.fence, heading, why, step
        )

    async def doubted(self, c: Claimed, question: dict[str, Any]) -> None:
        await engine_call(self.pool, "SELECT doubted($1, $2, $3, $4)", c.run, c.worker, c.fence, question)

    async def finished(self, c: Claimed, signal: str, body: dict[str, Any]) -> State:
        sql = "SELECT finished($1, $2, $3, $4, $5)"
        return State(await engine_call(self.pool, sql, c.run, c.worker, c.fence, signal, body))

    async def boxes(self, run: int) -> dict[str, bytes]:
        """The sealed results of a run's steps, by step."""
        return dict(await self.pool.fetch("SELECT name, box FROM sealed WHERE run = $1", run))

    async def retried(self, run: int) -> list[RunRow]:
        """The runs that tried again what failed in it, and have ended; oldest first."""
        sql = f"SELECT {RUN_COLUMNS} FROM runs WHERE retries = $1 AND ended_at IS NOT NULL ORDER BY id"  # noqa: S608
        return [run_row(r) for r in await self.pool.fetch(sql, run)]

    async def askers(self, run: int) -> tuple[str, ...]:
        sql = "SELECT person FROM askers WHERE run = $1 ORDER BY person"
        return tuple(r["person"] for r in await self.pool.fetch(sql, run))

    async def worded(self, run: int) -> tuple[str, ...]:
        """Who asked, and who changed the request last: the people whose words its parameters are."""
        sql = (
            "(SELECT actor FROM events WHERE run = $1 AND kind = 'asked' AND actor IS NOT NULL) UNION "
            "(SELECT actor FROM events WHERE run = $1 AND kind = 'amended' ORDER BY seq DESC LIMIT 1)"
        )
        return tuple(r["actor"] for r in await self.pool.fetch(sql, run))

    async def children(self, run: int, step: str) -> list[RunRow]:
        sql = f"SELECT {RUN_COLUMNS} FROM runs WHERE parent = $1 AND parent_step = $2 ORDER BY id"  # noqa: S608
        return [run_row(r) for r in await self.pool.fetch(sql, run, step)]

    async def sweep(self) -> int:
        return int(await engine_call(self.pool, "SELECT sweep()"))

    async def lapse(self) -> int:
        """Erases personal values that nobody needs any more; of how many runs."""
        return int(await engine_call(self.pool, "SELECT lapse($1)", LAPSES))

    async def come_home(self) -> int:
        """Runs put in doubt because the ledger's home changed or went back in time; 0 is the ordinary answer."""
        return int(await engine_call(self.pool, "SELECT come_home()"))

    async def checkpoint(self) -> str:
        return str(await engine_call(self.pool, "SELECT checkpoint_heads()"))
