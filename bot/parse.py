"""The typed line `AREA VERB value key=value "quoted values"`: to typed Params, or to a fault with what to type."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.fields import REASON, FieldSpec, Kind, fields
from bot.fields import read as read_value
from bot.fields import write as write_value
from bot.leaks import Leak, hidden, leak
from bot.model import Record, Risk
from bot.operation import Input, Looks
from bot.personal import mask, may_be_one
from bot.words import Unclosed, Word, split, strip

P = TypeVar("P", bound=Input)
LOOKS = frozenset({"--look", "—look", "–look"})  # only the plan; phones turn two hyphens into a dash


class Code(StrEnum):
    """Why a line was not understood."""

    QUOTE = "quote"
    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_TARGET = "unknown_target"
    TWICE = "twice"
    TOO_MANY = "too_many"
    MISSING = "missing"
    NEEDS_FORM = "needs_form"
    SECRET = "secret"  # noqa: S105
    LEAK = "leak"
    INVALID = "invalid"
    REASON = "reason"


class Fault(Record):
    """A line that was not understood: what happened, why, what to type; `line` is the whole line put right."""

    code: Code
    sentence: str
    field: str = ""
    line: str = ""


class Known(Record):
    """What config knows: the keys of every kind of target, and the roster's person for each Slack user id."""

    targets: Mapping[str, tuple[str, ...]] = {}  # "database" -> ("shop", …)
    accounts: Mapping[str, str] = {}  # "U0ANA" -> "ana"
    unsure: frozenset[str] = frozenset()  # kinds whose keys nobody can tell now: taken as typed


class _Stop(Exception):
    """Carries the one fault out of the reading."""

    def __init__(self, code: Code, sentence: str, field: str = "", line: str = "") -> None:
        self.fault = Fault(code=code, sentence=sentence, field=field, line=line)


def words_of(text: str) -> tuple[Word, ...] | Fault:
    """The words of a line without Slack's escapes, or why it has none."""
    try:
        return split(text)
    except Unclosed as wrong:
        return Fault(code=Code.QUOTE, sentence=f"I could not read your line: {wrong}.")


def read(command: str, params: type[P], words: Sequence[Word], known: Known | None = None) -> P | Fault:
    """The words behind a command as its Params. Without `known`, targets are taken as typed.

    The reason is not demanded here, because the risk is: see `needs_reason`.
    """
    line = _Line(command, fields(params), tuple(words), known)
    try:
        line.refuse_leaks()
        given = line.assign()
        line.refuse_strays(given)
        values = {spec.name: line.value(spec, word) for spec, word in given}
        return params.model_validate(values)
    except _Stop as stop:
        return line.discreet(stop.fault)
    except ValidationError as wrong:
        return _invalid(wrong, line)


def needs_reason(command: str, params: Input, risk: Risk) -> Fault | None:
    """A fault where something that changes was asked for without a reason."""
    if risk is Risk.READ or params.reason:
        return None
    fixed = f'{line(command, params)} reason="…"'
    sentence = f'`/{command}` changes something, so it is kept with a reason: add reason="why, in a few words".'
    return Fault(code=Code.REASON, sentence=sentence, field=REASON, line=fixed)


def line(command: str, params: Input) -> str:
    """The typed line that does the same; secret fields, which come from forms only, are left out.

    Raises ValueError where a value cannot be typed.
    """
    specs, texts = fields(type(params)), {}
    for spec in specs:
        value = getattr(params, spec.name)
        usual = type(params).model_fields[spec.name].get_default(call_default_factory=True)
        if not spec.secret and (spec.required or value != usual):
            texts[spec.name] = write_value(spec, value)
    return _composed(command, specs, texts)


