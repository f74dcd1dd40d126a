"""What Slack changes in what it stores: generated ids, spelled-out defaults, escaped entities, linked URLs."""

from __future__ import annotations

import copy
import re
import secrets
from typing import Any

from ..wire import JsonObject

_ID_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/="
_TOKEN = re.compile(r"<(?:[@#!][^<>\n]+|(?:https?|mailto|tel|slack):[^<>\n]*)>")
_URL = re.compile(r"https?://(?:(?!&[lg]t;)[^\s<>|`])+")
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_AMP = re.compile(r"&(?!amp;|lt;|gt;)")
_QUIET = {"image", "plain_text", "mrkdwn", "workflow_button"}


def generated_id() -> str:
    """A short id like those Slack gives blocks and elements that come without one."""
    return "".join(secrets.choice(_ID_SIGNS) for _ in range(5))


def normalize_blocks(blocks: list[JsonObject]) -> list[JsonObject]:
    """A copy of the blocks as Slack gives them back."""
    done: list[JsonObject] = copy.deepcopy(blocks)
    for block in nested(done):
        block.setdefault("block_id", generated_id())
        for element in elements_of(block):
            if element.get("type") not in _QUIET and str(element.get("type", "")) and block["type"] != "rich_text":
                element.setdefault("action_id", generated_id())
        if block["type"] == "input":
            block.setdefault("optional", False)
            block.setdefault("dispatch_action", False)
        if block["type"] not in ("rich_text", "table", "markdown"):
            _texts(block)
    return done


def normalize_texts(value: Any) -> Any:
    """A copy of options, or whatever holds texts, with what Slack spells out of each."""
    done = copy.deepcopy(value)
    _texts(done)
    return done


def nested(blocks: list[JsonObject]) -> list[JsonObject]:
    """The blocks with those inside containers and carousels, each after what holds it."""
    found: list[JsonObject] = []
    for block in blocks:
        found.append(block)
        inside = block.get("elements") if block["type"] == "carousel" else block.get("child_blocks")
        found += nested([one for one in inside or [] if isinstance(one, dict) and "type" in one])
    return found


def elements_of(block: JsonObject) -> list[JsonObject]:
    """The elements a block holds, in order; a block within it is none."""
    held = block.get("actions") if block.get("type") == "card" else block.get("elements")
    found = [block.get("accessory"), block.get("element"), *(held or [])]
    return [one for one in found if isinstance(one, dict) and one.get("type") != "card"]


def _texts(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _texts(item)
    elif isinstance(value, dict):
        if value.get("type") == "plain_text" and "text" in value:
            value.setdefault("emoji", True)
        elif value.get("type") == "mrkdwn" and "text" in value:
            value.setdefault("verbatim", False)
        for key, item in value.items():
            if key not in ("private_metadata", "value") and isinstance(item, (dict, list)):
                _texts(item)


def normalize_text(text: str, *, links: bool = True) -> str:
    """Message text as Slack gives it back: stray `<`, `>` and `&` escaped, bare URLs in angle brackets."""
    parts: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(_plain(text[end : match.start()], links))
        parts.append(match.group())
        end = match.end()
    parts.append(_plain(text[end:], links))
    return "".join(parts)


def _plain(text: str, links: bool) -> str:
    escaped = _AMP.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    # Slack leaves URLs inside code alone; a text with code in it is left alone as a whole here.
    if not links or "`" in text:
        return escaped
    return "".join(f"<{piece}>" if is_url else piece for piece, is_url in cut_at_urls(escaped))


def cut_at_urls(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text, each with whether it is a bare URL: a sentence's end is not of it."""
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _URL.finditer(text):
        url = _trimmed(match.group())
        pieces += [(text[end : match.start()], False), (url, True)]
        end = match.start() + len(url)
    return [(piece, is_url) for piece, is_url in (*pieces, (text[end:], False)) if piece]


def _trimmed(url: str) -> str:
    while not url.endswith("&amp;"):
        last = url[-1]
        if last not in ".,;:!?'\"" and url.count(last) <= url.count(_CLOSERS.get(last, last)):
            break
        url = url[:-1]
    return url
