"""Pure decisions over a plan: well-formed, covered, the way back. The examples are the vocabulary's rules by number."""

from datetime import timedelta
from typing import Any

import pytest

from bot.effect import Ref, Until
from bot.journey import last_words
from bot.model import Way
from bot.operation import Call, Database, IfFails, Loss, Plan, Step, Task, Wait
from bot.plans import STEPS_LIMIT, covers, faults, find, passed_barrier, refs, reveals, surely_not, way_back
from tests.unit.paper import Aim, Ban, Dump, Healthy, Look, Mint, Post, Reached, Set, Silent, Use, ledger, plan, step


def recall(again: timedelta = timedelta(minutes=30), **more: Any) -> Task:
    return Task(text="Write an update", who="another", again=again, **more)


WELL_FORMED = plan(
    step("back", recall()),
    step("look", Look()),
    step("dump", Dump(), leaves="a backup"),
    step("aim", Aim(), leaves="x"),
    step("shut", Set(), tells="Maintenance on"),
    step("swap", Set(value=Ref("dump")), undo=Set()),
    step("a", undo=Set(), group="g"),
    step("b", leaves="b", group="g"),
    step("open", Set(), closes="shut", no_return=True),
    step("until", Until(check=Healthy(), within=timedelta(minutes=1)), tells="x"),
    step("call", Call(command="ops db backup"), undo=Set()),
)


def test_a_plan_that_says_everything_has_no_faults() -> None:
    assert faults(WELL_FORMED) == []
    assert faults(Plan(sentence="Nothing to do")) == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([step("a"), step("a")], "an earlier step of this name"),
        ([step("a b")], "one word"),
        ([step("")], "one word"),
        ([step("x" * 41)], "at most 40"),
        ([step("a", Set(value=Ref("b"))), step("b")], "uses the result of b"),
        ([step("a", Set(value=Ref("a")))], "uses the result of a"),
        ([step("a", undo=Set(value=Ref("a")))], "uses the result of a"),  # rule 6: a before-image dies with a crash
        ([step("a"), step("b", Aim(database=Ref("a")), leaves="x")], "b: database is a target"),
        ([step("a"), step("b", Aim(others=(Database(key="x"), Ref("a"))), leaves="x")], "b: others is a target"),
        ([step("a"), step("b", undo=Aim(database=Ref("a")))], "b: database is a target"),
        (
            [step("a"), step("b", Until(check=Reached(database=Ref("a")), within=timedelta(minutes=1)))],
            "b: database is a target",
        ),
        ([step("a", closes="b"), step("b")], "closes b"),
        ([step("a", Post(), closes="a")], "closes a"),
        ([step("o", leaves="x"), step("p", Post(), closes="o")], "must be repeatable"),
        ([step("a", leaves="x", no_return=True)], "exactly one"),
        ([step("a", leaves="x", undo=Set())], "exactly one"),
        ([step("a", Set(), tells="says nothing of its way back")], "exactly one"),
        ([step("a", undo=Set()), step("b", closes="a")], "exactly one"),
        ([step("o", Set(), tells="o"), step("b", closes="o", undo=Set())], "closing step cannot be undone"),
        ([step("a", Look(), undo=Set())], "changes nothing"),
        ([step("a", Look(), no_return=True)], "changes nothing"),
        ([step("a", Silent(), leaves="x")], "how it survives"),
        ([step("a", Wait(lasting=timedelta(1)), undo=Set())], "can be undone"),
        ([step("a", leaves="x", group="g"), step("b"), step("c", leaves="x", group="g")], "not neighbours"),
        (
            [step("a", leaves="x", group="g"), step("b", Set(value=Ref("a")), leaves="x", group="g")],
            "its own group",
        ),
        ([step(f"s{n}") for n in range(STEPS_LIMIT + 1)], "more than 100"),
        ([step("t", recall(timedelta())), step("z")], "at once, for ever"),
        ([step("t", recall(within=timedelta(hours=1))), step("z")], "nudges instead of within"),
        ([step("m", Mint(), leaves="x"), step("t", recall(reveals=Ref("m"))), step("z")], "a secret is shown once"),
        ([step("t", recall())], "nothing beside or after it"),
        ([step("t", recall(), group="g"), step("u", recall(), group="g")], "nothing beside or after it"),
    ],
)
def test_a_fault_is_said(steps: list[Step[Any]], said: str) -> None:
    assert any(said in fault for fault in faults(plan(*steps))), faults(plan(*steps))


