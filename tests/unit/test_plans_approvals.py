"""The plans of delegate, withdraw and delegations: pure, from facts alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import codec
from bot.connectors import tandem
from bot.connectors.tandem import Absence, Member
from bot.operation import Person, Plan, Refusal, RunRef
from bot.plans import covers, faults
from handlers.ops.approvals import delegate, delegations, withdraw

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = RunRef(tag="r142", requester="cleo", askers=("cleo",))
CLEO = Member(name="Cleo Lindqvist", groups=("dba", "lead"))
BEN = Member(name="Ben Okafor", groups=("dba",))
DEEDS = {codec.kind_of(kind): kind for kind in (tandem.Delegate, tandem.EndDelegation)}


class NoResults:
    def get(self, ref: Any) -> None:
        return None


def absence(giver: str = "ben", taker: str = "dora", starts: datetime = AT, lasting: timedelta = DAY) -> Absence:
    return Absence(run="r7", giver=giver, taker=taker, starts=starts, ends=starts + lasting)


def planned(
    absences: tuple[Absence, ...] = (), run: RunRef = RUN, giver: Member | None = CLEO, taker: Member | None = BEN,
    **typed: Any,
) -> Plan | Refusal:  # fmt: skip
    params = delegate.Params(**{"to": Person(key="ben"), "reason": "on leave"} | typed)
    facts = delegate.Facts(run=run, at=AT, giver=giver, taker=taker, absences=absences)
    return delegate.DelegateApprovals().plan(params, facts)


def test_it_names_both_and_how_long_is_undone_by_its_end_and_keeps_others_out() -> None:
    plan = planned(lasting=14 * DAY)
    assert isinstance(plan, Plan)
    assert faults(plan) == []
    assert codec.decode_plan(codec.encode_plan(plan), DEEDS) == plan
    assert plan.sentence == "Let Ben Okafor approve in place of Cleo Lindqvist for 14d, starting now"
    (step,) = plan.steps
    assert step.does == tandem.Delegate(giver="cleo", taker="ben", starts=None, lasting=14 * DAY)
    assert step.undo == tandem.EndDelegation(delegation="r142")
    assert "dba, lead" in step.tells
    facts = delegate.Facts(run=RUN, at=AT, giver=CLEO, taker=BEN, absences=())
    assert delegate.DelegateApprovals().names(delegate.Params(to=Person(key="ben")), facts) == {
        "people": ("ben", "cleo")
    }


def test_a_later_look_says_the_same_of_an_absence_that_has_begun_meanwhile() -> None:
    starts = AT + timedelta(minutes=1)
    before, after = planned(starts=starts), planned(starts=AT - timedelta(minutes=1))
    assert isinstance(before, Plan)
    assert isinstance(after, Plan)
    assert before.sentence.endswith("starting on 2026-03-04 12:01 UTC")
    again = planned(starts=starts)
    assert isinstance(again, Plan)
    assert covers(before, again)
    assert not covers(before, after), "another start is another absence"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"lasting": timedelta(minutes=59)}, "bounds"),
        ({"lasting": 32 * DAY}, "bounds"),
        ({"starts": AT - DAY, "lasting": timedelta(hours=2)}, "bounds"),
        ({"starts": AT + 91 * DAY}, "bounds"),
        ({"to": Person(key="cleo")}, "self"),
        ({"giver": CLEO.model_copy(update={"groups": ()})}, "nothing"),
        ({"taker": None}, "unfit"),
        ({"taker": Member(name="Dan", unfit="a guest in Slack")}, "unfit"),
        ({"run": RunRef(tag="r1")}, "not_own"),
        ({"giver": None}, "not_own"),
        ({"run": RunRef(tag="r1", requester="cleo", askers=("ana", "cleo"))}, "not_own"),
        ({"absences": (absence("cleo", "dora"),)}, "given"),
        ({"absences": (absence("dora", "cleo"),)}, "chain"),
        ({"absences": (absence("ben", "dora"),)}, "away"),
    ],
)
def test_it_refuses_with_what_to_do_instead(facts: dict[str, Any], code: str) -> None:
    refused = planned(**facts)
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_what_was_handed_over_for_another_time_or_by_others_stands_in_nobodys_way() -> None:
    others = (absence("cleo", "dora", starts=AT + 8 * DAY), absence("dora", "ben"))
    assert isinstance(planned(others, lasting=7 * DAY), Plan), "one person may stand in for two"


def test_either_of_the_two_ends_it_and_nobody_else() -> None:
    members = {"cleo": CLEO, "ben": BEN}
    one = absence("cleo", "ben")

    def ended(requester: str, name: str = "r7") -> Plan | Refusal:
        facts = withdraw.Facts(run=RunRef(tag="r9", requester=requester), at=AT, absences=(one,), members=members)
        return withdraw.WithdrawDelegation().plan(withdraw.Params(delegation=name, reason="back"), facts)

    for person in ("cleo", "ben"):
        plan = ended(person)
        assert isinstance(plan, Plan)
        assert faults(plan) == []
        assert plan.steps[0].does == tandem.EndDelegation(delegation="r7")
    other, unknown = ended("ana"), ended("cleo", "r8")
    assert isinstance(other, Refusal)
    assert "Cleo Lindqvist and Ben Okafor" in other.sentence
    assert isinstance(unknown, Refusal)
    assert "r7" in unknown.sentence


def test_the_list_says_for_whom_until_when_and_what_counts_for_nothing() -> None:
    ahead = absence("ben", "cleo", starts=AT + DAY)
    members = {"cleo": CLEO, "ben": BEN.model_copy(update={"unfit": "deactivated in Slack"})}
    facts = delegations.Facts(run=RUN, at=AT, absences=(ahead,), members=members)
    answer = delegations.ListDelegations().answer(delegations.Params(), facts, NoResults())
    assert answer.lines[0] == (
        "r7: Cleo Lindqvist, for Ben Okafor, from 2026-03-05 12:00 UTC until 2026-03-06 12:00 UTC; "
        "it counts for nothing: one of them is deactivated in Slack"
    )
    nobody = facts.model_copy(update={"absences": ()})
    assert (
        "Everybody approves" in delegations.ListDelegations().answer(delegations.Params(), nobody, NoResults()).headline
    )
