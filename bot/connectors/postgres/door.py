"""Effects on databases as a whole: shut and open them, swap two of them, drop what a run made."""

import re
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from bot.connectors.postgres.connector import Postgres
from bot.connectors.postgres.hands import Hands, expect, oids, unending
from bot.connectors.postgres.session import NAME_BYTES, Connection, proved, quoted
from bot.effect import (
    Attempt,
    CannotTell,
    Changed,
    Effect,
    Happened,
    Late,
    No,
    Permanent,
    Ref,
    Survival,
    Temporary,
    Yes,
)
from bot.model import Record
from bot.operation import Database

OPEN = "SELECT datallowconn FROM pg_database WHERE oid = $1"
Name = Annotated[str, Field(min_length=1, max_length=NAME_BYTES)]


class Beside(Record):
    """A database beside the live one, as it was seen: its name, and the oid by which it is known again."""

    internal: ClassVar[frozenset[str]] = frozenset({"oid"})
    name: Name
    oid: int


def beside(value: Late[Beside]) -> Beside:
    """The earlier step's result, once it is filled in."""
    if isinstance(value, Ref):
        raise TypeError(f"the result of {value.step!r} was not filled in")
    return value


class _OnDatabase(Effect[None]):
    """What all effects here share: their connector and how earlier attempts are barred."""

    connector = Postgres
    timeout: ClassVar[timedelta] = timedelta(seconds=60)
    database: Database

    async def bar(self, on: Hands, at: Attempt) -> bool:
        return await on.bar(at)


class HalfShut(Exception):
    """The door was shut, and sessions in it are left."""


class CloseDoor(_OnDatabase):
    """No new sessions, and those there are ended. The door belongs to the database, not to its name."""

    survives = Survival.IDEMPOTENT
    internal: ClassVar[frozenset[str]] = frozenset({"oid"})
    oid: int  # the live database, as it was approved

    async def do(self, on: Hands, at: Attempt) -> None:
        async with on.session(at) as connection:
            expect(await oids(connection), on.live, self.oid)
            if told := await unending(connection, on.live):
                raise Permanent(f"{told}; end them, then ask again")
            with proved(f"{on.live} cannot be closed"):
                await _allow(connection, on.live, False)
            try:
                gone = await on.empty(connection, [on.live])
            except (Temporary, Permanent) as fault:  # true of the ending, not of the door
                raise HalfShut(f"{on.live} was closed, but {fault}") from None
            if not gone:
                raise HalfShut("sessions are still ending")

    async def holds(self, on: Hands) -> str | None:
        return await _is_live(on, self.oid)


class OpenDoor(_OnDatabase):
    """Whatever bears the live name takes sessions again, before and after a swap alike."""

    survives = Survival.IDEMPOTENT

    async def do(self, on: Hands, at: Attempt) -> None:
        async with on.session(at) as connection:
            with proved(f"{on.live} cannot be opened"):
                await _allow(connection, on.live, True)


class Swap(_OnDatabase):
    """`fresh` takes the live name and is shut, the live database becomes `aside`: one transaction.

    Until somebody opens it nobody writes to what came in, so that the way back loses nothing.
    """

    survives = Survival.PROBE
    internal: ClassVar[frozenset[str]] = frozenset({"live_oid"})
    live_oid: int
    fresh: Late[Beside]
    aside: Name

    async def do(self, on: Hands, at: Attempt) -> None:
        fresh = beside(self.fresh)
        await _exchange(on, at, self.live_oid, fresh.oid, aside=self.aside, coming=fresh.name)

    async def happened(self, on: Hands, at: Attempt) -> Happened[None]:
        async with on.session(at) as connection:
            live = (await oids(connection)).get(on.live)
        if live == beside(self.fresh).oid:
            return Yes(None)
        if live == self.live_oid:
            return No()
        return CannotTell(f"the database under the name {on.live} is neither the old nor the new one")

    async def holds(self, on: Hands) -> str | None:
        return await _is_live(on, self.live_oid)


