"""A person's modals and the app's home: opening, stacking, replacing, publishing, closing; triggers and hashes."""

from __future__ import annotations

import secrets

from ..core import TRIGGER_LIFE, Core
from ..limits import normalize_blocks
from ..limits.normalize import elements_of
from ..render import view_object
from ..state import InstalledApp, Trigger, View
from ..wire import JsonObject, SlackError, argument_error
from .values import collect, problems, shown_values

STACK_MOST = 3


def spend(core: Core, app: InstalledApp, trigger_id: str) -> Trigger:
    """Use up a trigger. Raises SlackError: invalid_, expired_ or exchanged_trigger_id."""
    trigger = core.state.triggers.get(trigger_id)
    if trigger is None or trigger.app_id != app.id:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise _too_late(core, "exchanged")
    if core.clock.now() - trigger.created > TRIGGER_LIFE:
        raise _too_late(core, "expired")
    trigger.used = True
    core.state.save(trigger)
    return trigger


def _too_late(core: Core, how: str) -> SlackError:
    match core.switches.trigger_words:
        case "guide":
            return SlackError(f"trigger_{how}")
        case "invalid_arguments":
            return argument_error(f"{how} [json-pointer:/trigger_id]")
        case _:
            return SlackError(f"{how}_trigger_id")


def shown(core: Core, view: View) -> JsonObject:
    """The view object with its current values."""
    return view_object(view, core.state.apps[view.app_id], shown_values(core, view.blocks, view.values))


def _hash(core: Core) -> str:
    return f"{core.state.seconds()}.{secrets.token_hex(4)}"


def _fill(core: Core, view: View, data: JsonObject) -> None:
    """Take over everything a view payload says."""
    view.blocks = normalize_blocks(data["blocks"])
    view.callback_id = data.get("callback_id") or ""
    view.external_id = data.get("external_id") or ""
    view.private_metadata = data.get("private_metadata") or ""
    view.title, view.submit, view.close = (_plain(data.get(key)) for key in ("title", "submit", "close"))
    view.clear_on_close = bool(data.get("clear_on_close"))
    view.notify_on_close = bool(data.get("notify_on_close"))
    view.submit_disabled = bool(data.get("submit_disabled"))
    view.hash = _hash(core)
    view.errors, view.notice = {}, ""


def _here(core: Core, view: View) -> None:
    """Put the conversation the view was opened from where an element asks for it."""
    if view.channel not in core.state.channels:
        return
    for block in view.blocks:
        for element in elements_of(block):
            key = "initial_conversations" if str(element.get("type")).startswith("multi_") else "initial_conversation"
            if element.get("default_to_current_conversation") and not element.get(key):
                chosen = {key.replace("initial", "selected"): [view.channel] if key.endswith("s") else view.channel}
                held = view.values.setdefault(str(block["block_id"]), {})
                held[str(element["action_id"])] = {"type": element["type"], **chosen}


def _plain(text: JsonObject | None) -> JsonObject | None:
    return {"emoji": True, **text} if text else None


def _check_external(core: Core, app: InstalledApp, data: JsonObject, but: str = "") -> None:
    external = data.get("external_id")
    if external and any(
        view.external_id == external and view.app_id == app.id and view.id != but for view in core.state.views.values()
    ):
        raise SlackError("duplicate_external_id")


def _new(core: Core, app: InstalledApp, person: str, data: JsonObject, channel: str) -> View:
    view = View(core.state.new_id("V"), app.id, person, data["type"], [], "", channel=channel)
    _fill(core, view, data)
    _here(core, view)
    core.state.views[view.id] = view
    return view


def _gone(core: Core, view_id: str) -> None:
    """The view is no more, nor what was offered on it."""
    core.state.forget(core.state.views.pop(view_id))
    core.offered.pop(view_id, None)


