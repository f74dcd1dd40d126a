"""What an effect declares of repeating is tried on a real counterpart: done twice, and cut short at many places."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import bot.connectors
from bot.discovery import deeds
from bot.effect import CannotTell, Effect, No, Permanent, Survival, Temporary, Yes
from tests.conftest import Tell
from tests.integration.effect_worlds import WORLDS, Case, Ground
from tests.integration.reached import Try

EFFECTS = {name: kind for name, kind in deeds(bot.connectors).classes.items() if issubclass(kind, Effect)}
UNBARRED = {"http.MaintenanceOff@1", "http.MaintenanceOn@1", "vault.load.MarkVerified@1"}  # outlived instead
EVERYWHERE = range(1, 100)  # suspensions after which an attempt is cut short; none of these effects has as many
SOMEWHERE = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


class Cut:
    """An awaitable that cancels the task awaiting it where `work` is suspended for the nth time."""

    def __init__(self, work: Awaitable[Any], point: int) -> None:
        self.work, self.point = work, point
        self.reached, self.ended = False, False  # whether it came as far as that, and whether it came to its end

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
    pairs = (
        ("AddFreeze", "EndFreeze"), ("GrantStanding", "RevokeStanding"), ("Delegate", "EndDelegation"),
        ("DeclareIncident", "EndIncident"),
    )  # fmt: skip
    names = {name for pair in pairs for name in pair} | {"ErasePersonal"}
    assert ours == {f"tandem.{name}@1" for name in names}


@pytest.mark.parametrize("name", sorted(WORLDS))
async def test_done_twice_and_cut_short_it_is_as_it_declares(ground: Ground, name: str) -> None:
    """What harms when it is done again is cut everywhere; the others are under `make prove`."""
    case = await WORLDS[name](ground)
    assert type(case.effect) is EFFECTS[name]
    before = await case.look()
    await _probed(case, 1, No)
    await case.effect.do(case.hands, Try("step", 1))
    once = await case.look()
    assert once != before or not case.effect.changes, "else nothing is shown here"
    await _probed(case, 1, Yes)
    await case.effect.do(case.hands, Try("step", 2))
    again = await case.look()
    if case.effect.survives is Survival.ONCE:
        assert again not in (once, before), "who is not harmed by a second time need not be asked about the first"
        cuts = await _cut_everywhere(await WORLDS[name](ground))
    else:
        assert again == once
        cuts = await _through_all_cuts(lambda: WORLDS[name](ground), SOMEWHERE, once, barred=name not in UNBARRED)
    assert cuts >= 2, "it was never cut in the middle"


@pytest.mark.prove
@pytest.mark.parametrize("name", sorted(n for n in WORLDS if EFFECTS[n].survives is not Survival.ONCE))
async def test_cut_short_everywhere_it_is_as_done_once(ground: Ground, tell: Tell, name: str) -> None:
    case = await WORLDS[name](ground)
    await case.effect.do(case.hands, Try("step", 1))
    once = await case.look()
    cuts = await _through_all_cuts(lambda: WORLDS[name](ground), EVERYWHERE, once, barred=name not in UNBARRED)
    tell(f"cut at {cuts} points")


async def _probed(case: Case, number: int, truth: type[Yes[Any] | No]) -> None:
    """What can be asked whether it happened tells the truth of a world that nobody disturbed."""
    if case.effect.survives is Survival.PROBE:
        found = await case.effect.happened(case.hands, Try("step", number))
        assert isinstance(found, truth), f"it says {found}"


async def _cut_everywhere(case: Case) -> int:
    """Attempts of which each may have happened; what is told of it is true. The number of those that were cut."""
    cuts = 0
    for number in EVERYWHERE:
        before = await case.look()
        cut = await _cut(case, number, number)
        if cut.ended:
            assert await case.look() != before, "it was told as done"
        if not cut.reached:
            return cuts
        cuts += not cut.ended
    raise AssertionError("it was cut everywhere and never came to an end")


async def _through_all_cuts(
    build: Callable[[], Awaitable[Case]], points: Iterable[int], once: Any, *, barred: bool
) -> int:
    """Attempts as the engine makes them, each cut later than the one before; the number of those that were cut.

    Where it happened all the same, the next one is made in a fresh world.
    """
    case, number, cuts = await build(), 0, 0
    for point in points:
        number += 1
        cut = await _cut(case, number, point)
        cuts += not cut.ended
        happened = cut.ended
        if not cut.ended:
            assert await case.effect.bar(case.hands, Try("step", number + 1)) is barred, f"attempt {number}"
            if case.effect.survives is Survival.PROBE and not (happened := await _happened(case, number)):
                assert await case.look() != once, "it says that this did not happen"
        if happened:
            assert await case.look() == once
            if not cut.reached:
                return cuts
            case, number = await build(), 0
    raise AssertionError("it was cut everywhere and never came to an end")


async def _cut(case: Case, number: int, point: int) -> Cut:
    """One attempt. What it says did not happen left no trace, where it must not be done again unasked."""
    harms = case.effect.survives is not Survival.IDEMPOTENT
    before = await case.look() if harms else None
    cut = Cut(case.effect.do(case.hands, Try("step", number)), point)
    task = asyncio.ensure_future(_awaited(cut))
    await asyncio.wait([task])
    fault = None if task.cancelled() else task.exception()
    cut.ended = not task.cancelled() and fault is None
    assert cut.ended or cut.reached, fault
    if isinstance(fault, (Temporary, Permanent)) and harms:
        assert await case.look() == before, f"it did happen, though it says: {fault}"
    return cut


async def _awaited(cut: Cut) -> Any:
    return await cut


async def _happened(case: Case, number: int) -> bool:
    found = await case.effect.happened(case.hands, Try("step", number))
    assert not isinstance(found, CannotTell), found.why
    assert isinstance(found, (Yes, No))
    return isinstance(found, Yes)