def test_covers_is_the_same_or_less() -> None:
    approved = Ban(users=frozenset({"a"}), count=10, rows=100, note="then")
    for fresh, may in [
        (approved, True),
        (approved.model_copy(update={"count": 9}), True),  # AtMost
        (approved.model_copy(update={"count": 11}), False),
        (approved.model_copy(update={"rows": 110.0}), True),  # Within a tenth
        (approved.model_copy(update={"rows": 90.0}), True),
        (approved.model_copy(update={"rows": 110.5}), False),
        (approved.model_copy(update={"note": "now"}), True),  # Shown
        (approved.model_copy(update={"users": frozenset()}), False),  # unmarked is equal
        (Set(), False),
    ]:
        assert covers(plan(step("b", approved)), plan(step("b", fresh))) is may, fresh


@pytest.mark.parametrize(
    ("changed", "may"),
    [
        ({"undo": Set(name="other")}, False),
        ({"leaves": "x"}, False),
        ({"no_return": True}, False),
        ({"closes": "z"}, False),
        ({"group": "g"}, False),
        ({"if_fails": IfFails.GO_ON}, False),
        ({"tells": "another sentence"}, True),
    ],
)
def test_a_step_differs_by_everything_but_its_sentence(changed: dict[str, Any], may: bool) -> None:
    fresh = Step("a", Set(), **{"undo": Set(), **changed})
    assert covers(plan(Step("a", Set(), undo=Set())), plan(fresh)) is may


def test_the_order_the_number_and_the_sentence_of_steps() -> None:
    one, two = step("a"), step("b")
    assert not covers(plan(one, two), plan(two, one))
    assert not covers(plan(one, two), plan(one))
    assert covers(plan(one), Plan(sentence="Quite another sentence", steps=(one,), tells=("#other",)))


@pytest.mark.parametrize(
    ("fresh", "may"),
    [
        ((Loss(what="rows", now=37, at_most=60),), True),  # within what was shown, whatever it may become
        ((Loss(what="rows", now=38),), False),
        ((), True),  # a loss that is gone is less
        ((Loss(what="rows", now=7, unit="k"),), False),
        ((Loss(what="rows", now=7, at_least=True),), False),  # a lower bound was not shown
        ((Loss(what="rows"),), False),  # nobody knows how much
        ((Loss(what="rows", now=7), Loss(what="files", now=1)), False),
    ],
)
def test_a_loss_stays_within_its_shown_bound(fresh: tuple[Loss, ...], may: bool) -> None:
    approved = plan(loses=(Loss(what="rows", now=7, at_most=37),))
    assert covers(approved, plan(loses=fresh)) is may
    assert covers(plan(loses=(Loss(what="rows", now=7),)), plan(loses=(Loss(what="rows", now=7),)))
    assert not covers(plan(loses=(Loss(what="rows", now=7),)), plan(loses=(Loss(what="rows", now=6),)))


@pytest.mark.parametrize(
    ("fresh", "may"),
    [
        (Loss(what="rows", at_most=37), True),
        (Loss(what="rows", at_most=36), True),
        (Loss(what="rows", at_most=38), False),
        (Loss(what="rows", now=7, at_most=99), True),
        (Loss(what="rows", now=38), False),
        (Loss(what="rows", at_most=37, at_least=True), False),
        (Loss(what="rows"), False),
    ],
)
def test_a_loss_that_names_its_bound_alone_covers_what_is_bound_as_tightly(fresh: Loss, may: bool) -> None:
    """So that a schedule's standing approval is not asked for again for ever."""
    assert covers(plan(loses=(Loss(what="rows", at_most=37),)), plan(loses=(fresh,))) is may
    counted = plan(loses=(Loss(what="rows", now=7, at_most=37),))
    assert not covers(counted, plan(loses=(Loss(what="rows", at_most=37),))), "what was counted is not unknown now"


