"""Plans and results to canonical JSON and back: what is stored, fingerprinted, shown and run is the same text."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot.effect import Check, Deed, Effect, Ref, Secret, Until, Watch
from bot.model import Record
from bot.operation import Call, IfFails, Loss, Offer, Plan, Step, Task, Wait

T = TypeVar("T")
BUILT_IN: dict[str, type[Deed[Any]]] = {"task": Task, "wait": Wait, "call": Call}
POLLED: dict[str, type[Until[Any]] | type[Watch[Any]]] = {"until": Until, "watch": Watch}


class UnknownDeed(LookupError):
    """A stored plan names an effect or a check, in a version, that this process does not have."""


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(text: str) -> str:
    """SHA-256 (hex) over a stored plan's text; the database computes the same as a generated column."""
    return hashlib.sha256(text.encode()).hexdigest()


def kind_of(deed: type[Any]) -> str:
    """The stored name of an effect or check class: "postgres.Swap@1"."""
    module = deed.__module__.removeprefix("bot.connectors.")
    return f"{module}.{deed.__name__}@{deed.version}"


def _arguments(record: Record) -> dict[str, Any]:
    """Every argument with defaults filled in; sets in a fixed order."""
    dumped = record.model_dump(mode="json")
    for name, value in record.__dict__.items():
        if isinstance(value, (frozenset, set)):
            dumped[name] = sorted(dumped[name], key=canonical)
    return dumped


def encode_deed(deed: Deed[Any] | Check[Any]) -> dict[str, Any]:
    """A deed as JSON data: its kind and all its arguments."""
    for kind, built_in in BUILT_IN.items():
        if isinstance(deed, built_in):
            return {"kind": kind, "args": _arguments(deed)}
    if isinstance(deed, (Until, Watch)):
        kind = "until" if isinstance(deed, Until) else "watch"
        rest = deed.model_dump(mode="json", exclude={"check"})
        return {"kind": kind, "args": rest, "check": encode_deed(deed.check)}
    return {"kind": kind_of(type(deed)), "args": _arguments(deed)}


def decode_deed(data: Mapping[str, Any], deeds: Mapping[str, type[Any]]) -> Any:
    """The deed again. Raises UnknownDeed where this process lacks its class or version."""
    kind, args = data["kind"], data["args"]
    if kind in BUILT_IN:
        return BUILT_IN[kind].model_validate(args)
    if kind in POLLED:
        return POLLED[kind].model_validate({**args, "check": decode_deed(data["check"], deeds)})
    if kind not in deeds:
        raise UnknownDeed(kind)
    return deeds[kind].model_validate(args)


def encode_plan(plan: Plan, asked: Mapping[str, Any] | None = None, upon: Mapping[str, Any] | None = None) -> str:
    """The canonical text of a plan, over which its fingerprint is taken.

    `asked`: the parameters and the reason it was made for, so that an approval of one reason is none of another.
    `upon`: the locks, the services it changes, the environment and the risk, so that an approval for one target is
    none for another that the same key leads to by then. After an amendment the database puts the number of that event
    in front, as `amended`.
    """
    return canonical(
        {
            "asked": dict(asked or {}),
            "upon": dict(upon or {}),
            "sentence": plan.sentence,
            "steps": [_encode_step(step) for step in plan.steps],
            "loses": [loss.model_dump(mode="json") for loss in plan.loses],
            "offers": [offer.model_dump(mode="json") for offer in plan.offers],
            "tells": list(plan.tells),
        }
    )


def asked(text: str) -> dict[str, Any]:
    """The parameters and the reason that a stored plan was made for."""
    found: dict[str, Any] = json.loads(text)["asked"]
    return found


def upon(text: str) -> dict[str, Any]:
    """What a stored plan was made upon, besides what was asked."""
    found: dict[str, Any] = json.loads(text)["upon"]
    return found


def _encode_step(step: Step[Any]) -> dict[str, Any]:
    return {
        "name": step.name,
        "does": encode_deed(step.does),
        "undo": encode_deed(step.undo) if step.undo else None,
        "leaves": step.leaves,
        "no_return": step.no_return,
        "closes": step.closes,
        "group": step.group,
        "if_fails": step.if_fails.value,
        "tells": step.tells,
    }


def decode_plan(text: str, deeds: Mapping[str, type[Any]]) -> Plan:
    """The plan again. Raises UnknownDeed."""
    data = json.loads(text)
    return Plan(
        sentence=data["sentence"],
        steps=tuple(_decode_step(step, deeds) for step in data["steps"]),
        loses=tuple(Loss.model_validate(loss) for loss in data["loses"]),
        offers=tuple(Offer.model_validate(offer) for offer in data["offers"]),
        tells=tuple(data["tells"]),
    )


def _decode_step(data: Mapping[str, Any], deeds: Mapping[str, type[Any]]) -> Step[Any]:
    return Step(
        data["name"],
        decode_deed(data["does"], deeds),
        undo=decode_deed(data["undo"], deeds) if data["undo"] else None,
        leaves=data["leaves"],
        no_return=data["no_return"],
        closes=data["closes"],
        group=data["group"],
        if_fails=IfFails(data["if_fails"]),
        tells=data["tells"],
    )


def kinds(text: str) -> frozenset[str]:
    """Every effect and check, with version, that a stored plan needs, undo included."""
    found: set[str] = set()
    for step in json.loads(text)["steps"]:
        for deed in (step["does"], step["undo"]):
            if deed:
                found |= {deed["kind"], deed.get("check", deed)["kind"]}
    return frozenset(found - BUILT_IN.keys() - POLLED.keys())


def result_type(deed: Deed[Any] | Check[Any]) -> Any:
    """What a deed returns, read from its declaration: Effect[Backup] gives Backup."""
    subject = deed.check if isinstance(deed, (Until, Watch)) else deed
    for base in type(subject).__mro__:
        meta = getattr(base, "__pydantic_generic_metadata__", None)
        if meta and meta["origin"] in (Effect, Check, Deed) and meta["args"]:
            return meta["args"][0]
    return type(None)


def encode_result(deed: Deed[Any] | Check[Any], value: Any) -> Any:
    """A step's result as JSON data. A secret never is: the caller seals it. Raises ValueError for a wrong type."""
    kind = result_type(deed)
    if kind is Secret:
        raise ValueError("a secret result is sealed, not written")
    adapter = TypeAdapter(kind)
    return adapter.dump_python(adapter.validate_python(value), mode="json")


def decode_result(deed: Deed[Any] | Check[Any], data: Any) -> Any:
    """A step's result again."""
    return TypeAdapter(result_type(deed)).validate_python(data)


def fill(value: T, results: Mapping[str, Any]) -> T:
    """The same value with every Ref replaced by its step's result. Raises KeyError where a result is missing."""
    if isinstance(value, Ref):
        return results[value.step]  # type: ignore[no-any-return]
    if isinstance(value, Record):
        filled = {name: fill(part, results) for name, part in value.__dict__.items()}
        return type(value).model_validate(filled) if filled != value.__dict__ else value
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{f.name: fill(getattr(value, f.name), results) for f in fields(value)})
    if isinstance(value, (tuple, list, frozenset)):
        return type(value)(fill(part, results) for part in value)
    return value
