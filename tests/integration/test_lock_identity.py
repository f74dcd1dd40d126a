"""A lock is on what a target is: two keys of one database keep each other out, and two databases do not."""

import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

import bot.connectors
from bot.connectors.postgres import DatabaseSettings
from bot.discovery import deeds
from bot.effect import Permanent, Target, World
from bot.engine.holds import held_by, identity
from bot.engine.reach import Connectors
from bot.operation import Database, Input
from handlers.ops.db.drop_old import DropOld
from tests.integration.reached import PASSWORD, database
from tests.support.pooler import pgbouncer

DEEDS = deeds(bot.connectors).classes


class Params(Input):
    """As much of a handler's values as its locks name."""

    database: Database


class Keys:
    """A company whose keys lead to these databases."""

    def __init__(self, password: str, **targets: DatabaseSettings) -> None:
        self.targets = targets
        self.world = World(targets=targets, secret={PASSWORD: password}.__getitem__)
        self.connectors = Connectors(lambda kind: kind(self.world))

    async def locks(self, key: str) -> list[str]:
        async def what(target: Target) -> str:
            return await identity(target, DEEDS, self.connectors)

        return await held_by(DropOld(), Params(database=Database(key=key)), None, what)


@pytest.fixture
async def urls(make_database: Any) -> tuple[str, str]:
    return await make_database(None), await make_database(None)


@pytest.fixture
async def keys(urls: tuple[str, str]) -> AsyncIterator[Keys]:
    one, two = map(database, urls)
    elsewhere = one.model_copy(update={"host": "localhost", "environment": "staging"})
    made = Keys(unquote(urlsplit(urls[0]).password or ""), shop=one, store=elsewhere, other=two)
    yield made
    await made.connectors.close()


async def test_two_keys_that_lead_to_one_database_by_two_addresses_are_one_lock(keys: Keys) -> None:
    shop, store, other = [await keys.locks(key) for key in ("shop", "store", "other")]
    assert shop == store
    assert shop != other
    assert len(shop) == 1
    assert shop[0].startswith("database/")


async def test_the_lock_is_the_same_after_another_database_took_the_name(keys: Keys, urls: tuple[str, str]) -> None:
    before = await keys.locks("shop")
    live, fresh = keys.targets["shop"].database, keys.targets["other"].database
    conn = await asyncpg.connect(urls[0], database="postgres")
    for old, new in ((live, f"{live}_old"), (fresh, live), (f"{live}_old", fresh)):
        await conn.execute(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
    await conn.execute(f'ALTER DATABASE "{live}" ALLOW_CONNECTIONS false')
    await conn.close()
    assert await keys.locks("shop") == before


async def test_where_the_server_does_not_say_which_it_is_nothing_is_locked_on_a_guess(urls: tuple[str, str]) -> None:
    conn = await asyncpg.connect(urls[0])
    role = f"blind_{urlsplit(urls[0]).path[1:]}"
    await conn.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    await conn.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    settings = database(urls[0], user=role, maintenance_database=urlsplit(urls[0]).path[1:])
    blind = Keys("x", shop=settings)
    try:
        with pytest.raises(Permanent, match=f'GRANT EXECUTE ON FUNCTION pg_control_system.. TO "{role}"'):
            await blind.locks("shop")
    finally:
        await blind.connectors.close()
        await conn.execute(f"DROP ROLE {role}")
        await conn.close()


@pytest.mark.skipif(sys.platform != "linux", reason="this test needs Linux")
async def test_a_name_that_only_a_pooler_knows_is_refused_with_the_one_to_write(
    urls: tuple[str, str],
) -> None:
    known = "client_connection_check_interval,idle_session_timeout,row_security,default_transaction_read_only"
    times = "statement_timeout,lock_timeout,idle_in_transaction_session_timeout"
    async with pgbouncer(urls[0], "session", f"{known},{times}") as through:
        real = urlsplit(urls[0])
        settings = database(through, maintenance_database="pooled", user=unquote(real.username or ""))
        aliased = Keys("any", shop=settings)
        try:
            with pytest.raises(Permanent, match=f'write database = "{real.path[1:]}"'):
                await aliased.locks("shop")
        finally:
            await aliased.connectors.close()
