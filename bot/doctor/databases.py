"""The company's databases: reached with the role that config names, fit for what is planned, each under one key."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import asyncpg

from bot.connectors.postgres.connector import Postgres
from bot.connectors.postgres.programs import find, restorer
from bot.connectors.postgres.session import LOOK, DatabaseSettings, Login, session
from bot.doctor.finding import Finding, Findings, absent, bad, good, looked
from bot.effect import Permanent, World
from bot.model import Record
from bot.operation import Database
from bot.process.compose import Ground
from config.settings import secret

IDENTITY = (
    "SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || oid FROM pg_database "
    "WHERE datname = current_database()"
)
UNREADABLE = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
"""
ROLE = f"""
SELECT r.rolsuper AS super, pg_has_role('pg_read_all_stats', 'USAGE') AS stats,
  pg_has_role('pg_signal_backend', 'USAGE') AS signal, r.rolcreatedb AS creates,
  pg_has_role(d.datdba, 'USAGE') AS owns, ({UNREADABLE}) AS unreadable
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""  # noqa: S608  texts of our own


class Met(Record):
    """What a session in one database says of it."""

    identity: str | None  # the server's own name and the database's oid: the same under any address
    version: int
    role: Mapping[str, Any]


async def databases(ground: Ground) -> Findings:
    """Every database of services.toml, and whether two keys or the bot itself share one."""
    targets: Mapping[str, DatabaseSettings] = ground.company.targets.get("database", {})
    if not targets:
        return [absent("Databases")]
    connector = Postgres(World(targets=targets, secret=secret))
    found: dict[str, Met] = {}
    parts = await asyncio.gather(*(_database(connector, key, found) for key in targets))
    return [*(finding for part in parts for finding in part), *await _shared(ground, found)]


async def _database(connector: Postgres, key: str, found: dict[str, Met]) -> Findings:
    what = f"Database {key}"
    mend = f"look at databases.{key} in services.toml, and at the secret that it names"
    return await looked(what, mend, _meet(connector, key, found), within=12)


async def _meet(connector: Postgres, key: str, found: dict[str, Met]) -> Findings:
    login = connector.login(Database(key=key))
    settings = login.settings
    async with session(login, settings.database, LOOK, reading=True) as conn:
        role = dict(await conn.fetchrow(ROLE) or {})
        name, identity = str(await conn.fetchval("SELECT current_database()")), await _identity(conn)
        found[key] = met = Met(identity=identity, version=conn.get_server_version().major, role=role)
    async with session(login, settings.maintenance_database, LOOK, reading=True):
        pass
    alias = [] if name == settings.database else [_alias(key, settings.database, name)]
    return [_privileges(key, settings, met), *alias, *await _programs(key, login, met)]


def _alias(key: str, written: str, name: str) -> Finding:
    said = f"a proxy calls it {written}, its server {name}: a lock on either name would be a guess"
    return bad(f"Name of {key}", said, f'write database = "{name}" in services.toml')


async def _identity(conn: Any) -> str | None:
    try:
        return str(await conn.fetchval(IDENTITY))
    except asyncpg.InsufficientPrivilegeError:
        return None


def _privileges(key: str, settings: DatabaseSettings, met: Met) -> Finding:
    what, role, user = f"Database {key}", met.role, settings.user
    said = f"PostgreSQL {met.version}, as {user}"
    if role["super"]:
        return good(what, f"{said}, a superuser: more than is needed")
    lacks = {
        "see all sessions": None if role["stats"] else f"GRANT pg_read_all_stats TO {user}",
        "end sessions": None if role["signal"] else f"GRANT pg_signal_backend TO {user}",
        "be told from others": None if met.identity else f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {user}",
    }
    if settings.vault:  # what is backed up is restored beside itself one day, and swapped
        lacks |= {
            f"read {role['unreadable']} of its tables": f"GRANT pg_read_all_data TO {user}"
            if role["unreadable"]
            else None,
            "create a database": None if role["creates"] else f"ALTER ROLE {user} CREATEDB",
            "rename it": None
            if role["owns"]
            else f"ALTER DATABASE {settings.database} OWNER TO {user}, or GRANT it the owner",
        }
    mends = {lack: mend for lack, mend in lacks.items() if mend}
    if mends:
        return bad(what, f"{said}, which cannot {', '.join(mends)}", "; ".join(mends.values()))
    return good(what, said)


async def _programs(key: str, login: Login, met: Met) -> Findings:
    """pg_dump and pg_restore, for a database that has a vault."""
    if not login.settings.vault:
        return []
    what = f"pg_dump for {key}"
    try:
        named = login.settings.binaries
        _, dumps = await asyncio.to_thread(find, "pg_dump", met.version, named)
        await asyncio.to_thread(restorer, dumps, met.version, named)
    except Permanent as error:
        said, _, mend = str(error).partition(": ")
        return [bad(what, said, mend or f"install PostgreSQL's client programs {met.version} or newer")]
    return [good(what, f"version {dumps}, the server's is {met.version}")]


async def _shared(ground: Ground, found: Mapping[str, Met]) -> Findings:
    """Two keys for one database would be two locks for one thing; a run on the bot's own would saw off its branch."""
    by_identity: dict[str, list[str]] = defaultdict(list)
    for key, met in found.items():
        if met.identity:
            by_identity[met.identity].append(key)
    told = [
        bad("One key each", f"{' and '.join(keys)} are one database", "keep one of these keys in services.toml")
        for keys in by_identity.values()
        if len(keys) > 1
    ]
    own = by_identity.get(await _own(ground) or "", [])
    told += [
        bad("Not the bot's own", f"{key} is the bot's own database", f"take databases.{key} out of services.toml")
        for key in own
    ]
    return told or [good("One key each", f"{len(by_identity)} databases, none of them the bot's own")]


async def _own(ground: Ground) -> str | None:
    """The identity of the bot's database, None where it is not reached: another look says so."""
    url = ground.settings.database_url
    if url is None:
        return None
    try:
        conn = await asyncpg.connect(url.reveal(), timeout=5)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    try:
        return await _identity(conn)
    except asyncpg.PostgresError:
        return None
    finally:
        conn.terminate()
