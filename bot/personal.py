"""Personal values: whole at a door and for an effect; everywhere else a random token, shown as its mask."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from bot.model import Record

T = TypeVar("T")
HIDDEN = "•••"
ERASED = "(erased)"
LONGEST = 300  # characters
TOKEN = re.compile(r"p-[0-9a-f]{32}")
_MAIL = re.compile(r"[^\s@]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+")
_NUMBER = re.compile(r"\+?[\d ()./-]+")
_UNSAFE = re.compile(r"[^\w.@…+ -]")  # so that a mask may stand inside any text, JSON and markup included
PHONE, CARD = 7, 12  # digits from which a number is one of a phone, of a card or an account


class Looks(Enum):
    """What a personal field takes (a mark in Annotated); without one, any text."""

    MAIL = "mail address"
    PHONE = "phone number"


class Personal:
    """A value that identifies a person: the type of a field of Params or of an effect.

    Plan, ledger and thread hold the token alone. A connector opens it by `world.personal` at the moment it acts.
    """

    __slots__ = ("_typed", "mask", "token")

    def __init__(self, token: str, mask: str = "") -> None:
        """`mask` only where it is shown. Raises ValueError where that is no token: no value passes for one."""
        if not TOKEN.fullmatch(token):
            raise ValueError("a personal value is kept by its token: pass on the field itself")
        self.token, self.mask, self._typed = token, mask, ""

    @classmethod
    def typed(cls, text: str, looks: Looks | None = None) -> "Personal":
        """As it came in by a door; it has no token before it is recorded. Raises ValueError without the value in it."""
        if "…" in text or TOKEN.search(text):
            raise ValueError("this only stands for a value: type the value itself, whole")
        if not text or len(text) > LONGEST:
            raise ValueError(f"a personal value has 1 to {LONGEST} characters")
        if looks is Looks.MAIL and not _MAIL.fullmatch(text):
            raise ValueError("this is no mail address; type e.g. name@example.com")
        if looks is Looks.PHONE and not (_NUMBER.fullmatch(text) and len(_digits(text)) >= PHONE):
            raise ValueError("this is no phone number; type e.g. +49 170 1234567")
        value = cls.__new__(cls)
        value.token, value.mask, value._typed = "", "", text
        return value

    def plain(self) -> str:
        """What was typed, for the one place that seals it; empty once it is recorded."""
        return self._typed

    def __str__(self) -> str:
        return self.mask or self.token or HIDDEN

    def __repr__(self) -> str:
        return f"Personal({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Personal) and (self.token, self._typed) == (other.token, other._typed)

    def __hash__(self) -> int:
        return hash((self.token, self._typed))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        read = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=read,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(Personal), read]),
            serialization=core_schema.plain_serializer_function_ser_schema(_written),
        )


def _written(value: Personal) -> str:
    if not value.token:
        raise ValueError("a personal value is recorded under a token before anything is written")
    return value.token


def normal(text: str) -> str:
    """Equal for all ways to write one value: case, blanks, the signs within a number."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if "@" in folded:
        return folded.replace(" ", "")
    if _NUMBER.fullmatch(folded) and (digits := _digits(folded)):
        return f"+{digits.removeprefix('00')}" if folded.startswith(("+", "00")) else digits
    return folded


def mask(text: str) -> str:
    """What people read: `j…@x.com`, the last digits of a number, else the first sign."""
    text = " ".join(text.split())
    name, at, domain = text.rpartition("@")
    if at and name:
        return _UNSAFE.sub("", f"{name[0]}…@{domain}")
    if _NUMBER.fullmatch(text) and len(digits := _digits(text)) >= PHONE:
        return f"…{digits[-4:] if len(digits) >= CARD and not text.startswith(('+', '0')) else digits[-2:]}"
    return _UNSAFE.sub("", text[:1]) + "…"


def may_be_one(text: str) -> bool:
    """Whether a word could be a mail address or a number of somebody, also one with a slip in it."""
    return "@" in text or len(_digits(text)) >= PHONE


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdecimal())


def shown(value: T, masks: Mapping[str, str], leaving: tuple[type, ...] = ()) -> T:
    """With masks in place of tokens, through records and lists. `leaving`: types that stay as they are."""
    if isinstance(value, leaving):
        return value
    if isinstance(value, str) and type(value) is str:
        return TOKEN.sub(lambda found: masks.get(found[0], HIDDEN), value)  # type: ignore[return-value]
    if isinstance(value, Personal):
        return Personal(value.token, masks.get(value.token, HIDDEN)) if value.token else value  # type: ignore[return-value]
    if isinstance(value, Record):
        return value.model_copy(update={name: shown(part, masks, leaving) for name, part in value.__dict__.items()})
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: shown(getattr(value, f.name), masks, leaving) for f in fields(value) if f.init}
        return replace(value, **parts)
    if isinstance(value, dict):
        return {name: shown(part, masks, leaving) for name, part in value.items()}  # type: ignore[return-value]
    if isinstance(value, (tuple, list, frozenset)):
        return type(value)(shown(part, masks, leaving) for part in value)
    return value
