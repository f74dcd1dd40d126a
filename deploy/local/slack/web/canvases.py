"""canvases.*: markdown documents, whole or by section, and who may read them."""

from __future__ import annotations

import re
from typing import Any

from ..state import Canvas, Channel
from ..wire import JsonObject, SlackError, argument_error
from .call import Call, Method

CANVAS_BYTES = 1024 * 1024
_HEADING = re.compile(r"^(#{1,3}) ", re.MULTILINE)
_SECTION_TYPES = ("any_header", "h1", "h2", "h3")
_BESIDE = ("insert_after", "insert_before")
_WHERE = (*_BESIDE, "insert_at_start", "insert_at_end", "replace", "delete", "rename")


def _document(content: Any) -> str:
    """The markdown of a document_content. Raises SlackError."""
    if not isinstance(content, dict) or content.get("type") != "markdown":
        raise argument_error("must provide an object of type markdown [json-pointer:/document_content]")
    markdown = content.get("markdown")
    if not isinstance(markdown, str):
        raise argument_error("must be a string [json-pointer:/document_content/markdown]")
    if len(markdown.encode()) > CANVAS_BYTES:
        raise SlackError("canvas_too_large")
    return markdown


def _sections(call: Call, markdown: str) -> list[dict[str, str]]:
    """The markdown cut before each heading and at each empty line."""
    parts = [part for part in re.split(r"\n\s*\n|\n(?=#{1,3} )", markdown.strip()) if part.strip()]
    return [{"id": f"temp:C:{call.core.state.new_id('')}", "markdown": part} for part in parts]


def _make(call: Call, channel: Channel | None) -> Canvas:
    content = call.value("document_content")
    state = call.core.state
    canvas = Canvas(state.new_id("F"), call.app.id, call.text("title"), state.seconds())
    canvas.sections = _sections(call, _document(content)) if content is not None else []
    canvas.access[call.bot] = "owner"
    if channel:
        canvas.channel, canvas.access[channel.id] = channel.id, "write"
    state.canvases[canvas.id] = canvas
    state.changed("canvas", canvas, channel=canvas.channel)
    return canvas


def create(call: Call) -> JsonObject:
    channel = call.member_channel("channel_id") if call.text("channel_id") else None
    if channel is None and not call.core.state.team.paid:
        raise SlackError("free_teams_cannot_create_standalone_canvases")
    if channel and not call.core.state.team.paid:
        _one_a_channel(channel, "free_team_canvas_tab_already_exists")
    canvas = _make(call, channel)
    if channel and not call.core.state.team.paid:
        channel.canvas = canvas.id
    return {"canvas_id": canvas.id}


def _one_a_channel(channel: Channel, refusal: str) -> None:
    if channel.canvas:
        raise SlackError(refusal)


def create_in_channel(call: Call) -> JsonObject:
    channel = call.member_channel("channel_id")
    _one_a_channel(channel, "channel_canvas_already_exists")
    channel.canvas = _make(call, channel).id
    call.core.state.changed("channel", channel, channel=channel.id)
    return {"canvas_id": channel.canvas}


def _canvas(call: Call, *, write: bool = True) -> Canvas:
    canvas = call.core.state.canvases.get(call.text("canvas_id"))
    if canvas is None:
        raise SlackError("canvas_not_found")
    state = call.core.state
    mine = [canvas.access.get(call.bot, "")]
    mine += [level for key, level in canvas.access.items() if key in state.channels and _is_in(call, key)]
    if not any(mine):
        raise SlackError("canvas_not_found")
    if write and not set(mine) & {"write", "owner"}:
        raise SlackError("restricted_action")
    return canvas


def _is_in(call: Call, channel: str) -> bool:
    return call.bot in call.core.state.channels[channel].members


def edit(call: Call) -> JsonObject:
    canvas, changes = _canvas(call), call.value("changes")
    if not isinstance(changes, list) or len(changes) != 1 or not isinstance(changes[0], dict):
        raise argument_error("must hold exactly one change [json-pointer:/changes]")
    change = changes[0]
    if change.get("operation") not in _WHERE:
        raise argument_error("must be a valid enum value [json-pointer:/changes/0/operation]")
    _apply(call, canvas, change)
    if sum(len(part["markdown"].encode()) for part in canvas.sections) > CANVAS_BYTES:
        raise SlackError("canvas_too_large")
    call.core.state.changed("canvas", canvas, channel=canvas.channel)
    return {}


