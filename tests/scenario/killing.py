"""Ends the real bot process with SIGKILL at an exact point of a run: a gate in the ledger holds it there meanwhile."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import aiohttp
import asyncpg

from deploy.local.slack import Outcome
from tests.scenario.story import LONG, Run, Story, until

KILL, CANCEL = 4711, 4712  # the advisory locks on which a gated transaction waits
WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted"
BEHIND = "SELECT true FROM pg_stat_activity WHERE query LIKE 'SELECT tandem.say(%' AND wait_event_type = 'Lock'"
NAME = "concat_ws(' ', {0}.kind, {0}.step, {0}.way)"  # an event, the same in every repetition of its run
DOORS = ("asked", "approval", "approved", "cancel_wished")  # people wait for these: `unheard` is the side before


def points(events: Iterable[asyncpg.Record]) -> list[str]:
    """Before and after each commit of these: an effect lies between its start's *after* and its end's *before*."""
    found: dict[str, None] = {}
    for event in events:
        name = " ".join(event[part] for part in ("kind", "step", "way") if event[part])
        sides = ("after",) if event["kind"] in DOORS else ("before", "after")
        found |= {f"{side} {name}": None for side in sides}
    return list(found)


async def killed_at(story: Story, after: int, point: str, act: Callable[[], Awaitable[object]]) -> None:
    """Does what leads there, kills the bot at that point of a run younger than `after`, waits until the next begins."""
    side, _, name = point.partition(" ")
    if side == "after" and name.split(" ")[0] in DOORS:  # the same transaction may write more
        await act()
        await _written(story, after, name)
        await killed(story)
        return
    async with gate(story, after, name, KILL, past=side == "after") as ledger:
        await act()
        await (_written(story, after, name) if side == "after" else _held(ledger, KILL, point))
        await killed(story, lambda: _terminated(ledger))


async def _written(story: Story, after: int, name: str) -> None:
    """Until that event of a run younger than `after` is committed."""
    sql = f"SELECT EXISTS (SELECT 1 FROM tandem.events e WHERE e.run > $1 AND {NAME.format('e')} = $2)"

    async def there() -> bool:
        return bool(await story.ledger.fetchval(sql, after, name))

    await until(there, f"commit of {name}", LONG)


async def cancelled_at(run: Run, ledger: asyncpg.Connection) -> None:
    """Who asked cancels while a step's start is held at the gate: once that step is done, the run turns back."""
    await _held(ledger, CANCEL, f"start of a step of {run.tag}")
    row = await run.row()
    word = {"run": run.id, "team": row["team"], "user": row["slack_user"], "verb": "cancel", "text": "not now"}
    said = asyncio.create_task(run.story.ledger.fetchval("SELECT tandem.say($1)", json.dumps(word)))

    async def behind() -> bool:
        return bool(await ledger.fetchval(BEHIND))

    await until(behind, "cancel that waits for the row of its run")
    await ledger.execute("SELECT pg_advisory_unlock($1)", CANCEL)
    assert json.loads(await said)["code"] == "done"


async def unheard(story: Story, after: int, point: str, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Kills the bot between what somebody does and its commit; what Slack says to them then.

    `point` is "before" that event, whose transaction dies with the bot, or "during", where it commits all the same.
    """
    side, _, name = point.partition(" ")
    async with gate(story, after, name, KILL) as ledger:
        doing = asyncio.ensure_future(act())
        await _held(ledger, KILL, point)

        async def settle() -> None:
            if side == "before":
                await _terminated(ledger)
            else:
                await ledger.execute("SELECT pg_advisory_unlock($1)", KILL)
                await _written(story, after, name)

        await killed(story, settle)
        return await doing


async def _terminated(ledger: asyncpg.Connection) -> None:
    """What the bot had sent dies with it, as with its machine."""
    for backend in await ledger.fetch(WAITING, KILL):
        await ledger.execute("SELECT pg_terminate_backend($1)", backend["pid"])


async def killed(story: Story, settle: Callable[[], Awaitable[None]] | None = None) -> None:
    """Ends the process that runs, by its id; the stage starts another, which `settle` comes before."""
    bot = story.stage.bot
    before, ends = bot.pid, len(bot.ends)
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def gone() -> bool:
        return len(bot.ends) > ends

    async def another() -> bool:
        return bot.pid not in (None, before)

    await until(gone, "end of the bot", LONG)
    if settle:
        await settle()
    await until(another, "other process", LONG)
    assert bot.ends[ends] == -signal.SIGKILL


async def reachable(story: Story) -> None:
    """Until the process that was started instead answers people."""

    async def ready() -> bool:
        if story.stage.transport == "socket" and not any(app["sockets"] for app in await story.slack.apps()):
            return False
        try:
            async with aiohttp.request("GET", f"http://127.0.0.1:{story.stage.bot_port}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await until(ready, "bot that is ready", LONG)


async def _held(ledger: asyncpg.Connection, lock: int, what: str) -> list[asyncpg.Record]:
    async def held() -> list[asyncpg.Record]:
        return list(await ledger.fetch(WAITING, lock))

    return await until(held, f"transaction at the gate: {what}", LONG)


@asynccontextmanager
async def gate(
    story: Story, after: int, name: str, lock: int, *, past: bool = False
) -> AsyncIterator[asyncpg.Connection]:
    """No such event of a run younger than `after` is written while this is open, and its lock is held.

    `past`: nothing is written that would follow that event.
    """
    follows = f"EXISTS (SELECT 1 FROM tandem.events e WHERE e.run = NEW.run AND {NAME.format('e')} = '{name}')"
    held = f"IF {follows} THEN PERFORM pg_advisory_xact_lock({lock}); END IF;"
    held = held if past else f"PERFORM pg_advisory_xact_lock({lock});"
    when = f"NEW.run > {after}" + ("" if past else f" AND {NAME.format('NEW')} = '{name}'")
    ledger = await asyncpg.connect(story.stage.databases.server.dsn("tandem"))
    try:
        await ledger.execute("SELECT pg_advisory_lock($1)", lock)
        await ledger.execute(
            f"CREATE FUNCTION public.gate_{lock}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$gate$ BEGIN {held} RETURN NEW; END $gate$"
        )
        await ledger.execute(
            f"CREATE TRIGGER aa_gate_{lock} BEFORE INSERT ON tandem.events FOR EACH ROW "
            f"WHEN ({when}) EXECUTE FUNCTION public.gate_{lock}()"
        )
        yield ledger
    finally:
        await ledger.execute("SELECT pg_advisory_unlock_all()")
        await ledger.execute(f"DROP FUNCTION IF EXISTS public.gate_{lock}() CASCADE")
        await ledger.close()
