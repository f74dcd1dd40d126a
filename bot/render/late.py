"""What a step takes that an earlier one makes: from which step, and what any such value has to be."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from bot.effect import Ref, Secret
from bot.model import Record
from bot.operation import Step
from bot.plans import refs

OF_FORMAT = {"date-time": "a moment", "duration": "a duration", "date": "a date", "uuid": "an id"}
OF_TYPE = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "yes or no", "null": "none"}
ON_A_CARD = 4  # parts of one value
DEEPEST = 2  # parts of parts; deeper than that nobody reads, and some types hold themselves
BEHIND_A_NAME = {"text of": "of", "text matching": "matching"}  # "name of 1 to 63 characters"


def promised(step: Step[Any], steps: Sequence[Step[Any]], *, card: bool = False) -> list[str]:
    """ "takes fresh from step 2: name of 1 to 63 characters, oid a whole number": a line a value, undo's included.

    `steps`: the plan's. `card`: "takes what step 2 makes: name of 1 to 63 characters", without what only machines read
    and without more than a few parts. What is said is what the value is checked against: the types of the effect's
    fields, which belong to its version.
    """
    numbers = {one.name: number for number, one in enumerate(steps, 1)}
    deeds = (step.does, step.undo) if step.undo else (step.does,)
    return list(dict.fromkeys(said for deed in deeds for said in _of(deed, numbers, card)))


def _of(given: Record, numbers: Mapping[str, int], card: bool) -> Iterator[str]:
    for name, field in type(given).model_fields.items():
        part = getattr(given, name)
        if isinstance(part, Record):
            yield from _of(part, numbers, card)
            continue
        for source in refs(part):
            must_be = said(_late(field.annotation), card)
            where = f"step {numbers[source]}" if source in numbers else source
            takes = f"takes what {where} makes" if card else f"takes {name} from {where}"
            yield takes + (f": {must_be}" if must_be else "")


def _late(annotation: Any) -> Any:
    """The type that a field takes late: of `Late[Backup]`, Backup; None where it says none."""
    if get_origin(annotation) is Ref:
        return get_args(annotation)[0]
    return next((found for part in get_args(annotation) if (found := _late(part)) is not None), None)


@cache
def said(kind: Any, card: bool = False) -> str:
    """A type in words, bounds included; empty where there is nothing to say of it."""
    if kind is Secret:
        return "a secret, which nobody sees"
    if kind is None or kind is Any:
        return ""
    try:
        schema = TypeAdapter(kind).json_schema()
    except PydanticInvalidForJsonSchema:  # a part of it is never written
        return ""
    parts = {name: part for name, part in schema.get("properties", {}).items() if not card or name not in _hidden(kind)}
    return _words({**schema, "properties": parts}, schema.get("$defs", {}), ON_A_CARD if card else 0)


def _hidden(kind: Any) -> frozenset[str]:
    hidden: frozenset[str] = getattr(kind, "internal", frozenset())
    return hidden


def _words(schema: Mapping[str, Any], named: Mapping[str, Any], most: int, depth: int = 0) -> str:
    schema = named.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if depth > DEEPEST:
        return ""
    if parts := schema.get("properties"):
        shown = list(parts.items())[: most or None]
        more = [f"and {len(parts) - len(shown)} more"] if len(shown) < len(parts) else []
        whole = ", ".join([*(_behind(name, _words(part, named, most, depth + 1)) for name, part in shown), *more])
        return f"({whole})" if depth else whole
    if options := schema.get("anyOf"):
        return " or ".join(_words(option, named, most, depth) for option in options)
    if choices := schema.get("enum"):
        return " or ".join(map(str, choices))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"any number of: {_words(schema.get('items', {}), named, most, depth + 1)}"
    return _single(schema)


def _behind(name: str, words: str) -> str:
    for long, short in BEHIND_A_NAME.items():
        if words.startswith(long):
            words = words.replace(long, short, 1)
    return f"{name} {words}".rstrip()


def _single(schema: Mapping[str, Any]) -> str:
    kind = OF_FORMAT.get(schema.get("format", "")) or OF_TYPE.get(schema.get("type", ""), "")
    least, longest = schema.get("minLength", 0), schema.get("maxLength")
    if longest is not None:
        kind += f" of {least} to {longest} characters" if least else f" of at most {longest} characters"
    elif least:
        kind += f" of at least {least} characters"
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    kind += "".join(f" {word} {schema[key]:g}" for key, word in bounds.items() if key in schema)
    return kind + (f" matching {schema['pattern']}" if "pattern" in schema else "")
