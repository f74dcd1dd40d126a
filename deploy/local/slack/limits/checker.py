"""Collects what is wrong with a piece of Block Kit, each fault with its JSON pointer, in Slack's wording."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..switches import Switches
from ..wire import JsonObject

PLAIN = ("plain_text",)
MRKDWN = ("plain_text", "mrkdwn")


def length(text: str, switches: Switches) -> int:
    """How long Slack counts `text`: in UTF-16 units, or in code points."""
    if switches.characters == "code_points" or text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shortened(text: str, most: int, switches: Switches) -> str:
    """As much of `text` as has `most` characters; no sign is cut in two."""
    if switches.characters == "code_points":
        return text[:most]
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


class Checker:
    """`faults` holds lines like `must be less than 3001 characters [json-pointer:/blocks/0/text/text]`.

    `surface` and `block` say what is being looked at; `margin` lowers every length by that share, for who wants to know
    how near to a limit something comes. `most` is None where Slack says no number.
    """

    def __init__(self, switches: Switches | None = None, *, margin: float = 0.0) -> None:
        self.switches, self.margin = switches or Switches(), margin
        self.faults: list[str] = []
        self.block_ids: dict[str, str] = {}
        self.focused: list[str] = []
        self.surface = self.block = ""

    def _beyond(self, used: int, most: int | None) -> int | None:
        """The limit, where `used` is beyond it."""
        within = None if most is None else most - int(most * self.margin)
        return within if within is not None and used > within else None

    def fault(self, at: str, words: str) -> None:
        """Note one fault at a pointer."""
        self.faults.append(f"{words} [json-pointer:{at}]")

    def keys(self, value: JsonObject, at: str, known: Collection[str]) -> None:
        """Refuse keys Slack does not know here."""
        for key in value:
            if key not in known:
                self.fault(at, f"invalid additional property: {key}")

    def string(
        self, value: JsonObject, key: str, at: str, most: int | None, *, required: bool = False, least: int = 0
    ) -> str | None:
        """A string of `least` to `most` characters under `key`."""
        text = value.get(key)
        if text is None:
            if required:
                self.fault(at, f"missing required field: {key}")
            return None
        where = f"{at}/{key}"
        if not isinstance(text, str):
            self.fault(where, "must be a string")
            return None
        if (limit := self._beyond(length(text, self.switches), most)) is not None:
            self.fault(where, f"must be less than {limit + 1} characters")
        if len(text) < least:
            self.fault(where, f"must be more than {least - 1} characters")
        return text

    def text(
        self,
        value: JsonObject,
        key: str,
        at: str,
        most: int,
        *,
        kinds: tuple[str, ...] = PLAIN,
        required: bool = False,
    ) -> None:
        """A text object of 1 to `most` characters under `key`."""
        if value.get(key) is None:
            if required:
                self.fault(at, f"missing required field: {key}")
            return
        self.text_object(value[key], f"{at}/{key}", most, kinds)

    def text_object(self, text: Any, at: str, most: int, kinds: tuple[str, ...]) -> None:
        """A text object itself."""
        if not isinstance(text, dict):
            self.fault(at, "must provide an object")
            return
        if text.get("type") not in kinds:
            self.fault(f"{at}/type", f"unsupported type: {text.get('type')}")
            return
        if text["type"] == "mrkdwn" and "emoji" in text:
            self.fault(at, "invalid additional property: emoji")
        if text["type"] == "plain_text" and "verbatim" in text:
            self.fault(at, "invalid additional property: verbatim")
        self.boolean(text, "emoji", "verbatim", at=at)
        self.string(text, "text", at, most, required=True, least=1)

    def enum(self, value: JsonObject, key: str, at: str, allowed: Collection[str]) -> None:
        """One of a few words, when given."""
        if value.get(key) is not None and value[key] not in allowed:
            self.fault(f"{at}/{key}", "must be a valid enum value")

    def boolean(self, value: JsonObject, *keys: str, at: str) -> None:
        """True or false, when given."""
        for key in keys:
            if value.get(key) is not None and not isinstance(value[key], bool):
                self.fault(f"{at}/{key}", "must be a boolean")

    def items(self, value: JsonObject, key: str, at: str, most: int | None, *, least: int = 1) -> list[Any] | None:
        """A list of `least` to `most` items under `key`; None when there is none."""
        found = value.get(key)
        if found is None:
            return None
        where = f"{at}/{key}"
        if not isinstance(found, list):
            self.fault(where, "must be an array")
            return None
        if (limit := self._beyond(len(found), most)) is not None:
            self.fault(where, f"no more than {limit} items allowed")
        if len(found) < least:
            self.fault(where, f"no fewer than {least} items allowed")
        return found

    def objects(
        self, value: JsonObject, key: str, at: str, most: int | None, *, least: int = 1
    ) -> list[tuple[str, JsonObject]]:
        """The items under `key` that are objects, each with its pointer; others are faults."""
        found = self.items(value, key, at, most, least=least) or []
        good: list[tuple[str, JsonObject]] = []
        for index, item in enumerate(found):
            where = f"{at}/{key}/{index}"
            if isinstance(item, dict):
                good.append((where, item))
            else:
                self.fault(where, "must provide an object")
        return good
