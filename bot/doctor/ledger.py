"""The bot's own database: reached, new enough, held by the right role, migrated, on time, and with nothing between."""

import time
from pathlib import Path
from typing import Any

import asyncpg

from bot.doctor.finding import Finding, Findings, absent, bad, good
from bot.process.compose import Ground
from bot.process.opening import MIGRATE, NOT_OPEN, why
from bot.seal import PersonalSeal
from bot.store.pool import UnfitRole, fit_to_run
from config.settings import Settings

OLDEST = 17
OFF = 2.0  # seconds
SESSION = {"search_path": "tandem", "application_name": "tandem-doctor", "jit": "off"}
MIGRATIONS = Path(__file__).parents[1] / "store" / "migrations"
WHAT = "Bot's database"
PROXY = "Database proxy"
DIRECT = "write the address of the server itself, or of a port that pools whole sessions, into DATABASE_URL"
# What asyncpg meets where a session's statements go to several servers.
POOLED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError, asyncpg.ProtocolViolationError)
NOT_THERE = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


async def ledger(ground: Ground) -> Findings:
    """Everything about DATABASE_URL."""
    url = ground.settings.database_url
    if url is None:
        return [
            bad(WHAT, "DATABASE_URL is not set", "set it, or DATABASE_URL_FILE to a file that holds it"),
            *keys(ground),
        ]
    opened: list[Any] = []
    try:
        for _ in range(2):
            opened.append(await asyncpg.connect(url.reveal(), timeout=5, server_settings=SESSION))  # noqa: PERF401
        between = await _between(*opened)
        found = [good(WHAT, "it lets the bot in"), between]
        if between.mend:  # nothing that is asked through such a proxy is sure
            return [*found, *keys(ground)]
        return [*found, *await _inside(ground, opened[0]), *keys(ground)]
    except asyncpg.ProtocolViolationError:
        return [bad(PROXY, "one stands between and refuses the session's settings", DIRECT), *keys(ground)]
    except NOT_OPEN as error:
        _, _, said = why("DATABASE_URL", error).partition(": ")
        what, _, mend = said.partition("; ")
        return [bad(WHAT, what, mend or "look at DATABASE_URL"), *keys(ground)]
    finally:
        for conn in opened:
            conn.terminate()


def keys(ground: Ground) -> Findings:
    """The keys that seal secrets and personal values at rest."""
    return [_key(ground), *([personal_key(ground)] if ground.catalogue.personal else [])]


def personal_key(ground: Ground) -> Finding:
    """The key under which personal values are kept, where an operation takes any."""
    what, settings = "Personal key", ground.settings
    if settings.personal_key is None:
        said = f"TANDEM_PERSONAL_KEY is not set, so these are refused: {', '.join(ground.catalogue.personal)}"
        return bad(what, said, "set it to what `openssl rand -base64 32` prints, and keep it: without it nothing opens")
    return good(what, "32 bytes")


def _key(ground: Ground) -> Finding:
    """The key that seals secrets at rest."""
    if ground.settings.seal_key is None:
        return bad("Sealing key", "TANDEM_SEAL_KEY is not set", "set it to what `openssl rand -base64 32` prints")
    return good("Sealing key", "32 bytes")


async def _between(one: Any, other: Any) -> Finding:
    """Whether all statements of a session go to one server process, which keeps the session's settings.

    While the other session is inside a transaction it holds a server process: a proxy that pools transactions gives
    `one` another process then.
    """
    pids = set()
    try:
        pids.add(await one.fetchval("SELECT pg_backend_pid()"))
        await other.execute("BEGIN")
        await other.fetchval("SELECT pg_backend_pid()")
        pids.add(await one.fetchval("SELECT pg_backend_pid()"))
        await other.execute("ROLLBACK")
        pids.add(await one.fetchval("SELECT pg_backend_pid()"))
        kept = await one.fetchval("SELECT current_setting('search_path')")
    except POOLED:
        return bad(PROXY, "one stands between and loses prepared statements: it pools transactions", DIRECT)
    if len(pids) > 1:
        return bad(PROXY, "one stands between and pools transactions: a session meets several servers", DIRECT)
    if kept != SESSION["search_path"]:
        return bad(PROXY, "one stands between and drops the session's settings", DIRECT)
    if one.get_server_pid() not in pids:
        return good(PROXY, "one stands between and keeps sessions whole")
    return absent(PROXY, "none between")


