"""Whose word ends a request, replaces it or changes it: judged where it is written, under the config in force."""

from typing import Any

import pytest

from bot.model import State
from bot.store.migrate import apply_config
from tests.support.company import applied
from tests.support.plugin import Home
from tests.support.story import Story

LOCKS = ["database/shop"]


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


async def says(story: Story, person: str, run: int, verb: str, **more: Any) -> str:
    return str((await story.say(person, run, verb, **more))["code"])


async def rules(story: Story, sql: str) -> None:
    """What config says from now on, as its owner writes it."""
    await story.home.own.execute(sql)


async def under_way(story: Story) -> int:
    """A run that Ben agreed to, and that has begun."""
    run = await story.proposed("ana", "test destroy")
    await story.approve("ben", run)
    assert await story.home.ledger.begin(await story.claim(run)) == "started"
    return run


@pytest.mark.parametrize("verb", ["cancel", "supersede", "amend"])
async def test_who_neither_asked_nor_may_ask_nor_approve_stops_and_changes_nothing(story: Story, verb: str) -> None:
    run, by = [await story.proposed("ana", "test destroy", locks=LOCKS, words=f"{n}") for n in range(2)]
    before = await story.row(run)
    refused = await says(story, "emil", run, verb, by=by, params={"n": 2}, key="k")
    assert refused == ("not_in_group" if verb == "amend" else "no_approver")
    assert await story.row(run) == before
    assert "emil" not in await story.home.ledger.askers(run)
    assert await says(story, "ana", run, verb, by=by, params={"n": 2}, key="k") == "done", "a refusal keeps no key"


async def test_what_runs_is_wished_cancelled_by_nobody_else_either(story: Story) -> None:
    run = await under_way(story)
    assert await says(story, "emil", run, "cancel") == "no_approver"
    assert (await story.row(run)).wish is None
    assert await says(story, "dora", run, "cancel") == "done"
    assert (await story.row(run)).wish == "cancel"


@pytest.mark.parametrize(
    ("person", "right", "code"),
    [
        ("ana", "UPDATE policy SET ask = '{}'", "done"),  # who asked, though nobody may ask any more
        ("dora", "SELECT 1", "done"),  # whoever could ask
        ("dora", "UPDATE policy SET ask = '{}'", "no_approver"),
        ("dora", "UPDATE policy SET ask = '{}' WHERE risk = 2", "no_approver"),  # of a change, not of what destroys
        ("cleo", "UPDATE policy SET ask = '{}'", "done"),  # whoever could approve
        ("emil", "INSERT INTO members VALUES ('dba', 'emil', clock())", "done"),  # also who came after the ask
        ("emil", "INSERT INTO members VALUES ('engineers', 'emil', clock())", "done"),
    ],
)
async def test_a_request_is_cancelled_by_whoever_asked_or_could_ask_or_approve(
    story: Story, person: str, right: str, code: str
) -> None:
    run = await story.proposed("ana", "test write", risk=2)
    await rules(story, right)
    assert await says(story, person, run, "cancel") == code
    assert (await story.row(run)).state is (State.CANCELLED if code == "done" else State.AWAITING)


async def test_who_stands_in_for_an_approver_may_cancel_too(story: Story) -> None:
    run = await story.proposed("ana", "test destroy")
    assert await says(story, "emil", run, "cancel") == "no_approver"
    await rules(
        story,
        "ALTER TABLE delegations DISABLE TRIGGER wall; INSERT INTO delegations "
        "SELECT min(id), 'cleo', 'emil', clock(), clock() + interval '1 h', clock() FROM runs",
    )
    assert await says(story, "emil", run, "cancel") == "done"


async def test_a_request_is_changed_by_who_may_ask_for_it_in_its_new_environment(story: Story) -> None:
    await rules(
        story,
        "INSERT INTO policy SELECT config, command, 'live', risk, slots, expires, warns, beyond, remind, '{lead}' "
        "FROM policy WHERE command = 'test destroy'",
    )
    run = await story.proposed("ana", "test destroy")
    assert await says(story, "dora", run, "amend", params={}, environment="live") == "not_in_group"
    assert await says(story, "cleo", run, "amend", params={}, environment="live") == "done"


async def test_a_config_that_was_applied_before_the_bot_knew_who_may_ask_knows_it_after_the_next_migrate(
    story: Story,
) -> None:
    await rules(story, "UPDATE policy SET ask = '{}'")  # as the column comes into being
    run = await story.proposed("ana", "test destroy")
    assert await says(story, "dora", run, "cancel") == "no_approver"
    async with story.home.own.acquire() as conn, conn.transaction():
        await apply_config(conn, applied())
    assert await says(story, "dora", run, "cancel") == "done"
