"""Workers that stand still, come back, block their loop, or die again and again; and a database that goes down."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.model import ENDS, Mark, State
from deploy.local.postgres import Server
from tests.databases import SessionServer, ensure_template
from tests.recovery.harness import WITHIN, begin, helped, replica, survivor
from tests.recovery.oracle import Wanted, faults
from tests.recovery.scenarios import Scenario, says_what_happened
from tests.support.company import TEMPLATE
from tests.support.factory import LEASE, Factory
from tests.support.plugin import Home, opened


async def until(so: Callable[[], Awaitable[object]]) -> None:
    """Waits for a condition."""
    async with asyncio.timeout(WITHIN):
        while not await so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def blocked(factory: Factory, act: str) -> None:
    async def so() -> bool:
        await factory.show_all()
        return f"blocked {act}" in factory.folder.lines()

    await until(so)


async def test_an_effect_that_blocks_the_loop_costs_no_lease(home: Home, tmp_path: Path) -> None:
    """Three leases pass while the process stands; nobody takes its run, and it is done once."""
    scenario = Scenario("plain", Wanted("succeeded", there=("a", "b", "c"), exactly=(("write b", 1), ("begin b", 1))))
    factory, run = await begin(home, tmp_path / "folder", scenario)
    factory.folder.put("order.b", "block")
    async with replica(home, tmp_path / "folder"):
        await blocked(factory, "b")
        row = await factory.story.row(run)
        lease = await home.pool.fetchval("SELECT lease_until FROM workers WHERE id = $1", row.worker)
        async with survivor(factory):
            passed = "SELECT lease_until > $2 FROM workers WHERE id = $1"
            await until(lambda: home.pool.fetchval(passed, row.worker, lease + 3 * LEASE))
            assert (await factory.story.row(run)).fence == row.fence
            factory.folder.put("go.b", "")
            await helped(factory, run, scenario, lambda row: row.state in ENDS, set())
    assert await faults(home.superuser, tmp_path / "folder", run, scenario.wanted) == []


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("outlasting", Wanted("succeeded", there=("a", "b", "c"), exactly=(("begin b", 2), ("write b", 2)))),
        Scenario("outlasting-mail", Wanted("succeeded", there=("a", "c"), once=("b",)), says_what_happened),
    ],
    ids=lambda s: s.script,
)
async def test_a_worker_that_stood_still_for_three_leases_changes_nothing_when_it_comes_back(
    home: Home, tmp_path: Path, scenario: Scenario
) -> None:
    """Its attempt is waited out, not barred: it may still act. What it says afterwards is refused."""
    factory, run = await begin(home, tmp_path / "folder", scenario)
    factory.folder.put("order.b", "block")
    async with replica(home, tmp_path / "folder") as process:
        await blocked(factory, "b")
        process.send_signal(signal.SIGSTOP)
        mine = (await factory.story.row(run)).worker
        over = "SELECT lease_until + $2 < clock_timestamp() FROM workers WHERE id = $1"
        await until(lambda: home.pool.fetchval(over, mine, 2 * LEASE))
        async with survivor(factory):
            await helped(factory, run, scenario, lambda row: row.state in ENDS, set())
            before = await factory.ledger.events(run)
            (started,) = (e for e in before if (e.step, e.mark, e.attempt) == ("b", Mark.STARTED, 1))
            (unknown,) = (e for e in before if (e.step, e.mark, e.attempt) == ("b", Mark.UNKNOWN, 1))
            assert started.deadline is not None
            assert unknown.at >= started.deadline, "nobody judges an attempt that may still act"
            lines = len(factory.folder.lines())
            lives = await home.pool.fetchval("SELECT count(*) FROM workers")
            factory.folder.put("go.b", "")
            process.send_signal(signal.SIGCONT)
            await until(lambda: home.pool.fetchval("SELECT count(*) > $1 FROM workers", lives))
            assert await factory.ledger.events(run) == before
            assert len(factory.folder.lines()) <= lines + 1, "the one act that was in flight, and no step after it"
    if scenario.script == "outlasting":
        assert await faults(home.superuser, tmp_path / "folder", run, scenario.wanted) == []


async def test_a_run_on_which_worker_after_worker_dies_asks_at_the_third_claim(home: Home, tmp_path: Path) -> None:
    scenario = Scenario("plain", Wanted("succeeded"))
    factory, run = await begin(home, tmp_path / "folder", scenario)
    for point in ("after started r1 a/do/1", "after claim r1 running", "after claim r1 running"):
        async with replica(home, tmp_path / "folder", point) as process:
            await helped(factory, run, scenario, lambda row: process.returncode is not None, set())
            assert await process.wait() == -9
    async with survivor(factory):
        row = await helped(factory, run, scenario, lambda row: row.state is State.IN_DOUBT, set())
        assert row.question is not None
        assert row.question["doubt"] == "poison"
        assert await factory.answer("ana", run, "again") == "answered"
        await helped(factory, run, scenario, lambda row: row.state in ENDS, set())
    assert (await factory.story.row(run)).state is State.SUCCEEDED


async def test_a_database_that_is_restarted_under_a_run_loses_nothing(tmp_path: Path) -> None:
    """The effect's end cannot be written down: it is found out afterwards, and the run goes on."""
    scenario = Scenario("plain", Wanted("succeeded", there=("a", "b", "c")))
    # not below tmp_path: pytest closes its folders to the server's user whenever another pytest starts
    with closing(SessionServer()) as place:
        server = Server.start(place.database_home, durable=False)
        await ensure_template(server, TEMPLATE)
        url = await server.create_database("one", template=TEMPLATE.name)
        async with opened(url) as home:
            factory, run = await begin(home, tmp_path / "folder", scenario)
            factory.folder.put("order.b", "block")
            async with replica(home, tmp_path / "folder"):
                await blocked(factory, "b")
                server.stop("immediate")
                factory.folder.put("go.b", "")
                server = Server.start(place.database_home, durable=False)
                async with opened(url) as again:
                    after = Factory(again, tmp_path / "folder")
                    await helped(after, run, scenario, lambda row: row.state in ENDS, set())
        assert await faults(url, tmp_path / "folder", run, scenario.wanted) == []
