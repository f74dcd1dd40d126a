"""The tests' PostgreSQL: one server for a whole session, whichever workers share it, and a database for each test."""

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.postgres import Server, quoted
from tests.beside import Beside

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes of it that have to be free
CLOSE_WITHIN = 30.0  # seconds


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


class _OneLine(Server):
    """The server over one connection, which is opened once: each costs as much as half a database."""

    _kept: asyncpg.Connection | None = None

    @asynccontextmanager
    async def connect(self, database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
        if self._kept is None or self._kept.is_closed():
            self._kept = await asyncpg.connect(self.dsn(database))
        yield self._kept

    async def hang_up(self) -> None:
        if self._kept is not None:
            await self._kept.close()


class Databases:
    """Makes and drops a worker's databases, one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._line = _OneLine.start(server.home, durable=False)
        self._beside = Beside("databases")
        self._turn = asyncio.Lock()
        self._built: set[str] = set()

    async def create(self, name: str, template: Template | None) -> str:
        """The superuser's URL of a copy of the template, or of an empty one."""
        if template is not None and template.name not in self._built:
            await ensure_template(self._server, template)
            self._built.add(template.name)
        return await self._beside.does(self._create(name, template.name if template else None))

    async def _create(self, name: str, template: str | None) -> str:
        async with self._turn:
            return await self._line.create_database(name, template=template)

    async def drop(self, name: str) -> None:
        """With whoever is still connected to it."""
        await self._beside.does(self._drop(name))

    async def _drop(self, name: str) -> None:
        async with self._turn:
            await self._line.drop_database(name)

    def close(self) -> None:
        self._beside.carry_out(self._line.hang_up(), CLOSE_WITHIN)
        self._beside.stop()


@contextmanager
def limited(size: int) -> Iterator[None]:
    """The kernel lets no file of this process, and of those it starts, grow beyond that, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
