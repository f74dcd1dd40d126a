"""What a plan's steps rest on, looked at again after a wait and before what cannot be taken back."""

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


async def test_what_the_remaining_steps_rest_on_is_looked_at_again_after_a_wait(factory: Factory) -> None:
    """Observed once, run an hour later: somebody changed the guard meanwhile, so people are asked."""
    run = await factory.ask("guarded")
    await factory.state(run, State.WAITING)
    factory.folder.put("guard", "somebody else's")
    await factory.home.move_clock(timedelta(hours=1, seconds=1))
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], "guarded g" in factory.folder.lines()) == ("changed", False)
    assert await factory.answer("ana", run, "back") == "answered"
    assert (await factory.end(run)).state is State.UNDONE


async def test_what_cannot_be_looked_at_does_not_hold_either(factory: Factory) -> None:
    run = await factory.ask("guarded")
    await factory.state(run, State.WAITING)
    (factory.folder.path / "guard").mkdir()  # nobody can read that
    await factory.home.move_clock(timedelta(hours=1, seconds=1))
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert row.question["doubt"] == "changed"
    assert row.question["sentence"] == "what it rests on could not be looked at (IsADirectoryError)"
    assert "guarded g" not in factory.folder.lines()


async def test_what_rests_on_nothing_that_changed_goes_on_after_a_wait(factory: Factory) -> None:
    run = await factory.ask("guarded")
    await factory.state(run, State.WAITING)
    await factory.home.move_clock(timedelta(hours=1, seconds=1))
    assert (await factory.end(run)).state is State.SUCCEEDED


async def kept_from_the_barrier(factory: Factory) -> int:
    """A run whose last step rests on what a stranger changes while its first is done: people are asked."""
    factory.folder.put("order.a", "stranger")
    run = await factory.ask("guarded-barrier")
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], row.question["step"]) == ("changed", "g")
    assert [line for line in factory.folder.lines() if line.startswith("write")] == ["write a", "write b"]
    return run


async def test_before_a_point_of_no_return_what_comes_after_it_is_looked_at_and_a_change_turns_back(
    factory: Factory,
) -> None:
    run = await kept_from_the_barrier(factory)
    assert await factory.answer("ana", run, "back") == "answered"
    assert (await factory.end(run)).state is State.UNDONE
    assert not any(factory.folder.has(name) for name in ("a", "b", "n", "g"))


async def test_before_a_point_of_no_return_it_goes_on_only_when_the_change_is_gone(factory: Factory) -> None:
    run = await kept_from_the_barrier(factory)
    asked = (await factory.story.row(run)).question_seq
    assert await factory.answer("ana", run, "again") == "answered"
    await factory.until(run, lambda row: row.state is State.IN_DOUBT and row.question_seq != asked)
    assert "write n" not in factory.folder.lines()
    factory.folder.put("guard", "")
    assert await factory.answer("ana", run, "again") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED
    assert factory.folder.lines()[-1] == "guarded g"
