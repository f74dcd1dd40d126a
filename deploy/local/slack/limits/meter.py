"""How much of each of Slack's limits a message or a view uses: the same rules as the refusals, measured not judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..switches import Switches
from ..wire import JsonObject
from .blocks import check_blocks
from .checker import Checker, length


@dataclass(frozen=True, slots=True)
class Use:
    """`used` of `most` (characters, or items of a list) at a JSON pointer."""

    at: str
    used: int
    most: int
    unit: str

    @property
    def share(self) -> float:
        """1.0 is the limit itself."""
        return self.used / self.most


class Meter(Checker):
    """Notes every length that it is asked to check, where Slack says how long it may be."""

    def __init__(self, switches: Switches | None = None) -> None:
        super().__init__(switches)
        self.uses: list[Use] = []

    def string(
        self, value: JsonObject, key: str, at: str, most: int | None, *, required: bool = False, least: int = 0
    ) -> str | None:
        text = super().string(value, key, at, most, required=required, least=least)
        if text is not None and most is not None:
            self.uses.append(Use(f"{at}/{key}", length(text, self.switches), most, "characters"))
        return text

    def items(self, value: JsonObject, key: str, at: str, most: int | None, *, least: int = 1) -> list[Any] | None:
        found = super().items(value, key, at, most, least=least)
        if found is not None and most is not None:
            self.uses.append(Use(f"{at}/{key}", len(found), most, "items"))
        return found


def uses(blocks: list[JsonObject], surface: str, switches: Switches | None = None) -> list[Use]:
    """Of every limit that these blocks come under, the one nearest to its end first; `surface` as in check_blocks."""
    meter = Meter(switches)
    check_blocks(meter, {"blocks": blocks}, "", 50 if surface == "message" else 100, surface, least=0)
    return sorted(meter.uses, key=lambda use: use.share, reverse=True)
