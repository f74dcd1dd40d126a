"""When work may be taken up while payloads come, on a clock of our own."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.precedence import LONGEST, REST, Precedence

MILLISECOND = 0.001


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def precedence(clock: Clock) -> Precedence:
    return Precedence(clock)


def test_where_no_payload_came_work_is_taken_up_at_once(precedence: Precedence) -> None:
    assert precedence.left() == 0


def test_a_payload_holds_new_work_back_until_the_doors_have_rested(precedence: Precedence, clock: Clock) -> None:
    precedence.stir()
    assert precedence.left() == pytest.approx(REST)
    clock.now += REST * 0.9
    assert 0 < precedence.left() < REST
    clock.now += REST * 0.2
    assert precedence.left() == 0


def test_under_an_endless_flood_work_waits_no_longer_than_the_bound_and_then_has_as_long(
    precedence: Precedence, clock: Clock
) -> None:
    held: list[float] = []
    free: list[float] = []
    since, was_free = clock.now, False
    for _ in range(10_000):  # ten seconds
        precedence.stir()
        if (precedence.left() == 0) != was_free:
            (free if was_free else held).append(clock.now - since)
            since, was_free = clock.now, not was_free
        clock.now += MILLISECOND
    assert len(held) >= 9
    assert len(free) >= 9
    assert max(held) <= LONGEST + 2 * MILLISECOND
    assert min(free) >= LONGEST - 2 * MILLISECOND


def test_no_wait_is_longer_than_what_is_left_of_the_bound(precedence: Precedence, clock: Clock) -> None:
    precedence.stir()
    precedence.left()
    clock.now += LONGEST - REST / 2
    precedence.stir()
    assert precedence.left() == pytest.approx(REST / 2)


@pytest.mark.parametrize("breaks", [False, True])
async def test_a_payload_stirs_when_it_comes_and_when_its_answer_goes(
    precedence: Precedence, clock: Clock, breaks: bool
) -> None:
    left: list[float] = []

    async def dispatch(payload: Any) -> str:
        left.append(precedence.left())
        clock.now += REST / 2
        if breaks:
            raise RuntimeError
        return f"answered {payload}"

    app = SimpleNamespace(async_dispatch=dispatch)
    precedence.watch(app)
    try:
        assert await app.async_dispatch("one") == "answered one"
    except RuntimeError:
        assert breaks
    assert left == [pytest.approx(REST)]
    assert precedence.left() == pytest.approx(REST)
