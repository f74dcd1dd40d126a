"""A refusal names who could, and offers one button that calls them: about a run that waits, or to ask for something."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.render.buttons import ASK_THEM
from bot.render.outcome import DEAD_END
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import card_saying, destroy, proposed
from tests.support.company import account

LINE = '/test write plain reason="bad import"'
JO = "Jo.Canary@customers.example"
MINUTE = timedelta(minutes=1)


async def refused(bot: Bot, person: str, card: dict[str, Any], label: str, text: str) -> dict[str, Any]:
    """What somebody alone is told who pressed that button."""
    await bot.slack.click(person, card, label)
    return await bot.slack.wait_for_ephemeral(person, "ops", text=text)


async def refused_to_ask(bot: Bot, line: str = LINE) -> dict[str, Any]:
    """What Emil alone is told, who may ask for nothing."""
    await bot.slack.command("emil", "ops", line)
    return await bot.slack.wait_for_ephemeral("emil", "ops", text="nly engineers may ask for it")


async def calls(bot: Bot, kind: str = "called_in") -> int:
    sql = "SELECT count(*) FROM events WHERE kind = $1 AND body ? 'whom'"
    return int(await bot.home.pool.fetchval(sql, kind))


async def wakes(bot: Bot, card: Mapping[str, Any], text: str) -> set[str]:
    """Whom the reply with this text mentions."""
    blocks = json.dumps((await bot.told(card, text))["blocks"])
    return {person for person in ("ana", "ben", "cleo", "dora", "emil") if account(person) in blocks}


async def test_who_asked_calls_whoever_is_on_call_in_the_thread_and_directly(bot: Bot) -> None:
    card = await proposed(bot)
    told = await refused(bot, "ana", card, "Approve", "Ben (on call) or Cleo could")
    await bot.slack.click("ana", told, ASK_THEM)
    assert await wakes(bot, card, "Ana asks Ben (on call) to look at r1: Put b2 over shop.") == {"ben"}
    await bot.slack.wait_for_ephemeral("ana", "ops", text="Recorded as r1: Ben (on call) is called in its thread.")
    await bot.slack.wait_for_message("ben", "@tandem", text="Ana asks Ben (on call)")


async def test_a_second_press_says_who_asked_them_and_when_and_later_calls_anew(bot: Bot) -> None:
    card = await proposed(bot)
    told = await refused(bot, "ana", card, "Approve", "somebody else must decide")
    await bot.slack.click("ana", told, ASK_THEM)
    await bot.told(card, "Ana asks Ben (on call)")
    await bot.home.move_clock(3 * MINUTE)
    emils = await refused(bot, "emil", card, "Approve", "You are in none of the groups")
    await bot.slack.click("emil", emils, ASK_THEM)
    said = "Ana asked Ben (on call) 3m ago (r1), so nobody is called once more yet."
    await bot.slack.wait_for_ephemeral("emil", "ops", text=said)
    assert await calls(bot) == 1
    await bot.home.move_clock(8 * MINUTE)
    await bot.slack.click("emil", emils, ASK_THEM)
    await bot.told(card, "Emil asks Ben (on call)")
    assert await calls(bot) == 2


async def test_a_refused_denial_offers_it_in_its_window(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("emil", card, "Deny")
    form = await bot.slack.wait_for_view("emil", callback_id="door.word")
    await bot.slack.submit("emil", form, {"text": "not today"})
    told = await bot.slack.wait_for_view("emil", callback_id=DEAD_END)
    assert "Ben (on call) or Cleo could" in shown_text(told)
    await bot.slack.click("emil", told, ASK_THEM)
    await bot.told(card, "Emil asks Ben (on call)")

    async def said() -> bool:
        return any("is called in its thread" in shown_text(one) for one in await bot.slack.views("emil"))

    await bot.slack.wait_for(said, what="word that somebody is called")


async def test_who_has_quiet_hours_is_spared_and_named_unless_on_call(bot: Bot) -> None:
    bot.company.turn, bot.company.asleep = (), frozenset({"cleo"})
    card = await proposed(bot)
    told = await refused(bot, "ana", card, "Approve", "somebody else must decide")
    await bot.slack.click("ana", told, ASK_THEM)
    text = "to look at r1: Put b2 over shop. Cleo has quiet hours and is not called."
    assert await wakes(bot, card, text) == {"ben"}
    bot.company.asleep = frozenset({"ben", "cleo"})
    await bot.slack.click("ana", told, ASK_THEM)
    await bot.slack.wait_for_ephemeral("ana", "ops", text="Nobody is called now. Ben and Cleo have quiet hours.")
    bot.company.turn = ("cleo",)
    await bot.slack.click("ana", told, ASK_THEM)
    await bot.slack.wait_for_ephemeral("ana", "ops", text="Cleo (on call) is called in its thread.")
    assert await calls(bot) == 2


async def test_whoever_may_answer_a_doubt_is_called_too_also_who_had_approved(bot: Bot) -> None:
    bot.factory.folder.put("order.m", "explode")
    await bot.slack.command("ana", "ops", '/test write big-mail reason="drill"')
    card = await bot.card("Waiting for approval")
    await bot.told(card, "Press Approve, Deny or Ask back")
    await bot.slack.click("ben", card, "Approve")
    card = await bot.card("Stopped: somebody must answer")
    told = await refused(bot, "emil", card, "It happened", "Ben (on call) or Cleo could")
    await bot.slack.click("emil", told, ASK_THEM)
    assert await wakes(bot, card, "Emil asks Ben (on call) to look at r1") == {"ben"}
    await bot.told(card, "You may answer its question on the card")


async def test_after_the_end_nobody_is_called(bot: Bot) -> None:
    card = await proposed(bot)
    told = await refused(bot, "ana", card, "Approve", "somebody else must decide")
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    await bot.slack.click("ana", told, ASK_THEM)
    await bot.slack.wait_for_ephemeral("ana", "ops", text="no longer waiting for that")
    assert await calls(bot) == 0


async def test_an_account_that_no_roster_lists_calls_nobody(bot: Bot) -> None:
    card = await proposed(bot)
    told = await refused(bot, "ana", card, "Approve", "somebody else must decide")
    copy = await bot.client.chat_postMessage(channel=bot.id("ops"), text=told["text"], blocks=told["blocks"])
    await bot.slack.click("zoe", {"channel": copy["channel"], "ts": copy["ts"]}, ASK_THEM)
    await bot.slack.wait_for_ephemeral("zoe", "ops", text="not in this house's roster")
    assert await calls(bot) == 0


async def test_who_may_not_ask_calls_those_who_may_with_the_line_to_type(bot: Bot) -> None:
    told = await refused_to_ask(bot)
    assert "Ben (on call), Ana, Cleo or Dora could" in shown_text(told)
    await bot.slack.click("emil", told, ASK_THEM)
    card = await bot.card("Refused by a rule · test write")
    assert "bad import" in shown_text(card)
    assert await wakes(bot, card, "Emil wants this done and may not ask for it: only engineers may ask for it.") == {
        "ben"
    }
    await bot.told(card, 'or type it: /test write plain reason="bad import"')
    await bot.slack.wait_for_ephemeral("emil", "ops", text="Ben (on call) is called in its thread")
    await bot.slack.click("ben", card, "Ask again")
    form = await bot.slack.wait_for_view("ben", callback_id="door.form")
    await bot.slack.submit("ben", form, {})
    await bot.told(await bot.card("✅ Done · test write"), "plain went through")


async def test_the_same_wish_within_ten_minutes_is_told_once_and_many_others_are_told_no_further(bot: Bot) -> None:
    told = await refused_to_ask(bot)
    await bot.slack.click("emil", told, ASK_THEM)
    await bot.card("Refused by a rule")
    again = await refused_to_ask(bot, '/test write plain reason="other words"')
    await bot.slack.click("emil", again, ASK_THEM)
    await bot.slack.wait_for_ephemeral("emil", "ops", text="Emil asked Ben (on call) less than a minute ago (r1)")
    assert await calls(bot, "refused") == 1
    for script in ("mail", "wait", "task", "call"):
        await bot.slack.click("emil", await refused_to_ask(bot, f"/test write {script} reason=drill"), ASK_THEM)
        await bot.card(f"script={script}")
    await bot.slack.click("emil", await refused_to_ask(bot, "/test write sweep reason=drill"), ASK_THEM)
    await bot.slack.wait_for_ephemeral("emil", "ops", text="You have called others for five things")
    await bot.home.move_clock(11 * MINUTE)
    await bot.slack.click("emil", told, ASK_THEM)
    await bot.slack.wait_for_ephemeral("emil", "ops", text="Recorded as r6")


async def test_of_what_holds_a_personal_value_the_name_alone_is_told(bot: Bot) -> None:
    told = await refused_to_ask(bot, f"/test invite {JO} reason=drill")
    await bot.slack.click("emil", told, ASK_THEM)
    card = await bot.card("Refused by a rule · test invite")
    await bot.told(card, "or type it: /test invite")
    posted = json.dumps([await bot.slack.thread("ben", "ops", str(card["ts"]))])
    kept = await bot.home.own.fetchval(
        "SELECT concat((SELECT jsonb_agg(to_jsonb(r)) FROM runs r), (SELECT jsonb_agg(to_jsonb(e)) FROM events e),"
        " (SELECT jsonb_agg(to_jsonb(d)) FROM drafts d))"
    )
    assert "anary" not in posted + kept
    await bot.slack.click("ben", card, "Ask again")
    await bot.slack.wait_for_view("ben", callback_id="door.form")


async def test_a_form_that_is_not_opened_for_them_offers_it_as_well(bot: Bot) -> None:
    told = await refused_to_ask(bot, destroy())
    await bot.slack.click("emil", told, ASK_THEM)
    card = await bot.card("Refused by a rule · test destroy")
    await bot.told(card, "or type it: /test destroy shop")


async def test_a_channel_that_takes_no_message_leads_to_the_channel_of_last_resort(bot: Bot) -> None:
    told = await refused_to_ask(bot)
    await bot.slack.fault("chat.postMessage", "error", times=1, code="not_in_channel")
    await bot.slack.click("emil", told, ASK_THEM)
    await bot.slack.wait_for_message("ben", "general", text="Refused by a rule")


async def test_what_was_typed_in_a_direct_conversation_is_told_where_others_read_it(bot: Bot) -> None:
    await bot.slack.open_home("emil", tab="messages")
    await bot.slack.command("emil", "@tandem", LINE)
    told = await bot.slack.wait_for_ephemeral("emil", "@tandem", text="nly engineers may ask for it")
    await bot.slack.click("emil", told, ASK_THEM)
    await bot.slack.wait_for_message("ben", "general", text="Refused by a rule")


async def test_whose_task_it_is_reads_whoever_may_not_confirm_it(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test write task reason=drill")
    card = await bot.slack.wait_for(card_saying(bot, "script=task", "Done: Look at it"), what="a task")
    told = await refused(bot, "ana", card, "Done: Look at it", "This task is somebody else's to confirm")
    assert "Ben (on call)" in shown_text(told)
    assert "Ana" not in shown_text(told)
