"""What telling an event is made of, and the words that many events share."""

from bot.model import Event, Record, Risk
from bot.personal import shown
from bot.render import words
from bot.render.escape import one_line
from bot.view import RunView


class Told(Record):
    """One event in words. `quote` is what a person typed; `wakes` are Slack ids to notify."""

    said: str
    alert: str = ""  # what a lock screen shows in its place
    quote: str = ""
    then: str = ""  # what to do next
    points: tuple[str, ...] = ()
    wakes: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()  # those of them who are told by a direct message in any case
    alone: bool = False  # an end, a question, a refusal, a point of no return: a reply of its own
    until: bool = False  # with the date at which the request lapses
    answer: bool = False  # with the run's answer
    icon: str = ""


CARD = "the card at the top of this thread"


def then_of(told: Told, card: str) -> str:
    """What to do next, with other words for where the card is."""
    return told.then.replace(CARD, card).replace(f"{CARD[0].upper()}{CARD[1:]}", f"{card[0].upper()}{card[1:]}")


def word(event: Event, *keys: str) -> str:
    """The first text under one of these keys of the event's body."""
    found = (event.body.get(key) for key in keys)
    return next((one_line(given, 1500) for given in found if isinstance(given, str) and given), "")


def because(event: Event) -> str:
    why = word(event, "why", "sentence")
    return f": {why}" if why else ""


def step_of(view: RunView, event: Event) -> str:
    return next((one_line(s.text, 200) for s in view.steps if s.name == event.step), event.step or "the step")


def again(view: RunView) -> str:
    """The line that asks for the same once more, as *Ask again* does; its reason is another each time."""
    given = {name: value for name, value in shown(view.given, view.masks).items() if name != "reason"}
    why = "" if view.risk is Risk.READ else ' reason="..."'
    return f"If it is still needed, type it again: {words.command(view.command, given)}{why}"
