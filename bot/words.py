"""What somebody typed as words: Slack's escapes resolved, phone quotes understood, invisible characters gone."""

import re
import unicodedata
from dataclasses import dataclass

_ESCAPE = re.compile(r"<([@#!]?)([^<>|]*)(?:\|[^<>]*)?>")
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=")
_DOUBLE = {'"': '"“”', "“": '"”“', "”": '"”“', "„": '"“”', "«": "»"}
_SINGLE = {"'": "'’", "‘": "’'", "’": "’'"}


class Unclosed(ValueError):
    """A quote that never ends, or a value that goes on behind its quote; the text says which, and what to type."""


@dataclass(frozen=True)
class Word:
    """One `value` or `key=value`; a quoted word is never a key, a flag or the word help."""

    value: str
    key: str = ""
    quoted: bool = False

    def __str__(self) -> str:
        value = f'"{_escaped(self.value)}"' if self.quoted or _needs_quotes(self.value, bool(self.key)) else self.value
        return f"{self.key}={value}" if self.key else value


def unescape(text: str) -> str:
    """Slack's own writing as plain text. Of a mention only the id counts, of a link only its address."""
    resolved = _ESCAPE.sub(lambda found: _resolve(found[1], found[2]), text)
    return resolved.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _resolve(sigil: str, inside: str) -> str:
    if sigil == "!":
        return inside.removeprefix("subteam^")
    return inside if sigil else inside.removeprefix("mailto:").removeprefix("tel:")


def strip(text: str, lines: bool = False) -> str:
    """Without control, bidirectional and other invisible characters; every kind of white space is one space.

    `lines`: where a text is written over several lines, these stay.
    """
    kept = []
    for character in text.replace("\r\n", "\n") if lines else text:
        category = unicodedata.category(character)
        if category in ("Zs", "Zl", "Zp") or character in "\t\n\r\v\f":
            kept.append("\n" if lines and character == "\n" else " ")
        elif category[0] != "C":
            kept.append(character)
    return "".join(kept).strip()


def split(text: str) -> tuple[Word, ...]:
    """The words of a line that is unescaped already. Raises Unclosed."""
    rest = strip(text)
    found: list[Word] = []
    while rest:
        key = _KEY.match(rest)
        start = key.end() if key else 0
        try:
            value, quoted, end = _value(rest, start)
        except Unclosed as wrong:  # what it holds is not said back: it may be anybody's
            where = f"behind {key[1]}=" if key else f"that begins word {len(found) + 1}"
            raise Unclosed(f"the quote {where} {wrong}") from None
        found.append(Word(value, key[1] if key else "", quoted))
        rest = rest[end:].lstrip()
    return tuple(found)


def _value(text: str, start: int) -> tuple[str, bool, int]:
    opener = text[start : start + 1]
    if opener and opener in _DOUBLE:
        return _double(text, start, _DOUBLE[opener])
    if opener and opener in _SINGLE:
        return _single(text, start, _SINGLE[opener])
    end = text.find(" ", start)
    end = len(text) if end < 0 else end
    return text[start:end], False, end


def _double(text: str, start: int, closers: str) -> tuple[str, bool, int]:
    r"""Up to the closing quote; a quote or \ behind a \ stands for itself."""
    value, at = [], start + 1
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in tuple('"“”»\\'):
            value.append(text[at + 1])
            at += 2
        elif text[at] in closers:
            if text[at + 1 : at + 2] not in ("", " "):
                raise Unclosed("ends before the value does; put a space behind it, or \\ before a quote")
            return "".join(value), True, at + 1
        else:
            value.append(text[at])
            at += 1
    raise Unclosed('never ends; add a closing "')


def _single(text: str, start: int, closers: str) -> tuple[str, bool, int]:
    """A closing single quote has a space or nothing behind it: elsewhere it is an apostrophe."""
    for at in range(start + 1, len(text)):
        if text[at] in closers and text[at + 1 : at + 2] in ("", " "):
            return text[start + 1 : at], True, at + 1
    raise Unclosed('never ends; use " at both ends')


def _needs_quotes(value: str, has_key: bool) -> bool:
    if not value or " " in value or value[0] in _DOUBLE or value[0] in _SINGLE:
        return True
    return not has_key and _KEY.match(value) is not None


def _escaped(value: str) -> str:
    return re.sub(r'(["“”\\])', r"\\\1", value)