def line_so_far(command: str, specs: Sequence[FieldSpec], texts: Mapping[str, str], reason: bool = False) -> str:
    """The line of what a form holds by now, as typed texts by field name: neither secret nor personal fields are in it.

    What is needed and not there yet stands as a sign, e.g. `<database>`; `reason`: whether one is demanded.
    """
    shown = [spec for spec in specs if not spec.personal and not spec.secret]
    given = {spec.name: strip(texts.get(spec.name, "")) for spec in shown}
    texts = {spec.name: given[spec.name] for spec in shown if given[spec.name] not in ("", spec.default or "")}
    signs = {spec.name: f"<{spec.sign}>" for spec in shown if spec.required and spec.name not in texts}
    if reason and REASON not in texts:
        signs[REASON] = '"…"'
    return _composed(command, specs, texts, signs)


def _composed(
    command: str, specs: Sequence[FieldSpec], texts: Mapping[str, str], signs: Mapping[str, str] | None = None
) -> str:
    """Texts by field name as one line; `signs` stand as they are. Behind a field left out, the others are named."""
    flags = {spec.key for spec in specs if spec.kind is Kind.FLAG}
    meant = {*flags, *LOOKS, "help"}  # bare, these are read as something else
    words, gap, signs = [f"/{command}"], False, signs or {}
    for spec in specs:
        if spec.secret:
            continue
        bare = spec.required and _positional(spec) and not gap
        key = "" if bare else spec.key
        if spec.name in texts:
            words.append(str(Word(texts[spec.name], key, quoted=bare and texts[spec.name] in meant)))
        elif spec.name in signs:
            words.append(f"{key}={signs[spec.name]}" if key else signs[spec.name])
        else:
            gap = gap or _positional(spec)
    return " ".join(words)


def usage(command: str, specs: Iterable[FieldSpec], reason: bool) -> str:
    """The command's shape, e.g. `/ops db restore <database> [backup=…] reason="…"`."""
    parts = [f"/{command}"]
    for spec in specs:
        if spec.secret or spec.name == REASON:
            continue
        named = f"{spec.key}={spec.sign if spec.choices else '…'}" if spec.kind is not Kind.FLAG else spec.key
        parts.append(f"<{spec.sign}>" if spec.required and _positional(spec) else f"[{named}]")
    return " ".join([*parts, *(['reason="…"'] if reason else [])])


