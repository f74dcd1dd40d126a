"""Which buttons a run's card carries in which state, and what their values hold: row, fingerprint and verb, no more."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum

from bot.lifecycle import ended
from bot.model import Choice, Doubt, Heading, Record, Risk, State, id_of
from bot.operation import Offer, Task
from bot.render import fit, words
from bot.render.blocks import actions, button, confirm, overflow
from bot.render.escape import clean, one_line, size
from bot.render.message import Block
from bot.retry import open_again
from bot.standing import last_of
from bot.view import Question, RunView, Standing

NO_PLAN = "-"
HEX, SHORT = re.compile(r"[0-9a-f]{64}"), re.compile(r"[\w-]{43}", re.ASCII)  # a SHA-256; cards of old hold the first
FOLLOW, RETRY, ASK_THEM = "Tell me when done", "Try again", "Ask them"
RETRIED_WITHIN = timedelta(days=30)
ACTION = "run."  # every button of a run has an action id that begins so


class Verb(StrEnum):
    """What a button of a run asks the door to do."""

    APPROVE = "approve"
    REVIEW = "review"  # opens the whole plan, with Approve below it: where the plan is not on the screen
    DENY = "deny"
    ASK_BACK = "ask-back"
    ANSWER_BACK = "answer-back"
    AMEND = "amend"
    CANCEL = "cancel"
    REPLACE = "replace"  # `of`: the tag of the other ask, which this run replaces
    DOUBT = "doubt"  # `of`: "<question's seq>:<choice>"
    TICK = "tick"  # `of`: the step's name
    OFFER = "offer"  # `of`: the offer's place, a key of `offers`
    ANEW = "anew"  # the same words again, meant
    AGAIN = "again"  # opens the form of a run that has ended, filled in as it was
    RETRY = "retry"  # tries again what failed in a run that went on to its end
    STAR = "star"  # keeps the form of a run that has ended, filled in as it was
    FOLLOW = "follow"  # be called in the thread when it ends or asks
    DETAILS = "details"
    UNMASK = "unmask"  # the whole personal values, to who may see them
    CALL_IN = "call-in"  # below a refusal: calls those who could


class Pressed(Record):
    """A button's value, parsed. Only a hint: everything but the row's id and the fingerprint is read from the row."""

    run: int
    fingerprint: str
    verb: Verb
    of: str = ""


def pack(run: int, fingerprint: str | None, verb: Verb, of: str = "") -> str:
    """A fingerprint stands as base64: a menu's entry with 64 digits passes the stricter reading of Slack's limit."""
    if fingerprint and HEX.fullmatch(fingerprint):
        fingerprint = urlsafe_b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")
    return "|".join((str(run), fingerprint or NO_PLAN, verb.value, of))


def unpack(value: str) -> Pressed | None:
    """What a button said, or None where it is no button of this version."""
    parts = value.split("|", 3)
    if len(parts) != 4 or (run := id_of(parts[0])) is None or parts[2] not in set(Verb):
        return None
    whole = urlsafe_b64decode(f"{parts[1]}=").hex() if SHORT.fullmatch(parts[1]) else parts[1]
    return Pressed(run=run, fingerprint=whole, verb=Verb(parts[2]), of=parts[3])


CHOICES: dict[Choice, tuple[str, str]] = {
    Choice.HAPPENED: ("It happened", "The step counts as done and the run goes on."),
    Choice.AGAIN: ("Do it again", "The run tries again from here. If it had happened after all, it happens twice."),
    Choice.SKIP: ("Skip it", "The run goes on without this step."),
    Choice.BACK: ("Go back", "What was done so far is undone, down to the last point of no return."),
    Choice.STOP: ("Stop", "Nothing more is done and nothing is undone; only what was opened is closed."),
}

AGAIN_OF: dict[Doubt, str] = {  # where nothing can happen twice
    Doubt.BLIND: "It is looked at again.",
    Doubt.CLOSING: "Closing it is tried again; that does no harm twice.",
    Doubt.FAILED: "The step is tried again.",
    Doubt.LATE: "The run goes on with this step now, as it was approved.",
    Doubt.CHANGED: "The run goes on all the same, as it was approved.",
}
OF_AN_ITEM = {
    Choice.HAPPENED: "It counts as done for {item}, and the run goes on with what follows.",
    Choice.AGAIN: "The run goes on with {item}. If it had happened after all, it happens twice for it.",
}


def meaning(question: Question, choice: Choice) -> tuple[str, str]:
    """What an answer is called, and what it brings about."""
    label, means = CHOICES[choice]
    if choice is Choice.AGAIN:
        means = AGAIN_OF.get(question.doubt, means)
    return label, OF_AN_ITEM.get(choice, means).format(item=clean(question.item, 80)) if question.item else means


def choices(view: RunView) -> tuple[Choice, ...]:
    return view.question.choices if view.question and view.state is State.IN_DOUBT else ()


def offers(view: RunView) -> dict[str, Offer]:
    """The offers a run makes now, by place ("plan.0", "answer.1", "refusal.0", "step3.0"). Places never change."""
    found: dict[str, Offer] = {}
    if ended(view.state) or view.state is State.AWAITING:
        planned = view.plan.offers if view.plan and not view.look_only else ()
        answered = view.answer.offers if view.answer and ended(view.state) else ()
        for source, given in (("plan", planned), ("answer", answered)):
            found |= {f"{source}.{n}": offer for n, offer in enumerate(given) if _stands(view, offer)}
    if view.refusal:
        found |= {f"refusal.{n}": offer for n, offer in enumerate(view.refusal.offers)}
    for n, step in enumerate(view.steps):
        does = view.plan.steps[n].does if view.plan and step.standing is Standing.WAITING else None
        if isinstance(does, Task) and not ended(view.state):
            found |= {f"step{n}.{at}": offer for at, offer in enumerate(does.offers)}
    return found


def _stands(view: RunView, offer: Offer) -> bool:
    right = offer.on == view.state.value or (offer.on == "any" and ended(view.state))
    return right and (view.ended_at is None or view.now <= view.ended_at + offer.lasts)


def retriable(view: RunView) -> bool:
    """Whether what failed in a run that went on to its end is offered once more."""
    if view.state is not State.SUCCEEDED or view.look_only or view.plan is None or view.retried_by:
        return False
    fresh = view.ended_at is None or view.now <= view.ended_at + RETRIED_WITHIN
    return fresh and bool(open_again(view.plan, last_of(view.events)))


def asked_back(view: RunView) -> bool:
    """Whether an approver's question waits for its answer."""
    talk = [e.kind for e in view.events if e.kind in ("ask_back", "answer_back", "amended")]
    return view.state is State.AWAITING and talk[-1:] == ["ask_back"]


