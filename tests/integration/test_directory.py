"""Who is read from Slack, when, and what counts on the word of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.metrics import CountedClient, Metrics
from bot.model import State
from bot.people.directory import Directory
from bot.people.roster import Roster
from deploy.local.slack import SlackServer, Workspace
from deploy.local.slack.spec import GroupSpec
from tests.scenario.door import Company, workspace
from tests.support.company import TEAM, account
from tests.support.place import placed, who
from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(seconds=61)
USERS, GROUPS = "users.info", "usergroups.users.list"


@pytest.fixture
async def story(home: Home) -> Story:
    """Emil is of the dba, by a Slack user group alone."""
    await home.own.execute("UPDATE groups SET slack = 'S0DBA' WHERE grp = 'dba'")
    story = Story(home)
    await reads(story)
    return story


async def reads(story: Story, *people: str) -> None:
    """The group is read from Slack now; these people are in it, Emil where none is named."""
    await story.home.pool.execute(
        "INSERT INTO slack_members SELECT 'dba', p, clock(), clock() FROM unnest($1::text[]) AS p "
        "ON CONFLICT (grp, person) DO UPDATE SET seen = clock()",
        list(people or ("emil",)),
    )


@pytest.mark.parametrize("rota", [False, True])
async def test_who_is_of_a_slack_group_counts_once_slack_was_read_of_it_within_a_minute(
    story: Story, rota: bool
) -> None:
    await story.home.own.execute("UPDATE groups SET rota = $1 WHERE grp = 'dba'", rota)
    run = await story.proposed("ana", "test destroy")
    await story.home.move_clock(MINUTE)
    await story.saw("emil")
    answer = await story.approve("emil", run)
    assert (answer["code"], answer["queued"], answer["stale"], answer["late"]) == ("recorded", False, True, ["dba"])
    await story.home.ledger.sweep()
    assert await story.slots(run) == []
    await reads(story)
    await story.home.ledger.sweep()
    assert await story.slots(run) == ["emil"]


async def test_who_left_the_slack_group_meanwhile_counts_no_more(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    await story.home.move_clock(MINUTE)
    await story.saw("emil")
    await story.approve("emil", run)
    await story.home.pool.execute("DELETE FROM slack_members")
    answer = await story.home.doors.count_up(run)
    assert (answer["queued"], answer["stale"], answer["need"]) == (False, False, 1)


async def test_an_old_word_of_a_group_holds_up_nobody_who_needs_none_of_it(story: Story) -> None:
    run, two = await story.proposed("ana", "test destroy"), await story.proposed("ana", "test destroy-two")
    await story.home.move_clock(MINUTE)
    await story.saw("ben")
    answer = await story.approve("ben", two)
    assert (answer["queued"], answer["stale"], "late" in answer) == (False, False, False)
    assert (await story.approve("ben", run))["queued"] is True


async def test_a_stand_in_counts_on_a_fresh_word_of_the_others_group(story: Story) -> None:
    await story.home.own.execute("DELETE FROM members WHERE grp = 'dba'")
    await story.home.own.execute("ALTER TABLE delegations DISABLE TRIGGER wall")
    run = await story.proposed("ana", "test destroy")
    await story.home.own.execute(
        "INSERT INTO delegations SELECT $1, 'emil', 'dora', clock(), clock() + interval '1 d', clock()", run
    )
    await story.home.move_clock(MINUTE)
    await story.saw("dora")
    assert (await story.approve("dora", run))["late"] == ["dba"]
    await reads(story)
    await story.home.ledger.sweep()
    assert await story.slots(run) == ["dora"]


async def test_an_answer_to_a_doubt_counts_on_a_fresh_word_of_the_group_too(story: Story) -> None:
    await story.home.own.execute("DELETE FROM members WHERE grp = 'dba' AND person = 'ben'")
    run = await story.proposed("ana", "test destroy")
    assert (await story.approve("cleo", run))["queued"] is True
    claimed = await story.claim(run)
    await story.home.ledger.begin(claimed)
    await story.home.ledger.doubted(claimed, {"doubt": "changed", "choices": ["again", "stop"]})
    await story.home.move_clock(MINUTE)
    await story.saw("emil")
    word = story.word("emil", run) | {"choice": "again", "question": (await story.row(run)).question_seq}
    said = await story.home.doors.answer(word)
    assert (said["code"], said["stale"], said["late"]) == ("recorded", True, ["dba"])
    await reads(story)
    assert (await story.home.doors.answer(word))["code"] == "answered"


class InSlack(Company):
    """The dba are a user group of Slack's; so is another, by which nobody decides anything."""

    groups = {"dba": SimpleNamespace(slack="S0DBA"), "other": SimpleNamespace(slack="S0OTHER")}


