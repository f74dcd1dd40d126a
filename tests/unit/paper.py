"""Plans and ledgers on paper: short words for the tests of the pure decisions."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from bot.effect import AtMost, Check, Effect, Late, Secret, Shown, Survival, Sweep, Within
from bot.model import Entry, Mark, Record, Way
from bot.operation import Database, Plan, Step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Backup(Record):
    """A result with a shape."""

    name: str
    bytes: int


class Set(Effect[int]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    name: str = "x"
    value: Late[int] = 0


class Dump(Effect[Backup]):
    survives: ClassVar[Survival] = Survival.PROBE
    database: Database = Database(key="shop")


class Post(Effect[None]):
    survives: ClassVar[Survival] = Survival.ONCE
    to: str = "all"


class Look(Effect[Backup]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    changes: ClassVar[bool] = False


class Silent(Effect[None]):
    """Does not say how it survives."""


class Ban(Effect[None]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    users: frozenset[str] = frozenset()
    count: Annotated[int, AtMost] = 0
    rows: Annotated[float, Within(0.1)] = 0
    note: Annotated[str, Shown] = ""


class Mint(Effect[Secret]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT


class Use(Effect[None]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    secret: Late[Secret]


class Aim(Effect[None]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    database: Late[Database] = Database(key="shop")
    others: tuple[Late[Database], ...] = ()


class MailAll(Sweep[str]):
    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    each: ClassVar[Survival] = Survival.ONCE


class Healthy(Check[int]):
    service: str = "shop"


class Reached(Check[int]):
    database: Late[Database]


def step(name: str, does: Any = None, **more: Any) -> Step[Any]:
    """A step of that name and deed; without either, one that sets something and can be undone."""
    if does is None and not more:
        more = {"undo": Set(name=f"{name} back")}
    return Step(name, does or Set(name=name), **more)


def plan(*steps: Step[Any], **more: Any) -> Plan:
    return Plan(sentence="On paper", steps=steps, **more)


def ledger(*lines: str) -> list[Entry]:
    """One entry a line: "a started", "a done", "a/undo not_done", "b 2 failed partly"."""
    entries = []
    for seq, line in enumerate(lines, start=2):
        where, *words = line.split()
        name, _, way = where.partition("/")
        attempt = int(words.pop(0)) if words[0].isdigit() else 1
        body = dict.fromkeys(words[1:], True)
        at = NOW + timedelta(seconds=seq)
        entries.append(
            Entry(seq=seq, step=name, way=Way(way or "do"), attempt=attempt, mark=Mark(words[0]), at=at, body=body)
        )
    return entries


class Results:
    """What the engine hands to `answer`: the results by step."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def get(self, ref: Any) -> Any:
        return self._values.get(ref.step)
