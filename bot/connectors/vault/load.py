"""Effects that bring a backup back beside the live database, compare it, and mark it as verified."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar, TypeVar

import asyncpg

from bot.connectors.postgres.door import Beside, Name, beside, drop, trial
from bot.connectors.postgres.hands import expect, oids
from bot.connectors.postgres.programs import Child, database_argument, environment, restorer
from bot.connectors.postgres.properties import Properties, creation, furnishing, properties
from bot.connectors.postgres.session import LONGEST, Connection, proved, quoted
from bot.connectors.postgres.survey import Table, count, differences
from bot.connectors.vault.connector import Hands, Vault
from bot.connectors.vault.flow import Flow, Stopped, unpack
from bot.connectors.vault.keys import Unopened
from bot.connectors.vault.manifest import Backup, Manifest, Verified
from bot.connectors.vault.shelf import Damage, Shelf
from bot.connectors.vault.storage import FULL_DISK
from bot.effect import Attempt, Changed, Effect, Late, Permanent, Ref, Survival, Temporary
from bot.operation import Database

T = TypeVar("T")

TOLD = 5  # differences in one sentence


class Unclear(Exception):
    """It failed, and what it had made could not be removed."""


def known(value: Late[T]) -> T:
    """The earlier step's result, once it is filled in."""
    if isinstance(value, Ref):
        raise TypeError(f"the result of {value.step!r} was not filled in")
    return value


class Load(Effect[Beside]):
    """Restores a backup into a database of its own beside the live one, which it leaves alone.

    It is made under the attempt's name and gets its own only when it is whole: half of it never bears that name, and
    an attempt whose session was ended can give it no more. Damage that it finds is noted beside the backup.
    """

    connector = Vault
    survives = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = LONGEST
    stoppable = True
    database: Database
    backup: Late[Backup]
    into: Name

    async def do(self, on: Hands, at: Attempt) -> Beside:
        on.database.spare(self.into)
        manifest = await fitting(on.shelf, known(self.backup))
        try:
            return await self._loaded(on, at, manifest)
        except Damage as found:
            raise await on.shelf.condemn(found) from None

    async def _loaded(self, on: Hands, at: Attempt, manifest: Manifest) -> Beside:
        async with on.database.session(at) as guard:
            found = await oids(guard)
            if at.number > 1 and self.into in found:
                return Beside(name=self.into, oid=found[self.into])
            command = await _command(on, guard, manifest, trial(self.into, at.number))
            flow = Flow()
            with unloaded():
                await flow.carry(lambda: on.shelf.check(manifest, flow.alive), at, "comparing its checksum")
            await drop(guard, found, self.into)
            return await self._filled(on, at, guard, manifest, command)

    async def bar(self, on: Hands, at: Attempt) -> bool:
        return await on.bar(at)

    async def holds(self, on: Hands) -> str | None:
        if isinstance(self.backup, Ref):
            return None
        found = await on.shelf.find(self.backup.name)
        same = found is not None and found.sha256 == self.backup.sha256
        return None if same else f"the vault no longer has {self.backup.name} as it was approved"

    async def _filled(
        self, on: Hands, at: Attempt, guard: Connection, manifest: Manifest, command: Sequence[str]
    ) -> Beside:
        name = trial(self.into, at.number)
        like = await properties(guard, on.database.live) or manifest.properties
        with proved(f"{name} cannot be made"):
            await guard.execute(creation(name, like))
        try:
            flow, total = Flow(), manifest.backup.plain_bytes
            with unloaded(), Child(command, environment(on.database.login, at.session), reads=True) as child:
                await flow.carry(lambda: feed(flow, on.shelf, manifest, child), at, "restoring", total, child)
            await at.progress(total, total, "gathering statistics", "B")
            async with on.database.session(at, name) as inside:
                await inside.execute("ANALYZE")
            return await self._named(guard, name, like)
        except BaseException as fault:
            try:
                await drop(guard, {name: 0}, name)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Temporary, Permanent):
                raise Unclear(f"{name} was left behind") from fault
            raise

    async def _named(self, guard: Connection, name: str, like: Properties) -> Beside:
        with proved(f"{self.into} cannot be given its settings and its name"):
            async with guard.transaction():
                for statement in furnishing(name, like):
                    await guard.execute(statement)
                await guard.execute(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(self.into)}")
                return Beside(name=self.into, oid=(await oids(guard))[self.into])


