"""What may be tried again of a run that went on without it: nothing twice, nothing that lacks what it needs."""

from typing import Any

import pytest

from bot.effect import Ref
from bot.journey import last_words
from bot.operation import IfFails, Loss, Plan, Refusal, Step
from bot.plans import faults
from bot.retry import anew, joined, lacking, open_again
from tests.unit.paper import Dump, Mint, Post, Set, Use, ledger, plan, step


def aside(name: str, does: Any = None, **more: Any) -> Step[Any]:
    """A step whose failure stops nothing."""
    more.setdefault("leaves", "x")
    return step(name, does or Post(), if_fails=IfFails.GO_ON, **more)


def names(steps: tuple[Step[Any], ...]) -> list[str]:
    return [one.name for one in steps]


def opened(paper: Plan, *lines: str) -> list[str]:
    return names(open_again(paper, last_words(ledger(*lines))))


def test_only_what_the_run_went_on_without() -> None:
    paper = plan(step("a"), aside("b"), aside("c"), aside("d"))
    lines = ("a done", "b failed", "c done", "d started", "d skipped")
    assert opened(paper, *lines) == ["b"]
    assert opened(plan(step("a"), step("b")), "a done", "b failed") == []


@pytest.mark.parametrize(
    ("does", "last", "offered"),
    [
        (Post(), "b failed", True),  # proved not done
        (Post(), "b 4 not_done", True),
        (Post(), "b failed partly", False),  # a part of it is there: not again by itself
        (Post(), "b unknown", False),
        (Dump(), "b failed partly", False),
        (Set(), "b failed partly", True),  # twice does no harm
        (Set(), "b unknown", True),
    ],
)
def test_nothing_is_offered_that_might_happen_twice(does: Any, last: str, offered: bool) -> None:
    assert bool(opened(plan(step("a"), aside("b", does)), "a done", "b started", last)) is offered


def test_what_opens_or_closes_something_is_not_tried_alone() -> None:
    paper = plan(step("shut", Set(), if_fails=IfFails.GO_ON), step("a"), step("open", Set(), closes="shut"))
    assert opened(paper, "shut failed", "a done", "open done") == []
    paper = plan(step("shut", Set(), tells="x"), step("open", Set(), closes="shut", if_fails=IfFails.GO_ON))
    assert opened(paper, "shut done", "open failed") == []


def test_a_step_whose_needs_are_gone_is_not_offered_and_one_that_needs_another_comes_with_it() -> None:
    secret = plan(step("mint", Mint(), leaves="x"), aside("use", Use(secret=Ref("mint"))))
    assert opened(secret, "mint done", "use failed") == []
    needs = plan(aside("a", Set(name="a")), aside("b", Set(value=Ref("a"))))
    assert opened(needs, "a failed", "b failed") == ["a", "b"]
    assert opened(plan(step("a"), aside("b", Set(value=Ref("a")))), "a skipped", "b failed") == []


def test_the_plan_anew_is_whole_by_itself_and_its_losses_stay_the_bound() -> None:
    loss = Loss(what="rows", now=3, at_most=9, unit="rows")
    paper = plan(step("a"), aside("b", Set(value=Ref("a")), tells="Tell them"), loses=(loss,))
    last = last_words(ledger("a done", "b failed"))
    fresh = anew("r7", paper, last, {"a": 5})
    assert isinstance(fresh, Plan)
    assert faults(fresh) == []
    assert names(fresh.steps) == ["b"]
    assert fresh.steps[0].does == Set(value=5)
    assert fresh.steps[0].if_fails is IfFails.GO_ON
    assert fresh.sentence == "Tell them: once more, after r7 went on without it"
    assert [(one.what, one.at_most) for one in fresh.loses] == [("no more than r7 was to lose: rows", 9)]


def test_a_result_of_a_step_that_is_tried_too_is_the_new_one() -> None:
    paper = plan(aside("a", Set(name="a")), aside("b", Set(value=Ref("a"))))
    fresh = anew("r7", paper, last_words(ledger("a failed", "b failed")), {"a": 1})
    assert isinstance(fresh, Plan)
    assert fresh.steps[1].does == Set(value=Ref("a"))


def test_what_a_later_run_did_is_not_done_again_and_what_it_undid_is() -> None:
    paper = plan(aside("b"), aside("c", Set(), undo=Set(), leaves=""))
    first = last_words(ledger("b failed", "c failed"))
    done = last_words(ledger("b done", "c done"))
    undone = last_words(ledger("c done", "c/undo done"))
    assert names(lacking(paper, joined([first]))) == ["b", "c"]
    assert names(lacking(paper, joined([first, done]))) == []
    assert names(open_again(paper, joined([first, done, undone]))) == ["c"]
    assert names(lacking(paper, joined([first, undone, done]))) == []


def test_where_nothing_is_left_it_says_why() -> None:
    paper = plan(aside("b"))
    done = anew("r7", paper, joined([last_words(ledger("b failed")), last_words(ledger("b done"))]), {})
    assert isinstance(done, Refusal)
    assert "done since" in done.sentence
    unknown = anew("r7", paper, last_words(ledger("b unknown")), {})
    assert isinstance(unknown, Refusal)
    assert "not done again by itself" in unknown.sentence
