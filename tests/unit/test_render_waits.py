"""Until when a run waits, and what comes then."""

from datetime import timedelta
from typing import Any

import pytest

from bot import render
from bot.effect import Watch
from bot.model import Heading, Mark, State, Way
from bot.operation import Database, Plan, Step, Task, Until, Wait
from bot.render.blocks import moment
from bot.view import RunView
from tests.unit.rendered import NAMES, NOON, Healthy, Take, event, plan, shown, view

SHOP = Database(key="shop")
HOUR = timedelta(hours=1)


def waiting(does: Any, *, last: bool = False, **more: Any) -> RunView:
    """A run at that step since 12:00:10, seen at 12:02."""
    steps = [Step("wait", does, tells="Let it be"), Step("back", Take(database=SHOP, name="a"), tells="Put it back")]
    begun = event(10, "step_started", step="wait", way=Way.DO, attempt=1, mark=Mark.STARTED)
    made: Plan = plan(steps=tuple(steps[:1] if last else steps))
    return view(State.WAITING, more.pop("events", [begun]), plan=made, **more)


def said(run: RunView) -> str:
    return "".join(shown(render.card(run, NAMES)).words.split("\n"))


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (Wait(lasting=HOUR), "Waits until , then: Put it back."),
        (Watch(check=Healthy(database=SHOP), lasting=HOUR), "Watches until , then: Put it back."),
        (Until(check=Healthy(database=SHOP), within=HOUR), "Waits until  at most."),
        (Task(text="Tell support", who="requester", within=HOUR), "Waits until  at most."),
    ],
)
def test_a_run_that_waits_says_until_when_in_the_readers_own_time_and_what_comes_then(does: Any, words: str) -> None:
    run = waiting(does)
    until = NOON + HOUR + timedelta(seconds=10)
    assert words in said(run)
    assert str(moment(until)) in str(render.card(run, NAMES).blocks)
    alone = said(waiting(does, last=True))
    assert words.replace("then: Put it back", "then it ends") in alone


@pytest.mark.parametrize(
    "run",
    [
        waiting(Wait(lasting=timedelta(minutes=1))),  # that moment is over, and nobody has taken it up yet
        waiting(Wait(lasting=HOUR), heading=Heading.BACK),
        waiting(Wait(lasting=HOUR), wish="cancel"),
        waiting(Wait(lasting=HOUR), events=[]),
        waiting(Task(text="Tell support", who="requester")),
        waiting(Take(database=SHOP, name="a")),
    ],
)
def test_what_has_no_end_that_is_known_says_none(run: RunView) -> None:
    assert "aits until" not in said(run)


def test_a_wait_that_is_nearly_over_is_told_to_the_second() -> None:
    until = NOON + timedelta(minutes=3, seconds=10)
    drawn = str(render.card(waiting(Wait(lasting=timedelta(minutes=3))), NAMES).blocks)
    assert str(moment(until, shape="{time_secs}")) in drawn


def test_a_wait_that_was_begun_again_counts_from_then() -> None:
    marks = ((10, 1, Mark.STARTED), (20, 1, Mark.UNKNOWN), (40, 1, Mark.AGAIN), (70, 2, Mark.STARTED))
    events = [event(n, f"step_{m.value}", step="wait", way=Way.DO, attempt=a, mark=m) for n, a, m in marks]
    until = NOON + HOUR + timedelta(seconds=70)
    assert str(moment(until)) in str(render.card(waiting(Wait(lasting=HOUR), events=events), NAMES).blocks)