@dataclass
class Reading:
    """One replica's directory before a Slack of its own; it looks when it is told to."""

    story: Story
    slack: Workspace
    directory: Directory

    async def calls(self, method: str) -> list[str]:
        """Whom or which group this method was called for, in order."""
        entries = await self.slack.log(kind="api", name=method)
        return [str(one["request"].get("user") or one["request"].get("usergroup")) for one in entries]

    async def seen(self) -> dict[str, bool]:
        rows = await self.story.home.pool.fetch(
            "SELECT slack_user, fit FROM directory WHERE seen > clock() - interval '60 s'"
        )
        return {row["slack_user"]: row["fit"] for row in rows}

    async def members(self) -> list[str]:
        sql = "SELECT person FROM slack_members WHERE grp = 'dba' ORDER BY 1"
        return [row["person"] for row in await self.story.home.pool.fetch(sql)]


@asynccontextmanager
async def reading_of(home: Home, **groups: list[str]) -> AsyncIterator[Reading]:
    spec = workspace(socket=False)
    spec.groups += [GroupSpec(handle=name, id=f"S0{name.upper()}", members=people) for name, people in groups.items()]
    server = SlackServer(spec, limits=False)
    await server.start()
    try:
        client = CountedClient(Metrics(), token=server.app().bot_token, base_url=server.api_url, timeout=30)
        listed = InSlack()
        directory = Directory(home.pool, client, Roster(listed), listed)
        yield Reading(Story(home), server.workspace(), directory)
    finally:
        await server.stop()


@pytest.fixture
async def reading(home: Home) -> AsyncIterator[Reading]:
    """Emil is of the dba in Slack; ben and cleo are of it by config, dora and ana of nothing that decides."""
    await home.own.execute("UPDATE groups SET slack = 'S0DBA' WHERE grp = 'dba'")
    async with reading_of(home, dba=["emil"], other=["ana"]) as reading:
        yield reading


async def waits(story: Story, person: str = "ana", command: str = "test destroy") -> int:
    """Asked, planned, shown; nobody was read from Slack for it."""
    run = int((await story.ask(person, command))["run"])
    await story.propose(run)
    await story.show(run)
    return run


async def test_nobody_is_read_while_nothing_waits_and_a_group_once_a_minute(reading: Reading) -> None:
    for _ in range(3):
        await reading.directory.look()
    assert (await reading.calls(USERS), sorted(await reading.calls(GROUPS))) == ([], ["S0DBA", "S0OTHER"])
    assert reading.directory.roster.read == {"dba": {"emil"}, "other": {"ana"}}


async def test_only_who_decides_about_what_waits_or_asked_for_it_is_read_and_not_again_while_that_is_fresh(
    reading: Reading,
) -> None:
    await reading.directory.look()
    run = await waits(reading.story)
    for _ in range(3):
        await reading.directory.look()
    assert sorted(await reading.calls(USERS)) == [account(one) for one in ("ana", "ben", "cleo", "emil")]
    await reading.story.home.move_clock(timedelta(seconds=31))
    await reading.directory.look()
    assert len(await reading.calls(USERS)) == 8
    await reading.story.say("ana", run, "cancel")
    await reading.story.home.move_clock(timedelta(seconds=31))
    await reading.directory.look()
    assert len(await reading.calls(USERS)) == 8


async def test_what_another_replica_read_is_not_read_again(reading: Reading) -> None:
    await waits(reading.story)
    other = Directory(reading.story.home.pool, reading.directory.client, Roster(InSlack()), InSlack())
    for one in (reading.directory, other, reading.directory, other):
        await one.look()
    assert len(await reading.calls(USERS)) == 4
    assert sorted(await reading.calls(GROUPS)) == ["S0DBA", "S0OTHER"]
    assert other.roster.read["dba"] == {"emil"}


async def test_who_has_said_yes_is_read_before_the_many_who_might(reading: Reading) -> None:
    run = await waits(reading.story)
    await reading.story.approve("cleo", run)
    await reading.directory.look()
    assert (await reading.calls(USERS))[0] == account("cleo")
    await reading.story.home.ledger.sweep()
    assert (await reading.story.row(run)).state is State.QUEUED


