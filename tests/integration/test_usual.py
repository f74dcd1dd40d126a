"""How long the same took before: the median of runs that went through, on the same target, and of nothing else."""

from datetime import timedelta

from bot.model import Mark, Way
from bot.store.views import Views
from bot.view import Usual
from tests.support.plugin import Home
from tests.support.story import Story

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SHOP, BLOG = ["database/shop"], ["database/blog"]


async def through(story: Story, seconds: int, *, locks: list[str] = SHOP, signal: str = "succeed") -> None:
    """One run whose only step takes that long."""
    home = story.home
    run = await story.proposed("ana", "test destroy", locks=locks)
    await story.approve("ben", run)
    claimed = await story.claim(run)
    assert await home.ledger.begin(claimed) == "started"
    await home.ledger.started(claimed, "load", Way.DO, 1, MINUTE, {})
    await home.move_clock(seconds * SECOND)
    await home.ledger.settled(claimed, "load", Way.DO, 1, Mark.DONE, {})
    await home.move_clock(SECOND)
    await home.ledger.finished(claimed, signal, {})


async def usual(story: Story, locks: list[str] = SHOP) -> Usual | None:
    run = await story.proposed("ana", "test destroy", locks=locks)
    return await Views(story.home.pool, {}).usual(await story.row(run))


async def test_it_is_the_median_of_the_last_five(home: Home) -> None:
    story = Story(home)
    assert await usual(story) is None
    for seconds in (500, 500, 30, 10, 20, 40, 900):
        await through(story, seconds)
    found = await usual(story)
    assert found is not None
    assert found.runs == 5
    assert found.steps.keys() == {"load"}
    assert 30 * SECOND <= found.steps["load"] < 32 * SECOND
    assert 31 * SECOND <= found.took < 34 * SECOND


async def test_what_failed_or_was_of_another_target_says_nothing(home: Home) -> None:
    story = Story(home)
    await through(story, 5, signal="fail")
    await through(story, 7, locks=BLOG)
    assert await usual(story) is None
    found = await usual(story, BLOG)
    assert found is not None
    assert found.runs == 1
