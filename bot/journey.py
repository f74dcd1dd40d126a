"""The next acts of a run, as a pure function of its plan and its ledger: going on, recovering and going back alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.effect import Deed, Effect, Survival, Sweep
from bot.model import Choice, Doubt, Entry, Heading, Mark, Record, Signal, Way
from bot.operation import IfFails, Plan, Step, Task, Until, Wait, Watch
from bot.plans import NOTHING, deed_of, find, passed_barrier, surely_not, way_back

TRIES = 4  # attempts proved not to have happened before a step counts as failed; unknown ones before people are asked


class Perform(Record):
    """Commit *started* for this attempt, then do it."""

    step: str
    way: Way
    attempt: int
    after_failures: int = 0  # proved failures so far: the engine waits longer each time


class Settle(Record):
    """An attempt was started by a worker that is gone, or by us before a park: find out, or go on polling."""

    step: str
    way: Way
    attempt: int


class Probe(Record):
    """Ask the world whether an unknown attempt happened."""

    step: str
    way: Way
    attempt: int
    said: bool = False  # people said that it happened: a definite no is told them, anything else lets their word count


class Ask(Record):
    """Stop and ask people."""

    doubt: Doubt
    step: str
    way: Way
    attempt: int
    choices: tuple[Choice, ...]


class Turn(Record):
    """Change the heading; the reason is told."""

    heading: Heading
    why: str  # "failed" | "cancelled"
    step: str = ""


class End(Record):
    """Nothing is left to do."""

    signal: Signal


Act = Perform | Settle | Probe | Ask | Turn | End
Last = Mapping[tuple[str, Way], Entry]


def last_words(entries: Sequence[Entry]) -> dict[tuple[str, Way], Entry]:
    """The last ledger entry of each (step, way); late evidence decides nothing and is passed over.

    What came to nothing, or was given up, proves nothing of the attempts before it: where one of them stayed unknown,
    or went through a part, the entry says `partly`, so that the step is undone and closed. A probe's no clears it.
    """
    last: dict[tuple[str, Way], Entry] = {}
    maybe: set[tuple[str, Way]] = set()
    for entry in entries:
        key = (entry.step, entry.way)
        if entry.mark is Mark.LATE:
            continue
        if entry.mark is Mark.UNKNOWN or "after" in entry.body or entry.body.get("partly"):
            maybe.add(key)
        elif entry.body.get("probed"):
            maybe.discard(key)
        partly = key in maybe and entry.mark in NOTHING
        last[key] = entry.model_copy(update={"body": {**entry.body, "partly": True}}) if partly else entry
    return last


def next_acts(
    plan: Plan, entries: Sequence[Entry], heading: Heading, why: str = "", cancel: bool = False
) -> tuple[Act, ...]:
    """What to do now: one act, or several Performs/Settles/Probes of one group at once. Never empty.

    `why` is the reason of a heading other than FORTH ("failed", "cancelled", "stopped"); `cancel` says that somebody
    asked to cancel, which is honoured between steps.
    """
    last = last_words(entries)
    if heading is Heading.FORTH:
        return _forth(plan, entries, last, cancel)
    return _back(plan, entries, last, heading, why)


def _forth(plan: Plan, entries: Sequence[Entry], last: Last, cancel: bool) -> tuple[Act, ...]:
    for batch in _batches(plan):
        open_steps = [step for step in batch if not _passed(step, entries, last)]
        if not open_steps:
            continue
        acts = [_act(step, Way.DO, entries, last) for step in open_steps]
        under_way = tuple(a for a in acts if isinstance(a, (Settle, Probe)))
        if cancel and not any(_in_flight(plan, a) for a in under_way):
            return (Turn(heading=Heading.BACK, why="cancelled"),)
        if under_way:
            return under_way
        if questions := tuple(a for a in acts if isinstance(a, Ask)):
            return questions[:1]
        failed = [step for step, act in zip(open_steps, acts, strict=True) if act is None]
        if failed:
            return (_failure(plan, failed[0], entries, last),)
        return tuple(a for a in acts if a is not None)
    return (End(signal=Signal.SUCCEED),)


def _in_flight(plan: Plan, act: Settle | Probe) -> bool:
    """Whether an effect may be at work there; looks, waits, tasks and called runs are left at once."""
    return isinstance(find(plan, act.step).does, Effect)


def _settles_alone(plan: Plan, act: Settle | Probe) -> bool:
    """Whether it can be left in the air on the way back; a called run cannot, it is cancelled and waited for."""
    return isinstance(find(plan, act.step).does, (Until, Watch, Wait, Task))


def _batches(plan: Plan) -> list[list[Step[Any]]]:
    """The steps in order, neighbours of one group together."""
    out: list[list[Step[Any]]] = []
    for step in plan.steps:
        if out and step.group and out[-1][0].group == step.group:
            out[-1].append(step)
        else:
            out.append([step])
    return out


def _passed(step: Step[Any], entries: Sequence[Entry], last: Last) -> bool:
    entry = last.get((step.name, Way.DO))
    if entry is None:
        return False
    if entry.mark in (Mark.DONE, Mark.SKIPPED):
        return True
    return step.if_fails is IfFails.GO_ON and _act(step, Way.DO, entries, last) is None


def _act(step: Step[Any], way: Way, entries: Sequence[Entry], last: Last) -> Act | None:
    """What an unfinished step needs; None where it failed for good."""
    entry = last.get((step.name, way))
    if entry is None:
        return Perform(step=step.name, way=way, attempt=1)
    match entry.mark:
        case Mark.STARTED:
            return Settle(step=step.name, way=way, attempt=entry.attempt)
        case Mark.UNKNOWN:
            return _after_unknown(step, way, entry, _in_a_row(entries, step.name, way, Mark.UNKNOWN))
        case Mark.AGAIN | Mark.NOT_DONE:
            failures = vain(entries, step.name, way)
            if failures >= TRIES:
                return None
            at_once = failures and entry.mark is Mark.AGAIN  # the first of them: a crash is made up for
            waits = failures - 1 if at_once else failures
            return Perform(step=step.name, way=way, attempt=entry.attempt + 1, after_failures=waits)
        case _:
            return None


def _after_unknown(step: Step[Any], way: Way, entry: Entry, times: int) -> Act:
    deed = deed_of(step, way)
    if isinstance(deed, Sweep) and deed.each is not Survival.IDEMPOTENT:
        known = (Choice.HAPPENED,) if "item" in entry.body else ()  # one item, and which one is known
        choices: tuple[Choice, ...] = (*known, Choice.AGAIN, Choice.STOP)
        return Ask(doubt=Doubt.EFFECT, step=step.name, way=way, attempt=entry.attempt, choices=choices)
    survives = deed.survives if isinstance(deed, Effect) else Survival.IDEMPOTENT
    if survives is Survival.PROBE and not entry.body.get("cannot_tell"):
        said = entry.body.get("choice") == Choice.HAPPENED
        return Probe(step=step.name, way=way, attempt=entry.attempt, said=said)
    if survives in (Survival.PROBE, Survival.ONCE):
        happened = () if entry.body.get("refuted") else (Choice.HAPPENED,)
        choices = (*happened, Choice.AGAIN, _give_up(way))
        return Ask(doubt=Doubt.EFFECT, step=step.name, way=way, attempt=entry.attempt, choices=choices)
    if times >= TRIES:
        choices = (Choice.AGAIN, Choice.BACK, Choice.STOP) if way is Way.DO else (Choice.AGAIN, _give_up(way))
        return Ask(doubt=Doubt.EFFECT, step=step.name, way=way, attempt=entry.attempt, choices=choices)
    return Perform(step=step.name, way=way, attempt=entry.attempt + 1, after_failures=times - 1)


def _give_up(way: Way) -> Choice:
    """A run may stop before its undo, never before its closings: those are done, or skipped by name."""
    return Choice.SKIP if way is Way.CLOSE else Choice.STOP


def repeatable(deed: Deed[Any]) -> bool:
    """Whether doing it a second time does no harm."""
    survives = deed.each if isinstance(deed, Sweep) else deed.survives if isinstance(deed, Effect) else None
    return survives in (Survival.IDEMPOTENT, Survival.OURS)


def vain(entries: Sequence[Entry], step: str, way: Way) -> int:
    """How many attempts were proved not to have happened, by a refusal or a probe, since people last said *again*."""
    count = 0
    for entry in entries:
        if (entry.step, entry.way) == (step, way):
            probed = entry.mark is Mark.AGAIN and "probed" in entry.body
            count = 0 if entry.mark is Mark.AGAIN and not probed else count + (probed or entry.mark is Mark.NOT_DONE)
    return count


def _in_a_row(entries: Sequence[Entry], step: str, way: Way, mark: Mark) -> int:
    """How often the step's attempts ended so, since people last said *again*."""
    count = 0
    for entry in entries:
        if (entry.step, entry.way) == (step, way):
            count = 0 if entry.mark is Mark.AGAIN else count + (entry.mark is mark)
    return count


