"""The life of one embedded PostgreSQL: made, started, found again, stopped; on 127.0.0.1 behind a random password.

The server outlives the process that started it, however that ends; whoever comes next attaches to it by its folder.
"""

import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

import asyncpg

from deploy.local.postgres_account import Account, choose_account
from deploy.local.postgres_binaries import Binaries, find_binaries
from deploy.local.postgres_errors import AccountRefused, NotRunning, StopFailed
from deploy.local.postgres_launch import HOST, Launch, server_environment
from deploy.local.postgres_state import ServerState, find_running

_STOP_SECONDS = 30


class Server:
    """A running PostgreSQL whose files are `home`/data, its log and its private state file."""

    def __init__(self, home: Path, binaries: Binaries, account: Account, state: ServerState) -> None:
        """Use `start` or `attach`."""
        self.home = home
        self.data = home / "data"
        self.binaries = binaries
        self._account = account
        self._state = state

    @classmethod
    def start(
        cls,
        home: Path,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        binaries: Binaries | None = None,
    ) -> Self:
        """The server of `home`: the one that runs, else the one whose data are there, else a new one.

        `durable=False` turns fsync off: a killed process still loses nothing, a machine without power does.
        `settings` are postgresql.conf entries; durable and settings matter only where this call starts the server.
        Blocks for 0.1 to 2 seconds. Raises BinariesMissing, AccountRefused, StartFailed.
        """
        home = Path(os.path.abspath(home))
        _open_folder(home)
        binaries = binaries or find_binaries()
        with _alone(home):
            account = choose_account(binaries, home)
            running = find_running(home) or Launch(home, binaries, account).run(durable, settings or {})
            return cls(home, binaries, account, running)

    @classmethod
    def attach(cls, home: Path, *, binaries: Binaries | None = None) -> Self:
        """The server that runs on `home`, started by whomever. Raises NotRunning, BinariesMissing, AccountRefused."""
        home = Path(os.path.abspath(home))
        if not home.is_dir():
            raise NotRunning(f"There is no database server in {home}: the folder does not exist. Start one first.")
        binaries = binaries or find_binaries()
        with _alone(home):
            running = find_running(home)
            if running is None:
                raise NotRunning(f"No database server of ours runs in {home}. Start it first.")
            return cls(home, binaries, choose_account(binaries, home), running)

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self._state.port

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return self._state.pid

    def running(self) -> bool:
        """Whether the server that this object knows still runs."""
        running = find_running(self.home)
        return running is not None and running.pid == self.pid

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Ends the server that this object knows, and no other; nothing to do where it is gone. Raises StopFailed.

        `fast` breaks connections and closes the files in order; `immediate` leaves a recovery to the next start.
        """
        with _alone(self.home):
            if not self.running():
                return
            code, said = self._account.run(
                [self.binaries.path("pg_ctl"), "stop", "-D", self.data, "-m", mode, "-w", "-t", str(_STOP_SECONDS)],
                timeout=_STOP_SECONDS + 5,
                environ=server_environment(),
            )
        if code != 0:
            raise StopFailed(
                f"The database server (process {self.pid}) in {self.home} did not stop within {_STOP_SECONDS} s: "
                f"{said}. Its log is {self.home / 'server.log'}."
            )

    def dsn(self, database: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """A connection URL for `database`; as the superuser where no `user` is given."""
        name = user or self._state.superuser
        word = password if user else self._state.password
        login = quote(name, safe="") + (f":{quote(word, safe='')}" if word is not None else "")
        return f"postgresql://{login}@{HOST}:{self.port}/{quote(database, safe='')}"

    @asynccontextmanager
    async def connect(self, database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
        """A superuser's connection, closed at the end."""
        connection = await asyncpg.connect(self.dsn(database))
        try:
            yield connection
        finally:
            await connection.close()

    async def create_database(self, name: str, *, template: str | None = None, owner: str | None = None) -> str:
        """Makes a database, a copy of `template` where given, and returns its superuser's URL.

        The copy is of whole files: of a small template that is faster than of each page through the log.
        Raises asyncpg.DuplicateDatabaseError; asyncpg.ObjectInUseError where somebody is connected to the template.
        """
        statement = f"CREATE DATABASE {quoted(name)}"
        if template is not None:
            statement += f" TEMPLATE {quoted(template)} STRATEGY file_copy"
        if owner is not None:
            statement += f" OWNER {quoted(owner)}"
        async with self.connect() as connection:
            await connection.execute(statement)
        return self.dsn(name)

    async def drop_database(self, name: str) -> None:
        """Removes a database and breaks its connections; nothing to do where it is gone."""
        async with self.connect() as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")

    def __repr__(self) -> str:
        """Without the password."""
        return f"Server(home={str(self.home)!r}, port={self.port}, pid={self.pid})"


def quoted(identifier: str) -> str:
    """`identifier` as SQL writes a name of any characters."""
    return '"' + identifier.replace('"', '""') + '"'


def _open_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        # as root the server is another user, who passes through; what is inside stays closed to others
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as fault:
        raise AccountRefused(
            f"The database's folder {home} cannot be made or is not yours: {fault.strerror}. "
            "Choose another folder, or run as the user to whom it belongs."
        ) from None


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time decides about a folder's server. The kernel lets go when the holder dies."""
    try:
        descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise AccountRefused(
            f"You may not write in {home}, the database's folder: it belongs to another user. "
            "Run as that user, or remove the folder to start with an empty database."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
