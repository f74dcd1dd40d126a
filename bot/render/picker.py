"""The picker: areas, then operations, each with what it is for; and the pages of help."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from bot.model import Record, Risk
from bot.render import fit
from bot.render.blocks import actions, button, line, modal, plain, rich, text
from bot.render.escape import one_line
from bot.render.favourites import above
from bot.render.message import Block
from bot.view import Favourite

PICKER = "door.picker"
TOP = "-"
OPEN = "door.open"  # a button's value is an area ("ops db"), a command ("ops db restore"), or "-" for the top
SHOWN = 80
ROOM = fit.VIEW_JSON - 25_000  # characters of them as JSON; what stands above them takes the rest
RISKS = {Risk.READ: "reads", Risk.WRITE: "changes", Risk.DESTRUCTIVE: "needs two people"}


class Item(Record):
    """An area or an operation that the person may see."""

    words: str  # "ops db" or "ops db restore"
    summary: str
    risk: Risk | None = None  # None for an area


def picker(
    draft: str, at: str, items: Sequence[Item], favourites: Sequence[Favourite] = (), notice: str = ""
) -> dict[str, Any]:
    """One level of the tree. `draft`: the row that remembers in which channel it was opened; `notice` comes first."""
    blocks: list[Block] = [rich(line(text(notice)))] if notice else []
    blocks += above(favourites)
    if at:
        up = at.rpartition(" ")[0] or TOP
        blocks += actions("door.up", [button("◀ Back", f"{OPEN}.up", up)])
        blocks.append(rich(line(text(f"/{at}", bold=True))))
    room = SHOWN - len(favourites)
    listed = [_item(n, item) for n, item in enumerate(items[:room])]
    shown = [one for one, weight in zip(listed, accumulate(map(fit.weight, listed)), strict=True) if weight <= ROOM]
    blocks += shown
    if len(items) > len(shown):
        more = f"and {len(items) - len(shown)} more: type /{at or 'ops'} help with a word that you look for"
        blocks.append(rich(line(text(more, italic=True))))
    if not items:
        blocks.append(rich(line(text("There is nothing under this that you may ask for in this channel."))))
    return modal(PICKER, "Choose an operation", blocks, memo=draft)


def _item(n: int, item: Item) -> Block:
    name = item.words.rpartition(" ")[2] if item.risk is not None else f"{item.words.rpartition(' ')[2]} …"
    risk = f" · {RISKS[item.risk]}" if item.risk is not None else ""
    return {
        "type": "section",
        "block_id": f"door.item.{n}",
        "text": plain(f"{name}{risk}\n{one_line(item.summary, 200)}", 400),
        "accessory": button("Open", f"{OPEN}.{n}", item.words),
    }
