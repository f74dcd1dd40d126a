"""An answer to a doubt counts as an approval does: once Slack was read of who gave it, within a minute."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import Choice, State
from tests.support.place import placed, who
from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(seconds=61)


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


async def in_doubt(story: Story, command: str = "test destroy", *approvers: str) -> int:
    """A run that has begun and stopped with a question, more than a minute after Slack was read."""
    run = await story.proposed("ana", command)
    for person in approvers or ("ben",):
        await story.approve(person, run)
    claimed = await story.claim(run)
    assert await story.home.ledger.begin(claimed) == "started"
    await story.home.ledger.doubted(claimed, {"doubt": "changed", "choices": ["happened", "again", "stop"]})
    await story.home.move_clock(MINUTE)
    return run


async def says(story: Story, person: str, run: int, choice: str = "again") -> dict[str, Any]:
    word = story.word(person, run) | {"question": (await story.row(run)).question_seq, "choice": choice}
    return await story.home.doors.answer(word)


async def goes_on(story: Story, run: int) -> bool:
    await story.home.ledger.sweep()
    return (await story.row(run)).state is State.RUNNING


async def test_it_is_recorded_and_counts_once_slack_has_confirmed_who_gave_it(story: Story) -> None:
    run = await in_doubt(story)
    said = await says(story, "cleo", run)
    assert (said["code"], said["stale"]) == ("recorded", True)
    assert (await story.home.ledger.events(run))[-1].body == {"choice": "again", "stale": True}
    assert not await goes_on(story, run)
    assert (await says(story, "cleo", run)) == {"code": "already", "stale": True}
    await story.saw("cleo")
    assert await goes_on(story, run)
    events = [(e.kind, e.actor, e.body.get("choice")) for e in await story.home.ledger.events(run)]
    assert events[-2:] == [("answer", "cleo", "again"), ("answered", "cleo", "again")]
    row = await story.row(run)
    assert (row.question, row.heading, row.due is None) == (None, "forth", False)


async def test_whom_slack_never_spoke_of_counts_for_nothing(story: Story) -> None:
    run = await in_doubt(story)
    await story.home.pool.execute("DELETE FROM directory")
    assert (await says(story, "ben", run))["stale"] is True
    assert not await goes_on(story, run)


async def test_asked_again_with_a_fresh_word_the_same_answer_counts(story: Story) -> None:
    run = await in_doubt(story)
    await says(story, "ben", run)
    await story.saw("ben")
    assert (await says(story, "ben", run))["code"] == "answered"


async def test_a_word_that_grew_old_beside_a_fresh_one_is_asked_for_again(story: Story) -> None:
    run = await in_doubt(story, "test destroy-two", "cleo", "dora")
    await story.saw("cleo")
    assert "stale" not in await says(story, "cleo", run), "one more person is lacking, and nothing else"
    await story.home.move_clock(MINUTE)
    await story.saw("dora")
    said = await says(story, "dora", run)
    assert (said["code"], said["stale"]) == ("recorded", True)
    await story.saw("cleo")
    assert await goes_on(story, run)


async def test_where_another_person_is_lacking_too_the_thread_says_that(story: Story) -> None:
    run = await in_doubt(story, "test destroy-two", "cleo", "dora")
    assert (await says(story, "cleo", run))["stale"] is True
    assert (await story.home.ledger.events(run))[-1].body == {"choice": "again"}


async def test_who_turns_out_to_be_a_guest_never_counts(story: Story) -> None:
    run = await in_doubt(story)
    await says(story, "ben", run)
    await story.saw("ben", fit=False)
    assert not await goes_on(story, run)


async def test_to_stop_needs_no_fresh_word(story: Story) -> None:
    run = await in_doubt(story)
    assert (await says(story, "ben", run, "stop"))["code"] == "answered"


async def test_of_two_answers_that_are_confirmed_at_once_the_earlier_counts(story: Story) -> None:
    run = await in_doubt(story)
    for person, choice in (("cleo", "happened"), ("ben", "again")):
        assert (await says(story, person, run, choice))["stale"] is True
    for person in ("ben", "cleo"):
        await story.saw(person)
    assert await goes_on(story, run)
    last = (await story.home.ledger.events(run))[-1]
    assert (last.kind, last.actor, last.body["choice"]) == ("answered", "cleo", "happened")


async def test_one_run_whose_rule_is_gone_stops_no_sweep(story: Story) -> None:
    gone, run = await in_doubt(story), await in_doubt(story, "test destroy-two", "cleo", "dora")
    await says(story, "ben", gone)
    for person in ("cleo", "dora"):
        await says(story, person, run)
    await story.home.own.execute("DELETE FROM policy WHERE command = 'test destroy'")
    for person in ("ben", "cleo", "dora"):
        await story.saw(person)
    assert await goes_on(story, run)
    assert (await story.row(gone)).state is State.IN_DOUBT


async def test_whoever_answers_reads_that_it_waits_for_slack(home: Home, tmp_path: Path) -> None:
    story = Story(home)
    run = await in_doubt(story)
    async with placed(home, tmp_path) as place:
        question = (await story.row(run)).question_seq or 0
        outcome = await place.service.answer_doubt(who("ben"), run, question, Choice.AGAIN)
        assert (outcome.code, outcome.ok) == ("recorded", True)
        assert outcome.sentence.startswith("Recorded. It counts once Slack has confirmed you and your groups.")
