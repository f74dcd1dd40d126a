"""Which word of which person counts: one answer everywhere, and one run's trouble is nobody else's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import codec
from bot.model import State
from bot.operation import Plan
from bot.store.views import Views
from tests.support.company import TEAM, account
from tests.support.factory import Factory
from tests.support.place import NoSlack, placed, who
from tests.support.plugin import Home
from tests.support.story import Story

PLAN = json.loads(codec.encode_plan(Plan(sentence="Destroy it")))


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


async def proposed(story: Story, person: str, command: str, *, locks: list[str] | None = None, **more: Any) -> int:
    """Asked, planned, shown; everybody was just read from Slack. As `Story.proposed`, with a plan that can be read."""
    run = int((await story.ask(person, command, **more))["run"])
    await story.propose(run, plan=PLAN, locks=locks)
    await story.show(run)
    for someone in ("ana", "ben", "cleo", "dora"):
        await story.saw(someone)
    return run


async def account_moves(story: Story) -> int:
    """Ben's approval waits, and his account becomes another person's."""
    run = await proposed(story, "ana", "test destroy")
    await story.home.move_clock(timedelta(minutes=2))  # Slack was read too long ago for it to count at once
    assert (await story.approve("ben", run))["queued"] is False
    await story.saw("ben")
    sql = "UPDATE accounts SET person = 'dora' WHERE team = $1 AND slack_user = $2"
    await story.home.own.execute(sql, TEAM, account("ben"))
    return run


async def becomes_its_subject(story: Story) -> int:
    """Ben approves; the run comes to be about him and then is what it was: the same plan, the same approvals."""
    run = await proposed(story, "ana", "test destroy-two")
    assert (await story.approve("ben", run))["queued"] is False
    for subjects in (["ben"], []):
        await story.say("ana", run, "amend", params={}, subjects=subjects)
        await story.propose(run, plan=PLAN)
    await story.home.own.execute("UPDATE policy SET slots = '{dba}' WHERE command = 'test destroy-two'")
    return run


@pytest.mark.parametrize("happens", [account_moves, becomes_its_subject])
async def test_an_approval_that_counts_no_more_fills_nothing_and_stops_no_sweep(
    story: Story, happens: Callable[[Story], Awaitable[int]]
) -> None:
    run, other = await happens(story), await proposed(story, "ana", "test destroy", words="other")
    await story.home.ledger.sweep()
    assert (await story.home.doors.count_up(run))["have"] == 0
    await story.home.move_clock(timedelta(minutes=31))
    await story.home.ledger.sweep()
    assert {(await story.row(one)).state for one in (run, other)} == {State.EXPIRED}


async def test_the_card_counts_nobody_whom_the_database_does_not(story: Story) -> None:
    run = await account_moves(story)
    view = await Views(story.home.pool, {}).run(run)
    assert view is not None
    assert [(a.person, a.counts) for a in view.approvals] == [("ben", False)]


WALL_LATER = """
ALTER FUNCTION tandem.wall_quorum(tandem.runs) RENAME TO wall_quorum_before;
CREATE FUNCTION tandem.wall_quorum(p_run tandem.runs) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
BEGIN  -- what a look a moment later does: between the count and the wall Slack says that somebody is gone
  UPDATE directory SET fit = false WHERE slack_user = 'U0BEN';
  PERFORM wall_quorum_before(p_run);
