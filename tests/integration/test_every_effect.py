"""What an effect declares of repeating is tried on a real counterpart: done twice, and cut short at many places."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import bot.connectors
from bot.discovery import deeds
from bot.effect import CannotTell, Effect, No, Survival, Temporary, Yes
from tests.integration.effect_worlds import WORLDS, Case, Ground
from tests.integration.reached import Try

EFFECTS = {name: kind for name, kind in deeds(bot.connectors).classes.items() if issubclass(kind, Effect)}
UNBARRED = {"http.MaintenanceOff@1", "http.MaintenanceOn@1", "vault.load.MarkVerified@1"}  # outlived instead
POINTS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233]  # suspensions after which an attempt is cut short


class Cut:
    """An awaitable that cancels the task awaiting it where `work` is suspended for the nth time."""

    def __init__(self, work: Awaitable[Any], point: int) -> None:
        self.work, self.point, self.reached = work, point, False

    def __await__(self) -> Generator[Any, Any, Any]:
        inner, error, count = self.work.__await__(), None, 0
        while True:
            try:
                waits = inner.throw(error) if error else next(inner)
            except StopIteration as end:
                return end.value
            count, error = count + 1, None
            if count == self.point:
                task = asyncio.current_task()
                assert task is not None
                self.reached = task.cancel()
            try:
                yield waits
            except BaseException as told:  # noqa: BLE001  whatever it is, it is meant for `work`
                error = told


@pytest.fixture
async def ground(make_database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        yield Ground(make_database, tmp_path, stack)


def test_every_effect_is_tried_here_or_is_committed_with_its_own_ledger_row() -> None:
    ours = {name for name, kind in EFFECTS.items() if kind.survives is Survival.OURS}
    assert set(WORLDS) == set(EFFECTS) - ours
    pairs = (("AddFreeze", "EndFreeze"), ("GrantStanding", "RevokeStanding"), ("Delegate", "EndDelegation"))
    names = {name for pair in pairs for name in pair} | {"ErasePersonal"}
    assert ours == {f"tandem.{name}@1" for name in names}


@pytest.mark.parametrize("name", sorted(WORLDS))
async def test_done_twice_and_cut_short_it_is_as_it_declares(ground: Ground, name: str) -> None:
    case = await WORLDS[name](ground)
    assert type(case.effect) is EFFECTS[name]
    before = await case.look()
    await case.effect.do(case.hands, Try("step", 1))
    once = await case.look()
    assert once != before or not case.effect.changes, "else nothing is shown here"
    await case.effect.do(case.hands, Try("step", 2))
    again = await case.look()
    if case.effect.survives is Survival.ONCE:
        assert again not in (once, before), "who is not harmed by a second time need not be asked about the first"
        return
    assert again == once
    other = await WORLDS[name](ground)
    cuts = await _through_all_cuts(other, barred=name not in UNBARRED)
    assert await other.look() == once
    assert cuts >= 2, "it was never cut in the middle"


async def _through_all_cuts(case: Case, *, barred: bool) -> int:
    """Attempts as the engine makes them, each cut later than the one before; the number of those that were cut."""
    for cuts, point in enumerate(POINTS):
        number = cuts + 1
        if await _is_cut(case, number, point):
            assert await case.effect.bar(case.hands, Try("step", number + 1)) is barred, f"attempt {number}"
            if case.effect.survives is Survival.PROBE and await _happened(case, number):
                return cuts + 1
        else:
            return cuts
    await case.effect.do(case.hands, Try("step", len(POINTS) + 1))
    return len(POINTS)


async def _is_cut(case: Case, number: int, point: int) -> bool:
    """Whether it ended by being cancelled; what surely did not happen is tried again, as the engine does."""
    cut = Cut(case.effect.do(case.hands, Try("step", number)), point)
    task = asyncio.ensure_future(_awaited(cut))
    await asyncio.wait([task])
    if task.cancelled() or isinstance(task.exception(), Temporary):
        return True
    fault = task.exception()
    if fault is None:
        return False
    assert cut.reached, fault
    return True


async def _awaited(cut: Cut) -> Any:
    return await cut


async def _happened(case: Case, number: int) -> bool:
    found = await case.effect.happened(case.hands, Try("step", number))
    assert not isinstance(found, CannotTell), found.why
    assert isinstance(found, (Yes, No))
    return isinstance(found, Yes)
