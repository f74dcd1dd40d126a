"""Backups and restores that are broken off: killed, disconnected, locked out, cancelled, stopped, out of disk."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest

from bot.connectors.postgres import Beside
from bot.connectors.vault import Load, MarkVerified, Matches, new_keyset
from bot.connectors.vault.flow import Flow, Stopped
from bot.effect import Permanent, Temporary
from deploy.local.postgres import Server
from tests.databases import SessionServer, limited
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


def copying(rig: Rig, how: str = "", give: str = "true") -> str:
    """Asks for the backends that copy the big table of this test's own databases."""
    mine = f"datname LIKE '{rig.name}%' AND query LIKE 'COPY public.big%{how}'"
    return f"SELECT {give} FROM pg_stat_activity WHERE {mine}"


async def load(rig: Rig, backup, at: Try | None = None) -> Beside:
    return await Load(database=SHOP, backup=backup, into=fresh(rig)).do(await rig.vault_hands(), at or Try("r1/load"))


async def test_a_barred_attempt_can_no_longer_give_its_database_the_name(rig: Rig) -> None:
    backup = await rig.take()
    on, first, second = await rig.vault_hands(), Try("r1/load"), Try("r1/load", number=2)
    effect = Load(database=SHOP, backup=backup, into=fresh(rig))
    running = asyncio.create_task(effect.do(on, first))
    await until(rig, f"SELECT true FROM pg_database WHERE datname = '{fresh(rig)}_try1'")
    assert await effect.bar(on, second)
    outcome = (await asyncio.gather(running, return_exceptions=True))[0]
    assert isinstance(outcome, Exception)
    assert fresh(rig) not in await rig.names()
    await effect.do(on, second)
    assert await rig.names() == {rig.name, fresh(rig)}


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.EPERM, Permanent), (errno.ENOSPC, Permanent), (errno.EIO, Temporary)]
)
async def test_a_folder_that_refuses_the_manifest_keeps_nothing(rig: Rig, monkeypatch, code: int, kind) -> None:
    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refused)  # as on CIFS or FUSE, after the whole dump
    with pytest.raises(kind, match="nothing was kept"):
        await rig.take()
    assert rig.objects() == []


async def test_a_killed_pg_restore_is_temporary_and_leaves_nothing(rig: Rig) -> None:
    await rig.run("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS t FROM generate_series(1, 100000) n")
    backup = await rig.take()
    running = asyncio.create_task(load(rig, backup))
    await until(rig, copying(rig))
    os.kill(child("pg_restore"), signal.SIGKILL)
    with pytest.raises(Temporary, match="killed .* where memory has run out"):
        await running
    assert await rig.names() == {rig.name}


async def test_a_server_whose_disk_takes_no_more_is_told_and_its_live_database_goes_on(rig: Rig) -> None:
    await rig.run("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS t FROM generate_series(1, 40000) n")
    keyset = new_keyset()
    source = await Rig.open(rig.url, rig.folder, keyset)
    backup = await source.take()
    await source.close()
    with closing(SessionServer()) as place:
        with limited(24 << 20):  # more than a segment of the log, less than the table
            server = Server.start(place.database_home, durable=False)
        full = await Rig.open(await server.create_database("shop"), rig.folder, keyset)
        await full.run(SEED)
        with pytest.raises(Permanent, match="the server's disk is full"):
            await load(full, backup)
        assert await full.names() == {"shop"}
        await full.run("INSERT INTO customers (id, name) VALUES (9001, 'still served')")
        await full.close()


async def test_a_restore_whose_connection_is_ended_is_temporary_and_leaves_nothing(rig: Rig) -> None:
    await rig.run("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS t FROM generate_series(1, 100000) n")
    backup = await rig.take()
    running = asyncio.create_task(load(rig, backup))
    await until(rig, copying(rig, give="pg_terminate_backend(pid)"))
    with pytest.raises(Temporary, match="ended by somebody|connection to the server broke"):
        await running
    assert await rig.names() == {rig.name}


async def test_a_backup_whose_connection_is_ended_is_temporary_and_keeps_nothing(rig: Rig) -> None:
    await rig.run("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS t FROM generate_series(1, 200000) n")
    running = asyncio.create_task(rig.take())
    await until(rig, copying(rig, "TO stdout%", give="pg_terminate_backend(pid)"))
    with pytest.raises(Temporary):
        await running
    assert rig.objects() == []


async def test_a_locked_table_is_temporary_and_named(rig: Rig) -> None:
    locker = await asyncpg.connect(rig.url)
    async with locker.transaction():
        await locker.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(
            Temporary, match=r"table public.orders cannot be read: a lock was not free in time; .* \(55P03\)"
        ):
            await rig.take()
    await locker.close()
    assert rig.objects() == []


