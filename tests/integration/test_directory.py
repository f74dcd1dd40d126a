"""Who is read from Slack, when, and what counts on the word of it."""

from datetime import timedelta

import pytest

from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(seconds=61)


@pytest.fixture
async def story(home: Home) -> Story:
    """Emil is of the dba, by a Slack user group alone."""
    await home.own.execute("UPDATE groups SET slack = 'S0DBA' WHERE grp = 'dba'")
    story = Story(home)
    await reads(story)
    return story


async def reads(story: Story, *people: str) -> None:
    """The group is read from Slack now; these people are in it, Emil where none is named."""
    await story.home.pool.execute(
        "INSERT INTO slack_members SELECT 'dba', p, clock(), clock() FROM unnest($1::text[]) AS p "
        "ON CONFLICT (grp, person) DO UPDATE SET seen = clock()",
        list(people or ("emil",)),
    )


@pytest.mark.parametrize("rota", [False, True])
async def test_who_is_of_a_slack_group_counts_once_slack_was_read_of_it_within_a_minute(
    story: Story, rota: bool
) -> None:
    await story.home.own.execute("UPDATE groups SET rota = $1 WHERE grp = 'dba'", rota)
    run = await story.proposed("ana", "test destroy")
    await story.home.move_clock(MINUTE)
    await story.saw("emil")
    answer = await story.approve("emil", run)
    assert (answer["code"], answer["queued"], answer["stale"], answer["late"]) == ("recorded", False, True, ["dba"])
    await story.home.ledger.sweep()
    assert await story.slots(run) == []
    await reads(story)
    await story.home.ledger.sweep()
    assert await story.slots(run) == ["emil"]


async def test_who_left_the_slack_group_meanwhile_counts_no_more(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await story.home.move_clock(MINUTE)
    await story.saw("emil")
    await story.approve("emil", run)
    await story.home.pool.execute("DELETE FROM slack_members")
    answer = await story.home.doors.count_up(run)
    assert (answer["queued"], answer["stale"], answer["need"]) == (False, False, 1)


async def test_an_old_word_of_a_group_holds_up_nobody_who_needs_none_of_it(story: Story) -> None:
    run, two = await story.proposed("ana", "test destroy"), await story.proposed("ana", "test destroy-two")
    await story.home.move_clock(MINUTE)
    await story.saw("ben")
    answer = await story.approve("ben", two)
    assert (answer["queued"], answer["stale"], "late" in answer) == (False, False, False)
    assert (await story.approve("ben", run))["queued"] is True


async def test_a_stand_in_counts_on_a_fresh_word_of_the_others_group(story: Story) -> None:
    await story.home.own.execute("DELETE FROM members WHERE grp = 'dba'")
    await story.home.own.execute("ALTER TABLE delegations DISABLE TRIGGER wall")
    run = await story.proposed("ana", "test destroy")
    await story.home.own.execute(
        "INSERT INTO delegations SELECT $1, 'emil', 'dora', clock(), clock() + interval '1 d', clock()", run
    )
    await story.home.move_clock(MINUTE)
    await story.saw("dora")
    assert (await story.approve("dora", run))["late"] == ["dba"]
    await reads(story)
    await story.home.ledger.sweep()
    assert await story.slots(run) == ["dora"]


async def test_an_answer_to_a_doubt_counts_on_a_fresh_word_of_the_group_too(story: Story) -> None:
    await story.home.own.execute("DELETE FROM members WHERE grp = 'dba' AND person = 'ben'")
    run = await story.proposed("ana", "test destroy")
    assert (await story.approve("cleo", run))["queued"] is True
    claimed = await story.claim(run)
    await story.home.ledger.begin(claimed)
    await story.home.ledger.doubted(claimed, {"doubt": "changed", "choices": ["again", "stop"]})
    await story.home.move_clock(MINUTE)
    await story.saw("emil")
    word = story.word("emil", run) | {"choice": "again", "question": (await story.row(run)).question_seq}
    said = await story.home.doors.answer(word)
    assert (said["code"], said["stale"], said["late"]) == ("recorded", True, ["dba"])
    await reads(story)
    assert (await story.home.doors.answer(word))["code"] == "answered"
