"""A run as people see it: one frozen record from which card, thread, Home, help and command line are drawn."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.effect import Secret
from bot.model import Choice, Doubt, Event, Heading, Record, Risk, State, Way
from bot.operation import Answer, Offer, Plan, Refusal
from bot.personal import shown


class Standing(StrEnum):
    """Where one step stands, as the card shows it."""

    AHEAD = "ahead"
    RUNNING = "running"
    WAITING = "waiting"  # polled, timed, or a person's turn
    DONE = "done"
    FAILED = "failed"
    RETRYING = "retrying"  # proved not done; another attempt follows
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"
    NEVER = "never"  # the run ended before it
    BROKEN_OFF = "broken_off"  # it waited, and the run turned or ended


class StepView(Record):
    """One step of the plan and what became of it."""

    name: str
    text: str  # what the card says
    standing: Standing
    attempt: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    until: datetime | None = None  # while it waits: when it is over by itself, at the latest
    note: str = ""  # progress, or why it failed, in words
    done: float | None = None
    total: float | None = None
    unit: str = ""  # of done and total; "B" is bytes
    undo: str = ""  # "undone" | "leaves …" | "point of no return" | "closed by …": what happens to it on the way back
    closer: str = ""  # the name of the step that closes this one
    no_return: bool = False
    task: bool = False  # a person ticks it


class ApprovalView(Record):
    person: str
    name: str
    slack_user: str
    at: datetime
    counts: bool
    stands_for: str | None = None  # the key of whose right it uses, where that is not their own


class DelegationView(Record):
    """Somebody's right to approve, which is another's as well for now; both by key."""

    run: str  # by which it was given
    giver: str
    taker: str
    until: datetime


class FreezeView(Record):
    """A change freeze in force, which keeps a request from starting."""

    name: str
    until: datetime


class Question(Record):
    """A doubt: why the run stopped, and what may be answered."""

    seq: int
    doubt: Doubt
    step: str | None = None
    way: Way | None = None
    attempt: int | None = None
    choices: tuple[Choice, ...]
    sentence: str = ""  # the engine's words: what happened and why nobody can know
    item: str = ""  # of a sweep: the one item that is in doubt
    past: dict[str, Any] = {}  # how far the sweep came, if that item happened
    answers: tuple[tuple[str, Choice], ...] = ()  # (person's name, choice) given so far
    need: int = 1  # people needed for any answer but STOP


class StandingView(Record):
    """The standing approval that a scheduled run goes under."""

    run: str  # the run by which it was given
    people: tuple[str, ...]  # keys: who asked for it, then who approved it
    until: datetime


class Usual(Record):
    """How long the same operation on the same target took before: the median of the last runs that went through."""

    runs: int
    took: timedelta  # from its first step to its end
    steps: dict[str, timedelta] = {}  # of each step, by name


class Begun(Record):
    """The run in whose thread another was begun."""

    tag: str
    command: str
    title: str | None = None  # of the incident that it declared
    channel: str | None = None
    ts: str | None = None  # of its thread


class RunView(Record):
    """Everything about one run that may be shown. Times are UTC."""

    id: int
    tag: str
    seq: int
    command: str
    params: dict[str, Any]  # JSON values; secret ones never were here, personal ones are masks
    given: dict[str, Any] = {}  # as they were asked for, to ask them again: not resolved, personal ones as tokens
    masks: dict[str, str] = {}  # what each token of a personal value is shown as
    reason: str
    requester: str | None = None  # the person's key
    requester_name: str = ""
    team: str | None = None
    slack_user: str | None = None
    via: str = "slack"
    channel: str | None = None
    look_only: bool = False
    created_at: datetime
    moved_at: datetime
    ended_at: datetime | None = None
    now: datetime  # when this view was read
    state: State
    heading: Heading = Heading.FORTH
    why: str = ""
    wish: str | None = None  # "cancel" once somebody asked for it
    environment: str = ""
    risk: Risk
    plan: Plan | None = None
    fingerprint: str | None = None
    shown: bool = False
    slots: tuple[str, ...] = ()  # one group key per approval needed
    approvals: tuple[ApprovalView, ...] = ()
    askers: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()  # whom it is about
    delegations: tuple[DelegationView, ...] = ()  # in force, while somebody has to decide
    schedule: str | None = None
    standing: StandingView | None = None
    no_standing: str = ""  # why a schedule that may have one goes under none
    expires_at: datetime | None = None
    start_by: timedelta | None = None
    resume_within: timedelta | None = None
    steps: tuple[StepView, ...] = ()
    usual: Usual | None = None  # None where it never went through before, or has ended
    question: Question | None = None
    refusal: Refusal | None = None  # why a rule refused, with offers
    answer: Answer | None = None
    held_by: str | None = None  # tag of the run whose locks this one waits for
    freeze: FreezeView | None = None  # while it waits for approval
    behind: int = 0  # due, but no worker takes it: how many runs are at work meanwhile
    rivals: tuple[str, ...] = ()  # tags of asks that wait for the same target
    within: Begun | None = None  # in whose thread it was begun: that thread is told of it
    parent: str | None = None
    retries: str | None = None  # tag of the run of which it tries again what failed
    retried_by: str | None = None  # tag of the latest run that tries again, or tried, what failed in this one
    children: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    untold: tuple[str, ...] = ()  # channels that the plan tells, and that take no messages

    @property
    def barred(self) -> tuple[str, ...]:
        """Whose word counts for nothing in it: who asked, and whom it is about."""
        return (*self.askers, *self.subjects)


def masked(view: RunView, masks: Mapping[str, str]) -> RunView:
    """The view with masks wherever a token stands, but for what is asked again: `given`, and the calls of offers."""
    return shown(view, masks, leaving=(Offer,)).model_copy(update={"given": view.given, "masks": dict(masks)})


class Outcome(Record):
    """What a door's call came to. `code` is a closed word; `sentence` says what, why, and what to type next."""

    code: str
    sentence: str = ""
    run: int | None = None
    tag: str | None = None
    rule: str = ""  # which rule refused
    who: tuple[str, ...] = ()  # names of people who could, those on call first
    waits: str = ""  # the fingerprint of the plan that waits for them: a button calls them
    ok: bool = True
    again: bool = False  # it was recorded before, by the same press or delivery
    secret: Secret | None = None  # shown to who clicked, once; it exists nowhere else any more


