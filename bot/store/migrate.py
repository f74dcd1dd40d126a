"""Brings the bot's schema, its functions and the applied config up to date, as the owner's role."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bot.codec import canonical
from bot.lifecycle import MOVES
from bot.model import Record
from bot.store.pool import CODE

HERE = Path(__file__).parent
FOR_CODE = re.compile(r"_for_code_(\d+)\.sql$")  # names of files that take away what earlier code names
WITHIN = 60.0  # seconds
# No role's own time-outs may end a migration in its middle and look like a table that is held.
SESSION = {"search_path": "tandem", "application_name": "tandem-migrate", "statement_timeout": "0"}
HELD = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError)
# Two kinds of lock on every table. The first keeps out nobody but an autovacuum, which ends for whoever waits as long
# as the server's deadlock_timeout. The second keeps out everybody, so what follows waits for nothing more; it is given
# up long before the server would look for a circle and end somebody of it, who would be a live bot as a rule.
# Runs come first, as in the verbs: so a circle is rare. The leases stay free: their renewals would wait, and every
# worker would end its effects.
TABLES = """
SELECT string_agg(format('tandem.%I', relname), ', ' ORDER BY relname <> 'runs', relname) FROM pg_class
WHERE relnamespace = to_regnamespace('tandem') AND relkind = 'r' AND relname NOT IN ('workers', 'ledger_home')
"""
DEADLOCK_TIMEOUT = "SELECT extract(epoch FROM current_setting('deadlock_timeout')::interval)::float8"
HOLDERS = """
SELECT DISTINCT l.pid, coalesce(nullif(a.application_name, ''), 'a session') AS name, a.usename AS role
FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.relation IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('tandem'))
ORDER BY l.pid LIMIT 3
"""


class Terms(Record):
    """What a standing approval of a schedule is given for: any change of it is another hash, and drops the approval."""

    schedule: str
    command: str
    params: dict[str, Any]
    environment: str
    lasts: timedelta
    at_most: dict[str, float]
    times: str  # cron and zone

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over all of it."""
        return hashlib.sha256(canonical(self.model_dump(mode="json")).encode()).hexdigest()


class Applied(Record):
    """What config says about people and policy, flattened for the database."""

    config: str  # hash of it all
    team: str  # the house's own, Slack's id
    people: tuple[tuple[str, str], ...]  # (key, name)
    accounts: tuple[tuple[str, str, str], ...]  # (team, Slack user, person)
    groups: tuple[tuple[str, str | None, bool], ...]  # (key, Slack user group, rota)
    members: tuple[tuple[str, str], ...]  # (group, person)
    operations: tuple[tuple[str, int], ...]  # (command, floor of its risk)
    policy: tuple[tuple[str, str, int, tuple[str, ...], timedelta, timedelta, Any, Any, tuple[str, ...]], ...]
    # (command, environment, risk, slots, expires after, warns after, more slots beyond a loss, reminders, who may ask)
    terms: tuple[Terms, ...] = ()
    personal_for: timedelta | None = None  # how long personal values are kept after a run's end; None: until erased


class MigrationRefused(Exception):
    """The schema cannot be brought up to date; the text says why and what to do."""


async def migrate(owner_url: str, bot_role: str, applied: Applied, within: float = WITHIN) -> list[str]:
    """Applies what is missing and says what it did, a line each: all of it or nothing, beside live copies too.

    Where others hold the tables, tries again for `within` seconds. Raises MigrationRefused.
    """
    conn = await asyncpg.connect(owner_url, server_settings=SESSION)
    try:
        await conn.set_type_codec("jsonb", encoder=canonical, decoder=json.loads, schema="pg_catalog")
        await _fit(conn, bot_role)
        give_up, pause = time.monotonic() + within, 0.1
        while True:
            try:
                async with conn.transaction():
                    await _alone(conn)
                    return await _apply(conn, bot_role, applied)
            except HELD as error:
                if time.monotonic() > give_up:
                    raise MigrationRefused(await _held_by(conn, within)) from error
            await asyncio.sleep(pause)  # whoever holds a table ends
            pause = min(2 * pause, 2)
    finally:
        await conn.close()