class Matches(Effect[Verified]):
    """Compares a restored database with what its backup noted: tables, rows of each, newest rows. Reads all of it.

    A difference is noted beside the backup, as damage is.
    """

    connector = Vault
    survives = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = LONGEST
    changes = False
    database: Database
    backup: Late[Backup]
    fresh: Late[Beside]

    async def do(self, on: Hands, at: Attempt) -> Verified:
        fresh, manifest = beside(self.fresh), await fitting(on.shelf, known(self.backup))
        async with on.database.session(at) as connection:
            expect(await oids(connection), fresh.name, fresh.oid)
        async with (
            on.database.session(at, fresh.name) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            tables = manifest.backup.tables
            found = await count(connection, lambda done: at.progress(done, tables, "counting rows", "tables"))
        told = differences(_expected(manifest, found), found)
        if told:
            more = f" and {len(told) - TOLD} more" if len(told) > TOLD else ""
            how = f"it came back different: {'; '.join(told[:TOLD])}{more}"
            raise await on.shelf.condemn(Damage(manifest.backup, how))
        rows = sum(table.rows for table in found.values())
        return Verified(at=datetime.now(UTC), tables=len(found), rows=rows)

    async def bar(self, on: Hands, at: Attempt) -> bool:
        return await on.bar(at)


class MarkVerified(Effect[None]):
    """Notes beside a backup that it was restored and found equal."""

    connector = Vault
    survives = Survival.IDEMPOTENT
    database: Database
    backup: Late[Backup]
    verified: Late[Verified]

    async def do(self, on: Hands, at: Attempt) -> None:
        backup = known(self.backup)
        await fitting(on.shelf, backup)
        try:
            await on.shelf.mark(backup.name, known(self.verified))
        except OSError as fault:
            raise _unmarked(backup, fault) from None


def _unmarked(backup: Backup, fault: OSError) -> Temporary | Permanent:
    """The mark is written whole or not at all, so without it the backup counts as not verified."""
    said = f"{backup.name} came back as it was dumped, and this could not be noted in the vault"
    if fault.errno in FULL_DISK:
        todo = f"make room, then type /ops db verify-backup {backup.database} backup={backup.name}"
        return Permanent(f"{said}: its disk is full; {todo}")
    return Temporary(f"{said}: its folder cannot be written to")


async def fitting(shelf: Shelf, backup: Backup) -> Manifest:
    """The manifest of that very backup. Raises Changed."""
    manifest = await shelf.manifest(backup.name)
    if manifest is None or manifest.backup.sha256 != backup.sha256:
        raise Changed(f"the vault no longer has {backup.name} as it was approved; nothing was touched")
    return manifest


async def _command(on: Hands, guard: Connection, manifest: Manifest, name: str) -> list[str]:
    """pg_restore's argument list. Raises Permanent where server or program are too old for the backup."""
    backup, server = manifest.backup, guard.get_server_version().major
    if server < backup.server_version:
        raise Permanent(f"{backup.name} was taken from PostgreSQL {backup.server_version}; this server is {server}")
    named = on.database.login.settings.binaries
    program = await asyncio.to_thread(restorer, backup.dump_version, server, named)
    return [str(program), "--format=custom", "--exit-on-error", "--no-password", database_argument(name)]


def feed(flow: Flow, shelf: Shelf, manifest: Manifest, child: Child) -> None:
    """From the vault into pg_restore, in a worker thread. Raises Temporary or Permanent."""
    try:
        with shelf.stored(manifest) as source:
            unpack(flow, source, child.pipe, shelf.keys, shelf.path(manifest.object))
    except BrokenPipeError:
        flow.alive()  # else the program ended first, and says why
    except Unopened:
        child.kill()
        raise Damage(manifest.backup, "a part of it is not what was sealed") from None
    child.finish()
    if flow.plain != manifest.backup.plain_bytes:
        raise Temporary(f"pg_restore ended before the end of {manifest.backup.name}")


def _expected(manifest: Manifest, found: dict[str, Table]) -> dict[str, Table]:
    """What was noted; of a backup without rows, its tables, empty."""
    if manifest.backup.kind != "schema":
        return manifest.tables
    return {name: Table(rows=0, newest=found.get(name, Table(rows=0)).newest) for name in manifest.tables}


@contextmanager
def unloaded() -> Iterator[None]:
    """Faults of a transfer whose result is thrown away: it surely did not happen."""
    try:
        yield
    except Stopped:
        raise Permanent("stopped before its end; what was restored so far is dropped") from None
    except OSError:
        raise Temporary("the vault cannot be read") from None
