"""What a run that did not go through did to the world: nothing, what was undone again, or what stays."""

from bot.lifecycle import SENTENCES, ended
from bot.model import Event, Heading, Mark, State, Way
from bot.operation import Plan
from bot.plans import changed, passed_barrier, remaining, way_back
from bot.render import words
from bot.render.escape import one_line
from bot.render.steps import STANDINGS
from bot.render.telling import word
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
    if (plan := _known(view)) is None:
        return lead or SENTENCES[view.state]
    last = last_of(view.events)
    did, stays = changed(plan, last), remaining(plan, last)
    if not did:
        return f"{lead or SENTENCES[view.state]}; nothing was changed"
    if view.state is not State.UNDONE:
        return SENTENCES[view.state]
    lead = lead or "did not go through"
    if not stays:
        return f"{lead}; what had been done was undone"
    return f"{lead}; what could be undone was undone" if len(stays) < len(did) else lead


def gone_without(view: RunView) -> list[StepView]:
    """The steps that failed in a run that went on to its end all the same."""
    return [step for step in view.steps if step.standing is Standing.FAILED] if view.state is State.SUCCEEDED else []


def unplanned(view: RunView) -> str:
    """Why no plan could be made; empty where that is not how it ended."""
    broke = [event for event in view.events if event.kind == "broke"] if view.state is State.FAILED else []
    return no_plan(broke[-1]) if broke else ""


def no_plan(broke: Event) -> str:
    """The same of the event by which it ended."""
    why = word(broke, "why", "sentence") or "no reason was given"
    return f"No plan could be made: {why.rstrip('.')}. Nothing was done."


def upshot(view: RunView) -> str:
    """ "shop is as it was and goes on as before"; empty where that is not sure."""
    plan = _known(view)
    stays = remaining(plan, last_of(view.events)) if plan else ()
    if plan is None or not all(step.leaves for step in stays):
        return ""
    what, so = words.target(plan, {}), "is as it was and goes on as before"
    return f"Apart from what stays, {what or 'everything'} {so}" if stays else f"{what or 'Everything'} {so}"


def _known(view: RunView) -> Plan | None:
    """The plan of a run that began and was broken off; None where this version cannot read its steps."""
    began = any(event.mark is Mark.STARTED for event in view.events)
    return view.plan if view.plan and view.plan.steps and began and view.state in BROKEN_OFF else None


def course(view: RunView, turned: Event) -> str:
    """What a run that turns does now, in a sentence."""
    stops = turned.body.get("heading") == Heading.STOP
    if view.plan is None or not view.plan.steps:
        undone = "Nothing is undone" if stops else "What can be undone is undone in reverse"
        return f"{undone}; what was opened is closed."
    last = last_of([event for event in view.events if event.seq < turned.seq])
    if not changed(view.plan, last):
        return "Nothing had been changed, so nothing is undone."
    ways = {back.way for back in way_back(view.plan, last, undoing=not stops)}
    said = []
    if Way.UNDO in ways:
        down = ", down to the last point of no return" if passed_barrier(view.plan, last) else ""
        said.append(f"What was done is now undone in reverse{down}")
    elif stops or not ways:
        said.append("Nothing is undone" if stops else "There is nothing to undo")
    if Way.CLOSE in ways:
        said.append("what was opened is closed")
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


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