class SwapBack(_OnDatabase):
    """Undoes a Swap, whether it happened or not; the oids tell. A restored database that was open meanwhile is kept."""

    survives = Survival.IDEMPOTENT
    internal: ClassVar[frozenset[str]] = frozenset({"live_oid"})
    live_oid: int
    fresh: Late[Beside]
    aside: Name

    async def do(self, on: Hands, at: Attempt) -> None:
        fresh = beside(self.fresh)
        name = fresh.name
        await _exchange(on, at, fresh.oid, self.live_oid, aside=name, coming=self.aside, opened=kept(name))


class DropDatabase(_OnDatabase):
    """Drops a database that a run made, and what attempts at making it left. Gone already is fine."""

    survives = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(minutes=5)
    internal: ClassVar[frozenset[str]] = frozenset({"oid"})
    name: Name
    oid: int | None = None  # where it is known: no other database that came to bear the name

    async def do(self, on: Hands, at: Attempt) -> None:
        on.spare(self.name)
        async with on.session(at) as connection:
            found = await oids(connection)
            if self.oid is not None and self.name in found:
                expect(found, self.name, self.oid)
            if (left := kept(self.name)) != self.name and left in found:
                said = f"{left} was open under the live name and may have been written to"
                raise Permanent(f"{said}, so it stays until somebody drops it")
            await drop(connection, found, self.name)

    async def holds(self, on: Hands) -> str | None:
        if self.oid is None:
            return None
        async with on.look() as connection:
            there = (await oids(connection)).get(self.name, self.oid)
        return None if there == self.oid else f"the database {self.name} is another one than was approved"


def kept(name: str) -> str:
    """What a restored database is called once it was open under the live name: undoing its load does not drop it."""
    return re.sub(r"_new$", "_kept", name)


def trial(name: str, attempt: int) -> str:
    """The name under which one attempt makes a database; only a whole one is given its own name."""
    return f"{name}_try{attempt}"


async def drop(connection: Connection, found: dict[str, int], name: str) -> None:
    """Drops it with all unfinished ones of its name. Raises Temporary or Permanent."""
    for each in found:
        if each == name or re.fullmatch(re.escape(name) + r"_try\d+", each):
            with proved(f"{each} cannot be dropped"):
                await connection.execute(f"DROP DATABASE IF EXISTS {quoted(each)} WITH (FORCE)")


async def _is_live(on: Hands, oid: int) -> str | None:
    async with on.look() as connection:
        live = (await oids(connection)).get(on.live)
    return None if live == oid else f"the database under the name {on.live} is another one than was approved"


async def _exchange(on: Hands, at: Attempt, out: int, into: int, *, aside: str, coming: str, opened: str = "") -> None:
    """The database `out` leaves the live name for `aside`, `into` takes it from `coming` and is shut.

    Already so is done. `opened`: the name for `out` where it takes sessions.
    """
    async with on.session(at) as connection:
        if (await oids(connection)).get(on.live) == into:
            return
        if not await on.empty(connection, [on.live, coming]):
            raise Temporary(f"sessions in {on.live} or {coming} did not end in time")
        with proved(f"{on.live} and {coming} cannot be swapped"):
            async with connection.transaction():
                found = await oids(connection)
                expect(found, on.live, out)
                expect(found, coming, into)
                if opened and await connection.fetchval(OPEN, out):
                    aside = opened
                await _rename(connection, on.live, aside)
                await _rename(connection, coming, on.live)
                await _allow(connection, on.live, False)
                after = await oids(connection)
                if (after.get(aside), after.get(on.live)) != (out, into):
                    raise Changed(f"somebody renamed {on.live} or {coming} meanwhile; nothing was touched")


async def _allow(connection: Connection, name: str, sessions: bool) -> None:
    await connection.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS {str(sessions).lower()}")


async def _rename(connection: Connection, name: str, to: str) -> None:
    await connection.execute(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(to)}")
