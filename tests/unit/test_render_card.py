"""The card: what it says in which state, which buttons it carries, and that nobody's words can forge it."""

from dataclasses import replace
from datetime import timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest

from bot import render
from bot.lifecycle import SENTENCES, ended
from bot.model import Choice, Doubt, Heading, Mark, Risk, State, Way
from bot.operation import Answer, Call, Offer, Refusal
from bot.render.blocks import moment
from bot.render.buttons import Verb, unpack
from bot.view import StandingView
from tests.unit.rendered import (
    HOSTILE,
    NAMES,
    NOON,
    approval,
    event,
    ledger,
    long_plan,
    mrkdwn,
    plan,
    question,
    shown,
    view,
)  # fmt: skip

UNFINISHED = [state for state in State if not ended(state)]
DECIDE = {"Approve", "Deny", "Ask back", "Amend"}


def made(state: State, **more: Any) -> render.Message:
    given: dict[str, Any] = {"question": question()} if state is State.IN_DOUBT else {}
    return render.card(view(state, **given | more), NAMES)


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_card_that_slack_takes(state: State) -> None:
    words = shown(made(state)).words
    assert "ops db restore" in words
    assert "shop" in words


@pytest.mark.parametrize("state", UNFINISHED)
def test_every_unfinished_card_says_as_of_when(state: State) -> None:
    assert "as of <!date^1772625720^{time_secs}|12:02:00 UTC>" in shown(made(state)).words


@pytest.mark.parametrize("state", [s for s in State if s is not State.SUCCEEDED])
def test_nothing_is_called_done_before_it_is_done(state: State) -> None:
    message = made(state)
    header = message.blocks[0]["text"]["text"]
    assert not header.startswith("✅")
    assert "Done" not in header
    assert "Done" not in message.text


@pytest.mark.parametrize("state", [s for s in State if s is not State.AWAITING])
def test_only_what_awaits_approval_can_be_decided(state: State) -> None:
    assert not DECIDE & set(shown(made(state)).buttons)
    assert set(shown(made(State.AWAITING)).buttons) >= DECIDE


@pytest.mark.parametrize("state", [s for s in State if ended(s) or s is State.IN_DOUBT])
def test_what_has_ended_or_asks_cannot_be_cancelled(state: State) -> None:
    assert "Cancel" not in shown(made(state)).buttons


def test_a_run_that_goes_back_or_was_told_to_stop_offers_no_cancel() -> None:
    assert "Cancel" in shown(made(State.RUNNING)).buttons
    assert "Cancel" not in shown(made(State.RUNNING, heading=Heading.BACK)).buttons
    assert "Cancel" not in shown(made(State.RUNNING, wish="cancel")).buttons


def test_a_buttons_value_holds_the_row_the_fingerprint_and_the_verb() -> None:
    for label, button in shown(made(State.AWAITING)).buttons.items():
        hint = unpack(button["value"])
        assert hint is not None, label
        assert (hint.run, hint.fingerprint, hint.of) == (142, "ab" * 32, "")


NOT_OURS = ["", "142", "142|x", "x|y|approve|", "142|ab|explode|", "-1|ab|approve|", f"{10**20}|ab|approve|"]


@pytest.mark.parametrize("value", NOT_OURS)
def test_a_value_of_another_make_is_no_button_of_ours(value: str) -> None:
    assert unpack(value) is None


def test_approve_asks_once_more_and_names_the_target() -> None:
    dialog = shown(made(State.AWAITING)).buttons["Approve"]["confirm"]
    assert dialog["title"]["text"] == "Approve for shop?"
    assert "Lost: every write since the backup: now 7 minutes, at most 37 minutes" in dialog["text"]["text"]
    assert "Restore shop from nightly-0412" in dialog["text"]["text"]
    assert dialog["style"] == "danger"


def test_an_approver_sees_losses_arguments_the_way_back_and_the_point_of_no_return() -> None:
    words = shown(made(State.AWAITING)).words
    assert "every write since the backup: now 7 minutes, at most 37 minutes when it starts" in words
    assert "name=shop_r142_new" in words
    assert "aside=shop_old" in words
    assert "point of no return" in words
    assert "The last one is: Swap the databases." in words
    assert "leaves the safety backup" in words


