"""What could be read of a folder, also where something else in it could not: its names and values, as they are written.

A fault of meaning is judged on these alone, so that one mistake neither hides another nor is told as two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.parse import Known
from bot.policy import EVERYONE, Policy
from config import schemas
from config.company import People, Rules, Tandem, accounts_of, groups_of
from config.documents import Document
from config.faults import Path, Wrong

PLACES = {  # kind of name -> the file and the table whose keys are its names
    "person": ("people.toml", "people"),
    "group": ("people.toml", "groups"),
    "channel": ("tandem.toml", "channels"),
    "schedule": ("schedules.toml", "schedules"),
    **{kind: ("services.toml", table) for table, (kind, _, _) in schemas.TARGETS.items()},
}
# What decides who may ask for a thing and who approves it. A person has a name besides, which says nothing of it.
DECIDES = {
    "people": ("accounts", "active"),
    "groups": ("members", "slack"),
    "rule": ("operations", "environments", "risks", "risk", "ask", "approve", "beyond"),
}


class Unread(LookupError):
    """Whether it is so cannot be said: something of it could not be read."""


@dataclass(frozen=True)
class Approvals:
    """Who may ask and approve, where all of that could be read."""

    policy: Policy
    possible: Mapping[str, frozenset[str]]  # each active person's groups, and every one that only Slack knows


class Seen:
    """`found` is what was wrong with the files' own shapes."""

    def __init__(self, documents: Mapping[str, Document], found: Sequence[Wrong]) -> None:
        self._data = {name: document.data for name, document in documents.items()}
        self._wrong = {(wrong.file, wrong.path) for wrong in found}
        self._strange = [wrong for wrong in found if wrong.unknown]

    def names(self, kind: str) -> frozenset[str] | None:
        """Every name of that kind that is written, also of what is wrong itself; None where that cannot be said."""
        file, table = PLACES[kind]
        data = self._data.get(file)
        if data is None:
            return None
        # A table whose own name was mistyped may be the one whose names are asked for.
        tables = [data[str(wrong.path[0])] for wrong in self._strange if wrong.file == file and len(wrong.path) == 1]
        tables = [other for other in tables if isinstance(other, Mapping)]
        if not isinstance(data.get(table, {}), Mapping) or ((file, (table,)) in self._wrong and not tables):
            return None
        found = {key for one in (data.get(table, {}), *tables) for key in one}
        return frozenset({*found, *(key.lower() for key in found), *((EVERYONE,) if kind == "group" else ())})

    @property
    def environments(self) -> tuple[str, ...]:
        """From the mildest to the strictest. Raises Unread."""
        data = self._data.get("tandem.toml")
        if data is None or self._guessed("tandem.toml", (), "environments"):
            raise Unread("environments")
        return tuple(data.get("environments", Tandem.model_fields["environments"].default))

    def values(self, file: str, *pattern: str) -> Iterator[tuple[Path, str]]:
        """Each text below that path that is sound, with its place; "*" is any key or index."""
        tables = (pattern[0], *(one.path[0] for one in self._strange if one.file == file and one.means == pattern[0]))
        for table in tables:  # the one meant, and those whose name was mistyped
            for path, value in _below(self._data.get(file), (str(table), *pattern[1:]), ()):
                if isinstance(value, str) and (file, path) not in self._wrong:
                    yield path, value

    def text(self, file: str, inside: Path, key: str, default: Any) -> Any:
        """A value as written, or its default. Raises Unread where it is wrong, or may have been meant by a typo."""
        at: Any = self._data.get(file)
        for part in inside:
            at = at.get(part) if isinstance(at, Mapping) else None
        if not isinstance(at, Mapping) or self._guessed(file, inside, key):
            raise Unread(key)
        return at.get(key, default)

    def has(self, file: str, path: Path) -> bool:
        """Whether that is written."""
        return next(_below(self._data.get(file), [str(part) for part in path], ()), None) is not None

    def blocks(self, table: str) -> tuple[str, ...]:
        """The keys of the targets whose blocks can be looked into."""
        found = self._data.get("services.toml", {}).get(table, {})
        items = found.items() if isinstance(found, Mapping) else ()
        return tuple(key for key, block in items if isinstance(block, Mapping))

    def setting(self, table: str, key: str, name: str) -> Any:
        """What a target's block says, or its connector's default. Raises Unread."""
        field = schemas.of_targets(table).model_fields.get(name)
        default = None if field is None or field.is_required() else field.default
        return self.text("services.toml", (table, key), name, default)

    def environment(self, kind: str, key: str) -> str:
        """A target's; people and schedules have none. Raises Unread."""
        tables = [table for table, (of, _, _) in schemas.TARGETS.items() if of == kind]
        return str(self.setting(tables[0], key, "environment") or "") if tables else ""

    def known(self) -> Known:
        """What a line may name."""
        named = {kind: self.names(kind) for kind in PLACES if kind not in ("channel", "group")}
        targets = {kind: tuple(sorted(names or ())) for kind, names in named.items()}
        people = self._data.get("people.toml", {}).get("people", {})
        gone = {key for key, one in _mappings(people) if one.get("active") is False}
        owned: dict[str, list[str]] = {}
        for path, account in self.values("people.toml", "people", "*", "accounts", "*"):
            if path[1] not in gone and "/" in account:
                owned.setdefault(str(path[1]), []).append(account)
        team = str(self._data.get("tandem.toml", {}).get("team", ""))
        targets["person"] = tuple(person for person in targets["person"] if person not in gone)
        unsure = frozenset(kind for kind, names in named.items() if names is None)
        return Known(targets=targets, accounts=accounts_of(team, owned), unsure=unsure)

    def approvals(self) -> Approvals:
        """Raises Unread where something that decides could not be read."""
        typos = [one for one in self._strange if one.file in ("people.toml", "policy.toml")]
        deciding = {key for keys in DECIDES.values() for key in keys}
        if any(len(one.path) == 1 or one.means in deciding for one in typos):
            raise Unread("approvals")
        people, policy = self._data.get("people.toml", {}), self._data.get("policy.toml")
        try:
            rules = [_only(DECIDES["rule"], one) for one in policy.get("rule", ())]  # type: ignore[union-attr]
            roster = {key: {"name": key, **_only(DECIDES["people"], one)} for key, one in people["people"].items()}
            groups = {key: _only(DECIDES["groups"], one) for key, one in people.get("groups", {}).items()}
            policy_read = Policy(rules=Rules.model_validate({"rule": rules}).rule)
            read = People.model_validate({"people": roster, "groups": groups})
        except (ValidationError, LookupError, TypeError, AttributeError):
            raise Unread("approvals") from None
        slack = frozenset(key for key, group in read.groups.items() if group.slack)
        inside = groups_of(read.people, read.with_everyone())
        possible = {person: inside[person] | slack for person in inside if read.people[person].accounts}
        return Approvals(policy_read, possible)

    def _guessed(self, file: str, inside: Path, key: str) -> bool:
        """Whether that value, or a part of it, is wrong, or some unknown key beside it may have been meant as it."""
        here = (*inside, key)
        wrong = any(at == file and path[: len(here)] == here for at, path in self._wrong)
        return wrong or any(one.file == file and one.path[:-1] == inside and one.means == key for one in self._strange)


def _below(value: Any, pattern: Sequence[str], path: Path) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield path, value
        return
    first, rest = pattern[0], pattern[1:]
    if isinstance(value, Mapping):
        for key in value if first == "*" else (first,):
            if key in value:
                yield from _below(value[key], rest, (*path, key))
    elif isinstance(value, list) and first == "*":
        for index, part in enumerate(value):
            yield from _below(part, rest, (*path, index))


def _mappings(table: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, one in table.items() if isinstance(table, Mapping) else ():
        if isinstance(one, Mapping):
            yield key, one


def _only(keys: Sequence[str], entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in keys if key in entry}
