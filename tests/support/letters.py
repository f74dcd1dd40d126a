"""The outside of personal values in tests: a folder of letters, where what an effect really got can be read."""

import hashlib
from datetime import timedelta
from typing import Any, ClassVar

from bot.effect import Attempt, Connector, Effect, Permanent, Personal, Survival, Target
from tests.support.notebook import Act, Folder, Notebook


class Letterbox:
    """Reads and writes letters to whole addresses; `world.personal` opens them when it acts."""

    def __init__(self, folder: Folder, opens: Any) -> None:
        self.folder, self._opens = folder, opens

    def alone(self) -> bool:
        return self.folder.alone()

    async def letters(self, to: Personal) -> int:
        """How many letters this address has: a read that needs the whole of it."""
        whole = (await self._opens(to)).reveal()
        if self.folder.text("order.letters") == "tell":
            raise Permanent(f"nobody knows {whole.upper()}")
        return sum(line == f"letter to {name_of(whole)}" for line in self.folder.lines())

    async def write(self, to: Personal, at: Attempt) -> None:
        whole = (await self._opens(to)).reveal()
        if self.folder.text("order.letter") == "tell":
            raise Permanent(f"{whole} takes no letters")
        self.folder.put(name_of(whole), whole)
        await self.folder.obey("letter", at)
        self.folder.log(f"letter to {name_of(whole)}")

    async def burn(self, to: Personal) -> None:
        whole = (await self._opens(to)).reveal()
        self.folder.take(name_of(whole))
        self.folder.log(f"burn {name_of(whole)}")


def name_of(whole: str) -> str:
    """A file's name for an address."""
    return f"letter-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


class Letters(Connector[Letterbox, Letterbox]):
    """Works through the notebook's folder."""

    async def reads(self, target: Target | None) -> Letterbox:
        folder = await self.world.other(Notebook).reads(None)
        folder.sign()
        return Letterbox(folder, self.world.personal)

    hands = reads


class Invite(Act, Effect[None]):
    """A letter to that address; to write it twice is to write it once."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    connector = Letters
    to: Personal

    async def do(self, on: Any, at: Attempt) -> None:
        await on.write(self.to, at)


class Burn(Act, Effect[None]):
    """No letter to that address."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    connector = Letters
    to: Personal

    async def do(self, on: Any, at: Attempt) -> None:
        await on.burn(self.to)
