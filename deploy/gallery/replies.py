"""One reply in a thread for each kind of event, with the run that it belongs to."""

from datetime import timedelta
from typing import Any

from bot import render
from bot.model import Doubt, Event, Heading, Mark, State, Way
from bot.operation import Refusal
from bot.render.message import Message
from deploy.gallery.samples import (
    NAMES,
    NOW,
    approval,
    done,
    event,
    question,
    report,
    restoring,
    run,
    with_task,
)

SWAP: dict[str, Any] = {"step": "swap", "way": Way.DO, "attempt": 1}
REFUSED = Refusal(code="unverified", sentence="shop-20260304T0200-full was never restored and compared.")
LOSSES = "What is lost: 4,212 rows became 9,870, more than the 8,424 that were approved."
CHANGES = (
    "backup: shop-20260303T0200-full → shop-20260304T0200-full",
    "changed: Compare every table: backup=shop-20260303T0200-full → shop-20260304T0200-full",
    "lost now: rows written since: now 4,212 rows, at most 13,636 when it starts (before: now 107 rows, at most 900)",
    'reason: "prices are wrong" → "the import at 09:40 put prices to zero"',
)
CHANGED = (
    event(4, "amended", State.PLANNING, actor="ana"),
    event(6, "proposed", State.AWAITING, body={"before": "0f" * 32, "changes": list(CHANGES)}),
)
TO_ASK = event(2, "refused", State.REFUSED, body={
    "code": "not_in_group", "sentence": "Only engineers may ask for it.", "whom": ["ben"], "more": 2,
    "spared": ["cleo"], "line": '/ops db restore shop reason="the import put prices to zero"',
})  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "differed": {"why": "differs", "changes": [LOSSES, "Step 5 is new: close api."]},
    "denied": {"actor": "ben", "body": {"text": "prices can be mended by hand"}},
    "ask_back": {"actor": "ben", "body": {"text": "are the orders since 02:00 elsewhere?"}},
    "answer_back": {"actor": "ana", "body": {"text": "yes, in the payments export"}},
    "cancelled": {"actor": "ana", "body": {"text": "found the old prices"}},
    "superseded": {"actor": "cleo", "body": {"by": "r143"}},
    "refused": {"body": {"sentence": REFUSED.sentence}},
    "called": {"body": {"whom": "on-call", "after": "600 s"}},
    "called_apart": {"body": {"slack_user": "U0BEN"}},
    "called_in": {"actor": "ana", "body": {"whom": ["ben"], "more": 0, "spared": ["cleo"]}},
    "broke": {"body": {"why": "looking took longer than 10 s"}},
    "step_not_done": {**SWAP, "mark": Mark.NOT_DONE, "body": {"why": "other sessions hold a lock on orders"}},
    "step_failed": {**SWAP, "mark": Mark.FAILED, "body": {"why": "the server's disk is full"}},
    "step_unknown": {**SWAP, "mark": Mark.UNKNOWN, "body": {"why": "the worker that tried it ended"}},
    "step_late": {**SWAP, "mark": Mark.LATE, "body": {"mark": "done"}},
    "resolved": {**SWAP, "body": {"choice": "happened"}},
    "turned": {"body": {"why": "failed", "step": "healthy", "heading": "back"}},
    "waiting": {"body": {"why": "r140 works on the same target"}},
    "answer": {"actor": "ben", "body": {"choice": "happened"}},
    "answered": {"actor": "cleo", "body": {"choice": "happened"}},
    "nudge": {"step": "tell", "way": Way.DO, "attempt": 1, "body": {"whom": "on-call", "how": "thread"}},
}
STATES: dict[str, State] = {
    "proposed": State.AWAITING, "differed": State.AWAITING, "approval": State.AWAITING, "denied": State.DENIED,
    "cancelled": State.CANCELLED, "superseded": State.SUPERSEDED, "amended": State.PLANNING,
    "ask_back": State.AWAITING, "answer_back": State.AWAITING, "expiring": State.AWAITING, "expired": State.EXPIRED,
    "called": State.AWAITING, "called_apart": State.AWAITING, "called_in": State.AWAITING,
    "refused": State.REFUSED, "broke": State.FAILED, "doubt": State.IN_DOUBT, "reminded": State.IN_DOUBT,
    "answer": State.IN_DOUBT, "ended": State.SUCCEEDED, "answered_read": State.SUCCEEDED, "waiting": State.WAITING,
    "nudge": State.WAITING, "recalled": State.WAITING,
}  # fmt: skip
LOADED = done(restoring(), "safety", "load", "verify", last=Mark.FAILED)
ENDED: dict[State, tuple[Event, ...]] = {
    State.SUCCEEDED: done(restoring()),
    State.FAILED: (*LOADED, *done(restoring(), "load", way=Way.UNDO, last=Mark.FAILED)),
    State.UNDONE: (*LOADED, *done(restoring(), "load", way=Way.UNDO)),
    State.CANCELLED: done(restoring(), "safety", last=Mark.FAILED),
}
OF_STEPS = ("step_started", "step_done", "step_not_done", "step_failed", "step_unknown", "step_again", "step_late")


def of(kind: str) -> list[Message]:
    """The replies by which an event of that kind is told; several where it depends on how the run stands."""
    views = [_view(kind, STATES.get(kind, State.RUNNING))]
    if kind == "ended":
        views += [_view(kind, state) for state in (State.FAILED, State.UNDONE, State.CANCELLED)]
    return [message for view in views for message in render.replies(view, view.events[-1:], NAMES)]


def _view(kind: str, state: State) -> Any:
    plan = with_task() if kind in ("nudge", "recalled", "ticked", "revealed", "step_started") else restoring()
    last = event(20, kind, state, **_said(kind))
    before = done(plan, "safety", "load") if state is State.RUNNING else ENDED.get(state, ()) if kind == "ended" else ()
    waits = state is State.AWAITING and kind != "approval"
    more: dict[str, Any] = {"approvals": () if waits else (approval(),), "seq": 20}
    if state is State.IN_DOUBT:
        more |= {"question": question(Doubt.EFFECT).model_copy(update={"seq": 20})}
    if state is State.REFUSED:
        more |= {"refusal": REFUSED}
    if kind in ("ended", "answered_read"):
        more |= {"answer": report() if state is State.SUCCEEDED else None, "moved_at": NOW}
    if kind == "answered_read":
        more |= {"slack_user": None, "requester": None, "plan": None}
    if kind == "ended" and state is not State.SUCCEEDED:
        more |= {"heading": Heading.BACK}
    return run(state, more.pop("plan", plan), (*before, last), **more)


def _said(kind: str) -> dict[str, Any]:
    given = {"actor": "ben"} | BODIES.get(kind, {})
    if "changes" in given:
        given = {"body": given}
    if kind in OF_STEPS and "step" not in given:
        task = kind == "step_started"
        mark = Mark(kind.removeprefix("step_"))
        given |= {**SWAP, "step": "tell" if task else "swap", "mark": mark, "at": NOW + timedelta(seconds=20)}
    if kind in ("ticked", "revealed", "recalled"):
        given |= {"step": "tell", "way": Way.DO, "attempt": 1}
    return given