RESTORE = plan(  # rule 1: the barrier is maintenance off, not the swap; rule 2: closes is the finally
    step("dump", Dump(), leaves="a backup"),
    step("shut", Set(name="door"), tells="Maintenance on"),
    step("swap"),
    step("open", Set(name="door"), closes="shut", no_return=True),
    step("after"),
)


def back(paper: Plan, *lines: str, undoing: bool = True) -> list[str]:
    return [f"{act.step}/{act.way}" for act in way_back(paper, last_words(ledger(*lines)), undoing)]


@pytest.mark.parametrize(
    ("lines", "acts"),
    [
        (["dump done"], []),
        (["dump done", "shut done"], ["open/close"]),
        (["dump done", "shut done", "swap failed"], ["open/close"]),
        (["dump done", "shut done", "swap unknown"], ["swap/undo", "open/close"]),
        (["dump done", "shut done", "swap done", "open failed"], ["swap/undo", "open/close"]),
        (["dump done", "shut done", "swap done", "open unknown"], ["open/close"]),  # a barrier in doubt is one
        (["dump done", "shut done", "swap done", "open done"], []),  # beyond the barrier only what is not closed
        (["dump done", "shut done", "swap done", "open done", "after done"], ["after/undo"]),  # after it: still undone
    ],
)
def test_the_way_back_of_a_restore(lines: list[str], acts: list[str]) -> None:
    assert back(RESTORE, *lines) == acts


def test_a_closing_that_ran_runs_again_at_the_turn_of_what_it_closes() -> None:
    paper = plan(step("z"), step("o", Set(), tells="o"), step("a"), step("c", closes="o"), step("b"))
    lines = ("z done", "o done", "a done", "c done", "b failed")
    assert back(paper, *lines) == ["a/undo", "c/close", "z/undo"]
    assert back(paper, *lines[:3], "c failed") == ["a/undo", "c/close", "z/undo"]
    assert back(paper, *lines, undoing=False) == []
    assert back(paper, *lines[:3], undoing=False) == ["c/close"]


@pytest.mark.parametrize(
    ("lines", "surely"),
    [
        ([], True),
        (["a started"], False),
        (["a started", "a unknown"], False),
        (["a started", "a not_done"], True),
        (["a started", "a failed"], True),
        (["a started", "a failed partly"], False),
        (["a started", "a failed partly", "a again"], False),
        (["a started", "a failed", "a again"], True),  # people wished another try of what surely had not happened
        (["a started", "a failed", "a skipped"], True),
        (["a started", "a unknown", "a skipped"], False),
        (["a started", "a done"], False),
        (["a started", "a unknown", "a again"], False),  # people said so; nobody proved anything
        (["a started", "a unknown", "a again probed"], True),  # the probe said no, and never will
        (["a started", "a unknown", "a 2 started", "a 2 not_done"], False),  # the second proves nothing of the first
        (["a started", "a unknown", "a 2 started", "a 2 failed"], False),
        (["a started", "a unknown", "a again probed", "a 2 started", "a 2 failed"], True),
        (["a started", "a again after", "a 2 started", "a 2 not_done"], False),  # a sweep's first batch went through
        (["a started", "a not_done", "a late"], True),
    ],
)
def test_what_surely_did_not_happen(lines: list[str], surely: bool) -> None:
    assert surely_not(last_words(ledger(*lines)).get(("a", Way.DO))) is surely


def test_a_barrier_that_surely_did_not_happen_is_none() -> None:
    paper = plan(step("a"), step("b", no_return=True))
    for lines, passed in (
        (["b failed"], False), (["b unknown"], True), (["b started"], True), (["b again probed"], False),
        (["b unknown", "b 2 failed"], True),
    ):  # fmt: skip
        assert passed_barrier(paper, last_words(ledger("a done", *lines))) is passed


def test_small_questions() -> None:
    assert set(refs((Set(value=Ref("a")), [Use(secret=Ref("b"))], {"k": Ref("c")}))) == {"a", "b", "c"}
    assert find(RESTORE, "swap").name == "swap"
    with pytest.raises(LookupError):
        find(RESTORE, "nothing")
    shows = plan(step("m", Mint(), leaves="x"), step("t", Task(text="t", who="dba", reveals=Ref("m"))))
    assert reveals(shows) == frozenset({"m"})
