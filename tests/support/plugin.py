"""Fixtures on top of the session's PostgreSQL: a migrated database and its two roles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from bot.store.pool import open_pool
from bot.store.store import Doors, Ledger
from tests.conftest import MakeDatabase
from tests.support.company import BOT, OWNER, TEMPLATE, as_role


@dataclass
class Home:
    """One test's database of the bot."""

    superuser: str
    owner: str
    bot: str
    pool: Any  # as the bot's role
    own: Any  # as the owner's

    @property
    def doors(self) -> Doors:
        return Doors(self.pool)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.pool)

    async def move_clock(self, by: timedelta) -> None:
        """Time is an argument: the bot's clock goes on by so much; leases stay on the real one."""
        await self.own.execute("UPDATE clock_shift SET by = by + $1", by)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Home]:
    """A migrated database, open as the bot and as the owner."""
    pool = await open_pool(as_role(url, BOT), size=8, ready=1)  # each costs as much as a fourth of the database
    own = await open_pool(as_role(url, OWNER), size=2, ready=0)
    try:
        yield Home(url, as_role(url, OWNER), as_role(url, BOT), pool, own)
    finally:
        await pool.close()
        await own.close()


@pytest.fixture
async def home(make_database: MakeDatabase) -> AsyncIterator[Home]:
    """A migrated database of this test's own."""
    async with opened(await make_database(TEMPLATE)) as home:
        yield home
