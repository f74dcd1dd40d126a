"""An absence: whose right counts, for whom, when, and what the database lets nobody hand over."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from bot import codec
from bot.model import State
from bot.operation import Plan
from bot.store.own import Own
from bot.store.store import Claimed
from bot.store.views import Views
from tests.support.company import TEAM, account
from tests.support.plugin import Home
from tests.support.story import Story

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Stage:
    """People who go away and come back."""

    def __init__(self, home: Home) -> None:
        self.home, self.story = home, Story(home)

    async def step(self, run: int, own: dict[str, Any]) -> None:
        """The one step of a run that was approved, or needed no approval."""
        claimed = await self.claim(run)
        assert await self.home.ledger.begin(claimed) == "started"
        started = "SELECT started($1, $2, $3, 'a', 'do', 1, '1 min', '{}')"
        await self.home.pool.execute(started, run, claimed.worker, claimed.fence)
        settled = "SELECT settled($1, $2, $3, 'a', 'do', 1, 'done', '{}', NULL, $4)"
        await self.home.pool.execute(settled, run, claimed.worker, claimed.fence, own)
        await self.home.ledger.finished(claimed, "succeed", {})

    async def away(
        self, giver: str, taker: str, approves: str = "dora", lasting: timedelta = DAY, starts: str | None = None,
        did: Any = None,
    ) -> int:  # fmt: skip
        """The run by which a right was handed over; `did`: what the step does instead of what the plan says."""
        await self.home.own.execute("UPDATE policy SET slots = '{engineers}' WHERE command = 'test page'")
        args = {"giver": giver, "taker": taker, "lasting": f"{lasting.total_seconds()} s", "starts": starts}
        run = int((await self.story.ask(giver, "test page", subjects=[taker] if taker != giver else []))["run"])
        await self.story.propose(run, plan=planned("tandem.Delegate@1", args))
        await self.story.show(run)
        await self.story.saw(approves)
        assert (await self.story.approve(approves, run))["queued"]
        await self.step(run, {"record": "Delegate", **args, **(did or {})})
        return run

    async def back(self, who: str, delegation: int, named: int | None = None) -> None:
        """Somebody ends it."""
        run = int((await self.story.ask(who, "test write"))["run"])
        args = {"delegation": f"r{delegation}"}
        await self.story.propose(run, plan=planned("tandem.EndDelegation@1", {"delegation": f"r{named or delegation}"}))
        await self.story.show(run)
        await self.step(run, {"record": "EndDelegation", **args})

    async def claim(self, run: int) -> Claimed:
        row = await self.story.row(run)
        held = Claimed(run=run, worker=row.worker, fence=row.fence) if row.worker else None
        return held or await self.story.claim(run)

    async def begins(self, run: int) -> str:
        return await self.home.ledger.begin(await self.claim(run))

    async def slots(self, run: int) -> list[tuple[str, str | None]]:
        sql = "SELECT person, stands_for FROM slots WHERE run = $1 ORDER BY slot"
        return [tuple(row) for row in await self.home.pool.fetch(sql, run)]


def planned(kind: str, args: dict[str, Any]) -> dict[str, Any]:
    return {"steps": [{"name": "a", "does": {"kind": kind, "args": args}}], "loses": []}


@pytest.fixture
def stage(home: Home) -> Stage:
    return Stage(home)


async def test_a_stand_in_approves_for_who_is_away_and_the_ledger_says_for_whom(stage: Stage) -> None:
    run = int((await stage.story.ask("ana", "test destroy"))["run"])
    await stage.story.propose(run, plan=json.loads(codec.encode_plan(Plan(sentence="Destroy it"))))
    await stage.story.show(run)
    assert (await stage.story.approve("emil", run))["code"] == "no_approver"
    given = await stage.away("cleo", "emil")
    await stage.story.saw("emil")
    assert (await stage.story.approve("emil", run))["queued"] is True, "also what was asked before"
    assert await stage.slots(run) == [("emil", "cleo")]
    bodies = {e.kind: e.body for e in await stage.home.ledger.events(run)}
    assert (bodies["approval"]["for"], bodies["approval"]["by"]) == ("cleo", f"r{given}")
    assert (bodies["approved"]["by"], bodies["approved"]["for"]) == (["emil"], {"emil": "cleo"})
    view = await Views(stage.home.pool, {}).run(run)
    assert view is not None
    assert [(a.person, a.stands_for, a.counts) for a in view.approvals] == [("emil", "cleo", True)]
    assert await stage.begins(run) == "started"


async def test_denials_and_answers_are_the_stand_ins_too(stage: Stage) -> None:
    run, other = await stage.story.proposed("ana", "test destroy"), await stage.story.proposed("ana", "test destroy")
    await stage.away("cleo", "emil")
    assert (await stage.story.say("emil", run, "deny"))["code"] == "done"
    assert (await stage.story.approve("ben", other))["queued"]
    claimed = await stage.story.claim(other)
    await stage.home.ledger.begin(claimed)
    await stage.home.ledger.doubted(claimed, {"doubt": "changed", "choices": ["again", "stop"]})
    word = stage.story.word("emil", other) | {
        "choice": "again",
        "question": (await stage.story.row(other)).question_seq,
    }
    await stage.story.saw("emil")
    assert (await stage.home.doors.answer(word))["code"] == "answered"


@pytest.mark.parametrize("asks", ["emil", "cleo"])
async def test_neither_the_stand_in_nor_who_is_away_has_their_own_request_approved_by_it(
    stage: Stage, asks: str
) -> None:
    """An asker approves nothing, and the right of an asker is nobody's in what they asked for."""
    await stage.away("cleo", "emil")
    run = await stage.story.proposed(asks, "test destroy")
    await stage.story.saw("emil")
    assert (await stage.story.approve("emil", run))["code"] == ("asker" if asks == "emil" else "no_approver")
    assert (await stage.story.row(run)).state is State.AWAITING


