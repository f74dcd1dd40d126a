"""What is different in a plan that is asked anew, after an amendment or because the world moved."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.model import Event, State
from bot.render import words
from bot.render.blocks import bullets, line, rich, text
from bot.render.escape import one_line, size
from bot.render.message import Block
from bot.view import RunView

SHOWN = 12  # of them on a card and in a reply
VALUE = 200  # characters of one value
POINT = 500
BRIEFLY = 120
SAME = "The plan is the same as the one before."


def values(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Of what was asked, each as it was and as it is: "backup: shop-0411 → shop-0412". The reason comes last."""
    names = sorted(dict.fromkeys([*now, *before]), key=lambda name: name == "reason")
    return [
        f"{name.replace('_', '-')}: {_value(before.get(name))} → {_value(now.get(name))}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _value(given: Any) -> str:
    said = one_line(words.value(given), VALUE).replace('"', "'")
    return said if said and " " not in said else f'"{said}"'


def of(event: Event) -> list[str] | None:
    """What an event says of the plan before; None where there was none, or where nothing but approvals were lost."""
    found = event.body.get("changes")
    return None if found is None else [str(point) for point in found]


def waiting(view: RunView) -> list[str] | None:
    """The changes of the plan that is asked for now."""
    planned = [event for event in view.events if event.kind in ("proposed", "differed")]
    return of(planned[-1]) if planned and view.state is State.AWAITING else None


def points(changes: Sequence[str]) -> tuple[str, ...]:
    """As many as a message holds, and where the others are."""
    more = len(changes) - SHOWN
    shown = (one_line(point, POINT) for point in changes[:SHOWN])
    return (*shown, *([f"and {more} more: Details has them"] if more > 0 else []))


def briefly(changes: Sequence[str], limit: int = BRIEFLY) -> str:
    """The first of them, on one line: "backup: a → b; over: 10m → 15m, and 2 more"."""
    said = [one_line(point, limit) for point in changes[:1]]
    for point in changes[1:]:
        if size("; ".join([*said, point])) > limit:
            break
        said.append(one_line(point))
    more = len(changes) - len(said)
    return "; ".join(said) + (f", and {more} more" if more else "")


def on_card(view: RunView) -> list[Block]:
    changes = waiting(view)
    if changes is None:
        return []
    if not changes:
        return [rich(line(text(SAME)))]
    return [rich(line(text("Changed since the plan before", bold=True)), bullets([text(p)] for p in points(changes)))]
