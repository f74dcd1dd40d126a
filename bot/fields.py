"""The fields of an operation's Params as doors see them, and each field's values as text and back."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.durations import Bytes, parse_duration, parse_size, print_duration, print_size
from bot.effect import Secret, Target
from bot.model import Record
from bot.operation import Input, Looks, Person, Personal, Subject

REASON = "reason"
P = TypeVar("P", bound=Input)


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    DURATION = "duration"
    SIZE = "size"
    MOMENT = "moment"
    TARGET = "target"
    SECRET = "secret"  # noqa: S105
    PERSONAL = "personal"


class FieldSpec(Record):
    """One field of Params: enough to draw a form, write help, read a word and print it."""

    name: str
    kind: Kind
    many: bool = False  # several, separated by commas
    required: bool
    default: str | None = None  # as typed; None where there is none or it cannot be typed
    description: str = ""
    choices: tuple[str, ...] = ()
    target: str = ""  # "database", "service", "person"
    subject: bool = False
    looks: Looks | None = None  # of a personal value
    type: Any = None  # the type of one value

    @property
    def key(self) -> str:
        """The name as typed."""
        return self.name.replace("_", "-")

    @property
    def secret(self) -> bool:
        return self.kind is Kind.SECRET

    @property
    def personal(self) -> bool:
        return self.kind is Kind.PERSONAL

    @property
    def sign(self) -> str:
        """What stands for a value in a usage line."""
        one = "|".join(self.choices) if self.choices else self.target or self.key
        return f"{one},…" if self.many else one


class Unsupported(TypeError):
    """A field's type cannot be typed in chat; the text says which, and what to use."""


@cache
def fields(params: type[Input]) -> tuple[FieldSpec, ...]:
    """The fields in their declared order, the reason last. Worked out once for each class. Raises Unsupported."""
    own = [_spec(name, info) for name, info in params.model_fields.items() if name != REASON]
    return (*own, _spec(REASON, params.model_fields[REASON]))


def subjects(params: Input) -> list[str]:
    """The keys of the people these values are about: they count for nothing in the run."""
    named = [getattr(params, spec.name) for spec in fields(type(params)) if spec.subject]
    return [one.key for value in named for one in several(value) if isinstance(one, Person)]


def personal(params: Input) -> list[Personal]:
    """The personal values among these, in the fields' order."""
    return [one for spec in fields(type(params)) if spec.personal for one in several(getattr(params, spec.name))]


def replaced(params: P, by: Mapping[Personal, Personal]) -> P:
    """The same values, each personal one that was typed replaced by what it is recorded as."""
    changed: dict[str, Any] = {}
    for spec in fields(type(params)):
        value = getattr(params, spec.name)
        if spec.personal and isinstance(value, (tuple, frozenset)):
            changed[spec.name] = type(value)(by.get(one, one) for one in value)
        elif spec.personal and value is not None:
            changed[spec.name] = by.get(value, value)
    return params.model_copy(update=changed) if changed else params


def several(value: Any) -> tuple[Any, ...]:
    """A field's values, whether it takes one or many; none where it is left out."""
    return tuple(value) if isinstance(value, (tuple, frozenset)) else () if value is None else (value,)


def _spec(name: str, info: FieldInfo) -> FieldSpec:
    kind, marks = _bare(info.annotation, list(info.metadata))
    many = get_origin(kind) in (tuple, frozenset)
    if many:
        inner = get_args(kind)
        if get_origin(kind) is tuple and (len(inner) != 2 or inner[1] is not Ellipsis):
            raise Unsupported(f"{name}: a tuple of fixed length cannot be typed; use tuple[X, ...]")
        kind, more = _bare(inner[0], [])
        marks += more
    if _marked(marks, Personal):
        raise Unsupported(f"{name}: Personal is no mark, it is the field's type; write {name}: Personal")
    found = _kind(name, kind, marks)
    spec = FieldSpec(
        name=name,
        kind=found,
        many=many,
        required=info.is_required(),
        description=info.description or "",
        choices=_choices(kind),
        target=kind.__name__.lower() if found is Kind.TARGET else "",
        subject=_marked(marks, Subject),
        looks=next((mark for mark in marks if isinstance(mark, Looks)), None),
        type=kind,
    )
    default = info.get_default(call_default_factory=False) if not info.is_required() else None
    if default in (None, PydanticUndefined) or found is Kind.SECRET:
        return spec
    return spec.model_copy(update={"default": write(spec, default)})


