"""Two copies of the bot, a slow Slack, one thread: one poster tells it, and one that has lost it sends nothing more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from bot.store.letterbox import Letterbox
from bot.thread.poster import HOLD, Poster
from bot.thread.sent import DOUBLE_AFTER
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed
from tests.scenario.story import until

SHORT, SLOW = timedelta(seconds=1), 1.3  # a hold, and the seconds that Slack takes for a message: longer than that


class Thread:
    """A request that waits for its approval, its thread, and the posters of two copies."""

    def __init__(self, bot: Bot, card: dict[str, Any], run: int, other: Poster) -> None:
        self.bot, self.card, self.run, self.other = bot, card, run, other

    async def say(self, verb: str, text: str, person: str = "ben") -> None:
        await self.bot.factory.story.say(person, self.run, verb, text=text, key=text)

    async def sends(self, method: str, mark: int) -> None:
        """Until the first copy's poster has asked Slack for that once more."""
        self.bot.poster.wake()

        async def asked() -> bool:
            return bool(await self.bot.slack.log(kind="api", name=method, since=mark))

        await self.bot.slack.wait_for_log(asked)

    async def mark(self) -> int:
        return max(one["number"] for one in await self.bot.slack.log())

    async def last(self) -> int:
        """The newest event's number."""
        return int(await self.bot.home.pool.fetchval("SELECT seq FROM runs WHERE id = $1", self.run))

    async def taken_over(self) -> None:
        """The hold was over, as of a poster that stood still, and the other copy's tells all that is due."""
        over = "UPDATE threads SET held_until = clock_timestamp(), due = least(due, clock()) WHERE run = $1"
        await self.bot.home.own.execute(over, self.run)
        assert await self.other.tell_due() == 1

    async def told(self) -> list[int]:
        """The events that the replies tell, in the order of the replies."""
        found = await self.bot.client.conversations_replies(
            channel=self.card["channel"], ts=self.card["ts"], include_all_metadata=True
        )
        marks = [one["metadata"]["event_payload"] for one in found["messages"][1:]]
        return [seq for mark in marks for seq in range(mark["from_seq"], mark["to_seq"] + 1)]

    def shows(self, words: str) -> Callable[[], Awaitable[bool]]:
        """Whether the card says so."""

        async def look() -> bool:
            seen = await self.bot.slack.messages("ben", "ops")
            return any(one["ts"] == self.card["ts"] and words in shown_text(one) for one in seen)

        return look

    async def sound(self) -> bool:
        """Whether nothing is left to be looked at."""
        sql = "SELECT doubtful_at IS NULL AND due = 'infinity' FROM threads WHERE run = $1"
        return bool(await self.bot.home.pool.fetchval(sql, self.run))

    async def quiet(self) -> bool:
        sql = "SELECT told_seq = seq AND held_until = '-infinity' FROM threads JOIN runs ON id = run WHERE run = $1"
        return bool(await self.bot.home.pool.fetchval(sql, self.run))


async def two_copies(bot: Bot, hold: timedelta) -> Thread:
    bot.poster.hold = hold
    mine, pool = bot.poster, bot.home.pool
    other = Poster(Letterbox(pool), mine.views, mine.client, mine.names, mine.fallback, bot_id=mine.bot_id, hold=hold)
    card = await proposed(bot)
    thread = Thread(bot, card, await pool.fetchval("SELECT max(id) FROM runs"), other)
    await until(thread.quiet, "end of what is told of the plan")
    return thread


@asynccontextmanager
async def eager(poster: Poster) -> AsyncIterator[None]:
    """It looks for what is due all the time."""

    async def look() -> None:
        while True:
            await poster.tell_due()
            await asyncio.sleep(0.02)

    job = asyncio.create_task(look())
    try:
        yield
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def test_a_thread_that_takes_longer_than_a_hold_is_told_once_and_in_order(bot: Bot) -> None:
    """Also where something happens meanwhile and makes the thread due."""
    thread = await two_copies(bot, SHORT)
    async with eager(thread.other):
        before, last, mark = await thread.told(), await thread.last(), await thread.mark()
        await thread.bot.slack.fault("chat.postMessage", "slow", times=-1, seconds=SLOW)
        await thread.say("ask_back", "why b2?")
        await thread.say("answer_back", "b3 is broken", "ana")
        await thread.sends("chat.postMessage", mark)
        await thread.say("ask_back", "and b1?")
        await until(thread.quiet, "end of the thread")
        assert await thread.told() == [*before, last + 1, last + 2, last + 3]


async def test_who_lost_a_thread_while_slack_took_its_message_tells_nothing_more(bot: Bot) -> None:
    """The one message that was under way is there twice for a while; the younger one is taken away."""
    thread = await two_copies(bot, HOLD)
    before, last, mark = await thread.told(), await thread.last(), await thread.mark()
    await thread.bot.slack.fault("chat.postMessage", "slow", seconds=SLOW)
    await thread.say("ask_back", "why b2?")
    await thread.say("answer_back", "b3 is broken", "ana")
    await thread.sends("chat.postMessage", mark)
    await thread.taken_over()
    both = [last + 1, last + 2]
    assert await thread.told() == [*before, *both]

    async def arrived() -> bool:
        return len(await thread.told()) > len(before) + len(both)

    await until(arrived, "message that was under way")
    await thread.say("ask_back", "and b1?")
    await until(thread.quiet, "end of the thread")
    assert await thread.told() == [*before, *both, both[0], both[1] + 1]
    await bot.move_clock(DOUBLE_AFTER + timedelta(seconds=1))
    await until(thread.sound, "thread without a double")
    assert await thread.told() == [*before, *both, both[1] + 1]


async def test_an_older_card_that_arrives_over_the_newest_is_drawn_again(bot: Bot) -> None:
    thread = await two_copies(bot, HOLD)
    mark = await thread.mark()
    await thread.bot.slack.fault("chat.update", "slow", seconds=SLOW)
    await thread.say("ask_back", "why b2?")
    await thread.sends("chat.update", mark)
    await thread.say("deny", "not today")
    await thread.taken_over()
    assert "Denied" in shown_text(await thread.bot.card("Put b2 over shop"))
    await until(thread.shows("Waiting for approval"), "older card")
    await bot.move_clock(DOUBLE_AFTER + timedelta(seconds=1))
    await until(thread.sound, "thread in good order")
    assert "Denied" in shown_text(await thread.bot.card("Put b2 over shop"))
