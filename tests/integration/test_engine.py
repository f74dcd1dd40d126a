"""The engine on a real database and a real folder: forth, back, closings, doubts, waits, children."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import State
from tests.scenario.story import until
from tests.support.factory import SEAL, Factory, working
from tests.support.plugin import Home


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def test_a_read_answers_and_ends(factory: Factory) -> None:
    factory.folder.put("a", "hello")
    run = int((await factory.story.ask("ana", "test look", params={}))["run"])
    factory.worker.wake()
    row = await factory.end(run)
    assert row.state is State.SUCCEEDED
    answer = (await factory.view(run)).answer
    assert answer is not None
    assert answer.headline == "a says 'hello'"


async def test_the_steps_run_in_order_and_the_run_succeeds(factory: Factory) -> None:
    row = await factory.end(await factory.ask("plain"))
    assert row.state is State.SUCCEEDED
    writes = [line for line in factory.folder.lines() if line.startswith("write")]
    assert writes == ["write a", "write b", "write c"]


async def test_a_refusal_and_a_broken_plan_are_told_and_nothing_runs(factory: Factory) -> None:
    refused = await factory.end(await factory.ask("refused"))
    broken = await factory.end(await factory.ask("broken", words="b"))
    nothing = await factory.end(await factory.ask("nothing", words="n"))
    assert (refused.state, broken.state, nothing.state) == (State.REFUSED, State.FAILED, State.SUCCEEDED)
    assert factory.folder.lines() == []


async def test_a_failed_step_undoes_those_before_it_in_reverse(factory: Factory) -> None:
    factory.folder.put("order.c", "permanent")
    row = await factory.end(await factory.ask("plain"))
    assert row.state is State.UNDONE
    assert [line for line in factory.folder.lines() if line.startswith("erase")] == ["erase b", "erase a"]
    assert await factory.steps(row.id) == {"a": "undone", "b": "undone", "c": "failed"}


async def test_a_first_step_that_fails_leaves_nothing_to_undo(factory: Factory) -> None:
    factory.folder.put("order.a", "permanent")
    row = await factory.end(await factory.ask("plain"))
    assert row.state is State.FAILED
    assert "erase a" not in factory.folder.lines()


async def test_temporary_is_tried_again_and_no_more_than_four_times(factory: Factory) -> None:
    factory.folder.put("order.a", "once-temporary")
    assert (await factory.end(await factory.ask("plain"))).state is State.SUCCEEDED
    factory.folder.put("order.b", "temporary")
    row = await factory.end(await factory.ask("plain", words="second"))
    assert row.state is State.UNDONE
    assert factory.folder.lines().count("begin b") == 1 + 4


async def test_the_way_back_stops_at_the_barrier_and_steps_after_it_are_still_undone(factory: Factory) -> None:
    factory.folder.put("order.d", "permanent")
    row = await factory.end(await factory.ask("barrier"))
    assert row.state is State.FAILED
    assert await factory.steps(row.id) == {"a": "done", "b": "done", "c": "undone", "d": "failed"}


async def test_a_failure_right_after_a_barrier_asks(factory: Factory) -> None:
    factory.folder.put("order.c", "permanent")
    run = await factory.ask("barrier")
    await factory.state(run, State.IN_DOUBT)
    factory.folder.take("order.c")
    assert await factory.answer("ana", run, "again") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_closing_runs_on_the_way_back_though_it_had_run(factory: Factory) -> None:
    factory.folder.put("order.b", "permanent")
    row = await factory.end(await factory.ask("closing"))
    assert row.state is State.UNDONE
    assert factory.folder.lines()[-3:] == ["erase a", "erase open", "erase z"]


async def test_an_exception_nobody_declared_is_unknown_and_its_text_stays_inside(factory: Factory) -> None:
    factory.folder.put("order.m", "explode")
    run = await factory.ask("mail")
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert row.question["doubt"] == "effect"
    everything = str(await factory.home.pool.fetch("SELECT * FROM events")) + str(row)
    assert "canary" not in everything


async def test_it_happened_goes_on_without_repeating(factory: Factory) -> None:
    factory.folder.put("order.m.after", "explode")
    run = await factory.ask("mail")
    await factory.state(run, State.IN_DOUBT)
    assert await factory.answer("ana", run, "happened") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED
    assert factory.folder.lines().count("mail m") == 1


async def test_do_it_again_repeats_once(factory: Factory) -> None:
    factory.folder.put("order.m.after", "explode")
    run = await factory.ask("mail")
    await factory.state(run, State.IN_DOUBT)
    factory.folder.take("order.m.after")
    assert await factory.answer("ana", run, "again") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED
    assert factory.folder.lines().count("mail m") == 2


async def test_stop_runs_nothing_more_and_undoes_nothing(factory: Factory) -> None:
    factory.folder.put("order.m", "explode")
    run = await factory.ask("mail")
    await factory.state(run, State.IN_DOUBT)
    assert await factory.answer("ana", run, "stop") == "answered"
    assert (await factory.end(run)).state is State.FAILED
    assert "erase a" not in factory.folder.lines()


async def test_every_minute_has_its_checkpoint_without_anybody_asking_for_it(factory: Factory) -> None:
    row = await factory.end(await factory.ask("plain"))
    async with asyncio.timeout(15):
        while not await factory.home.pool.fetchval("SELECT count(*) FROM checkpoints"):
            await factory.until(row.id, lambda row: True)


async def test_a_probe_decides_both_ways(factory: Factory) -> None:
    factory.folder.put("order.n.after", "explode")
    assert (await factory.end(await factory.ask("probe"))).state is State.SUCCEEDED
    assert len([line for line in factory.folder.lines() if line.startswith("number")]) == 1


async def test_a_probe_that_cannot_tell_asks(factory: Factory) -> None:
    factory.folder.put("order.n.after", "explode")
    factory.folder.put("order.blind.n", "yes")
    run = await factory.ask("probe")
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert row.question["sentence"] == "the log cannot be read"


async def test_a_group_goes_at_once_and_a_failure_in_it_undoes_the_others(factory: Factory) -> None:
    factory.folder.put("order.b", "permanent")
    row = await factory.end(await factory.ask("group"))
    assert row.state is State.UNDONE
    assert "erase a" in factory.folder.lines()


async def test_a_wait_holds_no_worker_and_its_closing_puts_back(factory: Factory) -> None:
    run = await factory.ask("wait")
    row = await factory.state(run, State.WAITING)
    assert row.worker is None
    assert factory.folder.has("set")
    await factory.home.move_clock(timedelta(hours=1, seconds=1))
    assert (await factory.end(run)).state is State.SUCCEEDED
    assert not factory.folder.has("set")


async def test_cancelling_a_waiting_run_walks_its_way_back(factory: Factory) -> None:
    run = await factory.ask("wait")
    await factory.state(run, State.WAITING)
    assert (await factory.story.say("ana", run, "cancel"))["code"] == "done"
    row = await factory.end(run)
    assert row.state is State.UNDONE
    assert not factory.folder.has("set")


async def test_until_polls_and_fails_when_its_time_is_over(factory: Factory) -> None:
    good = await factory.ask("until")
    await factory.state(good, State.WAITING)
    factory.folder.put("x", "here")
    await factory.home.move_clock(timedelta(seconds=6))
    assert (await factory.end(good)).state is State.SUCCEEDED
    factory.folder.take("x")
    late = await factory.ask("until", words="late")
    await factory.state(late, State.WAITING)
    await factory.home.move_clock(timedelta(minutes=5, seconds=1))
    assert (await factory.end(late)).state is State.UNDONE


async def test_a_blind_check_never_rolls_back_it_asks(factory: Factory) -> None:
    factory.folder.put("blind.x", "fog")
    run = await factory.ask("until")
    await factory.state(run, State.WAITING)
    await factory.home.move_clock(timedelta(minutes=5, seconds=1))
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert row.question["doubt"] == "blind"


async def test_a_watch_fails_after_two_bad_looks_in_a_row(factory: Factory) -> None:
    factory.folder.put("x", "fine")
    run = await factory.ask("watch")
    await factory.state(run, State.WAITING)
    factory.folder.put("bad.x", "yes")
    await factory.home.move_clock(timedelta(seconds=16))
    await factory.until(run, lambda row: row.progress.get("watch", {}).get("bad") == 1)
    await factory.home.move_clock(timedelta(seconds=16))
    assert (await factory.end(run)).state is State.UNDONE


async def test_a_task_is_ticked_by_somebody_else_than_the_asker(factory: Factory) -> None:
    run = await factory.ask("task")
    await factory.state(run, State.WAITING)
    word = {"step": "ask", "who": "another"}
    assert (await factory.home.doors.tick(factory.story.word("ana", run) | word))["code"] == "not_yours"
    assert (await factory.home.doors.tick(factory.story.word("ben", run) | word))["code"] == "done"
    factory.worker.wake()
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_called_run_needs_its_own_approval_and_inherits_the_askers(factory: Factory) -> None:
    """Ana starts something harmless; what it calls destroys; Ana's yes to it is refused."""
    run = await factory.ask("call")
    await factory.state(run, State.WAITING)
    child = await factory.home.pool.fetchval("SELECT id FROM runs WHERE parent = $1", run)
    await factory.state(child, State.AWAITING)
    await factory.story.saw("ben")
    assert (await factory.story.approve("ana", child))["code"] == "asker"
    assert (await factory.story.approve("ben", child))["queued"] is True
    factory.worker.wake()
    assert (await factory.end(child)).state is State.SUCCEEDED
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_cancelling_the_parent_cancels_the_child_that_waits(factory: Factory) -> None:
    run = await factory.ask("call")
    await factory.state(run, State.WAITING)
    child = await factory.home.pool.fetchval("SELECT id FROM runs WHERE parent = $1", run)
    await factory.state(child, State.AWAITING)
    await factory.story.say("ana", run, "cancel")
    factory.worker.wake()
    assert (await factory.end(child)).state is State.CANCELLED
    assert (await factory.end(run)).state is State.UNDONE


