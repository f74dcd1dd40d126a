"""Where each step stands, as the card shows it."""

from datetime import timedelta
from typing import Any

import pytest

from bot.model import Event, Heading, Mark, State, Way
from bot.operation import Call, Plan, Task, Wait
from bot.standing import entries_of, steps_of
from tests.unit.paper import NOW, Set, ledger, plan, step

PAPER = plan(
    step("a", tells="Look first", undo=Set()),
    step("o", Set()),
    step("w", Wait(lasting=timedelta(hours=1))),
    step("c", closes="o"),
    step("t", Task(text="Say so", who="dba")),
    step("far-off", no_return=True),
)


CALLING = plan(step("c", Call(command="ops db backup", params={})))


def events(*lines: str) -> list[Event]:
    return [
        Event(run=1, kind="x", state=State.RUNNING, **entry.model_dump(exclude={"fence"})) for entry in ledger(*lines)
    ]


def stand(
    *lines: str, state: State = State.RUNNING, heading: Heading = Heading.FORTH, of: Plan = PAPER
) -> dict[str, str]:
    return {view.name: view.standing.value for view in steps_of(of, events(*lines), state, heading, {})}


@pytest.mark.parametrize(
    ("lines", "standing"),
    [
        ([], "ahead"),
        (["a started"], "running"),
        (["a started", "a done"], "done"),
        (["a started", "a failed"], "failed"),
        (["a started", "a not_done"], "retrying"),
        (["a not_done", "a 2 not_done", "a 3 not_done", "a 4 not_done"], "failed"),
        (["a started", "a unknown"], "unknown"),
        (["a started", "a unknown", "a again"], "retrying"),
        (["a started", "a unknown", "a skipped"], "skipped"),
        (["a started", "a done", "a late"], "done"),
        (["a done", "a/undo started"], "undoing"),
        (["a done", "a/undo unknown"], "unknown"),
        (["a done", "a/undo failed"], "undo_failed"),
        (["a done", "a/undo done"], "undone"),
    ],
)
def test_one_step(lines: list[str], standing: str) -> None:
    assert stand(*lines)["a"] == standing


def test_what_nobody_works_at_waits() -> None:
    standing = stand("w started", "t started")
    assert (standing["w"], standing["t"]) == ("waiting", "waiting")


@pytest.mark.parametrize(
    ("state", "heading"),
    [(State.RUNNING, Heading.BACK), (State.RUNNING, Heading.STOP), (State.UNDONE, Heading.BACK)],
)
def test_what_waited_when_the_run_turned_waits_no_longer(state: State, heading: Heading) -> None:
    standing = stand("w started", "t started", state=state, heading=heading)
    assert (standing["w"], standing["t"]) == ("broken_off", "broken_off")
    assert stand("c started", of=CALLING, heading=heading)["c"] == "waiting", "another run's end is waited for"


def test_a_closing_on_the_way_back_runs_and_is_done_again() -> None:
    assert stand("c done", "c/close started", heading=Heading.BACK)["c"] == "running"
    assert stand("c done", "c/close done", heading=Heading.BACK)["c"] == "done"


def test_what_was_never_begun_is_never_once_the_run_turned_or_ended() -> None:
    assert stand("a done", heading=Heading.BACK)["far-off"] == "never"
    assert stand("a done", state=State.FAILED)["far-off"] == "never"


def test_what_the_card_says_of_a_step() -> None:
    lines = events("a started", "a failed")
    told: dict[str, Any] = {"a": {"done": 3, "total": 9, "note": "third of nine"}}
    views = {view.name: view for view in steps_of(PAPER, lines, State.RUNNING, Heading.FORTH, told)}
    first = views["a"]
    assert (first.text, first.note, first.done, first.total) == ("Look first", "third of nine", 3, 9)
    assert (first.started, first.ended) == (NOW + timedelta(seconds=2), NOW + timedelta(seconds=3))
    assert [views[n].undo for n in ("a", "o", "far-off")] == ["undone", "closed by c", "point of no return"]
    assert (views["far-off"].text, views["t"].task, views["a"].task) == ("far off", True, False)


def test_only_what_speaks_of_an_attempt_is_in_the_ledger() -> None:
    shown = Event(run=1, seq=9, at=NOW, kind="nudge", state=State.WAITING, step="t")
    entries = entries_of([*events("a started"), shown])
    assert [(e.step, e.way, e.mark, e.attempt) for e in entries] == [("a", Way.DO, Mark.STARTED, 1)]
