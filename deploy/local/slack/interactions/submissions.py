"""Sending and closing modals: view_submission with its response_action, and view_closed."""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..delivery.transport import Ack, Delivery
from ..limits import check_view
from ..limits.normalize import elements_of
from ..state import InstalledApp, Person, View
from ..wire import JsonObject, SlackError
from . import modals
from .actions import NOT_CONFIGURED, set_value
from .outcome import Outcome, blocked, of_ack
from .surface import Surface, find_element, labels
from .values import WrongValue, collect, problems

TROUBLE = "We had some trouble connecting. Try again?"


def fill(core: Core, surface: Surface, values: JsonObject) -> None:
    """Type `values` into a view: keys are block_ids, action_ids or labels. Raises WrongValue."""
    for target, given in values.items():
        if (
            isinstance(given, dict)
            and not given.get("type")
            and any(b.get("block_id") == target for b in surface.blocks)
        ):
            for action_id, inner in given.items():
                _fill_one(core, surface, action_id, inner, target)
        else:
            _fill_one(core, surface, target, given, "")


def _fill_one(core: Core, surface: Surface, target: str, given: Any, block_id: str) -> None:
    found = find_element(surface.blocks, target, block_id)
    if found is None:
        there = ", ".join(labels(surface.blocks)) or "nothing"
        raise WrongValue(f"the view has no element {target!r}; it has: {there}")
    set_value(core, surface, found[0], found[1], given)


async def submit(core: Core, person: Person, view: View, values: JsonObject) -> Outcome:
    """Press the submit button. `errors` of the outcome are the texts under inputs, Slack's own or the app's."""
    app = core.state.apps[view.app_id]
    if not app.spec.manifest.settings.interactivity.is_enabled:
        return blocked(NOT_CONFIGURED)
    fill(core, Surface(app, person, view=view), values)
    held = collect(view.blocks, view.values)
    if errors := problems(core, view):
        _show(core, view, errors=errors, lacking=True)
        return blocked("Please correct the marked fields.", errors=errors)
    trigger = core.trigger(app, person.id, view=view.id, channel=view.channel)
    payload = core.interaction(app, "view_submission", person.id)
    payload |= {
        "trigger_id": trigger,
        "view": modals.shown(core, view),
    }
    place = payload if core.switches.response_urls_place == "top" else payload["view"]
    place["response_urls"] = _response_urls(core, app, person, view, held)
    view.busy = True
    _show(core, view)
    url = app.spec.manifest.settings.interactivity.request_url
    ack = await core.transport.deliver(app, Delivery("interactive", payload, url, "view_submission"))
    view.busy = False
    if view.id not in core.state.views:
        return of_ack(ack, trigger_id=trigger)
    outcome = of_ack(ack, trigger_id=trigger)
    _answer(core, app, view, ack, outcome)
    return outcome


def _show(
    core: Core, view: View, *, errors: dict[str, str] | None = None, notice: str = "", lacking: bool = False
) -> None:
    view.errors, view.notice, view.lacking = errors or {}, notice, lacking
    core.state.changed("view", view, person=view.person)


def _response_urls(
    core: Core, app: InstalledApp, person: Person, view: View, held: dict[str, dict[str, JsonObject]]
) -> list[JsonObject]:
    found: list[JsonObject] = []
    for block in view.blocks:
        for element in elements_of(block):
            if not element.get("response_url_enabled") or block["type"] != "input":
                continue
            value = held[block["block_id"]][element["action_id"]]
            channel_id = value.get("selected_conversation") or value.get("selected_channel")
            if channel_id:
                record = core.response_url(app, "app", person.id, core.state.channels[channel_id])
                found.append(
                    {
                        "block_id": block["block_id"],
                        "action_id": element["action_id"],
                        "channel_id": channel_id,
                        "response_url": f"{core.base_url}{record.path}",
                    }
                )
    return found


def _answer(core: Core, app: InstalledApp, view: View, ack: Ack, outcome: Outcome) -> None:
    """Do what the app answered; an answer Slack cannot use leaves the modal open with a red line."""
    body = ack.payload or {}
    action = body.get("response_action")
    if not ack.ok or (ack.text.strip() and ack.payload is None):
        outcome.text = TROUBLE
        _show(core, view, notice=TROUBLE)
        return
    try:
        _respond(core, app, view, action, body, outcome)
    except SlackError as refusal:
        outcome.text, outcome.result = TROUBLE, "refused"
        core.log.add("ack", "view_submission", core.clock.now(), app.id, result=refusal.code, answer=refusal.body())
        _show(core, view, notice=TROUBLE)


def _respond(core: Core, app: InstalledApp, view: View, action: str | None, body: JsonObject, outcome: Outcome) -> None:
    if action is None:
        modals.close(core, view)
    elif action == "clear":
        modals.close(core, view, everything=True)
    elif action == "errors":
        outcome.errors = _checked_errors(view, body.get("errors"))
        _show(core, view, errors=outcome.errors)
    elif action == "update":
        modals.replace(core, app, view, check_view(body.get("view"), core.switches, kind="modal"))
    elif action == "push":
        modals.push(core, app, view.person, view.id, check_view(body.get("view"), core.switches, kind="modal"))
    else:
        raise SlackError("invalid_response_action")


def _checked_errors(view: View, errors: object) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise SlackError("invalid_errors")
    return {str(block_id): str(words) for block_id, words in errors.items()}


async def close(core: Core, person: Person, view: View, *, everything: bool = False) -> Outcome:
    """Cancel (this view), or the × (all of them). The app hears of it when it asked to."""
    app = core.state.apps[view.app_id]
    stack = [core.state.views[view_id] for view_id in core.state.stacks.get(person.id, [])]
    everything = everything or view.clear_on_close
    told = stack[0] if everything and stack else view
    wanted = any(one.notify_on_close for one in stack) if everything else view.notify_on_close
    payload = core.interaction(app, "view_closed", person.id)
    payload |= {"view": modals.shown(core, told), "is_cleared": everything}
    modals.close(core, view, everything=everything)
    if not wanted:
        return Outcome("acked")
    url = app.spec.manifest.settings.interactivity.request_url
    ack = await core.transport.deliver(app, Delivery("interactive", payload, url, "view_closed", False))
    return of_ack(ack)
