"""Finds operations and deeds by walking folders: a file's path is its command, and nothing registers itself."""

import importlib
import re
import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import Any

from bot import parse
from bot.catalogue import Catalogue, Entry, docstring
from bot.codec import kind_of
from bot.effect import Check, Effect
from bot.fields import FieldSpec, Unsupported
from bot.model import Record, Risk
from bot.operation import Input, Observed, Operation

DESTROYING = frozenset({"ban", "delete", "drop", "erase", "failover", "flush", "kill", "prune", "purge", "restore"}) | {
    *("revoke", "rollback", "terminate", "truncate", "wipe")
}


class Fault(Record):
    """What is wrong with one file, and what to write instead."""

    path: str
    what: str
    instead: str


@dataclass(frozen=True)
class Loaded:
    """The catalogue of all well-formed files, and the faults of the others."""

    catalogue: Catalogue
    faults: tuple[Fault, ...]


def load(package: ModuleType) -> Loaded:
    """Imports every file below a package of handlers; one file's fault hides no other's."""
    entries: list[Entry] = []
    faults: list[Fault] = []
    for path, name in _files(package):
        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001
            faults.append(_unimportable(path, error))
            continue
        found = _entry(module, path, _command(name, package.__name__))
        if isinstance(found, Entry):
            wrong = list(_check(found))
            faults += wrong
            entries += [] if wrong else [found]
        else:
            faults.append(found)
    return Loaded(Catalogue(entries), tuple(faults))


def _files(package: ModuleType) -> Iterable[tuple[Path, str]]:
    for root in map(Path, package.__path__):
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            if parts and not any(part.startswith("_") for part in parts):
                yield path, ".".join((package.__name__, *parts))


def _command(module: str, package: str) -> str:
    words = module.removeprefix(f"{package}.").split(".")
    return " ".join(word.rstrip("_").replace("_", "-") for word in words)


def _unimportable(path: Path, error: Exception) -> Fault:
    what = f"cannot be imported: {type(error).__name__}: {error}"
    return Fault(path=str(path), what=what, instead="run `python -m mypy` on it and mend what it names")


def _entry(module: ModuleType, path: Path, command: str) -> Entry | Fault:
    own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    operations = [kind for kind in own if issubclass(kind, Operation)]
    if len(operations) != 1:
        names = ", ".join(kind.__name__ for kind in operations) or "none"
        what = f"holds {names} where one operation is meant"
        return Fault(path=str(path), what=what, instead="keep exactly one subclass of Operation in a file")
    pair = _params_and_facts(operations[0])
    if pair is None:
        what = f"{operations[0].__name__} does not say its Params and Facts"
        return Fault(
            path=str(path), what=what, instead="class X(Operation[Params, Facts]) with an Input and an Observed"
        )
    return Entry(command, operations[0](), *pair, path)


def _params_and_facts(kind: type, given: tuple[Any, ...] = ()) -> tuple[type[Input], type[Observed]] | None:
    """What P and F stand for, through generic bases in between; None where they stand for nothing."""
    bound = dict(zip(getattr(kind, "__parameters__", ()), given, strict=False))
    for base in vars(kind).get("__orig_bases__", kind.__bases__):
        origin = typing.get_origin(base) or base
        arguments = tuple(bound.get(one, one) for one in typing.get_args(base))
        if origin is Operation and len(arguments) == 2:
            params, facts = arguments
            typed = isinstance(params, type) and isinstance(facts, type)
            return (params, facts) if typed and issubclass(params, Input) and issubclass(facts, Observed) else None
        if isinstance(origin, type) and issubclass(origin, Operation) and origin is not Operation:
            return _params_and_facts(origin, arguments)
    return None


def _check(entry: Entry) -> Iterable[Fault]:
    def fault(what: str, instead: str) -> Fault:
        return Fault(path=str(entry.path), what=what, instead=instead)

    kind = type(entry.operation)
    if not isinstance(getattr(kind, "risk", None), Risk):
        yield fault("declares no risk", "risk = Risk.READ, Risk.WRITE or Risk.DESTRUCTIVE")
        return
    if not docstring(kind):
        yield fault("has no docstring, so it has no help", "a docstring whose first line is the summary")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*( [a-z0-9]+(-[a-z0-9]+)*)*", entry.command):
        yield fault(f"its path gives the command {entry.command!r}", "small letters, digits and _ in the path")
    try:
        specs = entry.fields
    except Unsupported as wrong:
        yield fault(str(wrong), "a type that can be typed, or a key that names the value in config")
        return
    for spec in specs:
        if spec.looks and not spec.personal:
            yield fault(f"{spec.key} looks like a {spec.looks.value} and is no Personal", f"{spec.name}: Personal")
    yield from (fault(what, instead) for what, instead in _check_personal(entry, [s for s in specs if s.personal]))
    yield from (fault(what, instead) for what, instead in _check_examples(entry))
    yield from (fault(what, instead) for what, instead in _check_names(entry, {spec.name for spec in specs}))
    words = set(entry.words[-1].split("-"))
    if words & DESTROYING and "cancel" not in words and entry.risk is not Risk.DESTRUCTIVE and not entry.may_rise:
        what = f"its verb says {', '.join(sorted(words & DESTROYING))} and its risk says {entry.risk.name}"
        yield fault(what, "risk = Risk.DESTRUCTIVE, or a raises() that says when it is")


