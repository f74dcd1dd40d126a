"""reactions.* and pins.add."""

from __future__ import annotations

import re

from .. import acts
from ..render import message_object
from ..state import Message
from ..wire import JsonObject, SlackError
from .call import Call, Method
from .chat import permalink

_NAME = re.compile(r"^[a-z0-9_+'-]+(::skin-tone-[2-6])?$")
_TS = re.compile(r"^\d+\.\d+$")
REACTIONS_MOST = 23


def _item(call: Call) -> Message:
    if not call.text("channel") or not call.text("timestamp"):
        raise SlackError("no_item_specified")
    if not _TS.match(call.text("timestamp")):
        raise SlackError("bad_timestamp")
    return call.message(call.channel(), "timestamp")


def _name(call: Call) -> str:
    name = call.text("name").strip(":")
    if not _NAME.match(name):
        raise SlackError("invalid_name")
    return name


def add(call: Call) -> JsonObject:
    name, message = _name(call), _item(call)
    if call.core.state.channels[message.channel].archived:
        raise SlackError("is_archived")
    if name not in message.reactions and len(message.reactions) >= REACTIONS_MOST:
        raise SlackError("too_many_emoji")
    if not acts.react(call.core, message, call.bot, name):
        raise SlackError("already_reacted")
    return {}


def remove(call: Call) -> JsonObject:
    name, message = _name(call), _item(call)
    if not acts.unreact(call.core, message, call.bot, name):
        raise SlackError("no_reaction")
    return {}


def get(call: Call) -> JsonObject:
    message = _item(call)
    body = message_object(call.core.state, message, call.core.base_url)
    channel = call.core.state.channels[message.channel]
    body["permalink"] = permalink(call.core.state.team.domain, channel, message)
    return {"type": "message", "channel": message.channel, "message": body}


def pin(call: Call) -> JsonObject:
    channel = call.member_channel()
    if not call.text("timestamp"):
        raise SlackError("no_item_specified")
    message = call.message(channel, "timestamp")
    if any(item["ts"] == message.ts for item in channel.pins):
        raise SlackError("already_pinned")
    channel.pins.append({"ts": message.ts, "created": call.core.state.seconds(), "created_by": call.bot})
    call.core.state.changed("channel", channel, channel=channel.id)
    return {}


WRITE = ("reactions:write",)
METHODS = (
    Method("reactions.add", add, "3", WRITE, ("name",)),
    Method("reactions.remove", remove, "2", WRITE, ("name",)),
    Method("reactions.get", get, "3", ("reactions:read",)),
    Method("pins.add", pin, "2", ("pins:write",), ("channel",)),
)
