"""One Web API call: its merged arguments as typed values, and the refusals common to many methods."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import Core
from ..limits import nested
from ..state import Channel, InstalledApp, Message, Person
from ..wire import JsonObject, SlackError, argument_error, as_text, read_json

READ_SCOPES = ("channels:read", "groups:read", "im:read", "mpim:read")
HISTORY_SCOPES = ("channels:history", "groups:history", "im:history", "mpim:history")
KIND_WORD = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
_TRUE = {"1", "true", "True"}
_CURSOR = re.compile(r"bmV4dDo([0-9a-f]+)=")


@dataclass(slots=True)
class Call:
    """A method call by `app`. `args` are query, form and JSON body merged."""

    core: Core
    app: InstalledApp
    args: JsonObject

    @property
    def bot(self) -> str:
        """The calling bot's user id."""
        return self.app.spec.bot_user_id

    def text(self, key: str, default: str = "") -> str:
        """A string argument. Raises SlackError where it is a list or an object."""
        value = self.args.get(key)
        return default if value is None else as_text(value, key)

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean argument, however the SDK wrote it."""
        value = self.args.get(key)
        if isinstance(value, bool):
            return value
        if value is None:
            return default
        return str(value) in _TRUE

    def number(self, key: str, default: int) -> int:
        """A whole number argument. Raises `invalid_arguments`."""
        value = self.args.get(key)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise argument_error(f"must be a number [json-pointer:/{key}]") from None

    def listing(self, key: str) -> list[str]:
        """A list of strings: a JSON list, or comma-joined."""
        value = self.args.get(key)
        if isinstance(value, str):
            value = _maybe_json(value) if value.startswith("[") else value.split(",")
        if not isinstance(value, list):
            return []
        return [str(item).strip() for item in value if str(item).strip()]

    def value(self, key: str) -> Any:
        """A nested argument, parsed when it came as a JSON string."""
        found = self.args.get(key)
        return _maybe_json(found) if isinstance(found, str) else found

    def contents(self) -> JsonObject:
        """The arguments with message parts parsed and booleans as booleans."""
        args = dict(self.args)
        for key in ("blocks", "attachments", "metadata"):
            if args.get(key) == "":
                args.pop(key)
            elif key in args:
                args[key] = self.value(key)
        for key in ("reply_broadcast", "mrkdwn"):
            if key in args:
                args[key] = self.flag(key)
        return args

    def need_scope(self, *scopes: str) -> None:
        """Raises `missing_scope` unless the token has one of `scopes`."""
        if not self.app.scopes.intersection(scopes):
            raise missing_scope(self.app, scopes[0])

    def may_embed(self, blocks: Sequence[JsonObject]) -> None:
        """Raises `missing_scope` where a video is to be shown without links.embed:write."""
        if any(block["type"] == "video" for block in nested(list(blocks))):
            self.need_scope("links.embed:write")

    def channel(self, key: str = "channel", *, family: str = "") -> Channel:
        """The conversation named by an id the app can see. `family` read or history checks the kind's own scope."""
        name = self.text(key)
        channel = self.core.state.channels.get(name)
        if channel is None and name.startswith("#"):
            channel = self.core.state.channel(name)
        if channel is None or (channel.kind != "channel" and self.bot not in channel.members):
            raise SlackError("channel_not_found")
        if family:
            self.need_scope(f"{KIND_WORD[channel.kind]}:{family}")
        return channel

    def member_channel(self, key: str = "channel", *, family: str = "") -> Channel:
        """A conversation the bot is in. Raises `not_in_channel`."""
        channel = self.channel(key, family=family)
        if self.bot not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def of_kind(self, *kinds: str, key: str = "channel", member: bool = True) -> Channel:
        """A conversation of one of `kinds`. Raises `method_not_supported_for_channel_type` for the others."""
        channel = self.channel(key)
        if channel.kind not in kinds:
            raise SlackError("method_not_supported_for_channel_type")
        if member and self.bot not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def message(self, channel: Channel, key: str = "ts") -> Message:
        """A message of the channel. Raises `message_not_found`."""
        found = self.core.state.message(channel.id, self.text(key))
        if found is None:
            raise SlackError("message_not_found")
        return found

    def person(self, key: str = "user") -> Person:
        """A user by id. Raises `user_not_found`."""
        found = self.core.state.people.get(self.text(key))
        if found is None:
            raise SlackError("user_not_found")
        return found

    def page(self, items: list[Any], *, default: int, most: int = 1000) -> tuple[list[Any], str]:
        """One page of `items` by `limit` and `cursor`, and the next cursor. Raises `invalid_limit` and such."""
        limit = self.number("limit", default)
        if not 1 <= limit <= most:
            raise SlackError("invalid_limit")
        start = decode_cursor(self.text("cursor"))
        part = items[start : start + limit]
        return part, encode_cursor(start + limit) if start + limit < len(items) else ""


def _maybe_json(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return text


def encode_cursor(offset: int) -> str:
    """An opaque cursor."""
    return f"bmV4dDo{offset:x}="


def decode_cursor(cursor: str) -> int:
    """The offset in a cursor. Raises `invalid_cursor`."""
    if not cursor:
        return 0
    given = _CURSOR.fullmatch(cursor)
    if given is None:
        raise SlackError("invalid_cursor")
    return int(given[1], 16)


def missing_scope(app: InstalledApp, needed: str) -> SlackError:
    """`missing_scope` with what is needed and what the token has."""
    return SlackError("missing_scope", needed=needed, provided=",".join(sorted(app.scopes)) or "identify")


Handler = Callable[[Call], JsonObject | Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the Web API. `scopes`: any one will do. `caller`: whose token it takes: bot, app, config, or none.

    `json` says whether it reads a JSON body, `lacks` with which word it refuses when a required argument is absent.
    """

    name: str
    run: Handler
    tier: str = "3"
    scopes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    caller: str = "bot"
    json: bool = True
    lacks: str = "invalid_arguments"
