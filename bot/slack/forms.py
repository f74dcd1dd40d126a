"""A form's state as typed texts, typed texts as Params: every fault beside its own field."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from bot import parse
from bot.effect import Secret
from bot.fields import REASON, FieldSpec, Kind, read, several, write
from bot.leaks import Leak, leak
from bot.operation import Input, Personal
from bot.personal import may_be_one
from bot.render.form import CONFIRM, LOOK, NONE
from bot.words import Word, strip

AS_TYPED = frozenset({Kind.TEXT, Kind.TARGET, Kind.DURATION, Kind.SIZE})  # shown with whatever fault they have
Texts = dict[str, str]
Faults = dict[str, str]  # block id -> what is wrong there


def texts(state: Mapping[str, Mapping[str, Any]], specs: Sequence[FieldSpec]) -> tuple[Texts, dict[str, Secret]]:
    """What stands in each field, as it would be typed; secret fields apart, for they are never stored."""
    given: Texts = {}
    secrets: dict[str, Secret] = {}
    for spec in specs:
        words = _words(spec, state.get(spec.name, {}))
        if spec.name == REASON:  # one that was begun for them and has nothing added
            words = words.removesuffix(":")
        if spec.secret and words:
            secrets[spec.name] = Secret(words)
        elif words and not spec.secret:
            given[spec.name] = words
    return given, secrets


def _words(spec: FieldSpec, element: Mapping[str, Any]) -> str:
    if spec.kind is Kind.FLAG and not spec.many:
        return "yes" if element.get("selected_options") else "no"
    if isinstance(at := element.get("selected_date_time"), int):
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    if isinstance(many := element.get("selected_options"), list):
        return ",".join(str(one["value"]).replace("\\", "\\\\").replace(",", "\\,") for one in many)
    if isinstance(one := element.get("selected_option"), dict):
        return str(one.get("value", ""))
    words = element.get("value")
    return words if spec.secret and isinstance(words, str) else strip(str(words or ""), lines=True)


def typed_again(state: Mapping[str, Mapping[str, Any]]) -> str:
    """What stands in the field that asks for a value once more."""
    return strip(str(state.get(CONFIRM, {}).get("value") or ""))


def only_look(state: Mapping[str, Mapping[str, Any]]) -> bool:
    return bool(state.get(LOOK, {}).get("selected_options"))


def unchanged(given: Texts, drawn: Mapping[str, str], saved: Mapping[str, str], specs: Sequence[FieldSpec]) -> Texts:
    """The tokens of the personal fields in which the mask still stands that the form was drawn with."""
    return {
        spec.name: saved[spec.name]
        for spec in specs
        if spec.personal and drawn.get(spec.name) and given.get(spec.name) == drawn[spec.name]
    }


def build(
    params: type[Input], specs: Sequence[FieldSpec], given: Texts, secrets: Mapping[str, Any], known: parse.Known
) -> Input | Faults:
    """The Params, or what is wrong, by field. `secrets`: values that are no text, by field."""
    faults: Faults = {}
    values: dict[str, Any] = dict(secrets)
    for spec in specs:
        words = given.get(spec.name, "")
        if not words or spec.name in secrets:
            continue
        try:
            values[spec.name] = read(spec, safe(spec, words, known))
        except ValueError as wrong:
            faults[spec.name] = str(wrong)
    if faults:
        return faults
    try:
        return params.model_validate(values)
    except ValidationError as wrong:
        return _beside(wrong, specs)


def safe(spec: FieldSpec, words: str, known: parse.Known) -> str:
    """The words themselves. Raises ValueError where they name nothing in config, or hold what must not be kept."""
    if words == NONE:
        raise ValueError("that entry only tells that nothing could be looked up; choose or type another")
    found = leak(words, prose=" " in words or spec.name == REASON)
    if found is not None and not (found is Leak.MAIL and spec.personal):
        raise ValueError(f"this seems to hold {found.value}, and what is written here is kept for good; leave it out")
    keys = known.targets.get(spec.target, ())
    for key in words.split(",") if spec.kind is Kind.TARGET else ():
        if key not in keys:
            near = parse.suggest(key, keys)
            meant = f"; did you mean {' or '.join(near)}?" if near else "; choose one from the list"
            raise ValueError(f"config names no {spec.target} {key}{meant}")
    return words


def _beside(wrong: ValidationError, specs: Sequence[FieldSpec]) -> Faults:
    """Pydantic's objections, each under its field; what concerns no single field stands under the first."""
    names = {spec.name for spec in specs}
    faults: Faults = {}
    for error in wrong.errors(include_url=False, include_input=False):
        name = str(error["loc"][0]) if error["loc"] and error["loc"][0] in names else specs[0].name
        words = "this is missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
        faults.setdefault(name, words)
    return faults


def written(params: Input, specs: Sequence[FieldSpec]) -> Texts:
    """The Params as typed texts, to fill a form with; what cannot be typed is left out."""
    filled: Texts = {}
    for spec in specs:
        value = getattr(params, spec.name)
        if spec.secret or value in (None, "", ()) or any(isinstance(v, Personal) and v.plain() for v in several(value)):
            continue
        filled[spec.name] = write(spec, value)
    return filled


def guessed(words: Sequence[Word], specs: Sequence[FieldSpec]) -> tuple[Texts, tuple[str, ...]]:
    """What a faulty line gives for a form: keys as named, other words for the first free fields.

    And the keys of those fields whose words could not be read, and which a form cannot show: that has to be said.
    """
    by_key = {spec.key: spec for spec in specs if not spec.secret}
    personal = {spec.name for spec in specs if spec.personal}
    any_text = any(spec.personal and spec.looks is None for spec in specs)
    filled: Texts = {}
    rest = []
    for word in words:
        spec = by_key.get(word.key.lower().replace("_", "-")) if word.key else by_key.get(word.value)
        if spec is not None and (word.key or spec.kind is Kind.FLAG):
            filled[spec.name] = word.value if word.key else "yes"
        elif not word.key and not (personal and (any_text or may_be_one(word.value))):
            rest.append(word.value)  # else it may be somebody's, and who knows which field it was meant for
    filled = {name: words for name, words in filled.items() if name not in personal}  # typed, not recorded: not kept
    kinds = (Kind.FLAG, Kind.SECRET, Kind.PERSONAL)
    free = [s for s in specs if s.kind not in kinds and s.name != REASON and s.name not in filled]
    return _readable(filled | {spec.name: value for spec, value in zip(free, rest, strict=False)}, specs)


def withheld(words: Sequence[Word], specs: Sequence[FieldSpec]) -> tuple[str, ...]:
    """The personal fields that a faulty line may have filled; `guessed` gives none of them back."""
    personal = [spec for spec in specs if spec.personal]
    keys = {word.key.lower().replace("_", "-") for word in words if word.key}
    bare = [word.value for word in words if not word.key]
    return tuple(
        spec.name for spec in personal if spec.key in keys or any(spec.looks is None or may_be_one(one) for one in bare)
    )


def _readable(filled: Texts, specs: Sequence[FieldSpec]) -> tuple[Texts, tuple[str, ...]]:
    """Each as a form writes it: a box is drawn for yes alone, and a line takes TRUE and on as well."""
    good: Texts = {}
    unread = []
    for spec in (spec for spec in specs if spec.name in filled):
        words = filled[spec.name]
        try:
            good[spec.name] = words if spec.kind in AS_TYPED else write(spec, read(spec, words))
        except ValueError:
            unread.append(spec.key)
    return good, tuple(unread)
