"""What went over the wire for one message: by the ids that Slack's own payloads carry, and nothing guessed."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlsplit

from ..limits import meter
from ..log import Entry
from ..render import message_object
from ..state import Message
from ..wire import JsonObject
from .body import Ask, Verb

BEFORE = 10.0  # seconds before a message in which what came from its channel is shown beside it
MOST = 200


def trace(ask: Ask) -> JsonObject:
    """Of the message `ts` in `channel`, or without one the newest entries of all; `limit` of them."""
    core, limit = ask.core, int(ask.number("limit", MOST))
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
        "uses": [asdict(use) for use in meter.uses(said.blocks, "message")] if said.blocks else [],
        "message": body,
    }


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