class Brief(Record):
    """One line of a list: `/ops runs`, App Home."""

    id: int
    tag: str
    command: str
    params: dict[str, Any] = {}  # personal ones are hidden
    state: State
    risk: Risk
    requester_name: str
    via: str = "slack"
    reason: str
    channel: str | None
    card_ts: str | None
    link: str = ""  # to its thread
    moved_at: datetime
    expires_at: datetime | None = None
    until: datetime | None = None  # it waits for a time: for which
    fingerprint: str | None = None
    changes: tuple[str, ...] = ()  # in a request that waits: since the plan before


class Favourite(Record):
    """A form that a person keeps: the operation and the typed texts, by field; never secret or personal ones."""

    id: int
    command: str
    values: dict[str, str]
    channel: str | None = None  # where it was kept, and is asked from
    run: int | None = None  # whose values it has


class HomeView(Record):
    """App Home of one person."""

    waiting: tuple[Brief, ...] = ()  # for this person's approval
    in_flight: tuple[Brief, ...] = ()
    mine: tuple[Brief, ...] = ()
    lately: tuple[Brief, ...] = ()  # failed or in doubt
    favourites: tuple[Favourite, ...] = ()
    now: datetime


class Draft(Record):
    """A form that is being filled in, bound to the account and the operation."""

    id: str
    command: str
    channel: str | None
    values: dict[str, str]
