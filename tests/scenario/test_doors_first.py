"""Payloads go first, and a flood of them starves nobody: the lease, a timer and the thread go on."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.model import State
from bot.precedence import LONGEST, REST
from tests.scenario.door import Bot
from tests.support.factory import LEASE

pytestmark = pytest.mark.parametrize("transport", ["http", "socket"])
SLACK = 2.0  # seconds that a loaded machine may need for what is done in a moment


@contextmanager
def flood(bot: Bot) -> Iterator[None]:
    """As if payloads came without a gap, however slow this machine is."""
    loop = asyncio.get_running_loop()
    ended = False

    def stir() -> None:
        bot.precedence.stir()
        if not ended:
            loop.call_later(REST / 5, stir)

    stir()
    try:
        yield
    finally:
        ended = True


async def parked(bot: Bot) -> int:
    """A run that waits for an hour."""
    await bot.slack.command("ana", "ops", '/test write wait reason="a drill"')
    await bot.card("/test write script=wait")
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    await bot.factory.state(run, State.WAITING)
    return run


async def test_a_payload_of_either_transport_stirs(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    stirred: list[float] = []
    monkeypatch.setattr(bot.precedence, "stir", lambda: stirred.append(0.0))
    await bot.slack.command("ana", "ops", "/test nonsense")
    assert len(stirred) == 2


async def test_under_a_flood_a_timer_and_its_thread_wait_no_longer_than_the_bound(bot: Bot) -> None:
    run = await parked(bot)
    card = await bot.card("/test write script=wait")
    loop = asyncio.get_running_loop()
    with flood(bot):
        await bot.move_clock(timedelta(minutes=61))
        begun = loop.time()
        await bot.factory.end(run, within=3 * LONGEST + SLACK)
        await bot.told(card, "Done")
        # Held once before the run is claimed, once before its end is told; what is claimed between is not held.
        assert loop.time() - begun < 3 * LONGEST + SLACK


async def test_under_a_flood_the_lease_is_renewed_again_and_again(bot: Bot) -> None:
    await parked(bot)
    with flood(bot):
        first = await worker(bot)
        async with asyncio.timeout(3 * LEASE.total_seconds() + SLACK):
            while (now := await worker(bot))["lease_until"] < first["lease_until"] + 3 * LEASE:
                assert now["id"] == first["id"]


async def worker(bot: Bot) -> Any:
    """The one worker that ever enlisted, with a live lease."""
    (found,) = await bot.home.pool.fetch("SELECT * FROM workers")
    assert found["lease_until"] > await bot.home.pool.fetchval("SELECT clock_timestamp()")
    return found


async def test_a_payload_leaves_the_bots_own_log_as_loud_as_it_was(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    """Bolt gives a logger of the app's name the level of its own, in which only errors are wanted."""
    caplog.set_level(logging.INFO, "tandem")
    caplog.set_level(logging.ERROR, "tandem.bolt")
    await bot.slack.command("ana", "ops", "/test nonsense")
    assert logging.getLogger("tandem.engine").getEffectiveLevel() == logging.INFO
