"""From a plan and its ledger to where each step stands: what the card shows, as a pure function."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.journey import TRIES, Last, last_words, vain
from bot.lifecycle import ended
from bot.model import Entry, Event, Heading, Mark, Record, State, Way
from bot.operation import Call, Plan, Step, Task, Until, Wait, Watch
from bot.view import Standing, StepView

BY_MARK = {
    Mark.DONE: Standing.DONE,
    Mark.FAILED: Standing.FAILED,
    Mark.NOT_DONE: Standing.RETRYING,
    Mark.UNKNOWN: Standing.UNKNOWN,
    Mark.AGAIN: Standing.RETRYING,
    Mark.SKIPPED: Standing.SKIPPED,
}


def entries_of(events: Sequence[Event]) -> list[Entry]:
    """The ledger: those events that speak about an attempt at a step."""
    return [
        Entry(
            seq=e.seq,
            step=e.step,
            way=e.way,
            attempt=e.attempt or 1,
            mark=e.mark,
            at=e.at,
            deadline=e.deadline,
            body=e.body,
        )
        for e in events
        if e.step is not None and e.way is not None and e.mark is not None
    ]


def last_of(events: Sequence[Event]) -> Last:
    """The last word of the ledger on each step, by (step, way)."""
    return last_words(entries_of(events))


class Recall(Record):
    """A task that comes back (`Task.again`) and was ticked once: since when it is open again, or when it will be."""

    step: str
    round: int  # how often it has come back so far
    since: datetime | None = None
    due: datetime | None = None


def recalls(plan: Plan, events: Sequence[Event]) -> tuple[Recall, ...]:
    """Every task of the plan that comes back, once its first turn was ticked."""
    found: list[Recall] = []
    for step in plan.steps:
        if not isinstance(step.does, Task) or step.does.again is None:
            continue
        turns = [e for e in events if e.step == step.name and e.kind in ("ticked", "recalled")]
        if not turns:
            continue
        back, last = sum(e.kind == "recalled" for e in turns), turns[-1]
        open_now = last.kind == "recalled"
        found.append(Recall(
            step=step.name, round=back, since=last.at if open_now else None,
            due=None if open_now else last.at + step.does.again,
        ))  # fmt: skip
    return tuple(found)


def steps_of(
    plan: Plan, events: Sequence[Event], state: State, heading: Heading, progress: Mapping[str, Any]
) -> tuple[StepView, ...]:
    """One StepView for each step of the plan, in order. `progress` is {step: {done, total, note}}."""
    entries = entries_of(events)
    closed_by = {s.closes: s for s in plan.steps if s.closes}
    views = (_step_view(s, entries, state, heading, progress.get(s.name, {}), closed_by) for s in plan.steps)
    back = (
        {r.step for r in recalls(plan, events) if r.since} if heading is Heading.FORTH and not ended(state) else set()
    )
    return tuple(v.model_copy(update={"standing": Standing.WAITING}) if v.name in back else v for v in views)


def _step_view(
    step: Step[Any],
    entries: Sequence[Entry],
    state: State,
    heading: Heading,
    progress: Mapping[str, Any],
    closed_by: Mapping[str, Step[Any]],
) -> StepView:
    mine = [e for e in entries if e.step == step.name and e.mark is not Mark.LATE]
    last = mine[-1] if mine else None
    started = next((e.at for e in mine if e.mark is Mark.STARTED), None)
    return StepView(
        name=step.name,
        text=step_text(step),
        standing=_standing(step, last, mine, state, heading),
        attempt=last.attempt if last else 0,
        started=started,
        ended=_ended(last),
        until=_until(step, last),
        note=str(progress.get("note") or (last.body.get("why") if last else "") or ""),
        done=progress.get("done"),
        total=progress.get("total"),
        unit=str(progress.get("unit") or ""),
        undo=_undo_words(step, closed_by),
        closer=closed_by[step.name].name if step.name in closed_by else "",
        no_return=step.no_return,
        task=isinstance(step.does, Task),
    )


def step_text(step: Step[Any]) -> str:
    """What a step does, in the words that people read."""
    own = step.does.text if isinstance(step.does, Task) else ""
    return step.tells or own or step.name.replace("-", " ").replace("/", ": ")


def _ended(last: Entry | None) -> datetime | None:
    return last.at if last and last.mark in (Mark.DONE, Mark.FAILED, Mark.SKIPPED) else None


def _until(step: Step[Any], last: Entry | None) -> datetime | None:
    if last is None or last.mark is not Mark.STARTED or last.way is not Way.DO:
        return None
    match step.does:
        case Wait(lasting=span) | Watch(lasting=span):
            return last.at + span
        case Until(within=span):
            return last.at + span
        case Task(within=within, reveals=None):
            return last.at + within if within else None
        case _:
            return None


def _standing(step: Step[Any], last: Entry | None, mine: Sequence[Entry], state: State, heading: Heading) -> Standing:
    if last is None:
        return Standing.NEVER if ended(state) or heading is not Heading.FORTH else Standing.AHEAD
    if last.way is Way.UNDO:
        return _undo_standing(last)
    if last.mark is Mark.STARTED:
        turned = ended(state) or heading is not Heading.FORTH
        if turned and last.way is Way.DO and isinstance(step.does, (Until, Watch, Wait, Task)):
            return Standing.BROKEN_OFF
        polled = isinstance(step.does, (Until, Watch, Wait, Task, Call))
        return Standing.WAITING if polled and last.way is Way.DO else Standing.RUNNING
    if last.mark in (Mark.NOT_DONE, Mark.AGAIN) and vain(mine, step.name, last.way) >= TRIES:
        return Standing.FAILED
    return BY_MARK[last.mark]


def _undo_standing(last: Entry) -> Standing:
    match last.mark:
        case Mark.DONE:
            return Standing.UNDONE
        case Mark.FAILED:
            return Standing.UNDO_FAILED
        case Mark.UNKNOWN:
            return Standing.UNKNOWN
        case _:
            return Standing.UNDOING


def _undo_words(step: Step[Any], closed_by: Mapping[str, Step[Any]]) -> str:
    if step.no_return:
        return "point of no return"
    if step.name in closed_by:
        return f"closed by {closed_by[step.name].tells or closed_by[step.name].name}"
    if step.undo:
        return "undone"
    return f"leaves {step.leaves}" if step.leaves else ""
