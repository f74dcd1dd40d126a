"""A schedule that destroys runs under the word of two people, and of nobody else's: what the database lets through."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from bot.model import State
from bot.store.store import Claimed
from tests.support.plugin import Home
from tests.support.story import Story

TERMS = "INSERT INTO terms VALUES ('prune', 'test destroy', '{\"keep\": 7}', '', '30 days', '{\"rows\": 10}', 'h1')"
LOSES = {"what": "rows", "now": 3, "at_most": 9, "at_least": False}
GRANT = {"schedule": "prune", "terms": "h1"}


def plan(*loses: dict[str, Any], steps: Any = ()) -> dict[str, Any]:
    return {"steps": list(steps), "loses": list(loses)}


GRANTING = plan(steps=[{"name": "grant", "does": {"kind": "tandem.GrantStanding@1", "args": GRANT}}])


class Stage:
    """A schedule `prune` with its terms, and what happens to it."""

    def __init__(self, home: Home) -> None:
        self.home, self.story = home, Story(home)

    async def grant(self, asks: str = "ana", approves: str = "ben", granting: Any = GRANTING) -> int:
        """Two people give the standing approval; the answer is the run by which they did."""
        run = int((await self.story.ask(asks, "test destroy"))["run"])
        await self.story.propose(run, plan=granting)
        await self.story.show(run)
        await self.story.saw(approves)
        assert (await self.story.approve(approves, run))["queued"]
        await self.begin(run, own={"record": "GrantStanding", **GRANT})
        return run

    async def begin(self, run: int, own: Any = None) -> str:
        row = await self.story.row(run)
        held = Claimed(run=run, worker=row.worker, fence=row.fence) if row.worker else None
        claimed = held or await self.story.claim(run)
        code = await self.home.ledger.begin(claimed)
        if own is not None:
            started = "SELECT started($1, $2, $3, 'grant', 'do', 1, '1 min', '{}')"
            await self.home.pool.execute(started, run, claimed.worker, claimed.fence)
            settled = "SELECT settled($1, $2, $3, 'grant', 'do', 1, 'done', '{}', NULL, $4)"
            await self.home.pool.execute(settled, run, claimed.worker, claimed.fence, own)
            await self.home.ledger.finished(claimed, "succeed", {})
        return code

    async def tick(self, **more: Any) -> int:
        """The schedule's next slot; the answer is its run."""
        await self.home.pool.fetchval("SELECT last_slot('prune', clock())")
        await self.home.move_clock(timedelta(minutes=1))
        slot = await self.home.pool.fetchval("SELECT date_trunc('minute', clock())")
        answer = await self.home.pool.fetchval("SELECT tick_schedule('prune', $1, $2)", slot, asks(slot) | more)
        return int(answer["run"])

    async def proposed(self, *loses: dict[str, Any]) -> str:
        """What becomes of the next run's plan: admitted, or put before people."""
        run = await self.tick()
        return str((await self.story.propose(run, plan=plan(*(loses or (LOSES,)))))["code"])


def asks(slot: datetime) -> dict[str, Any]:
    return {
        "command": "test destroy", "params": {"keep": 7}, "risk": 2, "config": "c1", "via": "schedule", "terms": "h1",
        "channel": "C0INCIDENTS", "reason": "retention", "key": f"cron/prune/{slot.isoformat()}",
    }  # fmt: skip


@pytest.fixture
async def stage(home: Home) -> Stage:
    await home.own.execute(TERMS)
    return Stage(home)


async def test_without_one_each_run_asks_two_people(stage: Stage) -> None:
    run = await stage.tick()
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "propose"
    (event,) = [e for e in await stage.home.ledger.events(run) if e.kind == "proposed"]
    assert event.body["slots"] == ["dba", "dba"]
    assert event.body["no_standing"] == "none was given yet"


