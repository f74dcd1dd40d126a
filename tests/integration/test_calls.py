"""Those who could are called once, whoever asks them and however often, and of nothing that has ended."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.model import State
from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(minutes=1)
WHOM = ["ben", "cleo"]


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


async def calls(story: Story, person: str, run: int, whom: list[str] | None = None, **more: Any) -> dict[str, Any]:
    plan = (await story.row(run)).fingerprint
    word = {"kind": "called_in", "fingerprint": plan, "whom": whom or WHOM, "more": 0, "spared": [], **more}
    return await story.home.doors.heed(story.word(person, run) | word)


async def called(story: Story, run: int) -> list[tuple[str, list[str]]]:
    sql = "SELECT actor, body -> 'whom' AS whom FROM events WHERE run = $1 AND kind = 'called_in' ORDER BY seq"
    return [(row["actor"], row["whom"]) for row in await story.home.pool.fetch(sql, run)]


async def test_a_second_press_calls_nobody_and_says_who_asked_and_when(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert await calls(story, "ana", run) == {"code": "done", "tag": f"r{run}", "whom": WHOM}
    await story.home.move_clock(4 * MINUTE)
    again = await calls(story, "emil", run)
    assert (again["code"], again["by"], int(again["ago"]) // 60) == ("called_before", "Ana", 4)
    await story.home.move_clock(6 * MINUTE)
    assert (await calls(story, "emil", run))["code"] == "done"
    assert await called(story, run) == [("ana", WHOM), ("emil", WHOM)]
    assert (await story.row(run)).state is State.AWAITING


async def test_who_was_not_called_yet_still_is(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await calls(story, "ana", run, ["ben"])
    assert (await calls(story, "emil", run))["whom"] == ["cleo"]
    assert (await calls(story, "emil", run))["code"] == "called_before"


async def test_presses_at_the_same_time_call_once(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    codes = [
        one["code"] for one in await asyncio.gather(*(calls(story, p, run) for p in ("ana", "dora", "emil", "ana")))
    ]
    assert sorted(codes) == ["called_before", "called_before", "called_before", "done"]
    assert len(await called(story, run)) == 1


async def test_another_plan_is_another_matter_and_the_button_of_before_is_none_of_it(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await calls(story, "ana", run)
    before = (await story.row(run)).fingerprint
    await story.say("ana", run, "amend", params={"n": 2}, key="k")
    assert (await calls(story, "ana", run, fingerprint=before))["code"] == "not_waiting", "it is planned anew"
    await story.propose(run)
    assert (await calls(story, "ana", run, fingerprint=before))["code"] == "other_plan"
    assert (await calls(story, "ana", run))["code"] == "done"


async def test_what_has_ended_lapsed_or_is_only_a_look_calls_nobody(story: Story) -> None:
    denied, lapsed = [await story.proposed("ana", "test destroy", words=f"{n}") for n in range(2)]
    look = await story.proposed("ana", "test destroy", look_only=True, words="3")
    await story.say("ben", denied, "deny", text="no")
    assert (await calls(story, "ana", denied))["code"] == "not_waiting"
    assert (await calls(story, "ana", look))["code"] == "not_waiting"
    await story.home.move_clock(31 * MINUTE)
    assert (await calls(story, "ana", lapsed))["code"] == "expired"
    assert [await called(story, run) for run in (denied, lapsed, look)] == [[], [], []]


async def test_a_stranger_calls_nobody(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert (await calls(story, "zoe", run))["code"] == "not_listed"
    gone = story.word("ana", run + 1) | {"kind": "called_in", "fingerprint": "-", "whom": WHOM, "more": 0, "spared": []}
    assert (await story.home.doors.heed(gone))["code"] == "no_run"
    wished = await wishes(story, "zoe")
    assert wished["code"] == "not_listed"
    assert await story.home.pool.fetchval("SELECT count(*) FROM runs") == 1


async def wishes(story: Story, person: str, **more: Any) -> dict[str, Any]:
    refused: dict[str, Any] = {
        "code": "not_in_group",
        "sentence": "Only engineers may ask for it.",
        "line": "/test write",
    }
    refused |= {"whom": WHOM, "more": 0, "spared": []}
    return await story.ask(person, "test write", refused=refused, subjects=[], **more)


async def test_a_wish_is_a_request_that_ends_as_it_begins_and_no_worker_gets_it(story: Story) -> None:
    answer = await wishes(story, "emil", params={"n": 1})
    row = await story.row(answer["run"])
    assert (row.state, row.plan, row.worker) == (State.REFUSED, None, None)
    assert [event.kind for event in await story.home.ledger.events(row.id)] == ["asked", "refused"]
    assert await story.home.ledger.claim(await story.worker(), 50) == []
    assert await story.home.pool.fetchval("SELECT due <= clock() FROM threads WHERE run = $1", row.id), "it is told"


async def test_the_same_wish_is_told_once_also_where_it_comes_at_the_same_time(story: Story) -> None:
    found = await asyncio.gather(*(wishes(story, "emil", params={"n": 1, "reason": f"{n}"}) for n in range(4)))
    assert sorted(one["code"] for one in found) == ["asked", *["called_before"] * 3]
    assert (await wishes(story, "emil", params={"n": 2}))["code"] == "asked"
    assert (await wishes(story, "dora", params={"n": 1}))["code"] == "asked", "somebody else's is another"
    await story.home.move_clock(11 * MINUTE)
    assert (await wishes(story, "emil", params={"n": 1}))["code"] == "asked"


async def test_one_person_has_others_called_five_times_in_ten_minutes_at_most(story: Story) -> None:
    codes = [(await wishes(story, "emil", params={"n": n}))["code"] for n in range(6)]
    assert codes == [*["asked"] * 5, "calls_are_many"]
    assert (await wishes(story, "dora", params={"n": 9}))["code"] == "asked"


async def test_a_wish_keeps_nobody_from_asking_the_same_once_they_may(story: Story) -> None:
    await wishes(story, "emil", params={"n": 1})
    assert (await story.ask("emil", "test write", params={"n": 1}, words="/test write 1"))["code"] == "asked"
