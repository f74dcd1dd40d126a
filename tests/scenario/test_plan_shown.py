"""An approval counts only for a plan that Slack holds whole, also after a crash between Slack and ledger."""

import asyncio
from typing import Any

import pytest

from bot.model import State
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed
from tests.scenario.story import until
from tests.scenario.test_slack_door_buttons import state

RENAME = "ALTER FUNCTION tandem.shown_at RENAME TO shown_at_of_another_day"
BACK = "ALTER FUNCTION tandem.shown_at_of_another_day RENAME TO shown_at"
SHOWN = "SELECT count(*) FROM shown s JOIN runs r ON r.id = s.run AND r.fingerprint = s.fingerprint"


async def shown(bot: Bot) -> None:
    async def there() -> bool:
        bot.poster.wake()
        return bool(await bot.home.pool.fetchval(SHOWN))

    await until(there, "word that the plan was shown")


async def test_what_stands_in_slack_and_not_yet_in_the_ledger_counts_once_it_does(bot: Bot) -> None:
    await bot.home.own.execute(RENAME)
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.submit("ana", form, {"_confirm": "shop"})
    card = await bot.card("Waiting for approval")
    await bot.slack.click("ben", card, "Approve")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="has not been shown in Slack yet")
    await bot.home.own.execute(BACK)
    await shown(bot)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    assert len(await _cards(bot)) == 1


async def test_a_card_that_is_found_again_counts_as_shown_only_once_it_shows_the_plan_that_stands(bot: Bot) -> None:
    """Its first sending was lost from the ledger; meanwhile the request was amended: Slack still holds the old plan."""
    card = await proposed(bot)
    poster = bot._tasks.pop(1)  # behind the worker; the last is who reads the roster
    poster.cancel()
    await asyncio.gather(poster, return_exceptions=True)
    await bot.slack.click("ana", card, "Amend")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.suggest("ana", form, "door.pick", "b3", block_id="backup")
    await bot.slack.choose("ana", form, "door.pick", "b3", block_id="backup")
    await bot.slack.submit("ana", form, {"_confirm": "shop"})

    async def planned() -> bool:
        return await state(bot) == State.AWAITING

    await until(planned, "the new plan")
    lost = "UPDATE threads SET card_ts = NULL, card_seq = 0, trouble = 'card', due = clock(), held_until = '-infinity'"
    await bot.home.own.execute(f"DELETE FROM messages WHERE kind = 'card'; {lost}")
    await bot.poster.tell_due()
    assert await bot.home.pool.fetchval(SHOWN) == 1
    (held,) = await _cards(bot)
    assert "Put b3 over shop" in shown_text(held)
    assert "Put b2 over shop" not in shown_text(held)


@pytest.mark.parametrize("early", [False, True])
async def test_a_plan_that_no_card_can_hold_is_shown_by_its_file(bot: Bot, early: bool) -> None:
    """Also where the card stood there before the plan was made."""
    if early:
        await bot.home.own.execute(RENAME)
    await bot.slack.command("ana", "ops", '/test write big-many reason="many parts"')
    card = await bot.card("The whole plan is in the file in its thread")
    if early:
        await bot.home.own.execute(BACK)
    await shown(bot)

    async def filed() -> dict[str, Any] | None:
        thread = await bot.slack.thread("ben", "ops", card["ts"])
        return next((one for one in thread if one.get("files")), None)

    held = await bot.slack.wait_for(filed)
    assert held["files"][0]["name"].endswith(".txt")
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "big-many went through")


async def _cards(bot: Bot) -> list[dict[str, Any]]:
    return [one for one in await bot.slack.messages("ben", "ops") if "test destroy" in shown_text(one)]
