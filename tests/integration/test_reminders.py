"""Nobody decides: the groups that policy names are called one after another, each once, and nothing else changes."""

from datetime import timedelta
from typing import Any

import pytest

from bot.model import State
from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(minutes=1)
REMIND = [{"after": "300 s", "whom": "lead"}, {"after": "600 s", "whom": "on-call"}]


@pytest.fixture
async def story(home: Home) -> Story:
    await home.own.execute("UPDATE policy SET remind = $1 WHERE command = 'test destroy'", REMIND)
    return Story(home)


async def called(story: Story, run: int) -> list[Any]:
    await story.home.pool.fetchval("SELECT sweep()")
    sql = "SELECT body ->> 'whom' AS whom FROM events WHERE run = $1 AND kind = 'called' ORDER BY seq"
    return [row["whom"] for row in await story.home.pool.fetch(sql, run)]


async def test_each_group_is_called_in_its_turn_and_once(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert await called(story, run) == []
    for minutes, so_far in ((4, []), (1, ["lead"]), (1, ["lead"]), (4, ["lead", "on-call"]), (5, ["lead", "on-call"])):
        await story.home.move_clock(minutes * MINUTE)
        assert await called(story, run) == so_far
    row = await story.row(run)
    assert row.state is State.AWAITING
    assert row.expires_at is not None


async def test_two_replicas_call_once(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await story.home.move_clock(11 * MINUTE)
    for _ in range(3):
        await called(story, run)
    assert await called(story, run) == ["lead", "on-call"], "one at each sweep: nobody is called twice at once"


async def test_what_was_decided_or_is_only_a_look_calls_nobody(story: Story) -> None:
    approved = await story.proposed("ana", "test destroy")
    await story.approve("ben", approved)
    look = await story.proposed("ana", "test destroy", look_only=True)
    await story.home.move_clock(20 * MINUTE)
    assert await called(story, approved) == []
    assert await called(story, look) == []


async def test_a_new_plan_begins_anew(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await story.home.move_clock(6 * MINUTE)
    assert await called(story, run) == ["lead"]
    assert (await story.say("ana", run, "amend", params={"n": 2}))["code"] == "done"
    await story.propose(run)
    await story.home.move_clock(4 * MINUTE)
    assert await called(story, run) == ["lead"]
    await story.home.move_clock(2 * MINUTE)
    assert await called(story, run) == ["lead", "lead"]


async def events_of(story: Story, run: int, kind: str) -> list[Any]:
    sql = "SELECT body FROM events WHERE run = $1 AND kind = $2 ORDER BY seq"
    return [row["body"] for row in await story.home.pool.fetch(sql, run, kind)]


async def test_an_approved_request_that_waits_for_anothers_lock_calls_nobody_and_lapses_as_held(story: Story) -> None:
    first = await story.proposed("ana", "test destroy", locks=["database/shop"])
    held = await story.proposed("dora", "test destroy", locks=["database/shop"])
    lacking = await story.proposed("dora", "test destroy", locks=["database/shop"], anew=True)
    assert (await story.approve("ben", first))["queued"] is True
    assert (await story.approve("ben", held))["held_by"] == f"r{first}"
    expires = (await story.row(held)).expires_at
    assert expires is not None
    now = await story.home.pool.fetchval("SELECT clock()")
    await story.home.move_clock(11 * MINUTE)
    await story.saw("ben")
    assert await called(story, held) == []
    assert await called(story, lacking) == ["lead", "on-call"]
    await story.home.move_clock(expires - now - 11 * MINUTE + MINUTE)
    await story.saw("ben")
    assert await called(story, held) == []
    assert await events_of(story, held, "expired") == [{"held_by": f"r{first}"}]
    assert await events_of(story, lacking, "expired") == [{}]