def stack_changed(core: Core, person: str, view: View | None = None) -> None:
    """Tell who waits that the person's modals changed."""
    core.state.dirty_stacks.add(person)
    core.state.changed("view", view, person=person)


def open_modal(core: Core, app: InstalledApp, trigger: Trigger, data: JsonObject) -> View:
    """Show a modal; whatever modal was open gives way."""
    _check_external(core, app, data)
    if core.state.stacks.get(trigger.person) and core.switches.second_modal == "refused":
        raise SlackError("invalid_trigger_id")
    for view_id in core.state.stacks.get(trigger.person, []):
        _gone(core, view_id)
    view = _new(core, app, trigger.person, data, trigger.channel)
    view.root_id = view.id
    core.state.stacks[trigger.person] = [view.id]
    stack_changed(core, trigger.person, view)
    return view


def push(core: Core, app: InstalledApp, person: str, under: str, data: JsonObject) -> View:
    """Put a modal on top of `under`. Raises SlackError not_found, push_limit_reached."""
    stack = core.state.stacks.get(person, [])
    if under not in stack:
        raise SlackError("not_found")
    if len(stack) >= STACK_MOST:
        raise SlackError("push_limit_reached")
    _check_external(core, app, data)
    below = core.state.views[under]
    view = _new(core, app, person, data, below.channel)
    view.root_id, view.previous_id = below.root_id, below.id
    stack.append(view.id)
    stack_changed(core, person, view)
    return view


def replace(core: Core, app: InstalledApp, view: View, data: JsonObject) -> None:
    """Update a view in place: what was typed stays where block_id and action_id stay.

    So does what the client itself says of a field, which the app cannot know of; the app's own errors go.
    """
    _check_external(core, app, data, but=view.id)
    said = set(view.errors) if view.lacking else set[str]()
    _fill(core, view, data)
    view.values = collect(view.blocks, view.values)
    view.errors = {block_id: words for block_id, words in problems(core, view).items() if block_id in said}
    core.state.changed("home" if view.type == "home" else "view", view, person=view.person)


def find(core: Core, app: InstalledApp, view_id: str, external_id: str) -> View:
    """The app's view of that id. Raises SlackError not_found."""
    for view in core.state.views.values():
        if view.app_id == app.id and (
            (view_id and view.id == view_id) or (external_id and view.external_id == external_id)
        ):
            return view
    raise SlackError("not_found")


def check_hash(view: View, given: str) -> None:
    """Raises SlackError hash_conflict when the caller saw an older view."""
    if given and given != view.hash:
        raise SlackError("hash_conflict")


def publish(core: Core, app: InstalledApp, person: str, data: JsonObject, given_hash: str) -> View:
    """Set the person's App Home."""
    view_id = core.state.homes.get((app.id, person))
    if view_id:
        view = core.state.views[view_id]
        check_hash(view, given_hash)
        replace(core, app, view, data)
        view.values = {}
        return view
    if given_hash:
        raise SlackError("hash_conflict")
    _check_external(core, app, data)
    view = _new(core, app, person, data, "")
    view.root_id = view.id
    core.state.homes[(app.id, person)] = view.id
    core.state.changed("home", view, person=person)
    return view


def close_all_of(core: Core, app: InstalledApp) -> None:
    """Take every modal and home of an app away, because the app is."""
    for view in [view for view in core.state.views.values() if view.app_id == app.id]:
        stack = core.state.stacks.get(view.person, [])
        if view.id in stack:
            stack.remove(view.id)
        core.state.homes.pop((app.id, view.person), None)
        _gone(core, view.id)
        stack_changed(core, view.person)


def close(core: Core, view: View, *, everything: bool = False) -> None:
    """Take the view (or the whole stack) off the screen."""
    stack = core.state.stacks.get(view.person, [])
    start = 0 if everything else stack.index(view.id)
    for view_id in stack[start:]:
        _gone(core, view_id)
    del stack[start:]
    stack_changed(core, view.person)
