"""The read-only face of a database: what handlers look at. Queries are told by digest: their text may hold anything."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeAlias, cast

import asyncpg

from bot.connectors.postgres.hands import unending
from bot.connectors.postgres.programs import restorer
from bot.connectors.postgres.session import LOOK, Connection, Login, proved, quoted, reached, session
from bot.connectors.postgres.survey import Counters, Table, Written, count, counters, uncounted, written
from bot.effect import Permanent, Temporary
from bot.model import Record

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

DATABASES = """
SELECT datname AS name, oid, datallowconn AS open,
       CASE WHEN datconnlimit = -2 THEN 0 ELSE pg_database_size(oid) END AS bytes
FROM pg_database WHERE NOT datistemplate ORDER BY datname
"""
BACKENDS = """
SELECT pid, backend_start, usename AS role, application_name AS app, datname AS database, state,
       coalesce(state_change, backend_start) AS since, xact_start, wait_event_type AS waits_for,
       CASE WHEN query <> '' THEN left(encode(sha256(convert_to(query, 'UTF8')), 'hex'), 12) ELSE '' END AS query,
       to_jsonb(pg_blocking_pids(pid)) <> '[]' AS blocked
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND ($1::text IS NULL OR datname = $1) AND ($2::text IS NULL OR state = $2)
  AND ($3::interval IS NULL OR coalesce(state_change, backend_start) < clock_timestamp() - $3)