async def test_a_cancelled_backup_leaves_no_program_and_no_file(rig: Rig) -> None:
    await rig.run("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS t FROM generate_series(1, 200000) n")
    running = asyncio.create_task(rig.take())
    await until(rig, copying(rig, "TO stdout%"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert children("pg_dump") == []
    assert rig.objects() == []


async def test_a_stopped_load_says_so_and_leaves_nothing(rig: Rig, monkeypatch) -> None:
    monkeypatch.setattr("bot.connectors.vault.flow.EVERY", 0.01)
    await rig.run("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS t FROM generate_series(1, 200000) n")
    backup = await rig.take()
    at = Try("r1/load")
    running = asyncio.create_task(load(rig, backup, at))
    await until(rig, copying(rig))
    at.stop = True
    with pytest.raises(Permanent, match="stopped before its end"):
        await running
    assert await rig.names() == {rig.name}
    assert any(note == "restoring" and total == backup.plain_bytes for _, total, note in at.told)


async def test_what_a_killed_backup_left_goes_with_a_later_one_and_no_backup_with_it(rig: Rig) -> None:
    kept = await rig.take("day-1")
    folder = rig.folder / "shop"
    manifest = await (await rig.vault_hands()).shelf.manifest("day-1")
    assert manifest is not None
    other = await Rig.open(rig.url, rig.folder)  # under another key: nobody here knows what it names
    await other.take("day-2")
    await other.close()
    theirs = {path.name for path in folder.iterdir() if path.name.startswith("day-2")}
    left = (
        "day-1.1-aaaaaa.dump",
        "day-0.1-bbbbbb.dump",
        "day-0.2-cccccc.dump.01234567.part",
        "day-0.manifest.0a1b2c3d.part",
    )
    spared = ("day-2.2-dddddd.dump", "readme.txt")
    for name in (*left, *spared):
        (folder / name).write_bytes(b"sealed")
    (folder / "day-0.3-eeeeee.dump").write_bytes(b"somebody may be at it")
    long_ago = time.time() - timedelta(hours=8).total_seconds()
    for path in folder.iterdir():
        if path.name != "day-0.3-eeeeee.dump":
            os.utime(path, (long_ago, long_ago))
    patient = await Rig.open(rig.url, rig.folder, longest=timedelta(hours=12))
    await patient.take("day-2b")  # by its settings, an attempt at these may still be under way
    await patient.close()
    assert {path.name for path in folder.iterdir()} >= set(left)
    await rig.take("day-3")
    names = {path.name for path in folder.iterdir()}
    assert not names & set(left)
    assert names >= {*theirs, *spared, manifest.object, "day-1.manifest", "day-0.3-eeeeee.dump"}
    assert len([name for name in names if name.startswith("day-3")]) == 2
    await load(rig, kept)


async def test_a_full_disk_keeps_nothing_and_says_what_to_do(rig: Rig) -> None:
    await rig.run("INSERT INTO customers (id, name) SELECT n, md5(n::text) FROM generate_series(1000, 9000) n")
    (rig.folder / "shop").mkdir(mode=0o700, parents=True)
    with limited(64 << 10), pytest.raises(Permanent, match="the vault's disk is full"):
        await rig.take()
    assert rig.objects() == []


async def test_a_mark_that_the_vault_has_no_room_for_is_told_and_never_left_open(rig: Rig) -> None:
    backup, on = await rig.take("one"), await rig.vault_hands()
    restored = await load(rig, backup)
    verified = await Matches(database=SHOP, backup=backup, fresh=restored).do(on, Try("r1/compare"))
    mark = MarkVerified(database=SHOP, backup=backup, verified=verified)
    with (
        limited(16),
        pytest.raises(Permanent, match=r"came back .* make room, .* /ops db verify-backup shop backup=one$"),
    ):
        await mark.do(on, Try("r1/mark"))
    (rig.folder / "shop" / "one.verified").mkdir()  # nothing can be written there
    with pytest.raises(Temporary, match="could not be noted in the vault"):
        await mark.do(on, Try("r1/mark", number=2))
    await rig.run("DELETE FROM orders WHERE id = 1", restored.name)
    with limited(16), pytest.raises(Permanent, match="came back different: .* could not be noted in the vault"):
        await Matches(database=SHOP, backup=backup, fresh=restored).do(on, Try("r1/compare", number=2))


async def test_a_vault_that_cannot_be_read_is_told_by_the_systems_word_and_tried_again(rig: Rig, monkeypatch) -> None:
    backup = await rig.take("one")

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "read_bytes", broken)
    for looks in (load(rig, backup), (await rig.vault.reads(SHOP)).find("one")):
        with pytest.raises(Temporary, match=r"cannot be read \(Input/output error\)"):
            await looks


@pytest.mark.parametrize("begun", [True, False], ids=["once it runs", "while it is being started"])
def test_a_program_dies_with_the_process_that_started_it(begun: bool) -> None:
    script = (
        "import os, sys\n"
        "from bot.connectors.postgres.programs import Child\n"
        "child = Child([sys.argv[1], '3600'], os.environ)\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, shutil.which("sleep") or "/bin/sleep"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        program = psutil.Process(int(parent.stdout.readline()))
        while begun and program.name() != "sleep":
            assert program.is_running()
        parent.kill()
    gone, alive = psutil.wait_procs([program], timeout=10)
    assert gone or alive[0].status() == psutil.STATUS_ZOMBIE


async def test_a_statement_whose_client_is_gone_without_a_word_ends(rig: Rig) -> None:
    """As when a worker is killed: the server looks every few seconds whether anybody still waits for it."""
    at = Try("r1/sleep")
    mine = f"application_name = '{at.session}'"
    async with (await rig.hands()).session(at) as connection:
        asleep = asyncio.ensure_future(connection.execute("SELECT pg_sleep(3600)"))
        await until(rig, f"SELECT true FROM pg_stat_activity WHERE {mine} AND wait_event = 'PgSleep'")
        connection.terminate()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await asleep
    await until(rig, f"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE {mine})")


def test_a_flow_that_was_halted_goes_no_further() -> None:
    flow = Flow()
    flow.alive()
    flow.halt()
    with pytest.raises(Stopped):
        flow.alive()


def children(program: str) -> list[int]:
    return [each.pid for each in psutil.Process().children(recursive=True) if each.name() == program]


def child(program: str) -> int:
    found = children(program)
    assert len(found) == 1, found
    return found[0]


async def until(rig: Rig, query: str) -> None:
    """Waits for a true answer."""
    connection = await asyncpg.connect(rig.url_of("postgres"))
    try:
        async with asyncio.timeout(30):
            while not await connection.fetchval(query + (" AND pid <> pg_backend_pid()" if "pid" in query else "")):
                pass
    finally:
        await connection.close()
