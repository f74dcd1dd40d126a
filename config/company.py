"""The company's config as one frozen record: people, groups, targets, policy and schedules."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, field_validator, model_validator

from bot.durations import Duration
from bot.effect import SecretName
from bot.hours import Hours
from bot.model import Record
from bot.parse import Known
from bot.policy import EVERYONE, Policy, Rule
from config.schemas import TARGETS
from config.shapes import Account, Channel, Header, Key, Place, Team, UserGroup

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone: write e.g. Europe/Vienna or UTC") from None
    return value


RESERVED = {EVERYONE: "the whole roster", "requester": "who asked", "another": "anybody who did not ask"}


def _free_name(key: str) -> str:
    if key in RESERVED:
        raise ValueError(f"this name means {RESERVED[key]} already: write another one")
    return key


GroupKey = Annotated[Key, AfterValidator(_free_name)]


class Person(Record):
    """Somebody of the roster. An account is "TEAM/USER", Slack's two ids; names and mail addresses do not count."""

    name: Text
    accounts: tuple[Account, ...] = ()
    zone: str = "UTC"
    active: bool = True
    login: str | None = None  # this person's name on the machine where `python -m bot ask` is typed
    quiet: tuple[Hours, ...] = ()  # when this person is not called, unless it is their turn on call

    _zone_exists = field_validator("zone")(_zone)


class Rotation(Record):
    """Whose turn it is: the group's members in their order, one `turn` each, from `since` on."""

    since: AwareDatetime
    turn: Duration = Field(default=timedelta(days=7), gt=timedelta())


