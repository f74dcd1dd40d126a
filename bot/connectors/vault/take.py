"""The effect that takes a backup: dump, compress, seal, store, list back, and only then say that it is one."""

import asyncio
import errno
import tempfile
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NamedTuple, TypeVar

import asyncpg

from bot.connectors.postgres.programs import Child, database_argument, environment, find
from bot.connectors.postgres.properties import Properties, properties
from bot.connectors.postgres.session import LONGEST, Connection, milliseconds, proved
from bot.connectors.postgres.survey import Counters, Table, configured, count, counters, lock
from bot.connectors.vault.connector import Hands, Vault
from bot.connectors.vault.flow import Flow, Stopped, pack, unpack
from bot.connectors.vault.keys import Unopened
from bot.connectors.vault.manifest import Backup, BackupName, Kind, Manifest, object_name
from bot.connectors.vault.shelf import Damage, Shelf
from bot.connectors.vault.storage import FULL_DISK
from bot.effect import Attempt, Effect, Happened, No, Permanent, Survival, Temporary, Yes
from bot.operation import Database

A = TypeVar("A")
B = TypeVar("B")

KINDS: dict[Kind, tuple[str, ...]] = {"full": (), "schema": ("--schema-only",), "data": ("--data-only",)}
DUMP = ("--format=custom", "--compress=0", "--no-password")  # compressed here: pg_dump may lack zstd
AFTER = timedelta(hours=1)  # beyond an attempt's longest: by then its leftovers are nobody's, whatever the clocks
LINKLESS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class Start(NamedTuple):
    """The database at the moment of the snapshot."""

    snapshot: str
    at: datetime
    bytes: int
    version: int
    counters: Counters
    properties: Properties
    configured: int  # tables of extensions whose rows are dumped, and not counted here


class Unsettled(Exception):
    """The last word was sent to the vault, and nobody knows whether it arrived."""


class Take(Effect[Backup]):
    """Takes a backup under that name. Its manifest, written last and once, is what makes it one."""

    connector = Vault
    survives = Survival.PROBE
    timeout: ClassVar[timedelta] = LONGEST
    stoppable = True
    database: Database
    name: BackupName
    kind: Kind = "full"

    async def do(self, on: Hands, at: Attempt) -> Backup:
        with suppress(Temporary, Permanent, OSError):  # what others left behind keeps nobody from a backup
            longest = max(self.timeout, on.database.login.settings.longest)
            await on.shelf.clear(datetime.now(UTC) - longest - AFTER)
        with unkept(self.database.key):
            there = await on.shelf.manifest(self.name)
            made = None if there else await self._stored(on, at)
        if made is not None:
            there = await self._kept(on.shelf, made)
        if there is None or there.made_by != at.key:
            raise Permanent(f"the vault already has a backup called {self.name}; choose another name")
        return there.backup

    async def happened(self, on: Hands, at: Attempt) -> Happened[Backup]:
        manifest = await on.shelf.manifest(self.name)
        return Yes(manifest.backup) if manifest is not None and manifest.made_by == at.key else No()

    async def bar(self, on: Hands, at: Attempt) -> bool:
        return await on.bar(at)

    async def _stored(self, on: Hands, at: Attempt) -> Manifest:
        """Everything but the last word: the object is stored whole, listed and counted, or gone again."""
        place = object_name(self.name, at.number)
        live, login = on.database.live, on.database.login
        async with (
            on.database.session(at, live) as guard,
            guard.transaction(isolation="repeatable_read", readonly=True),
        ):
            start = await _start(guard, live)
            await lock(guard)
            program, version = await asyncio.to_thread(find, "pg_dump", start.version, login.settings.binaries)
            wait = f"--lock-wait-timeout={milliseconds(login.settings.lock_wait)}"
            options = (*DUMP, *KINDS[self.kind], wait, f"--snapshot={start.snapshot}", database_argument(live))
            flow = Flow()
            with Child([program, *options], environment(login, at.session)) as child:
                stored = flow.carry(lambda: store(flow, child, on.shelf, place), at, "dumping", start.bytes, child)
                tables, _ = await together(count(guard), stored)
        manifest = self._manifest(start, flow, tables, version, place, at.key, on.shelf.keys.primary)
        try:
            await listed(on, manifest, start.configured, at)
        except BaseException:
            await on.shelf.storage.delete(on.shelf.path(place))
            raise
        return manifest

    def _manifest(
        self, start: Start, flow: Flow, tables: dict[str, Table], version: int, place: str, by: str, key: str
    ) -> Manifest:
        backup = Backup(
            name=self.name,
            database=self.database.key,
            kind=self.kind,
            taken_at=start.at,
            bytes=flow.stored,
            plain_bytes=flow.plain,
            database_bytes=start.bytes,
            sha256=flow.digest.hexdigest(),
            server_version=start.version,
            dump_version=version,
            took=datetime.now(UTC) - start.at,
            tables=len(tables),
            rows=sum(table.rows for table in tables.values()),
        )
        return Manifest(
            backup=backup,
            object=place,
            made_by=by,
            key=key,
            tables=tables,
            counters=start.counters,
            properties=start.properties,
        )

    async def _kept(self, shelf: Shelf, made: Manifest) -> Manifest:
        """What bears this name once ours was offered: ours, or another's, and then of ours no bytes stay.

        An answer may be lost after the write, and the library's second try be refused on account of the first. So it is
        what lies there that decides; and while a write may still arrive, the bytes that it would name stay.
        """
        refusal = await _offered(shelf, made)
        if refusal is None:
            return made
        try:
            there = await shelf.manifest(self.name)
        except (OSError, Temporary, Permanent):
            raise Unsettled(f"whether {self.name} is in the vault could not be read") from refusal
        if there is not None and there.object == made.object:
            return there
        if there is None and isinstance(refusal, Temporary):
            raise Unsettled(f"{self.name} was written into the vault without an answer") from refusal
        with suppress(OSError, Temporary, Permanent):  # else a later backup clears it away
            await shelf.storage.delete(shelf.path(made.object))
        if there is None:
            with unkept(self.database.key):
                raise refusal
        return there


