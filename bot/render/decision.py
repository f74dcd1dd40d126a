"""Whose word let a run start, or ended it before it started: as its card and a lock screen say it."""

from datetime import datetime

from bot.model import Event, Record, State
from bot.render import words
from bot.render.approvals import signed
from bot.render.message import Names
from bot.view import RunView


class Decision(Record):
    """In words. `quote` is what that person wrote; `until`: how long a request stood that nobody answered."""

    said: str = ""
    quote: str = ""
    until: datetime | None = None


def decision(view: RunView, names: Names) -> Decision | None:
    """None while it is open, and where nobody had to decide."""
    match view.state:
        case State.PLANNING | State.AWAITING | State.REFUSED:
            return None
        case State.DENIED:
            return _by(view, names, "denied", "Denied by {who}.")
        case State.CANCELLED if event := _last(view, "cancelled"):
            return Decision(said=cancelled_by(view, names, event), quote=_text(event))
        case State.SUPERSEDED:
            other = str(getattr(_last(view, "superseded"), "body", {}).get("by") or "another request")
            return _by(view, names, "superseded", f"Replaced by {other}, as {{who}} wished.")
        case State.EXPIRED:
            return _expired(view, names)
    return Decision(said=said) if (said := approved_by(view, names)) else None


def cancelled_by(view: RunView, names: Names, event: Event) -> str:
    """Who cancelled it; where nobody did, why it does not go on."""
    match event.body.get("why"):
        case "parent":
            return f"Cancelled: {view.parent or 'the run that called it'} needs it no longer."
        case "ledger":
            return "Not gone on with: the bot's own database lost time, and nobody can know how far this had come."
    return f"Cancelled by {names.person(event.actor)}."


def approved_by(view: RunView, names: Names) -> str:
    """ "Approved by Ben Okafor and Cleo Lindqvist."; empty where no approval counts."""
    given = [signed(approval, names) for approval in view.approvals if approval.counts]
    return f"Approved by {words.listed(given)}." if given else ""


def _expired(view: RunView, names: Names) -> Decision:
    if was_approved(view):
        late = f"{said}." if (said := held_up(view)) else "It could not start in time."
        return Decision(said=f"{approved_by(view, names)} {late}".lstrip())
    said = f"{approved_by(view, names)} Nobody else answered." if view.approvals else ""
    return Decision(said=said, until=view.expires_at)


def was_approved(view: RunView) -> bool:
    """Whether every approval that this plan needs was there."""
    last = [e.kind for e in view.events if e.kind in ("approved", "admitted", "differed", "amended")]
    return last[-1:] in (["approved"], ["admitted"]) or bool(held_up(view))


def held_up(view: RunView) -> str:
    """What kept an approved request from starting until it lapsed, as half a sentence; else empty."""
    body = getattr(_last(view, "expired"), "body", {})
    if frozen := body.get("frozen"):
        return f"{frozen['name']} lasted until its time was over"
    return f"{body['held_by']} held its target until its time was over" if body.get("held_by") else ""


def _by(view: RunView, names: Names, kind: str, said: str) -> Decision | None:
    event = _last(view, kind)
    return Decision(said=said.replace("{who}", names.person(event.actor)), quote=_text(event)) if event else None


def _last(view: RunView, kind: str) -> Event | None:
    return next((event for event in reversed(view.events) if event.kind == kind), None)


def _text(event: Event) -> str:
    text = event.body.get("text")
    return text if isinstance(text, str) else ""
