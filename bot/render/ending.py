"""What a run that did not go through did to the world: nothing, what was undone again, or what stays."""

from bot.lifecycle import SENTENCES, ended
from bot.model import Event, Heading, Mark, State, Way
from bot.plans import changed, passed_barrier, remaining, way_back
from bot.render import words
from bot.render.escape import one_line
from bot.render.steps import STANDINGS
from bot.standing import last_of
from bot.view import RunView, Standing, StepView

WAS_TO = "Was to:"
BROKEN_OFF = (State.FAILED, State.UNDONE, State.CANCELLED)
GIVEN_UP = frozenset({Standing.FAILED, Standing.SKIPPED, Standing.RETRYING})


def was_to(view: RunView) -> str:
    """What it was asked for, as it stands above all else; no promise any more once it did not go through."""
    sentence = view.plan.sentence if view.plan else ""
    return f"{WAS_TO} {sentence}" if sentence and ended(view.state) and view.state is not State.SUCCEEDED else sentence


def broken_off(view: RunView) -> str:
    """How it ended, in half a sentence that claims no undoing where nothing was undone."""
    lead = "cancelled" if view.state is State.UNDONE and view.why == "cancelled" else ""
    if view.plan is None or view.state not in BROKEN_OFF or not began(view):
        return lead or SENTENCES[view.state]
    last = last_of(view.events)
    if not changed(view.plan, last):
        return f"{lead or SENTENCES[view.state]}; nothing was changed"
    if view.state is not State.UNDONE:
        return SENTENCES[view.state]
    lead = lead or "did not go through"
    left_over = remaining(view.plan, last)
    if not left_over:
        return f"{lead}; what had been done was undone"
    some = len(left_over) < len(changed(view.plan, last))
    return f"{lead}; what could be undone was undone" if some else lead


def upshot(view: RunView) -> str:
    """ "shop is as it was and goes on as before"; empty where that is not sure."""
    if view.plan is None or view.state not in BROKEN_OFF or not began(view):
        return ""
    left_over = remaining(view.plan, last_of(view.events))
    if not all(step.leaves for step in left_over):
        return ""
    said = f"{words.target(view.plan, {}) or 'Everything'} is as it was and goes on as before"
    return f"Apart from what stays, {said[0].lower()}{said[1:]}" if left_over else said


def began(view: RunView) -> bool:
    """Whether any step was begun."""
    return any(event.mark is Mark.STARTED for event in view.events)


def course(view: RunView, turned: Event) -> str:
    """What a run that turns does now, in a sentence."""
    if view.plan is None:
        return "What can be undone is undone in reverse; what was opened is closed."
    last = last_of([event for event in view.events if event.seq < turned.seq])
    stops = turned.body.get("heading") == Heading.STOP
    ways = {back.way for back in way_back(view.plan, last, undoing=not stops)}
    if not changed(view.plan, last):
        return "Nothing had been changed, so nothing is undone."
    down = ", down to the last point of no return" if passed_barrier(view.plan, last) else ""
    undone = f"What was done is now undone in reverse{down}" if Way.UNDO in ways else ""
    closed = "what was opened is closed" if Way.CLOSE in ways else ""
    nothing = "Nothing is undone" if stops else "There is nothing to undo"
    said = "; ".join(part for part in (undone or (nothing if stops or not closed else ""), closed) if part)
    return f"{said[0].upper()}{said[1:]}."


def left(view: RunView) -> list[str]:
    """What stays behind after a run that did not go through: what was, or may have been, done and not undone."""
    if view.plan is None:
        return []
    seen = {step.name: step for step in view.steps}
    closers = {step.closes for step in view.plan.steps if step.closes}
    stays = remaining(view.plan, last_of(view.events))
    says = [step for step in stays if step.undo or step.leaves or step.no_return or step.name in closers]
    return [_stays(seen[step.name], step.leaves) for step in says if step.name in seen]


def _stays(step: StepView, leaves: str) -> str:
    if leaves and step.standing is Standing.DONE:
        return one_line(leaves)
    more = ", and a part of it may have happened" if step.standing in GIVEN_UP else ""
    more += ", still open" if step.closer else f", leaves {one_line(leaves)}" if leaves else ""
    return f"{one_line(step.text)} ({STANDINGS[step.standing][1]}{more})"
