"""Thread replies: every event told once, progress alone left out, ends and questions never merged."""

import re
from pathlib import Path
from typing import Any

import pytest

from bot import render
from bot.model import Doubt, Event, Heading, Mark, State, Way
from bot.operation import Answer
from bot.render.blocks import moment
from bot.render.tell import KINDS, QUIET
from bot.view import ApprovalView, FreezeView
from tests.unit.rendered import HOSTILE, NAMES, NOON, approval, event, ledger, mrkdwn, plan, question, shown, view

ALONE = [
    event(1, "denied", State.DENIED, actor="ben", body={"text": "not today"}),
    event(1, "cancelled", State.CANCELLED, actor="ana"),
    event(1, "superseded", State.SUPERSEDED, actor="ben", body={"by": "r143"}),
    event(1, "expired", State.EXPIRED),
    event(1, "refused", State.REFUSED, body={"code": "held", "by": "r140"}),
    event(1, "broke", State.FAILED, body={"why": "the database did not answer"}),
    event(1, "ended", State.SUCCEEDED),
    event(1, "ended", State.FAILED),
    event(1, "ended", State.UNDONE),
    event(1, "doubt", State.IN_DOUBT),
    event(1, "ask_back", State.AWAITING, actor="ben", body={"text": "why now?"}),
    event(1, "step_done", step="swap", way=Way.DO, attempt=1, mark=Mark.DONE),
    event(1, "step_started", step="tick", way=Way.DO, attempt=1, mark=Mark.STARTED),
    event(1, "step_failed", step="load", way=Way.DO, attempt=1, mark=Mark.FAILED, body={"why": "disk full"}),
    event(1, "turned", body={"heading": "back", "why": "failed", "step": "load"}),
    event(1, "differed", State.AWAITING),
    event(1, "nudge", step="tick", body={"whom": "requester", "task": "Tell support"}),
]
STEP: dict[str, Any] = {"step": "load", "way": Way.DO, "attempt": 1}


def at(seq: int, told: Event) -> Event:
    return told.model_copy(update={"seq": seq})


def done(seq: int, step: str = "load") -> Event:
    return event(seq, "step_done", step=step, way=Way.DO, attempt=1, mark=Mark.DONE)


def test_every_kind_that_the_store_writes_is_told_or_knowingly_quiet() -> None:
    folder = Path(__file__).parents[2] / "bot" / "store" / "functions"
    sql = "\n".join(path.read_text() for path in folder.glob("*.sql"))
    told = set(re.findall(r"tell\(\s*[\w.]+,\s*'(\w+)'", sql)) | {f"step_{mark.value}" for mark in Mark}
    told -= {"step_", "step_started", "step_skipped"}  # the first is put together at run time; skipped is *resolved*
    assert told
    assert told <= set(KINDS) | set(QUIET), told - set(KINDS) - set(QUIET)


@pytest.mark.parametrize("lonely", ALONE, ids=lambda e: f"{e.kind}-{e.state.value}")
def test_ends_questions_refusals_and_points_of_no_return_stand_alone(lonely: Event) -> None:
    shaped = view(lonely.state, question=question().model_copy(update={"seq": 2}))
    messages = render.replies(shaped, [done(1), at(2, lonely), done(3)], NAMES)
    assert [(m.from_seq, m.to_seq) for m in messages] == [(1, 1), (2, 2), (3, 3)]
    assert messages[1].kind == lonely.kind
    assert messages[1].urgent


@pytest.mark.parametrize("lonely", ALONE, ids=lambda e: f"{e.kind}-{e.state.value}")
def test_every_reply_is_one_that_slack_takes_and_says_something(lonely: Event) -> None:
    shaped = view(lonely.state, question=question().model_copy(update={"seq": 1}))
    (message,) = render.replies(shaped, [lonely], NAMES)
    assert len(shown(message).words) > 10
    assert message.text.startswith("r142 ops db restore shop: ")


def test_steps_in_a_row_share_a_reply_and_each_is_told() -> None:
    (message,) = render.replies(view(State.RUNNING), [done(5, "safety"), done(6), done(7, "healthy")], NAMES)
    words = shown(message).words
    assert (message.from_seq, message.to_seq, message.kind) == (5, 7, "several")
    assert all(step in words for step in ("Back up what is", "Load it", "Look if it is up"))
    long = render.replies(view(State.RUNNING), [done(seq) for seq in range(5, 30)], NAMES)
    assert [shown(message).words.count("Load it") for message in long] == [10, 10, 5]


