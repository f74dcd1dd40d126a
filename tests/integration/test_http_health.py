"""`/ops health` against the samples: everything at once, the worst first, what cannot be seen told as such."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from bot.connectors.http import Http, ServiceSettings
from bot.connectors.http_looks import pool_of
from bot.connectors.postgres import Postgres
from bot.operation import Answer, Database, Refusal, RunRef, Service
from deploy.local.services import SampleService, SampleSettings, Services, start
from handlers.ops.db import pool
from handlers.ops.health import Health, Params
from tests.integration.reached import PASSWORD, Reached, database, password


@pytest.fixture
async def url(make_database: Any) -> str:
    made: str = await make_database()
    return made


@pytest.fixture
async def samples(url: str) -> AsyncIterator[Services]:
    services = (SampleService(key="checkout", dsn=url), SampleService(key="web"))
    running = await start(SampleSettings(services=services, token="t"))
    yield running
    await running.stop()


@pytest.fixture
async def reached(url: str, samples: Services) -> AsyncIterator[Reached]:
    targets: dict[str, Any] = {
        key: ServiceSettings.model_validate(
            {**samples.config(key), "maintenance_token": "SWITCH", "proxy": "none", "database": "shop"}
        )
        for key in ("checkout", "web")
    }
    joined = Reached({PASSWORD: password(url)}, {**targets, "shop": database(url)})
    await joined.add(Postgres)
    await joined.add(Http)
    yield joined
    await joined.close()


async def answer(reached: Reached, params: Params) -> Answer:
    operation = Health()
    facts = await operation.observe(params, reached.see())
    assert type(facts).model_validate_json(facts.model_dump_json()) == facts, "facts are stored"
    return operation.answer(params, facts, {})  # type: ignore[arg-type]


async def test_what_is_well_is_one_line_for_each_service(reached: Reached) -> None:
    told = await answer(reached, Params())
    assert told.headline == "Both services are well"
    assert len(told.lines) == 2
    for service, line in zip(("checkout", "web"), told.lines, strict=True):
        assert line.startswith(f"{service}, all well: ")
        looks = {look.split(" ")[0] for look in line.partition(": ")[2].split(", ")}
        assert looks - {"database", "pool"} == {"HTTP", "DNS", "own", "version", "page", "payments"}
        assert "database shop" in line


async def test_a_broken_service_is_named_first_and_the_other_is_said_to_be_well(
    reached: Reached, samples: Services
) -> None:
    samples.breaks("web", 500)
    told = await answer(reached, Params())
    assert told.headline == "In trouble: web (HTTP: answers 500). Well: checkout"
    assert told.loud
    assert told.lines[0].startswith("❌ web, HTTP: answers 500. Look at web's log")
    assert told.lines[0].endswith("/ops health web")


async def test_a_database_that_lets_nobody_in_or_is_gone_is_never_told_as_well(reached: Reached, url: str) -> None:
    name = urlsplit(url).path[1:]
    owner = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        await owner.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        closed = await answer(reached, Params())
        await owner.execute("SELECT pg_terminate_backend(pid, 9999) FROM pg_stat_activity WHERE datname = $1", name)
        await owner.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_elsewhere"')
        gone = await answer(reached, Params())
    finally:
        await owner.execute(f'ALTER DATABASE "{name}_elsewhere" RENAME TO "{name}"')
        await owner.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await owner.close()
    then = "See what is or was at work on it: /ops runs shop"
    assert f"❌ web, database shop: is closed: no session gets in. {then}" in closed.lines
    assert f"❌ web, database shop: its server has none of that name. {then}" in gone.lines
    assert closed.loud


async def test_one_named_service_is_looked_at_alone_even_where_its_database_is_not_configured(
    reached: Reached, samples: Services
) -> None:
    settings = ServiceSettings.model_validate(
        {**samples.config("web"), "maintenance_token": "SWITCH", "proxy": "none", "database": "lost"}
    )
    alone = Reached({}, {"web": settings})
    await alone.add(Postgres)
    await alone.add(Http)
    told = await answer(alone, Params(service=Service(key="web")))
    await alone.close()
    assert told.headline.startswith("Not wholly seen: web (database lost: ")
    assert "Look again: /ops health web" in told.lines[0]
    assert not any("checkout" in line for line in told.lines)


async def look_at_pools(reached: Reached) -> Answer:
    operation, params = pool.DatabasePool(), pool.Params(database=Database(key="shop"))
    facts = await operation.observe(params, reached.see())
    assert type(facts).model_validate_json(facts.model_dump_json()) == facts, "facts are stored"
    return operation.answer(params, facts, {})  # type: ignore[arg-type]


async def test_pools_are_told_by_service_and_loudly_only_when_one_is_used_up(
    reached: Reached, samples: Services
) -> None:
    await samples.hold("checkout", 9)
    calm = await look_at_pools(reached)
    assert calm.headline == "shop: 9 of 10 pooled connections in use, 1 not seen"
    assert not calm.loud
    assert calm.lines == (
        (
            "web could not be looked at: its detailed health answers 200 and tells nothing of a pool that can be read. "
            "Type /ops health web"
        ),
    )
    await samples.hold("checkout", 1)
    full = await look_at_pools(reached)
    assert full.headline == "shop: SATURATED (checkout), 10 of 10 pooled connections in use, 1 not seen"
    assert full.loud
    assert full.table[1] == ("checkout", "10", "5", "5", "10", "saturated")
    assert [offer.call.command for offer in full.offers] == ["ops db connections"]
    told = await answer(reached, Params())
    assert any("checkout, pool: 10 of 10 connections in use. Type /ops db pool shop" in line for line in told.lines)


async def test_a_service_that_is_down_has_no_pool_that_could_be_seen(reached: Reached, samples: Services) -> None:
    await samples.stop()
    told = await look_at_pools(reached)
    assert told.headline == "shop: no pool could be seen"
    assert "checkout could not be looked at: refuses connections. Type /ops health checkout" in told.lines


def test_a_database_without_services_is_refused_with_what_to_type() -> None:
    facts = pool.Facts(run=RunRef(tag="r7", requester="ana"), at=datetime(2026, 3, 4, tzinfo=UTC), pools={}, unseen={})
    refused = pool.DatabasePool().plan(pool.Params(database=Database(key="shop")), facts)
    assert isinstance(refused, Refusal)
    assert "/ops db connections shop" in refused.sentence


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"pool": {"checked_out": 3, "pool_size": 5, "max_overflow": 2}}, (3, 7)),
        ({"database": {"pool": {"checked_out": 3, "size": 5}}}, (3, 5)),
        ({"pool": {"checked_out": 3, "pool_size": 5, "max_overflow": -1}}, None),
        ({"pool": {"checked_out": "3", "pool_size": 5}}, None),
        ({"pool": "secret"}, None),
        ([], None),
    ],
)
def test_a_pool_is_read_where_it_is_one(body: object, found: tuple[int, int] | None) -> None:
    read = pool_of(body)
    assert (read and (read.used, read.most)) == found
