"""What went over the wire for a message, a modal or a home: by the ids Slack's payloads carry, and nothing guessed."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlsplit

from ..interactions import modals
from ..limits import meter
from ..log import Entry
from ..render import message_object
from ..state import Message, Person, View
from ..wire import JsonObject
from .body import Ask, ControlError, Verb

BEFORE = 10.0  # seconds before a message in which what came from its channel is shown beside it
MOST = 200


def trace(ask: Ask) -> JsonObject:
    """Of the message `ts` in `channel`, a modal (`view`), an app's `home`, or of all: the newest `limit` entries."""
    core, limit = ask.core, int(ask.number("limit", MOST))
    if ask.text("view") or ask.text("home"):
        return _of_view(ask, limit)
    if not ask.text("ts"):
        return {"ok": True, "entries": [_row(entry, "") for entry in core.log.since()[-limit:]], "rates": _rates(ask)}
    person = ask.person(active=False)
    channel = ask.channel(person, member=False)
    said = ask.message(person, channel)
    body = message_object(core.state, said, core.base_url, metadata=True, viewer=person.id)
    found = related(core.log.since(), said)
    return {
        "ok": True,
        "entries": [_row(entry, why) for entry, why in found[-limit:]],
        "rates": _rates(ask),
        "uses": [asdict(use) for use in meter.uses(said.blocks, "message", core.switches)] if said.blocks else [],
        "message": body,
    }


def _of_view(ask: Ask, limit: int) -> JsonObject:
    """`view` of the answer is null when a modal is closed, or nothing was published; its entries are there still."""
    core, person = ask.core, ask.person(active=False)
    home = ask.app().id if ask.text("home") else ""
    view_id = core.state.homes.get((home, person.id), "") if home else ask.text("view")
    view = core.state.views.get(view_id)
    if view and view.person != person.id:
        raise ControlError(f"the view {view_id!r} is not open for {person.name}")
    found = related_to_view(core.log.since(), view_id, view, person, home)
    return {
        "ok": True,
        "entries": [_row(entry, why) for entry, why in found[-limit:]],
        "rates": _rates(ask),
        "uses": [asdict(use) for use in meter.uses(view.blocks, view.type, core.switches)] if view else [],
        "view": modals.shown(core, view) if view else None,
    }


def related_to_view(
    log: list[Entry], view_id: str, view: View | None, person: Person, home: str
) -> list[tuple[Entry, str]]:
    """Entries with the way they belong to the view: itself, or opened (what led to it). `home` is an app's id or ""."""
    log = [entry for entry in log if entry.request is not None]
    found: dict[int, tuple[Entry, str]] = {}
    made_on_it: set[str] = set()  # triggers
    opened_by: set[str] = set()
    for entry in log:
        request = entry.request or {}
        named = bool(view_id) and view_id in _views(entry)
        if not (named or request.get("trigger_id") in made_on_it or (home and _of_home(entry, person, home))):
            continue
        found[entry.number] = (entry, "itself")
        trigger = str(request.get("trigger_id") or "")
        if entry.kind == "delivery" and trigger:
            made_on_it.add(trigger)
        elif entry.name in ("views.open", "views.push"):
            opened_by.add(trigger)
    below = view.previous_id if view else ""
    pushed_by = [entry for entry in log if below and below in _views(entry) and _pushes(entry)][-1:]
    for entry in log:
        led = entry.kind == "delivery" and (entry.request or {}).get("trigger_id") in opened_by
        if led or entry in pushed_by:
            found.setdefault(entry.number, (entry, "opened"))
    return [found[number] for number in sorted(found)]


def _views(entry: Entry) -> set[str]:
    """The ids of the views that an entry names."""
    body, answer = entry.request or {}, entry.answer if isinstance(entry.answer, dict) else {}
    event, container = body.get("event"), body.get("container")
    parts = [body.get("view"), answer.get("view"), event.get("view") if isinstance(event, dict) else None]
    found = {part.get("id") for part in parts if isinstance(part, dict)} | {body.get("view_id")}
    found |= {container.get("view_id")} if isinstance(container, dict) else set()
    return {str(one) for one in found if one}


