"""What effects on a database are given: sessions in the attempt's name, and how those of earlier attempts are ended."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.connectors.postgres.session import LOOK, Connection, Login, fit, proved, session
from bot.effect import Attempt, Changed, Permanent

END_SECONDS = 10

ENDED = """
SELECT coalesce(bool_and(pg_terminate_backend(pid, $2)), true)
FROM pg_stat_activity WHERE application_name = ANY ($1) AND pid <> pg_backend_pid()
"""
EMPTIED = """
SELECT coalesce(bool_and(pg_terminate_backend(pid, $2)), true) FROM pg_stat_activity
WHERE datname = ANY ($1) AND pid <> pg_backend_pid() AND backend_type NOT LIKE 'autovacuum%'
"""
# Whoever is no superuser ends no superuser's session, and others' only as a member of their role or of this one.
UNENDING = """
SELECT count(*) FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = $1 AND a.pid <> pg_backend_pid() AND a.backend_type NOT LIKE 'autovacuum%'
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  AND (coalesce(r.rolsuper, true)
       OR NOT (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))
"""


class Hands:
    """One database's server, for effects."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.live: str = login.settings.database

    @asynccontextmanager
    async def session(self, at: Attempt, database: str | None = None) -> AsyncIterator[Connection]:
        """A session of this attempt; without `database` in the maintenance database. Raises Temporary or Permanent."""
        where = database or self.login.settings.maintenance_database
        async with session(self.login, where, at.session) as connection:
            yield connection

    @asynccontextmanager
    async def look(self, database: str | None = None) -> AsyncIterator[Connection]:
        """A session that only reads."""
        where = database or self.login.settings.maintenance_database
        async with session(self.login, where, LOOK, reading=True) as connection:
            yield connection

    async def bar(self, at: Attempt) -> bool:
        """Ends the sessions of all earlier attempts at this step; True once they are seen gone."""
        stem = at.session.rpartition("/")[0]
        earlier = [fit(f"{stem}/{number}") for number in range(1, at.number)]
        if not earlier:
            return True
        async with self.session(at) as connection:
            return await _end(connection, ENDED, earlier)

    async def empty(self, connection: Connection, names: Sequence[str]) -> bool:
        """Ends every session in those databases; True once they are seen gone."""
        with proved("the sessions cannot be ended"):
            return await _end(connection, EMPTIED, list(names))

    def spare(self, name: str) -> None:
        """Raises Permanent for the live database and for any that no run of ours has made."""
        if not re.fullmatch(re.escape(self.live) + r"_r\d+_[a-z]+", name):
            raise Permanent(f"{name} is no database that a run of Tandem made beside {self.login.key}; it stays")


async def _end(connection: Connection, statement: str, names: Sequence[str]) -> bool:
    await connection.execute(statement, names, 0)  # all at once, then wait for each
    return bool(await connection.fetchval(statement, names, END_SECONDS * 1000))


async def unending(connection: Connection, database: str) -> str | None:
    """Which sessions in that database the role may not end, in a sentence; None where it may end all."""
    with proved("the sessions cannot be seen"):
        many: int = await connection.fetchval(UNENDING, database)
    if not many:
        return None
    whose = "a superuser or of a role" if many == 1 else "superusers or of roles"
    return f"{database} has {many} session{'' if many == 1 else 's'} of {whose} that Tandem may not end"


async def oids(connection: Connection) -> dict[str, int]:
    """Every database by name."""
    return {row["datname"]: row["oid"] for row in await connection.fetch("SELECT datname, oid FROM pg_database")}


def expect(found: dict[str, int], name: str, oid: int) -> None:
    """Raises Changed unless the database under that name is the very one."""
    if found.get(name) != oid:
        what = "is gone" if name not in found else "is another one than was approved"
        raise Changed(f"database {name} {what}; nothing was touched. Ask again to plan with what is there now.")
