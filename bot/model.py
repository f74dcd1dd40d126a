"""Frozen records and closed enums that every part of the machine shares; imports nothing of the bot."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen, keyword-only value that turns into JSON and back without loss; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Risk(IntEnum):
    """What an operation can do: read only; change something that can be undone; destroy or touch production."""

    READ = 0
    WRITE = 1
    DESTRUCTIVE = 2


class State(StrEnum):
    """Where a run stands. `lifecycle.MOVES` says which move leads where."""

    PLANNING = "planning"
    AWAITING = "awaiting_approval"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNDONE = "undone"
    REFUSED = "refused"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


def run_of(tag: str) -> int | None:
    """The id of the run that is called so, "r142"; None where the words are no run's name."""
    digits = tag.removeprefix("r")
    return id_of(digits) if tag != digits else None


def id_of(digits: str) -> int | None:
    """The id that a text holds; None where it holds none that a row could have."""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None


class Signal(StrEnum):
    """What moves a run from one state to another."""

    ASK = "ask"
    PROPOSE = "propose"  # a plan that needs approval
    ADMIT = "admit"  # a plan that needs none
    ANSWER = "answer"  # a plan without steps: what was read is the answer
    REFUSE = "refuse"
    BREAK = "break"  # planning itself failed
    APPROVE = "approve"  # the last slot was filled
    DENY = "deny"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"
    AMEND = "amend"  # new parameters: plan again
    CANCEL = "cancel"
    DIFFER = "differ"  # the world differs from what was approved: ask again
    START = "start"
    PARK = "park"
    WAKE = "wake"
    DOUBT = "doubt"
    RESUME = "resume"
    RETURN = "return"  # an answer in a run that had not begun: the world is looked at once more before it starts
    SUCCEED = "succeed"
    FAIL = "fail"
    UNDO = "undo"


class Heading(StrEnum):
    """Which way a run goes through its plan."""

    FORTH = "forth"
    BACK = "back"  # undo down to the last barrier, close what was opened
    STOP = "stop"  # undo nothing, close what was opened


class Way(StrEnum):
    """In which role a step is carried out."""

    DO = "do"
    UNDO = "undo"
    CLOSE = "close"


class Mark(StrEnum):
    """What the ledger says of one attempt at one step."""

    STARTED = "started"
    DONE = "done"
    NOT_DONE = "not_done"  # proof that it did not happen; may be tried again
    FAILED = "failed"  # proof that it did not happen and will not, or a check that is bad
    UNKNOWN = "unknown"  # a time-out, a reset, a dead worker: nobody has asked yet
    AGAIN = "again"  # people or the effect's own nature allow another attempt after an unknown one
    SKIPPED = "skipped"  # people decided to go on without it
    LATE = "late"  # evidence from an attempt that had lost its run; decides nothing


ENDS = frozenset(
    {
        State.SUCCEEDED,
        State.FAILED,
        State.UNDONE,
        State.REFUSED,
        State.DENIED,
        State.EXPIRED,
        State.SUPERSEDED,
        State.CANCELLED,
    }
)


class Doubt(StrEnum):
    """Why a run stopped and asks."""

    EFFECT = "effect"  # an effect may or may not have happened
    FAILED = "failed"  # a step failed where nothing can be undone
    LATE = "late"  # too long since the step became due
    CHANGED = "changed"  # what the remaining steps rest on is no longer so
    POISON = "poison"  # worker after worker died on it
    LEDGER = "ledger"  # the bot's own database lost time
    BLIND = "blind"  # a check could not look for too long
    CLOSING = "closing"  # what a step opened could not be closed
    VERSION = "version"  # no worker has the code that this plan was made for


class Choice(StrEnum):
    """What people may answer to a doubt. Every one but STOP needs the run's quorum."""

    HAPPENED = "happened"
    AGAIN = "again"
    SKIP = "skip"
    BACK = "back"
    STOP = "stop"


class Who(Record):
    """A Slack account as a door saw it; `person` is the roster's key, None for whoever is not listed."""

    team: str
    user: str
    person: str | None = None


class Entry(Record):
    """One line of a run's ledger: an event that speaks about an attempt at a step."""

    seq: int
    step: str
    way: Way
    attempt: int
    mark: Mark
    at: datetime
    deadline: datetime | None = None
    fence: int = 0
    body: dict[str, Any] = {}


class Event(Record):
    """One thing that happened to a run: audit entry and thread message in one."""

    run: int
    seq: int
    at: datetime
    kind: str
    state: State
    actor: str | None = None
    step: str | None = None
    way: Way | None = None
    attempt: int | None = None
    mark: Mark | None = None
    deadline: datetime | None = None
    body: dict[str, Any] = {}
