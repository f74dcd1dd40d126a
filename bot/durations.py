"""One grammar for durations and sizes: whatever is printed here can be typed, and means the same."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}
_LONG_UNITS = {
    **dict.fromkeys(("week", "weeks"), "w"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    "µs": "us",
}
_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_BINARY = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zµ]+)\s*")


def parse_duration(text: str) -> timedelta:
    """Reads "90s", "2h30m", "1d 6h", "15 minutes". Raises ValueError, with what to type, for anything else."""
    lowered = text.strip().lower()
    total, at = timedelta(), 0
    while at < len(lowered):
        part = _PART.match(lowered, at)
        unit = _LONG_UNITS.get(part[2], part[2]) if part else ""
        if part is None or unit not in _UNITS:
            raise ValueError(_why_no_duration(text, unit))
        total = _plus(total, part[1], _UNITS[unit], text)
        at = part.end()
    if not lowered:
        raise ValueError(_why_no_duration(text, ""))
    return total


def _plus(total: timedelta, number: str, unit: timedelta, text: str) -> timedelta:
    try:
        return total + (unit * int(number) if number.isdecimal() else unit * float(number))
    except OverflowError:
        raise ValueError(f"{text!r} is longer than can be counted; type something like 30d") from None


def _why_no_duration(text: str, unit: str) -> str:
    if unit in ("mo", "month", "months", "y", "year", "years"):
        return f"{text!r} has no fixed length; type days, e.g. 30d"
    if re.fullmatch(r"\d+(\.\d+)?", text.strip()):
        return f"{text!r} has no unit; type e.g. {text.strip()}s, {text.strip()}m or {text.strip()}h"
    return f"{text!r} is no duration; type e.g. 90s, 15m, 2h30m or 7d"


def print_duration(value: timedelta) -> str:
    """The exact short form, e.g. "2h30m"; `parse_duration` gives the same value back. Raises ValueError below zero."""
    if value < timedelta():
        raise ValueError("a duration is never negative")
    parts: list[str] = []
    for name in ("d", "h", "m", "s", "ms", "us"):
        count, value = divmod(value, _UNITS[name])
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"


def about_duration(value: timedelta) -> str:
    """The two largest units, for reading: "2h30m" for 2 h 30 min 12 s; no milliseconds from a second on."""
    units = [_UNITS[name] for name in ("d", "h", "m", "s", "ms")]
    whole = abs(value)
    largest = next((i for i, unit in enumerate(units) if whole >= unit), len(units) - 1)
    finest = units[min(largest + 1, len(units) - 2)] if whole >= _UNITS["s"] else units[-1]
    return print_duration(round(whole / finest) * finest)


def parse_size(text: str) -> int:
    """Reads "512MiB", "1.5 GB", "800 B" as bytes. Raises ValueError, with what to type, for anything else."""
    part = _PART.fullmatch(text.strip().lower())
    if part is None or part[2] not in _BYTES:
        raise ValueError(f"{text!r} is no size; type e.g. 800B, 64MB, 512MiB or 1.5GiB")
    number = int(part[1]) if part[1].isdecimal() else float(part[1])
    try:
        return round(number * _BYTES[part[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is more than can be counted; type something like 64GiB") from None


def print_size(value: int) -> str:
    """The exact short form, e.g. "512MiB"; `parse_size` gives the same value back. Raises ValueError below zero."""
    if value < 0:
        raise ValueError("a size is never negative")
    name, unit = next(((n, u) for n, u in _BINARY if value and value % u == 0), ("B", 1))
    return f"{value // unit}{name}"


def about_size(value: int, figures: int = 3) -> str:
    """Three figures, for reading: "1.21GiB"."""
    name, unit = next(((n, u) for n, u in _BINARY if value >= u), ("B", 1))
    return f"{value / unit:.{figures}g}{name}" if value < 999.5 * unit else f"{value // unit}{name}"


def _read_duration(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(_why_no_duration(str(value), ""))
    return parse_duration(value) if isinstance(value, str) and not value.startswith(("P", "-P")) else value


def _read_size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


class Bytes:
    """Marks an int field as a size in bytes."""


Duration = Annotated[timedelta, BeforeValidator(_read_duration)]  # "30m" in TOML; ISO 8601 in stored JSON
Size = Annotated[int, Bytes, BeforeValidator(_read_size)]  # "512MiB" in TOML and in chat
