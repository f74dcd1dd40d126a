"""A whole engine on a test's database and a folder: real worker, real lease, real effects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import handlers
import tests.support.letters
import tests.support.notebook
from bot.catalogue import Catalogue
from bot.codec import kind_of
from bot.connectors.tandem import ErasePersonal
from bot.discovery import load
from bot.effect import Connector, World
from bot.engine.attempts import Attempts
from bot.engine.planner import Planner
from bot.engine.reach import Connectors
from bot.engine.runner import Runner
from bot.engine.worker import Worker
from bot.house import House
from bot.model import Risk, State
from bot.policy import Policy, Rule
from bot.seal import PersonalSeal, Seal
from bot.store.own import Own
from bot.store.personal import PersonalStore
from bot.store.store import Ledger, RunRow
from bot.store.views import Views
from bot.view import RunView
from tests.support import ops
from tests.support.company import GROUPS
from tests.support.notebook import Folder
from tests.support.plugin import Home
from tests.support.story import Story

SEAL = Seal(b"k" * 32)
PERSONAL = PersonalSeal(b"p" * 32)
LEASE = timedelta(milliseconds=500)
SWEEP_EVERY, LOOK_EVERY = 0.05, 0.01  # seconds; each sweep and each look are statements, on a machine that has others
RULES = Policy(rules=(Rule(operations=("ops personal *",), ask=("engineers",), approve=("dba",)),
                      Rule(operations=("test *",), ask=("engineers",), approve=(), risks=(Risk.READ, Risk.WRITE)),
                      Rule(operations=("test *",), ask=("engineers",), approve=("dba",))))  # fmt: skip


def deeds() -> dict[str, type[Any]]:
    """The notebook's effects and checks by their stored names."""
    modules = (tests.support.notebook, tests.support.letters)
    own = [k for m in modules for k in vars(m).values() if isinstance(k, type) and k.__module__ == m.__name__]
    found = {kind_of(k): k for k in own if hasattr(k, "version") and hasattr(k, "connector")}
    return {**found, kind_of(ErasePersonal): ErasePersonal}


@cache
def catalogue() -> Catalogue:
    """The tests' operations, and the one by which a person is erased; read once, as a bot does."""
    erase = [entry for entry in load(handlers).catalogue.entries.values() if entry.command == "ops personal erase"]
    return Catalogue([*load(ops).catalogue.entries.values(), *erase])


class Factory:
    """One replica's engine, and what a test says to it."""

    def __init__(self, home: Home, path: Path, pool: Any = None, lease: timedelta = LEASE) -> None:
        self.home, self.story, self.folder = home, Story(home), Folder(path)
        self.ledger = Ledger(pool or home.pool)
        self.kept = PersonalStore(home.pool, PERSONAL)
        self.views = Views(home.pool, deeds(), self.kept)
        connectors = self.connectors = Connectors(lambda kind: self._make(kind, path))
        house = House(
            catalogue=catalogue(), deeds=deeds(), policy=RULES, config="c1", environment=lambda params: "",
            settings=lambda target: None, keys=lambda kind: (), freezes=_none, clock=self.ledger.now,
            channels=("gone", "ops", "releases"), groups=lambda person: [g for g in GROUPS if person in GROUPS[g]],
        )  # fmt: skip
        attempts = Attempts(self.ledger, connectors, SEAL)
        runner = Runner(self.ledger, Planner(self.ledger, house, connectors), attempts, house, timedelta(0))
        self.worker = Worker(
            self.ledger, runner, home.bot, config="c1", kinds=tuple(house.deeds), lease=lease, sweep_every=SWEEP_EVERY
        )

    def _make(self, kind: type[Connector[Any, Any]], path: Path) -> Connector[Any, Any]:
        blocks = {"path": str(path), "reads": Own(self.home.pool)}
        return kind(World(blocks=blocks, other=self.connectors.made, personal=self.kept.whole))

    async def ask(self, script: str, person: str = "ana", **more: Any) -> int:
        """Asks for a script; the answer is the run's id."""
        asked = await self.story.ask(person, "test write", params={"script": script}, risk=1, **more)
        self.worker.wake()
        return int(asked["run"])

    async def until(self, run: int, ready: Callable[[RunRow], bool], within: float = 15) -> RunRow:
        """Waits until a run is as wished, showing its plan as the poster would. Fails with its story."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while True:
            row = await self.story.row(run)
            await self.show_all()  # after the look: whoever sees a plan here may also approve it
            if ready(row):
                return row
            if loop.time() > end:
                kinds = [(e.kind, e.step, e.mark, e.body.get("why")) for e in await self.ledger.events(run)]
                raise AssertionError(f"{row.state} heading {row.heading} after {within} s: {kinds}")
            await asyncio.sleep(LOOK_EVERY)

    async def show_all(self) -> None:
        for row in await self.home.pool.fetch(
            "SELECT id, fingerprint FROM runs r WHERE fingerprint IS NOT NULL AND ended_at IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM shown s WHERE s.run = r.id AND s.fingerprint = r.fingerprint)"
        ):
            await self.story.show(row["id"])
            self.worker.wake()

    async def end(self, run: int, within: float = 15) -> RunRow:
        return await self.until(run, lambda row: row.ended_at is not None, within)

    async def state(self, run: int, state: State, within: float = 15) -> RunRow:
        return await self.until(run, lambda row: row.state is state, within)

    async def pause(self) -> asyncio.Event:
        """From here on the worker claims nothing, until what is returned is set."""
        held, go = asyncio.Event(), asyncio.Event()

        async def turn() -> None:
            held.set()
            await go.wait()

        self.worker.turn = turn
        await held.wait()
        return go

    async def view(self, run: int) -> RunView:
        view = await self.views.run(run)
        assert view is not None
        return view

    async def steps(self, run: int) -> dict[str, str]:
        """Each step's standing."""
        return {s.name: s.standing.value for s in (await self.view(run)).steps}

    async def answer(self, person: str, run: int, choice: str) -> str:
        await self.story.saw(person)
        row = await self.story.row(run)
        word = self.story.word(person, run) | {"question": row.question_seq, "choice": choice}
        code = (await self.home.doors.answer(word))["code"]
        self.worker.wake()
        return str(code)


async def _none() -> tuple[()]:
    return ()


@asynccontextmanager
async def working(home: Home, path: Path) -> AsyncIterator[Factory]:
    """A factory whose worker runs."""
    factory = Factory(home, path)
    job = asyncio.create_task(factory.worker.run())
    try:
        yield factory
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
