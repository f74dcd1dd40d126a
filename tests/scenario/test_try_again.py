"""Try again, as people meet it: offered where something failed, gone while it is tried."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.render.buttons import RETRY
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.further import went_on_without
from tests.scenario.interactions import card_saying, reply_saying
from tests.support.plugin import Home


@pytest.fixture
async def bot(home: Home, tmp_path: Path) -> AsyncIterator[Bot]:
    async with Bot(home, tmp_path) as bot:
        yield bot


async def test_it_is_offered_tried_told_in_both_threads_and_not_offered_any_more(bot: Bot) -> None:
    card = await went_on_without(bot)
    assert RETRY in shown_text(card)
    thread = await bot.slack.wait_for(reply_saying(bot, "Failed on the way, gone on without"), what="its end")
    assert f"Press {RETRY} on the card" in shown_text(thread)
    await bot.slack.click("ana", card, RETRY)
    second = await bot.slack.wait_for(
        card_saying(bot, "✅ Done", "What failed in r1 is tried again"), what="the other's card"
    )
    words = shown_text(second)
    assert "b: once more, after r1 went on without it" in words
    assert "Ask again" not in words, "its words are those of another run"
    first = await bot.slack.wait_for(
        card_saying(bot, "Done, but 1 step failed", "tried again as r2"), what="the first anew"
    )
    assert RETRY not in shown_text(first)
    assert bot.factory.folder.lines().count("write b") == 1


async def test_who_presses_at_the_same_moment_reads_which_run_it_is(bot: Bot) -> None:
    card = await went_on_without(bot)
    go = await bot.factory.pause()
    await asyncio.gather(*(bot.slack.click(person, card, RETRY) for person in ("ana", "ben")))

    async def told() -> bool:
        seen = [one for person in ("ana", "ben") for one in await bot.slack.ephemerals(person)]
        return any("r2 tries that again already" in shown_text(one) for one in seen)

    await bot.slack.wait_for(told, what="word of the other's run")
    go.set()
    await bot.slack.wait_for(card_saying(bot, "✅ Done", "r2"), what="its end")
    assert bot.factory.folder.lines().count("write b") == 1
    assert await bot.home.pool.fetchval("SELECT count(*) FROM runs") == 2


async def test_one_that_fails_again_offers_it_itself(bot: Bot) -> None:
    card = await went_on_without(bot)
    bot.factory.folder.put("order.b", "permanent")
    await bot.slack.click("ana", card, RETRY)
    second = await bot.slack.wait_for(
        card_saying(bot, "Done, but 1 step failed", "What failed in r1"), what="r2's card"
    )
    bot.factory.folder.take("order.b")
    await bot.slack.click("ben", second, RETRY)
    await bot.slack.wait_for(card_saying(bot, "✅ Done", "r3"), what="r3's card")
    assert bot.factory.folder.lines().count("write b") == 1
