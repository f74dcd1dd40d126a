"""The next acts of a run, read off hand-written ledgers."""

from datetime import timedelta
from typing import Any

import pytest

from bot.journey import TRIES, Ask, End, Perform, Probe, Settle, Turn, next_acts
from bot.model import Choice, Doubt, Heading
from bot.operation import Call, IfFails, Plan, Task, Wait
from tests.unit.paper import Dump, Look, MailAll, Post, Set, ledger, plan, step

FAILED = ["a started", "a done", "b started", "b failed"]


def said(acts: tuple[Any, ...]) -> str:
    """Acts as words: "do a 1", "undo a 1", "settle a 1", "ask effect a", "end succeed"."""
    return ", ".join(_word(act) for act in acts)


def _word(act: Any) -> str:
    match act:
        case Perform():
            return f"{act.way} {act.step} {act.attempt}"
        case Settle() | Probe():
            return f"{type(act).__name__.lower()} {act.step} {act.attempt}"
        case Ask():
            return f"ask {act.doubt} {act.step}"
        case Turn():
            return f"turn {act.heading} {act.why}"
        case End():
            return f"end {act.signal}"
    raise TypeError(act)


def forth(paper: Plan, *lines: str, **more: Any) -> str:
    return said(next_acts(paper, ledger(*lines), Heading.FORTH, **more))


def back(paper: Plan, *lines: str, why: str = "failed") -> str:
    return said(next_acts(paper, ledger(*lines), Heading.BACK, why))


def stop(paper: Plan, *lines: str) -> str:
    return said(next_acts(paper, ledger(*lines), Heading.STOP, "stopped"))


TWO = plan(step("a"), step("b"))


def test_forth_step_by_step() -> None:
    assert forth(TWO) == "do a 1"
    assert forth(TWO, "a started") == "settle a 1"
    assert forth(TWO, "a started", "a done") == "do b 1"
    assert forth(TWO, "a done", "b done") == "end succeed"
    assert forth(plan()) == "end succeed"


def test_only_what_is_proved_not_done_is_tried_again_and_not_for_ever() -> None:
    lines: list[str] = []
    for attempt in range(1, TRIES + 1):
        assert forth(TWO, *lines) == f"do a {attempt}"
        lines += [f"a {attempt} started", f"a {attempt} not_done"]
    assert forth(TWO, *lines) == "turn back failed"


def test_a_failure_is_not_tried_again() -> None:
    assert forth(TWO, *FAILED) == "turn back failed"


def test_go_on_passes_a_step_over_that_failed_or_was_tried_in_vain() -> None:
    paper = plan(step("a", undo=Set(), if_fails=IfFails.GO_ON), step("b"))
    assert forth(paper, "a started", "a failed") == "do b 1"
    vain = [line for n in range(1, TRIES + 1) for line in (f"a {n} started", f"a {n} not_done")]
    assert forth(paper, *vain) == "do b 1"
    assert forth(paper, *vain[:-2]) == f"do a {TRIES}"
    assert forth(paper, "a started", "a unknown") == "do a 2"


def test_ask_asks() -> None:
    paper = plan(step("a", undo=Set(), if_fails=IfFails.ASK), step("b"))
    (ask,) = next_acts(paper, ledger("a started", "a failed"), Heading.FORTH)
    assert ask == Ask(
        doubt=Doubt.FAILED, step="a", way="do", attempt=1,
        choices=(Choice.AGAIN, Choice.SKIP, Choice.BACK, Choice.STOP),
    )  # fmt: skip


def test_right_after_a_barrier_there_is_no_way_back_and_people_are_asked() -> None:
    paper = plan(step("a"), step("b", no_return=True), step("c"))
    (ask,) = next_acts(paper, ledger("a done", "b done", "c started", "c failed"), Heading.FORTH)
    assert isinstance(ask, Ask)
    assert Choice.BACK not in ask.choices
    after = plan(step("a"), step("b", no_return=True), step("c"), step("d"))
    assert forth(after, "a done", "b done", "c done", "d failed") == "turn back failed"


