"""Policy: who may ask, who approves, and the two-person rule."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.connectors.tandem import Freeze
from bot.hours import Hours
from bot.model import Risk
from bot.policy import (
    Code,
    Need,
    Policy,
    Rule,
    could_approve,
    flatten,
    frozen,
    lifted,
    match,
    may_ask,
    need,
    open_slots,
    slots_for,
    with_stand_ins,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
PEOPLE = ("ana", "ben", "cleo", "dan", "eve")
GROUPS = ("dba", "lead", "on-call")


CHAIN = {"ana": {"dba", "lead"}, "ben": {"dba", "on-call"}, "cleo": {"dba"}}  # each moves over for the next


def rule(**parts: object) -> Rule:
    return Rule.model_validate({"operations": ["ops db *"], "ask": ["engineers"], "approve": ["dba"], **parts})


def needed(policy: Policy, risk: Risk = Risk.DESTRUCTIVE, environment: str = "production") -> Need:
    found = need(policy, "ops db restore", environment, risk)
    assert found is not None
    return found


def possible(slots: tuple[str, ...], people: Mapping[str, frozenset[str]], askers: frozenset[str]) -> bool:
    """Written apart from the code it judges: try every order of people over the slots."""
    able = [person for person in people if person not in askers]
    return any(
        all(group in people[person] for group, person in zip(slots, order, strict=True))
        for order in permutations(able, len(slots))
    )


rosters = st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(GROUPS)))
slot_lists = st.lists(st.sampled_from(GROUPS), max_size=4).map(tuple)
asker_sets = st.frozensets(st.sampled_from(PEOPLE), max_size=2)


@settings(max_examples=400)
@example(("lead", "dba"), {"ana": frozenset({"dba", "lead"}), "ben": frozenset({"lead"})}, frozenset())
@example(("dba", "lead", "on-call"), {p: frozenset(g) for p, g in CHAIN.items()}, frozenset())
@given(slot_lists, rosters, asker_sets)
def test_a_matching_is_found_exactly_when_one_exists(
    slots: tuple[str, ...], people: Mapping[str, frozenset[str]], askers: frozenset[str]
) -> None:
    found = match(slots, people, askers)
    assert (found is not None) == possible(slots, people, askers)
    if found is not None:
        assert len(set(found)) == len(found) == len(slots)
        assert not askers & set(found)
        assert all(group in people[person] for group, person in zip(slots, found, strict=True))


@given(slot_lists, rosters, asker_sets, st.sets(st.sampled_from(PEOPLE)))
def test_who_could_approve_brings_the_quorum_nearer_and_the_others_do_not(
    slots: tuple[str, ...], people: Mapping[str, frozenset[str]], askers: frozenset[str], given_by: set[str]
) -> None:
    def most(given_people: set[str]) -> int:
        known = {p: people[p] for p in given_people if p in people}
        sizes = range(len(slots), -1, -1)
        subsets = (n for n in sizes if any(possible(part, known, askers) for part in _parts(slots, n)))
        return next(subsets)

    could = could_approve(slots, people, given_by, askers)
    for person in people:
        nearer = person not in given_by | askers and most(given_by | {person}) > most(given_by)
        assert (person in could) == nearer


def _parts(slots: tuple[str, ...], size: int) -> set[tuple[str, ...]]:
    return set(permutations(slots, size))


@given(slot_lists, rosters, asker_sets)
def test_open_slots_are_what_the_largest_matching_leaves(
    slots: tuple[str, ...], people: Mapping[str, frozenset[str]], askers: frozenset[str]
) -> None:
    left = open_slots(slots, people, askers)
    assert (left == ()) == possible(slots, people, askers)
    assert not Counter(left) - Counter(slots)


def test_one_person_in_two_groups_fills_one_slot_only() -> None:
    assert match(("a", "b", "c", "c"), {"ana": {"a", "b"}, "ben": {"c"}, "cleo": {"c"}, "dan": {"c"}}) is None


def test_no_slots_need_nobody() -> None:
    assert match((), {}) == ()


def test_nothing_matches_means_nobody_may() -> None:
    assert need(Policy(), "ops db restore", "production", Risk.READ) is None
    verdict = may_ask(None, {"engineers"}, None, NOON)
    assert (verdict.may, verdict.code) == (False, Code.NO_RULE)


def test_an_empty_list_of_askers_means_nobody_not_everyone() -> None:
    verdict = may_ask(needed(Policy(rules=(rule(ask=[]),))), {"engineers"}, None, NOON)
    assert verdict.code is Code.NOT_IN_GROUP


def test_what_destroys_and_names_no_approver_is_denied() -> None:
    policy = Policy(rules=(rule(approve=[]), rule()))
    assert need(policy, "ops db restore", "production", Risk.DESTRUCTIVE) is None
    assert need(policy, "ops db restore", "production", Risk.WRITE) is not None


def test_the_first_rule_that_matches_decides() -> None:
    policy = Policy(rules=(rule(environments=["production"], approve=["dba", "dba"]), rule(approve=["lead"])))
    assert needed(policy).slots == ("dba", "dba")
    assert needed(policy, environment="staging").slots == ("lead",)


def test_a_rule_for_an_environment_does_not_speak_of_what_has_none() -> None:
    assert need(Policy(rules=(rule(environments=["*prod*"]),)), "ops db restore", "", Risk.READ) is None


def test_a_lift_brings_the_rules_of_the_higher_risk() -> None:
    strict = rule(risks=["destructive"], approve=["dba", "dba"])
    policy = Policy(rules=(strict, rule(risks=["write"], risk="destructive", approve=["lead"])))
    found = needed(policy, Risk.WRITE)
    assert (found.risk, found.slots) == (Risk.DESTRUCTIVE, ("dba", "dba"))


def test_a_rule_that_lifts_governs_what_it_lifts() -> None:
    policy = Policy(rules=(rule(risks=["write"], risk="destructive", approve=["lead"]), rule()))
    assert needed(policy, Risk.WRITE).slots == ("lead",)


def test_policy_never_lowers_a_risk() -> None:
    assert lifted(Policy(rules=(rule(risk="read"),)), "ops db restore", "", Risk.DESTRUCTIVE) is Risk.DESTRUCTIVE


@given(
    st.lists(
        st.builds(
            lambda risks, risk: rule(risks=risks, risk=risk),
            st.lists(st.sampled_from(["read", "write", "destructive"])),
            st.sampled_from([None, "read", "write", "destructive"]),
        ),
        max_size=4,
    ),
    st.sampled_from(Risk),
)
def test_lifting_twice_is_lifting_once_and_never_lowers(rules: list[Rule], risk: Risk) -> None:
    policy = Policy(rules=tuple(rules))
    once = lifted(policy, "ops db restore", "", risk)
    assert once >= risk
    assert lifted(policy, "ops db restore", "", once) == once


def test_every_refusal_to_ask_says_its_rule_and_who_could() -> None:
    wanted = needed(Policy(rules=(rule(channels=["incidents"], hours=["mon-tue 08:00-18:00 UTC"]),)))
    listed = may_ask(wanted, None, "incidents", NOON)
    grouped = may_ask(wanted, {"dba"}, "incidents", NOON)
    placed = may_ask(wanted, {"engineers"}, "releases", NOON)
    timed = may_ask(wanted, {"engineers"}, "incidents", NOON)
    assert [v.code for v in (listed, grouped, placed, timed)] == [
        Code.NOT_LISTED,
        Code.NOT_IN_GROUP,
        Code.OTHER_CHANNEL,
        Code.OUT_OF_HOURS,
    ]
    assert grouped.who == ("engineers",)
    assert "#incidents" in placed.sentence
    assert "mon, tue 08:00-18:00 UTC" in timed.sentence
    assert may_ask(wanted, {"engineers"}, "incidents", NOON - timedelta(days=1)).may


def test_a_place_without_a_channel_is_not_any_channel() -> None:
    wanted = needed(Policy(rules=(rule(channels=["incidents"]),)))
    assert may_ask(wanted, {"engineers"}, None, NOON).code is Code.OTHER_CHANNEL


def test_what_destroys_needs_two_people_whoever_asks() -> None:
    wanted = needed(Policy(rules=(rule(),)))
    assert slots_for(wanted, has_human_asker=True) == ("dba",)
    assert slots_for(wanted, has_human_asker=False) == ("dba", "dba")
    assert slots_for(needed(Policy(rules=(rule(),)), Risk.WRITE), has_human_asker=False) == ("dba",)


def test_the_rows_hold_every_risk_from_the_floor_up_and_nothing_nobody_may() -> None:
    policy = Policy(rules=(rule(environments=["production"], risk="destructive"), rule(risks=["write"], approve=[])))
    rows = flatten(policy, {"ops db vacuum": Risk.WRITE, "ops cache flush": Risk.READ}, ["staging", "production"])
    assert [(r.command, r.environment, r.risk, r.slots) for r in rows] == [
        ("ops db vacuum", "", Risk.WRITE, ()),
        ("ops db vacuum", "staging", Risk.WRITE, ()),
        ("ops db vacuum", "production", Risk.WRITE, ("dba",)),
        ("ops db vacuum", "production", Risk.DESTRUCTIVE, ("dba",)),
    ]


def test_a_row_agrees_with_the_need_it_was_made_from() -> None:
    policy = Policy(rules=(rule(),))
    for row in flatten(policy, {"ops db restore": Risk.READ}, ["production"]):
        found = need(policy, row.command, row.environment, row.risk)
        assert found is not None
        assert (row.slots, row.expires, row.warns) == (found.slots, found.expires, found.warn)
        assert found.ask == set(row.ask)


def test_a_freeze_stops_what_changes_its_services_only() -> None:
    freeze = Freeze(name="summer", services=("web",), starts=NOON, ends=NOON + timedelta(hours=1), reason="sale")
    assert frozen(["web"], [freeze], NOON).code is Code.FROZEN
    told = frozen(["web"], [freeze.model_copy(update={"by_name": "Cleo Wu"})], NOON)
    assert told.sentence.startswith(
        "It changes web, and web is frozen until 2026-03-04 13:00 UTC. Cleo Wu set that (summer): sale."
    )
    assert told.freeze == "summer"
    assert "A schedule set that" in frozen(["web"], [freeze], NOON).sentence
    assert frozen(["api"], [freeze], NOON).may
    assert frozen(["web"], [freeze], NOON + timedelta(hours=1)).may
    everything = freeze.model_copy(update={"services": ("*",)})
    assert frozen(iter(["shop", "api"]), iter([everything]), NOON).code is Code.FROZEN


@pytest.mark.parametrize(
    "wrong",
    [{"risk": "awful"}, {"operations": []}, {"expires": "0s"}, {"expires": "5m", "warn": "5m"}, {"approvers": ["x"]}],
)
def test_a_rule_that_says_something_else_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)


@pytest.mark.parametrize(
    ("written", "at", "is_open"),
    [
        ("mon-fri 08:00-18:00 Europe/Vienna", "2026-03-04T07:00+00:00", True),
        ("mon-fri 08:00-18:00 Europe/Vienna", "2026-03-04T17:00+00:00", False),
        ("sat 22:00-04:00 UTC", "2026-03-08T03:59+00:00", True),
        ("sat 22:00-04:00 UTC", "2026-03-07T03:00+00:00", False),
        ("sat-mon 09:00-10:00 UTC", "2026-03-09T09:30+00:00", True),
        ("09:00-10:00 UTC", "2026-03-05T09:30+00:00", True),
    ],
)
def test_hours_are_weekly_local_and_may_pass_midnight(written: str, at: str, is_open: bool) -> None:
    assert Hours.model_validate(written).open(datetime.fromisoformat(at)) is is_open


@pytest.mark.parametrize("written", ["9-5", "foo 09:00-10:00 UTC", "09:00-25:00 UTC", "09:00-10:00 Mars/Phobos"])
def test_hours_that_mean_nothing_are_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValidationError, match="write e"):
        Hours.model_validate(written)


def test_a_stand_in_has_the_groups_of_whom_they_stand_in_for_until_that_right_is_used() -> None:
    roster = {"ana": {"eng"}, "ben": {"dba"}, "cleo": {"dba", "lead"}}
    away = [("ana", "cleo")]
    assert with_stand_ins(roster, away)["ana"] == {"eng", "dba", "lead"}
    assert could_approve(("dba", "dba"), with_stand_ins(roster, away), (), ()) == ("ana", "ben", "cleo")
    by_ana = with_stand_ins(roster, away, {"ana": "cleo"})
    assert could_approve(("dba", "dba"), by_ana, ("ana",)) == ("ben",), "hers is used"
    by_cleo = with_stand_ins(roster, away, {"cleo": "cleo"})
    assert could_approve(("dba", "dba"), by_cleo, ("cleo",)) == ("ben",)