def test_a_card_that_waits_has_what_is_pressed_most_in_one_row_and_the_rest_behind_three_dots() -> None:
    (row,) = [block for block in made(State.AWAITING).blocks if block["type"] == "actions"]
    *buttons, more = row["elements"]
    assert [one["text"]["text"] for one in buttons] == ["Approve", "Deny", "Ask back", "Details"]
    assert more["type"] == "overflow"
    assert [entry["text"]["text"] for entry in more["options"]] == ["Amend", "Tell me when done", "Cancel"]
    verify = Offer(label="Verify b", call=Call(command="ops db verify-backup"), on="awaiting_approval")
    first, second = [b for b in made(State.AWAITING, plan=plan(offers=(verify,))).blocks if b["type"] == "actions"]
    assert len(first["elements"]) == 5
    assert [one["text"]["text"] for one in second["elements"]] == ["Verify b"]
    assert "Verify b" not in shown(made(State.SUCCEEDED, plan=plan(offers=(verify,)))).buttons
    asked = [event(2, "ask_back", State.AWAITING)]
    again = shown(made(State.AWAITING, events=asked)).buttons
    assert set(again) == DECIDE | {"Answer", "Details", "Cancel", "Tell me when done"}


def test_who_has_looked_at_this_very_plan_and_not_decided_is_named() -> None:
    looks = [event(2, "looked", actor=who, body={"plan": plan}) for who, plan in (("ben", "ab" * 32), ("cara", "cd"))]
    assert "Ben Ito has looked at it." in shown(made(State.AWAITING, events=looks)).words
    given = (approval("ben", "Ben Ito"),)
    assert "looked at it" not in shown(made(State.AWAITING, events=looks, approvals=given)).words


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.SUCCEEDED, State.UNDONE, State.FAILED])
def test_what_was_approved_says_by_whom_on_the_card_and_on_the_lock_screen(state: State) -> None:
    both = (approval("ben", "Ben Ito"), approval("cara", "Cara Wu"), approval("dan", "Dan Ek", counts=False))
    message = made(state, approvals=both)
    assert "Approved by Ben Ito and Cara Wu." in shown(message).words
    assert "Approved by Ben Ito and Cara Wu" in message.text
    assert "Approved by" not in shown(made(state)).words + made(state).text


def test_what_was_denied_says_by_whom_and_why_on_the_card_and_on_the_lock_screen() -> None:
    denied = [event(2, "denied", State.DENIED, actor="cara", body={"text": "not before the audit"})]
    message = made(State.DENIED, events=denied, approvals=(approval("ben", "Ben Ito"),))
    assert "Denied by Cara Wu.\nnot before the audit" in shown(message).words
    assert message.text.endswith("Restore shop from nightly-0412. Denied by Cara Wu: not before the audit")
    assert "Approved by" not in shown(message).words + message.text
    assert "None of its 5 steps was started" in shown(message).words
    assert "not reached" not in shown(message).words


def test_what_lapsed_says_that_nobody_answered_and_until_when_it_stood() -> None:
    message = made(State.EXPIRED)
    assert "Nobody answered in time" in shown(message).words
    assert "Stood until <!date^1772627400^" in shown(message).words
    assert message.text.endswith("Nobody answered in time; nothing was done. It stood until 04 Mar 12:30 UTC")
    half = shown(made(State.EXPIRED, approvals=(approval("ben", "Ben Ito"),))).words
    assert "Approved by Ben Ito. Nobody else answered." in half


def test_what_lapsed_after_its_approval_does_not_say_that_nobody_answered() -> None:
    given = (approval("ben", "Ben Ito"), approval("cara", "Cara Wu"))
    message = made(State.EXPIRED, events=[event(2, "approved", State.QUEUED)], approvals=given)
    words = shown(message).words + message.text
    assert "Approved by Ben Ito and Cara Wu. It could not start in time." in words
    assert "Nobody" not in words


