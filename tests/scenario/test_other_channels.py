"""The channels that a plan tells: its start, its way back and its end, each once, and nothing of what is between."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.model import State
from tests.scenario.door import Bot
from tests.support.plugin import Home


@pytest.fixture
async def bot(home: Home, tmp_path: Path) -> AsyncIterator[Bot]:
    async with Bot(home, tmp_path) as bot:
        yield bot


async def ended(bot: Bot) -> int:
    await bot.slack.command("ana", "ops", '/test write telling reason="a release"')
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    row = await bot.factory.end(run)
    for _ in range(1000):
        if await bot.home.pool.fetchval("SELECT told_seq = $2 FROM threads WHERE run = $1", run, row.seq):
            return run
        bot.poster.wake()
        await bot.factory.until(run, lambda row: True)
    raise AssertionError("the end was not told")


async def told(bot: Bot, channel: str) -> list[str]:
    """What stands in a channel itself, not in its threads, of what is no card; oldest first."""
    found: Any = await bot.client.conversations_history(channel=bot.id(channel), include_all_metadata=True)
    kinds = [(m["metadata"]["event_payload"]["kind"], m["text"]) for m in found["messages"] if "metadata" in m]
    return [text for kind, text in reversed(kinds) if kind == "elsewhere"]


async def test_its_start_and_its_end_are_told_and_a_channel_that_is_gone_holds_up_nothing(bot: Bot) -> None:
    run = await ended(bot)
    assert (await bot.factory.story.row(run)).state is State.SUCCEEDED
    start, end = await told(bot, "releases")
    assert start.startswith(f"r{run} test write: ")
    assert "telling went through" in end
    assert await told(bot, "ops") == [], "it is told there already, in its thread"


async def test_its_way_back_is_told(bot: Bot) -> None:
    bot.factory.folder.put("order.b", "permanent")
    run = await ended(bot)
    assert (await bot.factory.story.row(run)).state is State.UNDONE
    assert len(await told(bot, "releases")) == 3


async def test_a_message_that_was_sent_before_a_crash_is_found_and_not_sent_again(bot: Bot) -> None:
    run = await ended(bot)
    before = await told(bot, "releases")
    own = bot.home.own
    await own.execute("DELETE FROM messages WHERE run = $1 AND kind = 'elsewhere'", run)
    sql = "UPDATE threads SET told_seq = 0, trouble = 'elsewhere', due = clock() WHERE run = $1"
    await own.execute(sql, run)
    bot.poster.wake()
    kept = "SELECT count(*) FROM messages WHERE run = $1 AND kind = 'elsewhere'"
    for _ in range(1000):
        if await bot.home.pool.fetchval(kept, run) == len(before):
            break
        await bot.factory.until(run, lambda row: True)
    assert await told(bot, "releases") == before
