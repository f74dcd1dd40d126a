"""Kills a replica at one point of a run and lets another finish it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.model import ENDS
from bot.store.store import RunRow
from tests.databases import ROOT
from tests.recovery.oracle import faults
from tests.recovery.scenarios import Scenario
from tests.support.factory import Factory
from tests.support.plugin import Home

WITHIN = 30.0  # seconds until anything that is waited for has long happened


@asynccontextmanager
async def replica(home: Home, folder: Path, fatal: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in a process of its own; killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.recovery.replica", home.bot, str(folder), fatal, cwd=ROOT
    )
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
    return factory, await factory.ask(scenario.script)


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