ORDER BY since
"""
USED = """
SELECT coalesce(state, 'starting') AS state, coalesce(nullif(application_name, ''), usename, '') AS holder,
       count(*) AS n
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1, 2
"""


class Beheld(Record):
    """A database of the server."""

    name: str
    oid: int
    open: bool
    bytes: int


class Backend(Record):
    """A session, matched by pid and backend_start: a pid alone is soon somebody else."""

    pid: int
    backend_start: datetime
    role: str | None
    app: str
    database: str | None
    state: str | None
    since: datetime
    xact_start: datetime | None
    waits_for: str | None
    blocked: bool
    query: str  # the first 12 digits of its text's SHA-256


class Connections(Record):
    """How many sessions the server has, in which state, and whose they are."""

    used: int
    most: int
    by_state: dict[str, int]
    by_holder: dict[str, int]  # by application, else by role; the greatest first

    @property
    def idle_in_transaction(self) -> int:
        """Sessions that hold a transaction open and do nothing."""
        return sum(n for state, n in self.by_state.items() if state.startswith("idle in transaction"))


class Reads:
    """Raises Temporary where the server cannot be reached, Permanent where it refuses; nothing here ever writes."""

    def __init__(self, login: Login, live: Pool, server: Pool) -> None:
        self._login, self._live, self._server = login, live, server
        self.name: str = login.settings.database

    @asynccontextmanager
    async def _session(self, pool: Pool) -> AsyncIterator[Connection]:
        with reached(self._login.key):
            connection = await pool.acquire(timeout=10)
        try:
            with proved(f"{self._login.key} cannot be read"):
                yield cast(Connection, connection)
        finally:
            await pool.release(connection, timeout=5)

    async def databases(self) -> tuple[Beheld, ...]:
        """All databases of the server, templates aside."""
        async with self._session(self._server) as connection:
            return tuple(Beheld(**row) for row in await connection.fetch(DATABASES))

    async def identity(self) -> Beheld | None:
        """The live database; None where nothing bears its name. Works while its door is closed."""
        return next((found for found in await self.databases() if found.name == self.name), None)

    async def unending(self) -> str | None:
        """Which of the live database's sessions nobody could end who closes it, in a sentence; None: all can be."""
        async with self._session(self._server) as connection:
            return await unending(connection, self.name)

    async def names(self) -> tuple[str, ...]:
        """The names of all databases of the server, templates aside."""
        return tuple(found.name for found in await self.databases())

    async def besides(self, roles: str = "old|new|kept") -> tuple[Beheld, ...]:
        """Whole databases that runs made beside the live one, and left."""
        made = re.compile(rf"{re.escape(self.name)}_r\d+_({roles})")
        return tuple(found for found in await self.databases() if made.fullmatch(found.name))

    async def exists(self, name: str) -> bool:
        """Whether the server has a database of that name."""
        return name in await self.names()

    async def size(self) -> int:
        """Bytes of the live database on the server's disk; 0 where there is none."""
        found = await self.identity()
        return found.bytes if found else 0

    async def version(self) -> int:
        """The server's major version."""
        return int(await self.parameter("server_version_num")) // 10000

    async def unrestorable(self, dumped: int) -> str | None:
        """Why nothing that is installed here restores a backup of a pg_dump of that major version; None: it can."""
        try:
            await asyncio.to_thread(restorer, dumped, await self.version(), self._login.settings.binaries)
        except Permanent as why:
            return str(why)
        return None

    async def parameter(self, name: str) -> str:
        """A setting as the server shows it. Raises Permanent for an unknown one."""
        async with self._session(self._server) as connection:
            return str(await connection.fetchval("SELECT current_setting($1)", name))

    async def server(self) -> str:
        """The number that the server was given when it was made: the same under any address and for its replicas."""
        async with self._session(self._server) as connection:
            try:
                return str(await connection.fetchval("SELECT system_identifier FROM pg_control_system()"))
            except asyncpg.InsufficientPrivilegeError as error:
                why = f"the server of {self._login.key} does not say which one it is, so a lock on it would be a guess"
                role = quoted(self._login.settings.user)
                mend = f"let its owner say GRANT EXECUTE ON FUNCTION pg_control_system() TO {role}"
                raise Permanent(f"{why}; {mend}") from error

    async def own_name(self) -> str:
        """The live database's name, as config has it. Raises Permanent where its server calls it otherwise.

        That is a proxy's alias: two keys would be two locks, and a swap would rename past it. In a session of its own,
        since a session that stays open would keep the database from being renamed.
        """
        try:
            with reached(self._login.key):
                async with session(self._login, self.name, LOOK, reading=True) as connection:
                    found = str(await connection.fetchval("SELECT current_database()"))
        except (Temporary, Permanent, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return self.name  # its door is closed, or it is away in the middle of a swap
        if found != self.name:
            why = f"a proxy calls it {self.name}, its server {found}, so that a lock on either name would be a guess"
            raise Permanent(f'database {self._login.key}: {why}; write database = "{found}" in services.toml')
        return found

    async def answers(self) -> None:
        """A statement in the live database itself. Raises Temporary or Permanent where it is not answered.

        In a session of its own, as `own_name`.
        """
        async with session(self._login, self.name, LOOK, reading=True) as connection:
            with proved(f"{self._login.key} cannot be read"):
                await connection.execute("SELECT 1")

    async def connections(self) -> Connections:
        """A summary over the whole server."""
        async with self._session(self._server) as connection:
            rows = await connection.fetch(USED)
            most = int(await connection.fetchval("SELECT current_setting('max_connections')"))
        by_state: dict[str, int] = {}
        by_holder: dict[str, int] = {}
        for row in rows:
            by_state[row["state"]] = by_state.get(row["state"], 0) + row["n"]
            by_holder[row["holder"]] = by_holder.get(row["holder"], 0) + row["n"]
        ranked = dict(sorted(by_holder.items(), key=lambda held: (-held[1], held[0])))
        return Connections(used=sum(by_state.values()), most=most, by_state=by_state, by_holder=ranked)

    async def activity(
        self, *, state: str | None = None, longer_than: timedelta | None = None, anywhere: bool = False
    ) -> tuple[Backend, ...]:
        """The live database's sessions (`anywhere`: the server's), those longest in their state first."""
        async with self._session(self._server) as connection:
            rows = await connection.fetch(BACKENDS, None if anywhere else self.name, state, longer_than)
        return tuple(Backend(**row) for row in rows)

    async def tables(self) -> dict[str, Table]:
        """Exact figures of every table. Raises Temporary where counting takes longer than a look may."""
        async with (
            self._session(self._live) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await count(connection)

    async def written_since(self, then: Counters) -> Written:
        """Rows inserted, updated and deleted since those counts, rolled-back ones included. Takes a second or so."""
        async with self._session(self._live) as connection:
            lacking = await uncounted(connection)
            return written(then, await counters(connection), lacking)

    async def free_disk(self) -> int | None:
        """Bytes free where the data lie; None where that cannot be known from here: on another machine."""
        host = self._login.settings.host
        if host not in ("127.0.0.1", "::1", "localhost") and not host.startswith("/"):
            return None
        try:
            return shutil.disk_usage(await self.parameter("data_directory")).free
        except OSError:
            return None
