"""A run's steps as its thread tells them: begun, done, failed, unknown, somebody's turn, the way back."""

from bot.durations import about_duration
from bot.model import Event, Mark, State, Way
from bot.operation import Task
from bot.render import wakes
from bot.render.ending import course
from bot.render.escape import one_line
from bot.render.message import Names
from bot.render.steps import duration
from bot.render.telling import CARD, Told, because, step_of, word
from bot.view import RunView


def started(view: RunView, names: Names, event: Event) -> Told:
    return Told(said="Started.", icon="▶️")


def step_started(view: RunView, names: Names, event: Event) -> Told | None:
    planned = next((s for s in view.plan.steps if s.name == event.step), None) if view.plan else None
    again = event.kind == "recalled"
    if planned is None or (event.way is not Way.DO and not again) or not isinstance(planned.does, Task):
        return None
    return task(view, names, planned.does, "again " if again else "")


def nudge(view: RunView, names: Names, event: Event) -> Told:
    who, called = wakes.turn(view, names, word(event, "whom"))
    said = f"Still to be done, {who}: {word(event, 'task') or step_of(view, event)}"
    return Told(said=said, then=f"When it is done, press Done on {CARD}.", wakes=called, alone=True, icon="🔔")


def task(view: RunView, names: Names, task: Task, again: str = "") -> Told:
    within = f" within {about_duration(task.within)}" if task.within else ""
    who, called = wakes.turn(view, names, task.who)
    said = f"It is {again}the turn of {who}{within}: {one_line(task.text, 1000)}"
    return Told(said=said, then=f"When it is done, press Done on {CARD}.", wakes=called, alone=True, icon="🙋")


def step_done(view: RunView, names: Names, event: Event) -> Told:
    step = next((s for s in view.steps if s.name == event.step), None)
    took = duration(view, step) if step and event.way is Way.DO else ""
    end = f" ({took})" if took else ""
    if event.way is Way.UNDO:
        return Told(said=f"Undone: {step_of(view, event)}.", icon="↩️")
    if step and step.no_return and event.way is Way.DO:
        said = f"Done{end}: {step_of(view, event)}. The point of no return is passed: what came before stays."
        return Told(said=said, alone=True, icon="✅")
    return Told(said=f"Done{end}: {step_of(view, event)}.", icon="✅")


def step_not_done(view: RunView, names: Names, event: Event) -> Told:
    said = f"Did not happen (attempt {event.attempt or 1}): {step_of(view, event)}{because(event)}."
    return Told(said=said.replace("..", "."), points=_output(event), icon="🔁")


def step_failed(view: RunView, names: Names, event: Event) -> Told:
    what = "Could not be undone" if event.way is Way.UNDO else "Failed"
    said = f"{what}: {step_of(view, event)}{because(event)}.".replace("..", ".")
    return Told(said=said, points=_output(event), alone=True, icon="❌")


def _output(event: Event) -> tuple[str, ...]:
    """A tool's own last lines, but for what is said already."""
    why = word(event, "why")
    lines = event.body.get("output", ())
    return tuple(one_line(line, 300) for line in lines if (line.partition("error: ")[2] or line) not in why)


def step_unknown(view: RunView, names: Names, event: Event) -> Told:
    what = f"was done for {word(event, 'item')}" if word(event, "item") else "happened"
    said = f"Nobody knows yet whether this {what}: {step_of(view, event)}{because(event)}."
    if any(one.kind == "step_late" and one.seq < event.seq and _same(one, event) for one in view.events):
        said = f"The late word alone settles nothing: {step_of(view, event)}{because(event)}."
    then = "It counts neither as done nor as failed until that is settled."
    return Told(said=said.replace("..", "."), then=then, alone=True, icon="❔")


def _same(one: Event, other: Event) -> bool:
    """Whether both tell of the same attempt."""
    return (one.step, one.way, one.attempt) == (other.step, other.way, other.attempt)


def step_late(view: RunView, names: Names, event: Event) -> Told:
    came = {"done": "it did happen", "failed": "it failed", "not_done": "it did not happen"}
    ended = came.get(str(event.body.get("ended")), "nobody can say what came of it")
    said = f"A late word from an earlier attempt at {step_of(view, event)}: {ended}{because(event)}."
    then = "It decides nothing by itself. Weigh it when you answer." if view.state is State.IN_DOUBT else ""
    return Told(said=said.replace("..", "."), then=then, alone=True, icon="📨")


def step_again(view: RunView, names: Names, event: Event) -> Told:
    if event.body.get("probed"):
        return Told(said=f"Looked at, and it did not happen: {step_of(view, event)}.", icon="🔁")
    return Told(said=f"Tried again: {step_of(view, event)}.", icon="🔁")


def ticked(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"{names.person(event.actor)} says it is done: {step_of(view, event)}.", icon="☑️")


def revealed(view: RunView, names: Names, event: Event) -> Told:
    return Told(said=f"Wiped, and given to {names.person(event.actor)} alone: {step_of(view, event)}.", icon="🔑")


def resolved(view: RunView, names: Names, event: Event) -> Told:
    if event.mark is Mark.UNKNOWN:
        return Told(said=f"Looked at again before that counts: {step_of(view, event)}.", icon="🔎")
    means = {"happened": "Counts as done", "skip": "Skipped", "again": "Is done again"}
    said = means.get(str(event.body.get("choice")), "Settled")
    said += f" for {item}" if (item := word(event, "after")) else ""
    return Told(said=f"{said}, as answered: {step_of(view, event)}.")


def waiting(view: RunView, names: Names, event: Event) -> Told | None:
    why = word(event, "why", "sentence")
    return Told(said=f"Waiting: {why}.".replace("..", "."), icon="⏸️") if why else None


def turned(view: RunView, names: Names, event: Event) -> Told:
    why, failed = event.body.get("why"), one_line(str(event.body.get("step") or ""))
    named = next((one_line(s.text, 200) for s in view.steps if s.name == failed), failed)
    cause = {"failed": f"A step failed ({named})." if named else "A step failed.", "cancelled": "Cancelled, as asked."}
    said = cause.get(str(why), "Stopped, as answered.")
    return Told(said=f"{said} {course(view, event)}", alone=True, icon="↩️")
