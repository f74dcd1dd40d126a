"""Whatever Slack can send, also what no card, form or list of this version would: answered in words, nothing broken."""

from typing import Any

import pytest

from bot.catalogue import Catalogue
from bot.render.outcome import ANEW
from bot.render.outcome import FORM as FORM_BUTTON
from bot.render.picker import OPEN
from deploy.local.slack.client import shown_text
from deploy.local.slack.delivery.transport import Delivery
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed
from tests.support.company import TEAM, account

Json = dict[str, Any]
WHO: Json = {"team": {"id": TEAM}, "user": {"id": account("ana"), "team_id": TEAM}}
BEN: Json = {"team": {"id": TEAM}, "user": {"id": account("ben"), "team_id": TEAM}}
FILLED = {"database": "shop", "backup": "b2", "reason": "drill", "_confirm": "shop"}


async def sends(bot: Bot, body: Json) -> Json | None:
    """The answer to a payload of Slack's own shape, by whichever way the app takes them; it must be taken in time."""
    event = body["type"] == "event_callback"
    kind = "events_api" if event else "options" if body["type"] == "block_suggestion" else "interactive"
    (app,) = bot.server.state.apps.values()
    ack = await bot.server.core.transport.deliver(app, Delivery(kind, body, "", body["type"], not event))
    assert ack.ok, (body["type"], ack)
    assert ack.payload is not None or not ack.text, "an answer is an object of JSON, or nothing"
    return ack.payload


def happens(event: Json) -> Json:
    return {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{event['type']}", "event": event}


def view(callback: str) -> Json:
    return {"type": "modal", "id": "V1", "callback_id": callback, "private_metadata": "", "state": {"values": {}}}


async def test_a_form_of_another_version_is_answered_in_itself(bot: Bot) -> None:
    for callback in ("old.form", "door.form", "door.word", "run.review"):
        answer = await sends(bot, {"type": "view_submission", **WHO, "trigger_id": "1.2.x", "view": view(callback)})
        assert answer is not None, callback
        assert answer["response_action"] == "update", callback
        assert "Close it and type the command again" in shown_text(answer["view"]), callback
        assert await sends(bot, {"type": "view_closed", **WHO, "is_cleared": True, "view": view(callback)}) is None


async def test_a_list_of_another_version_says_so_itself(bot: Bot) -> None:
    for action in ("old.pick", "door.pick"):
        asks = {"type": "block_suggestion", **WHO, "action_id": action, "block_id": "b", "value": "sh"}
        answer = await sends(bot, asks | {"view": view("door.form")})
        assert answer is not None
        assert answer["options"][0]["text"]["text"] == "This form is too old: type the command again"


async def test_events_that_nobody_needs_are_taken(bot: Bot) -> None:
    for event in (
        {"type": "app_uninstalled"},
        {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}},
        {"type": "link_shared", "channel": bot.id("ops"), "user": account("ana"), "links": []},
        {"type": "file_shared", "channel_id": bot.id("ops"), "user_id": account("ana"), "file_id": "F1"},
        {"type": "message", "subtype": "message_deleted", "channel": bot.id("ops"), "channel_type": "channel"},
        {"type": "reaction_added", "user": account("ana"), "reaction": "eyes"},
    ):
        assert await sends(bot, happens(event)) is None, event
    assert await bot.slack.messages("ana", "ops") == []


async def test_a_file_written_to_the_bot_is_answered_as_any_words_are(bot: Bot) -> None:
    await bot.slack.open_home("ana", tab="messages")
    im = next(channel.id for channel in bot.server.state.channels.values() if channel.kind == "im")
    event = {"type": "message", "subtype": "file_share", "channel": im, "channel_type": "im", "ts": "1.2", "text": ""}
    await sends(bot, happens(event | {"user": account("ana"), "files": [{"id": "F1"}]}))
    await bot.slack.wait_for_message("ana", "@bot", text="I take slash commands")


@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_what_an_operation_left_behind_that_is_not_there_any_more_is_answered(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.command("ana", "ops", "/test destroy billing")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    entries = bot.desk.catalogue.entries.values()
    bot.desk.catalogue = Catalogue(entry for entry in entries if entry.command != "test destroy")
    late = await bot.slack.submit("ana", form, {"_confirm": "billing", "reason": "drill"})
    assert "not in this version of the bot" in str(late.errors)
    await bot.slack.cancel("ana", everything=True)
    await bot.slack.click("ana", card, "Amend")
    told = await bot.slack.wait_for_ephemeral("ana", "ops", text="not in this version of the bot")
    assert "/ops help" in shown_text(told)
    assert await bot.asked() == 1


async def test_a_form_is_of_whoever_opened_it_whatever_a_payload_says(bot: Bot) -> None:
    """Ben's own signed click or form, with the id of Ana's row in it."""
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    row = form["private_metadata"]
    typed = {name: {"x": {"type": "plain_text_input", "value": value}} for name, value in FILLED.items()}
    submits: Json = {"type": "view_submission", "trigger_id": "1.2.x"}
    submits["view"] = view("door.form") | {"private_metadata": row, "state": {"values": typed}}

    for action in (FORM_BUTTON, ANEW, f"{OPEN}test"):
        button = {"type": "button", "action_id": action, "value": row, "text": {"type": "plain_text", "text": action}}
        sent = await bot.client.chat_postMessage(
            channel=bot.id("ops"), text="-", blocks=[{"type": "actions", "elements": [button]}]
        )
        await bot.slack.click("ben", {"channel": sent["channel"], "ts": sent["ts"]}, action)
    told = await bot.slack.ephemerals("ben", "ops")
    assert ["This form is not yours" in shown_text(message) for message in told] == [True] * 3
    assert "This form is not yours" in str(await sends(bot, submits | BEN))
    ben = await bot.service.person(TEAM, account("ben"))
    assert await bot.service.draft_change(ben, row, "9") is None, "nor does a field that he changes change her row"
    assert await bot.asked() == 0

    assert await sends(bot, submits | WHO) == {"response_action": "clear"}
    assert await bot.asked() == 1
