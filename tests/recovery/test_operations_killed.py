"""The real bot process is killed in the middle of a real restore and a real ban: the run goes on, or asks honestly."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.scenario.killing import Moment, kill_at
from tests.scenario.played import ORDERS, played
from tests.scenario.story import LONG, Run, Story, people, steps_told, until

SEED = 48  # a sample without the two switches, whose next attempt waits 30 s for the last one's deadline
JO = "5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11"
RESUMED = 90.0  # seconds: the slowest waits for the deadline of a mail that was in the air
ASKS = {"mail"}  # the steps of which nobody but a person can find out whether they happened


@pytest.fixture
async def story(request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """The people of the sample company, over HTTP."""
    async with people(played(request.config, "http")) as story:
        yield story


async def test_a_restore_whose_bot_is_killed_ends_like_one_whose_bot_lives(story: Story) -> None:
    steps = await restored(story)
    points = [(step, moment) for step in steps for moment in Moment]
    for step, moment in random.Random(SEED).sample(points, 2):
        assert await restored(story, step, moment) == steps


@pytest.mark.prove
async def test_a_restore_survives_a_kill_at_every_point(story: Story) -> None:
    steps = await restored(story)
    for step in steps:
        for moment in Moment:
            assert await restored(story, step, moment) == steps


async def test_a_ban_whose_bot_is_killed_bans_once_and_mails_once(story: Story) -> None:
    await banned(story, "ban", Moment.AFTER)


@pytest.mark.prove
async def test_a_ban_survives_a_kill_at_every_point(story: Story) -> None:
    steps = await banned(story)
    assert steps == ["ban", "mail"]
    for step in steps:
        for moment in Moment:
            assert await banned(story, step, moment) == steps


async def restored(story: Story, step: str = "", moment: Moment = Moment.AFTER) -> list[str]:
    """One restore, killed there if a step is named; its end is judged. The steps that were done, in order."""
    point = f"killed {moment} {step}" if step else "not killed"
    await story.sells(100)
    lost = await story.orders()
    run = await story.restore(point)
    await approved(story, run, step, moment)
    await run.ends()
    kept = await story.kept_orders(f"shop_{run.tag}_old")
    assert (await story.orders(), kept) == (ORDERS, lost), point
    assert await story.public(), point
    assert f"shop_{run.tag}_new" not in await story.databases(), point
    assert len(await run.cards()) == 1, point
    return await done_once(run, point)


async def banned(story: Story, step: str = "", moment: Moment = Moment.AFTER) -> list[str]:
    """One ban, killed there if a step is named, and lifted again. The steps that were done, in order."""
    point = f"killed {moment} {step}" if step else "not killed"
    run = await story.asks("ana", f'/ops user ban shop {JO} reason="{point}"')
    await run.can_be_approved()
    await approved(story, run, step, moment)
    await run.ends()
    async with story.stage.databases.server.connect("shop") as shop:
        assert await shop.fetchval("SELECT banned_until > now() FROM auth.users WHERE id = $1", JO), point
        incidents = "SELECT count(*) FROM public.security_incidents WHERE user_id = $1 AND reason = $2"
        assert await shop.fetchval(incidents, JO, point) == 1, point
    assert mails(story, run) == 1, point
    lift = await story.asks("ben", f'/ops user unban shop {JO} reason="after {point}"')
    await lift.ends()
    return await done_once(run, point)


def mails(story: Story, run: Run) -> int:
    """How many mails quote the run."""
    folder = story.stage.home / "mail"
    return sum(f"reference {run.tag}." in path.read_text() for path in folder.glob("*.eml"))


async def approved(story: Story, run: Run, step: str, moment: Moment) -> None:
    """Ben approves; where the run asks after the kill, he looks and answers what is true."""
    if not step:
        await run.press("ben", "Approve")
        return
    await kill_at(run, step, moment, "ben")

    async def over_or_asking() -> str | None:
        state = await run.state()
        return state if state not in ("queued", "running", "waiting") else None

    if await until(over_or_asking, f"end or question of {run.tag} ({moment} {step})", RESUMED) == "in_doubt":
        assert step in ASKS, f"{run.tag} asks about {step}, killed {moment}"
        await run.shows("It happened", seconds=LONG)
        await run.press("ben", "It happened" if mails(story, run) else "Do it again")


async def done_once(run: Run, point: str) -> list[str]:
    done = steps_told(await run.events())
    assert len(done) == len(set(done)), (point, done)
    return done
