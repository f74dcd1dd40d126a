"""The bot's own tables as a connector: what handlers read of them, and effects that the store itself applies."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Protocol

from bot.effect import AtMost, Connector, Effect, Personal, Survival, Target
from bot.model import Record, State

EVERY_SERVICE = "*"  # written out: an empty tuple covers nothing


class Freeze(Record):
    """A change freeze. `services` holds keys, or EVERY_SERVICE alone; it is in force from `starts` until `ends`."""

    name: str
    services: tuple[str, ...]
    starts: datetime
    ends: datetime
    reason: str
    by: str | None = None  # the person's key; None: a schedule
    by_name: str = ""  # and name

    def names(self, service: str) -> bool:
        """Whether this freeze speaks of that service at all."""
        return EVERY_SERVICE in self.services or service in self.services

    def covers(self, service: str, at: datetime) -> bool:
        """Whether changes of that service are refused at that moment; `ends` itself is free again."""
        return self.names(service) and self.starts <= at < self.ends


class Given(Record):
    """A standing approval that is in force: the run it was given by, its people's keys, until when."""

    run: str
    people: tuple[str, ...]
    until: datetime


class Terms(Record):
    """What a schedule's standing approval is for, as config says it; `hash` changes with anything of it."""

    schedule: str
    hash: str
    command: str
    lasts: timedelta
    at_most: dict[str, float]  # what is lost, in the plan's words -> its bound
    given: Given | None = None


class Absence(Record):
    """Somebody's right to approve, handed to somebody else for a while; both by key."""

    run: str  # by which it was given, e.g. "r142"
    giver: str
    taker: str
    starts: datetime
    ends: datetime


class Member(Record):
    """Somebody of the roster, as far as approving goes."""

    name: str
    groups: tuple[str, ...] = ()  # besides "everyone"
    unfit: str = ""  # why their word counts for nothing, as Slack last said: "a guest in Slack"


class Kept(Record):
    """What is kept of those who are asked about; requests of the asking operation itself are not counted."""

    people: int
    values: int
    runs: tuple[str, ...]  # tags of the runs that were given them
    live: tuple[str, ...]  # those of them that have not ended
    at_most: int  # how often those runs use them


class Incident(Record):
    """Something that is wrong now, known by the run that declared it."""

    name: str  # "r142"
    title: str
    severity: str
    services: tuple[str, ...]
    declared: datetime
    by_name: str  # of who declared it; "" for a schedule
    channel: str | None  # Slack's id of where its thread is


class Change(Record):
    """A run that changed something, or tried to, and has ended."""

    run: str
    sentence: str  # of its plan
    command: str
    by_name: str
    ended: datetime
    state: State


class OwnReads(Protocol):
    """What a handler may read of the bot's own tables."""

    async def freezes(self) -> Sequence[Freeze]:
        """Every freeze that has not ended, those that have not started included, by start."""

    async def terms(self) -> Sequence[Terms]:
        """Every schedule that config allows a standing approval, by key, with the one that is in force."""

    async def absences(self) -> Sequence[Absence]:
        """Every absence that is not over, those that have not begun included, by start."""

    async def members(self, *people: str) -> dict[str, Member]:
        """Those of these people who are active, by key."""

    async def kept(self, values: Sequence[Personal], besides: str) -> Kept:
        """What is kept of those whom these values belong to, besides the runs of one command."""

    async def given(self, run: str) -> Sequence[Personal]:
        """The personal values that a run was given, by its tag; erased ones too."""

    async def incidents(self) -> Sequence[Incident]:
        """Every incident that has not ended, the gravest first, by its severity's name; then the oldest."""

    async def changes(self, lasting: timedelta) -> Sequence[Change]:
        """What changed anything and ended since `lasting` ago, the latest first: a hundred at most."""

    async def now(self) -> datetime:
        """The database's clock."""

    async def seen(
        self, command: str, params: Mapping[str, str], number: str, lasting: timedelta
    ) -> Sequence[tuple[datetime, float]]:
        """What earlier looks of that operation at the same thing saw, for a Series: the highest of each stretch.

        `number` is the path of a number in its Facts, "summary.used"; at most a hundred stretches since `lasting` ago.
        """


class Tandem(Connector[OwnReads, None]):
    """`world.blocks["reads"]` is the store's OwnReads; there are no hands: OURS effects are rows, not calls."""

    async def reads(self, target: Target | None) -> OwnReads:
        reads: OwnReads = self.world.blocks["reads"]
        return reads

    async def hands(self, target: Target | None) -> None:
        return None


class AddFreeze(Effect[None]):
    """The row appears in the transaction of this step's *done*; both durations count from that transaction's clock."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    name: str
    services: tuple[str, ...]
    starts_in: timedelta
    lasting: timedelta
    reason: str


class EndFreeze(Effect[None]):
    """Ends a freeze now; one that has ended, or never was, is already as wished."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    name: str


class GrantStanding(Effect[None]):
    """The approval stands from this step's *done* on, for these very terms and for as long as config lets it."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    internal: ClassVar[frozenset[str]] = frozenset({"terms"})
    schedule: str
    terms: str  # their hash
    lasting: timedelta


class RevokeStanding(Effect[None]):
    """Ends every standing approval of a schedule; one that has ended is already as wished."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    schedule: str


class Delegate(Effect[None]):
    """From `starts` (None: this step's *done*) the taker may approve in the giver's place, for `lasting`."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    giver: str
    taker: str
    starts: datetime | None
    lasting: timedelta


class EndDelegation(Effect[None]):
    """Ends what that run handed over; what has ended is already as wished."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    delegation: str  # the run's tag


class Erased(Record):
    """What an erasure came to."""

    values: int
    runs: int


class ErasePersonal(Effect[Erased]):
    """Destroys the key of everybody whom these values belong to: all that is kept of them, in any run, is gone.

    Where runs of other operations use them more often than `at_most`, nothing is erased. Whoever is erased already is
    as wished.
    """

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    values: tuple[Personal, ...]
    at_most: Annotated[int, AtMost]


class DeclareIncident(Effect[None]):
    """The incident is open from this step's *done* on, under the name of the run that declares it."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    title: str
    severity: str
    services: tuple[str, ...]


class EndIncident(Effect[None]):
    """Ends an incident now; one that has ended, or never was, is already as wished."""

    survives: ClassVar[Survival] = Survival.OURS
    connector = Tandem
    incident: str  # its name, "r142"
