"""What of ours stands in Slack: looked at before anything uncertain is sent again, and for doubles afterwards."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.render.message import EVENT_TYPE
from bot.slack_api import TOKEN_REFUSED
from bot.view import RunView

DOUBLE_AFTER = timedelta(seconds=20)  # by then a message whose answer was lost is there, if it ever will be
LATELY = 50  # messages of a conversation with one person
PAGES = 20  # of 200 messages: people may talk in a thread as well
SLACK_AHEAD = 60.0  # seconds by which its clock may differ from ours
GONE = {"message_not_found", "cant_delete_message", "thread_not_found"}
UNSURE = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
NOT_THERE = {"channel_not_found", "not_in_channel", "is_archived", "no_permission", "team_access_not_granted"}
Ours = list[tuple[Mapping[str, Any], str]]


def takes_no_message(code: str) -> bool:
    """Whether that word of Slack's means the place, not the message: `restricted_action_read_only_channel`, for one."""
    return code in NOT_THERE or code.startswith("restricted_action") or code.endswith("_denied")


def for_good(error: SlackApiError) -> str:
    """Slack's word, where it says no to the place or the message; empty where the same may go through later.

    A token that is refused is no word of a channel: whoever mends it finds everything still to be told.
    """
    code, status = str(error.response.get("error", "")), error.response.status_code
    later = status == 429 or status >= 500 or code in UNSURE
    return "" if later or (code in TOKEN_REFUSED and not takes_no_message(code)) else code


async def in_thread(client: Any, bot_id: str, channel: str, thread: str) -> Ours:
    """(payload, ts) of our own app's messages in a thread, its root among them, oldest first."""
    return await _ours(client.conversations_replies, bot_id, channel=channel, ts=thread)


async def in_channel(client: Any, bot_id: str, channel: str, view: RunView) -> Ours:
    """The same of a channel itself, since that run was asked for."""
    oldest = time.time() - (view.now - view.created_at).total_seconds() - SLACK_AHEAD
    return await _ours(client.conversations_history, bot_id, channel=channel, oldest=f"{max(0.0, oldest):.6f}")


async def in_direct(client: Any, bot_id: str, channel: str) -> Ours:
    """The same of the newest messages to one person."""
    page = await client.conversations_history(channel=channel, limit=LATELY, include_all_metadata=True)
    return _marked(page["messages"], bot_id)


async def delete(client: Any, channel: str, ts: str) -> None:
    """A message that is gone already, or that may not be deleted, is no trouble."""
    try:
        await client.chat_delete(channel=channel, ts=ts)
    except SlackApiError as error:
        if error.response.get("error") not in GONE:
            raise


async def files(client: Any, bot_id: str, channel: str, thread: str) -> frozenset[str]:
    """Names of the files that our own app has put into a thread."""
    found = await _all(client.conversations_replies, channel=channel, ts=thread)
    mine = [message for message in found if message.get("bot_id") == bot_id]
    return frozenset(str(file.get("name", "")) for message in mine for file in message.get("files", []))


async def _ours(call: Any, bot_id: str, **where: str) -> Ours:
    return _marked(await _all(call, **where), bot_id)


def _marked(messages: Sequence[Mapping[str, Any]], bot_id: str) -> Ours:
    mine = [m for m in messages if m.get("bot_id") == bot_id and m.get("metadata", {}).get("event_type") == EVENT_TYPE]
    return sorted(((m["metadata"]["event_payload"], m["ts"]) for m in mine), key=lambda pair: pair[1])


async def _all(call: Any, **where: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    for _ in range(PAGES):
        page = await call(limit=200, include_all_metadata=True, **where, **more)
        found += page["messages"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
        more = {"cursor": cursor}
    return found
