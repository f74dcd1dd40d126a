"""An outside system that survives any kill: a folder. Each effect leaves a line that nobody can take back unseen."""

import asyncio
import os
import select
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from bot.effect import (
    Attempt,
    Bad,
    Blind,
    CannotTell,
    Changed,
    Check,
    Connector,
    Effect,
    Good,
    Happened,
    Late,
    Look,
    No,
    Pending,
    Permanent,
    Secret,
    Survival,
    Sweep,
    Target,
    Temporary,
    Yes,
)  # fmt: skip

TROUBLES: dict[str, Callable[[], BaseException]] = {
    "temporary": lambda: Temporary("the notebook is busy"),
    "permanent": lambda: Permanent("the notebook is full"),
    "changed": lambda: Changed("somebody wrote there"),
    "explode": lambda: RuntimeError("s3cret-canary in an exception nobody declared"),
    "cancelled": asyncio.CancelledError,  # by itself, though nobody here cancelled anything
}


class Folder:
    """Reads and writes of one folder: `log` counts every act, a file is a thing that exists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = (
            path / ".kept"
        )  # what the test keeps beside the notebook: who works on it, which effects were reached

    def log(self, line: str) -> None:
        """Appends one line, whole, whatever dies around it."""
        handle = os.open(self.path / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{line}\n".encode())
        os.close(handle)

    def lines(self) -> list[str]:
        log = self.path / "log"
        return log.read_text().splitlines() if log.exists() else []

    def kept_page(self, key: str) -> str:
        """Which page that key leads to: what its file says."""
        return (self.path / f"page-{key}").read_text()

    def put(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def take(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def text(self, name: str) -> str:
        return (self.path / name).read_text() if self.has(name) else ""

    def given(self, name: str, value: Any) -> Any:
        """That value; where a file `wrong.<name>` is there, something else than any effect here declares."""
        return 0.5 if self.has(f"wrong.{name}") else value

    def sign(self) -> None:
        """This process works here."""
        self.kept.mkdir(exist_ok=True)
        (self.kept / str(os.getpid())).touch()

    def alone(self) -> bool:
        """Whether every other process that ever worked here is gone: the proof that no earlier attempt can still act."""  # noqa: E501
        others = {int(p.name) for p in self.kept.iterdir() if p.name.isdigit()} - {os.getpid()}
        return not any(_lives(pid) for pid in others)

    async def obey(self, act: str, at: Attempt | None = None) -> None:
        """What a file named `order.<act>` says: fail, refuse, hang, blow up; written by the test beforehand."""
        with (self.kept / "reached").open("a") as reached:
            reached.write(f"{act}\n")
        order = self.text(f"order.{act}")
        if order in TROUBLES:
            raise TROUBLES[order]()
        match order:
            case "once-temporary":
                self.take(f"order.{act}")
                raise Temporary("the notebook is busy")
            case "stranger":  # at this very moment somebody else writes there
                self.put("guard", "somebody else's")
            case "hang":
                await asyncio.Event().wait()
            case "die":  # once: whoever takes over lives
                self.take(f"order.{act}")
                os.kill(os.getpid(), 9)
            case "block":
                self.take(f"order.{act}")
                self.log(f"blocked {act}")
                while not self.has(f"go.{act}"):  # the whole process stands, loop and all, as CPU work would make it
                    select.select([], [], [], 0.01)
            case _:
                return


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Notebook(Connector[Folder, Folder]):
    """`world.blocks["path"]` is the folder."""

    identifies = "page"

    async def open(self) -> None:
        Folder(Path(self.world.blocks["path"])).sign()

    async def reads(self, target: Target | None) -> Folder:
        return Folder(Path(self.world.blocks["path"]))

    hands = reads

    async def identity(self, target: Target) -> str:
        return Folder(Path(self.world.blocks["path"])).kept_page(target.key)


class Act:
    """An effect of this folder: what an earlier attempt can still do ends with its process."""

    async def bar(self, on: Folder, at: Attempt) -> bool:
        return on.alone()


class Write(Act, Effect[str]):
    """The file has this text; doing it twice is doing it once."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    connector = Notebook
    name: str
    text: str = "x"

    async def do(self, on: Folder, at: Attempt) -> str:
        on.log(f"begin {self.name}")
        await on.obey(self.name, at)
        on.put(self.name, self.text)
        on.log(f"write {self.name}")
        await on.obey(f"{self.name}.after", at)
        return self.text

    async def bar(self, on: Folder, at: Attempt) -> bool:
        if on.has("order.bar"):
            raise TROUBLES[on.text("order.bar")]()
        return True  # an attempt here ends with its process