def _failure(plan: Plan, step: Step[Any], entries: Sequence[Entry], last: Last) -> Act:
    """A step failed on the way forth: go on, ask, or turn back."""
    entry = last[step.name, Way.DO]
    nothing_to_undo = not way_back(plan, last) and passed_barrier(plan, last)
    if step.if_fails is IfFails.ASK or nothing_to_undo:
        choices = (Choice.AGAIN, Choice.SKIP, *(() if nothing_to_undo else (Choice.BACK,)), Choice.STOP)
        return Ask(doubt=Doubt.FAILED, step=step.name, way=Way.DO, attempt=entry.attempt, choices=choices)
    return Turn(heading=Heading.BACK, why="failed", step=step.name)


def _back(plan: Plan, entries: Sequence[Entry], last: Last, heading: Heading, why: str) -> tuple[Act, ...]:
    if loose := _in_the_air(plan, entries, last, asking=heading is Heading.BACK):
        return loose
    undo_failed = any(_lost(plan, e, entries, last) for e in last.values() if e.way is Way.UNDO)
    for back in way_back(plan, last, undoing=heading is Heading.BACK):
        entry = last.get((back.step, back.way))
        if entry is not None and entry.mark in (Mark.DONE, Mark.SKIPPED):
            continue
        if back.way is Way.UNDO and undo_failed:
            continue
        act = _act(find(plan, back.step), back.way, entries, last)
        if act is not None:
            return (act,)
        attempt = entry.attempt if entry else 1
        choices = (Choice.AGAIN, Choice.SKIP)
        return (Ask(doubt=Doubt.CLOSING, step=back.step, way=back.way, attempt=attempt, choices=choices),)
    return (End(signal=_end_of_back(plan, last, heading, why, undo_failed)),)


