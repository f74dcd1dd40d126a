"""What each kind of event says in the thread: what happened, why, what to do next. None: the card alone shows it."""

from collections.abc import Callable

from bot.durations import about_duration
from bot.lifecycle import SENTENCES
from bot.model import Choice, Event, Heading, Record, State, Way
from bot.operation import Task
from bot.render import approvals, doubt, wakes, words
from bot.render.buttons import CHOICES
from bot.render.decision import was_approved
from bot.render.escape import one_line
from bot.render.message import Names
from bot.render.steps import duration, left
from bot.view import RunView


class Told(Record):
    """One event in words. `quote` is what a person typed; `wakes` are Slack ids to notify."""

    said: str
    quote: str = ""
    then: str = ""  # what to do next
    points: tuple[str, ...] = ()
    wakes: tuple[str, ...] = ()
    alone: bool = False  # an end, a question, a refusal, a point of no return: a reply of its own
    until: bool = False  # with the date at which the request lapses
    answer: bool = False  # with the run's answer
    icon: str = ""


CARD = "the card at the top of this thread"


def told(view: RunView, names: Names, event: Event) -> Told | None:
    """What to say of an event; None where it is mere progress, or a kind that this version does not know."""
    say = KINDS.get(event.kind)
    return say(view, names, event) if say else None


def _word(event: Event, *keys: str) -> str:
    """The first text under one of these keys of the event's body."""
    found = (event.body.get(key) for key in keys)
    return next((one_line(given, 1500) for given in found if isinstance(given, str) and given), "")


def _because(event: Event) -> str:
    why = _word(event, "why", "sentence")
    return f": {why}" if why else ""


def _step(view: RunView, event: Event) -> str:
    return next((one_line(s.text, 200) for s in view.steps if s.name == event.step), event.step or "the step")


def _again(view: RunView) -> str:
    given = {name: value for name, value in view.params.items() if name != "reason"}
    return f"If it is still needed, type it again: {words.command(view.command, given)}"


def _proposed(view: RunView, names: Names, event: Event) -> Told | None:
    if view.look_only or not view.slots:
        return None
    if view.state is not State.AWAITING:
        return Told(said=f"Approval was asked for ({words.count(len(view.slots), 'person', 'people')}).")
    then = f"Press Approve, Deny or Ask back on {CARD}. If nobody answers in time, nothing is done."
    return Told(
        said=" ".join(approvals.lines(view, names)), then=then, wakes=tuple(approvals.mentions(view, names)),
        alone=True, until=True, icon="✋",
    )  # fmt: skip


def _differed(view: RunView, names: Names, event: Event) -> Told:
    if event.body.get("why") == "unapproved":
        said = "Nothing was started: an approval does not count any more, because of who gave it or when."
        then = f"The plan is the same. Approve it again on {CARD}."
    else:
        said = "Nothing was started: what is there now is not what was approved. Earlier approvals do not count."
        then = f"{CARD[0].upper()}{CARD[1:]} shows the new plan. Approve or deny that one."
    points = tuple(one_line(str(point), 500) for point in event.body.get("changes", ()))
    called = (*approvals.mentions(view, names), *wakes.asker(view)) if view.state is State.AWAITING else ()
    return Told(said=said, then=then, points=points, wakes=called, alone=True, until=True, icon="✋")


def _approval(view: RunView, names: Names, event: Event) -> Told:
    so_far = sum(a.at <= event.at for a in view.approvals)
    of = f" ({so_far} of {len(view.slots)})" if so_far else ""
    return Told(said=f"{names.person(event.actor)} approved{of}.", icon="👍")


def _approved(view: RunView, names: Names, event: Event) -> Told:
    limit = f"It starts within {about_duration(view.start_by)}, or not at all." if view.start_by else "It starts now."
    return Told(said=f"That is all it needed. {limit}")


def _denied(view: RunView, names: Names, event: Event) -> Told:
    who = names.person(event.actor)
    then = f"Ask {who} what would have to be different, then type it anew."
    return Told(
        said=f"{who} denied it. Nothing was done.", quote=_word(event, "text"), then=then, wakes=wakes.followers(view),
        alone=True, icon="🚫",
    )  # fmt: skip


def _cancel_wished(view: RunView, names: Names, event: Event) -> Told:
    said = f"{names.person(event.actor)} asked to cancel. It stops after the present step, then goes back."
    return Told(said=said, quote=_word(event, "text"), icon="⏹️")