END $$;
"""


async def test_where_the_wall_sees_a_change_after_the_count_the_yes_stays_and_is_counted_again(story: Story) -> None:
    run = await proposed(story, "ana", "test destroy")
    await story.home.own.execute(WALL_LATER)
    answer = await story.approve("ben", run)
    assert (answer["code"], answer["queued"], answer["moment"]) == ("recorded", False, True)
    await story.home.ledger.sweep()
    assert (await story.row(run)).state is State.AWAITING
    await story.home.own.execute(
        "DROP FUNCTION tandem.wall_quorum(tandem.runs);"
        "ALTER FUNCTION tandem.wall_quorum_before(tandem.runs) RENAME TO wall_quorum"
    )
    await story.home.ledger.sweep()
    assert (await story.row(run)).state is State.QUEUED


async def test_what_expires_while_the_yes_is_written_has_expired(story: Story) -> None:
    run = await proposed(story, "ana", "test destroy")
    await story.home.own.execute(
        "CREATE FUNCTION tandem.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE tandem.clock_shift SET by = by + interval '31 min'; RETURN NEW; END $$;"
        "CREATE TRIGGER a_moment BEFORE INSERT ON tandem.approvals FOR EACH ROW EXECUTE FUNCTION tandem.later()"
    )
    assert (await story.approve("ben", run))["code"] == "expired"
    assert await story.home.pool.fetchval("SELECT count(*) FROM approvals") == 0


async def in_force(story: Story, command: str, slots: str | None) -> None:
    """Another config, in which this command has these slots, or is not at all."""
    await story.home.own.execute(
        "INSERT INTO policy SELECT 'c2', command, environment, risk, slots, expires, warns FROM policy "
        f"WHERE config = 'c1' AND ($1::text IS NOT NULL OR command <> '{command}')",
        slots,
    )
    await story.home.own.execute("UPDATE policy SET slots = $1 WHERE config = 'c2' AND command = $2 AND $3",
                                 [slots] if slots else [], command, slots is not None)  # fmt: skip
    await story.home.own.execute("UPDATE applied SET config = 'c2'")


async def test_what_is_planned_while_config_comes_to_want_an_approver_is_proposed_to_them(story: Story) -> None:
    run = int((await story.ask("ana", "test write"))["run"])
    await in_force(story, "test write", "dba")
    assert (await story.propose(run, plan=PLAN))["code"] == "propose"
    view = await Views(story.home.pool, {}).run(run)
    assert view is not None
    assert (view.state, view.slots) == (State.AWAITING, ("dba",))


async def test_what_is_planned_while_config_comes_to_allow_it_no_more_is_refused_in_words(story: Story) -> None:
    run = int((await story.ask("ana", "test write"))["run"])
    await in_force(story, "test write", None)
    assert (await story.propose(run, plan=PLAN))["code"] == "refuse"
    view = await Views(story.home.pool, {}).run(run)
    assert view is not None
    assert view.refusal is not None
    assert view.refusal.sentence == (
        "No rule in policy.toml allows it any more. Nothing was done; whoever keeps policy.toml can add one."
    )


async def test_what_follows_a_sweep_is_done_whatever_became_of_the_sweep(home: Home, tmp_path: Path) -> None:
    """Schedules are asked for there."""
    await home.own.execute(
        "CREATE OR REPLACE FUNCTION tandem.sweep() RETURNS integer LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'one run is in the way' USING ERRCODE = 'TD009'; END $$"
    )
    factory, followed = Factory(home, tmp_path), asyncio.Event()

    async def follows() -> None:
        followed.set()

    factory.worker.after_sweep = follows
    job = asyncio.create_task(factory.worker.run())
    try:
        async with asyncio.timeout(10):
            await followed.wait()
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def in_doubt(story: Story, command: str = "test destroy-two", **more: Any) -> int:
    """A run that Cleo and Ben agreed to, and that stopped with a question."""
    run = await proposed(story, "ana", command, **more)
    for person in ("cleo", "ben") if command == "test destroy-two" else ("ben",):
        await story.approve(person, run)
    claimed = await story.claim(run)
    assert await story.home.ledger.begin(claimed) == "started"
    await story.home.ledger.doubted(claimed, {"doubt": "changed", "choices": ["happened", "again", "stop"]})
    return run


async def says(story: Story, person: str, run: int, choice: str) -> str:
    word = story.word(person, run) | {"question": (await story.row(run)).question_seq, "choice": choice}
    return str((await story.home.doors.answer(word))["code"])


async def test_whoever_has_answered_a_doubt_can_still_say_stop(story: Story) -> None:
    run = await in_doubt(story)
    assert await says(story, "ben", run, "again") == "recorded"
    assert await says(story, "ben", run, "again") == "already"
    assert await says(story, "ben", run, "stop") == "answered"
    row = await story.row(run)
    assert (row.state, row.heading) == (State.RUNNING, "stop")
    assert await says(story, "cleo", run, "again") == "not_waiting"


async def test_of_two_who_differ_one_may_change_their_answer_and_only_the_latest_counts(story: Story) -> None:
    run = await in_doubt(story)
    assert await says(story, "ben", run, "happened") == "recorded"
    assert await says(story, "cleo", run, "again") == "recorded"
    assert await says(story, "cleo", run, "happened") == "answered"
    other = await in_doubt(story, words="other")
    for choice, code in (("again", "recorded"), ("happened", "changed")):
        assert await says(story, "ben", other, choice) == code
    assert await says(story, "cleo", other, "again") == "recorded", "Ben said so before, and says so no more"
    view = await Views(story.home.pool, {}).run(other)
    assert view is not None
    assert view.question is not None
    assert sorted(view.question.answers) == [("Ben", "happened"), ("Cleo", "again")]
    bodies = [e.body for e in view.events if e.kind == "answer"]
    assert bodies[1] == {"choice": "happened", "before": "again"}
    kept = "SELECT count(*) FROM answers WHERE run = $1"
    assert await story.home.pool.fetchval(kept, other) == 3, "what was said before is kept"


async def test_whom_slack_calls_a_guest_answers_nothing_denies_nothing_and_sees_nothing(story: Story) -> None:
    run, waits = await in_doubt(story, "test destroy"), await proposed(story, "ana", "test destroy", words="waits")
    await story.saw("cleo", fit=False)
    assert await says(story, "cleo", run, "again") == "unfit"
    assert (await story.say("cleo", waits, "deny"))["code"] == "unfit"
    assert (await story.home.doors.unmask(story.word("cleo", run)))["code"] == "unfit"
    said = await story.approve("cleo", waits)
    assert (said["queued"], said["unfit"]) == (False, True)
    assert await says(story, "cleo", run, "stop") == "answered", "to stop is never the dangerous act"


async def test_who_becomes_a_guest_after_their_answer_counts_no_more_in_it(story: Story) -> None:
    run = await in_doubt(story)
    assert await says(story, "ben", run, "again") == "recorded"
    await story.saw("ben", fit=False)
    assert await says(story, "cleo", run, "again") == "recorded"
    await story.saw("ben")
    assert await says(story, "cleo", run, "again") == "answered"


async def test_whom_a_run_is_about_is_neither_named_nor_answers(story: Story) -> None:
    run = await in_doubt(story, "test destroy", subjects=["cleo"])
    assert await says(story, "cleo", run, "again") == "subject"
    waits = await proposed(story, "ana", "test destroy", subjects=["cleo"], words="waits")
    view = await Views(story.home.pool, {}).run(waits)
    assert view is not None
    assert view.barred == ("ana", "cleo")
    (waiting,) = await Views(story.home.pool, {}).awaiting()
    assert set(waiting.barred) == {"ana", "cleo"}


async def test_only_what_is_live_replaces_another(story: Story) -> None:
    locks = ["database/shop"]
    ended, live, run = [await story.proposed("ana", "test destroy", locks=locks, words=f"{n}") for n in range(3)]
    await story.say("ana", ended, "cancel")
    assert (await story.say("ana", run, "supersede", by=ended))["code"] == "not_related"
    assert (await story.say("ana", run, "supersede", by=live))["code"] == "done"


async def test_a_guest_reads_why_nothing_comes_of_it_and_slack_is_asked_again_first(home: Home, tmp_path: Path) -> None:
    story = Story(home)
    run, other = [await proposed(story, "ana", "test destroy", words=f"{n}") for n in range(2)]
    fingerprint = (await story.row(run)).fingerprint or ""
    await story.saw("cleo", fit=False)
    async with placed(home, tmp_path) as place:
        said = await place.service.approve(who("cleo"), run, fingerprint)
        assert said.code == "recorded"
        assert said.sentence.startswith("Recorded, but it does not count: in Slack this account is deactivated")
        run, fingerprint = other, (await story.row(other)).fingerprint or ""  # her yes above counts once she is fit
        assert (await place.service.deny(who("cleo"), run, fingerprint, "no", "k1")).code == "unfit"
        assert (await story.row(run)).state is State.AWAITING

        class Again(NoSlack):
            """Slack says now that she is a member again."""

            async def refresh(self, accounts: Any, groups: Any = ()) -> None:
                assert accounts == [(TEAM, account("cleo"))]
                await story.saw("cleo")

        place.service.confirmation.freshener = Again()
        assert (await place.service.deny(who("cleo"), run, fingerprint, "no", "k2")).code == "done"


async def test_only_who_may_cancel_a_request_has_another_take_its_place(home: Home, tmp_path: Path) -> None:
    story, locks = Story(home), ["database/shop"]
    run, by = [await proposed(story, "ana", "test destroy", locks=locks, words=f"{n}") for n in range(2)]
    async with placed(home, tmp_path) as place:
        assert (await place.service.supersede(who("emil"), run, by, "k1")).code == "no_approver"
        assert (await story.row(run)).state is State.AWAITING
        assert (await place.service.supersede(who("ana"), run, by, "k2")).code == "done"
