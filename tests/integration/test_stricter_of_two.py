"""Between ask, approval and first step config, groups and people change: the stricter of then and now decides."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.model import State
from bot.store.migrate import Applied, apply_config
from bot.store.own import Own
from bot.store.store import Claimed
from tests.support.company import POLICY, TEAM, account, applied
from tests.support.factory import working
from tests.support.plugin import Home
from tests.support.story import Story

TWO, ONE = ("dba", "security"), ("dba",)


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


async def comes_into_force(story: Story, company: Applied) -> None:
    """As `migrate` does it."""
    async with story.home.own.acquire() as conn, conn.transaction():
        await apply_config(conn, company)


async def merged(
    story: Story, config: str = "c2", joins: tuple[str, str] | None = None, **slots: tuple[str, ...]
) -> None:
    """Another config comes into force, with these slots for what destroys; somebody may join a group by it."""
    policy = {**POLICY, **{(f"test {command.replace('_', '-')}", 2): given for command, given in slots.items()}}
    company = applied(config, policy)
    members = (*company.members, joins) if joins else company.members
    await comes_into_force(story, company.model_copy(update={"members": members}))


async def approve(story: Story, person: str, run: int, config: str = "c2") -> dict[str, Any]:
    await story.saw(person)
    word = story.word(person, run) | {"fingerprint": (await story.row(run)).fingerprint, "config": config}
    return await story.home.doors.approve(word)


async def begins(story: Story, run: int) -> str:
    """What becomes of the first step."""
    worker = uuid4()
    await story.home.ledger.enlist(worker, timedelta(hours=1), "c2", [])
    (row,) = [row for row in await story.home.ledger.claim(worker, 50) if row.id == run]
    return await story.home.ledger.begin(Claimed(run=run, worker=worker, fence=row.fence))


async def test_a_quorum_that_was_lowered_after_the_ask_is_not_lowered_for_it(story: Story) -> None:
    run = await story.proposed("ana", "test destroy-two")
    await merged(story, destroy_two=ONE)
    assert (await approve(story, "cleo", run))["queued"] is False
    assert (await approve(story, "dora", run))["queued"] is True
    assert await story.slots(run) == ["cleo", "dora"]
    assert await begins(story, run) == "started"


async def test_a_quorum_that_was_raised_after_the_ask_is_raised_for_it(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await merged(story, destroy=TWO)
    assert (await approve(story, "cleo", run))["queued"] is False
    assert (await approve(story, "dora", run))["queued"] is True


async def test_a_quorum_that_was_raised_after_the_approval_stops_the_first_step(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert (await story.approve("ben", run))["queued"] is True
    await merged(story, destroy=("dba", "dba"))
    assert await begins(story, run) == "unapproved"
    assert (await story.row(run)).state is State.QUEUED


@pytest.mark.parametrize(("person", "queued"), [("cleo", False), ("ben", True)])
async def test_where_the_approvers_group_was_changed_after_the_ask_both_must_be_filled(
    story: Story, person: str, queued: bool
) -> None:
    run = await story.proposed("ana", "test destroy")
    await merged(story, destroy=("security",))
    assert (await approve(story, person, run))["queued"] is queued  # Ben is in both groups, Cleo in the first only


async def test_who_joins_a_group_by_config_after_the_ask_counts_for_later_asks_only(story: Story) -> None:
    before = await story.proposed("ana", "test destroy")
    await merged(story, joins=("dba", "emil"))
    assert (await approve(story, "emil", before))["code"] == "no_approver"
    after = int((await story.ask("ana", "test destroy", config="c2"))["run"])
    await story.propose(after)
    await story.show(after)
    await merged(story, "c3", joins=("dba", "emil"))  # another migrate does not make a new member of him
    assert (await approve(story, "emil", after, "c3"))["code"] == "recorded"
    assert (await approve(story, "ben", before, "c3"))["queued"] is True


@pytest.mark.parametrize(("rota", "code"), [(False, "no_approver"), (True, "recorded")])
async def test_who_joins_a_slack_group_after_the_ask_counts_only_where_it_is_a_rota(
    story: Story, rota: bool, code: str
) -> None:
    run = await story.proposed("ana", "test destroy")
    await story.home.own.execute("UPDATE groups SET slack = 'S1', rota = $1 WHERE grp = 'dba'", rota)
    await story.home.pool.execute("INSERT INTO slack_members VALUES ('dba', 'emil', clock(), clock())")
    assert (await approve(story, "emil", run, "c1"))["code"] == code


async def test_who_was_in_the_slack_group_before_the_ask_counts(story: Story) -> None:
    await story.home.own.execute("UPDATE groups SET slack = 'S1' WHERE grp = 'dba'")
    await story.home.pool.execute("INSERT INTO slack_members VALUES ('dba', 'emil', clock(), clock())")
    run = await story.proposed("ana", "test destroy")
    assert (await approve(story, "emil", run, "c1"))["queued"] is True


@pytest.mark.parametrize("how", ["config", "Slack"])
async def test_an_approver_who_is_deactivated_before_the_start_counts_no_longer(story: Story, how: str) -> None:
    run = await story.proposed("ana", "test destroy")
    assert (await story.approve("ben", run))["queued"] is True
    if how == "Slack":
        await story.saw("ben", fit=False)
    else:
        gone = applied("c2")
        people = tuple(person for person in gone.people if person[0] != "ben")
        accounts = tuple(one for one in gone.accounts if one != (TEAM, account("ben"), "ben"))
        members = tuple(one for one in gone.members if one[1] != "ben")
        update = {"people": people, "accounts": accounts, "members": members}
        await comes_into_force(story, gone.model_copy(update=update))
    assert await begins(story, run) == "unapproved"


async def test_an_approver_who_left_the_group_before_the_start_counts_no_longer(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert (await story.approve("ben", run))["queued"] is True
    left = applied("c2")
    members = tuple(one for one in left.members if one != ("dba", "ben"))
    await comes_into_force(story, left.model_copy(update={"members": members}))
    assert await begins(story, run) == "unapproved"


async def test_what_an_approver_who_counts_no_longer_had_approved_is_asked_again_and_does_not_start(
    home: Home, tmp_path: Path
) -> None:
    async with working(home, tmp_path) as factory:
        run = await factory.ask("big-plain")
        await factory.state(run, State.AWAITING)
        go = await factory.pause()
        assert (await approve(factory.story, "ben", run, "c1"))["queued"] is True
        await factory.story.saw("ben", fit=False)
        go.set()
        await factory.state(run, State.AWAITING)
        asked = (await factory.ledger.events(run))[-1]
        assert (asked.kind, asked.body["why"]) == ("differed", "unapproved")
        assert factory.folder.lines() == []
        assert (await approve(factory.story, "cleo", run, "c1"))["queued"] is True
        factory.worker.wake()
        assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_replica_with_an_older_config_takes_no_approvals(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await merged(story)
    assert (await approve(story, "ben", run, "c1"))["code"] == "old_config"
    assert (await story.row(run)).state is State.AWAITING
    assert await story.home.pool.fetchval("SELECT count(*) FROM approvals") == 0
    assert (await approve(story, "ben", run, "c2"))["queued"] is True


async def test_what_policy_no_longer_names_is_not_queued_though_it_was_asked_before(story: Story) -> None:
    run, other = await story.proposed("ana", "test destroy"), await story.proposed("ana", "test destroy")
    fewer = {key: slots for key, slots in POLICY.items() if key[0] != "test destroy"}
    await comes_into_force(story, applied("c2", fewer))
    answer = await approve(story, "ben", run)
    assert (answer["code"], answer["queued"], "policy" in answer) == ("recorded", False, True)
    assert (await story.say("ben", other, "deny"))["code"] == "done"  # stopping needs no rule


async def test_a_question_asked_before_a_quorum_was_raised_needs_the_raised_one(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert (await story.approve("ben", run))["queued"] is True
    worker = await story.worker()
    await story.home.own.execute("UPDATE workers SET config = 'c1' WHERE id = $1", worker)
    claimed = await story.claim(run)
    assert await story.home.ledger.begin(claimed) == "started"
    await story.home.ledger.doubted(claimed, {"doubt": "changed", "choices": ["again", "stop"]})
    await merged(story, destroy=TWO)
    question = (await story.row(run)).question_seq

    async def answers(person: str) -> str:
        word = story.word(person, run) | {"question": question, "choice": "again"}
        return str((await story.home.doors.answer(word))["code"])

    assert [await answers(person) for person in ("ana", "emil", "cleo", "dora")] == [
        "asker", "no_approver", "recorded", "answered",
    ]  # fmt: skip


@pytest.mark.parametrize(("says", "pattern"), [("locks", "deploy/{script}"), ("changes", "{script}")])
@pytest.mark.parametrize("service", ["big-plain", "another"])
async def test_a_freeze_that_begins_between_the_ask_and_the_start_keeps_it_from_starting(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str, says: str, pattern: str
) -> None:
    async with working(home, tmp_path) as factory:
        house: Any = factory.worker.runner.handlers
        monkeypatch.setattr(type(house.entry("test write").operation), says, (pattern,))
        run = await factory.ask("big-plain")
        await factory.state(run, State.AWAITING)
        await factory.story.saw("ben")

        async def begins() -> Any:
            await home.own.execute(
                "INSERT INTO freezes VALUES ('launch', $1, clock(), clock() + interval '1 h', 'the launch', 'cleo') "
                "ON CONFLICT DO NOTHING",
                [service],
            )
            return await Own(home.pool).freezes()

        object.__setattr__(house, "freezes", begins)  # once it is approved, as it is looked at before it starts
        assert (await factory.story.approve("ben", run))["queued"]
        ended = await factory.end(run)
        assert ended.state is (State.REFUSED if service == "big-plain" else State.SUCCEEDED)
        assert bool(factory.folder.lines()) is (service == "another")


async def test_what_a_plan_changes_is_asked_again_where_it_is_another_service_by_the_start(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(home, tmp_path) as factory:
        kind = type(factory.worker.runner.handlers.entry("test write").operation)
        monkeypatch.setattr(kind, "fresh_for", timedelta())
        monkeypatch.setattr(kind, "changes", ("web",))
        run = await factory.ask("big-plain")
        await factory.state(run, State.AWAITING)
        await factory.story.saw("ben")
        monkeypatch.setattr(kind, "changes", ("web", "api"))
        await factory.story.approve("ben", run)
        await factory.until(run, lambda row: row.state is State.AWAITING and "api" in (row.plan or ""))
        [told] = [e.body["changes"] for e in await factory.ledger.events(run) if "changes" in e.body]
        assert told == ["it changes api and web now"]