def _cancelled(view: RunView, names: Names, event: Event) -> Told:
    said = f"{names.person(event.actor)} cancelled it before it started. Nothing was done."
    return Told(
        said=said, quote=_word(event, "text"), then=_again(view), wakes=wakes.followers(view), alone=True, icon="⏹️"
    )


def _superseded(view: RunView, names: Names, event: Event) -> Told:
    other = _word(event, "by") or "another request"
    said = f"{names.person(event.actor)} replaced it by {other}, for the same target. Nothing was done."
    return Told(
        said=said, then=f"Follow {other}: /ops runs shows it.", wakes=wakes.followers(view), alone=True, icon="🔁"
    )


def _amended(view: RunView, names: Names, event: Event) -> Told:
    said = f"{names.person(event.actor)} changed the request. Earlier approvals do not count; a new plan is made."
    return Told(said=said, quote=_word(event, "text"), alone=True, icon="✏️")


def _ask_back(view: RunView, names: Names, event: Event) -> Told:
    then = f"Press Answer on {CARD}, or choose Amend behind its three dots. Nothing is decided yet."
    said = f"{names.person(event.actor)} asks before deciding:"
    return Told(said=said, quote=_word(event, "text"), then=then, wakes=wakes.asker(view), alone=True, icon="❓")


def _answer_back(view: RunView, names: Names, event: Event) -> Told:
    asked = [e.actor for e in view.events if e.kind == "ask_back" and e.seq < event.seq]
    to = f" {names.person(asked[-1])}" if asked else ""
    return Told(
        said=f"{names.person(event.actor)} answers{to}:", quote=_word(event, "text"),
        then=f"Approve, deny or ask again on {CARD}.", alone=True, icon="💬",
    )  # fmt: skip


def _expiring(view: RunView, names: Names, event: Event) -> Told:
    if view.state is not State.AWAITING:
        return Told(said="It was about to lapse for want of approvals.", icon="⌛")
    said = f"It still {approvals.short(view, names)} and is about to lapse. Then nothing is done."
    called = (*approvals.mentions(view, names), *wakes.asker(view))
    return Told(said=said, then=f"Answer on {CARD}.", wakes=called, alone=True, until=True, icon="⌛")


def _expired(view: RunView, names: Names, event: Event) -> Told:
    if why := _word(event, "sentence", "why"):
        said = f"It lapsed: {why}"
    elif was_approved(view):
        said = "It was approved, but it could not start in time, so it lapsed. Nothing was done."
    else:
        said = "Nobody answered in time, so it lapsed. Nothing was done. Nobody denied it."
    return Told(said=said, then=_again(view), wakes=wakes.followers(view), alone=True, icon="⌛")


def _refused(view: RunView, names: Names, event: Event) -> Told:
    if event.body.get("code") == "held":
        holder = _word(event, "by")
        said = f"{holder} is at work on the same target, so this was refused. Nothing was done."
        then = f"Wait until {holder} ends, or look at it with /ops runs; then type it again."
        return Told(said=said, then=then, wakes=wakes.asker(view), alone=True, icon="🚫")
    said = _word(event, "sentence", "why") or "A rule refused it. Nothing was done."
    then = f"What you can do instead is on {CARD}." if event.body.get("offers") else ""
    return Told(said=said, then=then, wakes=wakes.asker(view), alone=True, icon="🚫")


def _broke(view: RunView, names: Names, event: Event) -> Told:
    why = _word(event, "why", "sentence") or "no reason was given"
    said = f"No plan could be made: {why}. Nothing was done."
    return Told(said=said, then=_again(view), wakes=wakes.asker(view), alone=True, icon="❌")


def _admitted(view: RunView, names: Names, event: Event) -> Told:
    if under := approvals.standing(view, names):
        return Told(said=f"It starts now, under an approval given before. {under[0]}")
    return Told(said="It needs no approval and starts now.")


def _started(view: RunView, names: Names, event: Event) -> Told:
    return Told(said="Started.", icon="▶️")


def _step_started(view: RunView, names: Names, event: Event) -> Told | None:
    planned = next((s for s in view.plan.steps if s.name == event.step), None) if view.plan else None
    again = event.kind == "recalled"
    if planned is None or (event.way is not Way.DO and not again) or not isinstance(planned.does, Task):
        return None
    return _task(view, names, planned.does, "again " if again else "")


