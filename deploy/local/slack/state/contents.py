"""The bytes of files: in memory within a budget, or in the workspace's file, read from there when asked for."""

from __future__ import annotations

import sqlite3
from typing import Protocol

MEMORY_MOST = 128 * 1024 * 1024  # bytes of all files together; one may have half of that


class Contents(Protocol):
    """Bytes by the id of their file."""

    def put(self, file: str, content: bytes) -> list[str]:
        """Keep these; gives the ids of the files whose bytes had to go for it."""
        ...

    def get(self, file: str) -> bytes | None:
        """None where they never came, or are no longer kept."""
        ...

    def drop(self, file: str) -> None:
        """Forget them."""
        ...


class InMemory:
    """The newest, up to `most` bytes; the newest file of all is kept whatever its size."""

    def __init__(self, most: int = MEMORY_MOST) -> None:
        self.most = most
        self._kept: dict[str, bytes] = {}
        self._size = 0

    def put(self, file: str, content: bytes) -> list[str]:
        self.drop(file)
        self._kept[file] = content
        self._size += len(content)
        gone: list[str] = []
        while self._size > self.most and len(self._kept) > 1:
            gone.append(next(iter(self._kept)))
            self.drop(gone[-1])
        return gone

    def get(self, file: str) -> bytes | None:
        return self._kept.get(file)

    def drop(self, file: str) -> None:
        self._size -= len(self._kept.pop(file, b""))


class InFile:
    """All of them, in a table of their own. What is put is committed together with the record of its file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.execute("CREATE TABLE IF NOT EXISTS content (file TEXT PRIMARY KEY, bytes BLOB NOT NULL)")

    def put(self, file: str, content: bytes) -> list[str]:
        self._db.execute("INSERT OR REPLACE INTO content (file, bytes) VALUES (?, ?)", (file, content))
        return []

    def get(self, file: str) -> bytes | None:
        row = self._db.execute("SELECT bytes FROM content WHERE file = ?", (file,)).fetchone()
        return bytes(row[0]) if row else None

    def drop(self, file: str) -> None:
        self._db.execute("DELETE FROM content WHERE file = ?", (file,))
