"""Pure decisions over a plan: is it well-formed, does an approved one cover a fresh one, which is the way back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any, get_args

from bot.effect import AtMost, Deed, Effect, Ref, Shown, Survival, Sweep, Target, Within
from bot.model import Entry, Mark, Record, Way
from bot.operation import Call, Loss, Plan, Step, Task

NAME_LIMIT = 40  # a step's name is part of session names, which PostgreSQL cuts at 63 bytes
STEPS_LIMIT = 100


def refs(value: Any) -> Iterator[str]:
    """The names of the steps whose results a value uses."""
    if isinstance(value, Ref):
        yield value.step
    elif isinstance(value, Record):
        for part in value.__dict__.values():
            yield from refs(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from refs(getattr(value, part.name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from refs(part)
    elif isinstance(value, (tuple, list, frozenset, set)):
        for part in value:
            yield from refs(part)


def faults(plan: Plan) -> list[str]:
    """What is wrong with a plan, each in words; empty for a well-formed one. Sources: vocabulary rules 1, 2, 6."""
    found: list[str] = []
    before: dict[str, Step[Any]] = {}
    closers = {step.closes: step for step in plan.steps if step.closes}
    groups_left: set[str] = set()
    last_group = ""
    if len(plan.steps) > STEPS_LIMIT:
        found.append(f"{len(plan.steps)} steps, more than {STEPS_LIMIT}")
    for step in plan.steps:
        found += [f"{step.name}: {fault}" for fault in _faults_of(step, before, closers)]
        if step.group != last_group:
            groups_left.add(last_group)
        if step.group and step.group in groups_left:
            found.append(f"{step.name}: the steps of group {step.group!r} are not neighbours")
        last_group = step.group
        before[step.name] = step
    if plan.steps and (last := plan.steps[-1]) and isinstance(last.does, Task) and last.does.again and _alone(plan):
        found.append(f"{last.name}: comes back, but nothing beside or after it keeps the run going until then")
    for step in plan.steps:
        used = set(refs(step.does)) | set(refs(step.undo))
        if step.group and any(name in before and before[name].group == step.group for name in used):
            found.append(f"{step.name}: uses a result of its own group, whose steps go in any order")
    return found


def _faults_of(step: Step[Any], before: Mapping[str, Step[Any]], closers: Mapping[str, Step[Any]]) -> Iterator[str]:
    if not step.name or len(step.name) > NAME_LIMIT or any(c.isspace() for c in step.name):
        yield f"a step's name is one word of at most {NAME_LIMIT} characters"
    if step.name in before:
        yield "there is an earlier step of this name"
    for deed in (step.does, step.undo):
        yield from _faults_of_results(deed, before) if deed else ()
    if isinstance(step.does, Task) and step.does.again is not None:
        yield from _faults_of_recall(step.does)
    if step.closes and step.closes not in before:
        yield f"closes {step.closes}, which is no earlier step"
    if step.closes and isinstance(step.does, Effect) and step.does.survives is Survival.ONCE:
        yield "a closing step must be repeatable"
    if isinstance(step.does, Effect):
        yield from _faults_of_effect(step, step.does, step.name in closers)
    elif step.undo and not isinstance(step.does, Call):
        yield "only an effect or a call can be undone"


def _faults_of_results(deed: Deed[Any], before: Mapping[str, Step[Any]]) -> Iterator[str]:
    for name in refs(deed):
        if name not in before:
            yield f"uses the result of {name}, which is no earlier step"
    for name in _late_targets(deed):
        yield f"{name} is a target: the plan names it, the result of a step never chooses it"


def _late_targets(given: Record) -> Iterator[str]:
    """The fields for a target, of a deed and of what it looks with, in which a result would choose the target."""
    for name, field in type(given).model_fields.items():
        part = getattr(given, name)
        if _for_target(field.annotation) and any(refs(part)):
            yield name
        elif isinstance(part, Record):
            yield from _late_targets(part)


def _for_target(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Target):
        return True
    return any(_for_target(part) for part in get_args(annotation))


def _alone(plan: Plan) -> bool:
    """Whether the last step has no neighbour of its group that is no returning task itself."""
    last = plan.steps[-1]
    beside = (s for s in plan.steps[:-1] if last.group and s.group == last.group)
    return all(isinstance(s.does, Task) and s.does.again is not None for s in beside)


def _faults_of_recall(task: Task) -> Iterator[str]:
    if task.again is not None and task.again <= timedelta():
        yield "comes back at once, for ever: again is longer than nothing"
    if task.within is not None:
        yield "comes back, so it cannot fail by its time: give it nudges instead of within"
    if task.reveals is not None:
        yield "comes back, and a secret is shown once"


def _faults_of_effect(step: Step[Any], effect: Effect[Any], closed: bool) -> Iterator[str]:
    said = [bool(step.undo), bool(step.leaves), step.no_return and not step.closes, closed]
    if not hasattr(type(effect), "survives"):
        yield "the effect does not say how it survives a crash"
    if not effect.changes:
        if step.undo or step.no_return:
            yield "it changes nothing, so there is nothing to undo and no point of no return"
    elif not step.closes and sum(said) != 1:
        yield "says not exactly one of: undo, leaves, no_return, closed by a later step"
    elif step.closes and step.undo:
        yield "a closing step cannot be undone"


def covers(approved: Any, fresh: Any, mark: Any = None) -> bool:
    """Whether what was approved may run, given what would be planned now: the same or less. Sentences do not count."""
    if mark is Shown or isinstance(mark, Shown):
        return True
    if mark is AtMost or isinstance(mark, AtMost):
        return bool(fresh <= approved)
    if isinstance(mark, Within):
        return bool(abs(fresh - approved) <= abs(approved) * mark.ratio)
    if type(approved) is not type(fresh):
        return False
    if isinstance(approved, Plan):
        return covers(approved.steps, fresh.steps) and _covers_losses(approved.loses, fresh.loses)
    if isinstance(approved, Loss):
        return _covers_loss(approved, fresh)
    if isinstance(approved, Step):
        parts = ("name", "does", "undo", "leaves", "no_return", "closes", "group", "if_fails")
        return all(covers(getattr(approved, part), getattr(fresh, part)) for part in parts)
    if isinstance(approved, Record):
        return all(
            covers(getattr(approved, name), getattr(fresh, name), _mark(field.metadata))
            for name, field in type(approved).model_fields.items()
        )
    if isinstance(approved, (tuple, list)):
        return len(approved) == len(fresh) and all(covers(a, b) for a, b in zip(approved, fresh, strict=True))
    return bool(approved == fresh)


def _mark(metadata: Sequence[Any]) -> Any:
    kinds = (Shown, AtMost, Within)
    return next((m for m in metadata if m in (Shown, AtMost) or isinstance(m, kinds)), None)


def _covers_losses(approved: Sequence[Loss], fresh: Sequence[Loss]) -> bool:
    """Every fresh loss was shown, within its bound; a loss that is gone is less."""
    shown = {loss.what: loss for loss in approved}
    return all(loss.what in shown and _covers_loss(shown[loss.what], loss) for loss in fresh)


def _covers_loss(approved: Loss, fresh: Loss) -> bool:
    if approved.what != fresh.what or approved.unit != fresh.unit:
        return False
    if approved.at_most is None:
        return approved.now == fresh.now
    if fresh.at_least and not approved.at_least:
        return False
    bound_alone = approved.now is None and fresh.now is None  # and is its own worst
    comes_to = fresh.at_most if bound_alone else fresh.now
    return comes_to is not None and comes_to <= approved.at_most


class Back(Record):
    """One act of the way back: undo this step, or run this closing step."""

    step: str
    way: Way


NOTHING = frozenset({Mark.NOT_DONE, Mark.FAILED, Mark.AGAIN, Mark.SKIPPED})


def surely_not(entry: Entry | None) -> bool:
    """Whether a step's last word is proof that nothing of it happened. `journey.last_words` says `partly` where not."""
    return entry is None or (entry.mark in NOTHING and not entry.body.get("partly"))


