"""When a run's thread has something to tell, and when not: pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.model import Risk, State
from bot.operation import Until, Watch
from bot.view import RunView, Standing

READ_PATIENCE = timedelta(seconds=2)  # a read that answers sooner needs no "looking" card
PROGRESS_EVERY = timedelta(seconds=3)


def doubles(mine: Sequence[tuple[Mapping[str, Any], str]], card_ts: str | None) -> list[str]:
    """The messages that tell what another tells as well. Of two, the one that tells more stays, then the older."""
    best: dict[Any, tuple[tuple[bool, int, float], str]] = {}
    for payload, ts in mine:
        what = "card" if payload["kind"] == "card" else payload["from_seq"] or payload["kind"]  # 0: it tells no event
        rank = (ts == card_ts, payload["to_seq"], -float(ts))
        if what not in best or rank > best[what][0]:
            best[what] = (rank, ts)
    kept = {ts for _, ts in best.values()}
    return [ts for _, ts in mine if ts not in kept]


def moves(view: RunView) -> bool:
    """Whether a card shows something that no event tells: how far a step is, behind how many runs this one waits."""
    return view.state is State.RUNNING or view.behind > 0 or (view.state is State.WAITING and _polls(view))


def _polls(view: RunView) -> bool:
    """Whether a step is looked at again and again: what a look saw changes the card, also where it has no words."""
    waits = {step.name for step in view.steps if step.standing is Standing.WAITING}
    planned = view.plan.steps if view.plan else ()
    return any(step.name in waits and isinstance(step.does, (Until, Watch)) for step in planned)


def unheard(view: RunView, quiet: bool) -> bool:
    """A look that the clock asks for, with a quiet voice, and that finds nothing: a card each quarter hour is noise.

    Where it fails, or its answer is loud, it has its card and its thread like any other.
    """
    well = view.ended_at is None or (view.state is State.SUCCEEDED and not (view.answer and view.answer.loud))
    return quiet and view.schedule is not None and view.risk is Risk.READ and well


def too_soon(view: RunView) -> bool:
    waited = view.now - view.created_at
    return view.risk is Risk.READ and view.ended_at is None and waited < READ_PATIENCE


def look_again(view: RunView, held_back: bool) -> timedelta | None:
    """When the card is looked at again though nothing happened: while a step shows progress.

    How far a step is that waits makes the thread due by itself, since it may wait for weeks. `held_back`: that was not
    drawn, since cards were edited often enough.
    """
    return PROGRESS_EVERY if held_back or view.state in (State.RUNNING, State.PLANNING, State.QUEUED) else None
