"""The engine under strain: a claim that hangs while the lease goes, a note that fails, people who take long."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import asyncpg
import pytest

from bot.catalogue import Catalogue
from bot.engine.attempts import Trying
from bot.house import House
from bot.model import State, Way
from tests.scenario.story import until
from tests.support.factory import Factory, working
from tests.support.notebook import Notebook, Write
from tests.support.plugin import Home
from tests.support.story import Story

HOUR = timedelta(hours=1)
HANGS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM claim(%'"


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def under_way(factory: Factory, script: str) -> int:
    """A run of that script whose step b was begun."""
    run = await factory.ask(script)

    async def begun() -> bool:
        await factory.show_all()
        return bool(await factory.home.pool.fetchval("SELECT count(*) FROM events WHERE run = $1 AND step = 'b'", run))

    await until(begun, "b that was begun")
    return run


async def test_effects_end_with_their_lease_however_long_a_claim_hangs(home: Home, factory: Factory) -> None:
    factory.folder.put("order.b", "hang")
    run = await under_way(factory, "plain")
    (job,) = factory.worker._jobs
    async with home.own.acquire() as holder, holder.transaction():
        await holder.execute("LOCK TABLE runs IN EXCLUSIVE MODE")
        factory.worker.wake()
        await until(lambda: home.pool.fetchval(HANGS), "claim that hangs")
        await home.own.execute("UPDATE workers SET lease_until = clock_timestamp() - interval '1 s'")
        async with asyncio.timeout(5):
            await asyncio.wait({job})
        assert await home.pool.fetchval(HANGS), "the claim hangs still"
    factory.folder.take("order.b")
    assert (await factory.end(run)).state is State.SUCCEEDED


@pytest.mark.parametrize("first", ["hang", "explode"])
async def test_what_could_not_be_barred_is_tried_again_soon_and_not_at_the_attempts_deadline(
    home: Home, factory: Factory, first: str
) -> None:
    factory.folder.put("order.b", first)
    factory.folder.put("order.bar", "explode")
    run = await under_way(factory, "plain")
    if first == "hang":  # the attempt is left as it was begun: its worker has lost the lease
        await home.own.execute("UPDATE workers SET lease_until = clock_timestamp() - interval '1 s'")
    let_go = "SELECT due > clock() AND worker IS NULL FROM runs WHERE id = $1"
    await until(lambda: home.pool.fetchval(let_go, run), "claim given back")
    for order in ("order.b", "order.bar"):
        factory.folder.take(order)
    due = await home.pool.fetchval("SELECT due - clock() FROM runs WHERE id = $1", run)
    assert due <= timedelta(seconds=3)
    await home.move_clock(due)
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_what_is_begun_after_somebody_took_long_is_not_too_late(home: Home, factory: Factory) -> None:
    run = await factory.ask("task")
    await factory.state(run, State.WAITING)
    await home.move_clock(timedelta(minutes=40))
    word = factory.story.word("ben", run) | {"step": "ask"}
    assert (await home.doors.tick(word))["code"] == "done"
    factory.worker.wake()
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_called_run_is_asked_for_once_however_long_it_takes(home: Home, factory: Factory) -> None:
    run = await factory.ask("call-about")
    await factory.state(run, State.WAITING)
    (child,) = await factory.ledger.children(run, "call")
    await factory.state(child.id, State.AWAITING)
    longer = "UPDATE runs SET expires_at = expires_at + interval '30 h', warn_at = NULL WHERE id = $1"
    await home.own.execute(longer, child.id)
    await home.move_clock(26 * HOUR)
    await home.ledger.sweep()
    assert await home.pool.fetchval("SELECT count(*) FROM dedupe") == 0
    await home.own.execute("UPDATE runs SET due = clock() WHERE id = $1", run)
    factory.worker.wake()
    await until(lambda: home.pool.fetchval("SELECT due IS NULL FROM runs WHERE id = $1", run), "parent that waits")
    assert [one.id for one in await factory.ledger.children(run, "call")] == [child.id]
    assert (await factory.story.say("cleo", child.id, "deny", text="no"))["code"] == "done"
    factory.worker.wake()
    assert (await factory.end(run)).state in (State.UNDONE, State.FAILED)


async def test_a_note_that_fails_does_not_end_the_look_after_an_effect(home: Home, factory: Factory) -> None:
    """A statement of its own fails once; the wish to cancel is seen all the same."""
    factory.folder.put("order.b", "hang")
    run = await under_way(factory, "patient")
    root = await asyncpg.connect(home.superuser, server_settings={"search_path": "tandem"})
    try:
        await root.execute(
            "CREATE SEQUENCE failed; GRANT ALL ON SEQUENCE failed TO PUBLIC; "
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM nextval('tandem.failed'); RAISE EXCEPTION 'broken'; END $$; "
            "CREATE TRIGGER broken BEFORE UPDATE OF progress ON runs FOR EACH ROW EXECUTE FUNCTION broken()"
        )
        await until(lambda: root.fetchval("SELECT is_called FROM failed"), "note that fails")
        await root.execute("DROP TRIGGER broken ON runs")
    finally:
        await root.close()
    assert (await factory.story.say("ana", run, "cancel"))["code"] == "done"
    assert (await factory.end(run)).state is State.UNDONE


@pytest.mark.parametrize("trouble", ["explode", "hang", "cancelled"])
async def test_an_attempt_that_comes_to_no_end_of_its_own_is_asked_about_and_never_counts_as_failed(
    factory: Factory, trouble: str
) -> None:
    """An error that nobody declared, a time that ran out, a cancellation: each may come after what it was to do."""
    factory.folder.put("order.b.after", trouble)
    run = await factory.ask("brief-mail")
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], row.question["step"], row.question["attempt"]) == ("effect", "b", 1)
    assert [e.mark for e in await factory.ledger.events(run) if e.step == "b" and e.mark] == ["started", "unknown"]
    assert factory.folder.lines()[-1] == "mail b", "nothing was undone, nothing repeated"


async def test_an_attempts_time_is_measured_and_not_read_from_a_clock() -> None:
    trying = Trying("r1", "a", Way.DO, 1, HOUR)
    trying.deadline -= 2 * HOUR  # as a clock that is two hours ahead would have it
    assert 3590 < trying.left <= 3600
    assert Trying("r1", "a", Way.DO, 1, timedelta(0)).left == 0


async def test_a_run_on_which_the_engine_itself_breaks_off_again_and_again_asks_at_the_third_claim(
    home: Home, factory: Factory
) -> None:
    """Each claim that came to nothing is counted, though nobody died of it."""
    root = await asyncpg.connect(home.superuser)
    await root.execute("ALTER FUNCTION tandem.started RENAME TO started_of_another_version")
    run = await factory.ask("plain")
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert row.question["doubt"] == "poison"
    await root.execute("ALTER FUNCTION tandem.started_of_another_version RENAME TO started")
    await root.close()
    assert await factory.answer("ana", run, "again") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_handler_that_breaks_is_told_as_that_and_not_as_dead_workers(factory: Factory) -> None:
    """Whatever it is that raises: here, what a read answers, and a command that is there no more."""
    house = cast(House, factory.worker.runner.handlers)
    entry = house.entry("test write")
    broken = type("Broken", (type(entry.operation),), {"raises": lambda self, params, facts: 1 / 0})
    object.__setattr__(house, "catalogue", Catalogue([replace(entry, operation=broken())]))
    row = await factory.end(await factory.ask("plain"))
    assert row.state is State.FAILED
    assert "ZeroDivisionError" in str((await factory.ledger.events(row.id))[-1].body["why"])
    object.__setattr__(house, "catalogue", Catalogue([]))
    gone = await factory.end(await factory.ask("plain", key="gone"))
    assert gone.state is State.FAILED
    said = str((await factory.ledger.events(gone.id))[-1].body["why"])
    assert "the operation itself broke off" in said
    assert "worker" not in said


async def test_a_run_whose_operation_is_gone_at_its_end_has_succeeded_all_the_same(factory: Factory) -> None:
    run = await factory.ask("task")
    await factory.state(run, State.WAITING)
    object.__setattr__(factory.worker.runner.handlers, "catalogue", Catalogue([]))
    assert (await factory.home.doors.tick(factory.story.word("ben", run) | {"step": "ask"}))["code"] == "done"
    factory.worker.wake()
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_what_was_asked_under_a_newer_config_is_planned_by_its_own_worker(home: Home) -> None:
    run = int((await Story(home).ask("ana", "test write"))["run"])
    old, new = uuid4(), uuid4()
    await home.ledger.enlist(old, HOUR, "c0", ())
    await home.ledger.enlist(new, HOUR, "c1", ())
    assert await home.ledger.claim(old, 5) == []
    assert [row.id for row in await home.ledger.claim(new, 5)] == [run]
    other = int((await Story(home).ask("ana", "test write", key="other", words="other"))["run"])
    await home.ledger.retire(new)
    assert other in [row.id for row in await home.ledger.claim(old, 5)], "nobody else is there"


async def watched(factory: Factory, run: int, **counts: int) -> None:
    """Until the watch has counted so many looks."""
    await factory.until(run, lambda row: counts.items() <= row.progress.get("watch", {}).items())


async def test_a_look_that_could_not_look_forgives_no_bad_one(factory: Factory) -> None:
    factory.folder.put("x", "fine")
    run = await factory.ask("watch")
    await factory.state(run, State.WAITING)
    for file, bad, blind in (("bad.x", 1, 0), ("blind.x", 1, 1)):
        factory.folder.put(file, "yes")
        await factory.home.move_clock(timedelta(seconds=16))
        await watched(factory, run, bad=bad, blind=blind)
        factory.folder.take(file)
    factory.folder.put("bad.x", "yes")
    await factory.home.move_clock(timedelta(seconds=16))
    assert (await factory.end(run)).state is State.UNDONE


async def test_a_watch_that_was_blind_for_half_its_time_asks(factory: Factory) -> None:
    factory.folder.put("x", "fine")
    run = await factory.ask("watch")
    await factory.state(run, State.WAITING)
    factory.folder.put("blind.x", "fog")
    for looks in range(1, 5):
        await factory.home.move_clock(timedelta(seconds=16))
        await watched(factory, run, blind=looks)
    await factory.home.move_clock(timedelta(seconds=16))
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert row.question["doubt"] == "blind"


async def test_an_attempt_takes_as_long_as_the_settings_of_its_target_allow(
    home: Home, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Notebook, "within", lambda notebook, effect: effect.timeout + 8 * HOUR)
    await factory.end(await factory.ask("plain"))
    query = "SELECT deadline - at FROM events WHERE kind = 'step_started' AND step = 'b'"
    assert abs(await home.pool.fetchval(query) - 8 * HOUR - Write.timeout) < timedelta(minutes=1)
