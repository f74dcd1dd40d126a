"""Opens the bot's own database for a process, or says in words why it may not work there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from bot.process.compose import Ground, Unfit
from bot.store.pool import CODE, DATABASE_AWAY, DOOR_TIMEOUT, ROLLED_BACK, UnfitRole, fit_to_run, open_pool
from config.settings import Settings

WITHIN = 10.0  # seconds until a first connection stands, and until what is typed at a terminal is recorded
MIGRATE = "type `python -m bot migrate`"
REFUSALS = {
    "28P01": "the server does not accept that user or password; write the right ones into the URL",
    "28000": "the server lets that user in from nowhere or not from here; look at its pg_hba.conf and at sslmode",
    "3D000": "the server has no such database; create it, or name another in the URL",
    "53300": "all connections of the server are taken; raise max_connections, or end some",
    "57P03": "the server is starting or stopping; try again in a moment",
    "08P01": "a proxy between refuses the session's settings; write the address of the server itself",
    "42501": "the role may not do that there; grant it CONNECT, and to the owner's role CREATE on the database",
    "25006": "the server is a standby and takes no writes; write the primary's address",
}
NOT_OPEN = (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)


def secret(settings: Settings, name: str) -> str:
    """A setting that this command cannot do without. Raises Unfit with what to set."""
    try:
        return settings.need(name).reveal()
    except LookupError as error:
        raise Unfit([str(error.args[0])]) from None


def why(name: str, error: BaseException) -> str:
    """Why the database of that variable did not let us in, and what to do. No value of the URL."""
    code = getattr(error, "sqlstate", None)
    if isinstance(error, asyncpg.InterfaceError | ValueError):
        said = "that is no address of a PostgreSQL server; write postgresql://user:password@host:5432/database"
    elif isinstance(error, TimeoutError):
        said = f"no answer within {WITHIN:g} s; look at host and port, and at firewalls between"
    elif isinstance(error, OSError):
        said = f"the server cannot be reached ({type(error).__name__}); look at host and port, and whether it runs"
    else:
        what, semicolon, mend = REFUSALS.get(code or "", "the database refuses").partition("; ")
        said = f"{what} ({code or type(error).__name__}){semicolon}{mend}"
    return f"{name}: {said}"


async def pool_of(settings: Settings, *, size: int, door: bool = False, within: float = DOOR_TIMEOUT) -> Any:
    """A pool on the bot's database. Raises Unfit."""
    url = secret(settings, "DATABASE_URL")
    try:
        async with asyncio.timeout(WITHIN):
            return await open_pool(url, size=size, door=door, within=within)
    except NOT_OPEN as error:
        raise Unfit([why("DATABASE_URL", error)]) from None


async def fit(ground: Ground, pool: Any) -> None:
    """The role keeps to its walls, and the database holds this very config. Raises Unfit."""
    try:
        await fit_to_run(pool)
        in_force, code = await pool.fetchrow("SELECT config, code FROM applied")
    except UnfitRole as unfit:
        raise Unfit([str(unfit)]) from None
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise Unfit([f"the database is empty: {MIGRATE} first"]) from None
    except (*ROLLED_BACK, *DATABASE_AWAY) as error:
        what = f"the database does not answer in time ({type(error).__name__})"
        raise Unfit([f"DATABASE_URL: {what}; see what holds it up, then type this again"]) from None
    except asyncpg.InsufficientPrivilegeError:
        raise Unfit([f"the database's tables are not this role's to read: {MIGRATE} with this DATABASE_URL"]) from None
    if code > CODE:
        raise Unfit(["the database is for a newer version of the bot than this one: install and start that version"])
    if in_force != ground.applied.config:
        raise Unfit([f"people, policy or operations differ from what the database holds: {MIGRATE}"])


@asynccontextmanager
async def opened(ground: Ground, *, size: int, door: bool = False, fitting: bool = True) -> AsyncIterator[Any]:
    """A pool for one command; what it writes as a `door` ends WITHIN.

    `fitting` False: only to read, whoever asks, whichever config is in force.
    """
    pool = await pool_of(ground.settings, size=size, door=door, within=WITHIN)
    try:
        if fitting:
            await fit(ground, pool)
        yield pool
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise Unfit([f"the database is empty: {MIGRATE} first"]) from None
    finally:
        await pool.close()
