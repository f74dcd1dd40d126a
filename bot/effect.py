"""All that a connector's author imports: what a deed is, how it survives a crash, what it may be handed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from pydantic import AfterValidator, GetCoreSchemaHandler, model_serializer, model_validator
from pydantic_core import CoreSchema, core_schema

from bot.model import Record as Record
from bot.personal import Looks as Looks
from bot.personal import Personal as Personal
from bot.personal import mask as mask

R = TypeVar("R")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741
Reads = TypeVar("Reads")
Hands = TypeVar("Hands")


class Survival(Enum):
    """What a crash in the middle of an effect means."""

    IDEMPOTENT = "do it again"
    PROBE = "ask whether it happened"
    ONCE = "nobody can know"
    OURS = "committed with its own ledger row: there is no gap"


class _Proved(Exception):
    """`output`: a tool's own last lines, shown in the thread as well: no secret, no address, nobody's data."""

    def __init__(self, why: str = "", *, output: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.output = output


class Temporary(_Proved):
    """It did not happen, and this is proved; it may be tried again. The text is shown: no secret, no address."""


class Permanent(_Proved):
    """It did not happen, and this is proved; trying again is of no use. The text is shown: no secret, no address."""


class Changed(Permanent):
    """An effect's precondition no longer holds (another value, another version, another object)."""


@dataclass(frozen=True)
class Ref(Generic[R]):
    """The result of an earlier step, passed whole: no arithmetic, no attributes, no text, no truth value."""

    step: str

    def __str__(self) -> str:
        raise TypeError(f"the result of {self.step!r} is not known at plan time")

    def __bool__(self) -> bool:
        raise TypeError(f"the result of {self.step!r} is not known at plan time")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.typed_dict_schema(
            {"$result": core_schema.typed_dict_field(core_schema.str_schema(), required=True)}, extra_behavior="forbid"
        )
        read = core_schema.no_info_after_validator_function(lambda d: cls(d["$result"]), written)
        return core_schema.json_or_python_schema(
            json_schema=read,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(Ref), read]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda r: {"$result": r.step}),
        )


Late: TypeAlias = T | Ref[T]


def _secret_name(value: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,99}", value):
        raise ValueError("it is no name of a secret: write the name of the variable that holds it, e.g. SHOP_PASSWORD")
    return value


# In settings: the name of a secret, never the secret itself.
SecretName = Annotated[str, AfterValidator(_secret_name)]