async def test_a_wait_that_slack_asks_for_is_kept_and_nobody_else_is_tried_meanwhile(reading: Reading) -> None:
    await waits(reading.story)
    await reading.slack.fault(USERS, "ratelimited", times=-1, seconds=30)
    await reading.slack.fault(GROUPS, "ratelimited", times=-1, seconds=30)
    for _ in range(3):
        await reading.directory.look()
    assert (len(await reading.calls(USERS)), len(await reading.calls(GROUPS))) == (1, 1)
    assert await reading.seen() == {}


async def test_a_group_that_cannot_be_read_holds_up_no_other_and_one_that_is_gone_has_nobody(reading: Reading) -> None:
    await reading.directory.look()
    await reading.slack.set_group("other", members=["ben"])
    await reading.slack.fault(GROUPS, "error", code="plan_upgrade_required")
    await reading.directory.refresh([], ["dba", "other"])
    assert reading.directory.roster.read == {"dba": {"emil"}, "other": {"ben"}}
    await reading.slack.fault(GROUPS, "error", code="no_such_subteam")
    await reading.directory.refresh([], ["dba"])
    assert (await reading.members(), reading.directory.roster.read["dba"]) == ([], frozenset())


async def test_a_change_of_somebody_whom_nothing_waits_for_reads_nobody(reading: Reading) -> None:
    await waits(reading.story)
    await reading.directory.look()
    for changed in (account("dora"), "U0STRANGER", "S0UNKNOWN"):
        reading.directory.wake(changed)
        await reading.directory.look()
    assert len(await reading.calls(USERS)) == 4
    await reading.slack.set_person("ben", role="guest")
    reading.directory.wake(account("ben"))
    await reading.directory.look()
    assert (await reading.calls(USERS))[4:] == [account("ben")]
    assert (await reading.seen())[account("ben")] is False
    before = len(await reading.calls(GROUPS))
    reading.directory.wake("S0DBA")
    await reading.directory.look()
    assert (await reading.calls(GROUPS))[before:] == ["S0DBA"]


async def test_many_changes_at_once_are_one_look(reading: Reading) -> None:
    looks, looked = 0, asyncio.Event()

    class Counted(Directory):
        async def look(self) -> None:
            nonlocal looks
            looks += 1
            self.wake(account("ben"))  # another change comes while it reads
            await super().look()
            looked.set()

    one = Counted(reading.story.home.pool, reading.directory.client, reading.directory.roster, InSlack(), every=600)
    running = asyncio.create_task(one.run())
    try:
        async with asyncio.timeout(10):
            await looked.wait()
        for _ in range(100):
            one.wake(account("ben"))
            await asyncio.sleep(0)
        assert looks == 1, "the next one comes after a tenth of the pace at the soonest"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_click_waits_for_nobody_elses_reading_and_is_recorded_whatever_slack_does(
    home: Home, tmp_path: Path
) -> None:
    story = Story(home)
    run, other = await waits(story), await waits(story, command="test destroy-two")
    async with placed(home, tmp_path) as place, reading_of(home, dba=["emil"]) as reading:
        place.service.confirmation.freshener, place.service.confirmation.within = reading.directory, 0.2
        fingerprint = (await reading.story.row(run)).fingerprint or ""
        await reading.slack.fault(USERS, "hang")
        behind = asyncio.create_task(reading.directory.refresh([(TEAM, account("dora"))]))

        async def hangs() -> bool | None:
            return await reading.calls(USERS) == [account("dora")] or None

        await reading.slack.wait_for(hangs, what="call that hangs")
        said = await place.service.approve(who("ben"), run, fingerprint)
        assert (said.code, said.sentence) == ("recorded", "")
        fingerprint = (await reading.story.row(other)).fingerprint or ""
        await home.move_clock(MINUTE)
        await reading.slack.fault(USERS, "hang")
        said = await place.service.approve(who("ben"), other, fingerprint)
        assert said.code == "recorded"
        assert said.sentence.startswith("Recorded. It counts once Slack has confirmed you")
        behind.cancel()
        await asyncio.gather(behind, return_exceptions=True)


async def test_whoever_is_named_is_looked_up_when_they_are_named(reading: Reading) -> None:
    await reading.slack.set_person("dora", role="guest")
    await reading.directory.people(["dora"])
    assert await reading.seen() == {account("dora"): False}
    await reading.directory.people(["dora"])
    assert len(await reading.calls(USERS)) == 1
