"""Backups of a real database: what comes back, what is refused, what a failure leaves."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.connectors.postgres import Beside, DropDatabase
from bot.connectors.vault import Backup, Load, MarkVerified, Matches, Take, Verified, new_keyset, rotated
from bot.effect import Changed, No, Permanent, Yes
from tests.integration.vault_rig import SEED, SHOP, Rig, Try


@pytest.fixture
async def rig(make_database, tmp_path) -> AsyncIterator[Rig]:
    made = await Rig.open(await make_database(None), tmp_path / "vault", lock_wait=timedelta(milliseconds=300))
    await made.run(SEED)
    yield made
    await made.drop_besides()
    await made.close()


def fresh(rig: Rig) -> str:
    return f"{rig.name}_r1_new"


async def load(rig: Rig, backup, at: Try | None = None) -> Beside:
    return await Load(database=SHOP, backup=backup, into=fresh(rig)).do(await rig.vault_hands(), at or Try("r1/load"))


CONTENT = """
SELECT md5(string_agg(o::text, '' ORDER BY id)) || (SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM customers c)
|| (SELECT md5(string_agg(a::text, '' ORDER BY "Key")) FROM "Odd Names"."a ""quoted"" one" a) FROM orders o
"""


async def test_what_was_backed_up_comes_back_row_by_row(rig: Rig) -> None:
    before = await rig.value(CONTENT)
    backup = await rig.take()
    await rig.run("DELETE FROM orders WHERE id > 100")
    restored = await load(rig, backup)
    assert await rig.value(CONTENT, name=restored.name) == before
    assert (backup.tables, backup.rows) == (3, 5520)
    at = Try("r1/verify")
    verified = await Matches(database=SHOP, backup=backup, fresh=restored).do(await rig.vault_hands(), at)
    assert (verified.tables, verified.rows) == (3, 5520)
    assert at.told == [(done, 3, "counting rows") for done in range(3)]
    assert await rig.value("SELECT count(*) FROM orders") == 100


async def test_the_counts_are_those_of_the_dumps_snapshot_while_others_write(rig: Rig) -> None:
    done = asyncio.Event()

    async def write() -> None:
        connection = await asyncpg.connect(rig.url)
        while not done.is_set():
            await connection.execute("INSERT INTO customers (id, name) SELECT max(id) + 1, 'late' FROM customers")
        await connection.close()

    writing = asyncio.create_task(write())
    backup = await rig.take()
    done.set()
    await writing
    restored = await load(rig, backup)
    assert await rig.value("SELECT count(*) FROM customers") > 500
    await Matches(database=SHOP, backup=backup, fresh=restored).do(await rig.vault_hands(), Try("r1/verify"))


async def test_a_restored_database_that_differs_is_told_with_its_table(rig: Rig) -> None:
    backup = await rig.take()
    restored = await load(rig, backup)
    on = await rig.vault_hands()
    await rig.run("DELETE FROM orders WHERE id = 1", restored.name)
    with pytest.raises(Permanent, match="public.orders has 4999 rows instead of 5000"):
        await Matches(database=SHOP, backup=backup, fresh=restored).do(on, Try("r1/verify"))
    await rig.run("INSERT INTO orders VALUES (9999, 1, 1, now())", restored.name)
    with pytest.raises(Permanent, match="the newest rows of public.orders differ"):
        await Matches(database=SHOP, backup=backup, fresh=restored).do(on, Try("r1/verify"))
    assert await (await rig.vault.reads(SHOP)).damaged("before-r1"), "as one whose bytes were changed"


async def test_a_backup_that_came_back_different_is_the_latest_no_more(rig: Rig) -> None:
    await proven(rig, "older")
    backup = await proven(rig, "newer")
    restored = await load(rig, backup)
    await rig.run("DELETE FROM orders WHERE id = 1", restored.name)
    with pytest.raises(Permanent, match=r"newer is damaged: it came back different: .* choose an earlier one"):
        await Matches(database=SHOP, backup=backup, fresh=restored).do(await rig.vault_hands(), Try("r1/verify"))
    assert await (await rig.vault.reads(SHOP)).named("latest", verified=True) == "older"


@pytest.mark.parametrize("mark", ["verified", "damaged"])
async def test_a_mark_that_does_not_open_keeps_nobody_from_verifying_anew(rig: Rig, mark: str) -> None:
    backup = await proven(rig, "one")
    (rig.folder / "shop" / f"one.{mark}").write_bytes(b"changed")
    catalogue = await rig.vault.reads(SHOP)
    found = await catalogue.find("one")
    assert found is not None
    assert (found.verified is None, await catalogue.damaged("one")) == (mark == "verified", False)
    assert (await catalogue.all()).unreadable == ()
    again = await Matches(database=SHOP, backup=backup, fresh=await load(rig, backup)).do(
        await rig.vault_hands(), Try("r2/compare")
    )
    await MarkVerified(database=SHOP, backup=backup, verified=again).do(await rig.vault_hands(), Try("r2/mark"))
    assert await catalogue.named("latest", verified=True) == "one"


async def test_nothing_in_the_vault_can_be_read_or_entered_by_others(rig: Rig) -> None:
    await rig.take()
    for path in rig.objects():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        content = path.read_bytes()
        assert b"customer" not in content
        assert b"PGDMP" not in content
        assert b"shop" not in content


@pytest.mark.parametrize("where", [0, 0.5, 1], ids=["first byte", "middle", "last byte"])
async def test_a_flipped_byte_refuses_before_anything_is_touched(rig: Rig, where: float) -> None:
    backup = await rig.take()
    dump = next(path for path in rig.objects() if path.suffix == ".dump")
    content = bytearray(dump.read_bytes())
    content[round(where * (len(content) - 1))] ^= 1
    dump.write_bytes(content)
    await rig.run(f'CREATE DATABASE "{fresh(rig)}"', "postgres")
    oid = await rig.oid(fresh(rig))
    with pytest.raises(Permanent, match="is damaged"):
        await load(rig, backup)
    assert await rig.oid(fresh(rig)) == oid


async def proven(rig: Rig, name: str) -> Backup:
    """A backup that was restored and found equal, and of which nothing but that is left."""
    backup, on = await rig.take(name), await rig.vault_hands()
    verified = Verified(at=datetime.now(UTC), tables=backup.tables, rows=backup.rows)
    await MarkVerified(database=SHOP, backup=backup, verified=verified).do(on, Try("r1/mark"))
    return backup


def stored(rig: Rig, name: str) -> Path:
    return next(path for path in rig.objects() if path.name.startswith(f"{name}.") and path.suffix == ".dump")


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
async def test_a_backup_that_was_found_damaged_is_the_latest_no_more(rig: Rig, how: str) -> None:
    await proven(rig, "older")
    backup = await proven(rig, "newer")
    catalogue, sound = await rig.vault.reads(SHOP), stored(rig, "newer").read_bytes()
    assert await catalogue.named("latest", verified=True) == "newer"
    damaged = {"flipped": bytes([sound[0] ^ 1]) + sound[1:], "cut": sound[:-1]}
    place = stored(rig, "newer")
    place.write_bytes(damaged[how]) if how in damaged else place.unlink()
    for number in (1, 2):
        with pytest.raises(Permanent, match=r"newer is damaged: .* choose an earlier one: /ops db backups shop$"):
            await load(rig, backup, Try("r1/load", number=number))
    assert {await catalogue.named("latest", verified=proven) for proven in (True, False)} == {"older"}
    listing = await catalogue.all()
    assert ([b.name for b in listing.backups], [b.name for b in listing.damaged]) == (["older"], ["newer"])
    assert [c.value for c in await catalogue.choices("", backup.taken_at, lambda _: True)] == ["older"]
    found = await catalogue.find("newer")
    assert found is not None
    assert (found.verified, await catalogue.damaged("newer"), await catalogue.damaged("older")) == (None, True, False)
    assert b"newer" not in (rig.folder / "shop" / "newer.damaged").read_bytes()

    place.write_bytes(sound)  # somebody had a copy; whoever verifies it anew takes the word back
    again = await Matches(database=SHOP, backup=backup, fresh=await load(rig, backup)).do(
        await rig.vault_hands(), Try("r2/compare")
    )
    await MarkVerified(database=SHOP, backup=backup, verified=again).do(await rig.vault_hands(), Try("r2/mark"))
    assert await catalogue.named("latest", verified=True) == "newer"
    assert not await catalogue.damaged("newer")


async def test_the_mark_of_a_damaged_backup_is_none_of_another_that_takes_its_name(rig: Rig) -> None:
    backup = await rig.take("one")
    stored(rig, "one").unlink()
    with pytest.raises(Permanent, match="is damaged"):
        await load(rig, backup)
    (rig.folder / "shop" / "one.manifest").unlink()
    await rig.take("one")
    assert not await (await rig.vault.reads(SHOP)).damaged("one")


async def test_where_the_vault_takes_no_mark_the_damage_is_told_all_the_same(rig: Rig) -> None:
    backup = await rig.take("one")
    stored(rig, "one").unlink()
    (rig.folder / "shop" / "one.damaged").mkdir()  # nothing can be written there
    with pytest.raises(Permanent, match="is damaged: .* could not be noted in the vault: .* may choose it again"):
        await load(rig, backup)


async def test_a_changed_manifest_refuses_and_the_list_names_it(rig: Rig) -> None:
    backup = await rig.take()
    await rig.take("other")
    path = rig.folder / "shop" / "before-r1.manifest"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(Permanent, match="does not open"):
        await load(rig, backup)
    listing = await (await rig.vault.reads(SHOP)).all()
    assert [b.name for b in listing.backups] == ["other"]
    assert listing.unreadable == ("before-r1",)


async def test_one_backups_manifest_does_not_pass_for_anothers(rig: Rig) -> None:
    await rig.take()
    folder = rig.folder / "shop"
    (folder / "newer.manifest").write_bytes((folder / "before-r1.manifest").read_bytes())
    with pytest.raises(Permanent, match="does not open"):
        await (await rig.vault.reads(SHOP)).find("newer")


async def test_a_wrong_key_refuses_and_an_old_key_still_opens(rig: Rig, tmp_path) -> None:
    keyset = new_keyset()
    first = await Rig.open(rig.url, rig.folder, keyset)
    backup = await first.take()
    stranger = await Rig.open(rig.url, rig.folder, new_keyset())
    with pytest.raises(Permanent, match="sealed under a key"):
        await load(stranger, backup)
    newer = await Rig.open(rig.url, rig.folder, rotated(keyset))
    assert (await load(newer, backup)).name == fresh(rig)
    second = await newer.take("after-rotation")
    with pytest.raises(Permanent, match="sealed under a key"):
        await (await first.vault.reads(SHOP)).manifest(second.name)
    for opened in (first, stranger, newer):
        await opened.close()


async def test_a_backup_of_a_newer_server_refuses_before_anything_is_touched(rig: Rig) -> None:
    await rig.take()
    on = await rig.vault_hands()
    manifest = await on.shelf.manifest("before-r1")
    assert manifest is not None
    newer = manifest.backup.model_copy(update={"server_version": 99, "name": "newer"})
    await on.shelf.add(manifest.model_copy(update={"backup": newer}))
    with pytest.raises(Permanent, match="was taken from PostgreSQL 99"):
        await load(rig, newer)
    assert await rig.names() == {rig.name}


async def test_another_backup_under_the_approved_name_refuses(rig: Rig) -> None:
    backup = await rig.take()
    other = backup.model_copy(update={"sha256": "0" * 64})
    effect = Load(database=SHOP, backup=other, into=fresh(rig))
    with pytest.raises(Changed, match="as it was approved"):
        await effect.do(await rig.vault_hands(), Try("r1/load"))
    assert await effect.holds(await rig.vault_hands()) is not None
    assert await Load(database=SHOP, backup=backup, into=fresh(rig)).holds(await rig.vault_hands()) is None


async def test_loading_never_touches_the_live_database_nor_a_strangers(rig: Rig) -> None:
    backup = await rig.take()
    for name in (rig.name, "postgres", f"{rig.name}_mine"):
        with pytest.raises(Permanent, match="stays"):
            await Load(database=SHOP, backup=backup, into=name).do(await rig.vault_hands(), Try("r1/load"))
    assert await rig.value("SELECT count(*) FROM orders") == 5000


async def test_a_load_done_twice_gives_the_same_database_and_drops_half_of_an_earlier_one(rig: Rig) -> None:
    backup = await rig.take()
    await rig.run(f'CREATE DATABASE "{fresh(rig)}_try1"', "postgres")
    second = await load(rig, backup, Try("r1/load", number=2))
    assert await rig.names() == {rig.name, fresh(rig)}
    assert await load(rig, backup, Try("r1/load", number=3)) == second


async def test_take_is_found_again_by_its_own_step_and_by_no_other(rig: Rig) -> None:
    on, at = await rig.vault_hands(), Try("r1/safety")
    effect = Take(database=SHOP, name="before-r1")
    assert await effect.happened(on, at) == No()
    backup = await effect.do(on, at)
    assert await effect.happened(on, at) == Yes(backup)
    assert await effect.do(on, Try("r1/safety", number=2)) == backup
    assert await effect.happened(on, Try("r2/take")) == No()
    with pytest.raises(Permanent, match="already has a backup called before-r1"):
        await effect.do(on, Try("r2/take"))
    assert len(rig.objects()) == 2


async def test_half_a_backup_is_none(rig: Rig) -> None:
    backup = await rig.take()
    (rig.folder / "shop" / "before-r1.manifest").unlink()
    on, at = await rig.vault_hands(), Try("r1/safety", number=2)
    effect = Take(database=SHOP, name=backup.name)
    assert await effect.happened(on, at) == No()
    assert await effect.bar(on, at)
    again = await effect.do(on, at)
    assert again.sha256 != backup.sha256
    assert (await load(rig, again)).name == fresh(rig)


async def test_two_attempts_at_once_leave_one_backup_and_one_object(rig: Rig) -> None:
    on = await rig.vault_hands()
    effect = Take(database=SHOP, name="before-r1")
    both = await asyncio.gather(*(effect.do(on, Try("r1/safety", number=n)) for n in (1, 2)))
    assert both[0] == both[1]
    assert [path.suffix for path in rig.objects()] == [".dump", ".manifest"]
    await load(rig, both[0])


@pytest.mark.parametrize("kind", ["full", "schema", "data"])
async def test_the_tables_that_an_extension_has_dumped_are_reckoned_with(rig: Rig, kind) -> None:
    """As PostGIS or pg_cron do: members of an extension, whose rows the dump holds all the same."""
    await rig.run(
        "CREATE EXTENSION hstore; CREATE TABLE kept (n int); CREATE TABLE left_out (n int); "
        "ALTER EXTENSION hstore ADD TABLE kept; ALTER EXTENSION hstore ADD TABLE left_out; "
        "SET allow_system_table_mods = on; UPDATE pg_extension SET extconfig = ARRAY['kept'::regclass::oid], "
        "extcondition = ARRAY[''] WHERE extname = 'hstore'"
    )
    assert (await rig.take(kind=kind)).tables == 3


@pytest.mark.parametrize(("kind", "rows"), [("schema", 0), ("data", 5520)])
async def test_the_other_kinds_are_listed_back_too(rig: Rig, kind, rows: int) -> None:
    backup = await rig.take("part", kind=kind)
    assert backup.kind == kind
    assert backup.plain_bytes > 0
    if kind == "schema":
        restored = await load(rig, backup)
        await Matches(database=SHOP, backup=backup, fresh=restored).do(await rig.vault_hands(), Try("r1/verify"))
        assert await rig.value("SELECT count(*) FROM orders", name=restored.name) == rows


async def test_the_mark_of_a_verified_backup_stays_beside_it(rig: Rig) -> None:
    backup = await rig.take()
    on, at = await rig.vault_hands(), Try("r1/mark")
    restored = await load(rig, backup)
    verified = await Matches(database=SHOP, backup=backup, fresh=restored).do(on, at)
    effect = MarkVerified(database=SHOP, backup=backup, verified=verified)
    await effect.do(on, at)
    await effect.do(on, Try("r1/mark", number=2))
    found = await (await rig.vault.reads(SHOP)).find(backup.name)
    assert found is not None
    assert found.verified == verified


async def test_dropping_takes_the_halves_with_it_and_spares_the_live_one(rig: Rig) -> None:
    for name in (fresh(rig), f"{fresh(rig)}_try1", f"{fresh(rig)}_try12"):
        await rig.run(f'CREATE DATABASE "{name}"', "postgres")
    on, at = await rig.hands(), Try("r1/drop")
    oid = await rig.oid(fresh(rig))
    with pytest.raises(Changed):
        await DropDatabase(database=SHOP, name=fresh(rig), oid=oid + 1).do(on, at)
    await DropDatabase(database=SHOP, name=fresh(rig), oid=oid).do(on, at)
    assert await rig.names() == {rig.name}
    await DropDatabase(database=SHOP, name=fresh(rig), oid=oid).do(on, Try("r1/drop", number=2))
    with pytest.raises(Permanent, match="stays"):
        await DropDatabase(database=SHOP, name=rig.name).do(on, at)


async def test_latest_is_the_newest_full_one_that_no_restore_took_for_safety(rig: Rig) -> None:
    catalogue = await rig.vault.reads(SHOP)
    assert await catalogue.named("latest") == "latest"
    for name, kind in (("nightly", "full"), ("part", "schema"), ("before-r9", "full")):
        await rig.take(name, kind=kind)
    assert await catalogue.named("latest") == "nightly"
    assert await catalogue.named("before-r9") == "before-r9"
    assert await catalogue.named("latest", verified=True) == "nightly"  # none is: its refusal offers to verify it
    await rig.take("before-import")  # somebody's own name
    manifest = await catalogue.manifest("nightly")
    assert manifest is not None
    found = Verified(at=manifest.backup.taken_at, tables=manifest.backup.tables, rows=manifest.backup.rows)
    hands: Any = await rig.vault.hands(SHOP)
    await MarkVerified(database=SHOP, backup=manifest.backup, verified=found).do(hands, Try("r9/mark"))
    assert (await catalogue.named("latest"), await catalogue.named("latest", verified=True)) == (
        "before-import",
        "nightly",
    )


def test_a_keyset_that_is_none_is_refused_without_a_byte_of_it() -> None:
    from bot.connectors.vault.keys import Keys

    secret = json.dumps({"primaryKeyId": 1, "key": "hunter2"})
    with pytest.raises(ValueError, match="make one with") as caught:
        Keys(secret)
    assert "hunter2" not in str(caught.value)
