"""What the two of an absence are told by a direct message when it begins or ends by itself."""

from datetime import datetime

from bot.render.blocks import line, moment, rich, text
from bot.render.escape import fallback
from bot.render.message import Message, Names


def absence(run: int, what: str, person: str, giver: str, taker: str, ends: datetime, names: Names) -> Message:
    """To `person`, one of the two. `what`: "begins" or "ends"; `run`: by which it was given."""
    other = names.person(taker if person == giver else giver)
    mine = person == giver
    if what == "begins":
        head = f"{other} now decides in your place" if mine else f"You now decide in place of {other}"
        when = (text("Until "), moment(ends), text("."))
        then = f"To end it sooner, either of you two types: /ops approvals withdraw r{run}"
    elif mine:
        head, when = f"{other} no longer decides in your place", (text("It ended "), moment(ends), text("."))
        then = "You decide for yourself again. To hand over anew: /ops approvals delegate"
    else:
        head, when = f"You no longer decide in place of {other}", (text("It ended "), moment(ends), text("."))
        then = "What you approved in their place and has not started asks again."
    icon = "🔁" if what == "begins" else "🏁"
    blocks = (rich(line(text(f"{icon} {head}", bold=True)), line(*when), line(text(then))),)
    return Message(text=fallback(f"r{run}: {head}"), blocks=blocks, kind=f"absence:{what}", run=run)
