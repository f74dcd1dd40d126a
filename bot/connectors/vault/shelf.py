"""One database's backups in one vault: found, opened, added, marked as verified or as damaged."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TypeVar

from pydantic import ValidationError

from bot.connectors.vault.keys import Keys, Unopened
from bot.connectors.vault.manifest import NAME, OBJECT, SAFETY, Backup, Damaged, Manifest, Verified
from bot.connectors.vault.storage import Storage
from bot.effect import Permanent, Temporary
from bot.model import Record
from bot.operation import Choice

M = TypeVar("M", Verified, Damaged)

CHUNK = 1 << 20
AT_ONCE = 8


class Damage(Permanent):
    """Proved: what the vault holds of a backup is not what was written, or does not come back as it was."""

    def __init__(self, backup: Backup, how: str, more: str = "") -> None:
        self.backup, self.how = backup, how
        todo = f"choose an earlier one: /ops db backups {backup.database}"
        super().__init__(f"{backup.name} is damaged: {how}. The live database was not touched{more}; {todo}")


class Listing(Record):
    """Every backup that can be read, newest first, those that were found damaged, and the names of the others."""

    backups: tuple[Backup, ...] = ()
    damaged: tuple[Backup, ...] = ()  # they are for nothing but being told
    unreadable: tuple[str, ...] = ()


class Catalogue:
    """The read-only face of a shelf. Its methods raise Temporary or Permanent where the storage does."""

    def __init__(self, database: str, storage: Storage, keys: Keys) -> None:
        self.database, self.storage, self.keys = database, storage, keys

    def path(self, name: str) -> str:
        """Where something lies; as the sealed thing's name it binds it to this database and place."""
        return f"{self.database}/{name}"

    async def all(self) -> Listing:
        """Every backup of the database."""
        with readable():
            sizes = await self.storage.sizes(self.database)
        names = sorted(name.removesuffix(".manifest") for name in sizes if name.endswith(".manifest"))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(name: str) -> tuple[Backup, bool] | None:
            async with gate:
                try:
                    return await self._known(name)
                except Permanent:
                    return None

        found = dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))
        known = sorted((k for k in found.values() if k), key=lambda known: known[0].taken_at, reverse=True)
        return Listing(
            backups=tuple(backup for backup, damaged in known if not damaged),
            damaged=tuple(backup for backup, damaged in known if damaged),
            unreadable=tuple(name for name, k in found.items() if k is None),
        )

    async def find(self, name: str) -> Backup | None:
        """The backup of that name, with its mark; None where there is none. A damaged one is not verified."""
        known = await self._known(name)
        return known and known[0]

    async def damaged(self, name: str) -> bool:
        """Whether the backup of that name was found damaged, and not verified since."""
        known = await self._known(name)
        return known is not None and known[1]

    async def _known(self, name: str) -> tuple[Backup, bool] | None:
        """The backup, and whether it is damaged: of its two marks the later one counts."""
        manifest = await self.manifest(name)
        if manifest is None:
            return None
        verified, damaged = (
            await self._noted(f"{name}.verified", Verified),
            await self._noted(f"{name}.damaged", Damaged),
        )
        if damaged and damaged.sha256 == manifest.backup.sha256 and not (verified and verified.at > damaged.at):
            return manifest.backup, True
        return manifest.backup.model_copy(update={"verified": verified}), False

    async def _noted(self, name: str, kind: type[M]) -> M | None:
        """A mark beside a backup. One that does not open says nothing: each load compares the bytes all the same."""
        try:
            text = await self._sealed(name)
            return None if text is None else kind.model_validate_json(text)
        except (Permanent, ValidationError):
            return None

    async def latest(self, *, verified: bool = False) -> Backup | None:
        """The newest full one; `verified`: the newest verified one, where there is any.

        Not the one that a restore took for safety: it holds what the restore was to undo.
        """
        found = [b for b in (await self.all()).backups if b.kind == "full" and not SAFETY.fullmatch(b.name)]
        proven = [b for b in found if b.verified is not None] if verified else []
        return next(iter(proven or found), None)

    async def named(self, name: str, *, verified: bool = False) -> str:
        """The name itself; for `latest` that of the backup which `latest()` gives."""
        newest = await self.latest(verified=verified) if name == "latest" else None
        return newest.name if newest else name

    async def choices(self, typed: str, now: datetime, fits: Callable[[Backup], bool]) -> list[Choice]:
        """At most 100 entries for a picker: backups that fit and whose name contains what was typed, newest first."""
        found = [backup for backup in (await self.all()).backups if typed in backup.name and fits(backup)]
        return [Choice(value=b.name, text=f"{b.name}, {b.age_text(now)} old, {b.size}") for b in found[:100]]

    async def manifest(self, name: str) -> Manifest | None:
        """All that is known of it. Raises Permanent where it was sealed under another key or was changed."""
        if not NAME.fullmatch(name):
            return None
        text = await self._sealed(f"{name}.manifest")
        try:
            return None if text is None else Manifest.model_validate_json(text)
        except ValidationError:
            raise Permanent(f"the manifest of {name} was written by another version of Tandem") from None

    async def _sealed(self, name: str) -> bytes | None:
        with readable():
            data = await self.storage.read(self.path(name))
        if data is None:
            return None
        try:
            return await asyncio.to_thread(self.keys.open, data, self.path(name))
        except Unopened:
            why = "it was changed, or sealed under a key that the vault's keyset does not have"
            todo = f"Put that key back, or choose another backup: /ops db backups {self.database}"
            raise Permanent(f"{name} does not open: {why}. {todo}") from None


