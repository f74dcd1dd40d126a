"""Where sealed bytes lie: the contract of a storage, and a folder of this machine."""

import asyncio
import errno
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol


class Writer(Protocol):
    """Takes one object piece by piece, in a worker thread; the object is there as a whole after `commit`, or not."""

    def write(self, data: bytes) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...


class Storage(Protocol):
    """Objects by path, "shop/before-r142.manifest". Raises OSError, or Temporary and Permanent where it knows more."""

    async def sizes(self, folder: str) -> Mapping[str, int]:
        """The names in a folder with their bytes; unfinished ones are not there."""

    async def read(self, path: str) -> bytes | None: ...

    async def write(self, path: str, data: bytes, *, only_new: bool) -> bool:
        """A small object as a whole. False, and nothing written, where `only_new` and there is one."""

    async def delete(self, path: str) -> None:
        """Gone already is fine."""

    async def clear(self, folder: str, before: datetime, keep: Callable[[str], bool]) -> int:
        """Deletes what was last written before then: every unfinished piece, and each object that `keep` does not want
        by its name. How many.
        """

    def writer(self, path: str) -> Writer:
        """For a worker thread."""

    def reader(self, path: str) -> IO[bytes]:
        """For a worker thread; the caller closes it. Raises FileNotFoundError."""


UNFINISHED = ".part"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Folder:
    """A folder that only we may enter. What is written is on the disk before it has its name."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def sizes(self, folder: str) -> Mapping[str, int]:
        return await asyncio.to_thread(self._sizes, folder)

    async def read(self, path: str) -> bytes | None:
        try:
            return await asyncio.to_thread((self.root / path).read_bytes)
        except FileNotFoundError:
            return None

    async def write(self, path: str, data: bytes, *, only_new: bool) -> bool:
        return await asyncio.to_thread(self._write, path, data, only_new)

    async def delete(self, path: str) -> None:
        await asyncio.to_thread((self.root / path).unlink, missing_ok=True)

    async def clear(self, folder: str, before: datetime, keep: Callable[[str], bool]) -> int:
        return await asyncio.to_thread(self._clear, folder, before.timestamp(), keep)

    def writer(self, path: str) -> "FileWriter":
        return FileWriter(self._place(path))

    def reader(self, path: str) -> IO[bytes]:
        return (self.root / path).open("rb", buffering=0)

    def _sizes(self, folder: str) -> Mapping[str, int]:
        try:
            with os.scandir(self.root / folder) as entries:
                return {e.name: e.stat().st_size for e in entries if e.is_file() and not e.name.endswith(UNFINISHED)}
        except FileNotFoundError:
            return {}

    def _clear(self, folder: str, before: float, keep: Callable[[str], bool]) -> int:
        with os.scandir(self.root / folder) as entries:
            old = [e for e in entries if e.is_file(follow_symlinks=False) and e.stat().st_mtime < before]
        left = [e for e in old if e.name.endswith(UNFINISHED) or not keep(e.name)]
        for entry in left:
            Path(entry.path).unlink(missing_ok=True)
        return len(left)

    def _write(self, path: str, data: bytes, only_new: bool) -> bool:
        writer = self.writer(path)
        try:
            writer.write(data)
            if only_new:
                return writer.commit_new()
            writer.commit()
            return True
        finally:
            writer.abort()

    def _place(self, path: str) -> Path:
        place = self.root / path
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place


class FileWriter:
    """Writes under another name, which the rename or link at the end makes the right one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
        self._file = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def commit(self) -> None:
        os.fsync(self._file)
        os.replace(self._part, self._path)
        self._settle()

    def commit_new(self) -> bool:
        """False where there is one of that name already."""
        os.fsync(self._file)
        try:
            os.link(self._part, self._path)
        except FileExistsError:
            return False
        self._settle()
        return True

    def abort(self) -> None:
        """After a commit it only gives back what is left."""
        with suppress(OSError):
            os.close(self._file)
        self._part.unlink(missing_ok=True)

    def _settle(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
