"""One card for each run, whatever arrives late, cannot be edited or may not stand where it was meant to."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.render.message import EVENT_TYPE
from bot.thread.sent import for_good, in_thread, takes_no_message
from deploy.local.slack import AppSpec, SlackServer
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot, manifest, workspace
from tests.scenario.interactions import proposed
from tests.scenario.story import until


async def cards(bot: Bot, channel: str = "ops") -> list[dict[str, Any]]:
    """Of the only run, oldest first."""
    seen = await bot.slack.messages("ben", channel)
    return [one for one in seen if one.get("metadata", {}).get("event_payload", {}).get("kind") == "card"]


async def doubt(bot: Bot) -> None:
    """An answer of Slack's was lost half a minute ago."""
    await bot.home.own.execute("UPDATE threads SET doubtful_at = clock() - interval '30 s', due = clock()")
    bot.poster.wake()

    async def over() -> bool:
        return not await bot.home.pool.fetchval("SELECT count(*) FROM threads WHERE doubtful_at IS NOT NULL")

    await until(over, "end of the doubt")


async def test_a_card_that_arrives_twice_stands_once(bot: Bot) -> None:
    """What was given up as lost arrives after another was sent; nobody may press its buttons for ever."""
    card = await proposed(bot)
    history = await bot.client.conversations_history(channel=card["channel"], include_all_metadata=True)
    (first,) = [one for one in history["messages"] if one["ts"] == card["ts"]]
    late = await bot.client.chat_postMessage(
        channel=card["channel"], text=first["text"], blocks=first["blocks"], metadata=first["metadata"]
    )
    assert [one["ts"] for one in await cards(bot)] == [card["ts"], late["ts"]]
    await doubt(bot)
    assert [one["ts"] for one in await cards(bot)] == [card["ts"]]
    assert "Press Approve, Deny or Ask back" in shown_text(await bot.told(card, "Press Approve"))


async def test_what_another_app_marks_as_we_do_is_never_taken_for_ours() -> None:
    stranger = manifest()
    stranger.display_information.name = "Stranger"
    spec = workspace(socket=False)
    spec.apps.append(AppSpec(manifest=stranger))
    server = SlackServer(spec, limits=False)
    await server.start()
    try:
        ours, theirs = [AsyncWebClient(token=app.bot_token, base_url=server.api_url) for app in spec.apps]
        mark = {"event_type": EVENT_TYPE, "event_payload": {"run": 1, "kind": "card", "from_seq": 0, "to_seq": 3}}
        channel = next(one.id for one in server.state.channels.values() if one.name == "ops")
        root = await ours.chat_postMessage(channel=channel, text="the card", metadata=mark)
        thread = str(root["ts"])
        forged = await theirs.chat_postMessage(channel=channel, text="a forged one", thread_ts=thread, metadata=mark)
        assert forged["ok"]
        bot_id = str((await ours.auth_test())["bot_id"])
        assert [ts for _, ts in await in_thread(ours, bot_id, channel, thread)] == [thread]
    finally:
        await server.stop()


async def test_a_double_that_somebody_deleted_holds_up_nothing(bot: Bot) -> None:
    card = await proposed(bot)
    history = await bot.client.conversations_history(channel=card["channel"], include_all_metadata=True)
    (first,) = [one for one in history["messages"] if one["ts"] == card["ts"]]
    await bot.client.chat_postMessage(
        channel=card["channel"], text=first["text"], blocks=first["blocks"], metadata=first["metadata"]
    )
    await bot.slack.fault("chat.delete", "error", code="message_not_found")
    await doubt(bot)
    assert await bot.home.pool.fetchval("SELECT card_ts FROM threads") == card["ts"]


async def test_a_card_that_cannot_be_edited_any_more_is_not_taken_up_again(bot: Bot) -> None:
    """The new one's sending failed at first; the old one is found in the channel, and would be refused for ever."""
    card = await proposed(bot)
    await bot.slack.fault("chat.update", "error", code="edit_window_closed", times=3)
    await bot.slack.fault("chat.postMessage", "server_error")
    await bot.slack.click("ben", card, "Deny")
    await bot.slack.submit("ben", None, {"text": "not today"})
    await bot.told(card, "not today")

    async def anew() -> bool:
        thread = await bot.slack.thread("ben", "ops", card["ts"])
        return any("Denied" in shown_text(one) for one in [*thread[1:], *(await cards(bot))[1:]])

    await bot.slack.wait_for(anew, what="a card that shows the end")


async def test_a_card_goes_to_the_fallback_where_only_some_may_post(bot: Bot) -> None:
    await bot.slack.fault("chat.postMessage", "error", code="restricted_action_read_only_channel")
    await bot.slack.command("ana", "ops", "/test write plain reason=drill")

    async def there() -> bool:
        return any("plain went through" in shown_text(one) for one in await cards(bot, "general"))

    await bot.slack.wait_for(there, what="the card in the fallback")
    assert await cards(bot) == []


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("restricted_action", True), ("restricted_action_thread_locked", True), ("is_archived", True),
        ("restricted_action_non_threadable_channel", True), ("posting_to_channel_denied", True),
        ("message_not_found", False), ("invalid_blocks", False), ("msg_too_long", False), ("ratelimited", False),
    ],
)  # fmt: skip
def test_a_word_of_slacks_is_of_the_place_or_of_the_message(code: str, place: bool) -> None:
    assert takes_no_message(code) is place


@pytest.mark.parametrize(
    ("code", "status", "no"),
    [
        ("is_archived", 200, True), ("restricted_action_thread_locked", 200, True), ("invalid_blocks", 200, True),
        ("ratelimited", 429, False), ("internal_error", 200, False), ("", 503, False), ("token_revoked", 200, False),
        ("invalid_auth", 200, False), ("no_permission", 200, True),
    ],
)  # fmt: skip
def test_a_channel_is_given_up_for_what_slack_says_of_it_and_for_nothing_else(code: str, status: int, no: bool) -> None:
    answer = AsyncSlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data={"ok": False, "error": code}, headers={},
        status_code=status,
    )  # fmt: skip
    assert for_good(SlackApiError("", answer)) == (code if no else "")