async def test_go_on_passes_a_failure_over_and_ask_asks(factory: Factory) -> None:
    factory.folder.put("order.b", "permanent")
    row = await factory.end(await factory.ask("go-on"))
    assert row.state is State.SUCCEEDED
    assert (await factory.steps(row.id))["b"] == "failed"
    run = await factory.ask("ask", words="ask")
    await factory.state(run, State.IN_DOUBT)
    assert await factory.answer("ana", run, "skip") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_sweep_goes_through_all_items_batch_by_batch(factory: Factory) -> None:
    row = await factory.end(await factory.ask("sweep"))
    assert row.state is State.SUCCEEDED
    assert [line for line in factory.folder.lines() if line.startswith("item")] == [f"item {n}" for n in range(8)]


async def test_a_secret_passes_between_steps_sealed_and_is_wiped_at_the_end(factory: Factory) -> None:
    row = await factory.end(await factory.ask("secret"))
    assert row.state is State.SUCCEEDED
    assert "use 13" in factory.folder.lines()
    assert await factory.ledger.boxes(row.id) == {}
    everything = str(await factory.home.pool.fetch("SELECT * FROM events")) + str(row)
    assert "minted-canary" not in everything


async def test_what_destroys_waits_for_its_approval_and_a_worse_world_asks_again(factory: Factory) -> None:
    run = await factory.ask("big-plain")
    await factory.state(run, State.AWAITING)
    for n in range(5):
        factory.folder.put(f"more{n}", "")
    await factory.home.move_clock(timedelta(minutes=2))
    for person in ("ben", "cleo"):
        await factory.story.saw(person)
    before = (await factory.story.row(run)).fingerprint
    assert (await factory.story.approve("ben", run))["queued"] is True
    factory.worker.wake()
    row = await factory.until(run, lambda r: r.state is State.AWAITING and r.fingerprint != before)
    assert "write a" not in factory.folder.lines()
    await factory.story.show(run)
    assert (await factory.story.approve("ben", run))["queued"] is True
    factory.worker.wake()
    assert (await factory.end(row.id)).state is State.SUCCEEDED


