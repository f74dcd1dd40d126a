"""Many at once: claims, fences, chains, the clock behind a lock, and the sweeps of every replica."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.model import State
from bot.store.audit import verify
from bot.store.pool import StaleClaim
from bot.store.store import Claimed, Ledger
from tests.support.plugin import Home
from tests.support.story import Story

HOUR = timedelta(hours=1)


async def enlisted(home: Home, lease: timedelta = HOUR) -> UUID:
    worker = uuid4()
    await home.ledger.enlist(worker, lease, "c1", [])
    return worker


async def let_expire(home: Home, worker: UUID) -> None:
    """As if its lease had run out; the server counts as long since started."""
    sql = "UPDATE workers SET lease_until = clock_timestamp() - interval '1 s', lease = '0' WHERE id = $1"
    await home.own.execute(sql, worker)


async def test_many_replicas_never_hold_one_run_together(home: Home) -> None:
    story = Story(home)
    runs = {int((await story.ask("ana", "test write", words=f"{n}"))["run"]) for n in range(40)}
    workers = [await enlisted(home) for _ in range(8)]

    async def claims(worker: UUID) -> list[tuple[int, UUID]]:
        mine: list[tuple[int, UUID]] = []
        while rows := await home.ledger.claim(worker, 3):
            mine += [(row.id, worker) for row in rows]
        return mine

    held = [claim for mine in await asyncio.gather(*(claims(worker) for worker in workers)) for claim in mine]
    assert sorted(run for run, _ in held) == sorted(runs)


async def test_a_worker_without_a_live_lease_claims_nothing(home: Home) -> None:
    await Story(home).ask("ana", "test write")
    worker = await enlisted(home)
    await let_expire(home, worker)
    with pytest.raises(StaleClaim, match="no lease"):
        await home.ledger.claim(worker, 1)


async def test_a_live_lease_keeps_its_run_and_a_dead_ones_run_is_taken_with_a_new_fence(home: Home) -> None:
    run = int((await Story(home).ask("ana", "test write"))["run"])
    first, second = await enlisted(home), await enlisted(home)
    (row,) = await home.ledger.claim(first, 1)
    assert await home.ledger.claim(second, 1) == []
    await let_expire(home, first)
    (taken,) = await home.ledger.claim(second, 1)
    assert (taken.id, taken.fence) == (run, row.fence + 1)
    for fence in (row.fence, taken.fence):
        with pytest.raises(StaleClaim):
            await home.ledger.release(Claimed(run=run, worker=first, fence=fence), None, None)
    with pytest.raises(StaleClaim):
        await home.ledger.release(Claimed(run=run, worker=second, fence=row.fence), None, None)
    await home.ledger.release(Claimed(run=run, worker=second, fence=taken.fence), None, None)


async def test_after_the_database_was_away_a_whole_lease_passes_before_a_take_over(home: Home) -> None:
    await Story(home).ask("ana", "test write")
    first, second = await enlisted(home), await enlisted(home)
    await home.ledger.claim(first, 1)
    up = "lease_until = clock_timestamp() - interval '1 s', lease = clock_timestamp() - pg_postmaster_start_time()"
    await home.own.execute(f"UPDATE workers SET {up} + interval '1 h' WHERE id = $1", first)
    assert await home.ledger.claim(second, 1) == []
    await home.own.execute(f"UPDATE workers SET {up} - interval '1 ms' WHERE id = $1", first)
    assert len(await home.ledger.claim(second, 1)) == 1


async def test_the_chains_hold_under_many_hands(home: Home) -> None:
    story = Story(home)
    runs = [await story.proposed("ana", "test destroy-two", words=f"{n}") for n in range(4)]
    words: list[Any] = [
        word for run in runs for word in (
            story.approve("ben", run), story.approve("cleo", run), story.approve("dora", run),
            story.say("dora", run, "ask_back", text="why?"), home.ledger.sweep(), home.ledger.checkpoint(),
        )
    ]  # fmt: skip
    await asyncio.gather(*words)
    assert [(await story.row(run)).state for run in runs] == [State.QUEUED] * 4
    assert await verify(home.pool) == []


LEFT = "expires_at - clock()"


async def test_an_approval_is_judged_by_the_clock_after_its_lock_not_by_its_transactions_start(home: Home) -> None:
    """It began in time, waited for the run's row, and the request expired meanwhile."""
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    fingerprint = (await story.row(run)).fingerprint
    await home.move_clock(await home.pool.fetchval(f"SELECT {LEFT} - interval '1 s' FROM runs WHERE id = $1", run))
    async with home.own.acquire() as holder, home.pool.acquire() as conn:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT 1 FROM runs WHERE id = $1 FOR UPDATE", run)
        pid = await conn.fetchval("SELECT pg_backend_pid()")
        word = story.word("ben", run) | {"fingerprint": fingerprint, "config": "c1"}
        waiting = asyncio.create_task(conn.fetchval("SELECT approve($1)", word))
        while not await home.pool.fetchval("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", pid):
            assert not waiting.done()
        left = f"SELECT {LEFT} > interval '0' FROM runs WHERE id = $1"
        assert await home.pool.fetchval(left, run), "it began in time"
        while await home.pool.fetchval(left, run):  # real time: what is read once, at the start, would not notice
            assert not waiting.done()
        await transaction.rollback()
        assert (await waiting)["code"] == "expired"
    assert await home.pool.fetchval("SELECT count(*) FROM approvals") == 0


