"""Nothing is slept through, and answers are looked at: wakes while a run is held, doubts, a ledger in the past."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.model import State
from bot.store.store import Claimed, RunRow
from tests.support.factory import Factory, deeds, working
from tests.support.plugin import Home
from tests.support.story import Story

HOUR = timedelta(hours=1)


async def held_again(home: Home, run: int) -> tuple[Claimed, RunRow]:
    """A run that waits, claimed by a worker that has just read it."""
    await home.own.execute("UPDATE runs SET due = clock() WHERE id = $1", run)
    worker = uuid4()
    await home.ledger.enlist(worker, HOUR, "c1", tuple(deeds()))
    (row,) = await home.ledger.claim(worker, 1)
    return Claimed(run=run, worker=worker, fence=row.fence), await home.ledger.row(run)


async def waiting(home: Home, path: Path, script: str) -> int:
    """A run of that script that waits, and no worker."""
    async with working(home, path) as factory:
        run = await factory.ask(script)
        await factory.state(run, State.WAITING)
        for child in await home.pool.fetch("SELECT id FROM runs WHERE parent = $1", run):
            await factory.state(child["id"], State.AWAITING)
        return run


async def ticked(home: Home, run: int) -> None:
    word = Story(home).word("ben", run) | {"step": "ask"}
    assert (await home.doors.tick(word))["code"] == "done"


async def child_denied(home: Home, run: int) -> None:
    child = int(await home.pool.fetchval("SELECT id FROM runs WHERE parent = $1", run))
    assert (await Story(home).say("cleo", child, "deny", text="no"))["code"] == "done"


async def cancelled(home: Home, run: int) -> None:
    assert (await Story(home).say("ana", run, "cancel"))["code"] == "done"


async def nothing(home: Home, run: int) -> None:
    """It goes on waiting."""


@pytest.mark.parametrize("verb", ["park", "release"])
@pytest.mark.parametrize(
    ("script", "wakes", "due"),
    [("task", ticked, True), ("task", cancelled, True), ("call-about", child_denied, True), ("task", nothing, False)],
    ids=["a tick", "a wish to cancel", "the end of a called run", "nothing"],
)
async def test_what_happens_between_a_workers_look_and_its_park_wakes_the_run(
    home: Home, tmp_path: Path, script: str, wakes: Any, due: bool, verb: str
) -> None:
    run = await waiting(home, tmp_path, script)
    claimed, row = await held_again(home, run)
    await wakes(home, run)
    if verb == "park":
        await home.ledger.park(claimed, None, row.due, {})
    else:
        await home.ledger.release(claimed, None, row.due)
    assert await home.pool.fetchval("SELECT due <= clock() IS TRUE FROM runs WHERE id = $1", run) is due


async def test_what_was_woken_later_than_its_worker_meant_is_due_then(home: Home, tmp_path: Path) -> None:
    run = await waiting(home, tmp_path, "task")
    claimed, row = await held_again(home, run)
    later = await home.ledger.now() + HOUR
    await home.ledger.park(claimed, later, row.due, {})
    assert (await home.ledger.row(run)).due == later


async def ledger_lost_time(home: Home) -> None:
    await home.own.execute("UPDATE ledger_home SET timeline = timeline + 1")
    await home.ledger.come_home()


async def test_a_run_that_had_not_begun_is_looked_at_once_more_after_a_doubt(home: Home, tmp_path: Path) -> None:
    """Approved, never started, in doubt for hours: the answer brings it back to where the second look is."""
    async with working(home, tmp_path) as factory:
        run = await factory.ask("big-plain")
        await factory.state(run, State.AWAITING)
    await factory.story.saw("ben")
    assert (await factory.story.approve("ben", run))["queued"] is True
    await ledger_lost_time(home)
    assert (await factory.story.row(run)).state is State.IN_DOUBT
    await home.move_clock(HOUR)
    for number in range(5):
        factory.folder.put(f"more{number}", "")  # more is lost by now than was shown
    await factory.story.saw("ben")
    assert await factory.answer("ben", run, "again") == "answered"
    row = await factory.story.row(run)
    assert (row.state, row.due is not None, row.worker) == (State.QUEUED, True, None)
    async with working(home, tmp_path) as factory:
        await factory.state(run, State.AWAITING)
    kinds = [event.kind for event in await home.ledger.events(run)]
    assert kinds[kinds.index("doubt") :] == ["doubt", "answered", "differed", "shown"]
    assert factory.folder.lines() == []


async def test_what_had_begun_goes_on_after_its_answer(home: Home, tmp_path: Path) -> None:
    run = await waiting(home, tmp_path, "task")
    await ledger_lost_time(home)
    factory = Factory(home, tmp_path)
    assert await factory.answer("ana", run, "again") == "answered"
    assert (await factory.story.row(run)).state is State.RUNNING


async def test_a_ledger_that_lost_time_goes_on_with_nothing_unasked(home: Home, tmp_path: Path) -> None:
    story = Story(home)
    running = await waiting(home, tmp_path, "task")
    planning = int((await story.ask("ana", "test write", params={"script": "plain"}, risk=1, key="p"))["run"])
    proposed = await story.proposed("ana", "test destroy")
    read = int((await story.ask("ana", "test look", risk=0, key="r"))["run"])
    await ledger_lost_time(home)
    found = {run: (await story.row(run)).state for run in (running, planning, proposed, read)}
    assert found == {
        running: State.IN_DOUBT, planning: State.CANCELLED, proposed: State.CANCELLED, read: State.PLANNING,
    }  # fmt: skip
    said = [event.body for event in await home.ledger.events(planning) if event.kind == "cancelled"]
    assert said == [{"why": "ledger"}]


async def test_a_worker_whose_ledger_moved_house_begins_a_new_life(home: Home) -> None:
    await home.ledger.come_home()
    worker = await Story(home).worker()
    renewed = "SELECT renew($1)"
    assert await home.pool.fetchval(renewed, worker) is True
    await home.own.execute("UPDATE ledger_home SET timeline = timeline + 1")
    assert await home.pool.fetchval(renewed, worker) is None


async def doubted(factory: Factory) -> int:
    """A numbering that happened or not, which nobody could see."""
    factory.folder.put("order.blind.n", "yes")
    run = await factory.ask("probe")
    await factory.state(run, State.IN_DOUBT)
    return run


async def test_it_happened_is_refused_where_the_probe_says_no(home: Home, tmp_path: Path) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put("order.n", "explode")  # before anything was written
        run = await doubted(factory)
        factory.folder.take("order.blind.n")
        asked = (await factory.story.row(run)).question_seq
        assert await factory.answer("ana", run, "happened") == "answered"
        row = await factory.until(run, lambda row: row.state is State.IN_DOUBT and row.question_seq != asked)
        assert row.question is not None
        assert row.question["choices"] == ["again", "stop"]
        assert "it did not" in row.question["sentence"]
        assert not any(line.startswith("number") for line in factory.folder.lines())
        factory.folder.take("order.n")
        assert await factory.answer("ana", run, "again") == "answered"
        assert (await factory.end(run)).state is State.SUCCEEDED
        assert len([line for line in factory.folder.lines() if line.startswith("number")]) == 1


async def test_it_happened_counts_with_what_the_probe_finds(home: Home, tmp_path: Path) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put("order.n.after", "explode")
        run = await doubted(factory)
        factory.folder.take("order.blind.n")
        assert await factory.answer("ana", run, "happened") == "answered"
        assert (await factory.end(run)).state is State.SUCCEEDED
        done = [e for e in await home.ledger.events(run) if e.step == "n" and e.mark == "done"]
        assert [(e.body["probed"], "result" in e.body) for e in done] == [(True, True)]


async def test_it_happened_counts_where_nobody_can_see_it_still(home: Home, tmp_path: Path) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put("order.n.after", "explode")
        run = await doubted(factory)
        assert await factory.answer("ana", run, "happened") == "answered"
        assert (await factory.end(run)).state is State.SUCCEEDED
        assert len([line for line in factory.folder.lines() if line.startswith("number")]) == 1
