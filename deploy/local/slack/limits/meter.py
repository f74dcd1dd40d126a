"""How much of each of Slack's limits a message or a view uses: the same rules as the refusals, measured not judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..wire import JsonObject
from .blocks import check_blocks
from .checker import Checker


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
    """Notes every length that it is asked to check."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: list[Use] = []

    def string(
        self, value: JsonObject, key: str, at: str, most: int, *, required: bool = False, least: int = 0
    ) -> str | None:
        text = super().string(value, key, at, most, required=required, least=least)
        if text is not None:
            self.uses.append(Use(f"{at}/{key}", len(text), most, "characters"))
        return text

    def items(self, value: JsonObject, key: str, at: str, most: int, *, least: int = 1) -> list[Any] | None:
        found = super().items(value, key, at, most, least=least)
        if found is not None:
            self.uses.append(Use(f"{at}/{key}", len(found), most, "items"))
        return found


def uses(blocks: list[JsonObject], surface: str) -> list[Use]:
    """Of every limit that these blocks come under, the one nearest to its end first; `surface` as in check_blocks."""
    meter = Meter()
    check_blocks(meter, {"blocks": blocks}, "", 50 if surface == "message" else 100, surface, least=0)
    return sorted(meter.uses, key=lambda use: use.share, reverse=True)
