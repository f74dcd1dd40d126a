"""Locks as runs hold them: of one thing under two keys, of a child, and of a key that leads elsewhere after a while."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import State
from tests.support.factory import Factory, working
from tests.support.plugin import Home

MOVED = "what its target's name leads to is another one now"


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        for key, page in (("front", "p1"), ("cover", "p1"), ("back", "p2")):
            factory.folder.put(f"page-{key}", page)
        yield factory


async def asked(factory: Factory, page: str, calls: bool = False) -> int:
    run = int((await factory.story.ask("ana", "test page", params={"page": page, "calls": calls}))["run"])
    factory.worker.wake()
    await factory.until(run, lambda row: row.state is not State.PLANNING)
    return run


async def approved(factory: Factory, run: int) -> None:
    await factory.state(run, State.AWAITING)
    await factory.story.saw("ben")
    said = await factory.story.approve("ben", run)
    assert said.get("queued") is True, said
    factory.worker.wake()


async def children(factory: Factory, run: int) -> list[int]:
    return [row["id"] for row in await factory.home.pool.fetch("SELECT id FROM runs WHERE parent = $1", run)]


async def test_a_child_works_under_its_parents_lock_which_keeps_out_who_comes_by_another_key(factory: Factory) -> None:
    parent = await asked(factory, "front", calls=True)
    await approved(factory, parent)
    await factory.until(parent, lambda row: row.state is State.WAITING)
    [child] = await children(factory, parent)
    assert await factory.home.pool.fetch("SELECT name, root FROM locks") == [("page/p1", parent)]

    other = await asked(factory, "cover")
    assert (await factory.story.row(other)).state is State.REFUSED
    assert (await asked_of(factory, other)) == f"r{parent}"
    await factory.state(await asked(factory, "back"), State.AWAITING)

    await approved(factory, child)
    assert (await factory.end(child)).state is State.SUCCEEDED
    assert (await factory.end(parent)).state is State.SUCCEEDED
    assert await factory.home.pool.fetchval("SELECT count(*) FROM locks") == 0


async def asked_of(factory: Factory, run: int) -> str:
    """Who holds what that refused run would have held."""
    told = await factory.ledger.events(run)
    return str(next(event.body["by"] for event in told if event.kind == "refused"))


async def test_a_key_that_leads_elsewhere_after_the_approval_is_asked_again(factory: Factory) -> None:
    run = await asked(factory, "front")
    await factory.state(run, State.AWAITING)
    factory.folder.put("page-front", "p2")
    await factory.home.move_clock(timedelta(seconds=1))
    await approved(factory, run)
    await factory.until(run, lambda row: row.state is State.AWAITING and row.locks == ("page/p2",))
    assert "write a" not in factory.folder.lines()
    [changes] = [e.body["changes"] for e in await factory.ledger.events(run) if e.kind == "differed"]
    assert changes == [MOVED]
    await approved(factory, run)
    assert (await factory.end(run)).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("anew", "said"),
    [
        ({"page": "back"}, ["page: front → back"]),
        ({"page": "front"}, ['reason: "a test" → another', MOVED]),
        ({"page": "front", "calls": True}, ["calls: no → yes", "changed: turn: Write name=a text=a → /test page"]),
    ],
)
async def test_an_amendment_tells_what_it_changed_and_a_key_that_leads_elsewhere(
    factory: Factory, anew: dict[str, object], said: list[str]
) -> None:
    run = await asked(factory, "front")
    await factory.state(run, State.AWAITING)
    before = await factory.story.row(run)
    if MOVED in said:
        factory.folder.put("page-front", "p2")
    reason = "another" if MOVED in said else before.reason
    await factory.story.say("ana", run, "amend", params={"calls": False, **anew}, reason=reason)
    factory.worker.wake()
    await factory.until(run, lambda row: row.state is State.AWAITING and row.fingerprint != before.fingerprint)
    told = [e.body for e in await factory.ledger.events(run) if e.kind == "proposed"]
    assert "changes" not in told[0]
    assert told[1]["before"] == before.fingerprint
    for expected, line in zip(said, told[1]["changes"], strict=True):
        assert line.startswith(expected)


async def test_an_amended_plan_of_an_earlier_version_is_still_made_anew_and_says_that_it_cannot_be_compared(
    factory: Factory,
) -> None:
    run = await asked(factory, "front")
    await factory.state(run, State.AWAITING)
    before = (await factory.story.row(run)).fingerprint
    object.__setattr__(factory.worker.runner.handlers, "deeds", {})  # as of a deploy that has newer versions alone
    await factory.story.say("ana", run, "amend", params={"page": "back", "calls": False})
    factory.worker.wake()
    await factory.until(run, lambda row: row.state is State.AWAITING and row.fingerprint != before)
    told = await factory.ledger.events(run)
    [changes] = [e.body["changes"] for e in told if e.kind == "proposed" and "changes" in e.body]
    assert changes[0] == "page: front → back"
    assert "of an earlier version of the bot" in changes[1]
