"""What a run that did not go through says of the world: it never claims more, and it contradicts itself nowhere."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot import render
from bot.model import Event, Heading, Mark, Risk, State, Way
from bot.operation import Answer, Call, Database, IfFails, Step, Task
from bot.render.buttons import RETRY, row
from bot.view import RunView, Standing
from tests.unit.rendered import NAMES, Take, event, ledger, plan, shown, view

AS_IT_WAS = "shop is as it was and goes on as before"
APART = f"Apart from what stays, {AS_IT_WAS}"
SAFETY, LOAD = ("safety", Mark.DONE), ("load", Mark.DONE)
SHOP = Database(key="shop")
CLOSED = plan(steps=(
    Step("shut", Take(database=SHOP, name="shut"), tells="Close shop"),
    Step("load", Take(database=SHOP, name="new"), undo=Take(database=SHOP, name="drop"), tells="Load it"),
    Step("open", Take(database=SHOP, name="open"), closes="shut", tells="Open shop"),
))  # fmt: skip


def begun(*steps: str) -> list[Event]:
    return ledger(*((step, Mark.STARTED) for step in steps))


def ending(state: State, events: Sequence[Event], **more: Any) -> RunView:
    return view(state, events=events, heading=more.pop("heading", Heading.BACK), **more)


def thread(shaped: RunView, why: str = "failed") -> str:
    (message,) = render.replies(shaped, [event(90, "ended", shaped.state, body={"why": why})], NAMES)
    return shown(message).words


def turn(shaped: RunView, heading: Heading = Heading.BACK) -> str:
    turned = event(80, "turned", body={"heading": heading.value, "why": "failed", "step": "load"})
    (message,) = render.replies(shaped, [turned], NAMES)
    return shown(message).words


def test_where_the_first_step_failed_nothing_was_changed_and_card_and_thread_say_so() -> None:
    events = [*begun("safety"), *ledger(("safety", Mark.NOT_DONE))]
    shaped = ending(State.FAILED, events)
    assert "Nothing had been changed, so nothing is undone." in turn(shaped)
    assert f"Failed; nothing was changed. {AS_IT_WAS}." in thread(shaped)
    card = render.card(shaped, NAMES)
    assert f"{AS_IT_WAS}." in shown(card).words
    assert f"Failed; nothing was changed. {AS_IT_WAS}" in card.text
    assert "What stays" not in shown(card).words


def test_where_only_what_a_step_leaves_is_there_nothing_is_called_undone() -> None:
    events = [*begun("safety"), *ledger(SAFETY), *begun("load"), *ledger(("load", Mark.FAILED))]
    shaped = ending(State.UNDONE, events)
    assert "There is nothing to undo." in turn(shaped)
    words = thread(shaped)
    assert f"Did not go through. {APART}." in words
    assert "Stays: the safety backup" in words
    assert "type it again" in words
    assert "undone" not in shown(render.card(shaped, NAMES)).words.split("Steps")[0]


def test_where_a_step_was_undone_that_is_said_beside_what_stays() -> None:
    events = [*begun("safety", "load"), *ledger(SAFETY, LOAD)]
    undone = [*events, *ledger(("load", Mark.DONE), way=Way.UNDO)]
    assert "What was done is now undone in reverse." in turn(ending(State.RUNNING, events))
    assert f"Did not go through; what could be undone was undone. {APART}." in thread(ending(State.UNDONE, undone))


def test_what_was_closed_counts_as_it_was_and_what_is_still_open_does_not() -> None:
    events = [*begun("shut", "load"), *ledger(("shut", Mark.DONE), ("load", Mark.FAILED))]
    assert "What was opened is closed." in turn(ending(State.RUNNING, events, plan=CLOSED))
    shut = ending(State.UNDONE, [*events, *ledger(("open", Mark.DONE), way=Way.CLOSE)], plan=CLOSED)
    assert f"Did not go through; what had been done was undone. {AS_IT_WAS}." in thread(shut)
    still_open = ending(State.FAILED, [*events, *ledger(("open", Mark.SKIPPED), way=Way.CLOSE)], plan=CLOSED)
    assert AS_IT_WAS not in thread(still_open)
    assert "Stays: Close shop (done, still open)" in thread(still_open)


def test_a_run_that_was_stopped_undoes_nothing_and_says_so() -> None:
    events = [*begun("safety", "load"), *ledger(SAFETY, LOAD)]
    assert "Nothing is undone." in turn(ending(State.RUNNING, events), Heading.STOP)
    shaped = ending(State.FAILED, events, heading=Heading.STOP)
    words = thread(shaped, "stopped")
    assert AS_IT_WAS not in words
    assert "Stays: Load it (done)" in words
    assert "Look at what stays" in words


def partly(step: str) -> list[Event]:
    return [event(30, "step_failed", step=step, way=Way.DO, attempt=1, mark=Mark.FAILED, body={"partly": True})]


@pytest.mark.parametrize(
    "more",
    [
        ledger(LOAD, ("swap", Mark.UNKNOWN)),
        ledger(LOAD, ("swap", Mark.DONE)),
        [*ledger(LOAD), *ledger(("load", Mark.FAILED), way=Way.UNDO)],
        [*ledger(LOAD), *ledger(("load", Mark.SKIPPED), way=Way.UNDO)],
        partly("load"),
        ledger(("tick", Mark.DONE)),
    ],
    ids=["unknown", "passed", "not-undone", "undo-given-up", "partly", "by-people"],
)
def test_where_something_may_be_other_than_it_was_nobody_says_that_all_is(more: list[Event]) -> None:
    shaped = ending(State.FAILED, [*begun("safety"), *ledger(SAFETY), *more])
    assert AS_IT_WAS not in thread(shaped)
    assert AS_IT_WAS not in shown(render.card(shaped, NAMES)).words + render.card(shaped, NAMES).text


def test_a_step_of_which_a_part_may_have_happened_is_among_what_stays() -> None:
    shaped = ending(State.FAILED, [*begun("load"), *partly("load")])
    assert "Stays: Load it (failed, and a part of it may have happened)" in thread(shaped)


def test_another_run_that_was_called_may_have_changed_something() -> None:
    calls = plan(steps=(Step("call", Call(command="ops db backup", params={"database": "shop"})),))
    shaped = ending(State.FAILED, [*begun("call"), *ledger(("call", Mark.DONE))], plan=calls)
    assert "as it was" not in thread(shaped)


def test_without_a_target_it_is_everything_that_is_as_it_was() -> None:
    asks = plan(steps=(Step("tick", Task(text="Tell support", who="requester")),))
    shaped = ending(State.CANCELLED, [*begun("tick"), *ledger(("tick", Mark.FAILED))], plan=asks)
    assert "Cancelled; nothing was changed. Everything is as it was and goes on as before." in thread(shaped)


@pytest.mark.parametrize(
    "state", [State.FAILED, State.UNDONE, State.CANCELLED, State.DENIED, State.EXPIRED, State.SUPERSEDED, State.REFUSED]
)
def test_what_did_not_come_about_stands_as_what_it_was_to_do(state: State) -> None:
    card = render.card(view(state, plan=plan("Restore shop; the old database stays as shop_r142_old")), NAMES)
    assert "Was to: Restore shop; the old database stays" in shown(card).words
    assert "Was to: Restore shop; the old database stays" in card.text
    assert "Was to" not in shown(render.card(view(State.SUCCEEDED), NAMES)).words


def test_where_no_plan_could_be_made_the_card_the_lock_screen_and_the_thread_say_why() -> None:
    events = [event(2, "broke", State.FAILED, body={"why": "the vault cannot be reached."})]
    shaped = view(State.FAILED, events, plan=None)
    said = "No plan could be made: the vault cannot be reached. Nothing was done."
    card = render.card(shaped, NAMES)
    assert said in shown(card).words
    assert card.text.endswith(said)
    (message,) = render.replies(shaped, events, NAMES)
    assert said in shown(message).words
    assert "No plan" not in shown(render.card(view(State.CANCELLED, events), NAMES)).words


def test_a_run_that_went_on_without_a_step_is_never_told_as_done_without_a_word_of_it() -> None:
    events = [*begun("load"), *ledger(("load", Mark.FAILED))]
    shaped = view(State.SUCCEEDED, events, answer=Answer(headline="the user is banned"), slack_user=None)
    assert [step.name for step in shaped.steps if step.standing is Standing.FAILED] == ["load"]
    failed = next(step.text for step in shaped.steps if step.name == "load")
    card = render.card(shaped, NAMES)
    assert shown(card).words.startswith("⚠️ Done, but 1 step failed")
    assert card.text.startswith("⚠️")
    assert f"the user is banned. Failed: {failed}" in card.text
    names = NAMES.model_copy(update={"groups": {"on-call": render.Group(title="on call", mentions=("U0CARA",))}})
    (told,) = render.replies(shaped, [event(90, "ended", State.SUCCEEDED)], names)
    assert f"Failed on the way, gone on without: {failed}" in shown(told).words
    assert "see to it that it is done" in shown(told).words
    assert "U0CARA" in str(told.blocks)


def test_what_failed_on_the_way_is_offered_once_more_until_it_is_tried_or_a_month_has_gone() -> None:
    mail = Step("mail", Take(database=SHOP, name="mail"), leaves="x", if_fails=IfFails.GO_ON, tells="Mail them")
    events = [*begun("mail"), *ledger(("mail", Mark.FAILED))]
    waits = shown(render.card(view(State.AWAITING, plan=plan(steps=(mail,))), NAMES)).words
    assert "If it fails, the run stops" not in waits
    shaped = view(State.SUCCEEDED, events, plan=plan(steps=(mail,)), answer=Answer(headline="banned"))
    assert buttons(shaped)[0] == RETRY
    (told,) = render.replies(shaped, [event(90, "ended", State.SUCCEEDED)], NAMES)
    assert f"Press {RETRY} on the card" in shown(told).words
    tried = shaped.model_copy(update={"retried_by": "r150"})
    assert RETRY not in buttons(tried)
    assert "What failed is tried again as r150" in shown(render.card(tried, NAMES)).words
    assert RETRY not in buttons(shaped.model_copy(update={"now": shaped.now + timedelta(days=31)}))
    assert RETRY not in buttons(shaped.model_copy(update={"state": State.FAILED}))


def test_another_try_says_of_what_and_takes_no_other_words() -> None:
    waits = view(State.AWAITING, retries="r140", slots=("dba",))
    words = shown(render.card(waits, NAMES)).words
    assert "What failed in r140 is tried again; nothing else of it is done." in words
    assert "/ops db restore" not in words, "that line would do all of it"
    assert "Amend" not in str(render.card(waits, NAMES).blocks)
    assert "Ask again" not in buttons(view(State.SUCCEEDED, retries="r140"))


def buttons(shaped: RunView) -> list[str]:
    return [one["text"]["text"] for block in row(shaped) for one in block["elements"] if "text" in one]


TOKEN, MASK = "p-" + "0a" * 16, "J…@customers.example"


def again(shaped: RunView, kind: str = "expired") -> str:
    (message,) = render.replies(shaped, [event(9, kind, shaped.state)], NAMES)
    return shown(message).words.strip()


def test_what_is_typed_again_is_what_was_asked_not_what_it_came_to() -> None:
    given = {"database": "shop", "backup": "latest"}
    words = again(view(State.EXPIRED, params=given | {"backup": "nightly-0412"}, given=given))
    assert words.endswith('type it again: /ops db restore database=shop backup=latest reason="..."')
    read = again(view(State.FAILED, given={"database": "shop"}, risk=Risk.READ, plan=None), "broke")
    assert read.endswith("/ops db restore database=shop")


def test_a_personal_value_is_typed_again_as_its_mask_and_never_as_its_token() -> None:
    given = {"database": "shop", "user": TOKEN}
    assert f"user={MASK}" in again(view(State.EXPIRED, given=given, masks={TOKEN: MASK}))
    erased = again(view(State.EXPIRED, given=given))
    assert "user=•••" in erased
    assert TOKEN not in erased


def test_where_the_plan_cannot_be_read_here_nothing_is_said_of_what_was_changed() -> None:
    """As by a replica without the effect's code, which knows the plan's sentence alone."""
    bare = plan(steps=())
    events = [*begun("load"), *ledger(LOAD)]
    shaped = ending(State.FAILED, events, plan=bare)
    assert thread(shaped).startswith("❌ Failed.")
    assert "as it was" not in thread(shaped) + render.card(shaped, NAMES).text
    assert "Nothing" not in turn(ending(State.RUNNING, events, plan=bare))
    assert "Nothing is undone; what was opened is closed." in turn(shaped, Heading.STOP)


def test_a_point_of_no_return_that_was_only_closed_on_the_way_back_is_called_none() -> None:
    held = plan(steps=(
        Step("on", Take(database=SHOP, name="on"), tells="Maintenance on"),
        Step("off", Take(database=SHOP, name="off"), closes="on", no_return=True, tells="Maintenance off"),
    ))  # fmt: skip
    events = [*begun("on"), *ledger(("on", Mark.DONE))]
    closed = ending(State.UNDONE, [*events, *ledger(("off", Mark.DONE), way=Way.CLOSE)], plan=held)
    assert "point of no return" not in shown(render.card(closed, NAMES)).words
    passed = ending(State.FAILED, [*events, *ledger(("off", Mark.DONE))], plan=held)
    assert "point of no return" in shown(render.card(passed, NAMES)).words


@pytest.mark.parametrize(("why", "words"), [("parent", "r140 needs it no longer"), ("ledger", "database lost time")])
def test_what_nobody_cancelled_says_why_it_does_not_go_on(why: str, words: str) -> None:
    ended = event(2, "cancelled", State.CANCELLED, body={"why": why})
    card = render.card(view(State.CANCELLED, [ended], parent="r140"))
    (reply,) = render.replies(view(State.CANCELLED, [ended], parent="r140"), [ended])
    for message in (card, reply):
        assert words in shown(message).words
        assert "schedule" not in shown(message).words


def test_a_wish_that_came_with_its_parents_is_nobodys() -> None:
    wish = event(2, "cancel_wished", State.RUNNING, body={"why": "parent"})
    (reply,) = render.replies(view(State.RUNNING, [wish], parent="r140"), [wish])
    assert "needed no longer by r140" in shown(reply).words


def test_whatever_stands_in_place_of_a_runs_name_ends_no_card() -> None:
    replaced = event(5, "superseded", State.SUPERSEDED, actor="cleo", body={"by": "r{143"})
    assert "Replaced by r{143, as cleo wished" in shown(render.card(view(State.SUPERSEDED, [replaced]), NAMES)).words