def way_back(plan: Plan, last: Mapping[tuple[str, Way], Entry], undoing: bool = True) -> tuple[Back, ...]:
    """What is undone and closed, in order, given the last ledger entry of each (step, way).

    Undoing goes in reverse down to the last barrier; a step that surely did not happen is passed over. A closing runs
    at the turn of the step it closes, again if it had run: an undone step between them may have opened the same
    thing. Beyond a barrier, or where nothing is undone, it runs only if it has not been done.
    """
    acts: list[Back] = []
    closers = {step.closes: step.name for step in plan.steps if step.closes}
    barrier = not undoing
    for step in reversed(plan.steps):
        entry = last.get((step.name, Way.DO))
        if surely_not(entry):
            continue
        barrier = barrier or step.no_return
        closer = closers.get(step.name)
        if closer and (not barrier or not _done(last.get((closer, Way.DO)))):
            acts.append(Back(step=closer, way=Way.CLOSE))
        elif step.undo and not barrier:
            acts.append(Back(step=step.name, way=Way.UNDO))
    return tuple(acts)


def passed_barrier(plan: Plan, last: Mapping[tuple[str, Way], Entry]) -> bool:
    """Whether a point of no return was, or may have been, passed."""
    return any(step.no_return and not surely_not(last.get((step.name, Way.DO))) for step in plan.steps)


