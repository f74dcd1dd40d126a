"""What the control API can do to Slack as a whole in the midst of a story, each undone when the story is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from deploy.local.slack.delivery.sockets import REASONS
from tests.scenario.door import Bot

LOST = 2  # deliveries that do not arrive before Slack is up again
Strike = Callable[[Bot], AbstractAsyncContextManager[None]]


async def _newest(bot: Bot) -> int:
    return max((one["number"] for one in await bot.slack.log()), default=0)


@asynccontextmanager
async def slow(bot: Bot) -> AsyncIterator[None]:
    """Every call takes longer."""
    await bot.slack.weather("slow")
    yield
    await bot.slack.weather("fair")


@asynccontextmanager
async def down(bot: Bot) -> AsyncIterator[None]:
    """No call, no delivery and no socket, until people have lost a little."""
    mark = await _newest(bot)
    await bot.slack.weather("down")

    async def lost() -> bool:
        sent = await bot.slack.log(kind="delivery", since=mark)
        return len([one for one in sent if one["result"] not in ("", "acked")]) >= LOST

    async def up_again() -> None:
        await bot.slack.wait_for_log(lost)
        await bot.slack.weather("fair")

    async with _beside(up_again):
        yield


@asynccontextmanager
async def socket_lost(bot: Bot, reason: str = "") -> AsyncIterator[None]:
    """After the first delivery every socket goes: cut, or with a word why."""
    mark = await _newest(bot)

    async def first() -> bool:
        return any(one["result"] for one in await bot.slack.log(kind="delivery", since=mark))

    async def cut() -> None:
        await bot.slack.wait_for_log(first)
        assert await bot.slack.cut_sockets(reason) == 1

    async with _beside(cut):
        yield


@asynccontextmanager
async def rates(bot: Bot) -> AsyncIterator[None]:
    """Slack's rate limits hold: five posts at once in a channel, then one a second."""
    await bot.slack.limits(True)
    yield
    await bot.slack.limits(False)


@asynccontextmanager
async def events_first(bot: Bot) -> AsyncIterator[None]:
    """Whatever a call causes is told before its answer."""
    await bot.slack.switches(events_first=True)
    yield
    await bot.slack.switches(events_first=False)


@asynccontextmanager
async def again_later(bot: Bot) -> AsyncIterator[None]:
    """Everything that was delivered comes once more in the end, when it is long done."""
    mark = await _newest(bot)
    yield
    for name in dict.fromkeys([one["name"] for one in await bot.slack.log(kind="delivery", since=mark)]):
        await bot.slack.repeat(name)


@asynccontextmanager
async def _beside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """`work` runs meanwhile, and has to be done in the end."""
    task = asyncio.create_task(work())
    try:
        yield
        await task
    finally:
        task.cancel()


STRIKES: dict[str, Strike] = {
    "slow": slow, "down": down, "rate limits": rates, "events first": events_first, "again later": again_later,
}  # fmt: skip
OF_SOCKETS: dict[str, Strike] = {
    "cut sockets": socket_lost, **{reason: partial(socket_lost, reason=reason) for reason in REASONS},
}  # fmt: skip
