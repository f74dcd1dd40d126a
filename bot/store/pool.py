"""Connections to the bot's own database: one pool for the doors, one for the engine, each with its own time-outs."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from bot.store.discreet import discreet

log = logging.getLogger("tandem.store")
ROLLED_BACK = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
# The database cannot be reached, or is going down: nothing is wrong with the statement.
DATABASE_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
# Which version of the tables this code is for; raised with each migration that takes away what earlier code names.
CODE = 2
DOOR_TIMEOUT = 1.8  # seconds for the whole transaction: Slack gives three for all of it


class NotRecorded(Exception):
    """It is proved that nothing was written; the same words may be typed again."""


class Uncertain(Exception):
    """Nobody knows whether it was written; the same words again are safe, for they find the first."""


class StaleClaim(Exception):
    """This worker no longer holds the run: it stops, and leaves the rest to whoever does."""


class Outdated(Exception):
    """The tables are for a newer version of the bot than this one: it can do nothing here any more."""


class NotTaken(Exception):
    """The database refused a record of the bot's own, and nothing was changed; the text, which is ours, says why."""


# Of what was let go already, a renewal that comes too late changes nothing.
HELD_LONGER = (
    "held_until = CASE WHEN held_until > '-infinity' THEN clock_timestamp() + $3::interval ELSE held_until END"
)


class LostHold(Exception):
    """What was held for a while has another holder: this one writes nothing more of it."""


class UnfitRole(Exception):
    """The bot's role can do what it must not; the text says what to revoke."""


async def _json(conn: Any) -> None:
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(conn: Any) -> None:
    """Nobody here leaves anything in a session, and asyncpg's own reset is a second round trip before each ack."""


async def open_pool(url: str, *, size: int, ready: int = 2, door: bool = False, within: float = DOOR_TIMEOUT) -> Any:
    """An asyncpg pool on the bot's schema; a door's transactions end by themselves `within` so many seconds.

    `ready`: how many of its connections are opened before somebody asks for one.
    """
    settings = {
        "search_path": "tandem",
        "application_name": "tandem-door" if door else "tandem-engine",
        "timezone": "UTC",  # what JSON holds of a time is written in the session's zone
        "jit": "off",
        "enable_seqscan": "off",  # a plan made while a table was young is kept, and would read all of it for one row
    }
    if door:
        # The gentlest ends first: a wait for a lock, then the statement; the last one ends the whole connection.
        limits = {"lock_timeout": 0.3, "statement_timeout": 0.2, "transaction_timeout": 0.0}
        settings |= {name: f"{int((within - less) * 1000)}ms" for name, less in limits.items()}
    return await asyncpg.create_pool(
        url,
        min_size=min(ready, size),
        max_size=size,
        init=_json,
        reset=_as_it_is,
        server_settings=settings,
        command_timeout=within + 0.2 if door else 30,
        max_inactive_connection_lifetime=0 if door else 300,  # a new one has every plan to make, and people wait
    )


REFUSED_RECORDS = {
    f"TD{number:03}" for number in (51, 52, 53, 54, 55, 56, 60, 61)
}  # what refuses a record of the bot's own
# The bot's role writes these as 90_rights.sql says; every other table only the owner and the verbs write.
LETTERBOX = [
    "directory", "slack_members", "drafts", "digests", "absence_notes", "threads", "messages", "progress_told",
    "slack_waits",
]  # fmt: skip
TOO_MUCH = """
SELECT DISTINCT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, pg_roles r
WHERE nspname = 'tandem' AND relkind IN ('r', 'p', 'v') AND relname <> ALL ($1)
  AND pg_has_role(current_user, r.oid, 'MEMBER') AND (
  has_table_privilege(r.oid, c.oid, 'INSERT') OR has_table_privilege(r.oid, c.oid, 'UPDATE') OR
  has_table_privilege(r.oid, c.oid, 'DELETE') OR has_table_privilege(r.oid, c.oid, 'TRUNCATE') OR
  has_any_column_privilege(r.oid, c.oid, 'UPDATE'))
"""
UNFIT = {
    "SELECT rolsuper FROM pg_roles WHERE rolname = current_user": "DATABASE_URL names a superuser: use the bot's own "
    "role, and the owner's only for migrate",
    "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'tandem' "
    "AND pg_has_role(current_user, relowner, 'MEMBER'))": "DATABASE_URL names the owner of the tables (or a member of "
    "it): use the bot's own role",
    "SELECT has_schema_privilege('tandem', 'CREATE') OR has_parameter_privilege('session_replication_role', 'SET')": ""
    "the bot's role may create in the schema tandem or set session_replication_role: revoke both, then start again",
}


async def fit_to_run(conn: Any) -> None:
    """Refuses to work with a role that could go around the walls. Raises UnfitRole."""
    for question, sentence in UNFIT.items():
        if await conn.fetchval(question):
            raise UnfitRole(sentence)
    too_much = await conn.fetch(TOO_MUCH, LETTERBOX)
    if too_much:
        names = ", ".join(r["relname"] for r in too_much)
        raise UnfitRole(f"the bot's role may change {names}: revoke that, then migrate again")


async def engine_call(pool: Any, sql: str, *args: Any) -> Any:
    """One fenced statement of the engine. Raises StaleClaim where the run is held by another, NotTaken."""
    with stale_claims():
        return await pool.fetchval(sql, *(discreet(arg) for arg in args))


@contextmanager
def stale_claims() -> Iterator[None]:
    """What the database says of a worker without a lease or a run it no longer holds is a StaleClaim."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate in ("TD040", "TD041"):
            raise StaleClaim(str(error)) from error
        if error.sqlstate == "TD042":
            raise Outdated(str(error)) from None
        if error.sqlstate in REFUSED_RECORDS:
            raise NotTaken(str(error)) from None
        raise


async def door_call(pool: Any, sql: str, *args: Any) -> Any:
    """One statement, one transaction, one round trip. Raises NotRecorded or Uncertain, never anything vaguer."""
    try:
        async with asyncio.timeout(DOOR_TIMEOUT):  # asyncpg's own time-out would take a task, and the ack would wait
            conn = await pool.acquire()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise NotRecorded(type(error).__name__) from error
    try:
        return await conn.fetchval(sql, *args)
    except (*ROLLED_BACK, asyncpg.TransactionTimeoutError) as error:
        raise NotRecorded(type(error).__name__) from error
    except (TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.ConnectionDoesNotExistError) as error:
        raise Uncertain(type(error).__name__) from error
    except (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError) as error:
        raise Uncertain(type(error).__name__) from error
    finally:
        _give_back(pool, conn)


_going_back: set[asyncio.Future[None]] = set()


def _give_back(pool: Any, conn: Any) -> None:
    """Beside the acknowledgement, which does not wait for it. Whatever goes wrong there, the answer stands."""
    release = asyncio.ensure_future(pool.release(conn, timeout=0.2))
    _going_back.add(release)
    release.add_done_callback(_given_back)


def _given_back(release: "asyncio.Future[None]") -> None:
    _going_back.discard(release)
    if not release.cancelled() and (error := release.exception()) is not None:
        log.warning("a connection could not be given back", extra={"error": type(error).__name__})
