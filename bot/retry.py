"""What failed in a run that went on to its end all the same, and may be tried again: a plan of those steps alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot import codec
from bot.effect import Secret
from bot.journey import Last, repeatable
from bot.model import Entry, Mark, Way
from bot.operation import IfFails, Loss, Plan, Refusal, Step
from bot.plans import deed_of, find, refs, surely_not
from bot.standing import step_text

OVER = frozenset({Mark.DONE, Mark.SKIPPED})


def lacking(plan: Plan, last: Last) -> tuple[Step[Any], ...]:
    """The steps that a run went on without."""
    gone_on = (step for step in plan.steps if step.if_fails is IfFails.GO_ON)
    return tuple(step for step in gone_on if not _settled(step, last))


def open_again(plan: Plan, last: Last) -> tuple[Step[Any], ...]:
    """Those of them that may be done now: nothing of them happened or a second time does no harm, what they need is
    there, and no other step opens or closes anything for them.
    """
    closed = {step.closes for step in plan.steps if step.closes}
    found: list[Step[Any]] = []
    for step in lacking(plan, last):
        known = {one.name for one in found}
        needs = {*refs(step.does), *refs(step.undo)}
        alone = not step.closes and step.name not in closed
        if alone and _harmless(step, last) and all(name in known or _there(plan, name, last) for name in needs):
            found.append(step)
    return tuple(found)


def joined(lasts: Sequence[Last]) -> Last:
    """The last words of a run and of those that tried again what failed in it, oldest first."""
    words: dict[tuple[str, Way], Entry] = {}
    for last in lasts:
        for name, way in last:
            if way is Way.DO:
                words.pop((name, Way.UNDO), None)
        words |= last
    return words


def anew(tag: str, plan: Plan, last: Last, results: Mapping[str, Any]) -> Plan | Refusal:
    """The plan of another run for what failed in that one. `results`: of its steps that were done.

    Its losses stay the bound: which of them are of which step no plan says.
    """
    steps = open_again(plan, last)
    if not steps:
        return Refusal(code="nothing_failed", sentence=_nothing(tag, plan, last))
    known = {**results, **{step.name: step.result for step in steps}}
    texts = [step_text(step) for step in steps]
    said = f"{texts[0]} and {len(texts) - 1} more" if texts[1:] else texts[0]
    return Plan(
        sentence=f"{said}: once more, after {tag} went on without it",
        steps=tuple(
            replace(
                step,
                does=codec.fill(step.does, known),
                undo=codec.fill(step.undo, known) if step.undo else None,
            )
            for step in steps
        ),
        loses=tuple(_bound(tag, loss) for loss in plan.loses),
        tells=plan.tells,
    )


def _settled(step: Step[Any], last: Last) -> bool:
    entry = last.get((step.name, Way.DO))
    return entry is not None and entry.mark in OVER and not _undone(step, last)


def _undone(step: Step[Any], last: Last) -> bool:
    entry = last.get((step.name, Way.UNDO))
    return entry is not None and entry.mark is Mark.DONE


def _harmless(step: Step[Any], last: Last) -> bool:
    if _undone(step, last) or repeatable(deed_of(step, Way.DO)):
        return True
    return (step.name, Way.UNDO) not in last and surely_not(last.get((step.name, Way.DO)))


def _there(plan: Plan, name: str, last: Last) -> bool:
    """Whether a step's result can still be read: a secret one is wiped when its run ends."""
    entry = last.get((name, Way.DO))
    done = entry is not None and entry.mark is Mark.DONE
    return done and codec.result_type(find(plan, name).does) is not Secret


def _bound(tag: str, loss: Loss) -> Loss:
    return loss.model_copy(update={"what": f"no more than {tag} was to lose: {loss.what}"})


def _nothing(tag: str, plan: Plan, last: Last) -> str:
    if not lacking(plan, last):
        return f"What failed in {tag} was done since, so there is nothing to try again. Look at its thread."
    return (
        f"What failed in {tag} may have happened in part, or needs something that is gone, so it is not done again by "
        f"itself. Look at the system, then ask for what is still needed: /ops {tag} shows what failed."
    )