async def test_under_one_a_run_starts_by_itself_once_it_is_shown_and_says_whose_word_it_is(stage: Stage) -> None:
    granted = await stage.grant()
    run = await stage.tick()
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "admit"
    (event,) = [e for e in await stage.home.ledger.events(run) if e.kind == "admitted"]
    assert event.body["standing"]["run"] == f"r{granted}"
    assert event.body["standing"]["people"] == ["ana", "ben"]
    assert await stage.begin(run) == "not_shown"
    await stage.story.show(run)
    assert await stage.begin(run) == "started"


CHANGES = {
    "its terms": "UPDATE terms SET hash = 'h2'",
    "its parameters": "UPDATE terms SET params = '{\"keep\": 0}', hash = 'h2'",
    "the schedule is gone": "DELETE FROM terms",
    "its bounds": "UPDATE terms SET at_most = '{\"rows\": 8}', hash = 'h1'",
    "the approver left the group": "DELETE FROM members WHERE person = 'ben' AND grp = 'dba'",
    "the approver left": "UPDATE people SET active = false WHERE person = 'ben'",
    "who asked for it left": "UPDATE people SET active = false WHERE person = 'ana'",
    "the approver is unfit in Slack": "UPDATE directory SET fit = false",
    "Slack was not read lately": "UPDATE directory SET seen = clock() - interval '16 min'",
    "the policy asks for more": "INSERT INTO policy "
    "VALUES ('c2', 'test destroy', '', 2, '{dba,dba}', '30 min', '10 min'); UPDATE applied SET config = 'c2'",
    "time": "UPDATE clock_shift SET by = by + interval '31 days'; UPDATE directory SET seen = clock()",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_it_covers_nothing_after_a_change_of(stage: Stage, change: str) -> None:
    await stage.grant()
    assert await stage.proposed() == "admit"
    run = await stage.tick()
    await stage.home.own.execute(change)
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "propose"


@pytest.mark.parametrize(
    "change", [c for k, c in CHANGES.items() if k != "time"], ids=[k for k in CHANGES if k != "time"]
)
async def test_nor_does_a_run_start_that_was_admitted_before_a_change_of(stage: Stage, change: str) -> None:
    await stage.grant()
    run = await stage.tick()
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "admit"
    await stage.story.show(run)
    await stage.home.own.execute(change)
    assert await stage.begin(run) == "unapproved"
    assert (await stage.story.row(run)).state is State.QUEUED


async def test_nor_does_one_that_was_admitted_just_before_its_time_was_over(stage: Stage) -> None:
    await stage.grant()
    await stage.home.move_clock(timedelta(days=30, minutes=-5))
    await stage.story.saw("ben")
    run = await stage.tick()
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "admit"
    await stage.story.show(run)
    await stage.home.move_clock(timedelta(minutes=6))
    assert await stage.begin(run) == "unapproved"


@pytest.mark.parametrize(
    "loses",
    [
        LOSES | {"at_most": 11},
        LOSES | {"what": "tables"},
        LOSES | {"at_most": None, "now": None},
        LOSES | {"at_most": None, "now": 3, "at_least": True},
    ],
)
async def test_a_plan_beyond_the_bounds_asks(stage: Stage, loses: dict[str, Any]) -> None:
    await stage.grant()
    assert await stage.proposed(LOSES, loses) == "propose"
    assert await stage.proposed(LOSES | {"at_most": None, "now": 10}) == "admit"


async def test_one_that_was_withdrawn_covers_nothing_and_one_person_is_enough(stage: Stage) -> None:
    await stage.grant()
    asked = await stage.story.ask("dora", "test write")
    await stage.story.propose(int(asked["run"]))
    await stage.story.show(int(asked["run"]))
    await stage.begin(int(asked["run"]), own={"record": "RevokeStanding", "schedule": "prune"})
    assert await stage.proposed() == "propose"


async def test_a_run_that_somebody_amended_is_that_persons_and_no_schedules(stage: Stage) -> None:
    await stage.grant()
    run = await stage.tick()
    await stage.story.propose(run, plan=plan(LOSES | {"at_most": 11}))
    await stage.story.say("dora", run, "amend", key="a", params={"keep": 0})
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "propose"


async def test_the_person_a_run_is_about_gave_no_standing_word_for_it(stage: Stage) -> None:
    await stage.grant()
    run = await stage.tick(subjects=["ana"])
    assert (await stage.story.propose(run, plan=plan(LOSES)))["code"] == "propose"


async def test_nobody_grants_what_their_plan_did_not_say(stage: Stage) -> None:
    with pytest.raises(asyncpg.PostgresError, match="nobody agreed"):
        await stage.grant(granting=plan())


LIES = {
    "a slot that never was": ({"slot": "2020-01-01T00:00:00Z"}, "no schedule asked"),
    "no slot at all": ({"slot": None}, "no schedule asked"),
    "a person who asks in its name": ({"team": "T0TEST", "user": "U0EMIL"}, "no schedule asked"),
    "other parameters": ({"params": {"keep": 0}}, "not the terms"),
    "another command": ({"command": "test destroy-two"}, "not the terms"),
    "terms of its own": ({"terms": "h0"}, "not the terms"),
}


@pytest.mark.parametrize(("lie", "words"), LIES.values(), ids=LIES.keys())
async def test_a_lying_bot_asks_in_a_schedules_name_with(stage: Stage, lie: dict[str, Any], words: str) -> None:
    await stage.home.pool.fetchval("SELECT last_slot('prune', clock())")
    await stage.home.move_clock(timedelta(minutes=1))
    slot = await stage.home.pool.fetchval("SELECT date_trunc('minute', clock())")
    await stage.home.own.execute("INSERT INTO ticks VALUES ('prune', $1, NULL, clock())", slot)
    word = asks(slot) | {"schedule": "prune", "slot": slot.isoformat()} | lie
    with pytest.raises(asyncpg.PostgresError, match=words):
        await stage.home.pool.fetchval("SELECT ask($1)", {k: v for k, v in word.items() if v is not None})


async def test_one_slot_is_one_run_and_a_slot_before_the_last_is_none(stage: Stage) -> None:
    run = await stage.tick()
    row = await stage.home.pool.fetchrow("SELECT slot FROM runs WHERE id = $1", run)
    for slot in (row["slot"], row["slot"] - timedelta(minutes=5), row["slot"] - timedelta(seconds=1)):
        again = await stage.home.pool.fetchval("SELECT tick_schedule('prune', $1, $2)", slot, asks(slot) | {"key": "x"})
        assert again is None
    word = asks(row["slot"]) | {"schedule": "prune", "slot": row["slot"].isoformat(), "key": "other"}
    with pytest.raises(asyncpg.UniqueViolationError):
        await stage.home.pool.fetchval("SELECT ask($1)", word)


@pytest.mark.parametrize(
    "act",
    [
        "INSERT INTO standings SELECT id, 'prune', 'h1', clock(), clock() + interval '1 day' FROM runs LIMIT 1",
        "UPDATE terms SET at_most = '{}'",
        "DELETE FROM revocations",
    ],
)
async def test_the_bots_role_writes_nothing_of_standing_approvals(stage: Stage, act: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await stage.home.pool.execute(act)


@pytest.mark.parametrize("act", ["UPDATE standings SET until = 'infinity'", "DELETE FROM revocations"])
async def test_what_was_given_or_withdrawn_is_never_rewritten(stage: Stage, act: str) -> None:
    await stage.grant()
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await stage.home.own.execute(act)


async def test_it_stands_no_longer_than_config_lets_it(stage: Stage) -> None:
    """The row itself, written by hand in the run that may write it."""
    run = int((await stage.story.ask("ana", "test destroy"))["run"])
    await stage.story.propose(run, plan=GRANTING)
    await stage.story.show(run)
    await stage.story.saw("ben")
    await stage.story.approve("ben", run)
    await stage.begin(run)
    give = "INSERT INTO standings VALUES ($1, 'prune', 'h1', clock(), clock() + $2)"
    with pytest.raises(asyncpg.PostgresError, match="no longer than config says"):
        await stage.home.own.execute(give, run, timedelta(days=31))
    await stage.home.own.execute(give, run, timedelta(days=29))