async def test_a_world_that_lost_less_than_the_bound_lets_the_approved_plan_run(factory: Factory) -> None:
    run = await factory.ask("big-plain")
    await factory.state(run, State.AWAITING)
    factory.folder.put("one-more", "")
    await factory.home.move_clock(timedelta(minutes=2))
    await factory.story.saw("ben")
    approved = (await factory.story.row(run)).fingerprint
    await factory.story.approve("ben", run)
    factory.worker.wake()
    row = await factory.end(run)
    assert (row.state, row.fingerprint) == (State.SUCCEEDED, approved)


async def test_nothing_starts_before_its_plan_was_shown(factory: Factory) -> None:
    asked = await factory.story.ask("ana", "test write", params={"script": "plain"}, risk=1)
    factory.worker.wake()
    run = int(asked["run"])
    while (await factory.story.row(run)).state is not State.QUEUED:
        await factory.ledger.sweep()
    assert factory.folder.lines() == []
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_a_secret_is_shown_once_to_whom_it_is_for_and_exists_nowhere_afterwards(factory: Factory) -> None:
    run = await factory.ask("reveal")
    await factory.state(run, State.WAITING)
    word = {"step": "take"}
    assert (await factory.home.doors.tick(factory.story.word("ben", run) | word))["code"] == "not_yours"
    shown = await factory.home.doors.tick(factory.story.word("ana", run) | word)
    assert SEAL.unbox(f"{run}/{shown['of']}", b64decode(shown["box"])).reveal() == "minted-canary"
    assert await factory.ledger.boxes(run) == {}
    again = await factory.home.doors.tick(factory.story.word("ana", run) | word)
    assert (again["code"], "box" in again) == ("gone", False)
    assert (await factory.steps(run))["take"] == "waiting"
    assert (await factory.home.doors.tick(factory.story.word("ana", run) | word | {"shown": True}))["code"] == "done"
    factory.worker.wake()
    assert (await factory.end(run)).state is State.SUCCEEDED


