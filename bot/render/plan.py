"""A whole plan as text: what an approver must be able to read, and what becomes a file where a card cannot hold it."""

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256

from bot.operation import Loss, Plan, Step
from bot.plans import covers
from bot.render import words
from bot.render.escape import clean, size
from bot.render.fit import weight
from bot.render.late import promised
from bot.render.message import File
from bot.render.steps import on_failure
from bot.view import RunView

CARD_CHARACTERS = 8000  # of a plan on a card; beyond it the plan is a file
CARD_WEIGHT = 50_000  # of its text as JSON, in which everything but ASCII is escaped
CARD_STEPS = 40
FINGERPRINT_SHOWN = 12


def plan_text(view: RunView) -> str:
    """The whole plan with every argument; the same text for as long as the plan is the same. Empty without a plan."""
    if view.plan is None:
        return ""
    plan = view.plan
    lines = [
        f"{view.tag}: {clean(plan.sentence)}",
        words.command(view.command, view.params),
        f"Fingerprint of the plan: {view.fingerprint or 'none'}",
        "",
        "What is lost:",
        *(f"  - {words.loss(lost)}" for lost in plan.loses),
        *(() if plan.loses else ("  nothing",)),
        "",
        "Steps:",
    ]
    for n, step in enumerate(plan.steps, 1):
        lines += _step(n, step, plan)
    lines += ["", on_failure(plan)]
    lines += [f"Also told in: {', '.join(plan.tells)}"] if plan.tells else []
    return clean("\n".join(lines)) + "\n"


def _step(n: int, step: Step[object], plan: Plan) -> list[str]:
    lines = [f"{n}. {step.tells or step.name}", f"     does: {words.deed(step.does)}"]
    if step.undo:
        lines.append(f"     undone by: {words.deed(step.undo)}")
    lines += [f"     {value}" for value in promised(step, plan.steps)]
    if step.leaves:
        lines.append(f"     leaves: {step.leaves}")
    if step.no_return:
        lines.append("     point of no return")
    if step.closes:
        lines.append(f"     closes: {step.closes}, on every way out")
    if step.group:
        lines.append(f"     at the same time as: {step.group}")
    return [*lines, f"     if it fails: {step.if_fails.value}"]


def fits(view: RunView) -> bool:
    """Whether a card can hold the whole plan. False: the plan goes up as a file, whose hash stands on the card."""
    if view.plan is None:
        return True
    whole = plan_text(view)
    return len(view.plan.steps) <= CARD_STEPS and size(whole) <= CARD_CHARACTERS and weight(whole) <= CARD_WEIGHT


def plan_file(view: RunView) -> File:
    """The whole plan as a file; its name holds no word that anybody typed."""
    return File(name=f"plan-{view.tag}-{(view.fingerprint or '')[:FINGERPRINT_SHOWN]}.txt", text=plan_text(view))


def file_hash(view: RunView) -> str:
    """SHA-256 of the file's bytes, in hex."""
    return sha256(plan_text(view).encode()).hexdigest()


def differences(before: Plan, now: Plan, said: Collection[words.Moved] = ()) -> list[str]:
    """What an approver must know of a new plan: steps that came, went or changed, losses that grew.

    `said`: what is told to have changed in what was asked; a step that is another only by that is not told again.
    """
    old, new = {s.name: s for s in before.steps}, {s.name: s for s in now.steps}
    lines = [f"new step: {_named(new[name])}" for name in new if name not in old]
    lines += [f"no longer a step: {_named(old[name])}" for name in old if name not in new]
    for name in (n for n in new if n in old and not covers(old[n], new[n])):
        if parts := [part for part in _apart(old[name], new[name], said) if part]:
            lines.append(f"changed: {_named(new[name])}: {'; '.join(parts)}")
    if [n for n in old if n in new] != [n for n in new if n in old]:
        lines.append("the steps come in another order")
    return lines + _losses(before.loses, now.loses)


def _apart(old: Step[object], new: Step[object], said: Collection[words.Moved]) -> Iterator[str]:
    """In what two steps of one name differ, each as it was and as it is."""
    if not covers(old.does, new.does):
        yield words.apart(old.does, new.does, said)
    if not covers(old.undo, new.undo):
        yield _undone(old, new, said)
    for part in ("leaves", "no_return", "closes", "group", "if_fails"):
        was, now = (words.value(getattr(step, part)) or "none" for step in (old, new))
        if was != now:
            yield f"{part.replace('_', ' ')}: {was} → {now}"


def _undone(old: Step[object], new: Step[object], said: Collection[words.Moved]) -> str:
    if old.undo is not None and type(old.undo) is type(new.undo):
        other = words.apart(old.undo, new.undo, said)
        return f"undone with {other}" if other else ""
    was, now = ("not" if step.undo is None else f"by {words.deed(step.undo)}" for step in (old, new))
    return f"undone {was} → {now}"


def _named(step: Step[object]) -> str:
    return step.tells or step.name


def _bounds(lost: Loss) -> str:
    return words.loss(lost).removeprefix(f"{lost.what}: ")


def _losses(before: Sequence[Loss], now: Sequence[Loss]) -> list[str]:
    shown = {lost.what: lost for lost in before}
    return [
        f"lost now: {words.loss(lost)}" + (f" (before: {_bounds(shown[lost.what])})" if lost.what in shown else "")
        for lost in now
        if lost.what not in shown or not covers(shown[lost.what], lost)
    ]
