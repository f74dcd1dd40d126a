"""The limits of a view: titles, blocks, private metadata, and what a modal or a home may hold."""

from __future__ import annotations

import json
from typing import Any

from ..switches import Switches
from ..wire import JsonObject, SlackError, argument_error
from .blocks import check_blocks
from .checker import Checker

VIEW_BYTES = 250 * 1024
_KEYS = (
    "type",
    "title",
    "submit",
    "close",
    "blocks",
    "private_metadata",
    "callback_id",
    "external_id",
    "clear_on_close",
    "notify_on_close",
    "submit_disabled",
)


def check_view(view: Any, switches: Switches | None = None, *, kind: str = "", margin: float = 0.0) -> JsonObject:
    """The view when Slack would take it; `kind` narrows it to modal or home. Raises SlackError as views.* would.

    With a `margin` already where it comes within that share of a limit.
    """
    if not isinstance(view, dict):
        raise argument_error("must provide an object [json-pointer:/view]")
    if len(json.dumps(view).encode()) > VIEW_BYTES * (1 - margin):
        raise SlackError("view_too_large")
    check = Checker(switches, margin=margin)
    surface = str(view.get("type", ""))
    if surface not in ((kind,) if kind else ("modal", "home")):
        words = "missing required field: type" if not surface else f"unsupported type: {surface}"
        raise argument_error(f"{words} [json-pointer:/view{'/type' if surface else ''}]")
    check.keys(view, "/view", _KEYS)
    _frame(check, view, surface)
    if view.get("blocks") is None:
        check.fault("/view", "missing required field: blocks")
    check_blocks(check, view, "/view", 100, surface)
    if check.faults:
        raise argument_error("failed to match all allowed schemas [json-pointer:/view]", *check.faults)
    return view


def _frame(check: Checker, view: JsonObject, surface: str) -> None:
    check.string(view, "private_metadata", "/view", 3000)
    check.string(view, "callback_id", "/view", 255)
    check.string(view, "external_id", "/view", 255)
    check.boolean(view, "clear_on_close", "notify_on_close", "submit_disabled", at="/view")
    if surface == "home":
        for key in ("submit", "close"):
            if view.get(key) is not None:
                check.fault("/view", f"invalid additional property: {key}")
        return
    for key in ("title", "submit", "close"):
        check.text(view, key, "/view", 24, required=key == "title")
    blocks = view["blocks"] if isinstance(view.get("blocks"), list) else []
    inputs = [one for one in blocks if isinstance(one, dict) and one.get("type") == "input"]
    if inputs and view.get("submit") is None:
        check.fault("/view", "missing required field: submit")