def test_progress_is_left_out_and_covered_by_the_next_reply() -> None:
    quiet = [event(5, "woke"), event(6, "step_started", mark=Mark.STARTED, **STEP)]
    assert render.replies(view(State.RUNNING), quiet, NAMES) == []
    (message,) = render.replies(view(State.RUNNING), [*quiet, done(7)], NAMES)
    assert (message.from_seq, message.to_seq) == (5, 7)


def test_an_approval_that_was_the_last_is_told_once() -> None:
    events = [event(5, "approval", State.AWAITING, actor="ben"), event(6, "approved", State.QUEUED)]
    (message,) = render.replies(view(State.QUEUED), events, NAMES)
    assert shown(message).words == "👍 Ben Ito approved.\nThat is all it needed. It starts within 15m, or not at all."


def test_who_is_woken_by_an_answer_stands_behind_all_of_it() -> None:
    answered = view(State.SUCCEEDED, answer=Answer(headline="shop is as it was", lines=("9 tables",)))
    (message,) = render.replies(answered, [event(5, "ended", State.SUCCEEDED)], NAMES)
    assert "user_id" in str(message.blocks[-1])
    assert "9 tables" in str(message.blocks[:-1])


def test_a_point_of_no_return_is_told_once_when_it_is_passed_and_with_no_sign_of_stopping() -> None:
    started = event(5, "step_started", step="swap", way=Way.DO, attempt=1, mark=Mark.STARTED)
    (message,) = render.replies(view(State.RUNNING), [started, done(6, "swap")], NAMES)
    words = shown(message).words
    assert words.count("Swap the databases") == 1
    assert words.startswith("✅ Done")
    assert "The point of no return is passed" in words


def test_replies_cover_the_events_without_gap_or_overlap() -> None:
    events = [at(seq, told) for seq, told in enumerate([*ALONE, done(0), done(0), *ALONE], start=4)]
    messages = render.replies(view(State.RUNNING), events, NAMES)
    covered = [seq for m in messages for seq in range(m.from_seq, m.to_seq + 1)]
    assert covered == [e.seq for e in events]


def test_the_metadata_finds_a_message_again() -> None:
    (message,) = render.replies(view(State.RUNNING), [done(5)], NAMES)
    payload = {"run": 142, "from_seq": 5, "to_seq": 5, "kind": "step_done"}
    assert message.metadata == {"event_type": "tandem_run", "event_payload": payload}


def test_an_expiry_is_never_told_as_a_denial() -> None:
    (message,) = render.replies(view(State.EXPIRED), [event(5, "expired", State.EXPIRED)], NAMES)
    assert "Nobody answered in time" in shown(message).words
    assert "Nobody denied it" in shown(message).words


def test_an_approved_run_that_lapsed_is_not_told_as_unanswered() -> None:
    events = (event(4, "approved", State.QUEUED, body={"by": ["ben", "cara"]}), event(5, "expired", State.EXPIRED))
    (message,) = render.replies(view(State.EXPIRED, events), [events[1]], NAMES)
    assert "Nobody answered" not in shown(message).words
    assert "could not start in time" in shown(message).words


def test_a_run_that_began_too_late_is_told_in_words() -> None:
    events = (
        event(4, "approved", State.QUEUED, body={"by": ["ben", "cara"]}),
        event(5, "expired", State.EXPIRED, body={"why": "start_by"}),  # as the engine writes it
    )
    (message,) = render.replies(view(State.EXPIRED, events), [events[1]], NAMES)
    assert "could not start in time" in shown(message).words
    assert "start_by" not in shown(message).words


@pytest.mark.parametrize(
    ("ended", "words"), [("done", "it did happen"), ("failed", "it failed"), ("", "nobody can say")]
)
def test_a_late_word_says_what_it_was(ended: str, words: str) -> None:
    late = event(9, "step_late", step="load", way=Way.DO, attempt=1, mark=Mark.LATE, body={"ended": ended})
    (message,) = render.replies(view(State.RUNNING), [late], NAMES)
    assert words in shown(message).words


