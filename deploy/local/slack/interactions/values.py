"""Values of stateful elements: what is there at first, what a person gives, what Slack checks before it sends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..core import Core
from ..limits import length
from ..limits.elements import is_date, is_time
from ..limits.normalize import elements_of
from ..render import file_object
from ..state import View
from ..wire import JsonObject

KEYS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
}
Values = dict[str, dict[str, JsonObject]]
TYPED = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
TYPED_MOST = 3000
FILES_MOST = 10
TIMES: dict[str, tuple[Callable[[object], bool], str]] = {
    "datepicker": (is_date, "YYYY-MM-DD"),
    "timepicker": (is_time, "HH:mm"),
    "datetimepicker": (lambda value: isinstance(value, int) and len(str(value)) == 10, "ten digits of seconds"),
}
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_LINK = re.compile(r"^[a-z][a-z0-9+.-]*://\S+$", re.IGNORECASE)


class WrongValue(ValueError):
    """A value an element cannot hold; the words say what it could."""


def is_list(kind: str) -> bool:
    """Whether the element holds several values."""
    return kind in ("checkboxes", "file_input") or kind.startswith("multi_")


def initial(element: JsonObject) -> JsonObject:
    """What the element holds before anybody touches it."""
    kind = str(element["type"])
    key, first = KEYS[kind]
    value = element.get(first)
    if value is None and is_list(kind):
        value = []
    return {"type": kind, key: value}


def shown_values(core: Core, blocks: list[JsonObject], typed: Values) -> Values:
    """`state.values` as payloads carry them."""
    values = collect(blocks, typed)
    if core.switches.empty_rich_text == "absent":
        for row in values.values():
            row |= {
                action: {"type": held["type"]} for action, held in row.items() if held.get("rich_text_value", 1) is None
            }
    return values


def collect(blocks: list[JsonObject], typed: Values) -> Values:
    """`state.values` of a surface: every stateful element, with what was typed or its initial value."""
    values: Values = {}
    for block in blocks:
        for element in elements_of(block):
            if element.get("type") in KEYS:
                block_id, action_id = str(block["block_id"]), str(element["action_id"])
                held = typed.get(block_id, {}).get(action_id)
                if held is None or held.get("type") != element["type"]:
                    held = initial(element)
                values.setdefault(block_id, {})[action_id] = held
    return values


def coerce(core: Core, element: JsonObject, given: Any, offered: list[JsonObject]) -> JsonObject:
    """The value object for what a person gave: a text, a value or label of an option, a name. Raises WrongValue."""
    kind = str(element["type"])
    key, _ = KEYS[kind]
    if isinstance(given, dict) and given.get("type") == kind:
        return given
    if given is None or given == "":
        return {"type": kind, key: [] if is_list(kind) else None}
    if is_list(kind):
        listed = given if isinstance(given, list) else [given]
        return {"type": kind, key: [_one(core, element, item, offered) for item in listed]}
    return {"type": kind, key: _one(core, element, given, offered)}


def _one(core: Core, element: JsonObject, given: Any, offered: list[JsonObject]) -> Any:
    kind = str(element["type"]).removeprefix("multi_")
    if kind in TYPED:
        return str(given)
    if kind in ("static_select", "radio_buttons", "checkboxes"):
        return find_option(options_of(element), given)
    if kind == "external_select":
        return find_option(offered, given)
    if kind in ("users_select", "channels_select", "conversations_select", "file_input"):
        return _thing(core, kind, str(given["id"] if isinstance(given, dict) else given))
    if kind in TIMES:
        return _moment(kind, given)
    return _rich(given) if kind == "rich_text_input" and isinstance(given, str) else given


def _moment(kind: str, given: Any) -> Any:
    """A day, a time of day, or both as seconds since 1970. Raises WrongValue."""
    fits, form = TIMES[kind]
    if kind == "datetimepicker" and isinstance(given, str) and given.isdigit():
        given = int(given)
    if not fits(given):
        raise WrongValue(f"{given!r} is nothing a {kind} holds; it holds {form}")
    return given


def _rich(words: str) -> JsonObject:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": words}]}
    return {"type": "rich_text", "elements": [section]}


def _thing(core: Core, kind: str, name: str) -> Any:
    """The id of a person or a channel, or the object of a file."""
    if kind == "users_select":
        person = core.state.person(name)
        if person is None:
            raise WrongValue(f"nobody here is called {name!r}")
        return person.id
    if kind == "file_input":
        file = core.state.files.get(name)
        if file is None:
            raise WrongValue(f"there is no file {name!r}: upload it first")
        return file_object(core.state, file, core.base_url)
    channel = core.state.channel(name)
    if channel is None:
        raise WrongValue(f"there is no channel {name!r}")
    return channel.id


def options_of(holder: JsonObject) -> list[JsonObject]:
    """The options of an element or of an answer, in groups or not."""
    options = list(holder.get("options") or [])
    for group in holder.get("option_groups") or []:
        options += group.get("options") or []
    return options


def find_option(options: list[JsonObject], given: Any) -> JsonObject:
    """The option of that value or label. Raises WrongValue naming what there is."""
    wanted = given.get("value") if isinstance(given, dict) else given
    for option in options:
        if option.get("value") == wanted:
            return option
    for option in options:
        if option.get("text", {}).get("text") == wanted:
            return option
    there = ", ".join(repr(option.get("value")) for option in options) or "none"
    raise WrongValue(f"{wanted!r} is not among the options offered: {there}")


def problems(core: Core, view: View) -> dict[str, str]:
    """What Slack's client says of the inputs of a view, by block_id."""
    held, found = collect(view.blocks, view.values), dict[str, str]()
    for block in view.blocks:
        if block["type"] != "input" or block["element"]["type"] not in KEYS:
            continue
        if words := problem(core, block, held[block["block_id"]][block["element"]["action_id"]]):
            found[block["block_id"]] = words
    return found


def problem(core: Core, block: JsonObject, value: JsonObject) -> str:
    """What Slack's client says of an input before it sends anything; "" when nothing is wrong."""
    element = block["element"]
    kind = str(element["type"])
    held = value.get(KEYS[kind][0])
    if held in (None, "", []):
        return "" if block.get("optional") else "Please complete this required field."
    if kind == "file_input":
        return _files_problem(element, held)
    if kind not in TYPED:
        most = element.get("max_selected_items")
        return f"Please select at most {most} items." if most and len(held) > most else ""
    return _typed_problem(core, element, kind, str(held))


def _files_problem(element: JsonObject, held: list[JsonObject]) -> str:
    most, kinds = element.get("max_files") or FILES_MOST, element.get("filetypes") or []
    if len(held) > most:
        return f"Please add at most {most} files."
    if kinds and any(file["filetype"] not in kinds for file in held):
        return f"Please add files of these types only: {', '.join(kinds)}."
    return ""


def _typed_problem(core: Core, element: JsonObject, kind: str, text: str) -> str:
    signs = length(text, core.switches)
    least, most = element.get("min_length"), element.get("max_length") or TYPED_MOST
    if least and signs < least:
        return f"Please enter at least {least} characters."
    if signs > most:
        return f"Please enter at most {most} characters."
    if kind == "email_text_input" and not _EMAIL.match(text):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not _LINK.match(text):
        return "Please enter a valid URL."
    return _number_problem(element, text) if kind == "number_input" else ""


def _number_problem(element: JsonObject, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return "Please enter a valid number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and number < float(low):
        return f"Please enter a number of at least {low}."
    if high is not None and number > float(high):
        return f"Please enter a number of at most {high}."
    return ""