@pytest.mark.parametrize(
    ("does", "then"),
    [(Set(), "do s 2"), (Dump(), "probe s 1"), (Post(), "ask effect s"), (MailAll(), "ask effect s")],
)
def test_an_unknown_is_treated_as_the_effect_says(does: Any, then: str) -> None:
    assert forth(plan(step("s", does, leaves="x")), "s started", "s unknown") == then


def test_a_probe_decides_or_people_do() -> None:
    paper = plan(step("s", Dump(), leaves="x"))
    assert forth(paper, "s started", "s unknown", "s unknown cannot_tell") == "ask effect s"
    assert forth(paper, "s started", "s unknown", "s again probed") == "do s 2"
    assert forth(paper, "s started", "s unknown", "s done probed") == "end succeed"


def test_a_probe_that_says_no_is_a_proof_like_a_refusal_waited_for_and_bounded() -> None:
    paper = plan(step("s", Dump(), leaves="x"))
    lines: list[str] = []
    for attempt, waits in zip(range(1, TRIES + 1), (0, 0, 1, 2), strict=True):
        (act,) = next_acts(paper, ledger(*lines), Heading.FORTH)
        assert act == Perform(step="s", way="do", attempt=attempt, after_failures=waits)
        lines += [f"s {attempt} started", f"s {attempt} unknown", f"s {attempt} again probed"]
    assert forth(paper, *lines) == "turn back failed"
    assert forth(paper, *lines, f"s {TRIES} again") == f"do s {TRIES + 1}"
    mixed = ["s 1 not_done", "s 2 not_done", "s 3 unknown", "s 3 again probed"]
    assert forth(paper, *mixed, "s 4 not_done") == "turn back failed"


def test_what_may_be_repeated_is_repeated_until_people_are_asked() -> None:
    lines = [line for n in range(1, TRIES + 1) for line in (f"a {n} started", f"a {n} unknown")]
    (ask,) = next_acts(TWO, ledger(*lines), Heading.FORTH)
    assert isinstance(ask, Ask)
    assert ask.choices == (Choice.AGAIN, Choice.BACK, Choice.STOP)
    assert forth(TWO, *lines, f"a {TRIES} again") == f"do a {TRIES + 1}"
    assert back(TWO, *lines) == "undo a 1", "whoever said Back is not asked the same thing again"


def test_a_cancel_is_honoured_between_steps() -> None:
    paper = plan(step("a"), step("w", Wait(lasting=timedelta(days=30)), tells="w"))
    assert forth(paper, "a started", cancel=True) == "settle a 1"
    assert forth(paper, "a done", cancel=True) == "turn back cancelled"
    assert forth(paper, "a done", "w started", cancel=True) == "turn back cancelled"
    assert forth(paper, "a done", "w done", cancel=True) == "end succeed"


def test_a_group_goes_at_once_and_is_settled_before_it_is_judged() -> None:
    paper = plan(*(step(n, leaves="x", group="g") for n in "abc"), step("d"))
    assert forth(paper) == "do a 1, do b 1, do c 1"
    assert forth(paper, "a started", "b started", "a failed") == "settle b 1"
    assert forth(paper, "a failed", "b done") == "turn back failed"
    assert forth(paper, "a done", "b done") == "do c 1"
    assert forth(paper, "a done", "b done", "c done") == "do d 1"


def test_back_in_reverse_each_once() -> None:
    paper = plan(step("a"), step("b"), step("c"))
    lines = ["a done", "b done", "c failed"]
    assert back(paper, *lines) == "undo b 1"
    assert back(paper, *lines, "b/undo started") == "settle b 1"
    assert back(paper, *lines, "b/undo unknown") == "undo b 2"
    assert back(paper, *lines, "b/undo done") == "undo a 1"
    assert back(paper, *lines, "b/undo done", "a/undo done") == "end undo"