async def test_nor_has_whom_a_run_is_about(stage: Stage) -> None:
    await stage.away("cleo", "emil")
    run = await stage.story.proposed("ana", "test destroy", subjects=["cleo"])
    await stage.story.saw("emil")
    assert (await stage.story.approve("emil", run))["code"] == "no_approver"


async def two_dba(stage: Stage) -> int:
    await stage.home.own.execute("UPDATE policy SET slots = '{dba,dba}' WHERE command = 'test destroy'")
    return await stage.story.proposed("ana", "test destroy")


async def test_one_person_is_one_person_by_whatever_right(stage: Stage) -> None:
    await stage.away("cleo", "ben")
    run = await two_dba(stage)
    assert (await stage.story.approve("ben", run))["queued"] is False
    assert (await stage.story.approve("ben", run)) == {
        "code": "already",
        "queued": False,
        "stale": False,
        "have": 1,
        "need": 2,
    }


async def test_one_right_is_one_right_whoever_uses_it(stage: Stage) -> None:
    await stage.away("cleo", "emil")
    await stage.story.saw("emil")
    run = await two_dba(stage)
    assert (await stage.story.approve("emil", run))["queued"] is False
    assert (await stage.story.approve("cleo", run))["queued"] is False, "she and whoever stands in for her are one"
    assert (await stage.story.approve("ben", run))["queued"] is True
    assert sorted(p for p, _ in await stage.slots(run)) in (["ben", "cleo"], ["ben", "emil"])


@pytest.mark.parametrize("how", ["time", "giver", "taker"])
async def test_it_ends_by_itself_or_by_either_and_what_has_not_started_asks_again(stage: Stage, how: str) -> None:
    given = await stage.away("cleo", "emil", lasting=2 * HOUR)
    await stage.home.move_clock(timedelta(minutes=112))
    approved, waits = [await stage.story.proposed("ana", "test destroy", locks=[f"x/{n}"]) for n in "ab"]
    await stage.story.saw("emil")
    assert (await stage.story.approve("emil", approved))["queued"]
    if how == "time":
        await stage.home.move_clock(timedelta(minutes=9))
        await stage.story.saw("emil")
    else:
        await stage.back({"giver": "cleo", "taker": "emil"}[how], given)
    assert (await stage.story.approve("emil", waits))["code"] in ("no_approver", "expired")
    assert await stage.begins(approved) == "unapproved"
    assert await Own(stage.home.pool).absences() == []


async def test_one_that_begins_later_counts_from_then_on_and_for_no_word_given_before(stage: Stage) -> None:
    monday = (await stage.home.ledger.now() + timedelta(minutes=10)).isoformat()
    await stage.away("cleo", "ben", starts=monday, approves="dora")
    await stage.home.own.execute("UPDATE policy SET slots = '{lead,dba}' WHERE command = 'test destroy'")
    run = await stage.story.proposed("ana", "test destroy")
    assert (await stage.story.approve("ben", run))["queued"] is False, "as one of the dba"
    await stage.home.move_clock(timedelta(minutes=11))
    for person in ("ben", "cleo"):
        await stage.story.saw(person)
    await stage.home.pool.fetchval("SELECT sweep()")
    await stage.home.own.execute("INSERT INTO members VALUES ('dba', 'dora', '2020-01-01')")
    assert (await stage.story.approve("dora", run))["queued"] is False, "Ben had no right of hers when he said yes"
    assert (await stage.story.approve("cleo", run))["queued"] is True


