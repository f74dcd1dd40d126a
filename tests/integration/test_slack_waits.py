"""What Slack wants nothing of for a while is left in peace by every copy; then the most urgent goes first."""

from datetime import timedelta

import pytest

from bot.store.letterbox import Letter, Letterbox
from tests.support.plugin import Home
from tests.support.story import Story

HOLD = timedelta(seconds=5)
FIRST, OTHER = "C0INCIDENTS", "C0RELEASES"
DOUBT = """SELECT doubt_unheld(r, 'version', '["again", "stop"]') FROM runs r WHERE id = $1"""


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


@pytest.fixture
def box(home: Home) -> Letterbox:
    """As any copy of the bot reads it: what it knows lies in the database."""
    return Letterbox(home.pool)


async def asked(story: Story, many: int, channel: str = FIRST) -> list[int]:
    made = [await story.ask("ana", "test write", words=f"{channel} {n}", channel=channel) for n in range(many)]
    return [int(one["run"]) for one in made]


async def limited(box: Letterbox, letter: Letter, place: str | None, *, posting: bool = True) -> None:
    await box.limited(letter, timedelta(minutes=1), place, posting)


async def over(home: Home) -> None:
    """Slack takes messages again, and did not a moment ago."""
    await home.own.execute("UPDATE slack_waits SET until = clock_timestamp()")


async def claimed(box: Letterbox, limit: int = 9) -> list[Letter]:
    return await box.claim(limit, HOLD)


async def test_a_channel_that_takes_no_message_holds_up_its_own_threads(story: Story, box: Letterbox) -> None:
    await asked(story, 3)
    [letter] = await claimed(box, 1)
    other = await asked(story, 1, OTHER)
    await limited(box, letter, FIRST)
    assert [one.run for one in await claimed(box)] == other


async def test_where_no_card_can_be_edited_every_thread_waits_a_question_too(story: Story, box: Letterbox) -> None:
    _, doubtful = await asked(story, 2)
    await story.propose(doubtful)
    await asked(story, 1, OTHER)
    [letter] = await claimed(box, 1)
    await limited(box, letter, "")
    await story.home.own.execute(DOUBT, doubtful)
    assert await claimed(box) == []
    await over(story.home)
    assert [one.run for one in await claimed(box)] == [doubtful]


async def test_after_that_one_goes_after_the_other_and_a_question_at_once(story: Story, box: Letterbox) -> None:
    *_, doubtful = await asked(story, 4)
    await story.propose(doubtful)
    letters = await claimed(box, 1)
    await limited(box, letters[0], FIRST)
    await over(story.home)
    [one] = await claimed(box)
    assert await claimed(box) == [], "one is being told"
    await story.home.own.execute(DOUBT, doubtful)
    assert [two.run for two in await claimed(box)] == [doubtful]
    await box.again(one, None)
    assert await claimed(box) == [], "the question is being told"
    await story.home.own.execute(
        "UPDATE threads SET held_until = '-infinity', due = 'infinity' WHERE run = $1", doubtful
    )
    assert len(await claimed(box)) == 1


async def test_a_look_that_is_refused_holds_up_nobody_else_and_what_was_unsure_stays_so(
    story: Story, box: Letterbox
) -> None:
    await asked(story, 2)
    [letter] = await claimed(box, 1)
    await box.sending(letter, "card", HOLD)
    await limited(box, letter, None, posting=False)
    assert len(await claimed(box)) == 1
    unsure = "SELECT trouble FROM threads WHERE run = $1"
    assert await story.home.pool.fetchval(unsure, letter.run) == "card"


async def test_a_message_that_slack_refused_is_not_looked_for(story: Story, box: Letterbox) -> None:
    await asked(story, 1)
    [letter] = await claimed(box, 1)
    await box.sending(letter, "card", HOLD)
    await limited(box, letter, FIRST)
    assert await story.home.pool.fetchval("SELECT trouble FROM threads") is None
