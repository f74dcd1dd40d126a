"""pins.* and bookmarks.*: what a channel keeps at hand."""

from __future__ import annotations

from .. import acts
from ..limits import length
from ..render import message_object
from ..state import Bookmark, Channel
from ..wire import JsonObject, SlackError, argument_error
from .call import Call, Method
from .chat import permalink

PINS_MOST = 100
BOOKMARKS_MOST = 100
TITLE_MOST, LINK_MOST = 256, 2048


def _stamp(call: Call) -> str:
    stamp = call.text("timestamp")
    if not stamp:
        raise SlackError("no_item_specified")
    if not stamp.replace(".", "", 1).isdigit() or "." not in stamp:
        raise SlackError("bad_timestamp")
    return stamp


def add(call: Call) -> JsonObject:
    channel, stamp = call.member_channel(), _stamp(call)
    message = call.message(channel, "timestamp")
    if any(item["ts"] == stamp for item in channel.pins):
        raise SlackError("already_pinned")
    if message.subtype in ("channel_join", "channel_leave", "group_join", "group_leave", "tombstone"):
        raise SlackError("not_pinnable")
    if len(channel.pins) >= PINS_MOST:
        raise SlackError("too_many_pins")
    acts.pin(call.core, channel, message, call.bot)
    return {}


def remove(call: Call) -> JsonObject:
    channel, stamp = call.channel(), _stamp(call)
    if not any(item["ts"] == stamp for item in channel.pins):
        raise SlackError("no_pin" if call.core.state.message(channel.id, stamp) else "message_not_found")
    acts.unpin(call.core, channel, call.message(channel, "timestamp"), call.bot)
    return {}


def pins(call: Call) -> JsonObject:
    channel = call.channel()
    return {"items": [item for pin in channel.pins if (item := _item(call, channel, pin))]}


def _item(call: Call, channel: Channel, pin: JsonObject) -> JsonObject | None:
    message = call.core.state.message(channel.id, pin["ts"])
    if message is None:
        return None
    shown = message_object(call.core.state, message, call.core.base_url)
    shown |= {"permalink": permalink(call.core.state.team.domain, channel, message), "pinned_to": [channel.id]}
    return {
        "type": "message",
        "created": pin["created"],
        "created_by": pin["created_by"],
        "channel": channel.id,
        "message": shown,
    }


# --- bookmarks ---------------------------------------------------------------------------------------------------


def bookmark_object(mark: Bookmark) -> JsonObject:
    return {
        "id": mark.id,
        "channel_id": mark.channel,
        "title": mark.title,
        "link": mark.link,
        "emoji": mark.emoji,
        "icon_url": "",
        "type": mark.type,
        "entity_id": mark.entity_id,
        "date_created": mark.created,
        "date_updated": mark.updated,
        "rank": mark.rank,
        "last_updated_by_user_id": mark.by,
        "last_updated_by_team_id": mark.by_team,
        "shortcut_id": "",
        "app_id": mark.app_id,
    }


def _place(call: Call) -> Channel:
    if not call.text("channel_id"):
        raise argument_error("missing required field: channel_id")
    return call.member_channel("channel_id")


def _of(call: Call, channel: Channel) -> list[Bookmark]:
    return [mark for mark in call.core.state.bookmarks.values() if mark.channel == channel.id]


def _read(call: Call) -> JsonObject:
    """title, link and emoji, as far as given. Raises SlackError."""
    said: JsonObject = {key: call.text(key) for key in ("title", "link", "emoji") if key in call.args}
    if length(said.get("title", ""), call.core.switches) > TITLE_MOST:
        raise argument_error(f"must be less than {TITLE_MOST + 1} characters [json-pointer:/title]")
    link = said.get("link")
    if link is not None and (len(link) > LINK_MOST or not link.startswith(("http://", "https://"))):
        raise SlackError("invalid_link")
    emoji = said.get("emoji")
    if emoji and not (emoji.startswith(":") and emoji.endswith(":") and len(emoji) > 2):
        raise SlackError("invalid_emoji")
    return said


def bookmarks_add(call: Call) -> JsonObject:
    channel = _place(call)
    if call.text("type") != "link":
        raise SlackError("invalid_bookmark_type")
    said, mine = _read(call), _of(call, channel)
    if not said.get("link"):
        raise SlackError("invalid_link")
    if len(mine) >= BOOKMARKS_MOST:
        raise SlackError("too_many_bookmarks")
    state, now = call.core.state, call.core.state.seconds()
    rank = f"U{len(mine):03d}"
    mark = Bookmark(
        state.new_id("Bk"), channel.id, said["title"], "link", rank, now, now, call.bot, call.app.team_id, call.app.id
    )
    mark.link, mark.emoji, mark.entity_id = said["link"], said.get("emoji", ""), call.text("entity_id")
    state.bookmarks[mark.id] = mark
    state.changed("bookmark", mark, channel=channel.id)
    return {"bookmark": bookmark_object(mark)}


def _mark(call: Call) -> Bookmark:
    channel = _place(call)
    mark = call.core.state.bookmarks.get(call.text("bookmark_id"))
    if mark is None or mark.channel != channel.id:
        raise SlackError("not_found")
    return mark


def bookmarks_edit(call: Call) -> JsonObject:
    mark = _mark(call)
    for key, value in _read(call).items():
        setattr(mark, key, value)
    mark.updated, mark.by, mark.by_team = call.core.state.seconds(), call.bot, call.app.team_id
    call.core.state.changed("bookmark", mark, channel=mark.channel)
    return {"bookmark": bookmark_object(mark)}


def bookmarks_list(call: Call) -> JsonObject:
    return {"bookmarks": [bookmark_object(mark) for mark in _of(call, _place(call))]}


def bookmarks_remove(call: Call) -> JsonObject:
    mark = _mark(call)
    del call.core.state.bookmarks[mark.id]
    call.core.state.forget(mark)
    call.core.state.changed("bookmark", None, channel=mark.channel, key=mark.id)
    return {}


WRITE, MARKS = ("pins:write",), ("bookmarks:write",)
METHODS = (
    Method("pins.add", add, "2", WRITE, ("channel",)),
    Method("pins.remove", remove, "2", WRITE, ("channel",)),
    Method("pins.list", pins, "2", ("pins:read",), ("channel",), json=False),
    Method("bookmarks.add", bookmarks_add, "2", MARKS, ("title", "type")),
    Method("bookmarks.edit", bookmarks_edit, "2", MARKS),
    Method("bookmarks.list", bookmarks_list, "3", ("bookmarks:read",)),
    Method("bookmarks.remove", bookmarks_remove, "2", MARKS),
)
