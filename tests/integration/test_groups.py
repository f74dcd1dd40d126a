"""Neighbours of one group share one claim: none gives it back while another is at work."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import State
from tests.support.factory import Factory, working
from tests.support.plugin import Home


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def test_one_that_is_tried_again_leaves_its_neighbour_at_work(factory: Factory) -> None:
    """The mail is under way while the other fails and waits: the mail is not lost, nobody is asked, it goes out once."""  # noqa: E501
    factory.worker.runner.backoff = timedelta(milliseconds=50)
    factory.folder.put("order.a", "once-temporary")
    row = await factory.end(await factory.ask("group-again"))
    assert row.state is State.SUCCEEDED
    assert factory.folder.lines().count("mail m") == 1
    assert "doubt" not in [event.kind for event in await factory.ledger.events(row.id)]


async def test_two_looks_at_once_each_conclude_when_they_can(factory: Factory) -> None:
    run = await factory.ask("two-looks")
    await factory.state(run, State.WAITING)
    factory.folder.put("soon", "here")
    await factory.home.move_clock(timedelta(seconds=6))

    async def done() -> bool:
        return any(e.step == "soon" and e.mark == "done" for e in await factory.ledger.events(run))

    await factory.until(run, lambda row: row.state is State.WAITING and row.seq > 8)
    assert await done()
    factory.folder.put("never", "after all")
    await factory.home.move_clock(timedelta(seconds=6))
    assert (await factory.end(run)).state is State.SUCCEEDED
