"""Databases as a whole on a real server: doors, swaps and their probes, and what must survive a restore."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bot.connectors.postgres import Beside, CloseDoor, DropDatabase, OpenDoor, Swap, SwapBack
from bot.connectors.postgres.door import beside
from bot.connectors.vault import Load
from bot.effect import CannotTell, Changed, No, Permanent, Temporary, Yes
from tests.integration.reached import ENDED
from tests.integration.vault_rig import SEED, SHOP, Rig, Try


@pytest.fixture
async def rig(make_database, tmp_path) -> AsyncIterator[Rig]:
    made = await Rig.open(await make_database(None), tmp_path / "vault")
    yield made
    await made.drop_besides()
    await made.close()


async def besides(rig: Rig) -> Swap:
    """A swap of the live database with a new one."""
    fresh = f"{rig.name}_r1_new"
    await rig.run(f'CREATE DATABASE "{fresh}"', "postgres")
    made = Beside(name=fresh, oid=await rig.oid(fresh))
    return Swap(database=SHOP, live_oid=await rig.oid(), fresh=made, aside=f"{rig.name}_r1_old")


def back(swap: Swap) -> SwapBack:
    return SwapBack(database=SHOP, live_oid=swap.live_oid, fresh=swap.fresh, aside=swap.aside)


def dropping(swap: Swap) -> DropDatabase:
    """What undoes the load of a restore."""
    return DropDatabase(database=SHOP, name=beside(swap.fresh).name)


async def test_a_closed_door_ends_sessions_lets_nobody_in_and_opens_again(rig: Rig) -> None:
    on, at = await rig.hands(), Try("r1/shut")
    close = CloseDoor(database=SHOP, oid=await rig.oid())
    visitor = await asyncpg.connect(rig.url)
    await close.do(on, at)
    with pytest.raises(ENDED):
        await visitor.fetchval("SELECT 1")
    await visitor.close()
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await asyncpg.connect(rig.url)
    await close.do(on, Try("r1/shut", number=2))
    opening = OpenDoor(database=SHOP)
    await opening.do(on, Try("r1/open"))
    await opening.do(on, Try("r1/open", number=2))
    assert await rig.value("SELECT 1") == 1


async def test_a_door_is_not_closed_on_another_database_of_the_same_name(rig: Rig) -> None:
    on, other = await rig.hands(), CloseDoor(database=SHOP, oid=1)
    with pytest.raises(Changed, match="another one than was approved"):
        await other.do(on, Try("r1/shut"))
    assert await other.holds(on) is not None
    assert await CloseDoor(database=SHOP, oid=await rig.oid()).holds(on) is None
    assert await rig.value("SELECT 1") == 1


async def test_a_swap_is_probed_both_ways_and_done_once(rig: Rig) -> None:
    on, at, swap = await rig.hands(), Try("r1/swap"), await besides(rig)
    assert await swap.happened(on, at) == No()
    assert await swap.holds(on) is None
    visitor = await asyncpg.connect(rig.url)
    await swap.do(on, at)
    await visitor.close()
    assert await swap.happened(on, at) == Yes(None)
    assert (await rig.oid(), await rig.oid(swap.aside)) == (beside(swap.fresh).oid, swap.live_oid)
    await swap.do(on, Try("r1/swap", number=2))
    assert await rig.oid() == beside(swap.fresh).oid
    assert await swap.holds(on) is not None


async def test_a_swap_back_bears_wholly_and_not_at_all(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    await back(swap).do(on, Try("r1/undo"))
    assert await rig.oid() == swap.live_oid
    await swap.do(on, Try("r1/swap"))
    for number in (1, 2):
        await back(swap).do(on, Try("r1/undo", number=number))
        assert (await rig.oid(), await rig.oid(beside(swap.fresh).name)) == (swap.live_oid, beside(swap.fresh).oid)
    assert swap.aside not in await rig.names()


async def test_nobody_writes_to_what_a_swap_brought_in_before_it_is_opened(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    await CloseDoor(database=SHOP, oid=swap.live_oid).do(on, Try("r1/shut"))
    await swap.do(on, Try("r1/swap"))
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await rig.run("CREATE TABLE late (id int)")
    await back(swap).do(on, Try("r1/undo"))
    await dropping(swap).do(on, Try("r1/drop"))
    await OpenDoor(database=SHOP).do(on, Try("r1/open"))
    assert await rig.oid() == swap.live_oid
    assert await rig.names() == {rig.name}


@pytest.mark.parametrize("attempts", [1, 2])
async def test_what_was_open_under_the_live_name_is_kept_on_the_way_back(rig: Rig, attempts: int) -> None:
    on, swap = await rig.hands(), await besides(rig)
    await CloseDoor(database=SHOP, oid=swap.live_oid).do(on, Try("r1/shut"))
    await swap.do(on, Try("r1/swap"))
    await OpenDoor(database=SHOP).do(on, Try("r1/open"))
    await rig.run("CREATE TABLE late (id int)")
    for number in range(1, attempts + 1):
        await back(swap).do(on, Try("r1/undo", number=number))
    for number in range(1, attempts + 1):
        with pytest.raises(Permanent, match=f"^{rig.name}_r1_kept was open under the live name"):
            await dropping(swap).do(on, Try("r1/drop", number=number))
    assert await rig.names() == {rig.name, f"{rig.name}_r1_kept"}
    assert await rig.value("SELECT count(*) FROM late", name=f"{rig.name}_r1_kept") == 0
    listed = [each.name for each in await (await rig.postgres.reads(SHOP)).besides()]
    assert listed == [f"{rig.name}_r1_kept"]
    drop = DropDatabase(database=SHOP, name=listed[0], oid=beside(swap.fresh).oid)
    await drop.do(on, Try("r2/drop"))
    assert await rig.names() == {rig.name}


async def test_a_database_that_was_put_aside_before_goes_back_to_its_own_name(rig: Rig) -> None:
    on, aside = await rig.hands(), f"{rig.name}_r1_old"
    await rig.run(f'CREATE DATABASE "{aside}"', "postgres")
    there = Beside(name=aside, oid=await rig.oid(aside))
    swap = Swap(database=SHOP, live_oid=await rig.oid(), fresh=there, aside=f"{rig.name}_r2_old")
    await swap.do(on, Try("r2/swap"))
    await OpenDoor(database=SHOP).do(on, Try("r2/open"))
    await back(swap).do(on, Try("r2/undo"))
    assert await rig.names() == {rig.name, aside}
    assert await rig.oid(aside) == there.oid


async def test_a_swap_cannot_tell_when_a_third_database_bears_the_name(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    await rig.run(f'ALTER DATABASE "{rig.name}" RENAME TO "{rig.name}_else"', "postgres")
    await rig.run(f'CREATE DATABASE "{rig.name}"', "postgres")
    assert isinstance(await swap.happened(on, Try("r1/swap")), CannotTell)
    with pytest.raises(Changed):
        await swap.do(on, Try("r1/swap"))
    with pytest.raises(Changed):
        await back(swap).do(on, Try("r1/undo"))


async def test_a_swap_that_fails_half_way_changed_nothing(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    await rig.run(f'CREATE DATABASE "{swap.aside}"', "postgres")
    with pytest.raises(Exception, match="42P04"):
        await swap.do(on, Try("r1/swap"))
    assert (await rig.oid(), await rig.oid(beside(swap.fresh).name)) == (swap.live_oid, beside(swap.fresh).oid)


async def test_the_door_travels_with_the_renamed_database_and_the_live_name_is_what_opens(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    await CloseDoor(database=SHOP, oid=swap.live_oid).do(on, Try("r1/shut"))
    await swap.do(on, Try("r1/swap"))
    await OpenDoor(database=SHOP).do(on, Try("r1/open"))
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await rig.value("SELECT 1", name=swap.aside)
    await back(swap).do(on, Try("r1/undo"))
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await rig.value("SELECT 1")
    await OpenDoor(database=SHOP).do(on, Try("r1/open", number=2))
    assert await rig.value("SELECT 1") == 1


async def test_barring_ends_earlier_attempts_sessions_and_no_others(rig: Rig) -> None:
    on = await rig.hands()
    swap = await besides(rig)
    first, second, other = Try("r1/swap"), Try("r1/swap", number=2), Try("r1/swap-back")
    async with on.session(other) as bystander:
        try:
            async with on.session(first) as earlier:
                assert await swap.bar(on, first)
                assert await earlier.fetchval("SELECT 1") == 1
                assert await swap.bar(on, second)
                with pytest.raises(ENDED):
                    await earlier.fetchval("SELECT 1")
        finally:
            assert await bystander.fetchval("SELECT 1") == 1


async def test_a_session_name_that_is_too_long_is_still_barred(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    key = "r1234567890/" + "x" * 80
    async with on.session(Try(key)) as earlier:
        assert await swap.bar(on, Try(key, number=2))
        with pytest.raises(ENDED):
            await earlier.fetchval("SELECT 1")


async def test_settings_owner_privileges_and_comment_survive_a_restore_and_a_swap(rig: Rig) -> None:
    role = f"role_{rig.name}"
    await rig.run(SEED)
    await rig.run(f'CREATE ROLE "{role}"', "postgres")
    try:
        name = f'"{rig.name}"'
        for statement in (
            f"ALTER DATABASE {name} SET work_mem = '7MB'",
            f"""ALTER DATABASE {name} SET search_path = "$user", 'Odd Names', public""",
            f"ALTER DATABASE {name} SET default_transaction_read_only = on",
            f"ALTER DATABASE {name} SET my.quote = 'it''s \\ \"x\"'",
            f"ALTER ROLE \"{role}\" IN DATABASE {name} SET statement_timeout = '9s'",
            f'ALTER DATABASE {name} OWNER TO "{role}"',
            f"ALTER DATABASE {name} CONNECTION LIMIT 77",
            f"COMMENT ON DATABASE {name} IS 'the shop''s'",
            f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
            f'GRANT CREATE ON DATABASE {name} TO "{role}" WITH GRANT OPTION',
        ):
            await rig.run(statement, "postgres")
        before = await nature(rig)
        backup = await rig.take()
        fresh = await Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new").do(
            await rig.vault_hands(), Try("r1/load")
        )
        swap = Swap(database=SHOP, live_oid=await rig.oid(), fresh=fresh, aside=f"{rig.name}_r1_old")
        await swap.do(await rig.hands(), Try("r1/swap"))
        assert await rig.oid() == fresh.oid
        await OpenDoor(database=SHOP).do(await rig.hands(), Try("r1/open"))
        assert await nature(rig) == before
        assert await rig.value("SHOW search_path") == '"$user", "Odd Names", public'
    finally:
        await rig.drop_besides()
        await rig.run(f'ALTER DATABASE "{rig.name}" OWNER TO postgres', "postgres")
        await rig.run(f'REVOKE ALL ON DATABASE "{rig.name}" FROM "{role}"', "postgres")
        await rig.run(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"', "postgres")


NATURE = """
SELECT jsonb_build_array(
    to_jsonb(d) - 'oid' - 'datfrozenxid' - 'datminmxid' - 'datacl',
    (SELECT jsonb_agg(to_jsonb(a) ORDER BY to_jsonb(a)) FROM aclexplode(d.datacl) a),
    shobj_description(d.oid, 'pg_database'),
    (SELECT jsonb_agg(to_jsonb(s) - 'setdatabase' ORDER BY s.setrole)
     FROM pg_db_role_setting s WHERE s.setdatabase = d.oid))
FROM pg_database d WHERE datname = $1
"""


async def nature(rig: Rig) -> str:
    found: str = await rig.value(NATURE, rig.name, name="postgres")
    return found


async def test_a_swap_under_clients_that_come_back_is_whole_or_not_at_all(rig: Rig) -> None:
    on, swap = await rig.hands(), await besides(rig)
    stays = asyncio.Event()

    async def come_back() -> None:
        """A client that connects again and again, as a pool does."""
        while not stays.is_set():
            try:
                visitor = await asyncpg.connect(rig.url)
            except (asyncpg.PostgresError, OSError):
                continue
            try:
                await visitor.fetchval("SELECT pg_sleep(3600)")
            except ENDED:
                pass
            finally:
                visitor.terminate()

    visiting = [asyncio.create_task(come_back()) for _ in range(3)]
    try:
        await swap.do(on, Try("r1/swap"))
    except Temporary:
        assert await rig.oid() == swap.live_oid
    else:
        assert await rig.oid() == beside(swap.fresh).oid
    finally:
        stays.set()
        for task in visiting:
            task.cancel()
        await asyncio.gather(*visiting, return_exceptions=True)
