"""What is wrong in a folder of config: each fault with its file and line, in words, and what to write instead."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bot.model import Record
from config.shapes import KEYS
from config.wording import worded

Path = tuple[str | int, ...]


class Fault(Record):
    """One fault. `line` counts from 1; 0 where the fault is of the whole file."""

    file: str
    line: int = 0
    what: str
    instead: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}{'' if self.what.endswith('?') else '.'} {self.instead}."


class Wrong(Record):
    """A fault whose line is not known yet: the path of keys and indices that leads to it."""

    file: str
    path: Path = ()
    what: str
    instead: str
    unknown: bool = False  # a key that nobody knows

    @property
    def means(self) -> str:
        """The key that an unknown one may have been meant as, "" where none is near."""
        near = self.unknown and self.instead.startswith(f"{MEANT} ")
        return self.instead.removeprefix(f"{MEANT} ") if near else ""


MEANT = "You may have meant"
# Words that later versions will know. Taken and not obeyed they would promise what nobody keeps.
NOT_YET = {
    ("policy.toml", "break_glass"): "there is no break-glass in this version: nobody goes ahead alone",
    ("tandem.toml", "severities"): "nothing has a severity in this version",
}


def meant(word: str, among: Iterable[str]) -> str:
    """What to write instead of an unknown word."""
    names = sorted(among)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"{MEANT} {near[0]}"
    return f"Write one of {', '.join(names)}" if names else "There is none yet: add it first"


def objections(file: str, wrong: ValidationError, model: type[BaseModel], at: Path = ()) -> list[Wrong]:
    """Pydantic's objections to what a file says, in our words. The values themselves are not repeated."""
    return [_objection(file, dict(error), model, at) for error in wrong.errors(include_url=False)]


def _objection(file: str, error: dict[str, Any], model: type[BaseModel], at: Path) -> Wrong:
    inside: Path = tuple(error["loc"])
    where = [part for part in inside if part != "[key]"]
    name = str(where[-1]) if where else ""
    path = (*at, *where)
    match error["type"]:
        case "extra_forbidden" if (file, name) in NOT_YET:
            what, instead = NOT_YET[file, name], f"Remove {name}"
        case "extra_forbidden":
            what, instead = f"there is no key {name!r} here", meant(name, _keys_at(model, inside[:-1]))
        case "missing":
            instead = f"Add [{name}]" if not at and _is_table(_at(model, inside)) else f"Add {name} = …"
            what = f"the key {name!r} is missing"
        case "string_pattern_mismatch" | "string_too_long" if inside[-1:] == ("[key]",):
            what, instead = f"{name!r} is no name for it", f"Use {KEYS}"
        case _:
            named = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
            what, instead = worded(named, error)
    return Wrong(file=file, path=path, what=what, instead=instead, unknown=error["type"] == "extra_forbidden")


def _at(model: type[BaseModel], loc: Path) -> Any:
    """What the model declares at that place; None where it takes anything."""
    found: Any = model
    for part in loc:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(part))
            found = field.annotation if field else None
        else:
            arguments = get_args(found) or (None,)
            found = arguments[0] if get_origin(found) in (tuple, list, frozenset) else arguments[-1]
        found = _without_none(found)
    return found


def _is_table(declared: Any) -> bool:
    whole = get_origin(declared) or declared
    return isinstance(whole, type) and issubclass(whole, (BaseModel, Mapping))


def _keys_at(model: type[BaseModel], loc: Path) -> list[str]:
    """The keys that the model knows at that place; empty where it takes any."""
    found = _at(model, loc)
    return sorted(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _without_none(annotation: Any) -> Any:
    parts = get_args(annotation)
    if type(None) in parts:
        return next(part for part in parts if part is not type(None))
    return annotation