@pytest.mark.parametrize("gone", ["cleo", "emil"])
async def test_it_is_void_while_slack_or_config_says_that_one_of_the_two_has_left(stage: Stage, gone: str) -> None:
    await stage.away("cleo", "emil")
    run = await stage.story.proposed("ana", "test destroy")
    await stage.story.saw("emil")
    await stage.story.saw(gone, fit=False)
    assert (await stage.story.approve("emil", run))["code"] == "no_approver"
    await stage.story.saw(gone)
    await stage.home.own.execute("UPDATE people SET active = false WHERE person = $1", gone)
    assert (await stage.story.approve("emil", run))["code"] in ("no_approver", "not_listed")


async def test_a_group_that_who_is_away_leaves_is_left_for_the_stand_in_too(stage: Stage) -> None:
    await stage.away("cleo", "emil")
    run = await stage.story.proposed("ana", "test destroy")
    await stage.story.saw("emil")
    await stage.home.own.execute("DELETE FROM members WHERE person = 'cleo' AND grp = 'dba'")
    assert (await stage.story.approve("emil", run))["code"] == "no_approver"


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another's right": ({"giver": "ben"}, "TD052"),
    "to somebody else": ({"taker": "ana"}, "TD052"),
    "for longer": ({"lasting": "2 days"}, "TD054"),
    "from sooner on": ({"starts": "2020-01-01T00:00:00Z", "lasting": "3000 days"}, "TD054"),
}


@pytest.mark.parametrize(("lie", "code"), LIES.values(), ids=LIES)
async def test_a_lying_bot_hands_over(stage: Stage, lie: dict[str, Any], code: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await stage.away("cleo", "emil", did=lie)
    assert refused.value.sqlstate == code
    assert await stage.home.pool.fetchval("SELECT count(*) FROM delegations") == 0


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (("cleo", "ben"), "TD055"),  # the same right to two
        (("emil", "ben"), "TD055"),  # handed on
        (("dora", "cleo"), "TD055"),  # to somebody who is away
        (("dora", "dora"), "TD053"),
    ],
)
async def test_what_was_handed_over_is_not_handed_on(stage: Stage, second: tuple[str, str], code: str) -> None:
    await stage.away("cleo", "emil")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await stage.away(*second, approves="ana")
    assert refused.value.sqlstate == code


async def test_after_the_first_is_over_another_may_follow(stage: Stage) -> None:
    given = await stage.away("cleo", "emil")
    await stage.back("cleo", given)
    await stage.away("cleo", "emil")
    assert len(await Own(stage.home.pool).absences()) == 1


@pytest.mark.parametrize("lasting", [timedelta(days=32), timedelta()])
async def test_no_absence_is_without_bounds(stage: Stage, lasting: timedelta) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await stage.away("cleo", "emil", lasting=lasting)
    assert refused.value.sqlstate == "TD054"


async def test_only_one_of_the_two_ends_it_and_only_what_their_plan_names(stage: Stage) -> None:
    given = await stage.away("cleo", "emil")
    for who, named in (("dora", given), ("cleo", given + 1)):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await stage.back(who, given, named)
        assert refused.value.sqlstate == "TD056"


async def test_whoever_else_had_a_hand_in_the_request_hands_over_nothing(stage: Stage) -> None:
    """An amended request is no longer the word of who goes away alone."""
    await stage.home.own.execute("UPDATE policy SET slots = '{engineers}' WHERE command = 'test page'")
    run = int((await stage.story.ask("cleo", "test page"))["run"])
    plan = planned("tandem.Delegate@1", {"giver": "cleo", "taker": "emil", "lasting": "3600 s", "starts": None})
    await stage.story.propose(run, plan=plan)
    assert (await stage.story.say("ana", run, "amend", params={}))["code"] == "done"
    await stage.story.propose(run, plan=plan)
    await stage.story.show(run)
    await stage.story.saw("dora")
    assert (await stage.story.approve("dora", run))["queued"]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await stage.step(run, {"record": "Delegate", "giver": "cleo", "taker": "emil", "lasting": "3600 s"})
    assert refused.value.sqlstate == "TD052"


async def test_who_stands_in_is_listed_with_why_it_may_be_void(stage: Stage) -> None:
    given = await stage.away("cleo", "emil")
    (absence,) = await Own(stage.home.pool).absences()
    assert (absence.run, absence.giver, absence.taker, absence.ends - absence.starts) == (
        f"r{given}",
        "cleo",
        "emil",
        DAY,
    )
    await stage.home.pool.execute(
        "INSERT INTO directory VALUES ($1, $2, false, 'a guest in Slack', clock()) "
        "ON CONFLICT (team, slack_user) DO UPDATE SET fit = false, why = 'a guest in Slack'",
        TEAM, account("emil"),
    )  # fmt: skip
    members = await Own(stage.home.pool).members("emil", "cleo", "nobody")
    assert members["emil"].unfit == "a guest in Slack"
    assert (members["cleo"].unfit, members["cleo"].groups) == ("", ("dba", "engineers", "lead"))
    assert "nobody" not in members