async def _inside(ground: Ground, conn: Any) -> Findings:
    version = conn.get_server_version()
    found = [fit_version(version.major, version.micro), fit_clock(await _off(conn))]
    try:
        found += [await _role(conn), await _config(ground, conn), await _shift(conn)]
        found += await personal_values(ground.settings, conn)
    except NOT_THERE:
        found.append(bad("Schema", "the database is empty", MIGRATE))
    except asyncpg.InsufficientPrivilegeError:
        found.append(bad("Schema", "its tables are not this role's to read", f"{MIGRATE} with this DATABASE_URL"))
    return found


def fit_version(major: int, minor: int) -> Finding:
    """Whether the server keeps what the bot's own tables need."""
    if major < OLDEST:
        return bad("PostgreSQL", f"version {major}", f"move the bot's database to version {OLDEST} or newer")
    return good("PostgreSQL", f"version {major}.{minor}")


async def _role(conn: Any) -> Finding:
    try:
        await fit_to_run(conn)
    except UnfitRole as unfit:
        said, _, mend = str(unfit).partition(": ")
        return bad("Bot's role", said, mend)
    return good("Bot's role", "it can do what it must and no more")


async def _config(ground: Ground, conn: Any) -> Finding:
    in_force = await conn.fetchval("SELECT config FROM tandem.applied")
    known = {row["name"] for row in await conn.fetch("SELECT name FROM tandem.migrations")}
    missing = sorted({path.name for path in MIGRATIONS.glob("*.sql")} - known)
    if missing:
        return bad("Schema", f"{', '.join(missing)} is not applied", MIGRATE)
    if in_force != ground.applied.config:
        return bad("Policy", "people, policy or operations differ from what the database holds", MIGRATE)
    return good("Schema and policy", f"in force: {in_force[:12]}")


async def _off(conn: Any) -> float:
    """Seconds by which the database is ahead, read in the middle of the question."""
    before = time.time()
    theirs = await conn.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return float(theirs - (before + time.time()) / 2)


def fit_clock(off: float) -> Finding:
    """Whether this machine's clock is near enough; `off` is by how many seconds the database is ahead."""
    if abs(off) > OFF:
        side = "behind" if off > 0 else "ahead of"
        return bad("Clock", f"this machine is {abs(off):.1f} s {side} the database", "let both take time from NTP")
    return good("Clock", f"{abs(off) * 1000:.0f} ms off the database's")


async def personal_values(settings: Settings, conn: Any) -> Findings:
    """Whether every key is held under which personal values are kept, and how many still need a former one."""
    what, key = "Personal values", settings.personal_bytes()
    try:
        under = {
            mark: (newest, kept) for mark, newest, kept in await conn.fetch("SELECT * FROM tandem.personal_under()")
        }
    except asyncpg.UndefinedFunctionError:
        return []  # of an earlier version: that it has to be migrated is said already
    if key is None or not under:
        return []
    former = settings.former_personal_bytes()
    held = PersonalSeal(key, *former)
    if any(newest or kept for mark, (newest, kept) in under.items() if mark not in held.marks):
        said = "TANDEM_PERSONAL_KEY is another than the one under which personal values are kept here"
        mend = (
            "set the one that it was, or add that one to TANDEM_PERSONAL_FORMER_KEYS: else nobody is found, nor erased"
        )
        return [bad(what, said, mend)]
    if not former:
        return []
    left = sum(kept for mark, (_, kept) in under.items() if mark != held.mark)
    if left:
        return [good(what, f"{left} under a former key: keep TANDEM_PERSONAL_FORMER_KEYS")]
    if held.mark not in under:
        return [good(what, "none under the present key yet: keep TANDEM_PERSONAL_FORMER_KEYS")]
    return [good(what, "none under a former key: TANDEM_PERSONAL_FORMER_KEYS may go")]


async def _shift(conn: Any) -> Finding:
    """The bot's clock can be moved for tests; a real one never is."""
    shift = await conn.fetchval("SELECT by FROM tandem.clock_shift")
    if shift:
        mend = "as the owner: UPDATE tandem.clock_shift SET by = '0'"
        return bad("Clock shift", f"the bot's time is moved by {shift}; that is for tests", mend)
    return good("Clock shift", "none")
