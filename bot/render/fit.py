"""What Slack takes, less a tenth; and how a screen that holds more is shortened, in words that say so."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bot.render.escape import cut, size

Block: TypeAlias = dict[str, Any]  # one Block Kit object, as JSON
TEXT = 2700  # characters of one text; all lengths are in UTF-16 units, by which an emoji counts twice
CONTEXT, HEADER, LABEL, HINT, PLACEHOLDER = 1800, 135, 1800, 450, 135
BUTTON, ACTION_ID, TITLE, OPTION, OPTION_VALUE, OPTIONS = 67, 229, 21, 67, 135, 90
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 90, 270, 27
MESSAGE_BLOCKS, VIEW_BLOCKS = 45, 90
MESSAGE_JSON, VIEW_JSON = 90_000, 225_000  # characters of all blocks as JSON; the first is not documented
PARTS = 900  # of one rich text
SHORTENED = "rich_text"  # never a button, a field, or what stands around them
STRIDE = 0.8
LEAST = 200  # characters of JSON: what is shorter than that is not worth shortening


def weight(blocks: object) -> int:
    """Characters as JSON, in which everything but ASCII is escaped."""
    return len(json.dumps(blocks))


def fitted(blocks: Sequence[Block], most: int, heaviest: int, rest: str) -> list[Block]:
    """The blocks; where they are too many or too heavy, with less of the longest. `rest` says where the whole is."""
    told = [_within(block, rest) for block in _few(list(blocks), most, rest)]
    if (over := weight(told) - heaviest) <= 0:
        return told
    texts = [(n, block) for n, block in enumerate(told) if block["type"] == SHORTENED]
    weights = {(n, m): weight(part) for n, block in texts for m, part in enumerate(block["elements"])}
    each = _evened(sorted(weights.values()), over)
    while True:  # a note stands where something was left out, and a cut is never exact: a little less is needed
        shares = {at: each / heavy for at, heavy in weights.items() if heavy > each}
        shown = [_shown(n, block, shares, rest) for n, block in enumerate(told)]
        if each < LEAST or weight(shown) <= heaviest:
            return shown
        each *= STRIDE


def _evened(weights: Sequence[int], over: int) -> float:
    """To what the heaviest must come down, all alike, so that `over` goes. The weights rise."""
    rest = float(sum(weights) - over)
    for n, light in enumerate(weights):
        if light * (len(weights) - n) > rest:
            return max(rest / (len(weights) - n), 0.0)
        rest -= light
    return float(LEAST)


def _few(blocks: list[Block], most: int, rest: str) -> list[Block]:
    """Without the last that only tell: what can be pressed or filled in stays."""
    telling = [n for n, block in enumerate(blocks) if block["type"] == SHORTENED]
    over = len(blocks) - most + 1
    if over < 2 or not telling:
        return blocks[:most]
    gone = telling[-over:]
    blocks[gone[0]] = {"type": SHORTENED, "elements": [_note(len(gone), rest)]}
    return [block for n, block in enumerate(blocks) if n not in gone[1:]][:most]


def _within(block: Block, rest: str) -> Block:
    if block["type"] != SHORTENED or _many(block) <= PARTS:
        return block
    parts = block["elements"]
    return block | {"elements": [*parts[: PARTS - 1], _note(len(parts) - PARTS + 1, rest)]}


def _many(block: Block) -> int:
    return len(block["elements"])


def _shown(n: int, block: Block, shares: Mapping[tuple[int, int], float], rest: str) -> Block:
    if not any(at[0] == n for at in shares):
        return block
    parts: list[Block] = []
    for m, part in enumerate(block["elements"]):
        parts += _part(part, shares[n, m], rest) if (n, m) in shares else [part]
    return block | {"elements": parts}


def _part(part: Block, share: float, rest: str) -> list[Block]:
    """Less of one part: of a list fewer entries, of anything else fewer characters; and a note that says so."""
    inside = part["elements"]
    if part["type"] != "rich_text_list":
        return [part | {"elements": [_briefer(piece, share) for piece in inside]}, _note(0, rest)]
    keep = max(1, int(len(inside) * share))
    entries = inside[:keep]
    if len(inside) * share < 1:
        entries = [inside[0] | {"elements": [_briefer(piece, len(inside) * share) for piece in inside[0]["elements"]]}]
    return [part | {"elements": entries}, _note(len(inside) - keep, rest)]


def _briefer(piece: Block, share: float) -> Block:
    if piece["type"] != "text":
        return piece
    return piece | {"text": cut(piece["text"], max(1, int(size(piece["text"]) * share)))}


def _note(more: int, rest: str) -> Block:
    words = f"… and {more} more, {rest}" if more else f"… the whole of it is {rest}"
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": words, "style": {"italic": True}}]}
