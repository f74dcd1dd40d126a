"""Clicks and choices (block_actions), and the options an external select asks the app for (block_suggestion)."""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..delivery.transport import Delivery
from ..limits.checker import Checker
from ..limits.elements import check_options
from ..limits.normalize import normalize_texts
from ..wire import JsonObject
from .outcome import Outcome, blocked, of_ack
from .surface import Surface, entries, is_stateful
from .values import WrongValue, coerce, find_option, options_of

NOT_CONFIGURED = "This app is not configured to handle interactive responses."
WORKFLOW = "This button starts a workflow of Slack; an app hears nothing of it."
NO_OPTIONS = "No results"
OFFERED_MOST = 1000
SORTS = {"channel": "public", "group": "private", "im": "im", "mpim": "mpim"}


async def act(core: Core, surface: Surface, block: JsonObject, element: JsonObject, given: Any) -> Outcome:
    """Press or choose. Raises WrongValue when the element cannot hold what was given."""
    if not surface.app.spec.manifest.settings.interactivity.is_enabled:
        return blocked(NOT_CONFIGURED)
    if element["type"] == "workflow_button":
        return blocked(WORKFLOW)
    surface = surface.on(block)
    held = set_value(core, surface, block, element, given) if is_stateful(element) else {}
    payload = core.interaction(surface.app, "block_actions", surface.person.id)
    view = surface.view
    modal = view.id if view and view.type == "modal" else ""
    channel = surface.channel.id if surface.channel else (view.channel if view else "")
    trigger = core.trigger(surface.app, surface.person.id, view=modal, channel=channel)
    payload |= {"trigger_id": trigger, **surface.place(core)}
    response_url = _response_url(core, surface)
    if response_url:
        payload["response_url"] = response_url
    payload["actions"] = [_entry(core, block, element, held, given)]
    url = surface.app.spec.manifest.settings.interactivity.request_url
    takes = core.switches.block_actions_take_payload
    ack = await core.transport.deliver(surface.app, Delivery("interactive", payload, url, "block_actions", takes))
    words = "" if ack.ok else "This action did not reach the app. Try again."
    return of_ack(ack, words, trigger_id=trigger, response_url=response_url)


def _response_url(core: Core, surface: Surface) -> str:
    if not (surface.message and surface.channel):
        return ""
    record = core.response_url(
        surface.app,
        "actions",
        surface.person.id,
        surface.channel,
        surface.message.ts,
        surface.message.ephemeral_for,
    )
    return f"{core.base_url}{record.path}"


def _entry(core: Core, block: JsonObject, element: JsonObject, held: JsonObject, given: Any) -> JsonObject:
    entry: JsonObject = {
        "type": element["type"],
        "block_id": block["block_id"],
        "action_id": element["action_id"],
    }
    for key in ("text", "value", "style", "url", "placeholder", "confirm"):
        if key in element:
            entry[key] = element[key]
    for key in ("initial_option", "initial_options", "initial_date", "initial_time", "min_query_length"):
        if key in element:
            entry[key] = element[key]
    if element["type"] == "feedback_buttons":
        chosen = next((one for one in entries(element) if given in (one.get("value"), one["text"]["text"])), None)
        entry |= {key: chosen[key] for key in ("text", "value") if chosen and key in chosen}
    if element["type"] == "icon_button":
        entry["icon"] = element["icon"]
    if element["type"] == "overflow":
        entry["selected_option"] = find_option(options_of(element), given)
    entry |= held
    now = core.clock.now()
    entry["action_ts"] = f"{now:.6f}"
    return entry


def set_value(core: Core, surface: Surface, block: JsonObject, element: JsonObject, given: Any) -> JsonObject:
    """Remember what a person put in an element, telling nobody. Raises WrongValue."""
    offered = core.offered.get(surface.key, {}).get((str(block["block_id"]), str(element["action_id"])), {})
    held = coerce(core, element, given, list(offered.values()))
    _check_places(core, surface, element, held)
    values = surface.values(core)
    values.setdefault(str(block["block_id"]), {})[str(element["action_id"])] = held
    if surface.view:
        core.state.save(surface.view)
    return held


def _check_places(core: Core, surface: Surface, element: JsonObject, held: JsonObject) -> None:
    """Only conversations that the person sees and the element offers can be chosen. Raises WrongValue."""
    kind = str(element["type"]).removeprefix("multi_")
    if kind not in ("channels_select", "conversations_select"):
        return
    rule = element.get("filter") or {}
    offered = ["public"] if kind == "channels_select" else rule.get("include") or list(SORTS.values())
    value = next((one for key, one in held.items() if key != "type"), None)
    for channel_id in value if isinstance(value, list) else [value] if value else []:
        channel = core.state.channels.get(channel_id)
        hidden = channel is None or not core.state.sees(surface.person, channel)
        if channel is None or hidden or SORTS[channel.kind] not in offered:
            raise WrongValue(f"the conversation {channel_id!r} is not among those offered")
        if rule.get("exclude_external_shared_channels") and channel.external_teams:
            raise WrongValue(f"#{channel.name} is shared with another organisation and not offered")
        if rule.get("exclude_bot_users") and channel.app_id:
            raise WrongValue("that is a direct message with an app and not offered")


def dispatches(block: JsonObject, element: JsonObject) -> bool:
    """Whether choosing in this element tells the app at once."""
    if block["type"] == "input":
        return bool(block.get("dispatch_action"))
    return True


async def suggest(core: Core, surface: Surface, block: JsonObject, element: JsonObject, query: str) -> Outcome:
    """Ask the app for options; what it offers can then be chosen."""
    least = element.get("min_query_length", 3)
    if len(query) < least:
        return blocked(f"Type at least {least} characters.")
    payload = core.interaction(surface.app, "block_suggestion", surface.person.id)
    payload |= {"action_id": element["action_id"], "block_id": block["block_id"], "value": query}
    place = surface.place(core)
    place.pop("state", None)
    payload |= place
    interactivity = surface.app.spec.manifest.settings.interactivity
    url = interactivity.message_menu_options_url or interactivity.request_url
    ack = await core.transport.deliver(surface.app, Delivery("options", payload, url, "block_suggestion"))
    outcome = of_ack(ack)
    if not ack.ok or not _good_options(core, ack.payload):
        outcome.text = NO_OPTIONS
        outcome.result = "refused" if ack.ok else ack.result
        return outcome
    answer = normalize_texts(ack.payload)
    outcome.options, outcome.option_groups = answer.get("options") or [], answer.get("option_groups") or []
    key = (str(block["block_id"]), str(element["action_id"]))
    offered = core.offered.setdefault(surface.key, {}).setdefault(key, {})
    offered.update({str(option["value"]): option for option in options_of(answer)})
    while len(offered) > OFFERED_MOST:
        offered.pop(next(iter(offered)))
    return outcome


def _good_options(core: Core, answer: JsonObject | None) -> bool:
    if answer is None:
        return False
    if answer.get("options") == [] or answer.get("option_groups") == []:
        return True
    check = Checker(core.switches)
    check_options(check, answer, "")
    return not check.faults
