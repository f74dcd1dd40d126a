"""conversations.*: what there is, what was said, who is in, and opening, joining, making, inviting."""

from __future__ import annotations

import re

from .. import acts
from ..posting import thread_root
from ..render import channel_object, message_object
from ..state import Channel, Message
from ..state.model import SLACKBOT
from ..wire import JsonObject, SlackError
from .call import HISTORY_SCOPES, KIND_WORD, READ_SCOPES, Call, Method

_TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
_TS = re.compile(r"^\d+(\.\d+)?$")


def _visible(call: Call) -> list[Channel]:
    """The conversations of the wanted `types` that the bot sees. Raises `invalid_types`, `missing_scope`."""
    wanted = call.listing("types") or ["public_channel"]
    if not set(wanted) <= set(_TYPES):
        raise SlackError("invalid_types")
    kinds = [_TYPES[word] for word in wanted]
    for kind in kinds:
        call.need_scope(f"{KIND_WORD[kind]}:read")
    hide_archived = call.flag("exclude_archived")
    return [
        channel
        for channel in call.core.state.channels.values()
        if channel.kind in kinds
        and (channel.kind == "channel" or call.bot in channel.members)
        and not (hide_archived and channel.archived)
    ]


def list_channels(call: Call) -> JsonObject:
    part, cursor = call.page(_visible(call), default=100)
    shown = [_listed(call, channel) for channel in part]
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def of_user(call: Call) -> JsonObject:
    """The bot's own conversations, or those it shares with `user`."""
    user = call.person().id if call.text("user") else call.bot
    mine = [channel for channel in _visible(call) if user in channel.members]
    part, cursor = call.page(mine, default=100)
    shown = [channel_object(call.core.state, channel, call.bot) for channel in part]
    for body in shown:
        body.pop("is_member", None)
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def _listed(call: Call, channel: Channel) -> JsonObject:
    body = channel_object(call.core.state, channel, call.bot)
    if channel.kind != "im":
        body["num_members"] = len(channel.members)
    return body


def info(call: Call) -> JsonObject:
    channel = call.channel(family="read")
    body = channel_object(call.core.state, channel, call.bot, info=True)
    if call.flag("include_num_members") and channel.kind != "im":
        body["num_members"] = len(channel.members)
    return {"channel": body}


def history(call: Call) -> JsonObject:
    channel = call.member_channel(family="history")
    seen = [
        message
        for message in call.core.state.messages.get(channel.id, {}).values()
        if not message.is_reply or message.subtype == "thread_broadcast"
    ]
    seen = list(reversed(_between(call, seen)))
    part, cursor = call.page(seen, default=100, most=999)
    body: JsonObject = {
        "messages": [_shown(call, message) for message in part],
        "has_more": bool(cursor),
        "pin_count": len(channel.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    }
    if cursor:
        body["response_metadata"] = {"next_cursor": cursor}
    return body


def _between(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest, inclusive = call.text("oldest"), call.text("latest"), call.flag("inclusive")
    for word, refusal in ((oldest, "invalid_ts_oldest"), (latest, "invalid_ts_latest")):
        if word and not _TS.match(word):
            raise SlackError(refusal)
    low = float(oldest or 0)
    high = float(latest) if latest else float("inf")
    found = []
    for message in messages:
        stamp = float(message.ts)
        if low < stamp < high or (inclusive and message.ts in (oldest, latest)):
            found.append(message)
    return found


def _shown(call: Call, message: Message) -> JsonObject:
    return message_object(
        call.core.state,
        message,
        call.core.base_url,
        metadata=call.flag("include_all_metadata"),
        viewer=call.bot,
    )


def replies(call: Call) -> JsonObject:
    channel = call.member_channel(family="history")
    root = thread_root(call.core, channel, call.text("ts"))
    if root is None:
        raise SlackError("thread_not_found")
    found = [call.core.state.message(channel.id, ts) for ts in root.replies]
    answers = _between(call, [message for message in found if message])
    part, cursor = call.page([root, *answers], default=1000)
    body: JsonObject = {"messages": [_reply(call, message) for message in part], "has_more": bool(cursor)}
    if cursor:
        body["response_metadata"] = {"next_cursor": cursor}
    return body


def _reply(call: Call, message: Message) -> JsonObject:
    body = _shown(call, message)
    body.setdefault("thread_ts", message.ts)
    return body


def members(call: Call) -> JsonObject:
    channel = call.channel(family="read")
    part, cursor = call.page(list(channel.members), default=100)
    return {"members": part, "response_metadata": {"next_cursor": cursor}}


def open_conversation(call: Call) -> JsonObject:
    if call.text("channel"):
        channel = call.channel()
        if channel.kind not in ("im", "mpim"):
            raise SlackError("method_not_supported_for_channel_type")
        return _opened(call, channel, already=True)
    users = call.listing("users")
    if not users:
        raise SlackError("users_list_not_supplied")
    people = [call.core.state.people.get(user) for user in users]
    if any(person is None for person in people):
        raise SlackError("user_not_found")
    if any(person.deactivated for person in people if person):
        raise SlackError("user_disabled")
    if any(person.outsider for person in people if person):
        raise SlackError("user_not_visible")
    if len(users) > 8:
        raise SlackError("too_many_users")
    if len(users) == 1:
        call.need_scope("im:write")
        person = people[0]
        if person is None or person.bot_of or person.id == SLACKBOT:
            raise SlackError("invalid_user_combination")
        before = len(call.core.state.channels)
        channel = call.core.state.im(person.id, call.app)
    else:
        call.need_scope("mpim:write")
        before = len(call.core.state.channels)
        channel = acts.open_group_dm(call.core, [call.bot, *users])
    return _opened(call, channel, already=len(call.core.state.channels) == before)


def _opened(call: Call, channel: Channel, *, already: bool) -> JsonObject:
    if call.bot in channel.closed_for:
        channel.closed_for.remove(call.bot)
        call.core.state.save(channel)
        already = False
    if not call.flag("return_im"):
        return {"channel": {"id": channel.id}, **({"no_op": True, "already_open": True} if already else {})}
    shown = channel_object(call.core.state, channel, call.bot, info=True)
    return {"channel": shown, "no_op": already, "already_open": already}


WRITE = ("im:write", "mpim:write", "channels:manage", "groups:write")
METHODS = (
    Method("conversations.list", list_channels, "2", READ_SCOPES, json=False),
    Method("conversations.info", info, "3", READ_SCOPES, ("channel",), json=False),
    Method("conversations.history", history, "3", HISTORY_SCOPES, ("channel",)),
    Method("conversations.replies", replies, "3", HISTORY_SCOPES, ("channel", "ts"), json=False),
    Method("conversations.members", members, "4", READ_SCOPES, ("channel",), json=False),
    Method("conversations.open", open_conversation, "3", WRITE),
    Method("users.conversations", of_user, "3", READ_SCOPES, json=False),
)
