"""A server before PostgreSQL 17, which newer programs read and cannot fill again."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.connectors.vault import Load
from bot.doctor.databases import Met, _programs
from bot.doctor.finding import Mark
from bot.effect import Permanent
from bot.operation import Refusal, RunRef
from deploy.local.postgres import Server
from deploy.local.postgres_binaries import DEBIAN_FOLDER, Binaries, find_binaries
from handlers.ops.db import verify_backup
from tests.integration.vault_rig import SEED, SHOP, Rig, Try


@pytest.fixture(scope="module")
def old() -> Binaries:
    """The programs and the server of the newest PostgreSQL before 17."""
    folders = [
        one for one in DEBIAN_FOLDER.glob("*/bin") if (one / "initdb").is_file() and (one / "postgres").is_file()
    ]
    found = [find_binaries(1, {"TANDEM_PG_BIN": str(one)}) for one in folders]
    before = sorted((one for one in found if (14, 0) <= one.version < (17, 0)), key=lambda one: one.version)
    if not before:
        pytest.skip("no PostgreSQL before 17 on this machine")
    return before[-1]


@pytest.fixture(scope="module")
def server(old: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server.start(tmp_path_factory.mktemp("old"), durable=False, binaries=old)
    yield running
    running.stop("immediate")


@pytest.fixture
async def url(server: Server) -> AsyncIterator[str]:
    made = await server.create_database("shop")
    yield made
    await server.drop_database("shop")


async def rig_of(url: str, folder: Path, programs: Binaries) -> Rig:
    return await Rig.open(url, folder, binaries=str(programs.dir))


async def test_what_newer_programs_dumped_is_refused_in_words_before_anything_is_made(
    url: str, old: Binaries, tmp_path: Path
) -> None:
    rig, server = await rig_of(url, tmp_path, find_binaries(17)), old.version[0]
    await rig.run(SEED)
    backup = await rig.take()
    told = await (await rig.postgres.reads(SHOP)).unrestorable(backup.dump_version)
    assert told is not None
    assert told.endswith(f"fills none before 17: upgrade the server, or back up anew with pg_dump {server}")
    with pytest.raises(Permanent) as refused:
        await Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new").do(await rig.vault_hands(), Try("r1/load"))
    assert str(refused.value) == told
    assert await rig.names() == {rig.name}
    params = verify_backup.Params(database=SHOP, backup=backup.name)
    asked: dict[str, Any] = {"name": "shop", "names": ("shop",), "version": server, "free": None}
    facts = verify_backup.Facts(
        run=RunRef(tag="r1", requester="ana"), at=datetime.now(UTC), backup=backup, unrestorable=told, **asked
    )
    plan = verify_backup.VerifyBackup().plan(params, facts)
    assert isinstance(plan, Refusal)
    assert plan.sentence == f"before-r1 cannot be restored here. {told}."
    await rig.close()


async def test_its_own_programs_bring_it_back(url: str, old: Binaries, tmp_path: Path) -> None:
    rig = await rig_of(url, tmp_path, old)
    await rig.run(SEED)
    backup = await rig.take()
    assert await (await rig.postgres.reads(SHOP)).unrestorable(backup.dump_version) is None
    load = Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new")
    fresh = await load.do(await rig.vault_hands(), Try("r1/load"))
    assert await rig.value("SELECT count(*) FROM orders", name=fresh.name) == 5000
    await rig.drop_besides()
    await rig.close()


async def test_the_doctor_names_it(url: str, old: Binaries, tmp_path: Path) -> None:
    met = Met(identity=None, version=old.version[0], role={})
    for programs, mark in ((find_binaries(17), Mark.BAD), (old, Mark.GOOD)):
        rig = await rig_of(url, tmp_path, programs)
        (found,) = await _programs("shop", rig.postgres.login(SHOP), met)
        assert found.mark is mark
        assert (found.mend == f"upgrade the server, or back up anew with pg_dump {met.version}") is (mark is Mark.BAD)
        await rig.close()