def test_what_was_cancelled_or_replaced_says_by_whom() -> None:
    cancelled = [event(2, "cancelled", State.CANCELLED, actor="ana", body={"text": "found it"})]
    assert "Cancelled by Ana Lopes.\nfound it" in shown(made(State.CANCELLED, events=cancelled)).words
    assert made(State.CANCELLED, events=cancelled).text.endswith("nightly-0412. Cancelled by Ana Lopes: found it")
    replaced = [event(2, "superseded", State.SUPERSEDED, actor="ana", body={"by": "r143"})]
    assert "Replaced by r143, as Ana Lopes wished." in shown(made(State.SUPERSEDED, events=replaced)).words


def test_a_plan_that_undoes_nothing_says_that_what_it_opens_is_closed() -> None:
    first, *_ = plan().steps
    opens = replace(first, leaves="", tells="Open")
    closes = replace(opens, name="shut", closes=first.name)
    both = shown(made(State.AWAITING, plan=plan(steps=(opens, closes)))).words
    assert "the run stops there, and what was opened is closed." in both
    other = replace(first, name="other")
    assert "no step can be undone" in shown(made(State.AWAITING, plan=plan(steps=(first, other)))).words


def test_a_plan_of_one_step_says_what_its_failing_means_not_what_comes_before_it() -> None:
    only, load, *_ = plan().steps
    back = load.undo
    for step, said in (
        (only, "If it fails, the run stops there: nothing is undone."),
        (replace(only, leaves="", no_return=True), "If it fails, the run stops there: nothing is undone."),
        (replace(only, leaves="", undo=back), "If it fails, what it did until then is undone."),
    ):
        words = shown(made(State.AWAITING, plan=plan(steps=(step,)))).words
        assert said in words
        assert "point of no return that was passed" not in words


def test_a_loss_that_is_a_lower_bound_says_so() -> None:
    base = plan().loses[0]
    lower = plan(loses=(base.model_copy(update={"at_least": True}),))
    assert "now at least 7 minutes" in shown(made(State.AWAITING, plan=lower)).words


def test_it_says_who_may_approve_how_many_are_missing_and_until_when() -> None:
    words = shown(made(State.AWAITING)).words
    assert "2 approvals needed, from database owners and site reliability." in words
    assert "May approve: Ben Ito or Cara Wu." in words
    assert "If nobody answers by <!date^1772627400^" in words
    one = shown(made(State.AWAITING, approvals=(approval("ben", "Ben Ito"),))).words
    assert "1 more approval needed, from site reliability." in one
    assert "May approve: Cara Wu." in one
    assert "Approved: Ben Ito." in one


def test_an_approval_that_does_not_count_fills_no_slot() -> None:
    words = shown(made(State.AWAITING, approvals=(approval("ben", "Ben Ito", counts=False),))).words
    assert "2 approvals needed" in words
    assert "Approved, being checked: Ben Ito." in words


def test_a_lock_screen_says_who_what_on_what_and_until_when() -> None:
    said = made(State.AWAITING).text
    assert said == "✋ Ana Lopes asked: Restore shop from nightly-0412. It needs 2 approvals, until 04 Mar 12:30 UTC"
    named = made(State.AWAITING, plan=plan(sentence="Restore it")).text
    assert "Restore it (shop)" in named


@pytest.mark.parametrize("state", [State.PLANNING, State.AWAITING, State.RUNNING, State.FAILED])
def test_what_people_type_is_never_markup_and_turns_no_text_around(state: State) -> None:
    message = made(state, reason=HOSTILE, requester_name=HOSTILE, plan=plan(sentence=HOSTILE))
    assert not any(part in text for text in mrkdwn(message.blocks) for part in ("Approved by", "channel", "evil"))
    assert "<!channel>" not in message.text
    assert "*" not in message.text
    assert "\u202e" not in shown(message).words + message.text
    assert "*Approved by Ben* <!channel>" in shown(message).words  # as typed, as plain characters


def test_each_step_says_where_it_stands_and_for_how_long() -> None:
    events = ledger(("safety", Mark.STARTED), ("safety", Mark.DONE), ("load", Mark.STARTED))
    words = shown(made(State.RUNNING, events=events)).words
    assert "done, 1s · leaves the safety backup" in words
    assert "under way, 1m48s · can be undone" in words
    assert "Running: Load it" in words


