"""views.*: open, push, update, publish."""

from __future__ import annotations

from ..interactions import modals
from ..limits import check_view
from ..wire import JsonObject, SlackError, argument_error
from .call import Call, Method


def _trigger_id(call: Call) -> str:
    given = call.text("trigger_id") or call.text("interactivity_pointer")
    if not given:
        raise argument_error("missing required field: trigger_id")
    return given


def _view(call: Call, kind: str) -> JsonObject:
    """The view that is to be shown. Raises SlackError."""
    data = check_view(call.value("view"), call.core.switches, kind=kind)
    call.may_embed(data["blocks"])
    return data


def open_view(call: Call) -> JsonObject:
    given = _trigger_id(call)
    data = _view(call, "modal")
    trigger = modals.spend(call.core, call.app, given)
    return {"view": modals.shown(call.core, modals.open_modal(call.core, call.app, trigger, data))}


def push(call: Call) -> JsonObject:
    given = _trigger_id(call)
    data = _view(call, "modal")
    trigger = modals.spend(call.core, call.app, given)
    return {"view": modals.shown(call.core, modals.push(call.core, call.app, trigger.person, trigger.view_id, data))}


def update(call: Call) -> JsonObject:
    if not (call.text("view_id") or call.text("external_id")):
        raise argument_error("missing required field: view_id")
    view = modals.find(call.core, call.app, call.text("view_id"), call.text("external_id"))
    data = _view(call, view.type)
    modals.check_hash(view, call.text("hash"))
    modals.replace(call.core, call.app, view, data)
    return {"view": modals.shown(call.core, view)}


def publish(call: Call) -> JsonObject:
    person = call.core.state.people.get(call.text("user_id"))
    if person is None or person.bot_of:
        raise argument_error("user not found [json-pointer:/user_id]")
    if not call.app.spec.manifest.features.app_home.home_tab_enabled:
        raise SlackError("not_enabled")
    data = _view(call, "home")
    view = modals.publish(call.core, call.app, person.id, data, call.text("hash"))
    return {"view": modals.shown(call.core, view)}


METHODS = (
    Method("views.open", open_view, "4", (), ("view",)),
    Method("views.push", push, "4", (), ("view",)),
    Method("views.update", update, "4", (), ("view",)),
    Method("views.publish", publish, "4", (), ("user_id", "view")),
)
