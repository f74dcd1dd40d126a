"""What was opened for a run never enters its ledger, whatever a connector's author puts into a text."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from bot.personal import mask

T = TypeVar("T")
SHORTEST = 4  # characters: what is shorter stands in too many words
_opened: ContextVar[dict[str, re.Pattern[str]] | None] = ContextVar("opened", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Inside, also in tasks that begin here, what is opened is remembered; afterwards it is forgotten."""
    before = _opened.set({})
    try:
        yield
    finally:
        _opened.reset(before)


def remember(plain: str) -> None:
    """A value was opened."""
    if (opened := _opened.get()) is not None and len(plain) >= SHORTEST:
        opened[plain] = re.compile(re.escape(plain), re.IGNORECASE)


def discreet(value: T) -> T:
    """The same, with masks in place of whatever was opened here."""
    opened = _opened.get()
    return _hidden(value, opened) if opened else value


def _hidden(value: Any, opened: dict[str, re.Pattern[str]]) -> Any:
    if isinstance(value, str):
        for plain, pattern in opened.items():
            value = pattern.sub(mask(plain), value)
        return value
    if isinstance(value, dict):
        return {name: _hidden(part, opened) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_hidden(part, opened) for part in value)
    return value