def test_progress_shows_on_the_step_that_moves() -> None:
    shaped = view(State.RUNNING, ledger(("safety", Mark.STARTED)))
    moving = shaped.steps[0].model_copy(update={"done": 1200.0, "total": 4212.0, "note": "orders"})
    card = render.card(shaped.model_copy(update={"steps": (moving, *shaped.steps[1:])}), NAMES)
    assert "1,200 of 4,212 (28 %), 11/s, about 4m36s left, orders" in shown(card).words


def test_a_step_that_nobody_knows_of_is_neither_done_nor_failed() -> None:
    words = shown(made(State.IN_DOUBT, events=ledger(("swap", Mark.STARTED), ("swap", Mark.UNKNOWN)))).words
    assert "nobody knows yet whether it happened" in words


def test_a_question_stands_first_and_offers_exactly_its_choices_each_with_what_it_means() -> None:
    message = shown(made(State.IN_DOUBT))
    assert set(message.buttons) == {"It happened", "Do it again", "Stop", "Details"}
    assert "If it had happened after all, it happens twice." in message.words
    assert "2 people must give the same answer. Stop takes one." in message.words
    assert message.words.index("2 people must") < message.words.index("What is lost") < message.words.index("Load it")
    hint = unpack(message.buttons["Do it again"]["value"])
    assert hint is not None
    assert (hint.verb, hint.of) == (Verb.DOUBT, "20:again")


def test_what_cannot_happen_twice_does_not_threaten_with_it() -> None:
    for doubt in (Doubt.BLIND, Doubt.CLOSING, Doubt.FAILED, Doubt.LATE, Doubt.CHANGED):
        message = shown(made(State.IN_DOUBT, question=question(doubt)))
        assert "twice" not in str(message.buttons["Do it again"]["confirm"]).replace("no harm twice", "")
        assert "it happens twice" not in message.words
    for doubt in (Doubt.POISON, Doubt.LEDGER, Doubt.VERSION):
        assert "it happens twice" in shown(made(State.IN_DOUBT, question=question(doubt))).words


def test_a_step_that_failed_says_that_nothing_can_be_undone_only_where_that_is_so() -> None:
    failed = question(Doubt.FAILED)
    turns = failed.model_copy(update={"choices": (Choice.AGAIN, Choice.SKIP, Choice.BACK, Choice.STOP)})
    assert "can be undone any more" in shown(made(State.IN_DOUBT, question=failed)).words
    assert "can be undone any more" not in shown(made(State.IN_DOUBT, question=turns)).words


def test_a_waiting_task_can_be_ticked_and_a_finished_one_cannot() -> None:
    waiting = shown(made(State.WAITING, events=ledger(("tick", Mark.STARTED)))).buttons
    (label,) = [label for label in waiting if label.startswith("Done:")]
    hint = unpack(waiting[label]["value"])
    assert hint is not None
    assert (hint.verb, hint.of) == (Verb.TICK, "tick")
    over = shown(made(State.RUNNING, events=ledger(("tick", Mark.STARTED), ("tick", Mark.DONE)))).buttons
    assert not any(label.startswith("Done:") for label in over)


def test_an_offer_stands_at_its_end_for_its_time_and_at_no_other() -> None:
    assert "Swap back" in shown(made(State.SUCCEEDED)).buttons
    assert "Swap back" not in shown(made(State.FAILED)).buttons
    late = view(State.SUCCEEDED)
    assert late.ended_at is not None
    late = late.model_copy(update={"now": late.ended_at + timedelta(days=31)})
    assert "Swap back" not in shown(render.card(late, NAMES)).buttons


def test_a_refusal_is_told_with_what_can_be_done_instead() -> None:
    offer = Offer(label="List backups", call=Call(command="ops db backups", params={"database": "shop"}))
    refusal = Refusal(code="no_backup", sentence="shop has no backup called x.", offers=(offer,))
    message = shown(made(State.REFUSED, refusal=refusal, plan=None))
    assert "shop has no backup called x." in message.words
    assert "Refused: shop has no backup called x." in made(State.REFUSED, refusal=refusal, plan=None).text
    hint = unpack(message.buttons["List backups"]["value"])
    assert hint is not None
    assert hint.of == "refusal.0"


