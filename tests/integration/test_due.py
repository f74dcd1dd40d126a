"""Too late is asked or expires, never done unasked; undo and closings are never too late."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import Mark, State, Way
from bot.store.store import Claimed
from tests.support.factory import working
from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(minutes=1)


async def begun(home: Home) -> tuple[Story, Claimed]:
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    await story.approve("ben", run)
    claimed = await story.claim(run)
    assert await home.ledger.begin(claimed) == "started"
    return story, claimed


async def test_an_approved_run_that_did_not_start_in_time_does_not_start(home: Home) -> None:
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    await story.approve("ben", run)
    await home.move_clock(15 * MINUTE + timedelta(seconds=1))
    assert await home.ledger.begin(await story.claim(run)) == "late"
    assert (await story.row(run)).state is State.QUEUED


async def test_an_approved_run_that_no_worker_took_up_in_time_ends_as_lapsed(home: Home, tmp_path: Path) -> None:
    async with working(home, tmp_path) as factory:
        run = await factory.ask("big-plain")
        await factory.state(run, State.AWAITING)
        go = await factory.pause()
        await factory.story.saw("ben")
        assert (await factory.story.approve("ben", run))["queued"] is True
        await home.move_clock(15 * MINUTE + timedelta(seconds=1))
        go.set()
        assert (await factory.end(run)).state is State.EXPIRED
        assert (await factory.ledger.events(run))[-1].body == {"why": "start_by"}
        assert factory.folder.lines() == []


@pytest.mark.parametrize(
    ("way", "body", "may"),
    [(Way.DO, {}, False), (Way.DO, {"closes": "x"}, True), (Way.UNDO, {}, True), (Way.CLOSE, {}, True)],
)
async def test_a_step_that_became_due_too_long_ago_is_not_begun_unasked(
    home: Home, way: Way, body: dict[str, str], may: bool
) -> None:
    _, claimed = await begun(home)
    await home.move_clock(15 * MINUTE + timedelta(seconds=1))
    assert (await home.ledger.started(claimed, "a", way, 1, MINUTE, body) is not None) is may


async def test_what_follows_a_wait_became_due_when_the_wait_was_over_not_when_somebody_came_back(home: Home) -> None:
    story, claimed = await begun(home)
    await home.ledger.started(claimed, "wait", Way.DO, 1, MINUTE, {})
    due = (await story.row(claimed.run)).due
    await home.ledger.park(claimed, await home.ledger.now() + 10 * MINUTE, due, {})
    await home.move_clock(60 * MINUTE)  # everything was down
    again = await story.claim(claimed.run)
    await home.ledger.settled(again, "wait", Way.DO, 1, Mark.DONE, {})
    assert await home.ledger.started(again, "a", Way.DO, 1, MINUTE, {}) is None


@pytest.mark.parametrize(("choice", "end"), [("again", State.SUCCEEDED), ("back", State.UNDONE)])
async def test_people_are_asked_what_becomes_of_a_step_that_is_too_late(
    home: Home, tmp_path: Path, choice: str, end: State
) -> None:
    async with working(home, tmp_path) as factory:
        run = await factory.ask("guarded")
        await factory.until(run, lambda row: row.state is State.WAITING and row.worker is None)
        await home.move_clock(76 * MINUTE)  # an hour's wait, and longer than the quarter within which it goes on
        row = await factory.state(run, State.IN_DOUBT)
        assert (row.question or {})["doubt"] == "late"
        assert "guarded g" not in factory.folder.lines()
        assert await factory.answer("ana", run, choice) == "answered"
        assert (await factory.end(run)).state is end
        assert ("guarded g" in factory.folder.lines()) is (choice == "again")
        assert factory.folder.has("a") is (choice == "again")
