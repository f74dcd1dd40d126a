"""Kills a replica at one point of a run and lets another finish it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.model import ENDS
from bot.store.store import RunRow
from tests.recovery.oracle import faults
from tests.recovery.replica import work
from tests.recovery.scenarios import Scenario
from tests.support.factory import Factory
from tests.support.forked import FORKS
from tests.support.plugin import Home

WITHIN = 30.0  # seconds until anything that is waited for has long happened


class Replica:
    """A worker in a process of its own. It is forked from one that has everything imported, and shares nothing else."""

    def __init__(self, home: Home, folder: Path, fatal: str) -> None:
        self._process = FORKS.Process(target=work, args=(home.bot, folder, fatal))

    async def start(self) -> None:
        await asyncio.to_thread(self._process.start)

    @property
    def returncode(self) -> int | None:
        """None while it lives; -9 after a SIGKILL."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        """Its status, once it has ended."""
        await asyncio.to_thread(self._process.join)
        assert self._process.exitcode is not None
        return self._process.exitcode


@asynccontextmanager
async def replica(home: Home, folder: Path, fatal: str = "") -> AsyncIterator[Replica]:
    """Killed at the end if it still lives."""
    process = Replica(home, folder, fatal)
    await process.start()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def survivor(factory: Factory) -> AsyncIterator[None]:
    """The test's own process goes on as another replica."""
    job = asyncio.create_task(factory.worker.run())
    try:
        yield
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def helped(
    factory: Factory, run: int, scenario: Scenario, over: Callable[[RunRow], bool], did: set[str]
) -> RunRow:
    """Does what people and the world do, until it is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + WITHIN
    while True:
        await factory.show_all()
        row = await factory.story.row(run)
        if over(row):
            return row
        if loop.time() > end:
            told = [(e.kind, e.step, e.mark) for e in await factory.ledger.events(run)]
            raise AssertionError(f"{row.state}, worker {row.worker}, after {WITHIN} s: {told}")
        await scenario.help(factory, row, did)
        factory.worker.wake()
        await asyncio.sleep(0.004)


async def begin(home: Home, folder: Path, scenario: Scenario) -> tuple[Factory, int]:
    """A run that was asked for, in a fresh folder."""
    folder.mkdir()
    factory = Factory(home, folder)
    for act, order in scenario.orders.items():
        factory.folder.put(f"order.{act}", order)
    return factory, await scenario.asks(factory, scenario.script)


async def undisturbed(home: Home, folder: Path, scenario: Scenario) -> list[str]:
    """Every point a run comes through when nobody kills it: its commits and its effects, in order, each once."""
    factory, run = await begin(home, folder, scenario)
    async with replica(home, folder):
        await helped(factory, run, scenario, lambda row: row.state in ENDS, set())
    assert await faults(home.superuser, folder, run, scenario.wanted) == []
    commits = (folder / ".kept" / "commits").read_text().splitlines()
    acts = [f"inside {act}" for act in (folder / ".kept" / "reached").read_text().splitlines()]
    return list(dict.fromkeys(commits + [act for act in acts if act.removeprefix("inside ") not in scenario.orders]))


async def killed(home: Home, folder: Path, scenario: Scenario, point: str) -> list[str]:
    """Kills a replica there, lets another go on, and gives what is wrong at the end."""
    factory, run = await begin(home, folder, scenario)
    inside = point.startswith("inside ")
    if inside:
        factory.folder.put(f"order.{point.removeprefix('inside ')}", "die")
    did: set[str] = set()
    async with replica(home, folder, "" if inside else point) as process:
        await helped(factory, run, scenario, lambda row: process.returncode is not None, did)
        if await process.wait() != -9:
            return [f"the replica ended with {process.returncode}"]
    async with survivor(factory):
        await helped(factory, run, scenario, lambda row: row.state in ENDS, did)
    return await faults(home.superuser, folder, run, scenario.wanted)
