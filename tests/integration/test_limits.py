"""The bounds of config: how much the doors take, a place kept for what is over soon, edits that tell only progress."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import State
from bot.store.letterbox import Letterbox
from tests.support.factory import Factory, working
from tests.support.plugin import Home
from tests.support.story import Story

LIMITS = {"runs": 6, "runs_each": 3}


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def asked(story: Story, person: str, many: int) -> list[str]:
    """The codes of so many asks, all at once, each for what waits for its approval."""
    params = {"script": "big-plain"}
    asks = (
        story.ask(person, "test write", params=params, risk=1, limits=LIMITS, words=f"{person} {n}")
        for n in range(many)
    )
    return [answer["code"] for answer in await asyncio.gather(*asks)]


async def test_one_person_has_no_more_than_the_bound_even_by_asking_all_at_once(home: Home) -> None:
    codes = await asked(Story(home), "ana", 10)
    assert sorted(codes) == ["asked"] * 3 + ["yours_are_many"] * 7


async def test_all_together_have_no_more_than_the_bound_even_by_asking_all_at_once(home: Home) -> None:
    story = Story(home)
    several = await asyncio.gather(*(asked(story, person, 3) for person in ("ana", "ben", "cleo", "dora")))
    codes = [code for codes in several for code in codes]
    assert codes.count("asked") == 6
    assert set(codes) == {"asked", "all_are_many"}


async def test_two_accounts_of_one_person_have_one_bound(home: Home) -> None:
    await home.own.execute("INSERT INTO accounts VALUES ('T0OTHER', 'U0ANA2', 'ana')")
    story = Story(home)
    assert await asked(story, "ana", 2) == ["asked"] * 2
    other = [story.ask(None, "test destroy", limits=LIMITS, team="T0OTHER", user="U0ANA2") for _ in range(2)]
    assert sorted(a["code"] for a in await asyncio.gather(*other)) == ["asked", "yours_are_many"]


async def test_what_ended_and_what_waits_for_its_time_makes_room(factory: Factory) -> None:
    story = factory.story
    waits = await factory.ask("wait")
    await factory.state(waits, State.WAITING)
    assert sorted(await asked(story, "ana", 4)) == ["asked"] * 3 + ["yours_are_many"]
    last = await factory.home.pool.fetchval("SELECT max(id) FROM runs")
    await factory.until(last, lambda row: row.state is State.AWAITING and row.worker is None)
    await story.say("ana", last, "cancel", key="c")
    again = await story.ask("ana", "test write", params={"script": "big-plain"}, risk=1, limits=LIMITS, words="again")
    assert again["code"] == "asked"


async def test_a_called_run_and_a_schedule_are_never_turned_away(factory: Factory) -> None:
    story = factory.story
    assert await asked(story, "ana", 3) == ["asked"] * 3
    parent = await factory.ask("call")
    await factory.state(parent, State.WAITING)
    assert await factory.home.pool.fetchval("SELECT count(*) FROM runs WHERE parent = $1", parent) == 1


async def test_runs_of_hours_leave_a_place_for_what_is_over_soon(factory: Factory) -> None:
    factory.worker.slots = 2
    factory.folder.put("order.s", "hang")
    factory.folder.put("order.t", "hang")
    slow = await factory.ask("slow")
    await factory.state(slow, State.RUNNING)
    too = await factory.ask("slow-too")
    await factory.state(too, State.QUEUED)
    assert (await factory.end(await factory.ask("plain"))).state is State.SUCCEEDED
    assert (await factory.story.row(too)).state is State.QUEUED
    await factory.home.move_clock(timedelta(seconds=10))
    assert (await factory.view(too)).behind == 1
    assert (await factory.view(slow)).behind == 0


async def test_edits_that_tell_only_progress_stay_within_their_minute_whoever_makes_them(home: Home) -> None:
    boxes = [Letterbox(home.pool) for _ in range(3)]
    may = await asyncio.gather(*(box.may_tell_progress(5) for box in boxes * 10))
    assert sum(may) == 5
    await home.move_clock(timedelta(minutes=1))
    assert await boxes[0].may_tell_progress(5)
