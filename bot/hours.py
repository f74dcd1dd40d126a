"""Weekly hours in a time zone: when a rule of policy allows asking."""

import re
from datetime import datetime, time
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import model_validator

from bot.model import Record

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WRITTEN = re.compile(r"(?:(\w{3})(?:-(\w{3}))? )?(\d\d:\d\d)-(\d\d:\d\d) (\S+)")
_EXAMPLE = '"mon-fri 08:00-18:00 Europe/Vienna"'


class Hours(Record):
    """Written "mon-fri 08:00-18:00 Europe/Vienna"; over midnight where the end is not after the start."""

    days: frozenset[int]  # of the day on which it opens; Monday is 0
    opens: time
    closes: time
    zone: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return _read(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{self.zone!r} is no time zone: write e.g. Europe/Vienna or UTC") from None
        return self

    def open(self, at: datetime) -> bool:
        """Whether that instant lies within, the start included, the end not."""
        local = at.astimezone(ZoneInfo(self.zone))
        day, clock = local.weekday(), local.time()
        if self.opens < self.closes:
            return day in self.days and self.opens <= clock < self.closes
        return (day in self.days and clock >= self.opens) or ((day - 1) % 7 in self.days and clock < self.closes)

    def __str__(self) -> str:
        days = ", ".join(DAYS[day] for day in sorted(self.days))
        return f"{days} {self.opens:%H:%M}-{self.closes:%H:%M} {self.zone}"


def _read(text: str) -> dict[str, Any]:
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} are no hours: write e.g. {_EXAMPLE}")
    first, last = found[1] or "mon", found[2] or found[1] or "sun"
    if first not in DAYS or last not in DAYS:
        raise ValueError(f"{text!r} names no day that I know: write e.g. {_EXAMPLE}")
    start = DAYS.index(first)
    count = (DAYS.index(last) - start) % 7 + 1
    try:
        opens, closes = time.fromisoformat(found[3]), time.fromisoformat(found[4])
    except ValueError:
        raise ValueError(f"{text!r} holds a time that no day has: write e.g. {_EXAMPLE}") from None
    days = frozenset((start + n) % 7 for n in range(count))
    return {"days": days, "opens": opens, "closes": closes, "zone": found[5]}
