"""Somebody who may not do a thing themselves asks those who could: whom, for what, and who is not called."""

from bot.model import Event, Risk, State
from bot.render import approvals, words
from bot.render.escape import one_line
from bot.render.message import Names
from bot.render.telling import CARD, Told, word
from bot.view import RunView

WAITS = (State.AWAITING, State.IN_DOUBT)


def called_in(view: RunView, names: Names, event: Event) -> Told:
    """Those who decide are asked to look at a run that waits for them."""
    people = words.listed([approvals.by_name(view, names, person) for person in _people(event, "whom")])
    what = view.plan.sentence if view.plan else words.command(view.command)
    said = f"{names.person(event.actor)} asks {people} to look at {view.tag}: {one_line(what, 300).rstrip('.')}."
    said = f"{said}{_others(names, event)}"
    if view.state not in WAITS:
        return Told(said=said, icon="🙋")
    wakes = accounts(view, names, event)
    then = f"You may decide: Approve, Deny or Ask back on {CARD}."
    if view.state is State.IN_DOUBT:
        then = f"You may answer its question on {CARD}."
    elif not wakes:
        then = "The list of what waits for them calls them."
    return Told(said=said, then=then, wakes=wakes, alone=True, until=view.state is State.AWAITING, icon="🙋")


def accounts(view: RunView, names: Names, event: Event) -> tuple[str, ...]:
    """Slack ids of those whom such an event calls, but for who has decided since, and whom their digest calls."""
    settled = {*view.barred, *approvals.given(view)} if view.state is State.AWAITING else set(view.barred)
    people = [person for person in _people(event, "whom") if person not in settled]
    ids = dict.fromkeys(account for person in people for account in names.accounts.get(person, ()))
    return tuple(one for one in ids if one not in names.joined)


def to_ask(view: RunView, names: Names, event: Event) -> Told:
    """Those who may ask for an operation are asked to, by somebody who may not."""
    whom = [f"{names.person(p)} (on call)" if p in names.on_call else names.person(p) for p in _people(event, "whom")]
    who, are = names.person(view.requester), "is" if len(whom) == 1 else "are"
    may = f"{words.listed(whom)} may, and {are} called."
    rule = word(event, "sentence").rstrip(".")
    said = f"{who} wants this done and may not ask for it: {rule[:1].lower()}{rule[1:]}. {may}{_others(names, event)}"
    press = "" if view.risk is Risk.READ else f"press Ask again on {CARD}, or "
    then = f"If it is right, {press}type it: {word(event, 'line')}"
    ids = dict.fromkeys(one for person in _people(event, "whom") for one in names.accounts.get(person, ()))
    return Told(said=said, then=then, wakes=tuple(ids), alone=True, icon="🙋")


def _people(event: Event, key: str) -> list[str]:
    """Persons' keys under that word of the event."""
    found = event.body.get(key)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _others(names: Names, event: Event) -> str:
    """Who could as well, and is not called, and why."""
    more, spared = event.body.get("more"), [names.person(person) for person in _people(event, "spared")]
    said = (
        f" {more} more could, and {'is' if more == 1 else 'are'} not called." if isinstance(more, int) and more else ""
    )
    if not spared:
        return said
    one = len(spared) == 1
    most = spared if len(spared) <= 6 else [*spared[:5], f"{len(spared) - 5} more"]
    return (
        f"{said} {words.listed(most)} {'has' if one else 'have'} quiet hours and {'is' if one else 'are'} not called."
    )