def changed(plan: Plan, last: Mapping[tuple[str, Way], Entry]) -> tuple[Step[Any], ...]:
    """The steps that changed something, or may have; a closing speaks for nothing but what it closes."""
    return tuple(step for step in plan.steps if _changes(step) and not surely_not(last.get((step.name, Way.DO))))


def remaining(plan: Plan, last: Mapping[tuple[str, Way], Entry]) -> tuple[Step[Any], ...]:
    """Those of them that were neither undone nor closed."""
    closers = {step.closes: step.name for step in plan.steps if step.closes}
    return tuple(
        step
        for step in changed(plan, last)
        if not _done(last.get((step.name, Way.UNDO))) and not _closed(closers.get(step.name, ""), last)
    )


def _changes(step: Step[Any]) -> bool:
    """Whether it leaves the world other than it was; what people do and other runs do may."""
    if step.closes and not step.no_return:
        return False
    return step.does.changes if isinstance(step.does, Effect) else isinstance(step.does, (Call, Task))


def _closed(closer: str, last: Mapping[tuple[str, Way], Entry]) -> bool:
    return _done(last.get((closer, Way.CLOSE)) or last.get((closer, Way.DO)))


def _done(entry: Entry | None) -> bool:
    return entry is not None and entry.mark is Mark.DONE


def deed_of(step: Step[Any], way: Way) -> Deed[Any]:
    """What is carried out when a step is done, undone or run as a closing. Raises LookupError without an undo."""
    if way is not Way.UNDO:
        return step.does
    if step.undo is None:
        raise LookupError(f"{step.name} has no undo")
    return step.undo


def find(plan: Plan, name: str) -> Step[Any]:
    """The step of that name. Raises LookupError."""
    for step in plan.steps:
        if step.name == name:
            return step
    raise LookupError(f"the plan has no step {name}")


def reveals(plan: Plan) -> frozenset[str]:
    """The steps whose sealed results a task of the plan shows to somebody once."""
    return frozenset(s.does.reveals.step for s in plan.steps if isinstance(s.does, Task) and s.does.reveals is not None)


def sweeps(step: Step[Any]) -> bool:
    """Whether a step goes through many items."""
    return isinstance(step.does, Sweep)
