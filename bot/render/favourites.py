"""Forms that a person keeps: on the app's home, above the list to choose from, and the star by which one is kept."""

from collections.abc import Sequence

from bot.render import words
from bot.render.blocks import actions, button, header, line, plain, rich, text
from bot.render.escape import one_line
from bot.render.message import Block
from bot.view import Favourite

STAR = "door.star"  # in a form: keeps it as it is filled in; the value is the draft's id
CHOSEN = "door.favourite"  # opens one; the value is its id
UNSTAR = "door.unstar"  # lets it go; the value is its id
KEEP, KEPT = "☆ Keep as favourite", "★ Kept on the app's home"


def on_home(found: Sequence[Favourite], room: int) -> list[Block]:
    """Each with the button that opens its form, and one to let it go. `room`: for so many blocks, heading included."""
    if not found:
        return []
    blocks: list[Block] = [header("Favourites")]
    shown = found if 2 * len(found) < room else found[: max(0, room - 2) // 2]
    for one in shown:
        blocks.append(_line(one))
        open_it = button("Open the form", f"{CHOSEN}.{one.id}", str(one.id))
        blocks += actions(f"door.kept.{one.id}", [open_it, button("Remove", f"{UNSTAR}.{one.id}", str(one.id))])
    if more := len(found) - len(shown):
        blocks.append(rich(line(text(f"and {more} more: type /ops, all of them stand above its list"))))
    return blocks


def above(found: Sequence[Favourite]) -> list[Block]:
    """Each with the button that opens its form."""
    return [_line(one) | {"accessory": button("Open", f"{CHOSEN}.{one.id}", str(one.id))} for one in found]


def _line(one: Favourite) -> Block:
    typed = f"★ {one_line(words.command(one.command, one.values), 300)}"
    return {"type": "section", "block_id": f"door.favourite.{one.id}", "text": plain(typed, 400)}


def star(draft: str, kept: bool) -> list[Block]:
    """The star of a form. Once it is kept the button only says so."""
    return actions(STAR, [button(KEPT if kept else KEEP, STAR, draft)])