class Guarded(Act, Effect[None]):
    """Rests on what it expects to find in `guard`, and says so when it is looked at."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    connector = Notebook
    name: str
    expect: str = ""

    async def do(self, on: Folder, at: Attempt) -> None:
        if on.text("guard") != self.expect:
            raise Changed("the guard is another")
        on.put(self.name, "x")
        on.log(f"guarded {self.name}")

    async def holds(self, on: Folder) -> str | None:
        return None if on.text("guard") == self.expect else "the guard is another than when this was planned"


class Erase(Act, Effect[None]):
    """The file is gone."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    connector = Notebook
    name: str

    async def do(self, on: Folder, at: Attempt) -> None:
        await on.obey(f"erase.{self.name}", at)
        on.take(self.name)
        on.log(f"erase {self.name}")
        await on.obey(f"erase.{self.name}.after", at)


class Number(Act, Effect[int]):
    """Adds one line; the line names the attempt's key, so that one can ask."""

    survives: ClassVar[Survival] = Survival.PROBE
    connector = Notebook
    name: str

    async def do(self, on: Folder, at: Attempt) -> int:
        await on.obey(self.name, at)
        on.log(f"number {at.key}")
        await on.obey(f"{self.name}.after", at)
        return on.given(self.name, len(on.lines()))

    async def happened(self, on: Folder, at: Attempt) -> Happened[int]:
        if on.has(f"order.blind.{self.name}"):
            return CannotTell("the log cannot be read")
        return Yes(on.given(self.name, len(on.lines()))) if f"number {at.key}" in on.lines() else No()


class Mail(Act, Effect[None]):
    """A line that names nothing: whether it was written, nobody can ask."""

    survives: ClassVar[Survival] = Survival.ONCE
    connector = Notebook
    name: str

    async def do(self, on: Folder, at: Attempt) -> None:
        await on.obey(self.name, at)
        on.log(f"mail {self.name}")
        await on.obey(f"{self.name}.after", at)
        return on.given(self.name, None)


class Mint(Act, Effect[Secret]):
    """A secret."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    connector = Notebook

    async def do(self, on: Folder, at: Attempt) -> Secret:
        await on.obey("mint", at)
        return on.given("mint", Secret("minted-canary"))


class Use(Act, Effect[None]):
    """Writes the length of a secret, never the secret."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    connector = Notebook
    value: Late[Secret]

    async def do(self, on: Folder, at: Attempt) -> None:
        await on.obey("use", at)
        assert isinstance(self.value, Secret)
        on.log(f"use {len(self.value.reveal())}")
        await on.obey("use.after", at)


class There(Check[str]):
    """Good once the file is there; a file `bad.<name>` makes it bad, `blind.<name>` blind."""

    connector = Notebook
    name: str

    async def look(self, on: Folder) -> Look[str]:
        on.log(f"look {self.name}")
        if on.has(f"bad.{self.name}"):
            return Bad("it went bad")
        if on.has(f"blind.{self.name}"):
            return Blind("fog")
        return Good(on.given(self.name, on.text(self.name))) if on.has(self.name) else Pending(note="not yet")


class Each(Act, Sweep[str]):
    """One line for each of so many items."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    each: ClassVar[Survival] = Survival.IDEMPOTENT
    batch: ClassVar[int] = 3
    per_second: ClassVar[float] = 10_000
    connector = Notebook
    count: int

    async def page(self, on: Folder, after: str | None) -> list[tuple[str, str]]:
        begin = int(after) + 1 if after else 0
        return [(f"{n:03}", f"item {n}") for n in range(begin, self.count)]

    async def one(self, on: Folder, item: str, at: Attempt) -> None:
        await on.obey(item.replace(" ", "-"), at)
        on.log(item)
        await on.obey(item.replace(" ", "-") + ".after", at)


class Letters(Each):
    """One letter for each of so many items; whether one was written, nobody can ask."""

    each: ClassVar[Survival] = Survival.ONCE


class BriefLetters(Letters):
    """Letters whose batch is over after a second."""

    timeout: ClassVar[timedelta] = timedelta(seconds=1)


class SlowEach(Each):
    """Lines with so long a wait between two that a process is surely still in it when it is ended."""

    per_second: ClassVar[float] = 0.01


class SlowLetters(Letters):
    """Letters with such a wait."""

    per_second: ClassVar[float] = 0.01


class Outlasting(Write):
    """A write whose attempt outlasts its worker's lease, and is barred by nothing but the end of its process."""

    timeout: ClassVar[timedelta] = timedelta(seconds=4)

    async def bar(self, on: Folder, at: Attempt) -> bool:
        return on.alone()


class OutlastingMail(Mail):
    """A mail of which the same is true."""

    timeout: ClassVar[timedelta] = timedelta(seconds=4)


class BriefMail(Mail):
    """A mail whose attempt is over after a second."""

    timeout: ClassVar[timedelta] = timedelta(seconds=1)


class Patient(Write):
    """A write that a person may stop."""

    stoppable: ClassVar[bool] = True


class Slow(Write):
    """A write that may take an hour."""

    timeout: ClassVar[timedelta] = timedelta(hours=1)
