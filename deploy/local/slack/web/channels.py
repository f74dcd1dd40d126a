"""conversations.* that change a channel: making, joining, leaving, inviting, naming, archiving, its topic."""

from __future__ import annotations

import re

from .. import acts
from ..limits import length
from ..render import channel_object
from ..state import Channel
from ..wire import JsonObject, SlackError
from .call import KIND_WORD, Call, Method

_TS = re.compile(r"^\d+\.\d+$")
NAME_MOST = 80
TOPIC_MOST = 250
CHANNELS = ("channel", "group")


def join(call: Call) -> JsonObject:
    channel = call.of_kind("channel", member=False)
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot in channel.members:
        body = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        body = {}
        acts.join(call.core, channel, call.core.state.people[call.bot])
    return {"channel": channel_object(call.core.state, channel, call.bot), **body}


def leave(call: Call) -> JsonObject:
    channel = call.channel()
    if channel.kind == "im":
        raise SlackError("method_not_supported_for_channel_type")
    _may_change(call, channel.kind)
    if call.bot not in channel.members:
        return {"not_in_channel": True}
    if channel.archived:
        raise SlackError("is_archived")
    if channel.general:
        raise SlackError("cant_leave_general")
    if channel.kind == "group" and len(channel.members) == 1:
        raise SlackError("last_member")
    acts.leave(call.core, channel, call.core.state.people[call.bot])
    return {}


def _good_name(call: Call) -> str:
    """The wanted name. Raises SlackError invalid_name_…, name_taken."""
    name = call.text("name")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > NAME_MOST:
        raise SlackError("invalid_name_maxlength")
    if not any(sign.isalnum() for sign in name):
        raise SlackError("invalid_name_punctuation")
    if not re.fullmatch(r"[^\W_A-Z](?:[^\WA-Z]|[-_])*", name):
        raise SlackError("invalid_name_specials")
    if any(channel.name == name for channel in call.core.state.channels.values()):
        raise SlackError("name_taken")
    return name


def create(call: Call) -> JsonObject:
    name, private = _good_name(call), call.flag("is_private")
    _may_change(call, "group" if private else "channel")
    channel = acts.create_channel(call.core, name, call.bot, private=private)
    body = channel_object(call.core.state, channel, call.bot)
    unread = {"latest": None, "unread_count": 0, "unread_count_display": 0}
    return {"channel": {**body, "last_read": "0000000000.000000", "priority": 0, **unread}}


def _may_change(call: Call, kind: str, narrow: str = "") -> None:
    """Raises `missing_scope` unless the token may change this kind of conversation, or do the `narrow` part of it."""
    word = KIND_WORD[kind]
    wide = ("channels:manage", "channels:write") if kind == "channel" else (f"{word}:write",)
    call.need_scope(*wide, *([f"{word}:write.{narrow}"] if narrow else []))


def rename(call: Call) -> JsonObject:
    channel = call.of_kind(*CHANNELS)
    _may_change(call, channel.kind)
    if channel.archived:
        raise SlackError("is_archived")
    if channel.creator != call.bot:
        raise SlackError("not_authorized")
    acts.rename(call.core, channel, _good_name(call), call.bot)
    return {"channel": channel_object(call.core.state, channel, call.bot)}


def archive(call: Call) -> JsonObject:
    channel = call.of_kind(*CHANNELS)
    _may_change(call, channel.kind)
    if channel.archived:
        raise SlackError("already_archived")
    if channel.general:
        raise SlackError("cant_archive_general")
    acts.archive(call.core, channel, archived=True, actor=call.bot)
    return {}


def unarchive(call: Call) -> JsonObject:
    channel = call.of_kind(*CHANNELS, member=False)
    _may_change(call, channel.kind)
    if not channel.archived:
        raise SlackError("not_archived")
    acts.archive(call.core, channel, archived=False, actor=call.bot)
    return {}


def set_topic(call: Call) -> JsonObject:
    return _describe(call, "topic")


def set_purpose(call: Call) -> JsonObject:
    return _describe(call, "purpose")