class Secret:
    """A text that never appears in a plan, an event, a log or a message; only `reveal` gives it, to an effect."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Only a connector's `do` calls this."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_plain_validator_function(_no_plain_secret),
            python_schema=core_schema.is_instance_schema(Secret),
            serialization=core_schema.plain_serializer_function_ser_schema(_no_plain_secret),
        )


def _no_plain_secret(_: Any) -> Any:
    raise ValueError("a secret is sealed, never written: pass it as the result of a step or a form's secret field")


# Marks on fields (Annotated): how a fresh plan may differ from the approved one. Unmarked: not at all.
class Shown:
    """Told to the approver, never compared."""


class AtMost:
    """The same or fewer or less."""


@dataclass(frozen=True)
class Within:
    """At most so much more, as a share of the approved value: Within(0.1) allows 110 %."""

    ratio: float


class Target(Record):
    """A thing named in config by its key, never by an address; written in chat and in plans as the key alone."""

    key: str

    @model_validator(mode="before")
    @classmethod
    def _from_key(cls, value: Any) -> Any:
        return {"key": value} if isinstance(value, str) else value

    @model_serializer
    def _as_key(self) -> str:
        return self.key


class Attempt(Protocol):
    """Given to `do` and `happened`: who is trying, for which run and step, until when."""

    key: str  # "r142/load": the same for every attempt; a vendor's idempotency key, a name, a marker
    number: int
    session: str  # "tandem/r142/load/2": names this attempt's database sessions and child processes
    deadline: datetime  # UTC; past it the attempt counts as unknown

    async def progress(self, done: float, total: float | None = None, note: str = "", unit: str = "") -> None:
        """How far it is, for the card. `unit`: "B" for bytes, which are shown as sizes, or what is counted ("rows")."""

    async def stopping(self) -> bool: ...  # True once a person cancelled; only `stoppable` effects ask


class Deed(Record, Generic[R]):
    """Whatever a step can do."""


@dataclass(frozen=True)
class Yes(Generic[R]):
    """It happened; this is its result."""

    value: R


@dataclass(frozen=True)
class No:
    """It did not happen and never will: no attempt of it is still under way."""


@dataclass(frozen=True)
class CannotTell:
    """Nobody can know from here; people are asked."""

    why: str


Happened: TypeAlias = Yes[R] | No | CannotTell


class Effect(Deed[R], Generic[R]):
    """One change of the outside world: a frozen record of its arguments, with a `do`."""

    survives: ClassVar[Survival]
    timeout: ClassVar[timedelta] = timedelta(seconds=30)
    changes: ClassVar[bool] = True  # False: a long or sealed read, needs no undo
    stoppable: ClassVar[bool] = False  # may be interrupted; then it counts as failed and its undo runs
    internal: ClassVar[frozenset[str]] = frozenset()  # fields that only machines read: not on a card, whole in Details
    version: ClassVar[int] = 1
    connector: ClassVar["type[Connector[Any, Any]]"]

    def target(self) -> Target | None:
        """The configured thing this acts on: by default the first field that is a Target."""
        return next((v for v in self.__dict__.values() if isinstance(v, Target)), None)

    async def do(self, on: Any, at: Attempt) -> R:
        """Carries it out. Raises Temporary or Permanent only where it surely did not happen."""
        raise TypeError(f"{type(self).__name__} cannot be done")

    async def happened(self, on: Any, at: Attempt) -> Happened[R]:
        """Only for Survival.PROBE: did an earlier attempt happen?"""
        return CannotTell("this effect has no probe")

    async def bar(self, on: Any, at: Attempt) -> bool:
        """Makes sure that attempts before `at.number` can no longer act; True only where this is proved."""
        return False

    async def holds(self, on: Any) -> str | None:
        """Looked at before the first step and after each wait: None, or in words what its precondition lacks."""
        return None


@dataclass(frozen=True)
class Good(Generic[R]):
    value: R


@dataclass(frozen=True)
class Bad:
    why: str


@dataclass(frozen=True)
class Pending:
    done: float = 0
    total: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Blind:
    """Could not look: never good, never bad."""

    why: str


Look: TypeAlias = Good[R] | Bad | Pending | Blind


class Check(Record, Generic[R]):
    """A look, polled by timers: no worker waits, a crash loses nothing, cancelling is at once."""

    version: ClassVar[int] = 1
    connector: ClassVar["type[Connector[Any, Any]]"]

    def target(self) -> Target | None:
        """The configured thing this looks at: by default the first field that is a Target."""
        return next((v for v in self.__dict__.values() if isinstance(v, Target)), None)

    async def look(self, on: Any) -> Look[R]:
        raise TypeError(f"{type(self).__name__} cannot look")


class Until(Deed[R], Generic[R]):
    """Polled until the check is good; bad, or not good within `within`, fails the step."""

    check: Check[R]
    within: timedelta
    every: timedelta = timedelta(seconds=5)


class Watch(Deed[R], Generic[R]):
    """Polled for all of `lasting`; `bad_looks` bad ones in a row fail the step."""

    check: Check[R]
    lasting: timedelta
    every: timedelta = timedelta(seconds=15)
    bad_looks: int = 3


class Swept(Record):
    done: int = 0
    doubtful: int = 0
    failed: int = 0


class Sweep(Effect[Swept], Generic[I]):
    """One deed for each of many items; each is noted, so a crash leaves one in doubt at most."""

    each: ClassVar[Survival]
    batch: ClassVar[int] = 100
    per_second: ClassVar[float] = 50

    async def page(self, on: Any, after: str | None) -> Sequence[tuple[str, I]]:
        """The next items in a fixed order, (key, item), after the key given; empty when all are through."""
        raise TypeError(f"{type(self).__name__} has no items")

    async def one(self, on: Any, item: I, at: Attempt) -> None:
        """The deed for one item. Raises Temporary or Permanent only where it surely did not happen."""
        raise TypeError(f"{type(self).__name__} has no deed")


@dataclass(frozen=True)
class World:
    """What the composition root hands to every connector: settings by target key, and nothing global."""

    blocks: Mapping[str, Any] = field(default_factory=dict)  # the connector's own settings block
    targets: Mapping[str, Any] = field(default_factory=dict)  # target key -> the target's settings
    secret: Any = None  # name -> str; raises LookupError with what to set
    other: Any = None  # another connector's class -> that connector, for one that works through another
    personal: Any = None  # awaits a Personal's value as a Secret, for the run that is held; raises Permanent, Temporary


class Connector(Generic[Reads, Hands]):
    """An outside system: `reads` is the read-only face a handler sees, `hands` the face its effects are given.

    Opened once a process and only when configured; a client library is imported in `open`, not with the module.
    """

    serves: ClassVar[str] = ""  # the kind of target whose settings it is given: "database", "service"
    blocks_of: ClassVar[str] = ""  # a kind of target whose blocks are its own settings, e.g. "vault"
    identifies: ClassVar[str] = ""  # a kind of target that it tells apart whatever key leads to it: "database"

    def __init__(self, world: World) -> None:
        self.world = world

    async def open(self) -> None:
        """Connects or checks nothing yet: raises only where settings are unusable."""

    async def reads(self, target: Target | None) -> Reads:
        raise TypeError(f"{type(self).__name__} has nothing to read")

    async def hands(self, target: Target | None) -> Hands:
        raise TypeError(f"{type(self).__name__} has no effects")

    def within(self, effect: Effect[Any]) -> timedelta:
        """How long one attempt at it may take: what the effect says, unless its target's settings say otherwise."""
        return effect.timeout

    async def identity(self, target: Target) -> str:
        """What a target of the kind it `identifies` is, the same under every key: locks go by it.

        Raises LookupError, Temporary and Permanent; then nothing is planned on that target.
        """
        raise TypeError(f"{type(self).__name__} identifies nothing")

    async def close(self) -> None:
        """Gives back what `open` took."""