async def _offered(shelf: Shelf, made: Manifest) -> OSError | Temporary | Permanent | None:
    """Writes the manifest: None where it was taken. Temporary proves nothing: it may be there, or still on its way."""
    try:
        return None if await shelf.add(made) else Temporary("there is one already, or another write was under way")
    except (OSError, Temporary, Permanent) as refusal:
        return refusal


async def _start(guard: Connection, live: str) -> Start:
    with proved("the snapshot cannot be taken"):
        row = await guard.fetchrow("SELECT pg_export_snapshot(), now(), pg_database_size(current_database())")
        like = await properties(guard, live)
        if row is None or like is None:
            raise Permanent(f"there is no database {live}")
        version, extra = guard.get_server_version().major, await configured(guard)
        return Start(row[0], row[1], row[2], version, await counters(guard), like, extra)


def store(flow: Flow, child: Child, shelf: Shelf, place: str) -> None:
    """From the program into the vault, in a worker thread: whole, or not at all. Raises what each of the three says."""
    writer = shelf.storage.writer(shelf.path(place))
    try:
        pack(flow, child.pipe, writer, shelf.keys, shelf.path(place))
        child.finish()
        writer.commit()
    finally:
        writer.abort()


async def listed(on: Hands, manifest: Manifest, extra: int, at: Attempt) -> None:
    """Looks whether the vault has it, and whether pg_restore reads its contents. Raises Temporary or Permanent."""
    sizes = await on.shelf.storage.sizes(on.shelf.database)
    if sizes.get(manifest.object) != manifest.backup.bytes:
        raise Temporary(f"the vault does not list {manifest.backup.name} as it was written")
    login, flow = on.database.login, Flow()
    program, _ = await asyncio.to_thread(find, "pg_restore", manifest.backup.dump_version, login.settings.binaries)
    with tempfile.TemporaryFile() as output:
        command = [str(program), "--list", "--format=custom"]
        with Child(command, environment(login, at.session), reads=True, output=output) as child:
            await flow.carry(lambda: _head(flow, on.shelf, manifest, child), at, "listing its contents", child=child)
        output.seek(0)
        found = sum(b" TABLE DATA " in line for line in output)
    expected = 0 if manifest.backup.kind == "schema" else manifest.backup.tables + extra
    if found != expected:
        raise Permanent(f"the backup lists {found} tables with rows instead of {expected}; it was not kept")


def _head(flow: Flow, shelf: Shelf, manifest: Manifest, child: Child) -> None:
    try:
        with shelf.stored(manifest) as source:
            unpack(flow, source, child.pipe, shelf.keys, shelf.path(manifest.object))
    except BrokenPipeError:
        flow.alive()  # it has read the contents and needs no rows
    except (Unopened, Damage):
        raise Permanent("the vault gave back other bytes than were written; the backup was not kept") from None
    child.finish()


async def together(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Both results; when one fails the other is ended before its error goes on."""
    tasks = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def unkept(key: str) -> Iterator[None]:
    """Until its manifest is written a backup is none: whatever fails before, it surely did not happen."""
    try:
        with proved(f"{key} cannot be dumped"):
            yield
    except Stopped:
        raise Permanent("stopped before its end; nothing was kept") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError, TimeoutError):
        raise Temporary(f"the connection to {key} broke; nothing was kept") from None
    except OSError as fault:
        if fault.errno in FULL_DISK:
            raise Permanent("the vault's disk is full; nothing was kept. Make room, then ask again.") from None
        if fault.errno in LINKLESS:
            why = "the vault's folder lies on a file system without hard links"
            raise Permanent(f"{why}; nothing was kept. Put it on another one.") from None
        raise Temporary("the vault's folder, or the one for scratch files, cannot be used; nothing was kept") from None
