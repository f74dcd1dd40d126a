"""The door in the hands of the documented role: it owns the database, and may not end a superuser's session."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from bot.connectors.postgres import Beside, CloseDoor, OpenDoor, Swap, SwapBack
from bot.effect import Permanent, Temporary
from tests.integration.vault_rig import SHOP, Rig, Try


@pytest.fixture
async def rig(make_database, tmp_path) -> AsyncIterator[Rig]:
    """A database of the role that docs/operators.md describes."""
    url = await make_database(None)
    parts = urlsplit(url)
    name = parts.path[1:]
    role = f"operator_{name}"
    owner = await Rig.open(url, tmp_path / "vault")
    await owner.run(
        f"CREATE ROLE \"{role}\" LOGIN CREATEDB PASSWORD 'word'; "
        f'GRANT pg_monitor, pg_signal_backend TO "{role}"; ALTER DATABASE "{name}" OWNER TO "{role}"',
        "postgres",
    )
    made = await Rig.open(parts._replace(netloc=f"{role}:word@{parts.hostname}:{parts.port}").geturl(), owner.folder)
    yield made
    await made.close()
    await owner.run(f'ALTER DATABASE "{name}" OWNER TO postgres; DROP ROLE "{role}"', "postgres")
    await owner.close()


@pytest.fixture
async def superuser(make_database, rig: Rig) -> AsyncIterator[asyncpg.Connection]:
    parts = urlsplit(await make_database(None))
    connection = await asyncpg.connect(parts._replace(path=f"/{rig.name}").geturl())
    yield connection
    await connection.close()


async def test_a_door_stays_open_where_a_session_cannot_be_ended(rig: Rig, superuser: asyncpg.Connection) -> None:
    on, close = await rig.hands(), CloseDoor(database=SHOP, oid=await rig.oid())
    with pytest.raises(Permanent, match="has 1 session of a superuser"):
        await close.do(on, Try("r1/shut"))
    assert await rig.value("SELECT 1") == 1
    await superuser.close()
    await close.do(on, Try("r1/shut", number=2))


async def test_it_is_seen_before_anything_is_planned_that_a_session_cannot_be_ended(
    rig: Rig, superuser: asyncpg.Connection
) -> None:
    reads = await rig.postgres.reads(SHOP)
    own = await asyncpg.connect(rig.url)
    told = f"{rig.name} has 1 session of a superuser or of a role that Tandem may not end"
    assert await reads.unending() == told
    await superuser.close()
    async with asyncio.timeout(10):
        while await reads.unending():  # its process takes a moment to end
            pass
    await own.close()


async def test_the_owner_swaps_and_opens(rig: Rig) -> None:
    on, name = await rig.hands(), f"{rig.name}_r1_new"
    await rig.run(f'CREATE DATABASE "{name}"', "postgres")
    fresh = Beside(name=name, oid=await rig.oid(name))
    pair = {"database": SHOP, "live_oid": await rig.oid(), "fresh": fresh, "aside": f"{rig.name}_r1_old"}
    await Swap(**pair).do(on, Try("r1/swap"))
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await rig.value("SELECT 1")
    await OpenDoor(database=SHOP).do(on, Try("r1/open"))
    assert await rig.value("SELECT 1") == 1
    await SwapBack(**pair).do(on, Try("r1/undo"))
    await OpenDoor(database=SHOP).do(on, Try("r1/open", number=2))
    assert await rig.names() == {rig.name, f"{rig.name}_r1_kept"}
    await rig.drop_besides()


async def test_what_fails_once_the_door_is_shut_is_no_proof_that_nothing_happened(rig: Rig, make_database) -> None:
    """A superuser comes in between the look and the shutting, which waits for the catalogue here."""
    on, close = await rig.hands(), CloseDoor(database=SHOP, oid=await rig.oid())
    far = urlsplit(await make_database(None))
    holder = await asyncpg.connect(far.geturl())
    waits = (  # its own session: other tests make databases meanwhile, and wait as well
        "SELECT true FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE relation = 'pg_database'::regclass AND NOT granted AND usename = $1"
    )
    async with holder.transaction():
        await holder.execute("LOCK TABLE pg_database IN SHARE MODE")
        shutting = asyncio.create_task(close.do(on, Try("r1/shut")))
        async with asyncio.timeout(10):
            while not await holder.fetchval(waits, rig.settings.user):
                await asyncio.wait((shutting,), timeout=0.02)
                await holder.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees whom it saw first
        visitor = await asyncpg.connect(far._replace(path=f"/{rig.name}").geturl())
    (fault,) = await asyncio.gather(shutting, return_exceptions=True)
    await visitor.close()
    await holder.close()
    assert isinstance(fault, Exception)
    assert not isinstance(fault, (Temporary, Permanent))
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await rig.value("SELECT 1")


async def test_where_all_connections_are_taken_that_is_said_with_what_to_do(
    rig: Rig, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(f'ALTER ROLE "{rig.settings.user}" CONNECTION LIMIT 0')
    with pytest.raises(Temporary, match=r"all connections .* are taken \(53300\); end some there, and keep some for"):
        await (await rig.postgres.reads(SHOP)).connections()