async def test_one_run_whose_operation_is_gone_from_the_policy_stops_no_sweep(home: Home) -> None:
    story = Story(home)
    orphan = await story.proposed("ana", "test destroy-two")
    await story.approve("ben", orphan)
    other = await story.proposed("ana", "test destroy")
    await home.own.execute(
        "INSERT INTO policy SELECT 'c2', command, environment, risk, slots, expires, warns FROM policy "
        "WHERE config = 'c1' AND command <> 'test destroy-two'; UPDATE applied SET config = 'c2'"
    )
    assert (await home.doors.count_up(orphan))["queued"] is False
    await home.move_clock(timedelta(minutes=31))
    await home.ledger.sweep()
    assert {(await story.row(run)).state for run in (orphan, other)} == {State.EXPIRED}


async def test_sweeps_of_all_replicas_at_once_queue_what_waited_and_never_lock_each_other_out(home: Home) -> None:
    story = Story(home)
    names = [f"database/{n}" for n in range(6)]
    runs = [
        await story.proposed("ana", "test destroy", words=f"{n}", locks=[names[n], names[(n + 1) % 6]])
        for n in range(6)
    ]
    await story.saw("ben", fit=False)
    for run in runs:
        assert (await story.approve("ben", run))["queued"] is False
    await story.saw("ben")
    for _ in range(6):
        await asyncio.gather(*(home.ledger.sweep() for _ in range(4)))
    states = [(await story.row(run)).state for run in runs]
    queued = [n for n, state in enumerate(states) if state is State.QUEUED]
    assert queued
    assert set(states) <= {State.QUEUED, State.AWAITING}
    assert all((n + 1) % 6 not in queued for n in queued), "two runs hold one lock"
    for n in set(range(6)) - set(queued):
        assert {(n - 1) % 6, (n + 1) % 6} & set(queued), "nobody holds it, and it waits"


async def test_of_two_runs_that_are_admitted_at_the_same_moment_the_second_is_refused_with_the_first_ones_name(
    home: Home,
) -> None:
    """It is no exception, which would count as a claim that brought nothing."""
    story = Story(home)
    first, second = [int((await story.ask("ana", "test write", words=f"{n}"))["run"]) for n in range(2)]
    claims = {row.id: row for row in await home.ledger.claim(await story.worker(), 2)}
    word = {
        "signal": "propose", "plan": "{}", "kinds": [], "facts": {}, "risk": 1, "environment": "", "body": {},
        "locks": ["database/shop"],
    }  # fmt: skip
    held = [Claimed(run=run, worker=await story.worker(), fence=claims[run].fence) for run in (first, second)]
    async with home.pool.acquire() as one, home.pool.acquire() as two:
        transaction = one.transaction()
        await transaction.start()
        assert (await Ledger(one).planned(held[0], word))["code"] == "admit"
        waiting = asyncio.create_task(Ledger(two).planned(held[1], word))
        waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
        while not await home.pool.fetchval(waits, two.get_server_pid()):
            assert not waiting.done()
        await transaction.commit()
        assert await waiting == {"code": "held", "by": f"r{first}"}
    assert [(await story.row(run)).state for run in (first, second)] == [State.QUEUED, State.REFUSED]
