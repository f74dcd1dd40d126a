"""What a form's row remembers besides its fields: which run it amends, which line it repeats, what it is about."""

from collections.abc import Mapping, Sequence

from bot.model import Record

# No field's name begins with a point.
RUN, PRINT, LINE, SAME, ABOUT, WITHIN, HOME, WITHHELD = (
    ".run", ".fingerprint", ".line", ".same", ".about", ".within", ".home", ".withheld",
)  # fmt: skip
OVER = "~"  # later than every change of a field: the form is no longer on the screen


class Amends(Record):
    """The run whose request a form changes."""

    run: int
    fingerprint: str


def amending(run: int, fingerprint: str, values: Mapping[str, str]) -> dict[str, str]:
    return {**values, RUN: str(run), PRINT: fingerprint}


def amended(values: Mapping[str, str]) -> Amends | None:
    """Which run a form amends; None for a new request."""
    if RUN not in values:
        return None
    return Amends(run=int(values[RUN]), fingerprint=values.get(PRINT, ""))


def typed(line: str) -> dict[str, str]:
    """Remembers a line, so that a button can ask it once more."""
    return {LINE: line}


def line_of(values: Mapping[str, str]) -> str:
    return values.get(LINE, "")


def same(run: int | None) -> dict[str, str]:
    """Remembers the run that was asked by the very same line, where the line itself is not to be kept."""
    return {SAME: str(run)}


def same_as(values: Mapping[str, str]) -> int | None:
    return int(values[SAME]) if values.get(SAME, "").isdecimal() else None


def about(link: str, run: int | None = None) -> dict[str, str]:
    """Remembers the message that somebody began from, and the run in whose thread it stands."""
    return ({ABOUT: link} if link else {}) | ({WITHIN: str(run)} if run is not None else {})


def kept_of(values: Mapping[str, str]) -> dict[str, str]:
    """What a form takes over from the picker that led to it: where it was begun."""
    return {name: values[name] for name in (WITHIN, HOME) if values.get(name)}


def within(values: Mapping[str, str]) -> int | None:
    """The run in whose thread a form was begun."""
    return int(values[WITHIN]) if values.get(WITHIN, "").isdecimal() else None


def reason(values: Mapping[str, str]) -> dict[str, str]:
    """A first reason, that leads back to that message; whoever asks writes on."""
    return {"reason": f"About {values[ABOUT]}: "} if values.get(ABOUT) else {}


def from_home(origin: str) -> dict[str, str]:
    """Remembers the Home that a form was opened from: it is drawn anew once something was asked."""
    return {HOME: origin} if origin else {}


def home_of(values: Mapping[str, str]) -> str:
    return values.get(HOME, "")


def withholding(names: Sequence[str]) -> dict[str, str]:
    """Remembers the personal fields that a line filled, by name alone: they stand empty, and the form says why."""
    return {WITHHELD: ",".join(names)} if names else {}


def withheld(values: Mapping[str, str]) -> frozenset[str]:
    return frozenset(values.get(WITHHELD, "").split(","))
