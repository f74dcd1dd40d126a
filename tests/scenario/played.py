"""The local workspace for scenario tests: one for each transport and xdist worker, in a thread with its own loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest

from deploy.local.stage import Stage
from tests.databases import SessionServer

T = TypeVar("T")
ORDERS = 6000
START_WITHIN, ACT_WITHIN = 75.0, 30.0
STAGES = pytest.StashKey[dict[str, "Played"]]()


class Played:
    """A running Stage. Its loop goes on between tests, as Slack does; after a kill of pytest the guard ends it."""

    def __init__(self, transport: str, orders: int, made: type[Stage] = Stage) -> None:
        self.place = SessionServer()
        self.stage = made(self.place.home, transport=transport, keep=False, orders=orders)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"stage-{transport}", daemon=True)
        self._thread.start()

    def start(self, backup: bool) -> None:
        """With a first backup, verified, and orders that it lacks, where one is wanted."""
        try:
            self.carry_out(self.stage.start(), START_WITHIN)
            if backup:
                self.carry_out(self.stage.first_backup(), START_WITHIN)
        except Exception as error:
            error.add_note(f"the bot's log ends with:\n{self.log[-3000:]}")
            raise

    def carry_out(self, work: Coroutine[Any, Any, T], within: float = ACT_WITHIN) -> T:
        """Something of the stage, in the stage's own loop."""
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(within)

    def stop(self) -> None:
        try:
            self.carry_out(self.stage.stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ACT_WITHIN)
            self._loop.close()
            self.place.close()

    @property
    def log(self) -> str:
        """What the bot's processes logged so far."""
        path = self.stage.home / "bot.log"
        return path.read_text(errors="replace") if path.exists() else ""


def played(config: pytest.Config, transport: str) -> Played:
    """The worker's stage of that transport, started by the first test that asks."""
    return _kept(config, transport, lambda: Played(transport, ORDERS), backup=True)


def apart(config: pytest.Config, name: str, made: type[Stage] = Stage) -> Played:
    """The worker's stage of that name, nearly empty, for tests that do to it what others must not meet."""
    return _kept(config, name, lambda: Played("http", 100, made), backup=False)


def _kept(config: pytest.Config, name: str, make: Callable[[], Played], backup: bool) -> Played:
    stages = config.stash.setdefault(STAGES, {})
    if name not in stages:
        stage = make()
        config.add_cleanup(stage.stop)
        stage.start(backup)
        stages[name] = stage
    return stages[name]