@pytest.mark.parametrize(("attempt", "known"), [(1, True), (2, False)])
def test_after_a_late_word_nobody_reads_that_nobody_knows(attempt: int, known: bool) -> None:
    late = event(9, "step_late", step="load", way=Way.DO, attempt=1, mark=Mark.LATE, body={"ended": "done"})
    open_ = event(10, "step_unknown", step="load", way=Way.DO, attempt=attempt, mark=Mark.UNKNOWN)
    told = render.replies(view(State.RUNNING, (late, open_)), [late, open_], NAMES)
    words = "\n".join(shown(one).words for one in told)
    assert ("The late word alone settles nothing" in words) is known
    assert ("Nobody knows yet" in words) is not known


def test_a_proposal_wakes_those_who_may_approve_and_never_the_asker() -> None:
    (message,) = render.replies(view(State.AWAITING), [event(2, "proposed", State.AWAITING)], NAMES)
    assert woken(message) == ["U0BEN", "U0CARA"]


def test_an_approval_is_counted_as_of_its_own_time() -> None:
    approvals = (approval("ben", "Ben Ito"), approval("cara", "Cara Wu"))
    later = approvals[1].model_copy(update={"at": event(9, "x").at})
    shaped = view(State.AWAITING, approvals=(approvals[0], later))
    first, second = event(5, "approval", actor="ben"), event(9, "approval", actor="cara")
    (message,) = render.replies(shaped, [first, second], NAMES)
    assert "Ben Ito approved (1 of 2)." in shown(message).words
    assert "Cara Wu approved (2 of 2)." in shown(message).words


def test_what_a_person_says_is_quoted_as_plain_characters() -> None:
    denied = event(5, "denied", State.DENIED, actor="ben", body={"text": HOSTILE})
    (message,) = render.replies(view(State.DENIED), [denied], NAMES)
    assert mrkdwn(message.blocks) == []
    assert "*Approved by Ben* <!channel>" in shown(message).words
    assert "\u202e" not in shown(message).words
    assert "<!channel>" not in message.text


@pytest.mark.parametrize("doubt", list(Doubt))
def test_every_doubt_says_what_happened_and_what_to_answer(doubt: Doubt) -> None:
    asked = question(doubt).model_copy(update={"seq": 5, "sentence": "the connection was reset"})
    (message,) = render.replies(view(State.IN_DOUBT, question=asked), [event(5, "doubt", State.IN_DOUBT)], NAMES)
    words = shown(message).words
    assert "the connection was reset" in words
    assert "It happened, Do it again or Stop" in words


def test_a_difference_says_what_is_different() -> None:
    before = view(State.AWAITING).plan
    assert before is not None
    grown = before.loses[0].model_copy(update={"now": 50, "at_most": 80})
    now = before.model_copy(update={"steps": before.steps[:-1], "loses": (grown,)})
    points = render.differences(before, now)
    assert points[0] == "no longer a step: tick"
    assert "lost now: every write since the backup: now 50 minutes" in points[1]
    differed = event(5, "differed", State.AWAITING, body={"changes": points})
    (message,) = render.replies(view(State.AWAITING), [differed], NAMES)
    assert "no longer a step: tick" in shown(message).words


def test_the_end_brings_the_answer_once() -> None:
    answer = Answer(headline="shop is back, 37 minutes are lost", lines=("4,212 rows",))
    shaped = view(State.SUCCEEDED, answer=answer)
    (message,) = render.replies(shaped, [event(9, "ended", State.SUCCEEDED)], NAMES)
    words = shown(message).words
    assert words.count("shop is back, 37 minutes are lost") == 1
    assert "4,212 rows" in words
    assert woken(message) == ["U0ANA"]


def test_going_back_says_why_and_how_far() -> None:
    load, swap = (next(step for step in plan().steps if step.name == name) for name in ("load", "swap"))
    turned = event(15, "turned", body={"heading": Heading.BACK.value, "why": "failed", "step": "load"})
    barred, events = plan(steps=(swap, load)), ledger(("swap", Mark.DONE), ("load", Mark.DONE))
    (message,) = render.replies(view(State.RUNNING, events, plan=barred, heading=Heading.BACK), [turned], NAMES)
    assert "A step failed (Load it)." in shown(message).words
    assert "down to the last point of no return" in shown(message).words