async def test_nobody_says_that_a_secret_was_shown_who_did_not_take_it(factory: Factory) -> None:
    run = await factory.ask("reveal")
    await factory.state(run, State.WAITING)
    for person, code in (("ana", "gone"), ("ben", "not_yours")):
        word = factory.story.word(person, run) | {"step": "take", "shown": True}
        assert (await factory.home.doors.tick(word))["code"] == code
    assert list(await factory.ledger.boxes(run)) == ["mint"]


async def test_a_secret_whose_door_died_before_it_was_shown_is_replaced(factory: Factory) -> None:
    run = await factory.ask("reveal")
    await factory.state(run, State.WAITING)
    assert "box" in await factory.home.doors.tick(factory.story.word("ana", run) | {"step": "take"})
    await factory.home.move_clock(timedelta(minutes=10, seconds=1))
    assert (await factory.end(run)).state is State.UNDONE


async def test_after_ten_minutes_the_database_gives_no_secret_out_whatever_the_worker_does(factory: Factory) -> None:
    run = await factory.ask("reveal")
    await factory.state(run, State.WAITING)
    word = factory.story.word("ana", run) | {"step": "take"}
    for late, given in ((599, True), (601, False)):
        async with factory.home.own.acquire() as conn:
            moving = conn.transaction()
            await moving.start()  # seen by nobody else
            await conn.execute("UPDATE clock_shift SET by = by + $1", timedelta(seconds=late))
            assert ("box" in await conn.fetchval("SELECT tick($1)", word)) is given
            await moving.rollback()


async def test_a_secret_that_nobody_took_in_time_fails_its_step_and_is_wiped(factory: Factory) -> None:
    run = await factory.ask("reveal")
    await factory.state(run, State.WAITING)
    await factory.home.move_clock(timedelta(minutes=11))  # the step itself would wait for fifteen
    assert (await factory.end(run)).state is State.UNDONE
    assert await factory.ledger.boxes(run) == {}


async def test_a_doubt_that_nobody_answers_is_brought_up_again(factory: Factory) -> None:
    factory.folder.put("order.m", "explode")
    run = await factory.ask("mail")
    await factory.state(run, State.IN_DOUBT)
    await factory.home.move_clock(timedelta(minutes=16))
    told = "SELECT count(*) FROM events WHERE run = $1 AND kind = 'reminded'"
    await until(lambda: factory.home.pool.fetchval(told, run), "reminder")  # the worker sweeps too
    await factory.ledger.sweep()
    assert await factory.home.pool.fetchval(told, run) == 1
