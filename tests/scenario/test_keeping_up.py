"""Who looked, who wants to hear of the end, and the same once more: small courtesies, on the whole bot."""

from typing import Any

from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import old_copy, proposed


async def events(bot: Bot, kind: str) -> int:
    return int(await bot.home.pool.fetchval("SELECT count(*) FROM events WHERE kind = $1", kind))


async def test_the_card_says_who_has_the_plan_before_them_once_and_never_that_the_asker_has(bot: Bot) -> None:
    card = await proposed(bot)
    for person in ("ana", "ben", "ben"):
        await bot.slack.click(person, card, "Details")
        modal = await bot.slack.wait_for_view(person, callback_id="run.details")
        await bot.slack.cancel(person, modal, everything=True)
    assert "Ben has looked at it" in shown_text(await bot.card("has looked at it"))
    await bot.slack.click("cleo", card, "Details")
    await bot.card("Ben and Cleo have looked at it")
    assert await events(bot, "looked") == 2


async def test_who_follows_is_called_at_the_end_beside_who_asked(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("cleo", card, "Tell me when done")
    await bot.slack.wait_for_ephemeral("cleo", "ops", text="You are called in this run's thread")
    await bot.slack.click("ana", card, "Tell me when done")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="You are called in this run's thread")
    await bot.slack.click("ben", card, "Approve")
    await bot.card("✅ Done · test destroy")

    async def called() -> dict[str, Any] | None:
        replies = (await bot.slack.thread("ben", "ops", card["ts"]))[1:]
        return next((r for r in replies if all(bot.id(one) in str(r["blocks"]) for one in ("ana", "cleo"))), None)

    assert "shop is back" in shown_text(await bot.slack.wait_for(called))
    assert await events(bot, "followed") == 1, "who asked is called anyway"


async def test_what_has_ended_takes_no_follower_and_says_how_it_stands(bot: Bot) -> None:
    card = await proposed(bot)
    old = await old_copy(bot, card)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    await bot.slack.click("cleo", old, "Tell me when done")
    await bot.slack.wait_for_ephemeral("cleo", "ops", text="no longer waiting for that")


async def test_the_same_again_opens_its_form_filled_in_and_asks_nothing_by_itself(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    await bot.slack.click("cleo", await bot.card("✅ Done · test destroy"), "Ask again")
    form = await bot.slack.wait_for_view("cleo", callback_id="door.form")
    assert "Nothing is asked yet" in shown_text(form)
    assert await bot.asked() == 1
    done = await bot.slack.submit("cleo", form, {"_confirm": "shop"})
    assert done.result == "acked", done
    again = await bot.home.pool.fetchrow("SELECT params, requester FROM runs ORDER BY id DESC LIMIT 1")
    assert (again["params"]["backup"], again["params"]["reason"], again["requester"]) == ("b2", "drill", "cleo")
    assert await bot.asked() == 2


async def test_whoever_may_not_ask_gets_no_form_of_it(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    await bot.slack.click("emil", await bot.card("✅ Done · test destroy"), "Ask again")
    await bot.slack.wait_for_ephemeral("emil", "ops", text="was not asked")
    assert await bot.slack.view("emil") is None


async def test_an_operation_begun_from_a_message_leads_back_to_it(bot: Bot) -> None:
    posted = await bot.slack.post("ana", "ops", "orders are 500ing since 03:05")
    await bot.slack.shortcut("ana", "tandem_about", posted)
    top = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    await bot.slack.click("ana", top, "test")
    area = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    await bot.slack.click("ana", area, "test write")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    link = str((await bot.client.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"]))["permalink"])
    assert f"About {link}: " in str(form["blocks"])
    done = await bot.slack.submit("ana", form, {"script": "plain"})
    assert done.result == "acked", done
    assert link in str(await bot.home.pool.fetchval("SELECT reason FROM runs"))


async def test_a_message_that_is_gone_still_opens_the_picker(bot: Bot) -> None:
    posted = await bot.slack.post("ana", "ops", "never mind")
    await bot.slack.fault("chat.getPermalink", "error", code="message_not_found")
    await bot.slack.shortcut("ana", "tandem_about", posted)
    await bot.slack.wait_for_view("ana", callback_id="door.picker")


async def test_a_shortcut_for_an_operation_that_is_not_installed_says_so(bot: Bot) -> None:
    posted = await bot.slack.post("ana", "ops", "orders are 500ing since 03:05")
    await bot.slack.shortcut("ana", "open:incident declare", posted)
    await bot.slack.wait_for_ephemeral("ana", "ops", text="/incident declare is not installed here")
