"""Who could do what somebody else may not: named in the refusal, and called where that person asks for it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from bot.model import Record, State
from bot.people.roster import Roster
from bot.policy import could_approve, with_stand_ins
from bot.view import RunView

MOST = 5  # people whom one press calls


class Callees(Record):
    """Of those who could: whom to call. All by their keys."""

    whom: tuple[str, ...] = ()
    more: int = 0  # who are there too, and not called, since these are enough
    spared: tuple[str, ...] = ()  # who is not called because of quiet hours


class Could:
    """Answers from the roster as it is now."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster

    def ask(self, groups: Collection[str]) -> tuple[str, ...]:
        """Who is in one of the groups that may ask."""
        return tuple(person for person, theirs in self.roster.everybody().items() if set(groups) & set(theirs))

    def decide(self, view: RunView) -> tuple[str, ...]:
        """Whose approval would fill one more slot now; of a doubt, who may answer it."""
        approvals = () if view.state is State.IN_DOUBT else view.approvals
        used = {a.person: a.stands_for or a.person for a in approvals}
        pairs = [(one.taker, one.giver) for one in view.delegations if one.giver not in view.barred]
        everybody = with_stand_ins(self.roster.everybody(), pairs, used)
        return could_approve(view.slots, everybody, list(used), view.barred)

    def task(self, view: RunView, whose: str) -> tuple[str, ...]:
        """Who may confirm a task. `whose`: a group's key, "requester" or "another"."""
        if whose == "requester":
            return (view.requester,) if view.requester else ()
        if whose == "another":
            return tuple(person for person in self.roster.everybody() if person not in view.askers)
        return self.ask((whose,))

    def named(self, could: Collection[str], at: datetime) -> tuple[str, ...]:
        """Their names, those on call first."""
        on_call = self.roster.people.on_call(at)
        ordered = sorted(could, key=lambda person: person not in on_call)
        return tuple(f"{self.name(p)} (on call)" if p in on_call else self.name(p) for p in ordered)

    def name(self, person: str) -> str:
        people: Mapping[str, object] = getattr(self.roster.people, "people", {})
        return str(getattr(people.get(person), "name", person))

    def callees(
        self, could: Collection[str], at: datetime, but: Collection[str] = (), away: Mapping[str, str] | None = None
    ) -> Callees:
        """Those on call alone, where anybody is; else all who have no quiet hours.

        `but`: who is not called. `away`: who is absent -> who stands in for them, and is called in their place.
        """
        away = away or {}
        on_call = set(self.roster.people.on_call(at))
        on_call |= {taker for giver, taker in away.items() if giver in on_call}
        there = [person for person in could if person not in but and person not in away]
        turn = [person for person in there if person in on_call]
        spared = [] if turn else [person for person in there if self.roster.people.quiet(person, at)]
        called = turn or [person for person in there if person not in spared]
        return Callees(whom=tuple(called[:MOST]), more=len(called[MOST:]), spared=tuple(spared))
