"""Ends the real bot process with SIGKILL at an exact point of a run: a gate in the ledger holds it there meanwhile."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

import asyncpg

from tests.scenario.story import LONG, Run, Story, until

GATE = 4711  # the advisory lock on which a gated transaction waits
WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted"


class Moment(StrEnum):
    """Where in a step the process ends."""

    BEFORE = "before it is recorded as started"
    MIDST = "right after it is recorded as started"
    AFTER = "after its effect, before that is recorded"


async def kill_at(run: Run, step: str, moment: Moment, approver: str) -> None:
    """Approves the run, kills the bot at that point, and waits until the next process has begun."""
    story = run.story
    if moment is Moment.MIDST:
        await run.press(approver, "Approve")
        await run.reaches(step)
        await killed(story)
        return
    async with _gate(run, step, "started" if moment is Moment.BEFORE else "done") as ledger:
        await run.press(approver, "Approve")

        async def held() -> list[asyncpg.Record]:
            return list(await ledger.fetch(WAITING, GATE))

        backends = await until(held, f"{run.tag} at the gate of {step}", LONG)
        await killed(story)
        for backend in backends:  # what it had sent dies with it, as with its machine
            await ledger.execute("SELECT pg_terminate_backend($1)", backend["pid"])


async def killed(story: Story) -> None:
    """Ends the process that runs, by its id; the stage starts another."""
    bot = story.stage.bot
    before, ends = bot.pid, len(bot.ends)
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def another() -> bool:
        return len(bot.ends) > ends and bot.pid not in (None, before)

    await until(another, "other process", LONG)
    assert bot.ends[ends] == -signal.SIGKILL


@asynccontextmanager
async def _gate(run: Run, step: str, mark: str) -> AsyncIterator[asyncpg.Connection]:
    """No event of that step and mark is written while this is open."""
    ledger = await asyncpg.connect(run.story.stage.databases.server.dsn("tandem"))
    try:
        await ledger.execute("SELECT pg_advisory_lock($1)", GATE)
        await ledger.execute(
            "CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NEW; END'"
        )
        await ledger.execute(
            "CREATE TRIGGER aa_gate BEFORE INSERT ON tandem.events FOR EACH ROW "
            f"WHEN (NEW.run = {run.id} AND NEW.step = '{step}' AND NEW.mark = '{mark}') EXECUTE FUNCTION public.gate()"
        )
        yield ledger
    finally:
        await ledger.execute("DROP FUNCTION IF EXISTS public.gate() CASCADE")
        await ledger.close()
