"""What is known of a backup: the part that plans and events may hold, and the whole, which lies sealed beside it."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bot.connectors.postgres.properties import Properties
from bot.connectors.postgres.survey import Counters, Table
from bot.durations import about_duration, about_size
from bot.effect import Shown
from bot.model import Record

Kind: TypeAlias = Literal["full", "schema", "data"]
ROOM = 1.1  # of the dumped database's size, to restore it
NAME = re.compile(r"[a-z0-9][A-Za-z0-9_-]{0,79}")
OBJECT = re.compile(rf"({NAME.pattern})\.\d+-[0-9a-f]{{6}}\.dump")
SAFETY = re.compile(r"before-r\d+")  # what a restore takes first is named after its run
BackupName = Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]


class Verified(Record):
    """That a backup was restored once and found equal to what it was taken from."""

    at: datetime
    tables: int
    rows: int


class Damaged(Record):
    """That a backup's stored bytes were found not to be those that were written, and which these were."""

    at: datetime
    sha256: str  # of that backup: another one that takes its name later is not damaged


class Backup(Record):
    """A backup in the vault. `verified` may change while a plan waits, and changes nothing of what it does."""

    name: BackupName
    database: str  # its key
    kind: Kind
    taken_at: datetime  # of the snapshot
    took: timedelta
    bytes: int  # stored
    plain_bytes: int
    database_bytes: int
    sha256: str  # of the stored bytes
    server_version: int
    dump_version: int
    tables: int
    rows: int
    verified: Annotated[Verified | None, Shown] = None

    @property
    def size(self) -> str:
        """Stored, for reading."""
        return about_size(self.bytes)

    @property
    def took_text(self) -> str:
        """How long it took, for reading."""
        return about_duration(self.took)

    def misfit(self, version: int, free: int | None) -> tuple[str, str] | None:
        """Code and sentence of why a server of that version, with so many bytes free, cannot take it; None: it can."""
        if self.server_version > version:
            told = f"{self.name} was taken from PostgreSQL {self.server_version}, the server is {version}."
            return "version", f"{told} Upgrade the server first."
        if free is not None and free < self.database_bytes * ROOM:
            return "disk", f"The server's disk has no room for another {self.database}. Drop an old one first."
        return None

    def age(self, now: datetime) -> timedelta:
        """Since its snapshot."""
        return max(now - self.taken_at, timedelta())

    def age_text(self, now: datetime) -> str:
        """The same, for reading."""
        return about_duration(self.age(now))


class Manifest(Record):
    """All that a restore and its check need, sealed under the backup's name. It is written last: it is the backup."""

    backup: Backup
    object: str  # the attempt's own object: attempts never write into each other's
    made_by: str  # the attempt's key, "r142/safety"
    key: str  # id of the key that sealed it
    tables: dict[str, Table]
    counters: Counters
    properties: Properties


def object_name(backup: str, attempt: int) -> str:
    """Where an attempt stores a backup's bytes; never another attempt's place. `OBJECT` reads it."""
    return f"{backup}.{attempt}-{secrets.token_hex(3)}.dump"


def default_name(database: str, kind: Kind, at: datetime) -> str:
    """shop-20261121T0200-full"""
    return f"{database}-{at.astimezone(UTC):%Y%m%dT%H%M}-{kind}"


def named_well(name: str) -> bool:
    """Whether people may call a backup so: it fits, and means nothing else."""
    return NAME.fullmatch(name) is not None and name != "latest" and SAFETY.fullmatch(name) is None
