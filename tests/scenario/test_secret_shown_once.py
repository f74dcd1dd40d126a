"""A secret for one person: a modal opened once, by whom it is for, within ten minutes; else it is gone and replaced."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.model import State
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import old_copy
from tests.scenario.story import until

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
CANARY = "minted-canary"


async def offered(bot: Bot) -> dict[str, Any]:
    """The card of Ana's run, which has a secret for her."""
    await bot.slack.command("ana", "ops", "/test write reveal reason=key")
    return await bot.card("Show me, once")


async def ended(bot: Bot) -> str:
    """The state in which the only run ends."""

    async def look() -> str | None:
        state: str | None = await bot.home.pool.fetchval("SELECT state FROM runs WHERE ended_at IS NOT NULL")
        return state

    return await until(look, "end of the run")


async def boxes(bot: Bot) -> int:
    return int(await bot.home.own.fetchval("SELECT count(*) FROM sealed"))


async def kept_nowhere(bot: Bot, opened: int) -> None:
    """In no table, and with Slack only in the one window."""
    tables = await bot.home.own.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'tandem'::regnamespace AND relkind = 'r'"
    )
    assert len(tables) > 20
    for (table,) in tables:
        rows = await bot.home.own.fetch(f"SELECT t::text FROM {table} t")
        assert not [row for (row,) in rows if CANARY in row], table
    calls = [one for one in await bot.slack.log(kind="api") if CANARY in json.dumps(one)]
    assert [one["name"] for one in calls] == ["views.open"] * opened


@BOTH
async def test_it_is_shown_once_to_whom_it_is_for_and_to_nobody_else(bot: Bot) -> None:
    card = await offered(bot)
    for person, words in (("ben", "somebody else's to confirm"), ("zoe", "not in this house's roster")):
        await bot.slack.click(person, card, "Show me, once")
        await bot.slack.wait_for_ephemeral(person, "ops", text=words)
        assert await bot.slack.view(person) is None
    assert await boxes(bot) == 1
    clicked = await bot.slack.click("ana", card, "Show me, once")
    assert clicked.result == "acked"
    assert CANARY in shown_text(await bot.slack.wait_for_view("ana"))
    assert await boxes(bot) == 0
    assert await ended(bot) == State.SUCCEEDED
    await bot.slack.cancel("ana", everything=True)
    for person in ("ana", "ben"):
        await bot.slack.click(person, await old_copy(bot, card), "Show me, once")
        await bot.slack.wait_for_ephemeral(person, "ops", text="no longer waiting")
        assert await bot.slack.view(person) is None
    await kept_nowhere(bot, 1)


@BOTH
@pytest.mark.parametrize("fault", ["error", "server_error", "drop", "lost", "hang"])
async def test_what_could_not_be_shown_is_replaced_and_never_sent_again(bot: Bot, fault: str) -> None:
    card = await offered(bot)
    await bot.slack.fault("views.open", fault)
    await bot.slack.click("ana", card, "Show me, once")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="not sent again")
    assert await boxes(bot) == 0
    assert await ended(bot) == State.UNDONE
    await bot.told(card, "it could not be shown, and is wiped")
    await bot.slack.click("ana", await old_copy(bot, card), "Show me, once")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="no longer waiting")
    await kept_nowhere(bot, 1)


async def test_after_ten_minutes_it_is_gone_and_what_made_it_is_undone(bot: Bot) -> None:
    card = await offered(bot)
    await bot.move_clock(timedelta(minutes=10, seconds=1))
    await bot.slack.click("ana", await old_copy(bot, card), "Show me, once")
    assert await bot.slack.view("ana") is None
    assert await ended(bot) == State.UNDONE
    assert await boxes(bot) == 0
    await bot.told(card, "nobody ticked it in time")
    await kept_nowhere(bot, 0)


async def test_two_presses_at_once_open_one_window(bot: Bot) -> None:
    card = await offered(bot)
    await bot.slack.fault("delivery:interactive", "duplicate")
    await bot.slack.click("ana", card, "Show me, once")
    assert CANARY in shown_text(await bot.slack.wait_for_view("ana"))
    assert await ended(bot) == State.SUCCEEDED
    await kept_nowhere(bot, 1)
