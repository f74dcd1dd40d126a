"""A setting in the hands of the documented role: the whole server's, or one database's where it may no more."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from bot.connectors.postgres import Postgres
from bot.connectors.postgres_settings import Parameter, Parameters, Place, SetParameter
from bot.operation import Database
from deploy.local.postgres import Server
from tests.docs.pages import all_fences
from tests.integration.reached import PASSWORD, Reached, Try, database

SHOP = Database(key="shop")
NAME = "log_min_duration_statement"


@pytest.fixture
async def owner(pg_server: Server) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session that has the server's settings to itself, and leaves them as they were."""
    async with pg_server.connect() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext('server settings'))")
        yield connection
        await connection.execute(f"ALTER SYSTEM RESET {NAME}")
        await connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
async def url(make_database: Any, owner: asyncpg.Connection) -> AsyncIterator[str]:
    """A database of the role that docs/operators.md makes, by the page's own statements."""
    parts = urlsplit(await make_database())
    name = parts.path[1:]
    role = f"operator_{name}"
    (told,) = (fence.text for fence in all_fences("sql") if fence.marks["run"] == "target")
    await owner.execute(told.replace("tandem_operator", role).replace("write a third", "word"))
    await owner.execute(f"ALTER DATABASE {name} OWNER TO {role}")
    yield parts._replace(netloc=f"{role}:word@{parts.hostname}:{parts.port}").geturl()
    await owner.execute(f"ALTER DATABASE {name} OWNER TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.fixture
async def reached(url: str) -> AsyncIterator[Reached]:
    joined = Reached({PASSWORD: "word"}, {"shop": database(url)})
    await joined.add(Postgres)
    await joined.add(Parameters)
    yield joined
    await joined.close()


async def look(reached: Reached) -> Parameter:
    found = await (await reached[Parameters].reads(SHOP)).parameter(NAME)
    assert found is not None
    return found


async def test_sessions_that_are_open_already_have_the_new_setting_and_then_the_old_one(
    reached: Reached, url: str
) -> None:
    before, hands = await look(reached), await reached[Postgres].hands(SHOP)
    assert before.place is Place.SYSTEM
    pooled = await asyncpg.connect(url)
    was = await pooled.fetchval(f"SHOW {NAME}")
    for number, (value, expect) in enumerate([("250", before.stored), (before.stored, "250")], 1):
        step = SetParameter(database=SHOP, name=NAME, value=value, expect=expect, place=before.place)
        assert await step.holds(hands) is None
        await step.do(hands, Try("set", number))
        assert await has(pooled, "250ms" if value else was)
    await pooled.close()


async def has(session: asyncpg.Connection, value: str) -> bool:
    """Whether a session that is open comes to have it: it reads the files at a moment of its own."""
    async with asyncio.timeout(10):
        while await session.fetchval(f"SHOW {NAME}") != value:
            pass
    return True


async def test_without_the_grant_it_is_the_one_databases(reached: Reached, url: str, owner: asyncpg.Connection) -> None:
    role = urlsplit(url).username
    await owner.execute(f"REVOKE EXECUTE ON FUNCTION pg_show_all_file_settings() FROM {role}")
    before, hands = await look(reached), await reached[Postgres].hands(SHOP)
    assert (before.place, before.stored) == (Place.DATABASE, None)
    await SetParameter(database=SHOP, name=NAME, value="250", expect=None, place=before.place).do(hands, Try("set"))
    assert (await look(reached)).stored == "250"
    assert await owner.fetchval(f"SHOW {NAME}") != "250ms"
