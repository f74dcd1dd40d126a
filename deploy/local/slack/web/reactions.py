"""reactions.*"""

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
    return {"type": "message", "channel": message.channel, "message": _shown(call, message)}


def list_reactions(call: Call) -> JsonObject:
    """What the bot, or `user`, reacted to in conversations the bot is in."""
    state = call.core.state
    user = call.person().id if call.text("user") else call.bot
    found = [
        message
        for channel in state.channels.values()
        if call.bot in channel.members
        for message in state.messages.get(channel.id, {}).values()
        if any(user in users for users in message.reactions.values())
    ]
    found.sort(key=lambda message: message.ts, reverse=True)
    part, cursor = call.page(found, default=100)
    return {
        "items": [{"type": "message", "channel": one.channel, "message": _shown(call, one)} for one in part],
        "response_metadata": {"next_cursor": cursor},
    }


def _shown(call: Call, message: Message) -> JsonObject:
    body = message_object(call.core.state, message, call.core.base_url)
    channel = call.core.state.channels[message.channel]
    body["permalink"] = permalink(call.core.state.team.domain, channel, message)
    return body


READ, WRITE = ("reactions:read",), ("reactions:write",)
METHODS = (
    Method("reactions.add", add, "3", WRITE, ("name",)),
    Method("reactions.remove", remove, "2", WRITE, ("name",)),
    Method("reactions.get", get, "3", READ, json=False),
    Method("reactions.list", list_reactions, "2", READ, json=False),
)