def woken(message: render.Message) -> list[str]:
    found: list[str] = []

    def gather(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "user":
                found.append(str(node["user_id"]))
            for part in node.values():
                gather(part)
        elif isinstance(node, (list, tuple)):
            for part in node:
                gather(part)

    gather(message.blocks)
    return found


@pytest.mark.parametrize(("asker", "loud", "says"), [(None, True, True), (None, False, False), ("U0ANA", True, False)])
def test_a_loud_answer_that_nobody_waits_for_calls_whoever_is_on_call(
    asker: str | None, loud: bool, says: bool
) -> None:
    answer = Answer(headline="Two databases are late", loud=loud)
    read = view(State.SUCCEEDED, slack_user=asker, answer=answer)
    said = render.replies(read, [event(1, "answered_read", State.SUCCEEDED)], NAMES)
    assert ["Two databases are late" in message.text for message in said] == [True] * says


def test_the_end_of_what_nobody_asked_for_calls_who_is_on_call_also_where_somebody_follows_it() -> None:
    follows = event(5, "followed", body={"slack_user": "U0CARA"})
    names = NAMES.model_copy(update={"groups": {**NAMES.groups, "on-call": NAMES.groups["dba"]}})
    ended = event(20, "ended", State.FAILED)
    nobodys = view(State.FAILED, (follows, ended), slack_user=None, requester=None)
    (told,) = render.replies(nobodys, [ended], names)
    assert "U0BEN" in str(told.blocks)
    assert "U0CARA" in str(told.blocks)


@pytest.mark.parametrize("state", [State.FAILED, State.UNDONE])
def test_a_schedules_run_that_ends_badly_pages_and_a_persons_tells_that_person(state: State) -> None:
    names = NAMES.model_copy(update={"groups": {"on-call": render.Group(title="on call", mentions=("U0CARA",))}})
    end = event(1, "ended", state)
    for asker, called in ((None, "U0CARA"), ("U0ANA", "U0ANA")):
        (message,) = render.replies(view(state, slack_user=asker), [end], names)
        assert woken(message) == [called]


def test_a_nudge_by_direct_message_is_one_and_any_other_only_mentions() -> None:
    waits = view(State.WAITING)
    asker, pages = waits.slack_user or "", []
    for how in ("thread", "dm"):
        nudge = event(1, "nudge", step="tick", body={"whom": "requester", "task": "Tell support", "how": how})
        said = render.replies(waits, [nudge], NAMES)[0]
        assert asker in str(said.blocks)
        pages.append(said.pages)
    assert pages == [(), (asker,)]


def test_who_is_called_besides_is_told_why_and_whether_they_may_decide() -> None:
    waits = view(State.AWAITING)
    names = NAMES.model_copy(
        update={
            "groups": {
                **NAMES.groups,
                "lead": render.Group(title="leads", members=("dora", "eva"), mentions=("U0DORA",)),
            }
        }
    )
    told = {}
    for whom in ("sre", "lead"):
        asked = event(600, "called", State.AWAITING, body={"whom": whom, "after": "600 s"})
        (message,) = render.replies(waits, [asked], names)
        told[whom] = shown(message).words
    assert "Nobody has decided for 10m: site reliability are called again." in told["sre"], (
        "they were when it was asked"
    )
    assert "because you may decide" in told["sre"]
    assert "to find somebody who may decide: Ben Ito or Cara Wu." in told["lead"]


BOTH = (approval("ben", "Ben Ito"), approval("cara", "Cara Wu"))


@pytest.mark.parametrize(
    ("body", "lacks"),
    [({}, "Somebody else must say the same."), ({"stale": True}, "It counts once Slack has confirmed who said so.")],
)
def test_an_answer_that_does_not_count_yet_says_what_is_lacking(body: dict[str, Any], lacks: str) -> None:
    answer = event(5, "answer", State.IN_DOUBT, actor="ben", body={"choice": "again", **body})
    (message,) = render.replies(view(State.IN_DOUBT, question=question()), [answer], NAMES)
    assert shown(message).words.endswith(f"Ben Ito answered: Do it again. {lacks}"), shown(message).words


def test_an_approved_request_that_another_holds_is_never_told_as_unanswered() -> None:
    waits = view(State.AWAITING, held_by="r140", approvals=BOTH)
    call = event(700, "called", State.AWAITING, body={"whom": "sre"})
    assert render.replies(waits, [call], NAMES) == []
    assert render.called_to_decide(waits, NAMES, call) == ()
    (message,) = render.replies(waits, [event(5, "expiring", State.AWAITING)], NAMES)
    assert "It is approved, but r140 still holds its target." in shown(message).words
    assert "Answer on" not in shown(message).words
    lapsed = event(6, "expired", State.EXPIRED, body={"held_by": "r140"})
    over = view(State.EXPIRED, [lapsed], approvals=BOTH)
    (message,) = render.replies(over, [lapsed], NAMES)
    assert "r140 held its target until its time was over" in message.text
    told = shown(render.card(over, NAMES)).words
    assert "Approved by Ben Ito and Cara Wu. r140 held its target until its time was over." in told
    assert "Nobody" not in told


def test_an_approved_request_that_a_freeze_keeps_waiting_says_so_in_card_and_thread() -> None:
    freeze = FreezeView(name="freeze-r7", until=NOON)
    keeps = "It cannot start before freeze-r7 ends (\n) or is ended."
    ends = str(moment(NOON, "2026-03-04 12:00 UTC"))
    waits = view(State.AWAITING, freeze=freeze, held_by="r140", approvals=BOTH)
    given = event(5, "approval", State.AWAITING, actor="ben", body={"frozen": freeze.model_dump(mode="json")})
    (message,) = render.replies(waits, [given], NAMES)
    assert shown(message).words.endswith(keeps)
    assert ends in str(message.blocks)
    card = render.card(waits, NAMES)
    assert "Approved; waits for freeze-r7" in shown(card).words
    assert "Approved, waits for freeze-r7" in card.text
    assert "If freeze-r7 has not ended by" in "".join(mrkdwn(card.blocks))
    still = render.card(view(State.AWAITING, freeze=freeze), NAMES)
    assert keeps in shown(still).words, "whoever is still to approve"
    assert ends in str(still.blocks)
    (message,) = render.replies(waits, [event(5, "expiring", State.AWAITING)], NAMES)
    assert "approved, but freeze-r7 still keeps it from starting. If that" in shown(message).words
    lapsed = event(6, "expired", State.EXPIRED, body={"frozen": freeze.model_dump(mode="json")})
    over = view(State.EXPIRED, [lapsed], approvals=BOTH)
    (message,) = render.replies(over, [lapsed], NAMES)
    assert "It was approved, but freeze-r7 lasted until its time was over." in message.text
    told = shown(render.card(over, NAMES)).words
    assert "Approved by Ben Ito and Cara Wu. freeze-r7 lasted until its time was over." in told


def test_who_approved_of_two_is_said_where_nobody_else_answers() -> None:
    one = view(State.AWAITING, approvals=BOTH[:1])
    (message,) = render.replies(one, [event(600, "called", State.AWAITING, body={"whom": "sre"})], NAMES)
    assert "1 of 2 has approved, and nobody else for 10m: site reliability" in shown(message).words
    lapsed = event(6, "expired", State.EXPIRED)
    (message,) = render.replies(view(State.EXPIRED, [lapsed], approvals=BOTH[:1]), [lapsed], NAMES)
    assert "Approved by Ben Ito. Nobody else answered in time" in shown(message).words


@pytest.mark.parametrize("given", [(), (approval("ben", "Ben Ito"),)], ids=["nobody", "one of two"])
def test_a_request_that_lacks_approvals_is_not_called_approved_while_another_holds_its_target(
    given: tuple[ApprovalView, ...],
) -> None:
    waits = view(State.AWAITING, held_by="r140", approvals=given)
    message = render.card(waits, NAMES)
    told = f"{shown(message).words} {message.text} {render.details(waits, NAMES)}"
    assert "waits for r140" not in told
    assert "Waiting for approval" in shown(message).words
    assert "If nobody answers" in "".join(mrkdwn(message.blocks))


@pytest.mark.parametrize("kind", ["proposed", "differed", "called", "expiring"])
def test_the_text_that_wakes_an_approver_says_what_on_what_for_whom_until_when(kind: str) -> None:
    lengthy = view(State.AWAITING, plan=None, requester_name="Ana Lopes " * 7)
    for waits in (view(State.AWAITING), lengthy):
        (message,) = render.replies(waits, [event(600, kind, State.AWAITING, body={"whom": "sre"})], NAMES)
        assert message.text.startswith("r142 ops db restore shop: ")
        assert "Asked by Ana Lopes" in message.text
        assert message.text.endswith("stands until 04 Mar 12:30 UTC.")
        assert len(message.text) <= 300
