"""Many digests share Slack's one limit: the more there are, the longer each rests between two edits."""

from datetime import timedelta

from bot.store.digests import APART, LONGEST, Digests
from tests.support.company import account
from tests.support.plugin import Home
from tests.support.story import Story

EIGHT = (8, timedelta(seconds=20), timedelta(seconds=20))  # at most, held, until a double is looked for


async def test_a_digest_rests_between_edits_as_long_as_there_are_others(home: Home) -> None:
    digests = Digests(home.pool)
    await home.own.execute(
        "INSERT INTO digests (slack_user, due, seen, shown_at) "
        "SELECT 'U' || n, 'infinity', 'what is so no longer', clock() FROM generate_series(1, 5) AS n"
    )
    assert await digests.claim(*EIGHT) == []
    await home.move_clock(4 * APART - timedelta(seconds=1))
    assert await digests.claim(*EIGHT) == []
    await home.move_clock(timedelta(seconds=2))
    assert {one.slack_user for one in await digests.claim(*EIGHT)} == {f"U{n}" for n in range(1, 6)}


async def test_one_alone_is_edited_at_once_and_a_first_message_never_waits(home: Home) -> None:
    digests = Digests(home.pool)
    await home.own.execute("INSERT INTO digests (slack_user, due, shown_at) VALUES ('U1', clock(), clock())")
    assert [one.slack_user for one in await digests.claim(*EIGHT)] == ["U1"]
    await home.own.execute("INSERT INTO digests (slack_user, due) VALUES ('U2', clock())")
    assert [one.slack_user for one in await digests.claim(*EIGHT)] == ["U2"]


async def test_however_many_there_are_nobody_waits_longer_than_a_minute(home: Home) -> None:
    digests = Digests(home.pool)
    await home.own.execute(
        "INSERT INTO digests (slack_user, due, shown_at) "
        "SELECT 'U' || n, 'infinity', clock() FROM generate_series(1, 99) AS n"
    )
    await home.own.execute("UPDATE digests SET due = clock() WHERE slack_user = 'U1'")
    assert await digests.claim(*EIGHT) == []
    await home.move_clock(LONGEST)
    assert "U1" in {one.slack_user for one in await digests.claim(*EIGHT)}


async def test_a_reply_that_is_sent_again_calls_as_it_did_and_its_digest_once(home: Home) -> None:
    story, digests = Story(home), Digests(home.pool)
    runs = [await story.proposed("ana", "test destroy", locks=[f"x/{n}"]) for n in range(3)]
    ben = account("ben")
    answers = [await digests.call(run, 3, [ben]) for run in runs]
    assert answers == [frozenset(), frozenset(), {ben}]
    (digest,) = await digests.claim(*EIGHT)
    await digests.sending(digest, "D1", EIGHT[1], await digests.listed(ben))
    await digests.sent(digest, "1.1")
    await digests.shows(digest, None)
    assert [await digests.call(run, 3, [ben]) for run in runs] == answers
    assert await digests.claim(*EIGHT) == []
    assert [one.called_by for one in await digests.listed(ben)] == [0, 0, 1]
    assert await digests.call(runs[0], 7, [ben]) == {ben}, "a reminder is another call"
    assert [one.called_by for one in await digests.listed(ben)] == [None, 0, 1]