class Shelf(Catalogue):
    """The face that effects are given."""

    async def add(self, manifest: Manifest) -> bool:
        """Makes the backup one, in a single write. False where the name is taken."""
        name = f"{manifest.backup.name}.manifest"
        sealed = await asyncio.to_thread(self.keys.seal, manifest.model_dump_json().encode(), self.path(name))
        return await self.storage.write(self.path(name), sealed, only_new=True)

    async def mark(self, name: str, verified: Verified) -> None:
        """Says that it was restored and found equal."""
        await self._mark(f"{name}.verified", verified)

    async def condemn(self, found: Damage) -> Damage:
        """Says beside the backup that it is damaged; the damage, which says it where the vault takes no mark."""
        mark = Damaged(at=datetime.now(UTC), sha256=found.backup.sha256)
        try:
            await self._mark(f"{found.backup.name}.damaged", mark)
        except (OSError, Temporary, Permanent):
            more = ", and this could not be noted in the vault: left to itself, a restore may choose it again"
            return Damage(found.backup, found.how, more)
        return found

    async def _mark(self, name: str, mark: Verified | Damaged) -> None:
        place = self.path(name)
        sealed = await asyncio.to_thread(self.keys.seal, mark.model_dump_json().encode(), place)
        if not await self.storage.write(place, sealed, only_new=False):
            raise Temporary("another write of the same mark was under way")

    async def clear(self, before: datetime) -> int:
        """Deletes what attempts that were killed before then left behind and no manifest names. How many pieces."""
        names = await self.storage.sizes(self.database)
        dumps: dict[str, set[str]] = {}
        for name in names:
            if found := OBJECT.fullmatch(name):
                dumps.setdefault(found[1], set()).add(name)
        left = {
            one for backup, objects in dumps.items() for one in objects - await self._named_by(backup, objects, names)
        }
        return await self.storage.clear(self.database, before, lambda name: name not in left)

    async def _named_by(self, backup: str, objects: set[str], names: Container[str]) -> set[str]:
        """Those of a backup's objects that its manifest names; all of them where it cannot be read."""
        if f"{backup}.manifest" not in names:
            return set()
        if len(objects) == 1:
            return objects
        try:
            manifest = await self.manifest(backup)
        except Permanent:
            return objects
        return {manifest.object} if manifest else objects

    def check(self, manifest: Manifest, alive: Callable[[], None]) -> None:
        """Compares the stored bytes with the manifest's checksum, in a worker thread. Raises Damage."""
        digest, size = hashlib.sha256(), 0
        with self.stored(manifest) as source:
            while chunk := source.read(CHUNK):
                alive()
                digest.update(chunk)
                size += len(chunk)
        if (size, digest.hexdigest()) != (manifest.backup.bytes, manifest.backup.sha256):
            raise Damage(manifest.backup, "its stored bytes are not those that were written")

    def stored(self, manifest: Manifest) -> IO[bytes]:
        """The sealed bytes, in a worker thread. Raises Damage where they are gone."""
        try:
            return self.storage.reader(self.path(manifest.object))
        except FileNotFoundError:
            raise Damage(manifest.backup, "its bytes are gone from the vault") from None


@contextmanager
def readable() -> Iterator[None]:
    """A read that fails has changed nothing. Raises Temporary, with the system's own word for it and no path."""
    try:
        yield
    except OSError as fault:
        why = os.strerror(fault.errno) if fault.errno else type(fault).__name__
        raise Temporary(f"the vault cannot be read ({why}); `python -m bot doctor` tries it") from None