def _pushes(entry: Entry) -> bool:
    """Whether an app's answer to a submission put another view on top."""
    return isinstance(entry.answer, dict) and entry.answer.get("response_action") == "push"


def _of_home(entry: Entry, person: Person, app: str) -> bool:
    """Whether somebody looked at the app's home, or the app published it, well or not."""
    if entry.app != app or entry.name not in ("app_home_opened", "views.publish"):
        return False
    body = entry.request or {}
    event = body.get("event")
    if not isinstance(event, dict):
        return body.get("user_id") == person.id
    return event.get("tab") == "home" and event.get("user") == person.id


def related(log: list[Entry], said: Message) -> list[tuple[Entry, str]]:
    """Entries with the way they belong to the message: itself, thread, or before (only near in time and place)."""
    log = [entry for entry in log if entry.request is not None]
    found: dict[int, tuple[Entry, str]] = {}
    triggers: set[str] = set()
    paths: set[str] = set()
    for entry in log:
        why = _why(entry, said, triggers, paths)
        if why:
            found[entry.number] = (entry, why)
            if entry.kind == "delivery" and entry.request:
                triggers.add(str(entry.request.get("trigger_id")))
                paths.add(urlsplit(str(entry.request.get("response_url") or "")).path)
    posted = float(said.ts)
    for entry in log:
        if entry.kind == "delivery" and posted - BEFORE <= entry.at <= posted and _place(entry) == said.channel:
            found.setdefault(entry.number, (entry, "before"))
    return [found[number] for number in sorted(found)]


def _why(entry: Entry, said: Message, triggers: set[str], paths: set[str]) -> str:
    if (entry.request or {}).get("trigger_id") in triggers or (entry.path and entry.path in paths):
        return "itself"
    if _place(entry) != said.channel:
        return ""
    stamps = _stamps(entry)
    if said.ts in stamps["own"]:
        return "itself"
    return "thread" if said.ts in stamps["thread"] else ""


def _place(entry: Entry) -> str:
    """The channel that an entry names."""
    body, answer = entry.request or {}, entry.answer if isinstance(entry.answer, dict) else {}
    nested = [body.get(key) for key in ("container", "channel", "event", "item")]
    for part in nested:
        if isinstance(part, dict):
            place = part.get("channel_id") or part.get("channel") or part.get("id")
            if isinstance(place, str):
                return place
    return str(body.get("channel_id") or answer.get("channel") or body.get("channel") or "")


def _stamps(entry: Entry) -> dict[str, set[str]]:
    body, answer = entry.request or {}, entry.answer if isinstance(entry.answer, dict) else {}
    parts = [body, answer, *(body.get(key) for key in ("container", "message", "event"))]
    parts += [part.get("message") for part in parts if isinstance(part, dict)]
    own: set[str] = set()
    thread: set[str] = set()
    for part in parts:
        if isinstance(part, dict):
            own |= {str(part[key]) for key in ("ts", "message_ts", "timestamp") if isinstance(part.get(key), str)}
            if isinstance(part.get("thread_ts"), str):
                thread.add(part["thread_ts"])
    return {"own": own, "thread": thread}


def _row(entry: Entry, why: str) -> JsonObject:
    return {**asdict(entry), "why": why}


def _rates(ask: Ask) -> list[JsonObject]:
    core = ask.core
    if not core.rates.on or not core.state.apps:
        return []
    now = core.clock.now()
    return [
        {"app": app, "method": " ".join(key), "left": left, "most": most}
        for app in core.state.apps
        for key, left, most in core.rates.left(app, now)
    ]


VERBS: dict[str, Verb] = {"trace": trace}