def test_undo_never_starts_on_nor_passes_an_unknown() -> None:
    paper = plan(step("a"), step("p", Post(), leaves="a post"), step("g", Dump(), leaves="x"))
    assert back(paper, "a done", "p unknown") == "ask effect p"
    assert back(paper, "a done", "p started") == "settle p 1"
    assert back(paper, "a done", "p done", "g unknown") == "probe g 1"
    assert back(paper, "a unknown") == "undo a 1", "an undo bears not, partly and wholly"
    assert back(paper, "a started") == "settle a 1", "but not beside an attempt that may still act"


def test_an_undo_in_doubt_asks() -> None:
    paper = plan(step("a", undo=Post()), step("b"))
    assert back(paper, "a done", "b failed", "a/undo unknown") == "ask effect a"


def test_a_failing_undo_stops_the_undoing_never_the_closings() -> None:
    paper = plan(step("z"), step("o", Set(), tells="o"), step("a"), step("c", closes="o"), step("b"))
    lines = ["z done", "o done", "a done", "c done", "b failed"]
    assert back(paper, *lines, "a/undo failed") == "close c 1"
    assert back(paper, *lines, "a/undo failed", "c/close done") == "end fail"


def test_a_failing_closing_asks_and_can_be_skipped_but_not_stopped() -> None:
    paper = plan(step("o", Set(), tells="o"), step("c", closes="o"), step("b"))
    (ask,) = next_acts(paper, ledger("o done", "c done", "b failed", "c/close failed"), Heading.BACK, "failed")
    assert ask == Ask(doubt=Doubt.CLOSING, step="c", way="close", attempt=1, choices=(Choice.AGAIN, Choice.SKIP))
    tired = [f"c/close {n} unknown" for n in range(1, TRIES + 1)]
    (ask,) = next_acts(paper, ledger("o done", *tired), Heading.STOP, "stopped")
    assert isinstance(ask, Ask)
    assert ask.choices == (Choice.AGAIN, Choice.SKIP)
    assert stop(paper, "o done", *tired, f"c/close {TRIES} skipped") == "end fail"


def test_stop_undoes_nothing_closes_and_waits_for_what_may_still_act() -> None:
    paper = plan(step("a"), step("o", Set(), tells="o"), step("p", Post(), leaves="x"), step("c", closes="o"))
    assert stop(paper, "a done", "o done", "p unknown") == "close c 1"
    assert stop(paper, "a done", "o done", "p started") == "settle p 1"
    assert stop(paper, "a done", "o done", "p unknown", "c/close done") == "end fail"


@pytest.mark.parametrize(
    ("lines", "why", "end"),
    [
        (["a failed"], "failed", "end fail"),
        ([], "cancelled", "end cancel"),
        (["a failed partly", "a/undo done"], "cancelled", "end undo"),
        (["a done", "a/undo done"], "cancelled", "end undo"),
    ],
)
def test_how_it_ends(lines: list[str], why: str, end: str) -> None:
    assert back(TWO, *lines, why=why) == end


def test_a_run_that_only_read_is_not_called_undone() -> None:
    assert back(plan(step("r", Look()), step("b")), "r done", "b failed") == "end fail"


def test_beyond_a_barrier_the_end_is_a_failure() -> None:
    paper = plan(step("a", no_return=True), step("b"), step("c"))
    assert back(paper, "a done", "b done", "c failed", "b/undo done") == "end fail"


def test_people_and_timers_are_left_at_once_a_called_run_is_waited_for() -> None:
    paper = plan(step("a"), step("t", Task(text="t", who="dba")), step("r", Call(command="x"), tells="r"))
    assert back(paper, "a done", "t started", why="cancelled") == "undo a 1"
    assert back(paper, "a done", "t done", "r started", why="cancelled") == "settle r 1"


def test_late_evidence_decides_nothing() -> None:
    assert forth(TWO, "a started", "a unknown", "a late") == "do a 2"