def _nudge(view: RunView, names: Names, event: Event) -> Told:
    who, called = wakes.turn(view, names, _word(event, "whom"))
    said = f"Still to be done, {who}: {_word(event, 'task') or _step(view, event)}"
    return Told(said=said, then=f"When it is done, press Done on {CARD}.", wakes=called, alone=True, icon="🔔")


def _task(view: RunView, names: Names, task: Task, again: str = "") -> Told:
    within = f" within {about_duration(task.within)}" if task.within else ""
    who, called = wakes.turn(view, names, task.who)
    said = f"It is {again}the turn of {who}{within}: {one_line(task.text, 1000)}"
    return Told(said=said, then=f"When it is done, press Done on {CARD}.", wakes=called, alone=True, icon="🙋")


def _step_done(view: RunView, names: Names, event: Event) -> Told:
    step = next((s for s in view.steps if s.name == event.step), None)
    took = duration(view, step) if step and event.way is Way.DO else ""
    end = f" ({took})" if took else ""
    if event.way is Way.UNDO:
        return Told(said=f"Undone: {_step(view, event)}.", icon="↩️")
    if step and step.no_return and event.way is Way.DO:
        said = f"Done{end}: {_step(view, event)}. The point of no return is passed: what came before stays."
        return Told(said=said, alone=True, icon="✅")
    return Told(said=f"Done{end}: {_step(view, event)}.", icon="✅")


def _step_not_done(view: RunView, names: Names, event: Event) -> Told:
    said = f"Did not happen (attempt {event.attempt or 1}): {_step(view, event)}{_because(event)}."
    return Told(said=said.replace("..", "."), icon="🔁")


def _step_failed(view: RunView, names: Names, event: Event) -> Told:
    what = "Could not be undone" if event.way is Way.UNDO else "Failed"
    return Told(said=f"{what}: {_step(view, event)}{_because(event)}.".replace("..", "."), alone=True, icon="❌")


def _step_unknown(view: RunView, names: Names, event: Event) -> Told:
    said = f"Nobody knows yet whether this happened: {_step(view, event)}{_because(event)}."
    then = "It counts neither as done nor as failed until that is settled."
    return Told(said=said.replace("..", "."), then=then, alone=True, icon="❔")


def _step_late(view: RunView, names: Names, event: Event) -> Told:
    said = f"A late word from an earlier attempt: {_step(view, event)}{_because(event)}."
    then = "It decides nothing by itself. Weigh it when you answer." if view.state is State.IN_DOUBT else ""
    return Told(said=said.replace("..", "."), then=then, alone=True, icon="📨")


def _step_again(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"Tried again: {_step(view, event)}.", icon="🔁")


def _ticked(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"{names.person(event.actor)} says it is done: {_step(view, event)}.", icon="☑️")


def _revealed(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"Wiped, and given to {names.person(event.actor)} alone: {_step(view, event)}.", icon="🔑")


def _resolved(view: RunView, names: Names, event: Event) -> Told:
    means = {"happened": "Counts as done", "skip": "Skipped", "again": "Is done again"}
    said = means.get(str(event.body.get("choice")), "Settled")
    return Told(said=f"{said}, as answered: {_step(view, event)}.")


def _waiting(view: RunView, names: Names, event: Event) -> Told | None:
    why = _word(event, "why", "sentence")
    return Told(said=f"Waiting: {why}.".replace("..", "."), icon="⏸️") if why else None


def _turned(view: RunView, names: Names, event: Event) -> Told:
    why, failed = event.body.get("why"), one_line(str(event.body.get("step") or ""))
    named = next((one_line(s.text, 200) for s in view.steps if s.name == failed), failed)
    cause = {"failed": f"A step failed ({named})." if named else "A step failed.", "cancelled": "Cancelled, as asked."}
    said = cause.get(str(why), "Stopped, as answered.")
    if event.body.get("heading") == Heading.STOP:
        course = "Nothing is undone; what was opened is closed."
    else:
        course = (
            "What was done is now undone in reverse, down to the last point of no return; what was opened is closed."
        )
    return Told(said=f"{said} {course}", alone=True, icon="↩️")