def test_a_rival_can_be_replaced_by_name() -> None:
    hint = unpack(shown(made(State.AWAITING, rivals=("r140",))).buttons["Replace r140"]["value"])
    assert hint is not None
    assert (hint.verb, hint.of, hint.run) == (Verb.REPLACE, "r140", 142)


def test_a_run_that_did_not_go_through_says_what_stays() -> None:
    events = ledger(("safety", Mark.DONE), ("load", Mark.DONE), ("swap", Mark.FAILED))
    undone = [*events, *ledger(("load", Mark.DONE), way=Way.UNDO)]
    words = shown(made(State.UNDONE, events=undone, heading=Heading.BACK)).words
    stays = words[words.index("What stays") :]
    assert stays.splitlines()[1] == "the safety backup"
    assert "Load it" not in stays


def test_a_plan_too_long_for_a_card_becomes_a_file_whose_hash_is_on_the_card() -> None:
    shaped = view(State.AWAITING, plan=long_plan())
    assert not render.fits(shaped)
    message = render.card(shaped, NAMES)
    assert message.file is not None
    assert message.file.text == render.plan_text(shaped)
    assert sha256(message.file.text.encode()).hexdigest() in shown(message).words
    assert "name=" + "part-89" * 8 in message.file.text


def test_the_file_of_a_plan_is_the_same_whatever_the_run_has_done() -> None:
    before, after = view(State.AWAITING, plan=long_plan()), view(State.RUNNING, plan=long_plan())
    assert render.plan_text(before) == render.plan_text(after)


@pytest.mark.parametrize("steps", [1, 10, 25, 40])
def test_a_plan_that_fits_is_on_the_card_whole(steps: int) -> None:
    shaped = view(State.AWAITING, plan=long_plan(steps))
    message = render.card(shaped, NAMES)
    if render.fits(shaped):
        assert all("part-" + str(n) in shown(message).words for n in range(steps))
    else:
        assert message.file is not None


def test_a_look_asks_nobody_and_shows_the_whole_plan() -> None:
    message = shown(made(State.SUCCEEDED, look_only=True))
    assert not DECIDE & set(message.buttons)
    assert "Only a look: nothing was asked of anybody" in message.words
    assert "name=before-r142" in message.words
    assert "every write since the backup" in message.words
    assert "not reached" not in message.words


def test_a_read_that_has_its_answer_shows_the_answer() -> None:
    answer = Answer(headline="shop: 12 of 100 connections used", table=(("App", "Sessions"), ("web", "9")))
    message = made(State.SUCCEEDED, answer=answer, plan=plan(steps=(), loses=()), risk=Risk.READ, reason="")
    assert "shop: 12 of 100 connections used" in message.text
    assert "web         9" in shown(message).words


def test_an_approved_run_that_waits_for_another_says_for_which() -> None:
    both = (approval("ben", "Ben Ito"), approval("cara", "Cara Wu"))
    message = made(State.AWAITING, held_by="r140", approvals=both)
    assert "Approved; waits for r140" in shown(message).words
    assert "Approved, waits for r140" in message.text
    assert "If nobody answers" not in "".join(mrkdwn(message.blocks))


@pytest.mark.parametrize("state", list(State))
def test_the_lock_screen_is_never_empty_and_never_long(state: State) -> None:
    assert 20 < len(made(state).text) <= 300
    assert SENTENCES[state]


def test_a_scheduled_run_says_whose_standing_approval_it_goes_under_or_why_under_none() -> None:
    given = StandingView(run="r12", people=("ana", "ben"), until=NOON.astimezone(timezone(timedelta(hours=9))))
    under = str(render.card(view(State.QUEUED, schedule="prune", standing=given), NAMES).blocks)
    assert "Standing approval r12 of Ana Lopes and Ben" in under
    assert str(moment(NOON, "2026-03-04 12:00 UTC")) in under
    assert "/ops schedule withdraw prune" in under
    without = str(render.card(view(State.AWAITING, schedule="prune", no_standing="its time is over"), NAMES).blocks)
    assert "its time is over" in without
    assert "/ops schedule approve prune" in without
