"""`migrate` beside live copies of the bot: nobody of them is ended for it, and it is done whole or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg
import pytest

from bot.process import opening
from bot.process.compose import Ground, Unfit
from bot.store.migrate import MigrationRefused, migrate
from bot.store.pool import Outdated, open_pool
from tests.conftest import MakeDatabase
from tests.support.company import BOT, OWNER, TEMPLATE, applied, as_role
from tests.support.plugin import Home
from tests.support.story import Story

WAITS = """
SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND usename = $1
  AND wait_event_type = 'Lock' AND clock_timestamp() - query_start >= $2::text::interval)
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'tandem' ORDER BY tablename"
IN_FORCE = ["config c1 is in force"]


async def owned(superuser: str) -> None:
    """`migrate` may create in the database, as it may in a house's own."""
    conn = await asyncpg.connect(superuser)
    try:
        await conn.execute(f'ALTER DATABASE "{await conn.fetchval("SELECT current_database()")}" OWNER TO {OWNER}')
    finally:
        await conn.close()


@pytest.fixture
async def migrating(home: Home) -> Home:
    """A database whose owner migrates it once more."""
    await owned(home.superuser)
    return home


@pytest.fixture
async def watch(home: Home) -> AsyncIterator[asyncpg.Connection]:
    """Who may see what everybody waits for."""
    conn = await asyncpg.connect(home.superuser)
    yield conn
    await conn.close()


async def again(home: Home, within: float = 60.0) -> list[str]:
    return await migrate(home.owner, BOT, applied(), within)


async def waiting(watch: Any, role: str, since: str, task: "asyncio.Task[Any]") -> None:
    """A session of this role has waited for a lock for so long, or what it does is over."""
    while not task.done() and not await watch.fetchval(WAITS, role, since):
        assert not watch.is_closed()


async def test_a_bot_in_the_middle_of_a_transaction_is_not_ended_for_it(migrating: Home, watch: Any) -> None:
    """As an approval is, which holds its run and goes on to the absences; the migration is held up at a table behind.

    Whoever waits for the longest looks for a circle first, and is the one whom the server ends for it.
    """
    await Story(migrating).ask("ana", "test destroy")
    live, other = await asyncpg.connect(migrating.bot), await asyncpg.connect(migrating.superuser)
    try:
        await live.execute("BEGIN; SELECT * FROM tandem.runs")
        await other.execute("BEGIN; SELECT * FROM tandem.withdrawals")
        migration = asyncio.create_task(again(migrating))
        await waiting(watch, OWNER, "0", migration)
        goes_on = asyncio.create_task(read_all(live))
        await waiting(watch, BOT, "600 ms", goes_on)  # the server looks for a circle after a second
        await other.execute("COMMIT")
        await goes_on
        await live.execute("COMMIT")
    finally:
        await live.close()
        await other.close()
    assert await migration == IN_FORCE


async def read_all(live: Any) -> None:
    for row in await live.fetch(TABLES):
        if row["tablename"] not in ("personal_subjects", "personal_values"):
            await live.fetchval(f"SELECT count(*) FROM tandem.{row['tablename']}")


async def test_what_people_and_workers_do_beside_it_goes_through(migrating: Home) -> None:
    story, over = Story(migrating), asyncio.Event()
    runs = [await story.proposed("ana", "test destroy-two", words=f"{n}") for n in range(4)]

    async def works(run: int) -> int:
        done = 0
        while not over.is_set():
            done += 1
            assert (await story.approve("ben", run))["code"] == ("recorded" if done == 1 else "already")
            await migrating.ledger.sweep()
            await migrating.ledger.events(run)
        return done

    working = [asyncio.create_task(works(run)) for run in runs]
    for _ in range(4):
        assert await again(migrating) == IN_FORCE
    over.set()
    assert all([await work for work in working])


