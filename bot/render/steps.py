"""The steps of a run as lines: where each stands, how long it took, what becomes of it on the way back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.durations import about_duration
from bot.lifecycle import ended
from bot.model import Heading, State, Way
from bot.operation import IfFails, Plan, Step, Until, Wait, Watch
from bot.plans import surely_not
from bot.render import words
from bot.render.blocks import bullets, moment, text
from bot.render.escape import one_line
from bot.render.late import promised
from bot.render.message import Block
from bot.standing import last_of
from bot.view import RunView, Standing, StepView

STANDINGS: dict[Standing, tuple[str, str]] = {
    Standing.AHEAD: ("▫️", ""),
    Standing.RUNNING: ("▶️", "under way"),
    Standing.WAITING: ("⏸️", "waiting"),
    Standing.DONE: ("✅", "done"),
    Standing.FAILED: ("❌", "failed"),
    Standing.RETRYING: ("🔁", "did not happen; tried again"),
    Standing.UNKNOWN: ("❔", "nobody knows yet whether it happened"),
    Standing.SKIPPED: ("⏭️", "skipped"),
    Standing.UNDOING: ("↩️", "being undone"),
    Standing.UNDONE: ("↩️", "undone"),
    Standing.UNDO_FAILED: ("⚠️", "could not be undone"),
    Standing.NEVER: ("▫️", "not reached"),
    Standing.BROKEN_OFF: ("⏹️", "broken off"),
}
OVER = frozenset({Standing.UNDONE, Standing.UNDOING, Standing.NEVER, Standing.SKIPPED, Standing.BROKEN_OFF})
SECOND = timedelta(seconds=1)
STEADY = timedelta(seconds=3)  # a rate over less says little
NEAR = timedelta(minutes=10)  # what is so near is told to the second
LIVE = frozenset({Standing.RUNNING, Standing.WAITING, Standing.RETRYING, Standing.UNDOING})


def step_lines(view: RunView) -> Block:
    """One list entry a step. While approval is asked, each with its values."""
    asked = view.state is State.AWAITING or view.look_only
    planned = {step.name: step for step in view.plan.steps} if view.plan else {}
    return bullets((_step(view, step, planned.get(step.name) if asked else None) for step in view.steps), ordered=True)


def _step(view: RunView, step: StepView, planned: Step[Any] | None) -> list[Block]:
    icon = "" if step.standing is Standing.AHEAD else f"{STANDINGS[step.standing][0]} "
    elements = [text(f"{icon}{one_line(step.text)}", bold=step.standing in LIVE)]
    if notes := [one_line(note) for note in (standing(view, step), way_back(view, step), _if_fails(planned)) if note]:
        elements.append(text(" · " + " · ".join(notes), italic=True))
    if planned is not None:
        elements += _given(planned, view.params)
        for value in promised(planned, view.plan.steps if view.plan else (), card=True):
            elements.append(text(f" · {one_line(value, 300)}", italic=True))
    return elements


def _given(planned: Step[Any], params: Mapping[str, Any]) -> list[Block]:
    """What a change was given, as code; how long a look may take, in words: it changes nothing."""
    match planned.does:
        case Until(within=span):
            return [text(f" · for up to {about_duration(span)}", italic=True)]
        case Watch(lasting=span):
            return [text(f" · for {about_duration(span)}", italic=True)]
        case _:
            given = one_line(words.briefly(planned.does, params))
            return [text("  "), text(given, code=True)] if given else []


def standing(view: RunView, step: StepView) -> str:
    """ "under way, 3m, 1,200 of 4,212, table orders": what the icon means, how long, how far, why."""
    if view.look_only:
        return ""
    parts = [STANDINGS[step.standing][1]]
    if step.standing is Standing.RUNNING and step.attempt > 1:
        parts.append(f"attempt {step.attempt}")
    if took := duration(view, step):
        usual = view.usual.steps.get(step.name) if view.usual and step.standing in LIVE else None
        parts.append(f"{took} of about {about_duration(usual)}" if usual and usual >= SECOND else took)
    if step.done is not None and step.standing in LIVE:
        parts.append(progress(step.done, step.total, step.unit))
        parts.append(pace(view, step))
    if step.note and step.standing is not Standing.DONE:  # what is done has no progress any more
        parts.append(step.note)
    return ", ".join(part for part in parts if part)


def waits(view: RunView) -> list[Block]:
    """Until when a run waits, and what comes then, for `line`; empty where nobody can know."""
    live = [(step, does) for step, does in _planned(view) if step.standing in LIVE]
    ends = [step.until for step, _ in live if step.until]
    if view.heading is not Heading.FORTH or view.wish or not live or len(ends) < len(live) or max(ends) <= view.now:
        return []
    exact = all(isinstance(does, (Wait, Watch)) for _, does in live)
    verb = "Watches" if any(isinstance(does, Watch) for _, does in live) else "Waits"
    after = next((one_line(step.text, 120) for step in view.steps if step.standing is Standing.AHEAD), "")
    then = f", then{f': {after}' if after else ' it ends'}." if exact else " at most."
    near = {"shape": "{time_secs}"} if max(ends) - view.now < NEAR else {}
    return [text(f"{verb} until ", bold=True), moment(max(ends), **near), text(then, bold=True)]


def _planned(view: RunView) -> list[tuple[StepView, Any]]:
    """Each step with what it does."""
    return [
        (step, planned.does) for step, planned in zip(view.steps, view.plan.steps if view.plan else (), strict=False)
    ]


def duration(view: RunView, step: StepView) -> str:
    """How long it took, or takes so far; empty below a second."""
    if step.started is None or step.standing in (Standing.UNKNOWN, Standing.SKIPPED):
        return ""
    end = step.ended or (view.now if step.standing in LIVE else None)
    took = end - step.started if end else timedelta()
    return about_duration(took) if took >= SECOND else ""


def progress(done: float, total: float | None, unit: str = "") -> str:
    """ "1,200 of 4,212 rows (28 %)", "774MiB of 1.3GiB (58 %)"."""
    if not total:
        return words.amount(done, unit) if done else ""
    last = words.amount(total, unit)
    first = words.amount(done, unit).removesuffix(f" {unit}")
    return f"{first} of {last} ({min(done / total, 1):.0%})".replace("%", " %")


def pace(view: RunView, step: StepView) -> str:
    """ "31MiB/s, about 20s left"; empty before that can be known, and after a first attempt that was cut off."""
    took = (view.now - step.started).total_seconds() if step.started and step.attempt == 1 else 0
    if not step.done or took < STEADY.total_seconds():
        return ""
    rate = step.done / took
    said = f"{words.amount(rate, step.unit).removesuffix(f' {step.unit}')}/s" if rate >= 1 else ""
    ahead = timedelta(seconds=(step.total - step.done) / rate) if step.total and step.total > step.done else timedelta()
    left_ = f"about {about_duration(ahead)} left" if ahead >= SECOND else ""
    return ", ".join(part for part in (said, left_) if part)


def way_back(view: RunView, step: StepView) -> str:
    """What becomes of it if the run turns back; nothing once that is over."""
    if step.standing in OVER and not view.look_only:
        return ""
    if step.no_return:
        only_closed = view.heading is not Heading.FORTH and surely_not(last_of(view.events).get((step.name, Way.DO)))
        return "" if only_closed else "point of no return"
    if step.undo.startswith("leaves "):
        return step.undo if step.standing not in (Standing.FAILED, Standing.RETRYING) else ""
    if view.heading is not Heading.FORTH or (ended(view.state) and not view.look_only):
        return ""
    return "can be undone" if step.undo == "undone" else step.undo


def _if_fails(planned: Step[Any] | None) -> str:
    match planned.if_fails if planned else IfFails.UNDO:
        case IfFails.GO_ON:
            return "if it fails, the run goes on and says so"
        case IfFails.ASK:
            return "if it fails, people are asked"
        case _:
            return ""


def on_failure(plan: Plan) -> str:
    """What happens if a step fails, in one sentence for the approver; empty where none of them stops the run."""
    if all(step.if_fails is IfFails.GO_ON for step in plan.steps):
        return ""  # each of them says so itself
    alone = len(plan.steps) == 1
    if not any(step.undo for step in plan.steps):
        if any(step.closes for step in plan.steps):
            return "If a step fails, the run stops there, and what was opened is closed."
        if alone:
            return "If it fails, the run stops there: nothing is undone."
        return "If a step fails, the run stops there: no step can be undone."
    if alone:
        return "If it fails, what it did until then is undone."
    back = "If a step fails, what was done before it is undone in reverse"
    barriers = [step for step in plan.steps if step.no_return]
    if not barriers:
        return f"{back}."
    last = one_line(barriers[-1].tells or barriers[-1].name, 120)
    return f"{back}, down to the last point of no return that was passed. The last one is: {last}."
