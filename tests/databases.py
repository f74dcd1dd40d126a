"""The tests' PostgreSQL: one server for a whole session, whichever workers share it, and a database for each test."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.postgres import Server, quoted

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes of it that have to be free


@dataclass(frozen=True, slots=True)
class Template:
    """A database that is built once a session, by `build` from its URL, and copied for each test that wants it."""

    name: str
    build: Callable[[str], Awaitable[None]]


class SessionServer:
    """The folder of the session's server, and a guard outside it that ends the server when the session's process ends.

    The guard waits for the end of a pipe that only the session's own process holds: a finished, an interrupted and a
    killed session look the same to it.
    """

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="tandem-tests-", dir=fast_place()))
        # run by root the server is another user, who has to pass through; the database's folder has its own mode
        self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "tests.guard", str(self.home)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def database_home(self) -> Path:
        """Where the server is to be started; it may be asked for from any process."""
        return self.home / "postgres"

    def close(self) -> None:
        """Lets the guard end the server and remove the folder, and waits for it."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait(timeout=60)


def fast_place() -> Path | None:
    """Files in memory where there is room, else the usual place: a new database is three hundred small files."""
    try:
        return MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM else None
    except OSError:
        return None


async def ensure_template(server: Server, template: Template) -> None:
    """Builds the template where this session has none yet; the others wait, and nobody sees it half built."""
    async with server.connect() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", template.name)
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", template.name):
            return
        making = f"{template.name}_making"
        await server.drop_database(making)
        await template.build(await server.create_database(making))
        try:
            await connection.execute(f"ALTER DATABASE {quoted(making)} RENAME TO {quoted(template.name)}")
        except asyncpg.ObjectInUseError:
            raise RuntimeError(f"Building the template left a connection to {making} open: close it.") from None


@contextmanager
def limited(size: int) -> Iterator[None]:
    """The kernel lets no file of this process, and of those it starts, grow beyond that, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
