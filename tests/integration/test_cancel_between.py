"""A cancel that was committed is honoured before the next step starts, however shortly before: the database judges."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import State, Way
from bot.store.store import Claimed, Ledger, Wished
from tests.integration.test_due import MINUTE, begun
from tests.support.factory import Factory, working
from tests.support.plugin import Home
from tests.support.story import Story


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


class Late(Ledger):
    """Somebody's cancel commits after the engine has read the run and before it starts this step."""

    def __init__(self, pool: Any, story: Story, step: str) -> None:
        super().__init__(pool)
        self._story, self._step = story, step

    async def started(
        self, c: Claimed, step: str, way: Way, attempt: int, timeout: timedelta, body: dict[str, Any]
    ) -> datetime | None:
        if step == self._step and way is Way.DO:
            await self._story.say("ana", c.run, "cancel")
        return await super().started(c, step, way, attempt, timeout, body)


@pytest.mark.parametrize(("script", "step"), [("plain", "b"), ("mail", "m"), ("until", "there"), ("sweep", "each")])
async def test_the_step_is_not_started_and_what_was_done_is_undone(factory: Factory, script: str, step: str) -> None:
    late = Late(factory.home.pool, factory.story, step)
    runner = factory.worker.runner
    runner.attempts.ledger = runner.polling.ledger = runner.sweeping.ledger = late
    row = await factory.end(await factory.ask(script))
    assert row.state is State.UNDONE
    events = await factory.ledger.events(row.id)
    assert [e.step for e in events if e.kind == "step_started" and e.way is Way.DO] == ["a"]
    assert factory.folder.lines()[-1] == "erase a"


@pytest.mark.parametrize("way", [Way.UNDO, Way.CLOSE])
async def test_undo_and_closings_start_all_the_same(home: Home, way: Way) -> None:
    story, claimed = await begun(home)
    await story.say("ana", claimed.run, "cancel")
    with pytest.raises(Wished):
        await home.ledger.started(claimed, "a", Way.DO, 1, MINUTE, {})
    assert await home.ledger.started(claimed, "a", way, 1, MINUTE, {}) is not None