def _bare(annotation: Any, marks: list[Any]) -> tuple[Any, list[Any]]:
    """The type without Annotated and without `| None`, and every mark on the way."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            marks += more
        elif get_origin(annotation) in (Union, UnionType):
            parts = [part for part in get_args(annotation) if part is not NoneType]
            if len(parts) != 1:
                return annotation, marks
            annotation = parts[0]
        else:
            return annotation, marks


def _marked(marks: Sequence[Any], mark: type) -> bool:
    return any(one is mark or isinstance(one, mark) for one in marks)


def _kind(name: str, kind: Any, marks: Sequence[Any]) -> Kind:
    if get_origin(kind) is Literal and all(isinstance(value, str) for value in get_args(kind)):
        return Kind.CHOICE
    if not isinstance(kind, type):
        raise Unsupported(f"{name}: {kind} cannot be typed in chat; use text, a number, a choice, a target or a list")
    if kind is int and _marked(marks, Bytes):
        return Kind.SIZE
    plain = {str: Kind.TEXT, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.FLAG, timedelta: Kind.DURATION}
    known = {**plain, datetime: Kind.MOMENT, Secret: Kind.SECRET, Personal: Kind.PERSONAL}
    if kind in known:
        return known[kind]
    if issubclass(kind, Enum):
        return Kind.CHOICE
    if issubclass(kind, Target):
        return Kind.TARGET
    raise Unsupported(f"{name}: {kind.__name__} cannot be typed in chat; use text, a number, a choice or a target")


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return tuple(str(value) for value in get_args(kind))
    return tuple(_word_of(member) for member in _members(kind))


def _members(kind: Any) -> tuple[Enum, ...]:
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()


def _word_of(member: Enum) -> str:
    return member.value if isinstance(member.value, str) else member.name.lower().replace("_", "-")


def read(spec: FieldSpec, text: str) -> Any:
    """A typed text as the field's value, before pydantic looks at it. Raises ValueError with what to type."""
    if not spec.many:
        return _read_one(spec, text)
    return tuple(_read_one(spec, part) for part in _split_list(text))


def _split_list(text: str) -> list[str]:
    r"""At commas; `\,` and `\\` stand for themselves."""
    if not text:
        return []
    parts = [""]
    for piece in re.findall(r"\\[,\\]|,|[^,\\]+|\\", text):
        if piece == ",":
            parts.append("")
        else:
            parts[-1] += piece[1:] if piece in ("\\,", "\\\\") else piece
    if not all(part.strip() for part in parts):
        raise ValueError("a list has an empty entry; type e.g. one,two")
    return [part.strip() for part in parts]


def _read_one(spec: FieldSpec, text: str) -> Any:
    if spec.choices:
        return _choose(spec, text)
    readers: dict[Kind, Callable[[str], Any]] = {
        Kind.INTEGER: _integer,
        Kind.NUMBER: _number,
        Kind.FLAG: _flag,
        Kind.DURATION: parse_duration,
        Kind.SIZE: parse_size,
        Kind.MOMENT: _moment,
        Kind.PERSONAL: lambda typed: Personal.typed(typed, spec.looks),
    }
    return readers.get(spec.kind, str)(text)


def _choose(spec: FieldSpec, text: str) -> Any:
    lowered = text.lower()
    for choice in spec.choices:
        if choice.lower() == lowered:
            return next((m for m in _members(spec.type) if _word_of(m) == choice), choice)
    raise ValueError(f"{text!r} is none of {', '.join(spec.choices)}")


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(f"{text!r} is no whole number; type e.g. 3")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", text, re.IGNORECASE):
        raise ValueError(f"{text!r} is no number; type e.g. 2.5")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text!r} is too large a number; type e.g. 2.5")
    return value


_FLAGS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError(f"{text!r} is neither yes nor no")
    return _FLAGS[text.lower()]


def _moment(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date and time; type e.g. 2026-03-04T12:00Z") from None
    if value.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; type e.g. {value:%Y-%m-%dT%H:%M}Z, or +01:00 instead of Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the calendar; type e.g. 2026-03-04T12:00Z") from None


def write(spec: FieldSpec, value: Any) -> str:
    """A field's value as somebody would type it. Raises ValueError where it cannot be typed."""
    if not spec.many:
        return _write_one(spec, value)
    parts = [_write_one(spec, part) for part in value]
    if isinstance(value, (frozenset, set)):
        parts.sort()
    if not all(part.strip() == part != "" for part in parts):
        raise ValueError(f"{spec.key}: a list has no empty entries")
    return ",".join(part.replace("\\", "\\\\").replace(",", "\\,") for part in parts)


def _write_one(spec: FieldSpec, value: Any) -> str:
    if value is None or spec.secret:
        raise ValueError(f"{spec.key} cannot be typed")
    writers: Mapping[Kind, Callable[[Any], str]] = {
        Kind.CHOICE: lambda v: _word_of(v) if isinstance(v, Enum) else str(v),
        Kind.FLAG: lambda v: "yes" if v else "no",
        Kind.NUMBER: repr,
        Kind.DURATION: print_duration,
        Kind.SIZE: print_size,
        Kind.MOMENT: lambda v: v.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        Kind.TARGET: lambda v: str(v.key),
    }
    return writers.get(spec.kind, str)(value)
