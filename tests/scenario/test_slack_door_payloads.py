"""Whatever Slack can send, also what no card, form or list of this version would: answered in words, nothing broken."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier

from bot.catalogue import Catalogue
from bot.render.outcome import ANEW
from bot.render.outcome import FORM as FORM_BUTTON
from bot.render.picker import OPEN
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.test_slack_door_buttons import proposed
from tests.support.company import TEAM, account

Json = dict[str, Any]
WHO: Json = {"team": {"id": TEAM}, "user": {"id": account("ana"), "team_id": TEAM}}
BEN: Json = {"team": {"id": TEAM}, "user": {"id": account("ben"), "team_id": TEAM}}
FILLED = {"database": "shop", "backup": "b2", "reason": "drill", "_confirm": "shop"}


async def sends(bot: Bot, body: Json) -> str:
    """The answer to a payload of Slack's own shape; it must be 200."""
    event = body["type"] == "event_callback"
    said = json.dumps(body) if event else urlencode({"payload": json.dumps(body)})
    kind = "application/json" if event else "application/x-www-form-urlencoded"
    signed = SignatureVerifier(bot.server.app().signing_secret).generate_signature
    now = str(int(time.time()))
    headers = {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": str(signed(timestamp=now, body=said)),
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{bot.site.address}/slack/events", data=said, headers=headers) as answer,
    ):
        assert answer.status == 200, (body["type"], answer.status, await answer.text())
        return await answer.text()


def happens(event: Json) -> Json:
    return {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{event['type']}", "event": event}


def view(callback: str) -> Json:
    return {"type": "modal", "id": "V1", "callback_id": callback, "private_metadata": "", "state": {"values": {}}}


async def test_a_form_of_another_version_is_answered_in_itself(bot: Bot) -> None:
    for callback in ("old.form", "door.form", "door.word", "run.review"):
        said = await sends(bot, {"type": "view_submission", **WHO, "trigger_id": "1.2.x", "view": view(callback)})
        answer = json.loads(said)
        assert answer["response_action"] == "update", callback
        assert "Close it and type the command again" in shown_text(answer["view"]), callback
        assert await sends(bot, {"type": "view_closed", **WHO, "is_cleared": True, "view": view(callback)}) == ""


async def test_a_list_of_another_version_says_so_itself(bot: Bot) -> None:
    for action in ("old.pick", "door.pick"):
        asks = {"type": "block_suggestion", **WHO, "action_id": action, "block_id": "b", "value": "sh"}
        options = json.loads(await sends(bot, asks | {"view": view("door.form")}))["options"]
        assert options[0]["text"]["text"] == "This form is too old: type the command again"


async def test_events_that_nobody_needs_are_taken(bot: Bot) -> None:
    for event in (
        {"type": "app_uninstalled"},
        {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}},
        {"type": "link_shared", "channel": bot.id("ops"), "user": account("ana"), "links": []},
        {"type": "file_shared", "channel_id": bot.id("ops"), "user_id": account("ana"), "file_id": "F1"},
        {"type": "message", "subtype": "message_deleted", "channel": bot.id("ops"), "channel_type": "channel"},
        {"type": "reaction_added", "user": account("ana"), "reaction": "eyes"},
    ):
        assert await sends(bot, happens(event)) == "", event
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
    assert "This form is not yours" in await sends(bot, submits | BEN)
    assert await bot.asked() == 0

    assert json.loads(await sends(bot, submits | WHO)) == {"response_action": "clear"}
    assert await bot.asked() == 1
