"""Brings the bot's schema, its functions and the applied config up to date, as the owner's role."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bot.codec import canonical
from bot.lifecycle import MOVES
from bot.model import Record

HERE = Path(__file__).parent
LOCK_TRIES = 30
CODE = 1


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


async def migrate(owner_url: str, bot_role: str, applied: Applied) -> list[str]:
    """Applies what is missing and says what it did, a line each. Raises MigrationRefused."""
    conn = await asyncpg.connect(owner_url, server_settings={"search_path": "tandem", "lock_timeout": "1s"})
    try:
        await conn.set_type_codec("jsonb", encoder=canonical, decoder=json.loads, schema="pg_catalog")
        await _fit(conn, bot_role)
        for attempt in range(LOCK_TRIES):
            try:
                async with conn.transaction():
                    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('tandem migrate', 0))")
                    return await _apply(conn, bot_role, applied)
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(min(0.1 * 2**attempt, 2))  # another transaction holds a table; it ends
        raise MigrationRefused("other sessions hold the bot's tables for a minute; end them and type migrate again")
    finally:
        await conn.close()


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
    for path in sorted((HERE / "migrations").glob("*.sql")):
        text = path.read_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        if path.name in known:
            if known[path.name] != digest:
                raise MigrationRefused(f"{path.name} was applied with another text; migrations never change")
            continue
        await conn.execute(text)
        await conn.execute("INSERT INTO migrations VALUES ($1, $2, clock_timestamp())", path.name, digest)
        said.append(f"applied {path.name}")
    await conn.execute("SET LOCAL client_min_messages = warning")
    for path in sorted((HERE / "functions").glob("*.sql")):
        await conn.execute(path.read_text().replace("{bot}", f'"{bot_role}"'))
    await apply_config(conn, applied)
    said.append(f"config {applied.config[:12]} is in force")
    return said


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
        "INSERT INTO applied VALUES (true, $1, clock_timestamp(), $2, $3, $4) "
        "ON CONFLICT (one) DO UPDATE SET config = $1, at = clock_timestamp(), code = $2, team = $3, personal_for = $4",
        applied.config, CODE, applied.team, applied.personal_for,
    )  # fmt: skip


async def _replace(conn: Any, table: str, rows: Sequence[Sequence[Any]]) -> None:
    await conn.execute(f"DELETE FROM {table}")  # noqa: S608  a name of our own
    if rows:
        marks = ", ".join(f"${n}" for n in range(1, len(rows[0]) + 1))
        await conn.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
