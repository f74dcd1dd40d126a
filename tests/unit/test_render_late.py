"""A value that a step takes from an earlier one: the approver reads from which, and what it has to be."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from bot import codec, render
from bot.connectors.postgres.door import Beside, Swap, SwapBack
from bot.connectors.vault.manifest import Backup
from bot.effect import Effect, Late, Ref, Secret, Survival
from bot.model import Record, State
from bot.operation import Database, Plan, Step, Task, Until
from bot.render.late import promised, said
from bot.render.plan import plan_text
from tests.unit.paper import Mint, Reached, Use, step
from tests.unit.rendered import NAMES, shown, view

SHOP = Database(key="shop")
ON_THE_CARD = "takes what step 2 makes: name of 1 to 63 characters"
NEW = "takes fresh from step 2: name of 1 to 63 characters, oid a whole number"


class Kind(Enum):
    FULL = "full"
    SCHEMA = "schema"


class Made(Record):
    name: Annotated[str, Field(max_length=63, pattern="^[a-z0-9]+$")]
    kind: Kind
    at: datetime | None


class Tree(Record):
    made: Made
    below: "Tree | None" = None


class Shares(Effect[None]):
    """Takes its values one by one."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    percent: Late[Annotated[int, Field(ge=1, lt=100)]]
    names: tuple[Late[Annotated[str, Field(max_length=9)]], ...] = ()


def swapped() -> Plan:
    swap = Swap(database=SHOP, live_oid=1, fresh=Ref("load"), aside="shop_old")
    back = SwapBack(database=SHOP, live_oid=1, fresh=Ref("load"), aside="shop_old")
    return Plan(sentence="Swap", steps=(step("safety"), step("load"), Step("swap", swap, undo=back, tells="Swap them")))


def test_the_card_says_from_which_step_a_value_comes_and_what_it_has_to_be() -> None:
    words = shown(render.card(view(State.AWAITING, plan=swapped()), NAMES)).words
    assert ON_THE_CARD in words
    assert "oid" not in words
    assert "takes" not in shown(render.card(view(State.RUNNING, plan=swapped()), NAMES)).words


def test_so_do_details_and_a_plans_file_of_the_way_back_too() -> None:
    text = plan_text(view(State.AWAITING, plan=swapped()))
    assert text.count(f"     {NEW}\n") == 1, "the swap and its way back take the same"
    only_back = Plan(sentence="x", steps=(step("load"), step("b", undo=swapped().steps[2].undo)))
    assert "takes fresh from step 1: name of 1 to 63 characters" in plan_text(view(State.AWAITING, plan=only_back))


def test_of_a_value_with_many_parts_the_card_says_the_first_and_counts_the_rest() -> None:
    few = "name matching ^[a-z0-9][A-Za-z0-9_-]{0,79}$, database text, kind full or schema or data, taken_at a moment"
    assert said(Backup, card=True) == f"{few}, and 10 more"
    assert "dump_version a whole number" in said(Backup)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str, "text"),
        (Annotated[str, Field(min_length=3)], "text of at least 3 characters"),
        (int | None, "a whole number or none"),
        (Annotated[float, Field(gt=0, le=2.5)], "a number above 0 to 2.5"),
        (bool, "yes or no"),
        (timedelta, "a duration"),
        (Literal["blue", "green"], "blue or green"),
        (Literal["blue"], "blue"),
        (tuple[str, ...], "any number of: text"),
        (Secret, "a secret, which nobody sees"),
        (Made, "name of at most 63 characters matching ^[a-z0-9]+$, kind full or schema, at a moment or none"),
        (
            Tree,
            (
                "made (name of at most 63 characters matching ^[a-z0-9]+$, kind full or schema, at a moment or none), "
                "below (made (name, kind, at), below (made, below) or none) or none"
            ),
        ),
        (Any, ""),
    ],
)
def test_a_type_in_words(kind: Any, words: str) -> None:
    assert said(kind) == words


def test_each_value_is_named_and_a_look_and_a_task_say_theirs_too() -> None:
    many = Step("many", Shares(percent=Ref("a"), names=(Ref("b"), "x", Ref("a"))))
    steps = (step("a"), step("b"), many)
    assert promised(many, steps) == [
        "takes percent from step 1: a whole number from 1 below 100",
        "takes names from step 2: text of at most 9 characters",
        "takes names from step 1: text of at most 9 characters",
    ]
    minted = (step("mint", Mint()), step("use", Use(secret=Ref("mint"))))
    assert promised(minted[1], minted) == ["takes secret from step 1: a secret, which nobody sees"]
    looked: Step[Any] = Step("look", Until(check=Reached(database=Ref("a")), within=timedelta(1)))
    assert promised(looked, (*steps, looked)) == ["takes database from step 1: key text"]
    told = Step("told", Task(text="Read it", who="requester", reveals=Ref("mint")))
    assert promised(told, (*minted, told)) == ["takes reveals from step 1: a secret, which nobody sees"]


@pytest.mark.parametrize("value", [{"name": "x" * 64, "oid": 1}, {"name": "", "oid": 1}, {"name": "x", "oid": "one"}])
def test_what_is_said_is_what_the_value_is_checked_against(value: dict[str, Any]) -> None:
    swap = swapped().steps[2].does
    with pytest.raises(ValueError, match="Beside"):
        codec.fill(swap, {"load": Beside.model_validate(value)})
    assert codec.fill(swap, {"load": Beside(name="x" * 63, oid=1)}) != swap
