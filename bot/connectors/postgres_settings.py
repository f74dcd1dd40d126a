"""A server's parameters: read where they are set, changed by compare-and-set, put back exactly as they were."""

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from bot.connectors.postgres import Postgres
from bot.connectors.postgres.session import LOOK, Connection, Login, literal, proved, quoted, session
from bot.effect import Attempt, Changed, Connector, Effect, Permanent, Survival, Target, Temporary
from bot.model import Record
from bot.operation import Database

RELOAD = timedelta(seconds=10)  # a server that was told to reads its files anew within this

STATE = """
SELECT s.setting || coalesce(s.unit, '') AS now, s.source,
       (SELECT substr(entry, strpos(entry, '=') + 1)
        FROM pg_db_role_setting r JOIN pg_database d ON d.oid = r.setdatabase, unnest(r.setconfig) entry
        WHERE d.datname = current_database() AND r.setrole = 0 AND split_part(entry, '=', 1) = s.name) AS of_database,
       (SELECT count(*) FROM pg_db_role_setting r, unnest(r.setconfig) entry
        WHERE r.setrole <> 0 AND split_part(entry, '=', 1) = s.name
          AND r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))) AS of_roles
FROM pg_settings s WHERE s.name = $1
"""
# What is the whole server's is looked at and changed in the maintenance database. A privilege on a function is one
# database's: in the live one it would be in its dumps, and only a superuser could bring those back.
MAY_RELOAD = """
SELECT has_function_privilege('pg_reload_conf()', 'EXECUTE')
   AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
"""
# The file's entry as it stands there; the last one of a name wins.
IN_FILE = """
SELECT setting FROM pg_show_all_file_settings()
WHERE name = $1 AND sourcefile = current_setting('data_directory') || '/postgresql.auto.conf'
ORDER BY seqno DESC LIMIT 1
"""
SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
MAY_ALTER = "SELECT has_parameter_privilege($1, 'ALTER SYSTEM')"


class Place(StrEnum):
    """Where a value is written."""

    SYSTEM = "system"  # postgresql.auto.conf, for all databases; counts at once for every session
    DATABASE = "database"  # ALTER DATABASE; counts for sessions that begin later


class Parameter(Record):
    """A parameter as it is: what counts, where it can be changed, and what stands there (None: nothing)."""

    name: str
    now: str  # with its unit
    place: Place
    stored: str | None
    fixed: bool = False  # given on the server's command line: no file changes it
    roles: int = 0  # roles with a value of their own, which wins


class ParameterReads:
    """What a handler may read of the parameters of one database."""

    def __init__(self, login: Login) -> None:
        self._login = login

    async def parameter(self, name: str) -> Parameter | None:
        """As the database has it now; None where the server knows none of that name. Raises Temporary, Permanent."""
        settings = self._login.settings
        async with (
            session(self._login, settings.database, LOOK, reading=True) as live,
            session(self._login, settings.maintenance_database, LOOK, reading=True) as server,
        ):
            return await parameter(live, server, name)


class Parameters(Connector[ParameterReads, None]):
    """Works through the Postgres connector: the same settings and logins."""

    serves = "database"

    async def reads(self, target: Target | None) -> ParameterReads:
        return ParameterReads(self.world.other(Postgres).login(target))


class NotInForce(Exception):
    """The value was written and the server did not confirm it in time."""


async def parameter(live: Connection, server: Connection, name: str) -> Parameter | None:
    """The parameter as the live database has it; None where the server knows none of that name.

    `server`: a session in the maintenance database.
    """
    with proved(f"{name} cannot be read"):
        row = await live.fetchrow(STATE, name)
        if row is None:
            return None
        # a value of the database would hide the system's
        by_file = row["of_database"] is None and await server.fetchval(MAY_RELOAD)
        place = Place.SYSTEM if by_file and await _may_alter(server, name) else Place.DATABASE
        stored = await server.fetchval(IN_FILE, name) if place is Place.SYSTEM else row["of_database"]
    return Parameter(
        name=name,
        now=row["now"],
        place=place,
        stored=stored,
        fixed=row["source"] in ("command line", "environment variable", "override"),
        roles=row["of_roles"],
    )


async def _may_alter(connection: Connection, name: str) -> bool:
    if await connection.fetchval(SUPERUSER):
        return True
    if connection.get_server_version().major < 15:
        return False
    may: bool = await connection.fetchval(MAY_ALTER, name)
    return may


class SetParameter(Effect[None]):
    """`value` in place of `expect`, both as they stand in `place` and None for nothing there.

    Already as wished is done; any third value is Changed: somebody else's, and left as it is.
    """

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(seconds=45)
    internal: ClassVar[frozenset[str]] = frozenset({"expect"})
    connector = Postgres
    database: Database
    name: str
    value: str | None
    expect: str | None
    place: Place = Place.SYSTEM

    async def do(self, on: Any, at: Attempt) -> None:
        async with on.session(at, self._where(on)) as connection:
            present = await self._stored(connection)
            if present not in (self.value, self.expect):
                raise Changed(f"{self.name} was set to {present or 'nothing'} by somebody else: left as it is")
            told = await connection.fetchval("SELECT clock_timestamp()")
            if present != self.value:
                with proved(f"{self.name} cannot be set"):
                    await connection.execute(self._statement(on.live))
            if self.place is Place.SYSTEM:
                # also where it stood there already: an earlier attempt may have died before this line
                await connection.execute("SELECT pg_reload_conf()")
        try:
            await self._in_force(on, at, told)
        except (Temporary, Permanent) as fault:  # true of the looking, not of what was written
            raise NotInForce(f"{self.name} was written and could not be read back: {fault}") from None

    async def holds(self, on: Any) -> str | None:
        async with on.look(self._where(on)) as connection:
            present = await self._stored(connection)
        if present in (self.value, self.expect):
            return None
        return f"{self.name} was set to {present or 'nothing'} by somebody else"

    async def bar(self, on: Any, at: Attempt) -> bool:
        barred: bool = await on.bar(at)
        return barred

    def _where(self, on: Any) -> str | None:
        """The database in which it is done; None is the maintenance database."""
        return None if self.place is Place.SYSTEM else str(on.live)

    def _statement(self, database: str) -> str:
        whose = "SYSTEM" if self.place is Place.SYSTEM else f"DATABASE {quoted(database)}"
        if self.value is None:
            return f"ALTER {whose} RESET {quoted(self.name)}"
        return f"ALTER {whose} SET {quoted(self.name)} TO {literal(self.value)}"

    async def _stored(self, connection: Connection) -> str | None:
        with proved(f"{self.name} cannot be read"):
            if self.place is Place.SYSTEM:
                value: str | None = await connection.fetchval(IN_FILE, self.name)
                return value
            row = await connection.fetchrow(STATE, self.name)
            return row["of_database"] if row else None

    async def _in_force(self, on: Any, at: Attempt, told: datetime) -> None:
        """A new session reads it back; the server has the new files once its load time is past `told`."""
        end = asyncio.get_running_loop().time() + RELOAD.total_seconds()
        while True:
            async with on.session(at, self._where(on)) as fresh:
                loaded = self.place is Place.DATABASE or await fresh.fetchval("SELECT pg_conf_load_time() > $1", told)
                if loaded and await self._stored(fresh) == self.value:
                    return
            if asyncio.get_running_loop().time() > end:
                raise NotInForce(f"{self.name} was written, and the server does not confirm it")
            await asyncio.sleep(0.05)