def row(view: RunView) -> list[Block]:
    """The action blocks of a card: only what applies now, what is pressed most first."""
    rest = [*_offered(view), *_small(view)]
    if view.state is State.AWAITING:
        rest = [*_small(view), *_offered(view)]
    return actions(f"run.{view.id}", [*_main(view), *rest, *_rivals(view)][:22])


def _main(view: RunView) -> Iterator[Block]:
    match view.state:
        case State.AWAITING if not view.look_only:
            yield approve(view)
            yield _button(view, Verb.DENY, "Deny", style="danger")
            if asked_back(view):
                yield _button(view, Verb.ANSWER_BACK, "Answer")
            else:
                yield _button(view, Verb.ASK_BACK, "Ask back")
        case State.IN_DOUBT:
            yield from _doubt(view)
        case State.RUNNING | State.WAITING:
            yield from _ticks(view)
        case State.SUCCEEDED if retriable(view):
            yield _button(view, Verb.RETRY, RETRY)


def _small(view: RunView) -> Iterator[Block]:
    if view.state is State.AWAITING and not view.look_only:
        yield _button(view, Verb.DETAILS, "Details")
        yield _rare(view)
        return
    if cancellable(view):
        yield _button(view, Verb.CANCEL, "Cancel")
    if view.risk is not Risk.READ and not view.look_only and ended(view.state):
        if view.retries is None:  # its words are those of another run
            yield _button(view, Verb.AGAIN, "Ask again")
    elif view.risk is not Risk.READ and not view.look_only and view.state is not State.IN_DOUBT:
        yield _button(view, Verb.FOLLOW, FOLLOW)
    yield _button(view, Verb.DETAILS, "Details")


def _rare(view: RunView) -> Block:
    """What is seldom wanted of a request that waits, behind three dots."""
    entries = [(FOLLOW, Verb.FOLLOW)] if view.retries else [("Amend", Verb.AMEND), (FOLLOW, Verb.FOLLOW)]
    if asked_back(view):
        entries.append(("Ask back", Verb.ASK_BACK))
    if cancellable(view):
        entries.append(("Cancel", Verb.CANCEL))
    return overflow(f"{ACTION}more", [(label, pack(view.id, view.fingerprint, verb)) for label, verb in entries])


