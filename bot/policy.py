"""Who may ask, who approves, where and when: pure decisions over values. What no rule names, nobody may."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Protocol, Self

from pydantic import Field, field_validator, model_validator

from bot.durations import Duration, print_duration
from bot.hours import Hours
from bot.model import Record, Risk

EVERYONE = "everyone"  # the built-in group of all active people of the roster
RISKS = {"read": Risk.READ, "write": Risk.WRITE, "destructive": Risk.DESTRUCTIVE}
Groups = Mapping[str, Collection[str]]  # person -> the groups that count for them


class Beyond(Record):
    """More approvals, where the plan may lose more than a bound; what it does not bound counts as more."""

    loses: str = Field(min_length=1)  # what is lost, or its unit, in the plan's words, e.g. "rows"
    more_than: float = Field(ge=0)
    approve: tuple[str, ...] = Field(min_length=1)  # groups, besides those of the rule


class Reminder(Record):
    """Somebody besides is called where nobody has decided for so long; it changes nothing of who may approve."""

    after: Duration = Field(gt=timedelta())
    whom: str = Field(min_length=1)  # a group


class Rule(Record):
    """One entry of policy.toml. The first rule that matches decides; an empty list of environments matches all."""

    operations: tuple[str, ...] = Field(min_length=1)  # patterns over commands, e.g. "ops db *"
    environments: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()  # empty: all
    risk: Risk | None = None  # lifts what matches to this risk; never lowers
    ask: tuple[str, ...] = ()  # groups; empty: nobody
    approve: tuple[str, ...] = ()  # one group per slot; ["dba", "dba"] is two different people
    channels: tuple[str, ...] = ()  # keys of channels; empty: any place
    hours: tuple[Hours, ...] = ()  # empty: always
    expires: Duration = Field(default=timedelta(minutes=30), gt=timedelta())
    warn: Duration | None = None  # before the expiry; by default a third of it
    beyond: tuple[Beyond, ...] = ()
    remind: tuple[Reminder, ...] = ()  # each later than the one before

    @field_validator("risks", "risk", mode="before")
    @classmethod
    def _risk_by_name(cls, value: object) -> object:
        if isinstance(value, (list, tuple)):
            return tuple(_risk(one) for one in value)
        return _risk(value)

    @model_validator(mode="after")
    def _warns_before_it_expires(self) -> Self:
        if self.warn is not None and not timedelta() < self.warn < self.expires:
            raise ValueError(f"the warning comes before the expiry: write less than {print_duration(self.expires)}")
        times = [timedelta(), *(one.after for one in self.remind), self.expires]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError(
                f"reminders come one after another, before the expiry: write less than {print_duration(self.expires)}"
            )
        return self

    def matches(self, command: str, environment: str, risk: Risk) -> bool:
        """Whether this rule speaks of that; a rule that lifts speaks of the risk it lifts to as well."""
        return (
            any(fnmatchcase(command, pattern) for pattern in self.operations)
            and (not self.environments or any(fnmatchcase(environment, pattern) for pattern in self.environments))
            and (not self.risks or risk in self.risks or risk == self.risk)
        )


def _risk(value: object) -> object:
    if isinstance(value, str):
        if value not in RISKS:
            raise ValueError(f"{value!r} is no risk: write read, write or destructive")
        return RISKS[value]
    return value


class Policy(Record):
    """The rules in their order."""

    rules: tuple[Rule, ...] = ()


class Need(Record):
    """What one operation in one environment needs at one risk."""

    command: str
    environment: str
    risk: Risk  # with every lift applied
    ask: frozenset[str]
    channels: frozenset[str] = frozenset()  # empty: any place
    hours: tuple[tuple[Hours, ...], ...] = ()  # each inner list: open in one of these
    slots: tuple[str, ...]
    expires: timedelta
    warn: timedelta
    beyond: tuple[Beyond, ...] = ()
    remind: tuple[Reminder, ...] = ()


class Row(Record):
    """A need as `migrate` applies it; all of it is under the hash of config."""

    command: str
    environment: str
    risk: Risk
    ask: tuple[str, ...]
    channels: tuple[str, ...]
    hours: tuple[str, ...]
    slots: tuple[str, ...]
    expires: timedelta
    warns: timedelta
    beyond: tuple[Beyond, ...]
    remind: tuple[Reminder, ...]


class Code(StrEnum):
    """Why something may not be."""

    MAY = "may"
    NO_RULE = "no_rule"
    NOT_LISTED = "not_listed"
    NOT_IN_GROUP = "not_in_group"
    OTHER_CHANNEL = "other_channel"
    OUT_OF_HOURS = "out_of_hours"
    FROZEN = "frozen"


class Verdict(Record):
    """May or may not; if not: by which rule, in words, and the groups whose people could."""

    code: Code
    sentence: str = ""
    who: tuple[str, ...] = ()
    freeze: str = ""  # the name of the freeze that refuses

    @property
    def may(self) -> bool:
        return self.code is Code.MAY

    @property
    def said(self) -> str:
        """The words as a sentence of their own."""
        return f"{self.sentence[:1].upper()}{self.sentence[1:].rstrip('.')}." if self.sentence else ""


def governing(policy: Policy, command: str, environment: str, risk: Risk) -> tuple[int | None, Risk]:
    """The index of the rule that decides, None where none does, and the risk with every lift applied."""
    while True:
        found = (i for i, rule in enumerate(policy.rules) if rule.matches(command, environment, risk))
        index = next(found, None)
        lift = policy.rules[index].risk if index is not None else None
        if lift is None or lift <= risk:
            return index, risk
        risk = lift


def lifted(policy: Policy, command: str, environment: str, risk: Risk) -> Risk:
    """The risk after every lift that policy makes; never lower than what was given."""
    return governing(policy, command, environment, risk)[1]


def need(policy: Policy, command: str, environment: str, risk: Risk) -> Need | None:
    """What is needed, by the first rule that matches; None where nobody may.

    `risk` is the operation's floor or what its `raises` gave. What destroys and names no approver is denied.
    """
    index, risk = governing(policy, command, environment, risk)
    if index is None:
        return None
    rule = policy.rules[index]
    if risk is Risk.DESTRUCTIVE and not rule.approve:
        return None
    return Need(
        command=command,
        environment=environment,
        risk=risk,
        ask=frozenset(rule.ask),
        channels=frozenset(rule.channels),
        hours=(rule.hours,) if rule.hours else (),
        slots=rule.approve,
        expires=rule.expires,
        warn=rule.warn if rule.warn is not None else rule.expires / 3,
        beyond=rule.beyond,
        remind=rule.remind,
    )


def may_ask(wanted: Need | None, groups: Collection[str] | None, channel: str | None, at: datetime) -> Verdict:
    """Whether somebody may ask here and now. `groups` None: not in the roster; `channel` is its key, None elsewhere."""
    if wanted is None:
        sentence = "no rule in policy.toml allows it, so nobody may; whoever keeps policy.toml can add a rule"
        return Verdict(code=Code.NO_RULE, sentence=sentence)
    who = tuple(sorted(wanted.ask))
    if groups is None:
        sentence = "your Slack account is not listed in people.toml; whoever keeps that file can add it"
        return Verdict(code=Code.NOT_LISTED, sentence=sentence, who=who)
    if not wanted.ask & set(groups):
        allowed = f"only {_either(who)} may ask for it" if who else "policy.toml lets nobody ask for it"
        return Verdict(code=Code.NOT_IN_GROUP, sentence=allowed, who=who)
    if wanted.channels and channel not in wanted.channels:
        there = _either(sorted(f"#{key}" for key in wanted.channels))
        sentence = f"it is asked for in {there}, where those who approve it read along; type it there"
        return Verdict(code=Code.OTHER_CHANNEL, sentence=sentence)
    for hours in wanted.hours:
        if not any(one.open(at) for one in hours):
            sentence = f"it is allowed {_either([str(one) for one in hours])}; ask again then"
            return Verdict(code=Code.OUT_OF_HOURS, sentence=sentence)
    return Verdict(code=Code.MAY)


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def slots_for(wanted: Need, has_human_asker: bool) -> tuple[str, ...]:
    """One group per approval. What destroys needs two people; a human asker counts as one of them."""
    if wanted.risk is Risk.DESTRUCTIVE and len(wanted.slots) == 1 and not has_human_asker:
        return wanted.slots * 2
    return wanted.slots


def match(slots: Sequence[str], approvers: Groups, askers: Collection[str] = ()) -> tuple[str, ...] | None:
    """A different person for each slot, in the slots' order, no asker among them; None where there is no such choice.

    `approvers` maps each person who approved to their groups; earlier ones are preferred.
    """
    filled = _assign(slots, {p: g for p, g in approvers.items() if p not in askers})
    return tuple(filled[i] for i in range(len(slots))) if len(filled) == len(slots) else None


def _assign(slots: Sequence[str], people: Groups) -> dict[int, str]:
    """The most slots that can be filled: slot index -> person (augmenting paths)."""
    taken: dict[str, int] = {}

    def place(slot: int, tried: set[str]) -> bool:
        for person, groups in people.items():
            if person in tried or slots[slot] not in groups:
                continue
            tried.add(person)
            if person not in taken or place(taken[person], tried):
                taken[person] = slot
                return True
        return False

    for slot in range(len(slots)):
        place(slot, set())
    return {slot: person for person, slot in taken.items()}


def could_approve(
    slots: Sequence[str], roster: Groups, approved: Collection[str] = (), excluded: Collection[str] = ()
) -> tuple[str, ...]:
    """The people whose approval would fill one more slot now. `excluded`: askers and subjects."""
    given = {person: roster[person] for person in approved if person in roster and person not in excluded}
    filled = len(_assign(slots, given))
    others = (person for person in roster if person not in given and person not in excluded)
    return tuple(p for p in others if len(_assign(slots, {**given, p: roster[p]})) > filled)


def with_stand_ins(
    roster: Groups, pairs: Iterable[tuple[str, str]], used: Mapping[str, str] | None = None
) -> dict[str, frozenset[str]]:
    """Everybody's groups, with those of whom they stand in for: `pairs` are (stand-in, whose right).

    `used`: who has approved -> by whose right; a right that one has used is no other's any more.
    """
    used = used or {}
    spent = set(used.values())
    found = {p: frozenset(() if p in spent and p not in used else groups) for p, groups in roster.items()}
    for taker, giver in pairs:
        if giver not in spent or used.get(taker) == giver:
            found[taker] = found.get(taker, frozenset()) | frozenset(roster.get(giver, ()))
    return found


def open_slots(slots: Sequence[str], approvers: Groups, askers: Collection[str] = ()) -> tuple[str, ...]:
    """The groups of the slots that these approvals leave open."""
    filled = _assign(slots, {p: g for p, g in approvers.items() if p not in askers})
    return tuple(group for i, group in enumerate(slots) if i not in filled)


def flatten(policy: Policy, floors: Mapping[str, Risk], environments: Iterable[str]) -> tuple[Row, ...]:
    """Every (command, environment, risk from its floor up) that somebody may ask for; "" is no environment."""
    places = ("", *(name for name in environments if name))
    needs = (
        (need(policy, command, environment, risk), risk)
        for command in sorted(floors)
        for environment in places
        for risk in Risk
        if risk >= floors[command]
    )
    return tuple(
        Row(
            command=one.command,
            environment=one.environment,
            risk=risk,
            ask=tuple(sorted(one.ask)),
            channels=tuple(sorted(one.channels)),
            hours=tuple(str(hours) for inner in one.hours for hours in inner),
            slots=one.slots,
            expires=one.expires,
            warns=one.warn,
            beyond=one.beyond,
            remind=one.remind,
        )
        for one, risk in needs
        if one is not None
    )


class Freeze(Protocol):
    """A change freeze, as the store reads it."""

    @property
    def name(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def ends(self) -> datetime: ...
    @property
    def by_name(self) -> str: ...
    def covers(self, service: str, at: datetime) -> bool: ...


def frozen(services: Iterable[str], freezes: Iterable[Freeze], at: datetime) -> Verdict:
    """Whatever changes these services waits until no freeze covers one of them."""
    freezes = tuple(freezes)
    for service in services:
        freeze = next((f for f in freezes if f.covers(service, at)), None)
        if freeze is not None:
            until = f"{freeze.ends:%Y-%m-%d %H:%M %Z}"
            sentence = (
                f"It changes {service}, and {service} is frozen until {until}. "
                f"{freeze.by_name or 'A schedule'} set that ({freeze.name}): "
                f"{freeze.reason.rstrip('.') or 'no reason was given'}. Nothing was done. "
                "Ask again after that, or have the freeze ended."
            )
            return Verdict(code=Code.FROZEN, sentence=sentence, freeze=freeze.name)
    return Verdict(code=Code.MAY)
