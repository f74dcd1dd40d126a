"""Every operation by its command, what a line of words means, and the environment that its targets belong to."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from bot import parse
from bot.effect import Target
from bot.fields import FieldSpec, fields
from bot.leaks import hidden
from bot.model import Risk
from bot.operation import Input, Observed, Operation, Voice
from bot.words import Word


@dataclass(frozen=True)
class Entry:
    """One operation under its command."""

    command: str  # "ops db restore"
    operation: Operation[Any, Any]
    params: type[Input]
    facts: type[Observed]
    path: Path

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(self.command.split())

    @property
    def risk(self) -> Risk:
        return self.operation.risk

    @property
    def may_rise(self) -> bool:
        """Whether its own `raises` can lift the risk."""
        return type(self.operation).raises is not Operation.raises

    @cached_property
    def tells(self) -> frozenset[str]:
        """The channels that its file names for its plans to tell; what is only computed is judged with the plan."""
        text = self.path.read_text(encoding="utf-8") if self.path.is_file() else ""
        if "Plan(" not in text or "tells=(" not in text:
            return frozenset()
        plans = (
            n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Plan"
        )
        told = (k.value for plan in plans for k in plan.keywords if k.arg == "tells")
        return frozenset(str(n.value) for value in told for n in ast.walk(value) if isinstance(n, ast.Constant))

    @property
    def fields(self) -> tuple[FieldSpec, ...]:
        return fields(self.params)

    @property
    def summary(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def text(self) -> str:
        """The whole help text."""
        return docstring(type(self.operation))


@dataclass(frozen=True)
class Found:
    """An operation, and the words that follow its command."""

    entry: Entry
    rest: tuple[str, ...]


@dataclass(frozen=True)
class NotFound:
    """The longest known beginning, what may follow it, and what somebody may have meant."""

    area: str
    word: str  # the first word that is not known; "" where the words end at an area
    next: tuple[str, ...]
    suggestions: tuple[str, ...]  # whole commands


@dataclass(frozen=True)
class Area:
    """A branch of the picker's tree."""

    words: str  # "ops db"; "" is the root
    areas: Mapping[str, "Area"] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)


def docstring(kind: type) -> str:
    """A class's own docstring, without its indentation; "" where it has none."""
    text = vars(kind).get("__doc__") or ""
    return "\n".join(line.strip() for line in text.strip().splitlines())


class NoOperation(LookupError):
    """A command that this version does not have."""


class Places(Protocol):
    """What config says of targets."""

    @property
    def environments(self) -> tuple[str, ...]: ...  # from the mildest to the strictest
    def environment(self, kind: str, key: str) -> str: ...  # "" where the target has none; raises LookupError


class Catalogue:
    """Every operation by its command."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: Mapping[str, Entry] = {e.command: e for e in sorted(entries, key=lambda e: e.command)}

    @property
    def floors(self) -> dict[str, Risk]:
        """The risk floor of each command, for `policy.flatten` and the hash of config."""
        return {command: entry.risk for command, entry in self.entries.items()}

    @property
    def personal(self) -> tuple[str, ...]:
        """The operations that take a personal value, as typed."""
        return tuple(f"/{command}" for command, entry in self.entries.items() if any(s.personal for s in entry.fields))

    def get(self, command: str) -> Entry:
        """The operation of that very command. Raises NoOperation with what to type."""
        if command not in self.entries:
            near = self._not_found(command.split()).suggestions
            raise NoOperation(f"there is no operation `{command}`; {_did_you_mean(near) or 'type help to see them'}")
        return self.entries[command]

    def quiet(self, command: str) -> bool:
        """Whether an operation's voice is quiet; one that is not here any more speaks."""
        return command in self.entries and self.entries[command].operation.voice is Voice.QUIET

    def find(self, words: Sequence[str]) -> Found | NotFound:
        """The longest command that these words begin with, a slash before the first being ignored."""
        plain = [word.removeprefix("/") if i == 0 else word for i, word in enumerate(words)]
        lowered = [word.lower() for word in plain]
        for length in range(len(lowered), 0, -1):
            entry = self.entries.get(" ".join(lowered[:length]))
            if entry is not None:
                return Found(entry, tuple(plain[length:]))
        return self._not_found(lowered)

    def _not_found(self, words: list[str]) -> NotFound:
        known = 0
        while known < len(words) and self._after(words[: known + 1]):
            known += 1
        following = self._after(words[:known])
        wrong = words[known] if known < len(words) else ""
        longest = max((len(entry.words) for entry in self.entries.values()), default=0)
        near = self._near_below(words[:known], " ".join(words[known:longest])) if wrong else ()
        branches = get_close_matches(wrong, following, n=2, cutoff=0.6)
        wanted = {(*words[:known], branch): rank for rank, branch in enumerate(branches)}
        close = [e for e in self.entries.values() if e.words[: known + 1] in wanted]
        rest = tuple(words[known + 1 :])
        # What follows the mistyped word counts first, then how near that word is.
        close.sort(
            key=lambda e: (e.words[known + 1 :] != rest[: len(e.words) - known - 1], wanted[e.words[: known + 1]])
        )
        suggestions = tuple(entry.command for entry in close[:3]) or near  # a whole line looks like many others
        return NotFound(" ".join(words[:known]), wrong, following, suggestions)

    def _after(self, words: list[str]) -> tuple[str, ...]:
        depth = len(words)
        commands = (entry.words for entry in self.entries.values())
        return tuple(dict.fromkeys(c[depth] for c in commands if len(c) > depth and list(c[:depth]) == words))

    def _near_below(self, area: list[str], typed: str) -> tuple[str, ...]:
        """Commands of an area that look like this behind it: the area's own words make nothing look alike."""
        below = {" ".join(e.words[len(area) :]): e.command for e in self.entries.values() if _begins(e, area)}
        return tuple(below[rest] for rest in get_close_matches(typed, below, n=3, cutoff=0.6))

    def tree(self) -> Area:
        """The areas and operations as the picker shows them."""
        return self._area(())

    def _area(self, words: tuple[str, ...]) -> Area:
        inside = [e for e in self.entries.values() if e.words[: len(words)] == words and len(e.words) > len(words)]
        names = dict.fromkeys(e.words[len(words)] for e in inside if len(e.words) > len(words) + 1)
        here = {e.words[-1]: e for e in inside if len(e.words) == len(words) + 1}
        return Area(" ".join(words), {name: self._area((*words, name)) for name in names}, here)


