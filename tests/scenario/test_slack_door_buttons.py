"""Buttons, modals and Home, from the click to what it came to, on the whole bot."""

import json
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from bot.model import State
from bot.render.favourites import UNSTAR
from bot.render.outcome import DEAD_END
from bot.slack.socket import PING_EVERY
from bot.telemetry import Lines
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import old_copy, proposed
from tests.scenario.story import until
from tests.support.company import account

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])


async def state(bot: Bot) -> str:
    return str(await bot.home.pool.fetchval("SELECT state FROM runs ORDER BY id DESC LIMIT 1"))


@BOTH
async def test_an_approval_starts_the_run_and_the_thread_tells_it(bot: Bot) -> None:
    card = await proposed(bot)
    clicked = await bot.slack.click("ben", card, "Approve")
    assert clicked.result == "acked", clicked
    await bot.told(card, "approved.")
    await bot.told(card, "shop is back")
    final = await bot.card("✅ Done · test destroy")
    assert "Approved by Ben" in shown_text(final)
    assert "run.approve" not in str(final["blocks"])


async def test_an_approval_whose_person_slack_would_not_tell_of_counts_later_and_says_so(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.fault("users.info", "server_error", times=2)
    await bot.slack.click("ben", card, "Approve")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="once Slack has confirmed you")
    await bot.told(card, "shop is back")


async def test_an_approval_that_the_sweep_counts_first_is_not_told_as_one_that_lacks_others(bot: Bot) -> None:
    card = await proposed(bot)

    class Swept:
        """Reads people from Slack; before whoever asked for it goes on, the sweep has counted."""

        wake = bot.directory.wake

        async def refresh(self, accounts: Sequence[tuple[str, str]], groups: Sequence[str] = ()) -> None:
            await bot.directory.refresh(accounts, groups)
            await bot.home.doors.count_up(1)

    bot.service.confirmation.freshener = Swept()
    await bot.home.own.execute("DELETE FROM directory")
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    assert await bot.slack.ephemerals("ben", "ops") == []


async def test_a_click_on_which_the_bot_breaks_is_answered_and_logged_with_the_runs_name(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.home.own.execute("ALTER FUNCTION tandem.approve RENAME TO approve_of_another_version")
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(Lines())
    log = logging.getLogger("tandem")
    log.addHandler(handler)
    try:
        await bot.slack.click("ben", card, "Approve")
        await bot.slack.wait_for_ephemeral("ben", "ops", text="Something in the bot failed")
    finally:
        log.removeHandler(handler)
    (line,) = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["said"] == "a listener failed"]
    tag = await bot.home.pool.fetchval("SELECT tag FROM runs ORDER BY id DESC LIMIT 1")
    assert (line["error"], line["run"]) == ("UndefinedFunctionError", tag)
    assert await state(bot) == State.AWAITING


@BOTH
async def test_an_asker_cannot_approve_and_is_told_who_could(bot: Bot) -> None:
    card = await proposed(bot, "cleo")
    await bot.slack.click("cleo", card, "Approve")
    told = await bot.slack.wait_for_ephemeral("cleo", "ops", text="somebody else must decide")
    assert "Ben" in shown_text(told)
    assert await state(bot) == State.AWAITING


async def test_whoever_is_on_call_and_wanted_has_a_direct_message_that_leads_to_the_thread(bot: Bot) -> None:
    card = await proposed(bot)
    for person in ("ben", "cleo"):
        await bot.slack.open_home(person, tab="messages")
    page = await bot.slack.wait_for_message("ben", "@bot", text="1 approval needed, from dba")
    reply = await bot.told(card, "1 approval needed, from dba")
    assert account("cleo") in str(reply["blocks"])
    parts = [element for line in page["blocks"][0]["elements"] for element in line["elements"]]
    link = next(part["url"] for part in parts if part["type"] == "link")
    assert "Press Approve, Deny or Ask back on its card." in shown_text(page)
    assert any(part["type"] == "date" for part in parts), "until when, in the reader's own time"
    assert reply["ts"].replace(".", "") in link
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    assert len(await bot.slack.messages("ben", "@bot")) == 1
    assert await bot.slack.messages("cleo", "@bot") == []