async def test_while_a_vacuum_holds_it_up_nobody_else_waits_for_it(migrating: Home, watch: Any) -> None:
    vacuum = await asyncpg.connect(migrating.superuser)
    impatient = await open_pool(migrating.bot, size=1)
    try:
        await vacuum.execute("BEGIN; LOCK TABLE tandem.events IN SHARE UPDATE EXCLUSIVE MODE")  # what VACUUM takes
        migration = asyncio.create_task(again(migrating))
        await waiting(watch, OWNER, "0", migration)
        await impatient.execute("SET lock_timeout = '10ms'")
        bot = Home(migrating.superuser, migrating.owner, migrating.bot, impatient, migrating.own)
        assert (await Story(bot).ask("ana", "test write"))["code"] == "asked"
        assert not migration.done()
        await vacuum.execute("ROLLBACK")
        assert await migration == IN_FORCE
    finally:
        await vacuum.close()
        await impatient.close()


async def test_where_somebody_keeps_a_table_it_says_who_and_what_to_type_and_changes_nothing(migrating: Home) -> None:
    keeps = await asyncpg.connect(migrating.superuser, server_settings={"application_name": "a forgotten psql"})
    pid = keeps.get_server_pid()
    try:
        await keeps.execute("BEGIN; SELECT * FROM tandem.events")
        with pytest.raises(MigrationRefused) as refused:
            await migrate(migrating.owner, BOT, applied("c2"), 0.1)
    finally:
        await keeps.close()
    said = str(refused.value)
    assert (
        f"held the bot's tables for 0.1 s, so nothing was changed; just now: a forgotten psql (pid {pid}, role " in said
    )
    assert said.endswith("pg_terminate_backend(PID), then type `python -m bot migrate` again")
    assert await migrating.own.fetchval("SELECT config FROM applied") == "c1"
    assert await again(migrating) == IN_FORCE


OLDER = """
ALTER TABLE runs ADD COLUMN thread_ts text; UPDATE applied SET code = 1;
DELETE FROM migrations WHERE name = '0017_thread_of_a_run_for_code_2.sql'
"""
ENLISTS = "SELECT enlist($1, '1 hour', 'c1', '{}')"  # as it does who knows nothing of versions


async def test_what_an_earlier_version_names_goes_once_no_copy_of_that_runs(migrating: Home) -> None:
    await migrating.own.execute(OLDER)
    live, names = uuid4(), "SELECT thread_ts FROM runs"
    await migrating.pool.execute(ENLISTS, live)
    waits, *others = await again(migrating)
    assert waits.startswith("0017_thread_of_a_run_for_code_2.sql waits for the copies of an earlier version; once they")
    assert others == IN_FORCE
    await migrating.pool.fetch(names)
    await migrating.ledger.retire(live)
    assert await again(migrating) == ["applied 0017_thread_of_a_run_for_code_2.sql", *IN_FORCE]
    with pytest.raises(asyncpg.UndefinedColumnError):
        await migrating.pool.fetch(names)
    with pytest.raises(asyncpg.PostgresError, match="for a newer version"):
        await migrating.pool.execute(ENLISTS, uuid4())


async def test_a_copy_that_is_older_than_the_tables_takes_nothing_up(migrating: Home) -> None:
    await migrating.own.execute("UPDATE applied SET code = 99")
    with pytest.raises(Outdated):
        await migrating.ledger.enlist(uuid4(), timedelta(hours=1), "c1", [])
    with pytest.raises(Unfit, match="for a newer version of the bot than this one: install and start that version"):
        await opening.fit(cast(Ground, None), migrating.pool)


async def test_an_older_version_does_not_migrate_what_a_newer_one_did(migrating: Home) -> None:
    await migrating.own.execute("INSERT INTO migrations VALUES ('0099_later_for_code_99.sql', '', clock())")
    with pytest.raises(MigrationRefused, match="newer version of the bot than this one: migrate with that version"):
        await again(migrating)


async def test_a_migration_that_fails_in_its_middle_leaves_nothing_of_itself(make_database: MakeDatabase) -> None:
    await make_database(TEMPLATE)  # makes the two roles
    url = await make_database(None)
    await owned(url)
    owner: Any = await asyncpg.connect(as_role(url, OWNER))
    try:
        await owner.execute(
            "CREATE SCHEMA tandem; CREATE TABLE tandem.favourites (mine text)"
        )  # in the way of the seventh
        with pytest.raises(asyncpg.DuplicateTableError):
            await migrate(as_role(url, OWNER), BOT, applied())
        assert [row["tablename"] for row in await owner.fetch(TABLES)] == ["favourites"]
    finally:
        await owner.close()
