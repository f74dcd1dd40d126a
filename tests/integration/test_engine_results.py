"""What an attempt came to: of another type than is declared, or told by a worker that had lost its run."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.engine.attempts import OTHER_TYPE
from bot.model import Mark, State
from tests.support.factory import Factory, working
from tests.support.plugin import Home


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


@pytest.mark.parametrize(
    ("script", "step", "wrong", "tried"),
    [("mail", "m", "m", 1), ("probe", "n", "n", 1), ("secret", "mint", "mint", 4)],
    ids=["nothing", "a probed number", "a secret"],
)
async def test_an_effect_that_answers_something_else_than_it_declares_is_asked_about_and_never_counts_as_done(
    factory: Factory, script: str, step: str, wrong: str, tried: int
) -> None:
    factory.folder.put(f"wrong.{wrong}", "yes")
    run = await factory.ask(script)
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], row.question["step"]) == ("effect", step)
    ends = [e for e in await factory.ledger.events(run) if e.step == step and e.mark not in (None, Mark.STARTED)]
    assert {(e.mark, e.body["why"]) for e in ends if e.mark is not Mark.AGAIN} == {(Mark.UNKNOWN, OTHER_TYPE)}
    assert max(e.attempt or 0 for e in ends) == tried
    assert "canary" not in str(await factory.home.pool.fetch("SELECT * FROM events")) + str(row)


async def test_a_look_that_finds_something_else_than_it_declares_is_blind_and_never_good(factory: Factory) -> None:
    factory.folder.put("x", "here")
    factory.folder.put("wrong.x", "yes")
    run = await factory.ask("until")
    await factory.state(run, State.WAITING)
    await factory.home.move_clock(timedelta(minutes=5, seconds=1))
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], row.question["sentence"]) == ("blind", OTHER_TYPE)
