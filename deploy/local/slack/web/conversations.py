"""conversations.*: what there is, what was said, who is in, and opening, joining, making, inviting."""

from __future__ import annotations

import re

from .. import acts
from ..posting import thread_root
from ..render import channel_object, message_object
from ..state import Channel, Message
from ..state.model import SLACKBOT
from ..wire import JsonObject, SlackError
from .call import HISTORY_SCOPES, READ_SCOPES, Call, Method

_TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
_SCOPE = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}
_TS = re.compile(r"^\d+(\.\d+)?$")


def list_channels(call: Call) -> JsonObject:
    wanted = call.listing("types") or ["public_channel"]
    if not set(wanted) <= set(_TYPES):
        raise SlackError("invalid_types")
    kinds = [_TYPES[word] for word in wanted]
    for kind in kinds:
        call.need_scope(_SCOPE[kind])
    hide_archived = call.flag("exclude_archived")
    seen = [
        channel
        for channel in call.core.state.channels.values()
        if channel.kind in kinds
        and (channel.kind == "channel" or call.bot in channel.members)
        and not (hide_archived and channel.archived)
    ]
    part, cursor = call.page(seen, default=100)
    shown = [_listed(call, channel) for channel in part]
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
    if len(users) > 8:
        raise SlackError("too_many_users")
    if len(users) == 1:
        call.need_scope("im:write")
        person = people[0]
        if person is None or person.bot_of or person.id == SLACKBOT:
            raise SlackError("invalid_user_combination")
        before = len(call.core.state.channels)
        channel = call.core.state.im(person.id, call.app)
        return _opened(call, channel, already=len(call.core.state.channels) == before)
    call.need_scope("mpim:write")
    return _opened(call, acts.open_group_dm(call.core, [call.bot, *users]), already=False)


def _opened(call: Call, channel: Channel, *, already: bool) -> JsonObject:
    if not call.flag("return_im"):
        return {"channel": {"id": channel.id}, **({"no_op": True, "already_open": True} if already else {})}
    shown = channel_object(call.core.state, channel, call.bot, info=True)
    return {"channel": shown, "no_op": already, "already_open": already}


def join(call: Call) -> JsonObject:
    channel = call.channel()
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot in channel.members:
        body = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        body = {}
        acts.join(call.core, channel, call.core.state.people[call.bot])
    return {"channel": channel_object(call.core.state, channel, call.bot), **body}


def create(call: Call) -> JsonObject:
    name, private = call.text("name"), call.flag("is_private")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > 80:
        raise SlackError("invalid_name_maxlength")
    if not any(sign.isalnum() for sign in name):
        raise SlackError("invalid_name_punctuation")
    if not re.fullmatch(r"[^\W_A-Z](?:[^\WA-Z]|[-_])*", name):
        raise SlackError("invalid_name_specials")
    if any(channel.name == name for channel in call.core.state.channels.values()):
        raise SlackError("name_taken")
    call.need_scope(*(("groups:write",) if private else ("channels:manage", "channels:write")))
    channel = acts.create_channel(call.core, name, call.bot, private=private)
    body = channel_object(call.core.state, channel, call.bot)
    return {"channel": {**body, "last_read": "0000000000.000000", "priority": 0}}


def invite(call: Call) -> JsonObject:
    channel = call.member_channel()
    if channel.archived:
        raise SlackError("is_archived")
    if channel.kind in ("im", "mpim"):
        raise SlackError("method_not_supported_for_channel_type")
    users = call.listing("users")
    if not users:
        raise SlackError("no_user")
    for user in users:
        _check_invitee(call, channel, user)
    for user in users:
        acts.join(call.core, channel, call.core.state.people[user], inviter=call.bot)
    return {"channel": channel_object(call.core.state, channel, call.bot)}


def _check_invitee(call: Call, channel: Channel, user: str) -> None:
    person = call.core.state.people.get(user)
    if person is None or person.deactivated:
        raise SlackError("user_not_found")
    if user == call.bot:
        raise SlackError("cant_invite_self")
    if person.guest == "single":
        raise SlackError("ura_max_channels")
    if person.outsider and person.team_id not in channel.external_teams:
        raise SlackError("cant_invite")
    if user in channel.members:
        raise SlackError("already_in_channel")


WRITE = ("channels:manage", "groups:write", "im:write", "mpim:write", "channels:write")
INVITE = ("channels:write.invites", "groups:write.invites", "channels:manage", "groups:write", "mpim:write")
METHODS = (
    Method("conversations.list", list_channels, "2", READ_SCOPES),
    Method("conversations.info", info, "3", READ_SCOPES, ("channel",)),
    Method("conversations.history", history, "3", HISTORY_SCOPES, ("channel",)),
    Method("conversations.replies", replies, "3", HISTORY_SCOPES, ("channel", "ts")),
    Method("conversations.members", members, "4", READ_SCOPES, ("channel",)),
    Method("conversations.open", open_conversation, "3", WRITE),
    Method("conversations.join", join, "3", ("channels:join",), ("channel",)),
    Method("conversations.create", create, "2", WRITE),
    Method("conversations.invite", invite, "3", INVITE, ("channel",)),
)