def _doubt(view: RunView, names: Names, event: Event) -> Told:
    if view.question is None or view.question.seq != event.seq:
        return Told(said=f"It stopped and asked{_because(event)}.".replace("..", "."), alone=True, icon="❓")
    question = view.question
    labels = words.listed([CHOICES[choice][0] for choice in question.choices], "or")
    many = doubt.agreement(question)
    then = f"Look at what is there, then answer on {CARD}: {labels}. {many}".rstrip()
    called = dict.fromkeys((*wakes.followers(view), *(m for key in view.slots for m in names.group(key).mentions)))
    return Told(said=doubt.why(view, question), then=then, wakes=tuple(called)[:8], alone=True, icon="❓")


def _reminded(view: RunView, names: Names, event: Event) -> Told:
    if view.question is None:
        return Told(said="Its question was still open.", icon="❓")
    called = dict.fromkeys((*names.group("on-call").mentions, *wakes.asker(view)))
    held = " It keeps its target locked until then." if view.plan and view.risk else ""
    said = f"It still waits for an answer.{held}"
    return Told(said=said, then=f"Answer on {CARD}.", wakes=tuple(called)[:8], alone=True, icon="❓")


def _choice(event: Event) -> str:
    given = str(event.body.get("choice"))
    return CHOICES[Choice(given)][0] if given in set(Choice) else given


def _answer(view: RunView, names: Names, event: Event) -> Told:
    said = f"{names.person(event.actor)} answered: {_choice(event)}. Somebody else must say the same."
    return Told(said=said, icon="🗳️")


def _answered(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"Answered: {_choice(event)} (last word by {names.person(event.actor)}).", icon="🗳️")


def _ended(view: RunView, names: Names, event: Event) -> Told:
    why = _word(event, "sentence", "why")
    if event.state is State.SUCCEEDED:
        said = view.answer.headline if view.answer else f"Done: {view.plan.sentence if view.plan else view.command}"
        undecided = [f"{s.text}: {s.note or 'failed'}" for s in view.steps if s.standing.value == "failed"]
        points = tuple(f"Failed on the way, gone on without: {one_line(one)}" for one in undecided)
        return Told(
            said=one_line(said, 500), points=points, wakes=wakes.followers(view), alone=True, answer=True, icon="✅"
        )
    said = SENTENCES[event.state]
    said = f"{said[0].upper()}{said[1:]}" + (f": {why}" if why not in ("", "failed", "cancelled", "stopped") else "")
    stays = tuple(f"Stays: {one}" for one in left(view))
    then = "Look at what stays before you ask again." if stays else _again(view)
    icon = {State.UNDONE: "↩️", State.CANCELLED: "⏹️"}.get(event.state, "❌")
    return Told(
        said=f"{said}.", points=stays, then=then, wakes=wakes.page(view, names), alone=True,
        answer=True, icon=icon,
    )  # fmt: skip


def _answered_read(view: RunView, names: Names, event: Event) -> Told | None:
    """The card is the answer. One that is loud, and that nobody sat waiting for, calls whoever is on call."""
    if view.slack_user or view.answer is None or not view.answer.loud:
        return None
    said = one_line(view.answer.headline, 500)
    return Told(said=said, then=f"Look at {CARD}.", wakes=wakes.page(view, names), alone=True, icon="🔔")


KINDS: dict[str, Callable[[RunView, Names, Event], Told | None]] = {
    "proposed": _proposed,
    "admitted": _admitted,
    "differed": _differed,
    "approval": _approval,
    "approved": _approved,
    "denied": _denied,
    "cancel_wished": _cancel_wished,
    "cancelled": _cancelled,
    "superseded": _superseded,
    "amended": _amended,
    "ask_back": _ask_back,
    "answer_back": _answer_back,
    "expiring": _expiring,
    "reminded": _reminded,
    "expired": _expired,
    "refused": _refused,
    "broke": _broke,
    "started": _started,
    "step_started": _step_started,
    "step_done": _step_done,
    "step_not_done": _step_not_done,
    "step_failed": _step_failed,
    "step_unknown": _step_unknown,
    "step_late": _step_late,
    "step_again": _step_again,
    "ticked": _ticked,
    "revealed": _revealed,
    "resolved": _resolved,
    "waiting": _waiting,
    "nudge": _nudge,
    "recalled": _step_started,
    "turned": _turned,
    "doubt": _doubt,
    "answer": _answer,
    "answered": _answered,
    "ended": _ended,
    "answered_read": _answered_read,
}
QUIET = frozenset({"asked", "shown", "woke", "looked", "followed"})  # the card alone shows these