def suggest(word: str, among: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """What somebody may have meant, nearest first."""
    names = {name.lower(): name for name in among}
    return tuple(names[near] for near in get_close_matches(word.lower(), names, n=limit, cutoff=0.6))


def _positional(spec: FieldSpec) -> bool:
    return not spec.secret and spec.name != REASON and spec.kind is not Kind.FLAG


@dataclass(frozen=True)
class _Line:
    """One line on its way to Params."""

    command: str
    specs: tuple[FieldSpec, ...]
    words: tuple[Word, ...]
    known: Known | None = None

    @property
    def by_key(self) -> dict[str, FieldSpec]:
        return {spec.key: spec for spec in self.specs}

    def refuse_leaks(self) -> None:
        """Before anything is quoted back: what looks like a secret or a mail address goes no further."""
        for word in self.words:
            spec = self.by_key.get(_key(word))
            prose = (spec is None and bool(word.key)) or " " in word.value or _key(word) == REASON
            found = leak(word.value if spec or not word.key else f"{word.key}={word.value}", prose)
            if found is Leak.MAIL and (spec.personal if spec else not word.key and self._takes_mail()):
                continue
            if found is not None:
                raise _Stop(Code.LEAK, _refusal(found), spec.name if spec else "")

    def _takes_mail(self) -> bool:
        return any(spec.personal for spec in self.specs)

    def refuse_strays(self, given: Iterable[tuple[FieldSpec, Word]]) -> None:
        """What may be somebody's and came to stand, without a key, in a field that is kept as it is."""
        numbers = any(spec.personal and spec.looks is not Looks.MAIL for spec in self.specs)
        for spec, word in given:
            if spec.personal or word.key or spec.kind is not Kind.TEXT:
                continue
            if leak(word.value) is Leak.MAIL:
                raise _Stop(Code.LEAK, _refusal(Leak.MAIL), spec.name)
            if numbers and may_be_one(word.value):
                sentence = f"`{spec.key}` got what may be somebody's number, and is kept as it is; if it is none, "
                sentence += f"type {spec.key}= before it."
                raise _Stop(Code.LEAK, sentence, spec.name)

    def discreet(self, fault: Fault) -> Fault:
        """What is said back of a line that may hold personal values: masks in their place."""
        if not self._takes_mail():
            return fault
        said, fixed = hidden(fault.sentence), hidden(fault.line)
        for word in self.words:
            if word.value and leak(word.value) is not Leak.MAIL and self._may_be_personal(word):
                typed = re.compile(rf"(?<!\w){re.escape(word.value)}(?!\w)")
                said, fixed = (typed.sub(mask(word.value), text) for text in (said, fixed))
        return fault.model_copy(update={"sentence": said, "line": fixed})

    def _may_be_personal(self, word: Word) -> bool:
        spec = self.by_key.get(_key(word))
        if spec is not None:
            return spec.personal
        known = self.known is not None and any(word.value in keys for keys in self.known.targets.values())
        any_text = any(spec.personal and spec.looks is None for spec in self.specs)
        return may_be_one(word.value) or (any_text and not known)

    def assign(self) -> list[tuple[FieldSpec, Word]]:
        """Each word's field: by key, as a flag's bare name, else the first fields that nobody named."""
        given: dict[str, Word] = {}
        rest: list[Word] = []
        for word in self.words:
            spec = self._named(word)
            if spec is None:
                rest.append(word)
                continue
            if spec.name in given:
                raise _Stop(Code.TWICE, f"`{spec.key}` is given twice; keep one of them.", spec.name)
            given[spec.name] = word
        free = [spec for spec in self.specs if _positional(spec) and spec.name not in given]
        if len(rest) > len(free):
            raise self._too_many(rest, len(free), REASON in given)
        given.update((spec.name, word) for spec, word in zip(free, rest, strict=False))
        self._demand(given)
        return [(spec, given[spec.name]) for spec in self.specs if spec.name in given]

    def _named(self, word: Word) -> FieldSpec | None:
        if not word.key:
            flag = self.by_key.get(word.value) if not word.quoted else None
            return flag if flag is not None and flag.kind is Kind.FLAG else None
        spec = self.by_key.get(_key(word))
        if spec is None:
            raise self._unknown_key(word)
        if spec.secret:
            sentence = f"`{spec.key}` is secret, and a typed line is kept: leave it out and fill it in in the form."
            raise _Stop(Code.SECRET, sentence, spec.name)
        return spec

    def _unknown_key(self, word: Word) -> _Stop:
        keys = [key for key, spec in self.by_key.items() if not spec.secret]
        near = suggest(word.key, keys, 1)
        meant = f"did you mean `{near[0]}=`?" if near else f"it takes {', '.join(f'`{key}=`' for key in keys)}."
        whole = Word(f"{word.key}={word.value}", quoted=True)
        hint = f" If `=` belongs to a value, put it in quotes: `{whole}`." if not near else ""
        fixed = self._with(word, Word(word.value, near[0], word.quoted)) if near else ""
        return _Stop(Code.UNKNOWN_KEY, f"`/{self.command}` has no `{word.key}=`; {meant}{hint}", line=fixed)

    def _too_many(self, rest: list[Word], taken: int, has_reason: bool) -> _Stop:
        extra = rest[taken:]
        said = " ".join(word.value for word in extra)
        if has_reason:
            shape = usage(self.command, self.specs, reason=True)
            return _Stop(Code.TOO_MANY, f"I have no place for `{said}`; the shape is `{shape}`.")
        kept = [word for word in self.words if not any(word is one for one in extra)]
        fixed = _join(self.command, [*kept, Word(said, REASON, quoted=True)])
        return _Stop(
            Code.TOO_MANY, f"I have no place for `{said}`; if it is the reason, put it behind reason=.", line=fixed
        )

    def _demand(self, given: Mapping[str, Word]) -> None:
        for spec in self.specs:
            if not spec.required or spec.name in given:
                continue
            if spec.secret:
                sentence = f"`/{self.command}` needs `{spec.key}`, which is secret: open its form and fill it in there."
                raise _Stop(Code.NEEDS_FORM, sentence, spec.name)
            shape = usage(self.command, self.specs, reason=False)
            what = f" ({spec.description})" if spec.description else ""
            raise _Stop(Code.MISSING, f"`{spec.key}`{what} is missing; type `{shape}`.", spec.name)

    def value(self, spec: FieldSpec, word: Word) -> Any:
        """The word's value for that field. Raises _Stop."""
        if spec.kind is Kind.FLAG and not word.key:
            return True
        text = word.value
        if spec.kind is Kind.TARGET and self.known is not None and spec.target not in self.known.unsure:
            parts = text.split(",") if spec.many else [text]
            text = ",".join(self._target(spec, part.strip(), word) for part in parts)
        try:
            return read_value(spec, text)
        except ValueError as wrong:
            near = suggest(text, spec.choices, 1)
            fixed = self._with(word, Word(near[0], word.key)) if near else ""
            meant = f"; did you mean {near[0]}?" if near else "."
            raise _Stop(Code.INVALID, f"`{spec.key}`: {wrong}{meant}", spec.name, fixed) from None

    def _target(self, spec: FieldSpec, text: str, word: Word) -> str:
        known = self.known or Known()
        # "@ana" typed without Slack's own id is only a name: it may be offered as a correction, never taken.
        key = known.accounts.get(text, text) if spec.target == "person" else text
        keys = known.targets.get(spec.target, ())
        if key in keys:
            return key
        near = suggest(key.lstrip("@#"), keys)
        list_of = (
            f"I know {', '.join(keys[:12])}{' and more' if len(keys) > 12 else ''}" if keys else "config names none"
        )
        meant = f"did you mean {' or '.join(near)}?" if near else f"{list_of}."
        fixed = self._with(word, Word(word.value.replace(text, near[0]), word.key)) if near else ""
        raise _Stop(Code.UNKNOWN_TARGET, f"There is no {spec.target} `{key}` in config; {meant}", spec.name, fixed)

    def _with(self, old: Word, new: Word) -> str:
        return _join(self.command, [new if word is old else word for word in self.words])


def _key(word: Word) -> str:
    return word.key.lower().replace("_", "-")


def _join(command: str, words: Iterable[Word]) -> str:
    return " ".join([f"/{command}", *(str(word) for word in words)])


def _refusal(found: Leak) -> str:
    instead = {
        Leak.MAIL: "name the person or account by id",
        Leak.TOKEN: "name the secret by its key in config",
        Leak.PASSWORD: "leave it out, and change it if it was real",
        Leak.KEY: "leave it out, and replace it if it was real",
    }
    return (
        f"Your line seems to hold {found.value}. What is typed here is kept for good, so nothing was asked for; "
        f"{instead[found]}, then send the line again."
    )


_WORDED = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must look like {pattern}",
    "too_short": "needs at least {min_length} entries",
    "too_long": "takes at most {max_length} entries",
    "multiple_of": "must be a multiple of {multiple_of}",
}


def _invalid(wrong: ValidationError, of: _Line) -> Fault:
    """Pydantic's first objection in our words; the value itself is not repeated."""
    first = wrong.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    context = first.get("ctx", {})
    text = _WORDED[first["type"]].format(**context) if first["type"] in _WORDED else first["msg"]
    text = text.removeprefix("Value error, ").rstrip(".")
    where = f"`{name.replace('_', '-')}` " if name else ""
    shape = usage(of.command, of.specs, reason=False)
    sentence = f"{where}{text}; the shape is `{shape}`."
    return Fault(code=Code.INVALID, sentence=sentence, field=name)