def _describe(call: Call, what: str) -> JsonObject:
    channel, text = call.channel(), call.text(what)
    kinds = ("channel", "group", "mpim") if what == "topic" else CHANNELS
    if channel.kind not in kinds:
        raise SlackError("method_not_supported_for_channel_type")
    _may_change(call, channel.kind, "topic")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    if channel.archived:
        raise SlackError("is_archived")
    if length(text, call.core.switches) > TOPIC_MOST:
        raise SlackError("too_long")
    acts.describe(call.core, channel, what, text, call.core.state.people[call.bot])
    body = channel_object(call.core.state, channel, call.bot)
    return {"channel": body} if what == "topic" else {"channel": body, "purpose": text}


def invite(call: Call) -> JsonObject:
    channel = call.of_kind(*CHANNELS)
    _may_change(call, channel.kind, "invites")
    if channel.archived:
        raise SlackError("is_archived")
    users = call.listing("users")
    if not users:
        raise SlackError("no_user")
    wrong = {user: word for user in users if (word := _unfit(call, channel, user))}
    if wrong and not (call.flag("force") and len(wrong) < len(users)):
        faults = [{"ok": False, "error": word, "user": user} for user, word in wrong.items()]
        raise SlackError(next(iter(wrong.values())), errors=faults)
    for user in users:
        if user not in wrong:
            acts.join(call.core, channel, call.core.state.people[user], inviter=call.bot)
    body = channel_object(call.core.state, channel, call.bot)
    return {"channel": {**body, "is_read_only": False, "last_read": channel.read.get(call.bot, "0000000000.000000")}}


def _unfit(call: Call, channel: Channel, user: str) -> str:
    """Why this user cannot be invited, in Slack's word; "" when they can."""
    person = call.core.state.people.get(user)
    if person is None or person.deactivated:
        return "user_not_found"
    if user == call.bot:
        return "cant_invite_self"
    if user in channel.members:
        return "already_in_channel"
    if person.guest == "single":
        return "ura_max_channels"
    if person.outsider and person.team_id not in channel.external_teams:
        return "cant_invite"
    return ""


def kick(call: Call) -> JsonObject:
    channel = call.of_kind(*CHANNELS)
    _may_change(call, channel.kind)
    person = call.person()
    if person.id == call.bot:
        raise SlackError("cant_kick_self")
    if channel.general:
        raise SlackError("cant_kick_from_general")
    if person.id not in channel.members:
        raise SlackError("not_in_channel")
    acts.leave(call.core, channel, person)
    return {"errors": {}}


def mark(call: Call) -> JsonObject:
    channel = call.member_channel()
    _may_change(call, channel.kind)
    if not _TS.match(call.text("ts")):
        raise SlackError("invalid_timestamp")
    channel.read[call.bot] = call.text("ts")
    call.core.state.save(channel)
    return {}


def close(call: Call) -> JsonObject:
    channel = call.of_kind("im", "mpim")
    _may_change(call, channel.kind)
    if call.bot in channel.closed_for:
        return {"no_op": True, "already_closed": True}
    channel.closed_for.append(call.bot)
    call.core.state.save(channel)
    return {}


WRITE = ("channels:manage", "groups:write", "im:write", "mpim:write", "channels:write")
INVITE = ("channels:write.invites", "groups:write.invites", "channels:manage", "groups:write", "im:write", "mpim:write")
DESCRIBE = tuple(f"{kind}:write.topic" for kind in ("channels", "groups", "mpim", "im"))
DESCRIBE += ("channels:manage", "groups:write", "im:write", "mpim:write")
METHODS = (
    Method("conversations.join", join, "3", ("channels:join",), ("channel",)),
    Method("conversations.leave", leave, "3", WRITE, ("channel",)),
    Method("conversations.create", create, "2", WRITE),
    Method("conversations.invite", invite, "3", INVITE, ("channel",)),
    Method("conversations.kick", kick, "3", ("groups:write", "channels:manage"), ("channel",)),
    Method("conversations.rename", rename, "2", WRITE, ("channel",)),
    Method("conversations.archive", archive, "2", WRITE, ("channel",)),
    Method("conversations.unarchive", unarchive, "2", WRITE, ("channel",)),
    Method("conversations.setTopic", set_topic, "2", DESCRIBE, ("channel",)),
    Method("conversations.setPurpose", set_purpose, "2", DESCRIBE, ("channel",)),
    Method("conversations.mark", mark, "3", WRITE, ("channel", "ts")),
    Method("conversations.close", close, "2", WRITE, ("channel",)),
)