class Group(Record):
    """People by key, or a Slack user group, or both. A rota may change after somebody asked; others may not."""

    name: str = ""
    members: tuple[str, ...] = ()
    slack: UserGroup | None = None
    rota: bool = False
    rotation: Rotation | None = None

    @model_validator(mode="after")
    def _has_somebody(self) -> Self:
        if not self.members and self.slack is None:
            raise ValueError('it has nobody: write members = ["…"] or slack = "S…"')
        if self.rotation is not None and not (self.rota and self.members):
            raise ValueError("a rotation needs its people: write rota = true and members = […]")
        return self

    def on_call(self, at: datetime) -> str | None:
        """Whose turn it is at that moment; None without a rotation."""
        if self.rotation is None:
            return None
        return self.members[(at - self.rotation.since) // self.rotation.turn % len(self.members)]


class Standing(Record):
    """A schedule that destroys may run under the word of two people, within these bounds and for so long."""

    lasts: Duration = Field(gt=timedelta(), le=timedelta(days=366))
    at_most: Mapping[str, float] = {}  # loss, in the plan's words -> its bound


class Schedule(Record):
    """An operation asked for by the clock."""

    run: Text  # a whole line, e.g. "/ops db backup shop"
    cron: Text  # minute, hour, day, month and weekday; weekdays by name
    zone: str = "UTC"
    channel: str
    reason: Text
    grace: Duration = Field(default=timedelta(hours=1), gt=timedelta())  # a missed tick is caught up within it
    active: bool = True
    standing: Standing | None = None

    _zone_exists = field_validator("zone")(_zone)

    @field_validator("cron")
    @classmethod
    def _weekdays_by_name(cls, value: str) -> str:
        parts = value.split()
        if len(parts) != 5:
            raise ValueError('it has not five fields: write minute, hour, day, month and weekday, e.g. "0 2 * * *"')
        if any(character.isdigit() for character in parts[4]):
            raise ValueError(
                "a weekday's number means Sunday here and Monday there: write its name, e.g. sun or mon-fri"
            )
        return value


class Hook(Record):
    """An operation asked for by another system. Time and id count only as what the signature covers."""

    run: Text  # a whole line, e.g. "/ops health"; nothing of a delivery changes it
    channel: str
    reason: Text
    secret: SecretName
    signature: Header  # the header with the HMAC-SHA256
    signs: str = "{body}"  # what it is computed over, e.g. "{id}.{time}.{body}"
    time: Place  # a header, or a place in the JSON body, e.g. "body:event.occurred_at"
    delivery: Place | None = None  # the delivery's id, likewise; left out: a digest of what is signed
    window: Duration = Field(default=timedelta(minutes=5), gt=timedelta(), le=timedelta(hours=24))

    @field_validator("signs")
    @classmethod
    def _signs_the_body(cls, value: str) -> str:
        parts = [part for part in re.split(r"({[^{}]*})", value) if part]
        named = [part for part in parts if part.startswith("{")]
        if named.count("{body}") != 1 or not set(named) <= {"{id}", "{time}", "{body}"} or len(set(named)) < len(named):
            raise ValueError('it names not the body once, or something else: write e.g. "{body}" or "{time}:{body}"')
        if any(left in named and right in named for left, right in pairwise(parts)):
            raise ValueError('two parts stand side by side: write a sign between, e.g. "{time}:{body}"')
        return value

    @model_validator(mode="after")
    def _counts_only_what_is_signed(self) -> Self:
        for key, place, part in (("time", self.time, "{time}"), ("delivery", self.delivery, "{id}")):
            header = place is not None and not place.startswith("body:")
            if header and part not in self.signs:
                instead = 'write a place such as "body:event.id"' + ("" if key == "time" else ", or leave it out")
                raise ValueError(
                    f"{key} is a header that signs does not cover, so that anybody could change it: {instead}"
                )
            if part in self.signs and not header:
                raise ValueError(f"signs has {part}, and no header holds it: write {key} = the header's name")
        return self


class Limits(Record):
    """Bounds on what the bot takes at once."""

    runs: int = Field(default=200, ge=1)  # live runs over all; beyond it the doors refuse in words
    runs_each: int = Field(default=20, ge=1)  # asked by one person and not ended
    slots: int = Field(default=8, ge=2)  # steps under way in one process
    progress_per_minute: int = Field(default=20, ge=1, le=50)  # edits of cards that only tell progress


class Keeping(Record):
    """How long what identifies people is kept."""

    # After the last run that uses it has ended; 0: until two people have it erased. Erased for good is nothing that a
    # default or an upgrade may do: config says so, and two people read that.
    days: int = Field(default=0, ge=0, le=36500)


class Tandem(Record):
    """tandem.toml."""

    company: Text
    team: Team
    environments: tuple[Key, ...] = ("staging", "production")  # from the mildest to the strictest
    channels: Mapping[Key, Channel]
    fallback: str = "incidents"  # the channel used where a run's own cannot be
    limits: Limits = Limits()
    personal: Keeping = Keeping()
    connectors: Mapping[Key, Mapping[str, Any]] = {}


class Services(Record):
    """services.toml; each block's shape belongs to a connector."""

    services: Mapping[Key, Mapping[str, Any]] = {}
    databases: Mapping[Key, Mapping[str, Any]] = {}
    vaults: Mapping[Key, Mapping[str, Any]] = {}


class People(Record):
    """people.toml."""

    people: Mapping[Key, Person] = Field(min_length=1)
    groups: Mapping[GroupKey, Group] = {}

    def with_everyone(self) -> dict[str, Group]:
        """The groups, and the built-in one of all active people."""
        members = tuple(key for key, person in self.people.items() if person.active)
        everyone = {EVERYONE: Group(name="everybody in the roster", members=members)} if members else {}
        return {**self.groups, **everyone}


class Rules(Record):
    """policy.toml."""

    rule: tuple[Rule, ...] = ()


class Schedules(Record):
    """schedules.toml."""

    schedules: Mapping[Key, Schedule] = {}


class Hooks(Record):
    """hooks.toml."""

    hooks: Mapping[Key, Hook] = {}


class Company(Record):
    """Everything that config says, checked. Settings of targets and connectors are their connectors' records."""

    folder: Path
    name: str
    team: str
    environments: tuple[str, ...]
    channels: Mapping[str, str]  # key -> Slack's id
    fallback: str
    limits: Limits
    personal: Keeping
    connectors: Mapping[str, Any]
    targets: Mapping[str, Mapping[str, Any]]  # "service", "database", "vault" -> key -> settings
    people: Mapping[str, Person]
    groups: Mapping[str, Group]  # with `everyone`, who are all active people
    policy: Policy
    schedules: Mapping[str, Schedule]
    hooks: Mapping[str, Hook]

    def settings(self, kind: str, key: str) -> Any:
        """A target's settings. Raises LookupError."""
        found = self.targets.get(kind, {})
        if key not in found:
            raise LookupError(f"config has no {kind} {key!r}; it has {', '.join(sorted(found)) or 'none'}")
        return found[key]

    def environment(self, kind: str, key: str) -> str:
        """A target's environment; people have none. Raises LookupError."""
        if kind == "person":
            return ""
        return str(getattr(self.settings(kind, key), "environment", ""))

    def channel_key(self, slack_id: str | None) -> str | None:
        """The key of a Slack channel, None where config does not name it."""
        return next((key for key, channel in self.channels.items() if channel == slack_id), None)

    def person_of(self, team: str, user: str) -> str | None:
        """The active person whose account that is. Names and mail addresses are never looked at."""
        account = f"{team}/{user}"
        return next((key for key, p in self.people.items() if p.active and account in p.accounts), None)

    def groups_of(self, slack_groups: Mapping[str, frozenset[str]] | None = None) -> dict[str, frozenset[str]]:
        """Every active person's groups. `slack_groups`: group key -> people, as read from Slack."""
        return groups_of(self.people, self.groups, slack_groups or {})

    def on_call(self, at: datetime) -> tuple[str, ...]:
        """Whoever's turn it is in some rotation at that moment."""
        turns = (group.on_call(at) for group in self.groups.values())
        return tuple(dict.fromkeys(person for person in turns if person is not None))

    def quiet(self, person: str, at: datetime) -> bool:
        """Whether somebody is not to be called at that moment."""
        found = self.people.get(person)
        return found is not None and any(hours.open(at) for hours in found.quiet)

    def known(self) -> Known:
        """What a typed line may name."""
        keys = {kind: tuple(found) for kind, found in self.targets.items()}
        active = {key: person.accounts for key, person in self.people.items() if person.active}
        return Known(targets={**keys, "person": tuple(active)}, accounts=accounts_of(self.team, active))


def groups_of(
    people: Mapping[str, Person], groups: Mapping[str, Group], slack_groups: Mapping[str, frozenset[str]] = {}
) -> dict[str, frozenset[str]]:
    """Every active person's groups. `slack_groups`: group key -> people, as read from Slack."""
    members = {key: {*group.members, *slack_groups.get(key, ())} for key, group in groups.items()}
    return {
        person: frozenset(key for key, inside in members.items() if person in inside)
        for person, record in people.items()
        if record.active
    }


def accounts_of(team: str, people: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Whose each Slack user id is; of two teams that share one, our own counts. `people`: person -> "TEAM/USER"."""
    pairs = [(*account.split("/"), key) for key, accounts in people.items() for account in accounts]
    pairs.sort(key=lambda pair: pair[0] == team)
    return {user: key for _, user, key in pairs}


def assemble(
    folder: Path, parts: Mapping[str, Any], targets: Mapping[str, Mapping[str, Any]], connectors: Mapping[str, Any]
) -> Company:
    """The company from the records of its files and the checked blocks, by table of services.toml."""
    tandem: Tandem = parts["tandem.toml"]
    people: People = parts["people.toml"]
    return Company(
        folder=folder,
        name=tandem.company,
        team=tandem.team,
        environments=tandem.environments,
        channels=tandem.channels,
        fallback=tandem.fallback,
        limits=tandem.limits,
        personal=tandem.personal,
        connectors=connectors,
        targets={
            **{TARGETS[table][0]: found for table, found in targets.items()},
            "schedule": parts["schedules.toml"].schedules,
        },
        people=people.people,
        groups=people.with_everyone(),
        policy=Policy(rules=parts["policy.toml"].rule),
        schedules=parts["schedules.toml"].schedules,
        hooks=parts["hooks.toml"].hooks,
    )