@pytest.mark.parametrize("person", ["zoe", "gus", "ola"])
async def test_a_click_by_whoever_the_roster_does_not_list_changes_nothing_and_is_answered(
    bot: Bot, person: str
) -> None:
    card = await proposed(bot)
    if person == "ola":
        await bot.slack.invite("ben", "ops", "ola")
    await bot.slack.click(person, card, "Approve")
    told = await bot.slack.wait_for_ephemeral(person, "ops", text="roster")
    assert ("another organisation" in shown_text(told)) == (person == "ola")
    assert await state(bot) == State.AWAITING


@BOTH
async def test_an_approver_whom_slack_has_made_a_guest_reads_that_it_does_not_count(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.set_person("ben", role="guest")  # Slack says so by an event, whereupon it is asked
    known = "SELECT NOT fit FROM directory WHERE slack_user = $1"
    await until(lambda: bot.home.pool.fetchval(known, account("ben")), "word of a guest")
    await bot.slack.click("ben", card, "Approve")
    told = await bot.slack.wait_for_ephemeral("ben", "ops", text="it does not count")
    assert "Somebody else must approve it" in shown_text(told)
    await bot.slack.click("ben", card, "Deny")
    await bot.slack.submit("ben", None, {"text": "then not at all"})
    said = await bot.slack.wait_for_view("ben", callback_id=DEAD_END)
    assert "so it decides nothing" in shown_text(said)
    assert await state(bot) == State.AWAITING


@BOTH
async def test_a_denial_needs_its_reason_and_is_told_with_it(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Deny")
    modal = await bot.slack.wait_for_view("ben", callback_id="door.word")
    refused = await bot.slack.submit("ben", modal, {"text": "token=abcdefgh12345678"})
    assert "seems to hold a token" in refused.errors["text"]
    await bot.slack.submit("ben", modal, {"text": "not on a *Friday* <!channel>"})
    told = await bot.told(card, "Ben denied it")
    assert "not on a *Friday* <!channel>" in shown_text(told)
    assert await state(bot) == State.DENIED


async def test_a_modal_that_a_broken_line_kept_away_is_told_and_opens_at_the_next_press(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.fault("views.open", "drop")
    await bot.slack.click("ben", card, "Deny")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="again")
    await bot.slack.click("ben", card, "Deny")
    await bot.slack.wait_for_view("ben", callback_id="door.word")


async def test_a_modal_that_slack_gave_too_little_time_for_is_told_so(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.fault("views.open", "error", code="expired_trigger_id")
    await bot.slack.click("ben", card, "Deny")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="Slack gave me too little time to open the form")


async def test_who_cannot_be_told_beside_a_card_is_told_by_a_direct_message(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.fault("response_url", "server_error", times=-1)
    await bot.slack.click("ana", card, "Approve")
    await bot.slack.wait_for_message("ana", "@tandem", text="somebody else must decide")


async def test_a_question_back_and_its_answer_are_told_and_decide_nothing(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Ask back")
    await bot.slack.submit("ben", None, {"text": "why b2?"})
    await bot.told(card, "why b2?")
    answering = await bot.slack.wait_for(lambda: _with_button(bot, "Answer"), what="an Answer button")
    await bot.slack.click("ana", answering, "Answer")
    await bot.slack.submit("ana", None, {"text": "b3 is broken"})
    await bot.told(card, "b3 is broken")
    assert await state(bot) == State.AWAITING


@BOTH
async def test_a_question_back_whose_ack_was_lost_and_that_is_sent_again_is_told_once(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Ask back")
    modal = await bot.slack.wait_for_view("ben", callback_id="door.word")
    await bot.slack.fault("delivery:interactive", "lose_ack")
    assert not (await bot.slack.submit("ben", modal, {"text": "why b2?"})).ok
    assert (await bot.slack.submit("ben", modal, {"text": "why b2?"})).ok
    await bot.told(card, "why b2?")
    assert await bot.home.pool.fetchval("SELECT count(*) FROM events WHERE kind = 'ask_back'") == 1


async def _with_button(bot: Bot, label: str) -> dict[str, Any] | None:
    """The message in #ops that carries such a button."""
    for message in await bot.slack.messages("ben", "ops"):
        elements = [e for block in message["blocks"] for e in block.get("elements", [])]
        if any(e["type"] == "button" and e["text"]["text"] == label for e in elements):
            return message
    return None


async def test_an_amended_request_is_planned_anew_and_old_buttons_count_for_nothing(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ana", card, "Amend")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.suggest("ana", form, "door.pick", "b3", block_id="backup")
    await bot.slack.choose("ana", form, "door.pick", "b3", block_id="backup")
    done = await bot.slack.submit("ana", form, {"_confirm": "shop"})
    assert done.result == "acked", done
    anew = await bot.card("Put b3 over shop")
    assert "backup: b2 → b3" in shown_text(anew)
    said = await bot.told(card, "The new plan differs")
    assert "backup: b2 → b3" in shown_text(said)
    called = await bot.slack.wait_for_message("ben", "@tandem", text="Changed by Ana")
    assert "backup: b2 → b3" in called["text"]
    await bot.slack.click("ben", await old_copy(bot, card), "Approve")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="The plan has changed")
    assert await state(bot) == State.AWAITING


async def test_a_change_that_changes_nothing_is_approved_on_its_own_card_alone(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ana", card, "Amend")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    done = await bot.slack.submit("ana", form, {"_confirm": "shop"})
    assert done.result == "acked", done

    async def shown_anew() -> bool:
        return await bot.home.pool.fetchval("SELECT count(*) FROM events WHERE kind = 'shown'") == 2

    await until(shown_anew, "word that the plan was shown once more")
    await bot.slack.click("ben", await old_copy(bot, card), "Approve")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="The plan has changed")
    assert await state(bot) == State.AWAITING
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")


async def test_a_cancel_before_the_start_does_nothing_else(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ana", card, "Cancel")
    await bot.slack.submit("ana", None, {})
    await bot.told(card, "Nothing was done")
    assert await state(bot) == State.CANCELLED
    assert bot.factory.folder.lines() == []


async def test_a_click_on_a_run_that_has_ended_is_answered_with_how_it_stands(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ana", card, "Cancel")
    await bot.slack.submit("ana", None, {})
    await bot.told(card, "Nothing was done")
    await bot.slack.click("ben", await old_copy(bot, card), "Approve")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="no longer waiting")


async def test_details_are_one_persons_modal(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Details")
    modal = await bot.slack.wait_for_view("ben", callback_id="run.details")
    assert "Fingerprint of the plan" in shown_text(modal)


async def test_what_an_answer_holds_for_few_eyes_is_in_the_askers_details_alone(bot: Bot) -> None:
    bot.factory.folder.put("a", "trouble")
    await bot.slack.command("ana", "ops", "/test glance a")
    card = await bot.card("a: trouble")
    assert "characters" not in shown_text(card)
    for person, sees in (("ana", True), ("ben", False)):
        await bot.slack.click(person, card, "Details")
        modal = await bot.slack.wait_for_view(person, callback_id="run.details")
        assert ("7 characters" in shown_text(modal)) is sees
        assert ("characters" in str(modal)) is sees


@BOTH
async def test_home_shows_what_waits_and_approves_under_the_whole_plan(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.open_home("ben")
    home = await bot.slack.wait_for_home("ben", text="Waiting for me")
    assert "test destroy" in shown_text(home)
    await bot.slack.click("ben", home, "Look and decide")
    modal = await bot.slack.wait_for_view("ben", callback_id="run.review")
    assert "name=shop-b2" in shown_text(modal)
    await bot.slack.submit("ben", modal, {})
    await bot.slack.wait_for_home("ben", text="Nothing waits for you")  # nobody has to open it once more
    await bot.told(card, "shop is back")


async def test_who_approves_in_the_modal_reads_what_is_still_lacking(bot: Bot) -> None:
    await bot.home.own.execute("UPDATE policy SET slots = slots || slots WHERE command = 'test destroy'")
    await proposed(bot)
    await bot.slack.open_home("ben")
    await bot.slack.click("ben", await bot.slack.wait_for_home("ben", text="Waiting for me"), "Look and decide")
    modal = await bot.slack.wait_for_view("ben", callback_id="run.review")
    await bot.slack.submit("ben", modal, {})
    said = await bot.slack.wait_for_view("ben", callback_id=DEAD_END)
    assert "Recorded. 1 more approval needed." in shown_text(said)
    await bot.slack.wait_for_home("ben", text="Nothing waits for you")


async def test_home_of_a_stranger_says_why_it_is_empty(bot: Bot) -> None:
    await bot.slack.open_home("zoe")
    await bot.slack.wait_for_home("zoe", text="roster")


async def test_a_doubt_is_answered_by_its_button(bot: Bot) -> None:
    bot.factory.folder.put("order.m", "explode")
    await bot.slack.command("ana", "ops", '/test write mail reason="drill"')
    card = await bot.card("Stopped: somebody must answer")
    assert "s3cret-canary" not in str(await bot.slack.thread("ben", "ops", card["ts"]))
    await bot.slack.click("ana", card, "It happened")
    await bot.told(card, "Answered: It happened")
    await bot.told(card, "mail went through")


async def test_an_answer_that_slack_cannot_confirm_is_told_so_once_and_counts_when_it_can(bot: Bot) -> None:
    bot.factory.folder.put("order.m", "explode")
    await bot.slack.command("ana", "ops", '/test write mail reason="drill"')
    card = await bot.card("Stopped: somebody must answer")
    await bot.home.own.execute("UPDATE policy SET slots = '{dba}' WHERE command = 'test write'")
    await bot.slack.fault("users.info", "error", times=-1, code="fatal_error")
    await bot.home.move_clock(timedelta(seconds=61))
    await bot.slack.click("ben", card, "It happened")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="It counts once Slack has confirmed you")
    await bot.told(card, "It counts once Slack has confirmed who said so")
    assert len([one for one in await bot.slack.ephemerals("ben", "ops") if "Recorded" in shown_text(one)]) == 1
    await bot.slack.clear_faults()
    await bot.told(card, "Answered: It happened")
    await bot.told(card, "mail went through")


async def test_of_many_items_the_one_in_doubt_is_named_and_counted_as_answered(bot: Bot) -> None:
    bot.factory.folder.put("order.item-4.after", "explode")
    await bot.slack.command("ana", "ops", '/test write letters reason="drill"')
    card = await bot.card("Stopped: somebody must answer")
    asked = await bot.told(card, "whether this was done for 004")
    assert "It counts as done for 004, and the run goes on with what follows." in shown_text(await bot.card("004"))
    assert asked
    await bot.slack.click("ana", card, "It happened")
    await bot.told(card, "Counts as done for 004, as answered")
    await bot.told(card, "letters went through")
    assert [line for line in bot.factory.folder.lines() if line == "item 4"] == ["item 4"]


@pytest.mark.parametrize("action", ["approve_v1", "run.approve", "door.open.9", f"{UNSTAR}.9"])
async def test_a_button_of_another_version_is_answered_in_words(bot: Bot, action: str) -> None:
    element = {"type": "button", "action_id": action, "value": "old", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [element]}]
    sent = await bot.client.chat_postMessage(channel=bot.id("ops"), text="an old card", blocks=blocks)
    message = {"channel": sent["channel"], "ts": sent["ts"]}
    clicked = await bot.slack.click("ben", message, action)
    assert clicked.result == "acked", clicked
    await bot.slack.wait_for_ephemeral("ben", "ops")


@BOTH
async def test_a_mention_and_a_direct_message_are_answered_once(bot: Bot) -> None:
    await bot.slack.post("ana", "ops", f"<@{bot.server.app().bot_user_id}> restore shop")
    await bot.slack.wait_for_message("ana", "ops", text="I take slash commands")
    await bot.slack.open_home("ana", tab="messages")
    written = await bot.slack.post("ana", "@bot", "hello?")
    await bot.slack.wait_for_message("ana", "@bot", text="I take slash commands")
    await bot.slack.repeat("app_mention")  # as Slack does where its first delivery was lost
    await bot.slack.repeat("message")
    await bot.slack.edit("ana", written, "hello??")
    await bot.slack.post("ana", "@bot", "anybody?")

    async def twice() -> bool:
        return len([one for one in await bot.slack.messages("ana", "@bot") if "I take" in shown_text(one)]) == 2

    await until(twice, "second greeting")  # events are delivered in order: what came before is answered too
    mentions = [one for one in await bot.slack.messages("ana", "ops") if "I take" in shown_text(one)]
    assert len(mentions) == 1


@pytest.mark.parametrize("transport", ["socket"])
async def test_a_socket_lost_without_a_word_is_open_again_soon(bot: Bot) -> None:
    assert await bot.slack.cut_sockets() == 1
    begun = time.monotonic()

    async def opened() -> bool:
        return any(app["sockets"] for app in await bot.slack.apps())

    await bot.slack.wait_for_log(opened)
    assert time.monotonic() - begun < 2 * PING_EVERY
    assert (await bot.slack.command("ana", "ops", "/test look")).ok
