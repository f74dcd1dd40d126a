"""All that a handler's author imports."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import Field as Field

from bot.durations import about_duration as about_duration
from bot.durations import print_duration as print_duration
from bot.effect import AtMost as AtMost
from bot.effect import Connector, Deed, Effect, Ref, Secret, Target
from bot.effect import Late as Late
from bot.effect import Looks as Looks
from bot.effect import Personal as Personal
from bot.effect import Shown as Shown
from bot.effect import Until as Until
from bot.effect import Watch as Watch
from bot.effect import Within as Within
from bot.model import Record as Record
from bot.model import Risk as Risk

T = TypeVar("T")
R = TypeVar("R")
Reads = TypeVar("Reads")
P = TypeVar("P", bound="Input")
F = TypeVar("F", bound="Observed")


class Database(Target):
    """A database by its key in config."""


class Service(Target):
    """A service by its key in config."""


class Schedule(Target):
    """A schedule by its key in config."""


class Person(Target):
    """Somebody of the roster, by key."""


class IfFails(Enum):
    UNDO = "undo"
    GO_ON = "go on"  # and say so at the end
    ASK = "ask"


class Voice(Enum):
    THREAD = "thread"
    QUIET = "quiet"  # the card alone; a thread only when it fails, asks somebody, or its answer is loud


# Marks on fields of Params (Annotated).
class Subject:
    """The person or account this field names counts for nothing in the run: they neither ask nor approve."""


class Input(Record):
    """Base of every Params. The doors demand a reason wherever the risk is not READ."""

    reason: str = ""


class RunRef(Record):
    """Who asked, and the run's short name, from which plans make names."""

    tag: str  # "r142"
    requester: str | None = None  # the person's key; None: a schedule asked
    askers: tuple[str, ...] = ()


class Observed(Record):
    """Base of every Facts; `run` and `at` are filled in by the engine, so that a pure plan can choose names."""

    run: RunRef
    at: datetime


@dataclass(frozen=True)
class Unseen:
    """A look that gave nothing, and why, in words."""

    why: str


class See(Protocol):
    """What `observe` may do: read. Raises nothing of its own; a read may raise what its connector declares."""

    at: datetime
    run: RunRef

    async def __call__(self, of: type[Connector[Reads, Any]], target: Target | None = None) -> Reads: ...

    def config(self, target: Target) -> Any:
        """The settings of a target. Raises LookupError."""

    def strictest(self, target: Target) -> bool:
        """Whether it is of the strictest environment that config names, or of one it does not. Raises LookupError."""

    def targets(self, kind: type[Target]) -> Sequence[str]:
        """The keys of all configured targets of a kind."""

    async def all(self, looks: Mapping[str, Any], within: timedelta) -> dict[str, Any]:
        """Awaits every look (key -> awaitable) at once; each key gets its value or an Unseen. Never raises."""


class Choice(Record):
    """One entry of a live picker."""

    value: str
    text: str


class Call(Deed[None]):
    """Another operation, prefilled: a run of its own with its own plan and approval, under the root run's locks."""

    command: str  # "ops db backups"
    params: dict[str, str] = {}
    detached: bool = False  # True: not waited for


class Offer(Record):
    """A button: a Call asked by whoever clicks, planned at the click. Outlives its run."""

    label: str
    call: Call
    lasts: timedelta = timedelta(days=30)
    on: str = "succeeded"  # the run's end at which it is shown, "any" for all; or "awaiting_approval"


class Nudge(Record):
    after: timedelta
    whom: str  # a group's key, "requester", "on-call"
    how: str = "thread"  # thread | dm


class Task(Deed[None]):
    """A person's part. Over `within` the step fails; a mere time box is a nudge."""

    text: str
    who: str  # a group's key, "requester" or "another" (anybody in the roster who is no asker)
    within: timedelta | None = None
    nudges: tuple[Nudge, ...] = ()
    again: timedelta | None = None  # so long after its tick it comes back, while other steps keep the run going
    reveals: Ref[Secret] | None = None  # shown to `who` once, at the tick, then wiped
    offers: tuple[Offer, ...] = ()


class Wait(Deed[None]):
    """Parks the run; no worker is held."""

    lasting: timedelta


