"""Several requests that wait for one person, as one direct message that is edited as they are decided."""

from collections.abc import Sequence
from datetime import datetime

from bot.lifecycle import SENTENCES
from bot.model import ENDS, State
from bot.render import words
from bot.render.blocks import bullets, context, line, rich, seconds, text
from bot.render.card import ICONS
from bot.render.escape import fallback
from bot.render.lists import named, one
from bot.render.message import Message
from bot.view import Brief

SHOWN = 12  # requests with their buttons, three blocks each
DECIDED = 10


def digest(
    waiting: Sequence[Brief], said: Sequence[Brief], decided: Sequence[Brief], now: datetime, number: int = 0
) -> Message:
    """`waiting` for this person, `said`: their yes is given and it has not started; `decided` since it was begun.

    One in which nothing waits is not edited any more, so it says only what stays true.
    Of `decided`, what has a new plan made for it meanwhile is left out: it is decided anew.
    """
    head = f"{words.count(len(waiting), 'request waits', 'requests wait')} for you"
    if not waiting:
        head = "Nothing waits for you any more"
    blocks = [rich(line(text(f"✋ {head}" if waiting else head, bold=True)))]
    if waiting:
        blocks.append(
            rich(line(text("You are called once for all of them. Silence is never a yes: each lapses by itself.")))
        )
    blocks += [block for brief in waiting[:SHOWN] for block in one(brief, review=True)]
    if len(waiting) > SHOWN:
        blocks.append(rich(line(text(f"and {len(waiting) - SHOWN} more: /ops runs shows them"))))
    over = [brief for brief in decided if brief.state is not State.PLANNING]
    if waiting:
        settled = [*(_line(b, "approved by you; not started yet") for b in said), *(_line(b) for b in over)]
    else:
        settled = [*(_line(b, "approved by you") for b in said), *map(_lasting, over)]
    if settled:
        blocks.append(rich(line(text("Decided", bold=True)), bullets([text(each)] for each in settled[:DECIDED])))
    blocks.append(context(f"as of {seconds(now)}"))
    listed = "; ".join(named(b) for b in waiting[:8])
    return Message(
        text=fallback(f"{head}: {listed}" if waiting else head), blocks=tuple(blocks), kind="digest", to_seq=number
    )


def _line(brief: Brief, said: str = "") -> str:
    icon = "👍" if brief.state is State.AWAITING else ICONS[brief.state]
    return f"{icon} {named(brief)}: {said or SENTENCES[brief.state]}"


def _lasting(brief: Brief) -> str:
    """A changed request may need no approval any more: what went on was not always approved."""
    return _line(brief) if brief.state in ENDS else f"☑️ {named(brief)}: decided, and went on"
