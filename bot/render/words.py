"""Short words that several messages share: values, losses, people, targets, the typed line."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from pydantic import TypeAdapter

from bot.durations import about_duration, about_size, print_duration
from bot.effect import Check, Deed, Effect, Ref, Secret, Target, Until, Watch
from bot.model import Record, run_of
from bot.operation import Call, Loss, Plan, Step, Task, Wait
from bot.render.escape import one_line

NAMING = ("database", "service", "environment")  # parameters that name the target, before all others
NOBODYS = {"schedule": "a schedule", "webhook": "a webhook", "run": "another run"}  # a run with no asker, by its door
ISO_DURATION = re.compile(
    r"P(?=[\dT])(\d+Y)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"
)  # as JSON holds a timedelta
ENDLESS = 1e15  # from there on nobody counts the digits
SPAN = TypeAdapter(timedelta)
Moved = tuple[str, str, str]  # a value's name, what it was, what it is, as `value` writes them
WHOM = {"requester": "whoever asked", "another": "somebody who did not ask"}


def value(given: Any) -> str:
    """A parameter or an effect's argument as one would type it."""
    if isinstance(given, (Record, Mapping)) and not isinstance(given, Target):
        named = given.items() if isinstance(given, Mapping) else given.__dict__.items()
        return f"({', '.join(f'{name}={value(part)}' for name, part in named)})"
    if isinstance(given, (list, tuple, set, frozenset)):
        return value(dict(given)) if _pairs(given) else ",".join(_item(part) for part in given) or "none"
    return _single(given)


def asker(name: str, via: str) -> str:
    """Who asked: a person's name, or what stands for nobody."""
    return one_line(name, 80) or NOBODYS.get(via, "somebody who is not listed")


def _item(given: Any) -> str:
    """One entry of a list as it is typed."""
    return value(given).replace("\\", "\\\\").replace(",", "\\,")


def _pairs(given: Collection[Any]) -> bool:
    """Whether a sequence names its values: (("reason", …), ("lasting", …))."""
    named_parts = [part for part in given if isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], str)]
    return bool(given) and len({name for name, _ in named_parts}) == len(given)


def _single(given: Any) -> str:
    match given:
        case None | bool():
            return {None: "none", True: "yes", False: "no"}[given]
        case Ref(step=step):
            return f"(result of {step})"
        case Secret():
            return "•••"
        case Target(key=key):
            return key
        case datetime() if given.tzinfo:
            return given.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta() if given >= timedelta():
            return print_duration(given)
        case str() if ISO_DURATION.fullmatch(given):
            return print_duration(SPAN.validate_python(given))
        case Enum():
            return str(given.value)
    if is_dataclass(given) and not isinstance(given, type):
        return f"({', '.join(f'{f.name}={value(getattr(given, f.name))}' for f in fields(given))})"
    return str(given)


def arguments(record: Record) -> str:
    """ "database=shop into=shop_r142_new": everything a deed was given."""
    return " ".join(f"{name}={_typed(value(part))}" for name, part in record.__dict__.items())


def deed(does: Deed[Any]) -> str:
    """What a step carries out: the kind of act and all its arguments."""
    match does:
        case Until():
            ends = f"every {about_duration(does.every)}, for up to {about_duration(does.within)}"
            return f"{_act(does.check)} · looked at {ends}"
        case Watch():
            ends = f"every {about_duration(does.every)} for {about_duration(does.lasting)}"
            return f"{_act(does.check)} · watched {ends}, {does.bad_looks} bad looks fail it"
        case Wait():
            return f"waits {about_duration(does.lasting)}"
        case Task():
            within = f" within {about_duration(does.within)}" if does.within else ""
            return f"done by {WHOM.get(does.who, does.who)}{within}: {does.text}"
        case Call():
            after = ", not waited for" if does.detached else ", with its own plan and approval"
            return f"{command(does.command, does.params)}{after}"
        case _:
            return _act(does)


def _act(does: Deed[Any] | Check[Any]) -> str:
    return f"{type(does).__name__} {arguments(does)}".rstrip()


def apart(before: Deed[Any], now: Deed[Any], said: Collection[Moved] = ()) -> str:
    """Two deeds side by side; of two that do the same with other arguments, these alone: "backup=a → b".

    Left out are arguments that are `said` to have changed in the same way, and, where others changed or they are said
    to have, those that only machines read. Empty where nothing is left.
    """
    if not isinstance(before, Effect) or type(before) is not type(now):
        return f"{deed(before)} → {deed(now)}"
    parts = {name: (part, getattr(now, name)) for name, part in before.__dict__.items() if part != getattr(now, name)}
    told = {name: _side_by_side(name, *both, said) for name, both in parts.items()}
    read = [told[name] for name in told if told[name] and name not in before.internal]
    other = {name for name, _, _ in said}  # what machines alone read is by another name of the same value there
    return ", ".join(read or [words for name, words in told.items() if words and name not in other])


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> frozenset[Moved]:
    """Of what was asked: what changed, as `apart` compares it."""
    names = {*before, *now}
    both = {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}
    return frozenset((name, value(was), value(is_now)) for name, (was, is_now) in both.items())


