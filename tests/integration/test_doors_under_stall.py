"""It failed and it happened: what a door may say when the database stalls, and when nobody can know."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from bot.store.pool import NotRecorded, Uncertain, open_pool
from bot.store.store import Doors
from tests.support.company import TEAM, account
from tests.support.plugin import Home

ASKED = {
    "key": "k1", "command": "test write", "params": {"script": "plain"}, "via": "test", "channel": "C0INCIDENTS",
    "config": "c1", "risk": 1, "reason": "a test", "words": "write it", "team": TEAM, "user": account("ana"),
}  # fmt: skip
END_THE_DOOR = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
  AND application_name = 'tandem-door' AND state = 'active'
"""
SLACK_PATIENCE = 3.0  # seconds


@pytest.fixture
async def doors(home: Home) -> AsyncIterator[Doors]:
    pool = await open_pool(home.bot, size=2, door=True)
    yield Doors(pool)
    await pool.close()


@pytest.fixture
async def stall(home: Home) -> AsyncIterator[asyncpg.Connection]:
    """Somebody's migration holds the table of runs."""
    conn = await asyncpg.connect(home.superuser)
    await conn.execute("BEGIN; LOCK TABLE tandem.runs IN ACCESS EXCLUSIVE MODE")
    yield conn
    await conn.close()


async def runs(home: Home) -> int:
    return int(await home.own.fetchval("SELECT count(*) FROM runs"))


async def test_behind_a_locked_table_the_door_says_in_time_that_nothing_was_recorded(
    home: Home, doors: Doors, stall: Any
) -> None:
    begun = time.monotonic()
    with pytest.raises(NotRecorded):
        await doors.ask(ASKED)
    assert time.monotonic() - begun < SLACK_PATIENCE
    await stall.execute("ROLLBACK")
    assert await runs(home) == 0
    assert (await doors.ask(ASKED))["code"] == "asked"


async def test_a_connection_lost_before_the_commit_is_told_as_unknown_and_asking_again_records_one_run(
    home: Home, doors: Doors, stall: Any
) -> None:
    asking = asyncio.ensure_future(doors.ask(ASKED))
    operator = await asyncpg.connect(home.superuser)
    while not await operator.fetchval(END_THE_DOOR):  # noqa: ASYNC110  the server tells nobody who waits
        await asyncio.sleep(0)
    await operator.close()
    with pytest.raises(Uncertain):
        await asking
    await stall.execute("ROLLBACK")
    first = await doors.ask({**ASKED, "key": "k2"})
    again = await doors.ask({**ASKED, "key": "k3"})
    assert (again["code"], again["run"]) == ("same_words", first["run"])
    assert await runs(home) == 1


async def test_no_door_notifies_because_that_would_put_all_commits_in_one_line(home: Home) -> None:
    sources = await home.own.fetch(
        "SELECT proname, prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'tandem'"
    )
    assert len(sources) > 20
    assert [r["proname"] for r in sources if "notify" in r["prosrc"].lower()] == []