def _lost(plan: Plan, entry: Entry, entries: Sequence[Entry], last: Last) -> bool:
    """Whether an undo failed for good."""
    settled = entry.mark in (Mark.DONE, Mark.SKIPPED)
    return not settled and _act(find(plan, entry.step), entry.way, entries, last) is None


def _in_the_air(plan: Plan, entries: Sequence[Entry], last: Last, asking: bool) -> tuple[Act, ...]:
    """Undo never starts on, nor passes, an unknown: first every attempt of the way forth is settled.

    Whoever said Stop wants nothing undone and is asked nothing more; but what may still act is waited for.
    """
    acts: list[Act] = []
    for step in plan.steps:
        entry = last.get((step.name, Way.DO))
        if entry is None or entry.mark not in (Mark.STARTED, Mark.UNKNOWN):
            continue
        act = _act(step, Way.DO, entries, last)
        if not asking and not isinstance(act, Settle):
            continue
        if isinstance(act, (Settle, Probe)) and _settles_alone(plan, act):
            continue
        # A repeatable effect in the air needs no second attempt, nor an answer: its undo bears not, partly, wholly.
        if isinstance(act, (Settle, Probe)) or (isinstance(act, Ask) and not repeatable(step.does)):
            acts.append(act)
    return tuple(acts[:1])


def _end_of_back(plan: Plan, last: Last, heading: Heading, why: str, undo_failed: bool) -> Signal:
    if heading is Heading.STOP or undo_failed:
        return Signal.FAIL
    changed = any(
        isinstance(step.does, Effect) and step.does.changes and not surely_not(last.get((step.name, Way.DO)))
        for step in plan.steps
    )
    if not changed:
        return Signal.CANCEL if why == "cancelled" else Signal.FAIL
    return Signal.FAIL if passed_barrier(plan, last) else Signal.UNDO