def _begins(entry: Entry, area: Sequence[str]) -> bool:
    return list(entry.words[: len(area)]) == list(area)


def _did_you_mean(near: Sequence[str]) -> str:
    return f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else ""


@dataclass(frozen=True)
class Asked:
    """A whole line understood: an operation with its parameters."""

    entry: Entry
    params: Input


@dataclass(frozen=True)
class WantsHelp:
    """The line asks for help on these words."""

    words: tuple[str, ...]


def understand(
    text: str, catalogue: Catalogue, known: parse.Known | None = None
) -> Asked | WantsHelp | NotFound | parse.Fault:
    """What a line without Slack's escapes means, its first word being the slash command.

    A line that ends at an area is a NotFound without a word: the door opens the picker there.
    """
    words = parse.words_of(text)
    if isinstance(words, parse.Fault):
        return words
    plain = [word.value for word in words if not word.key and not word.quoted]
    if "help" in (plain[-1:] or [""]) or "help" in plain[1:2]:
        return WantsHelp(tuple(word.removeprefix("/") for word in plain if word != "help"))
    leading = tuple(word.value for word in takewhile(lambda word: not word.key and not word.quoted, words))
    found = catalogue.find(leading)
    if isinstance(found, NotFound):
        return _unknown(found, leading, words) if found.word else found
    rest = words[len(found.entry.words) :]
    params = parse.read(found.entry.command, found.entry.params, rest, known)
    return params if isinstance(params, parse.Fault) else Asked(found.entry, params)


def _unknown(found: NotFound, leading: tuple[str, ...], words: tuple[Word, ...]) -> parse.Fault:
    area = f"`/{found.area}`" if found.area else "Tandem"
    following = ", ".join(found.next[:12])
    if not found.suggestions:
        known = f"It knows {following}" if following else "There are no operations yet"
        sentence = f"{area} has no `{found.word}`. {known}; type `help` to read about them."
        return parse.Fault(code=parse.Code.UNKNOWN_COMMAND, sentence=sentence)
    first = found.suggestions[0]
    rest = words[min(len(first.split()), len(leading)) :]
    line = hidden(" ".join([f"/{first}", *(str(word) for word in rest)]))
    sentence = f"{area} has no `{found.word}`; {_did_you_mean(found.suggestions)}"
    return parse.Fault(code=parse.Code.UNKNOWN_COMMAND, sentence=sentence, line=line)


def environment_of(params: Input, places: Places) -> str:
    """The strictest environment that the named targets, or a field named environment or env, belong to; "" for none.

    Raises LookupError where a target is not in config.
    """
    named: list[str] = []
    for name, value in params:
        several = value if isinstance(value, (tuple, frozenset)) else (value,)
        named += [places.environment(type(one).__name__.lower(), one.key) for one in several if isinstance(one, Target)]
        if name in ("environment", "env") and isinstance(value, str):
            named.append(value)
    order = {name: place for place, name in enumerate(places.environments)}
    # A name that config does not know counts as stricter than all: no rule for a milder one may match it.
    return max(filter(None, named), key=lambda name: order.get(name, len(order)), default="")
