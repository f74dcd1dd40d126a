"""A run's whole life as one table. The database holds a copy of it (`migrate` writes it) and refuses any other move."""

from bot.model import ENDS, Signal, State

MOVES: dict[tuple[State | None, Signal], State] = {
    (None, Signal.ASK): State.PLANNING,
    # planning: observed and planned by whichever worker claims it
    (State.PLANNING, Signal.PROPOSE): State.AWAITING,
    (State.PLANNING, Signal.ADMIT): State.QUEUED,
    (State.PLANNING, Signal.ANSWER): State.SUCCEEDED,
    (State.PLANNING, Signal.REFUSE): State.REFUSED,
    (State.PLANNING, Signal.BREAK): State.FAILED,
    (State.PLANNING, Signal.CANCEL): State.CANCELLED,
    # awaiting approval: only people and the clock move it
    (State.AWAITING, Signal.APPROVE): State.QUEUED,
    (State.AWAITING, Signal.DENY): State.DENIED,
    (State.AWAITING, Signal.EXPIRE): State.EXPIRED,
    (State.AWAITING, Signal.SUPERSEDE): State.SUPERSEDED,
    (State.AWAITING, Signal.AMEND): State.PLANNING,
    (State.AWAITING, Signal.CANCEL): State.CANCELLED,
    # queued: locks are held, the world is looked at once more
    (State.QUEUED, Signal.START): State.RUNNING,
    (State.QUEUED, Signal.DIFFER): State.AWAITING,
    (State.QUEUED, Signal.REFUSE): State.REFUSED,
    (State.QUEUED, Signal.BREAK): State.FAILED,
    (State.QUEUED, Signal.EXPIRE): State.EXPIRED,
    (State.QUEUED, Signal.CANCEL): State.CANCELLED,
    (State.QUEUED, Signal.DOUBT): State.IN_DOUBT,
    # running: one worker holds it under a lease
    (State.RUNNING, Signal.PARK): State.WAITING,
    (State.RUNNING, Signal.DOUBT): State.IN_DOUBT,
    (State.RUNNING, Signal.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Signal.FAIL): State.FAILED,
    (State.RUNNING, Signal.UNDO): State.UNDONE,
    (State.RUNNING, Signal.CANCEL): State.CANCELLED,
    # waiting: a row with a due time, no worker
    (State.WAITING, Signal.WAKE): State.RUNNING,
    (State.WAITING, Signal.DOUBT): State.IN_DOUBT,
    # in doubt: people answer
    (State.IN_DOUBT, Signal.RESUME): State.RUNNING,
    (State.IN_DOUBT, Signal.RETURN): State.QUEUED,
}

SENTENCES: dict[State, str] = {
    State.PLANNING: "looking at what is there and making the plan",
    State.AWAITING: "waiting for approval",
    State.QUEUED: "approved, about to start",
    State.RUNNING: "running",
    State.WAITING: "waiting for a time, a person or another run",
    State.IN_DOUBT: "stopped: somebody must answer a question",
    State.SUCCEEDED: "done",
    State.FAILED: "failed",
    State.UNDONE: "did not go through; what could be undone was undone",
    State.REFUSED: "refused by a rule",
    State.DENIED: "denied by an approver",
    State.EXPIRED: "nobody answered in time; nothing was done",
    State.SUPERSEDED: "replaced by another request",
    State.CANCELLED: "cancelled",
}


class IllegalMove(Exception):
    """A signal that the state does not take: a defect, never a user's fault."""


def advance(state: State | None, signal: Signal) -> State:
    """The state that follows. Raises IllegalMove where the table has no such move."""
    try:
        return MOVES[state, signal]
    except KeyError:
        raise IllegalMove(f"a run that is {state or 'not there yet'} takes no {signal}") from None


def signals(state: State) -> frozenset[Signal]:
    """What may happen to a run in this state."""
    return frozenset(signal for (at, signal) in MOVES if at == state)


def ended(state: State) -> bool:
    """Whether nothing can move a run in this state any more."""
    return state in ENDS


def drawing() -> str:
    """The table as a Mermaid state diagram, for docs/."""
    lines = ["stateDiagram-v2"]
    for (at, signal), to in MOVES.items():
        lines.append(f"    {at or '[*]'} --> {to}: {signal}")
    lines += [f"    {end} --> [*]" for end in State if end in ENDS]
    return "\n".join(lines) + "\n"