def _apply(call: Call, canvas: Canvas, change: JsonObject) -> None:
    operation, section = change["operation"], change.get("section_id")
    if operation == "rename":
        title = change.get("title_content")
        canvas.title = _document(title if title is not None else change.get("document_content"))
        return
    if operation in (*_BESIDE, "delete") and not section:
        raise argument_error("missing required field: section_id [json-pointer:/changes/0]")
    new = [] if operation == "delete" else _sections(call, _document(change.get("document_content")))
    if operation == "replace" and not section:
        canvas.sections = new
        return
    at = _index(canvas, str(section)) if section else 0
    end = {"replace": at + 1, "delete": at + 1, "insert_after": at + 1, "insert_at_end": len(canvas.sections)}
    begin = {"insert_after": at + 1, "insert_at_start": 0, "insert_at_end": len(canvas.sections)}.get(operation, at)
    canvas.sections[begin : max(begin, end.get(operation, begin))] = new


def _index(canvas: Canvas, section: str) -> int:
    for index, part in enumerate(canvas.sections):
        if part["id"] == section:
            return index
    raise SlackError("canvas_editing_failed", detail="the section is not in the canvas")


def delete(call: Call) -> JsonObject:
    canvas, state = _canvas(call), call.core.state
    del state.canvases[canvas.id]
    state.forget(canvas)
    for channel in state.channels.values():
        if channel.canvas == canvas.id:
            channel.canvas = ""
            state.save(channel)
    return {}


def lookup(call: Call) -> JsonObject:
    canvas, criteria = _canvas(call, write=False), call.value("criteria")
    if not isinstance(criteria, dict) or not criteria:
        raise argument_error("must provide an object [json-pointer:/criteria]")
    types, text = criteria.get("section_types") or [], str(criteria.get("contains_text") or "")
    if not set(types) <= set(_SECTION_TYPES):
        raise argument_error("must be a valid enum value [json-pointer:/criteria/section_types]")
    found = [part for part in canvas.sections if text in part["markdown"] and _is_a(part["markdown"], types)]
    return {"sections": [{"id": part["id"]} for part in found]}


def _is_a(markdown: str, types: list[str]) -> bool:
    if not types:
        return True
    heading = _HEADING.match(markdown)
    return heading is not None and ("any_header" in types or f"h{len(heading[1])}" in types)


def set_access(call: Call) -> JsonObject:
    canvas, level = _canvas(call), call.text("access_level")
    if level not in ("read", "write", "owner"):
        raise SlackError("invalid_parameters")
    for key in _whom(call):
        canvas.access[key] = level
    call.core.state.save(canvas)
    return {}


def delete_access(call: Call) -> JsonObject:
    canvas = _canvas(call)
    for key in _whom(call):
        canvas.access.pop(key, None)
    call.core.state.save(canvas)
    return {}


def _whom(call: Call) -> list[str]:
    """Either channels or users. Raises SlackError invalid_parameters, channel_not_found, user_not_found."""
    channels, users = call.listing("channel_ids"), call.listing("user_ids")
    if bool(channels) == bool(users) or (channels and call.text("access_level") == "owner"):
        raise SlackError("invalid_parameters")
    if not set(channels) <= set(call.core.state.channels):
        raise SlackError("channel_not_found")
    if not set(users) <= set(call.core.state.people):
        raise SlackError("user_not_found")
    return channels or users


WRITE = ("canvases:write",)
METHODS = (
    Method("canvases.create", create, "2", WRITE),
    Method("conversations.canvases.create", create_in_channel, "2", WRITE, ("channel_id",)),
    Method("canvases.edit", edit, "3", WRITE, ("canvas_id", "changes")),
    Method("canvases.delete", delete, "3", WRITE, ("canvas_id",)),
    Method("canvases.access.set", set_access, "3", WRITE, ("canvas_id", "access_level")),
    Method("canvases.access.delete", delete_access, "3", WRITE, ("canvas_id",)),
    Method("canvases.sections.lookup", lookup, "3", ("canvases:read",), ("canvas_id", "criteria")),
)
