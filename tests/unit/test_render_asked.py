"""What an approver reads of a plan: what is asked, what is lost and who decides before the buttons, each step below."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from bot import render
from bot.effect import Effect, Late, Ref, Survival
from bot.model import Doubt, State
from bot.operation import Database
from bot.render import words
from tests.unit.rendered import NAMES, NOON, question, shown, view


class Kept(Effect[None]):
    survives = Survival.IDEMPOTENT
    database: Database
    lasting: timedelta
    name: str
    mark: datetime | None
    kind: str = "full"
    expect: datetime | None = None
    values: tuple[tuple[str, str], ...] = ()
    services: tuple[str, ...] = ()
    internal: ClassVar[frozenset[str]] = frozenset({"oid"})
    oid: int = 0
    made: Late[str] = ""


def test_while_a_request_waits_its_buttons_stand_above_its_steps() -> None:
    blocks = render.card(view(State.AWAITING), NAMES).blocks
    at = [n for n, block in enumerate(blocks) if block["type"] == "actions"]
    before, after = (shown(render.Message(text="-", kind="card", blocks=part)).words
                     for part in (blocks[: at[0]], blocks[at[-1] + 1 :]))  # fmt: skip
    for part in (
        "Restore shop from",
        "What is lost",
        "Asked by Ana",
        "May approve",
        "If a step fails",
        "If nobody answers by",
    ):
        assert part in before
    assert "Steps" not in before
    assert after.startswith("Steps\nBack up what is")
    assert "Tell support" in after


def test_a_question_has_its_answers_above_what_was_done_so_far() -> None:
    doubted = view(State.IN_DOUBT, question=question(Doubt.EFFECT))
    blocks = render.card(doubted, NAMES).blocks
    (at,) = [n for n, block in enumerate(blocks) if block["type"] == "actions"]
    before, after = (shown(render.Message(text="-", kind="card", blocks=part)).words
                     for part in (blocks[:at], blocks[at + 1 :]))  # fmt: skip
    assert "It happened" in before
    assert "If nobody answers" in before
    assert after.startswith("What is lost")
    assert "Steps\n" in after


def test_a_run_that_is_under_way_and_a_look_keep_their_buttons_below() -> None:
    for shaped in (view(State.RUNNING), view(State.SUCCEEDED, look_only=True), view(State.FAILED)):
        assert render.card(shaped, NAMES).blocks[-1]["type"] == "actions"


def test_what_only_machines_read_is_whole_in_details_and_not_on_the_card() -> None:
    asked = view(State.AWAITING)
    card, detailed = shown(render.card(asked, NAMES)).words, str(render.details(asked, NAMES))
    for jargon in ("Swap database=shop fresh=(result of safety) aside=shop_old oid=16393", "Take database=shop"):
        assert jargon in detailed
        assert jargon in render.plan_text(asked)
    assert not any(jargon in card for jargon in ("16393", "(safety)", "fresh", "Take", "Swap aside"))


def test_the_card_leaves_out_of_an_act_only_what_its_own_line_or_a_default_gives_or_machines_alone_read() -> None:
    shop, week = Database(key="shop"), timedelta(days=7)
    line: dict[str, Any] = {"database": "shop", "lasting": "P7D", "kind": "none"}

    def said(**more: Any) -> str:
        return words.briefly(Kept(**{"database": shop, "lasting": week, "name": "b-1", "mark": None} | more), line)

    assert words.command("ops x", line) == "/ops x database=shop lasting=7d kind=none"
    assert said() == "name=b-1 kind=full"  # the line says another kind: here a default is not left out
    assert said(kind="none") == "name=b-1"
    assert said(expect=NOON) == "name=b-1 kind=full expect=2026-03-04T12:00:00Z"
    assert said(mark=NOON) == "name=b-1 mark=2026-03-04T12:00:00Z kind=full"
    assert said(database=Database(key="web")) == "database=web name=b-1 kind=full"
    assert said(lasting=timedelta(days=7, seconds=1)) == "lasting=7d1s name=b-1 kind=full"
    assert said(oid=16393, made=Ref(step="load")) == "name=b-1 kind=full"
    assert said(name="b-2") == "name=b-2 kind=full"
    assert said(values=(("reason", "it broke"),)) == 'name=b-1 kind=full reason="it broke"'
    line["reason"] = "it broke"
    assert said(values=(("reason", "it broke"), ("lasting", "for good"))) == 'name=b-1 kind=full lasting="for good"'
    assert said(values=(("a", "b,c"),)) != said(values=(("a", "b"), ("c", "")))
    assert said(services=("a,b",)) != said(services=("a", "b"))


def test_what_the_clock_asks_for_names_its_schedule() -> None:
    nobodys: dict[str, Any] = {"requester": None, "requester_name": "", "slack_user": None, "via": "schedule"}
    message = render.card(view(State.AWAITING, schedule="nightly-drill", **nobodys), NAMES)
    assert "Asked by the schedule nightly-drill · r142" in shown(message).words
    assert message.text.startswith("✋ The schedule nightly-drill asked: ")
