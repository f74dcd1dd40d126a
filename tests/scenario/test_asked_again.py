"""What is asked again, amended or kept is what was typed, not what the planner made of it that day."""

from datetime import timedelta
from typing import Any

from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import old_copy
from tests.scenario.test_favourites import opens_home

LINE = "/test destroy database=shop backup=newest"


async def asked(bot: Bot) -> dict[str, Any]:
    """The card of a request for the newest backup, which is b0 until something is written down."""
    await bot.slack.command("ana", "ops", '/test destroy shop backup=newest reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.submit("ana", form, {"_confirm": "shop"})
    card = await bot.card("Put b0 over shop")
    await bot.told(card, "Press Approve, Deny or Ask back")
    return card


async def form_from(bot: Bot, message: dict[str, Any], press: str) -> dict[str, Any]:
    await bot.slack.click("ana", message, press)
    form: dict[str, Any] = await bot.slack.wait_for_view("ana", callback_id="door.form")
    (field,) = (block for block in form["blocks"] if block["block_id"] == "backup")
    assert field["element"]["initial_option"]["value"] == "newest"
    return form


async def test_a_form_opened_again_is_filled_in_as_it_was_asked(bot: Bot) -> None:
    card = await asked(bot)
    await form_from(bot, card, "Amend")
    await bot.slack.cancel("ana")
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")

    home = await opens_home(bot, "ana", "Ask again")
    await bot.slack.click("ana", home, "☆ Keep as favourite")
    await bot.slack.wait_for_home("ana", text=f"★ {LINE}")

    form = await form_from(bot, await bot.card("Done · test destroy"), "Ask again")
    assert "backup=newest reason=" in str(form["blocks"])
    await bot.slack.submit("ana", form, {"_confirm": "shop"})
    assert "r2" in shown_text(await bot.card("Put b2 over shop")), "what is newest is looked up anew"


async def test_an_offer_of_a_change_pressed_twice_is_one_run_and_the_second_press_says_which(bot: Bot) -> None:
    bot.factory.folder.put("storm", "trouble")
    await bot.slack.command("ana", "ops", "/test glance storm")
    card = await bot.card("storm: trouble")
    await bot.slack.click("ana", card, "Note it")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="Recorded as r2. Its card follows")
    await bot.slack.click("ana", card, "Note it")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="recorded already, as r2")
    await bot.slack.click("dora", card, "Note it")
    await bot.slack.wait_for_ephemeral("dora", "ops", text="Recorded as r3")


async def test_an_offer_that_has_lapsed_is_answered_with_what_to_type(bot: Bot) -> None:
    bot.factory.folder.put("storm", "trouble")
    await bot.slack.command("ana", "ops", "/test glance storm")
    card = await bot.card("storm: trouble")
    await bot.move_clock(timedelta(days=31))
    await bot.slack.click("ana", await old_copy(bot, card), "Note it")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="not offered any more. Type the command itself")
    assert await bot.asked() == 1
