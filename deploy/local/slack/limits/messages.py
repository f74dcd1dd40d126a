"""The limits of a message: its blocks, its text, its metadata."""

from __future__ import annotations

import json
from typing import Any

from ..switches import Switches
from ..wire import JsonObject, SlackError
from .blocks import check_blocks
from .checker import Checker, length, shortened

TEXT_MOST = 40_000
UPDATE_TEXT_MOST = 4_000
_WORDS = (
    "author_link", "author_name", "color", "fallback", "footer", "image_url", "pretext", "text", "thumb_url", "title",
    "title_link",
)  # fmt: skip


def check_message_blocks(
    blocks: Any, switches: Switches | None = None, *, margin: float = 0.0, at: str = ""
) -> list[JsonObject]:
    """The blocks when Slack would take them. Raises SlackError: invalid_blocks_format, invalid_blocks, …too_long.

    With a `margin` already where they come within that share of a limit. `at` points to what holds them.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    check = Checker(switches, margin=margin)
    check_blocks(check, {"blocks": blocks}, at, 50, "message")
    if check.faults:
        lines = [f"[ERROR] {fault}" for fault in check.faults]
        raise SlackError("invalid_blocks", errors=list(check.faults), response_metadata={"messages": lines})
    if len(json.dumps(blocks)) > check.switches.message_blocks_characters * (1 - margin):
        raise SlackError("msg_blocks_too_long")
    return blocks


def checked_attachment(attachment: Any) -> JsonObject:
    """A copy of an attachment with its words as strings. Raises SlackError invalid_attachments."""
    if not isinstance(attachment, dict):
        raise SlackError("invalid_attachments")
    rows = attachment.get("fields")
    if not isinstance(rows, (list, type(None))) or not all(isinstance(row, dict) for row in rows or []):
        raise SlackError("invalid_attachments")
    copy = _worded(attachment, _WORDS)
    return copy if rows is None else {**copy, "fields": [_worded(row, ("title", "value")) for row in rows]}


def _worded(holder: JsonObject, keys: tuple[str, ...]) -> JsonObject:
    words = {key: holder[key] for key in keys if holder.get(key) is not None}
    if any(isinstance(one, (dict, list)) for one in words.values()):
        raise SlackError("invalid_attachments")
    return {**holder, **{key: str(one) for key, one in words.items()}}


def check_text(text: str, switches: Switches | None = None, *, most: int = TEXT_MOST) -> tuple[str, list[str]]:
    """The text Slack would keep, and the warnings it would give."""
    switches = switches or Switches()
    if length(text, switches) > most:
        return shortened(text, most, switches), ["message_truncated"]
    return text, []


def checked_metadata(metadata: Any, switches: Switches | None = None) -> JsonObject:
    """Message metadata when Slack would take it; {} removes it. Raises SlackError."""
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if not metadata:
        return {}
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata).encode()) > (switches or Switches()).metadata_bytes:
        raise SlackError("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}
