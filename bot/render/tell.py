"""What each kind of event says in the thread: what happened, why, what to do next. None: the card alone shows it."""

from collections.abc import Callable

from bot.model import Choice, Event, State
from bot.render import approvals, calling, doubt, reminding, tell_request, tell_steps, wakes, words
from bot.render.buttons import CHOICES, RETRY, retriable
from bot.render.ending import broken_off, gone_without, left, upshot
from bot.render.escape import one_line
from bot.render.message import Names
from bot.render.telling import CARD, Told, again, because, word
from bot.view import RunView


def told(view: RunView, names: Names, event: Event) -> Told | None:
    """What to say of an event; None where it is mere progress, or a kind that this version does not know."""
    say = KINDS.get(event.kind)
    return say(view, names, event) if say else None


def _doubt(view: RunView, names: Names, event: Event) -> Told:
    if view.question is None or view.question.seq != event.seq:
        return Told(said=f"It stopped and asked{because(event)}.".replace("..", "."), alone=True, icon="❓")
    question = view.question
    labels = words.listed([CHOICES[choice][0] for choice in question.choices], "or")
    many = doubt.agreement(question)
    then = f"Look at what is there, then answer on {CARD}: {labels}. {many}".rstrip()
    called = dict.fromkeys(
        (*wakes.page(view, names), *(m for key in view.slots for m in approvals.called(view, names, key)))
    )
    return Told(said=doubt.why(view, question), then=then, wakes=tuple(called)[:8], alone=True, icon="❓")


def _reminded(view: RunView, names: Names, event: Event) -> Told:
    if view.question is None:
        return Told(said="Its question was still open.", icon="❓")
    called = dict.fromkeys((*approvals.called(view, names, "on-call"), *wakes.asker(view)))
    held = " It keeps its target locked until then." if view.plan and view.risk else ""
    said = f"It still waits for an answer.{held}"
    return Told(said=said, then=f"Answer on {CARD}.", wakes=tuple(called)[:8], alone=True, icon="❓")


def _choice(event: Event) -> str:
    given = str(event.body.get("choice"))
    return CHOICES[Choice(given)][0] if given in set(Choice) else given


def _answer(view: RunView, names: Names, event: Event) -> Told:
    answered = "changed their answer to" if "before" in event.body else "answered"
    stale = event.body.get("stale")  # enough people say so
    lacks = "It counts once Slack has confirmed who said so" if stale else "Somebody else must say the same"
    said = f"{names.person(event.actor)} {answered}: {_choice(event)}. {lacks}."
    return Told(said=said, icon="🗳️")


def _answered(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"Answered: {_choice(event)} (last word by {names.person(event.actor)}).", icon="🗳️")


def _ended(view: RunView, names: Names, event: Event) -> Told:
    why = word(event, "sentence", "why")
    if event.state is State.SUCCEEDED:
        said = view.answer.headline if view.answer else f"Done: {view.plan.sentence if view.plan else view.command}"
        lacks = [f"{step.text}: {step.note or 'failed'}" for step in gone_without(view)]
        points = tuple(f"Failed on the way, gone on without: {one_line(one)}" for one in lacks)
        then = _see_to_it(view) if lacks else ""
        concerns = view.answer.calls if view.answer else ()
        direct = tuple(one for key in concerns for one in names.accounts.get(key) or names.group(key).mentions)
        called = tuple(dict.fromkeys((*direct, *(wakes.page(view, names) if lacks else wakes.followers(view)))))
        return Told(
            said=one_line(said, 500), points=points, then=then, wakes=called, direct=direct, alone=True, answer=True,
            icon="⚠️" if lacks else "✅",
        )  # fmt: skip
    said = broken_off(view) + (f": {why}" if why not in ("", "failed", "cancelled", "stopped") else "")
    said = ". ".join(part for part in (f"{said[0].upper()}{said[1:]}", upshot(view)) if part)
    stays = tuple(f"Stays: {one}" for one in left(view))
    then = "Look at what stays before you ask again." if stays and not upshot(view) else again(view)
    icon = {State.UNDONE: "↩️", State.CANCELLED: "⏹️"}.get(event.state, "❌")
    return Told(
        said=f"{said}.", points=stays, then=then, wakes=wakes.page(view, names), alone=True,
        answer=True, icon=icon,
    )  # fmt: skip


def _see_to_it(view: RunView) -> str:
    if retriable(view):
        return f"Press {RETRY} on {CARD}, or see to it yourself: it is not tried again by itself."
    return "What failed is not tried again by itself: see to it that it is done."


def _answered_read(view: RunView, names: Names, event: Event) -> Told | None:
    """The card is the answer. One that is loud, and that nobody sat waiting for, calls whoever is on call."""
    if view.slack_user or view.answer is None or not view.answer.loud:
        return None
    said = one_line(view.answer.headline, 500)
    return Told(said=said, then=f"Look at {CARD}.", wakes=wakes.page(view, names), alone=True, icon="🔔")


KINDS: dict[str, Callable[[RunView, Names, Event], Told | None]] = {
    "proposed": tell_request.proposed,
    "admitted": tell_request.admitted,
    "differed": tell_request.differed,
    "approval": tell_request.approval,
    "approved": tell_request.approved,
    "denied": tell_request.denied,
    "cancel_wished": tell_request.cancel_wished,
    "cancelled": tell_request.cancelled,
    "superseded": tell_request.superseded,
    "amended": tell_request.amended,
    "ask_back": tell_request.ask_back,
    "answer_back": tell_request.answer_back,
    "called": reminding.called,
    "called_apart": tell_request.called_apart,
    "called_in": calling.called_in,
    "unmasked": tell_request.unmasked,
    "expiring": tell_request.expiring,
    "reminded": _reminded,
    "expired": tell_request.expired,
    "refused": tell_request.refused,
    "broke": tell_request.broke,
    "started": tell_steps.started,
    "step_started": tell_steps.step_started,
    "step_done": tell_steps.step_done,
    "step_not_done": tell_steps.step_not_done,
    "step_failed": tell_steps.step_failed,
    "step_unknown": tell_steps.step_unknown,
    "step_late": tell_steps.step_late,
    "step_again": tell_steps.step_again,
    "ticked": tell_steps.ticked,
    "revealed": tell_steps.revealed,
    "resolved": tell_steps.resolved,
    "waiting": tell_steps.waiting,
    "nudge": tell_steps.nudge,
    "recalled": tell_steps.step_started,
    "turned": tell_steps.turned,
    "doubt": _doubt,
    "answer": _answer,
    "answered": _answered,
    "ended": _ended,
    "answered_read": _answered_read,
}
QUIET = frozenset({"asked", "shown", "woke", "looked", "followed", "lapsed"})  # the card alone shows these
