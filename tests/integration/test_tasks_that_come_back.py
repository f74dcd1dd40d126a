"""`Task.again`: a task that comes back for as long as the run has other things to wait for."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import State
from bot.store.store import RunRow
from tests.support.factory import Factory, working
from tests.support.plugin import Home

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def told(factory: Factory, run: int, kind: str) -> int:
    return sum(e.kind == kind for e in await factory.ledger.events(run))


async def tick(factory: Factory, person: str, run: int) -> str:
    word = factory.story.word(person, run) | {"step": "update"}
    code = (await factory.home.doors.tick(word))["code"]
    factory.worker.wake()
    return str(code)


async def parked(factory: Factory, run: int) -> RunRow:
    """The run rests on its wait, the task having been ticked."""
    return await factory.until(run, lambda row: row.state is State.WAITING and row.worker is None)


async def until_told(factory: Factory, run: int, kind: str, times: int) -> None:
    await factory.until(run, lambda row: row.state is State.WAITING and row.seq > 0)
    for _ in range(500):
        if await told(factory, run, kind) == times:
            return
        await factory.until(run, lambda row: True)
    raise AssertionError(f"{kind} was told {await told(factory, run, kind)} times, not {times}")


async def first_ticked(factory: Factory) -> int:
    run = await factory.ask("recall")
    await parked(factory, run)
    assert await tick(factory, "ben", run) == "done"
    await until_told(factory, run, "waiting", 2)
    return run


async def test_a_ticked_task_comes_back_when_it_is_time_and_not_before(factory: Factory) -> None:
    run = await first_ticked(factory)
    assert await tick(factory, "ben", run) == "not_waiting"
    await factory.home.move_clock(29 * MINUTE)
    factory.worker.wake()
    await parked(factory, run)
    assert await told(factory, run, "recalled") == 0
    await factory.home.move_clock(2 * MINUTE)
    factory.worker.wake()
    await until_told(factory, run, "recalled", 1)
    assert (await factory.steps(run))["update"] == "waiting"
    assert await tick(factory, "ana", run) == "not_yours"
    assert await tick(factory, "ben", run) == "done"
    assert (await factory.steps(run))["update"] == "done"
    await factory.home.move_clock(31 * MINUTE)
    factory.worker.wake()
    await until_told(factory, run, "recalled", 2)


async def test_nobody_who_answers_holds_up_nothing_and_is_nudged_once_a_turn(factory: Factory) -> None:
    run = await first_ticked(factory)
    await factory.home.move_clock(31 * MINUTE)
    factory.worker.wake()
    await until_told(factory, run, "recalled", 1)
    await factory.home.move_clock(6 * MINUTE)
    factory.worker.wake()
    await until_told(factory, run, "nudge", 1)
    await factory.home.move_clock(35 * MINUTE)
    factory.worker.wake()
    await parked(factory, run)
    assert await told(factory, run, "nudge") == 1
    assert await told(factory, run, "recalled") == 1, "it is open: it does not come back once more"
    await factory.home.move_clock(2 * 60 * MINUTE)
    factory.worker.wake()
    assert (await factory.end(run)).state is State.SUCCEEDED
    assert await tick(factory, "ben", run) == "not_waiting"


async def test_what_comes_after_a_task_waits_for_its_first_tick_all_the_same(factory: Factory) -> None:
    run = await factory.ask("recall")
    await parked(factory, run)
    assert (await factory.steps(run)) == {"a": "done", "update": "waiting", "for": "ahead"}
