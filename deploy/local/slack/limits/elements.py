"""The limits of block elements and of the objects inside them: options, confirm dialogs, filters."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from ..wire import JsonObject
from .checker import MRKDWN, Checker

BASE = ("type", "action_id")
SELECT = (*BASE, "placeholder", "confirm", "focus_on_load")
_FLAGS = ("focus_on_load", "multiline", "default_to_current_conversation", "response_url_enabled")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")


def check_element(check: Checker, element: JsonObject, at: str) -> None:
    """One element, whose type is already known to be allowed here."""
    kind = element.get("type", "")
    check.string(element, "action_id", at, 255)
    rule = RULES.get(kind)
    if rule is None:
        return
    known, run = rule
    check.keys(element, at, known)
    check.boolean(element, *_FLAGS, at=at)
    if element.get("focus_on_load"):
        check.focused.append(at)
    run(check, element, at)
    if "placeholder" in known:
        check.text(element, "placeholder", at, 150)
    if "confirm" in known and element.get("confirm") is not None:
        check_confirm(check, element["confirm"], f"{at}/confirm")


def check_distinct(check: Checker, element: JsonObject, at: str, before: set[str]) -> None:
    """An element that shares its block with others, of which `before` has the action ids; it joins them."""
    action = element.get("action_id")
    if isinstance(action, str) and action:
        if action in before:
            check.fault(f"{at}/action_id", f"`action_id` {action} already exists in this block")
        before.add(action)
    check_element(check, element, at)


def check_confirm(check: Checker, confirm: Any, at: str) -> None:
    """A confirm dialog."""
    if not isinstance(confirm, dict):
        check.fault(at, "must provide an object")
        return
    check.keys(confirm, at, ("title", "text", "confirm", "deny", "style"))
    check.text(confirm, "title", at, 100, required=True)
    check.text(confirm, "text", at, 300, kinds=MRKDWN, required=True)
    check.text(confirm, "confirm", at, 30, required=True)
    check.text(confirm, "deny", at, 30, required=True)
    check.enum(confirm, "style", at, ("primary", "danger"))


def check_option(check: Checker, option: JsonObject, at: str, *, mrkdwn: bool = False) -> None:
    """One option of a select, radio group, checkbox group or overflow menu."""
    check.keys(option, at, ("text", "value", "description", "url"))
    check.text(option, "text", at, 75, kinds=MRKDWN if mrkdwn else ("plain_text",), required=True)
    check.string(option, "value", at, check.switches.option_value_most, required=True)
    check.text(option, "description", at, 75, kinds=MRKDWN if mrkdwn else ("plain_text",))
    check.string(option, "url", at, 3000)


def check_options(check: Checker, holder: JsonObject, at: str, *, most: int = 100, groups: bool = True) -> None:
    """`options`, or `option_groups`, but not both."""
    has_options, has_groups = holder.get("options") is not None, holder.get("option_groups") is not None
    if has_options == has_groups:
        check.fault(
            at, "must define either `options` or `option_groups`" if groups else "missing required field: options"
        )
        return
    for where, option in check.objects(holder, "options", at, most):
        check_option(check, option, where)
    for where, group in check.objects(holder, "option_groups", at, most):
        check.text(group, "label", where, 75, required=True)
        for inner, option in check.objects(group, "options", where, most, least=0):
            check_option(check, option, inner)


def _initial_among(check: Checker, element: JsonObject, at: str) -> None:
    groups = element.get("option_groups")
    holders = [element, *(groups if isinstance(groups, list) else [])]
    lists = [holder.get("options") for holder in holders if isinstance(holder, dict)]
    known = [option for options in lists if isinstance(options, list) for option in options]
    values = [option.get("value") for option in known if isinstance(option, dict)]
    key = "initial_options" if element.get("initial_options") else "initial_option"
    initial = element.get(key)
    for option in initial if isinstance(initial, list) else [initial] if initial else []:
        if not isinstance(option, dict) or option.get("value") not in values:
            check.fault(f"{at}/{key}", "must be one of the provided options")


def _button(check: Checker, element: JsonObject, at: str) -> None:
    check.text(element, "text", at, 75, required=True)
    check.string(element, "value", at, 2000)
    check.string(element, "url", at, 3000)
    check.string(element, "accessibility_label", at, 75)
    check.string(element, "agent_prompt", at, 4000)
    check.enum(element, "style", at, ("primary", "danger"))


def _workflow(check: Checker, element: JsonObject, at: str) -> None:
    check.text(element, "text", at, 75, required=True)
    check.string(element, "accessibility_label", at, 75)
    check.enum(element, "style", at, ("primary", "danger"))
    workflow = element.get("workflow")
    trigger = workflow.get("trigger") if isinstance(workflow, dict) else None
    if not isinstance(trigger, dict) or not isinstance(trigger.get("url"), str):
        check.fault(f"{at}/workflow/trigger", "missing required field: url")


def _feedback(check: Checker, element: JsonObject, at: str) -> None:
    for key in ("positive_button", "negative_button"):
        button = element.get(key)
        if not isinstance(button, dict):
            check.fault(at, f"missing required field: {key}")
            continue
        check.text(button, "text", f"{at}/{key}", 75, required=True)
        check.string(button, "value", f"{at}/{key}", 2000)
        check.string(button, "accessibility_label", f"{at}/{key}", 75)


def _icon(check: Checker, element: JsonObject, at: str) -> None:
    check.enum(element, "icon", at, ("trash",))
    check.text(element, "text", at, 75, required=True)
    check.string(element, "value", at, 2000)


def _static(check: Checker, element: JsonObject, at: str) -> None:
    check_options(check, element, at)
    _initial_among(check, element, at)
    _max_selected(check, element, at)


def _external(check: Checker, element: JsonObject, at: str) -> None:
    least = element.get("min_query_length")
    if least is not None and (not isinstance(least, int) or isinstance(least, bool) or least < 0):
        check.fault(f"{at}/min_query_length", "must be a non-negative integer")
    for where, option in check.objects(element, "initial_options", at, 100):
        check_option(check, option, where)
    if isinstance(element.get("initial_option"), dict):
        check_option(check, element["initial_option"], f"{at}/initial_option")
    _max_selected(check, element, at)


def _max_selected(check: Checker, element: JsonObject, at: str) -> None:
    most = element.get("max_selected_items")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        check.fault(f"{at}/max_selected_items", "must be a positive integer")


def _entities(check: Checker, element: JsonObject, at: str) -> None:
    _max_selected(check, element, at)
    if element.get("response_url_enabled") and (check.surface != "modal" or check.block != "input"):
        check.fault(f"{at}/response_url_enabled", "only allowed in an input block of a modal")
    found = element.get("filter")
    if found is None:
        return
    where = f"{at}/filter"
    if not isinstance(found, dict) or not found:
        check.fault(where, "must provide a non-empty object")
        return
    check.keys(found, where, ("include", "exclude_external_shared_channels", "exclude_bot_users"))
    check.boolean(found, "exclude_external_shared_channels", "exclude_bot_users", at=where)
    for index, kind in enumerate(check.items(found, "include", where, 4) or []):
        if kind not in ("im", "mpim", "private", "public"):
            check.fault(f"{where}/include/{index}", "must be a valid enum value")


def _overflow(check: Checker, element: JsonObject, at: str) -> None:
    check_options(check, element, at, most=5, groups=False)


def _choices(check: Checker, element: JsonObject, at: str) -> None:
    if element.get("options") is None:
        check.fault(at, "missing required field: options")
    for where, option in check.objects(element, "options", at, 10):
        check_option(check, option, where, mrkdwn=True)
    _initial_among(check, element, at)


def is_date(value: object) -> bool:
    """Whether it is a day as date pickers hold it, YYYY-MM-DD."""
    if not (isinstance(value, str) and _DATE.match(value)):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_time(value: object) -> bool:
    """Whether it is a time as time pickers hold it, HH:mm."""
    return isinstance(value, str) and _TIME.match(value) is not None


def _date(check: Checker, element: JsonObject, at: str) -> None:
    initial = element.get("initial_date")
    if initial is not None and not is_date(initial):
        check.fault(f"{at}/initial_date", "must be a date in the format YYYY-MM-DD")


def _time(check: Checker, element: JsonObject, at: str) -> None:
    initial = element.get("initial_time")
    if initial is not None and not is_time(initial):
        check.fault(f"{at}/initial_time", "must be a time in the format HH:mm")


def _moment(check: Checker, element: JsonObject, at: str) -> None:
    initial = element.get("initial_date_time")
    if initial is not None and not (isinstance(initial, int) and len(str(initial)) == 10):
        check.fault(f"{at}/initial_date_time", "must be a 10 digit UNIX timestamp")


def _typed(check: Checker, element: JsonObject, at: str) -> None:
    for key in ("min_length", "max_length"):
        length = element.get(key)
        if length is not None and not (isinstance(length, int) and 0 <= length <= 3000):
            check.fault(f"{at}/{key}", "must be between 0 and 3000")
    check.string(element, "initial_value", at, 3000)
    config = element.get("dispatch_action_config")
    if config is not None:
        allowed = {"on_enter_pressed", "on_character_entered"}
        wanted = config.get("trigger_actions_on") if isinstance(config, dict) else None
        if not isinstance(wanted, list) or not wanted or not set(wanted) <= allowed:
            check.fault(f"{at}/dispatch_action_config/trigger_actions_on", "must be a valid enum value")


def _number(check: Checker, element: JsonObject, at: str) -> None:
    if not isinstance(element.get("is_decimal_allowed"), bool):
        check.fault(at, "missing required field: is_decimal_allowed")
    for key in ("min_value", "max_value", "initial_value"):
        if element.get(key) is not None and not isinstance(element[key], str):
            check.fault(f"{at}/{key}", "must be a string")


def _image(check: Checker, element: JsonObject, at: str) -> None:
    if not (element.get("image_url") or element.get("slack_file")):
        check.fault(at, "must define either `image_url` or `slack_file`")
    check.string(element, "image_url", at, 3000)
    check.string(element, "alt_text", at, 2000, required=True)


def _files(check: Checker, element: JsonObject, at: str) -> None:
    most = element.get("max_files")
    if most is not None and not (isinstance(most, int) and 1 <= most <= 10):
        check.fault(f"{at}/max_files", "must be between 1 and 10")


def _none(check: Checker, element: JsonObject, at: str) -> None:
    return None


_TYPED = (*BASE, "placeholder", "initial_value", "dispatch_action_config", "focus_on_load")
_MULTI = (*SELECT, "max_selected_items")
_CHOICES = (*BASE, "options", "confirm", "focus_on_load")
Rule = tuple[tuple[str, ...], Callable[[Checker, JsonObject, str], None]]

RULES: dict[str, Rule] = {
    "button": ((*BASE, "text", "value", "url", "style", "confirm", "accessibility_label", "agent_prompt"), _button),
    "workflow_button": ((*BASE, "text", "workflow", "style", "accessibility_label"), _workflow),
    "feedback_buttons": ((*BASE, "positive_button", "negative_button"), _feedback),
    "icon_button": ((*BASE, "icon", "text", "value", "confirm", "accessibility_label", "visible_to_user_ids"), _icon),
    "static_select": ((*SELECT, "options", "option_groups", "initial_option"), _static),
    "multi_static_select": ((*_MULTI, "options", "option_groups", "initial_options"), _static),
    "external_select": ((*SELECT, "initial_option", "min_query_length"), _external),
    "multi_external_select": ((*_MULTI, "initial_options", "min_query_length"), _external),
    "users_select": ((*SELECT, "initial_user"), _entities),
    "multi_users_select": ((*_MULTI, "initial_users"), _entities),
    "channels_select": ((*SELECT, "initial_channel", "response_url_enabled"), _entities),
    "multi_channels_select": ((*_MULTI, "initial_channels"), _entities),
    "conversations_select": (
        (*SELECT, "initial_conversation", "default_to_current_conversation", "response_url_enabled", "filter"),
        _entities,
    ),
    "multi_conversations_select": (
        (*_MULTI, "initial_conversations", "default_to_current_conversation", "filter"),
        _entities,
    ),
    "overflow": ((*BASE, "options", "confirm"), _overflow),
    "checkboxes": ((*_CHOICES, "initial_options"), _choices),
    "radio_buttons": ((*_CHOICES, "initial_option"), _choices),
    "datepicker": ((*SELECT, "initial_date"), _date),
    "timepicker": ((*SELECT, "initial_time", "timezone"), _time),
    "datetimepicker": ((*BASE, "initial_date_time", "confirm", "focus_on_load"), _moment),
    "plain_text_input": ((*_TYPED, "multiline", "min_length", "max_length"), _typed),
    "email_text_input": (_TYPED, _typed),
    "url_text_input": (_TYPED, _typed),
    "number_input": ((*_TYPED, "is_decimal_allowed", "min_value", "max_value"), _number),
    "rich_text_input": (_TYPED, _none),
    "file_input": ((*BASE, "filetypes", "max_files"), _files),
    "image": (("type", "image_url", "slack_file", "alt_text", "image_width", "image_height", "image_bytes"), _image),
}