def _check_personal(entry: Entry, specs: Iterable[FieldSpec]) -> Iterable[tuple[str, str]]:
    """What names a personal value by anything but the field itself: a token is another one with each request."""
    kind = type(entry.operation)
    for spec in specs:
        if entry.params.model_fields[spec.name].get_default(call_default_factory=True) and not spec.required:
            yield f"{spec.key} has a personal value as its default", "None, or no default"
        if spec.name == kind.confirm:
            yield f"confirm names {spec.key}, which the form never shows whole", "another field"
        named = {name for lock in kind.locks for _, name, _, _ in Formatter().parse(lock)}
        if spec.name in named:
            yield f"a lock names {spec.key}, whose token is another with each request", "the id that observe found"


def _check_examples(entry: Entry) -> Iterable[tuple[str, str]]:
    examples = getattr(type(entry.operation), "examples", ())
    if not examples:
        yield "has no example", f'examples = ("/{entry.command} …",)'
    for example in examples:
        begin = f"/{entry.command}"
        if example != begin and not example.startswith(f"{begin} "):
            yield f"the example {example!r} is of another command", f"an example that begins with {begin}"
            continue
        words = parse.words_of(example.removeprefix(begin))
        read = words if isinstance(words, parse.Fault) else parse.read(entry.command, entry.params, words)
        if isinstance(read, parse.Fault) and read.code is not parse.Code.NEEDS_FORM:
            yield f"the example {example!r} does not parse: {read.sentence}", "an example that can be typed"


def _check_names(entry: Entry, names: Collection[str]) -> Iterable[tuple[str, str]]:
    kind = type(entry.operation)
    if kind.confirm and kind.confirm not in names:
        yield f"confirm names {kind.confirm!r}, which is no field", f"one of {', '.join(sorted(names))}"
    if kind.thaws and kind.thaws not in names:
        yield f"thaws names {kind.thaws!r}, which is no field", f"one of {', '.join(sorted(names))}"
    if kind.quotes and kind.quotes not in names:
        yield f"quotes names {kind.quotes!r}, which is no field", f"one of {', '.join(sorted(names))}"
    known = {*names, *entry.facts.model_fields}
    for what, patterns in (("the lock", kind.locks), ("changes:", kind.changes)):
        for pattern, (_, name, _, _) in ((one, part) for one in patterns for part in Formatter().parse(one)):
            if name and name not in known and kind.names is Operation.names:
                instead = f"one of {', '.join(sorted(known))}, or names() to give it"
                yield f"{what} {pattern!r} uses {name!r}, which is in neither Params nor Facts", instead


@dataclass(frozen=True)
class Deeds:
    """Every effect and check by its stored name, e.g. "postgres.Swap@1"."""

    classes: Mapping[str, type[Any]]
    faults: tuple[Fault, ...]


def deeds(package: ModuleType) -> Deeds:
    """Imports every file below the package of connectors. Two classes of one name and version are a fault."""
    classes: dict[str, type[Any]] = {}
    faults: list[Fault] = []
    for path, name in _files(package):
        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001
            faults.append(_unimportable(path, error))
            continue
        for kind in _own_deeds(module):
            stored = kind_of(kind)
            if classes.get(stored, kind) is not kind:
                what = f"two classes are stored as {stored}"
                faults.append(Fault(path=str(path), what=what, instead="another name, or a higher version"))
            if issubclass(kind, Effect) and not hasattr(kind, "survives"):
                what = f"{kind.__name__} does not say how it survives a crash"
                faults.append(Fault(path=str(path), what=what, instead="survives: ClassVar[Survival] = Survival.…"))
            classes[stored] = kind
    return Deeds(classes, tuple(faults))


def _own_deeds(module: ModuleType) -> Iterable[type[Any]]:
    for name, value in vars(module).items():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if not own or not issubclass(value, (Effect, Check)) or name.startswith("_"):
            continue
        if value.__pydantic_generic_metadata__["origin"] is None:  # Effect[None] itself is no deed
            yield value