def _side_by_side(name: str, before: Any, now: Any, said: Collection[Moved]) -> str:
    """ "backup=a → b", by the names of the two where these differ; of named values those that changed, one by one."""
    if _pairs_of(before) and _pairs_of(now):
        was, is_now = dict(before), dict(now)
        each = (_side_by_side(key, was.get(key), is_now.get(key), said) for key in dict.fromkeys([*was, *is_now]))
        return ", ".join(words for words in each if words)
    if before == now or (name, value(before), value(now)) in said:
        return ""
    both = _typed(_named(before)), _typed(_named(now))
    return f"{name}={' → '.join(both if both[0] != both[1] else (_typed(value(before)), _typed(value(now))))}"


def _pairs_of(given: Any) -> bool:
    return isinstance(given, (list, tuple)) and _pairs(given)


def briefly(does: Deed[Any], params: Mapping[str, Any]) -> str:
    """With what values a step is carried out, as the card says it behind the step's own words; perhaps nothing.

    Left out is what is certain without it: an argument of the same name and value as one of the run's parameters,
    which the card's own line gives; where the run has no parameter of that name, an argument that is at its default, or
    that is none and has no default. And what says nothing to a person: the kind of act, fields that only machines read.
    Of the result of an earlier step the card says apart what it may be. Details and a plan's file have these too. Named
    values are arguments one by one.
    """
    if not isinstance(does, Effect):
        return deed(does)
    given = [(name, part) for name, part in does.__dict__.items() if name not in does.internal]
    read = [(name, part) for name, part in given if not isinstance(part, Ref) and not _known(does, name, params)]
    each = [one for name, part in read for one in (part if _pairs_of(part) else ((name, part),))]
    shown = [(name, part) for name, part in each if name not in params or _named(part) != value(params[name])]
    return " ".join(f"{name}={_typed(_named(part))}" for name, part in shown)


def _known(does: Effect[Any], name: str, params: Mapping[str, Any]) -> bool:
    part, field = getattr(does, name), type(does).model_fields[name]
    if name in params:
        return _named(part) == value(params[name])
    usual = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    return bool(part == usual)


def _named(given: Any) -> str:
    """A thing by its name where it has one: the fingerprint stands for the rest of it."""
    name = getattr(given, "name", None) if isinstance(given, Record) and not isinstance(given, Target) else None
    return name if isinstance(name, str) else value(given)


def command(name: str, params: Mapping[str, Any] | None = None) -> str:
    """The line as it can be typed: "/ops db restore database=shop"."""
    given = {key: part for key, part in (params or {}).items() if part not in (None, "", [], ())}
    first = sorted(given, key=lambda key: key not in NAMING)  # what it acts on, then the rest in their order
    return " ".join([f"/{name}", *(f"{key.replace('_', '-')}={_typed(value(given[key]))}" for key in first)])


def _typed(words: str) -> str:
    bare = words and (words.startswith("(") or not any(c.isspace() for c in words))
    return words if bare else '"' + words.replace('"', "'") + '"'


def loss(lost: Loss) -> str:
    """ "every write since the backup: now 7 minutes, at most 37 minutes when it starts"."""
    unit = f" {lost.unit}" if lost.unit else ""
    least = "at least " if lost.at_least else ""
    parts = []
    if lost.now is not None:
        parts.append(f"now {least}{number(lost.now)}{_singular(unit) if lost.now == 1 else unit}")
    if lost.at_most is not None:
        parts.append(f"at most {number(lost.at_most)}{unit} when it starts")
    return f"{lost.what}: {', '.join(parts)}" if parts else lost.what


def _singular(unit: str) -> str:
    return unit.removesuffix("s")


def amount(given: float, unit: str = "") -> str:
    """ "1,200 rows", "774MiB"."""
    if unit == "B":
        return about_size(int(given)) if given >= 0 else f"-{about_size(int(-given))}"
    return f"{number(round(given) if given >= 10 else given)} {unit}".rstrip()


def number(given: float) -> str:
    """ "4,212" or "7.5": whole numbers without a point."""
    if abs(given) >= ENDLESS:
        return f"{given:.3g}"
    return f"{given:,.0f}" if float(given).is_integer() or abs(given) >= 1000 else f"{given:,.1f}"


def count(many: int, one: str, more: str = "") -> str:
    """ "1 approval", "2 approvals"."""
    return f"{many} {one if many == 1 else more or one + 's'}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """ "Ana, Ben and Cara"."""
    return f"{', '.join(names[:-1])} {joint} {names[-1]}" if len(names) > 1 else "".join(names)


def place(key: str) -> str:
    """Where else a run is told: a channel by its key, or the thread of another run by its name."""
    return f"#{key}" if run_of(key) is None else f"the thread of {key}"


def target(plan: Plan | None, params: Mapping[str, Any]) -> str:
    """The configured thing that the run acts on, by its key; before there is a plan, the first value that looks so."""
    for step in plan.steps if plan else ():
        if found := _target_of(step):
            return found
    given = [params.get(name) for name in (*NAMING, *params) if name != "reason"]
    keys = [value(part) for part in given if part and isinstance(part, (str, list, tuple)) and not _lasts(part)]
    return next((one_line(k, 60) for k in keys if not any(c.isspace() for c in k)), "")


def _lasts(given: object) -> bool:
    return isinstance(given, str) and ISO_DURATION.fullmatch(given) is not None


def _target_of(step: Step[Any]) -> str:
    does = step.does.check if isinstance(step.does, (Until, Watch)) else step.does
    found = does.target() if isinstance(does, (Effect, Check)) else None
    return found.key if found else ""