def _rivals(view: RunView) -> Iterator[Block]:
    for rival in view.rivals[:3] if view.state is State.AWAITING else ():
        means = f"{rival} waits for the same target. It ends as replaced, its asker is told, nothing of it is done."
        again = confirm(f"Replace {rival}?", means, f"Replace {rival}")
        yield _button(view, Verb.REPLACE, f"Replace {rival}", of=rival, again=again)


def approve(view: RunView) -> Block:
    """Asks once more, naming the target and what is lost."""
    on = words.target(view.plan, view.params) or view.command
    what = one_line(view.plan.sentence, 130) if view.plan else words.command(view.command)
    means = _means(view) or f"{what}."
    if size(f"{means} {what}.") <= fit.CONFIRM_TEXT and what not in means:
        means = f"{what}. {means}"
    again = confirm(f"Approve for {on}?", means.replace("..", "."), "Approve", danger=view.risk is Risk.DESTRUCTIVE)
    return _button(view, Verb.APPROVE, "Approve", style="primary", again=again)


def _means(view: RunView) -> str:
    """What the one who approves must have read: what is lost, each loss whole or counted; else that it is grave."""
    lost = [one_line(words.loss(one)) for one in view.plan.loses] if view.plan else []
    if not lost:
        return "It destroys something or touches production." if view.risk is Risk.DESTRUCTIVE else ""
    for shown in range(len(lost), 0, -1):
        more = f"; and {words.count(len(lost) - shown, 'more loss', 'more losses')}" if shown < len(lost) else ""
        said = f"Lost: {'; '.join(lost[:shown])}{more}."
        if size(said) <= fit.CONFIRM_TEXT:
            return said
    return f"Lost: {one_line(lost[0], fit.CONFIRM_TEXT - 40)}{f'; and {len(lost) - 1} more' if lost[1:] else ''}."


def decisions(view: RunView) -> list[Block]:
    """Deny and Ask back, for a modal whose submit approves."""
    if view.state is not State.AWAITING:
        return []
    both = [_button(view, Verb.DENY, "Deny", style="danger"), _button(view, Verb.ASK_BACK, "Ask back")]
    return actions(f"run.{view.id}", both)


def unmask(view: RunView) -> list[Block]:
    """For Details: the way to the whole values, while the run needs them."""
    if not view.masks or ended(view.state):
        return []
    again = confirm("Show the whole value?", "You alone see it. The run's thread says that you looked.", "Show it")
    return actions(f"run.{view.id}.unmask", [_button(view, Verb.UNMASK, "Show what is masked", again=again)])


def call_in(run: int, fingerprint: str) -> Block:
    """Below a refusal about a run that waits."""
    return button(ASK_THEM, f"{ACTION}{Verb.CALL_IN.value}", pack(run, fingerprint, Verb.CALL_IN))


def _doubt(view: RunView) -> Iterator[Block]:
    if (question := view.question) is None:
        return
    for choice in choices(view):
        label, means = meaning(question, choice)
        again = confirm(f"{label}?", means, label, danger=choice is not Choice.STOP)
        yield _button(view, Verb.DOUBT, label, of=f"{question.seq}:{choice.value}", again=again)


def _ticks(view: RunView) -> Iterator[Block]:
    for step in view.steps:
        if step.task and step.standing is Standing.WAITING:
            if step.name in _revealing(view):
                once = confirm(
                    "Show it now?", "It is shown to you alone, once. Have a safe place for it ready.", "Show it"
                )
                yield _button(view, Verb.TICK, "Show me, once", of=step.name, again=once)
                continue
            again = confirm("Is it done?", f"You confirm in your own name: {one_line(step.text, 200)}", "Yes, done")
            yield _button(view, Verb.TICK, f"Done: {one_line(step.text, 50)}", of=step.name, again=again)


def _revealing(view: RunView) -> frozenset[str]:
    """The tasks at whose tick a secret is shown."""
    steps = view.plan.steps if view.plan else ()
    return frozenset(step.name for step in steps if isinstance(step.does, Task) and step.does.reveals is not None)


def _offered(view: RunView) -> Iterator[Block]:
    for place, offer in offers(view).items():
        yield _button(view, Verb.OFFER, one_line(offer.label, 70), of=place)


def cancellable(view: RunView) -> bool:
    """Whether asking to cancel would change anything."""
    live = not ended(view.state) and view.state is not State.IN_DOUBT
    return live and view.heading is Heading.FORTH and view.wish is None


def _button(
    view: RunView, verb: Verb, label: str, *, of: str = "", style: str = "", again: Block | None = None
) -> Block:
    action = f"{ACTION}{verb.value}" + (f".{of}" if of else "")
    return button(label, action[: fit.ACTION_ID], pack(view.id, view.fingerprint, verb, of), style=style, confirm=again)
