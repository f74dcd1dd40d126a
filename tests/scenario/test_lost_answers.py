"""It happened, and the answer was lost: the door says that it does not know, and the same again is the first."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.model import State
from bot.store.pool import open_pool
from bot.store.store import Doors
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import old_copy, proposed
from tests.scenario.test_hooks_door import Sender, hooks
from tests.support.plugin import Home
from tests.support.proxy import Proxy, proxied

UNKNOWN = "I do not know whether that was recorded. Do the same again now"
SLACK_PATIENCE = 3.0  # seconds
CUT, SILENT = pytest.param(True, id="the connection ends"), pytest.param(False, id="no answer comes")
WAYS = pytest.mark.parametrize("cut", [CUT, pytest.param(False, id="no answer comes", marks=pytest.mark.prove)])


@asynccontextmanager
async def far(home: Home, path: Path, transport: str) -> AsyncIterator[tuple[Bot, Proxy]]:
    """A bot whose doors reach the database by way of a proxy; engine and poster have their own way."""
    async with proxied(home.bot) as (url, proxy):
        pool = await open_pool(url, size=2, door=True)
        async with Bot(home, path, socket=transport == "socket", doors=Doors(pool)) as bot:
            yield bot, proxy
        pool.terminate()


async def recorded(bot: Bot, reason: str) -> list[str]:
    """The runs with that reason, read past the proxy."""
    rows = await bot.home.pool.fetch("SELECT tag FROM runs WHERE reason = $1 ORDER BY id", reason)
    return [row["tag"] for row in rows]


@pytest.mark.parametrize("cut", [CUT, SILENT])
@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_an_ask_that_was_recorded_unheard_is_told_as_unknown_and_the_same_words_find_it(
    home: Home, tmp_path: Path, transport: str, cut: bool
) -> None:
    async with far(home, tmp_path, transport) as (bot, proxy):
        proxy.lose("unheard", cut=cut)
        begun = time.monotonic()
        ran = await bot.slack.command("ana", "ops", "/test write plain reason=unheard")
        assert ran.result == "acked"
        assert time.monotonic() - begun < SLACK_PATIENCE
        assert proxy.lost.is_set()
        await bot.slack.wait_for_ephemeral("ana", "ops", text=UNKNOWN)
        (tag,) = await recorded(bot, "unheard")

        await bot.slack.command("ana", "ops", "/test write plain reason=unheard")
        told = await bot.slack.wait_for_ephemeral("ana", "ops", text="less than two minutes ago")
        assert f"that is {tag}." in shown_text(told)
        await bot.slack.command("ben", "ops", "/test write plain reason=unheard")  # another person's are another run
        assert len(await recorded(bot, "unheard")) == 2


@WAYS
async def test_a_run_that_was_recorded_unheard_tells_its_asker_by_itself(
    home: Home, tmp_path: Path, transport: str, cut: bool
) -> None:
    async with far(home, tmp_path, transport) as (bot, proxy):
        proxy.lose("unheard", cut=cut)
        await bot.slack.command("ana", "ops", "/test write plain reason=unheard")
        card = await bot.card("Asked by Ana")
        assert (await recorded(bot, "unheard"))[0] in shown_text(card)
        await bot.told(card, "plain went through")
        assert len(await recorded(bot, "unheard")) == 1


@pytest.mark.parametrize("typed_again", [False, True])
async def test_an_ask_that_is_recorded_only_after_the_door_gave_up_is_one_run_and_tells_its_asker(
    home: Home, tmp_path: Path, transport: str, typed_again: bool
) -> None:
    async with far(home, tmp_path, transport) as (bot, proxy):
        await bot.slack.command("ben", "ops", "/test write plain reason=before")  # prepared, it begins with its values
        held = proxy.hold("unheard")
        await bot.slack.command("ana", "ops", "/test write plain reason=unheard")
        await bot.slack.wait_for_ephemeral("ana", "ops", text=UNKNOWN)
        assert await recorded(bot, "unheard") == []
        if typed_again:
            await bot.slack.command("ana", "ops", "/test write plain reason=unheard")
            assert len(await recorded(bot, "unheard")) == 1
        held.set()
        async with asyncio.timeout(10):
            await proxy.lost.wait()
        assert len(await recorded(bot, "unheard")) == 1
        await bot.told(await bot.card("Asked by Ana"), "plain went through")


@WAYS
async def test_a_form_that_was_recorded_unheard_stays_open_and_sent_again_is_the_same_run(
    home: Home, tmp_path: Path, transport: str, cut: bool
) -> None:
    async with far(home, tmp_path, transport) as (bot, proxy):
        await bot.slack.command("ana", "ops", "/test destroy shop backup=b2 reason=unheard")
        form = await bot.slack.wait_for_view("ana", callback_id="door.form")
        proxy.lose("unheard", cut=cut)
        first = await bot.slack.submit("ana", form, {"_confirm": "shop"})
        assert not first.ok
        assert UNKNOWN in str(first.errors)
        assert proxy.lost.is_set()
        assert (await bot.slack.submit("ana", form, {"_confirm": "shop"})).ok
        assert len(await recorded(bot, "unheard")) == 1


@WAYS
async def test_an_approval_that_was_recorded_unheard_counts_once_and_the_run_starts(
    home: Home, tmp_path: Path, transport: str, cut: bool
) -> None:
    async with far(home, tmp_path, transport) as (bot, proxy):
        card = await proposed(bot)
        again = await old_copy(bot, card)  # as a screen that was not drawn anew: the run may be over sooner than it is
        print_of_plan = await bot.home.pool.fetchval("SELECT fingerprint FROM runs")
        proxy.lose(print_of_plan, cut=cut)
        await bot.slack.click("ben", card, "Approve")
        assert proxy.lost.is_set()
        await bot.slack.wait_for_ephemeral("ben", "ops", text="I do not know whether that was recorded")
        await bot.slack.click("ben", again, "Approve")
        await bot.told(card, "shop is back")
        assert await bot.home.pool.fetchval("SELECT count(*) FROM approvals") == 1
        assert await bot.home.pool.fetchval("SELECT state FROM runs") == State.SUCCEEDED


@WAYS
async def test_a_delivery_that_was_recorded_unheard_is_found_when_it_is_sent_again(
    home: Home, tmp_path: Path, transport: str, cut: bool
) -> None:
    async with far(home, tmp_path, transport) as (bot, proxy), aiohttp.ClientSession() as http:
        bot.hooks.update(hooks(bot))
        sender = Sender(bot, http)
        headers = await sender.signed()
        proxy.lose("hook/writes/", cut=cut)
        told = (503, "perhaps recorded; sent again it is found, not repeated\n")
        assert await sender.sends(headers) == told
        assert proxy.lost.is_set()
        (tag,) = await recorded(bot, "a sender says so")
        assert await sender.sends(headers) == (202, f"{tag}\n")