async def _alone(conn: Any) -> None:
    """Every table for this transaction alone, or none: it waits for no table while it holds another for long."""
    until_looked = int(1000 * await conn.fetchval(DEADLOCK_TIMEOUT))
    briefly = max(min(until_looked // 4, 500), 1)  # and doors wait behind it
    await conn.execute(f"SET LOCAL lock_timeout = {until_looked + 500}")
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('tandem migrate', 0))")
    if (tables := await conn.fetchval(TABLES)) is not None:
        await conn.execute(f"LOCK TABLE {tables} IN SHARE UPDATE EXCLUSIVE MODE")
        await conn.execute(f"SET LOCAL statement_timeout = {briefly}")
        await conn.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        await conn.execute("SET LOCAL statement_timeout = 0")
    await conn.execute(f"SET LOCAL lock_timeout = {briefly}")


async def _held_by(conn: Any, within: float) -> str:
    """Who kept the tables, and what to do."""
    holders = await conn.fetch(HOLDERS)
    who = ", ".join(f"{h['name']} (pid {h['pid']}, role {h['role']})" for h in holders) or "sessions that are gone now"
    return (
        f"other sessions held the bot's tables for {within:g} s, so nothing was changed; just now: {who}. "
        "Stop the copies of the bot, or end who is left with SELECT pg_terminate_backend(PID), "
        "then type `python -m bot migrate` again"
    )


async def _fit(conn: Any, bot_role: str) -> None:
    """Refuses a server or a role that could not keep the promises."""
    version = int(await conn.fetchval("SHOW server_version_num"))
    if version < 170000:
        raise MigrationRefused(f"PostgreSQL {version // 10000} is too old for the bot's own tables: 17 or newer")
    if await conn.fetchval("SELECT getdatabaseencoding()") != "UTF8":
        raise MigrationRefused("the bot's database must be UTF8: create it with ENCODING 'UTF8'")
    role = await conn.fetchrow("SELECT rolsuper FROM pg_roles WHERE rolname = $1", bot_role)
    if role is None:
        raise MigrationRefused(f"the role {bot_role} of DATABASE_URL does not exist: CREATE ROLE {bot_role} LOGIN")
    owner = await conn.fetchval("SELECT current_user")
    if owner == bot_role or role["rolsuper"]:
        raise MigrationRefused("DATABASE_URL and TANDEM_OWNER_URL must be two roles, and the bot's no superuser")


async def _apply(conn: Any, bot_role: str, applied: Applied) -> list[str]:
    said: list[str] = []
    await conn.execute("CREATE SCHEMA IF NOT EXISTS tandem")
    await conn.execute(
        "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, sha256 text NOT NULL, at timestamptz NOT NULL)"
    )
    known = dict(await conn.fetch("SELECT name, sha256 FROM migrations"))
    if max(map(_least, known), default=1) > CODE:
        raise MigrationRefused(
            "the database is for a newer version of the bot than this one: migrate with that version"
        )
    for path in sorted((HERE / "migrations").glob("*.sql")):
        text = path.read_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        if path.name in known:
            if known[path.name] != digest:
                raise MigrationRefused(f"{path.name} was applied with another text; migrations never change")
            continue
        if await _older(conn, _least(path.name)):
            said.append(
                f"{path.name} waits for the copies of an earlier version; once they are replaced, migrate again"
            )
            continue
        await conn.execute(text)
        known[path.name] = digest
        await conn.execute("INSERT INTO migrations VALUES ($1, $2, clock_timestamp())", path.name, digest)
        said.append(f"applied {path.name}")
    await conn.execute("SET LOCAL client_min_messages = warning")
    for path in sorted((HERE / "functions").glob("*.sql")):
        await conn.execute(path.read_text().replace("{bot}", f'"{bot_role}"'))
    await apply_config(conn, applied)
    await conn.execute("UPDATE applied SET code = $1", max(map(_least, known)))
    said.append(f"config {applied.config[:12]} is in force")
    return said


def _least(name: str) -> int:
    """For which version of the code, at least, the tables are after a file of that name."""
    found = FOR_CODE.search(name)
    return int(found[1]) if found else 1


async def _older(conn: Any, code: int) -> bool:
    """Whether a copy of the bot from before that version runs; none begins to before this transaction is over."""
    if code == 1:
        return False
    await conn.execute("LOCK TABLE workers IN SHARE MODE")
    return bool(
        await conn.fetchval("SELECT true FROM workers WHERE lease_until > clock_timestamp() AND code < $1", code)
    )


async def apply_config(conn: Any, applied: Applied) -> None:
    """Writes people, groups and policy; who is gone stays listed but inactive, for the audit."""
    await _replace(conn, "moves", [(at, signal, to) for (at, signal), to in MOVES.items()])
    await conn.execute("UPDATE people SET active = false")
    await conn.executemany(
        "INSERT INTO people VALUES ($1, $2, true) ON CONFLICT (person) DO UPDATE SET name = $2, active = true",
        applied.people,
    )
    now = await conn.fetchval("SELECT tandem.clock()")
    since = {(row["grp"], row["person"]): row["since"] for row in await conn.fetch("DELETE FROM members RETURNING *")}
    await conn.execute("DELETE FROM slack_members WHERE grp <> ALL ($1)", [g[0] for g in applied.groups])
    await _replace(conn, "accounts", applied.accounts)
    await _replace(conn, "groups", applied.groups)
    await _replace(conn, "members", [(*pair, since.get(pair, now)) for pair in applied.members])
    await _replace(conn, "operations", applied.operations)
    rows = [(t.schedule, t.command, t.params, t.environment, t.lasts, t.at_most, t.hash) for t in applied.terms]
    await _replace(conn, "terms", rows)
    await conn.executemany(
        "INSERT INTO policy VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT (config, command, environment, risk) DO UPDATE SET ask = $10",  # the hash covers it already
        [(applied.config, *row[:3], list(row[3]), *row[4:8], list(row[8])) for row in applied.policy],
    )
    await conn.execute(
        "INSERT INTO applied VALUES (true, $1, clock_timestamp(), 1, $2, $3) "
        "ON CONFLICT (one) DO UPDATE SET config = $1, at = clock_timestamp(), team = $2, personal_for = $3",
        applied.config, applied.team, applied.personal_for,
    )  # fmt: skip


async def _replace(conn: Any, table: str, rows: Sequence[Sequence[Any]]) -> None:
    await conn.execute(f"DELETE FROM {table}")  # noqa: S608  a name of our own
    if rows:
        marks = ", ".join(f"${n}" for n in range(1, len(rows[0]) + 1))
        await conn.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