@dataclass(frozen=True)
class Step(Generic[R]):
    """One entry of a plan: what it does, and exactly one of undo, leaves, no_return, or being closed."""

    name: str
    does: Deed[R]
    _: KW_ONLY
    undo: Effect[Any] | None = None  # may use params, facts and earlier results only
    leaves: str = ""  # instead of undo: what stays behind, in words
    no_return: bool = False  # a barrier: the way back ends here
    closes: str = ""  # runs here, or on any way out once that step was started
    group: str = ""  # neighbours of one group go at once, in any order
    if_fails: IfFails = IfFails.UNDO
    tells: str = ""  # what the card says instead of the name, e.g. "Load the backup beside the live database"

    @property
    def result(self) -> Ref[R]:
        """A placeholder for what this step will return."""
        return Ref(self.name)


class Loss(Record):
    """What is lost: now, and at most when it starts. The bound is shown, and the bound is what is approved."""

    what: str
    now: float | None = None
    at_most: float | None = None
    unit: str = ""
    at_least: bool = False  # the count is a lower bound: said so wherever it is shown


class Plan(Record):
    """What will be done. A plan without steps says that there is nothing to do."""

    sentence: str  # shown, never compared: what matters stands in steps and losses
    steps: tuple[Step[Any], ...] = ()
    loses: tuple[Loss, ...] = ()
    offers: tuple[Offer, ...] = ()
    tells: tuple[str, ...] = ()  # channels by key, threads by their run's name: also told of its start and its end


class Refusal(Record):
    """Refusing is a result, not an exception."""

    code: str
    sentence: str  # what is so, why that refuses, what to type next
    offers: tuple[Offer, ...] = ()


class Series(Record):
    """Numbers with a shape: plotted where the door can."""

    title: str
    unit: str
    points: tuple[tuple[datetime, float], ...]


class Answer(Record):
    """What is said at the end: pure, from facts and results. Blocks stay in render/."""

    headline: str
    lines: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()  # first row: headings
    private: tuple[str, ...] = ()  # only in Details, only to who may see it
    file: str | None = None  # a long text, shown as a file
    series: Series | None = None
    offers: tuple[Offer, ...] = ()
    loud: bool = False  # worth a thread even where the voice is quiet
    calls: tuple[str, ...] = ()  # keys of people and groups whom it concerns: called, and told by a direct message


class Results(Protocol):
    """The results of the steps that were done."""

    def get(self, ref: Ref[T]) -> T | None: ...


class Operation(Generic[P, F]):
    """One command. `observe` only reads, `plan` and `answer` are pure.

    A handler file holds one subclass; its path is the command. The class docstring is the help text: its first line
    is the summary, the rest the explanation.
    """

    risk: ClassVar[Risk]  # the floor; policy and raises() may only lift it
    examples: ClassVar[tuple[str, ...]]  # whole lines as typed, e.g. "/ops db backup shop"
    words: ClassVar[tuple[str, ...]] = ()  # other words people look for in help
    locks: ClassVar[tuple[str, ...]] = ()  # e.g. "database/{database}"; filled from params and facts
    changes: ClassVar[tuple[str, ...]] = ()  # services that freezes keep it from, likewise; deploy/{…} locks say it too
    quotes: ClassVar[str] = ""  # the field that takes the words of a message it is begun from, by a shortcut of its own
    confirm: ClassVar[str] = ""  # the field whose value the asker must type once more
    thaws: ClassVar[str] = ""  # of an operation that ends freezes: the field that takes a freeze's name
    voice: ClassVar[Voice] = Voice.THREAD
    fresh_for: ClassVar[timedelta] = timedelta(minutes=1)  # facts younger than this need no second look
    deadline: ClassVar[timedelta] = timedelta(seconds=10)  # of observe; longer reading is a step
    start_by: ClassVar[timedelta] = timedelta(minutes=15)  # after approval
    resume_within: ClassVar[timedelta] = timedelta(minutes=15)  # since a step became due

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        """Live entries for the picker of a field (at most 100). Target fields need none: config has them."""
        return ()

    def raises(self, params: P, facts: F) -> Risk | None:
        """A higher risk than the floor for these very values, or None."""
        return None

    def names(self, params: P, facts: F) -> Mapping[str, Sequence[str]]:
        """More values for the placeholders of `locks` and `changes`, e.g. {"services": ("shop", "web")}."""
        return {}

    async def resolve(self, params: P, see: See) -> P:
        """Turns words like `latest` into names, once, before the first observation; what it gives is stored."""
        return params

    async def observe(self, params: P, see: See) -> F:
        raise TypeError(f"{type(self).__name__} does not observe")

    def plan(self, params: P, facts: F) -> Plan | Refusal:
        raise TypeError(f"{type(self).__name__} does not plan")

    def answer(self, params: P, facts: F, results: Results) -> Answer | None:
        """What came of it; for a read, the answer itself."""
        return None
