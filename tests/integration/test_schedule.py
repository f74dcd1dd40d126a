"""One slot, one run: over replicas, and against a replica whose clock is ahead."""

import asyncio
from datetime import timedelta

from bot.schedule import Cron, Due, Scheduler
from tests.support.plugin import Home

ASKS = {"command": "test write", "params": {"script": "plain"}, "risk": 1, "config": "c1", "channel": "C0INCIDENTS"}


async def test_three_replicas_ask_once_for_each_slot(home: Home) -> None:
    schedules = {"nightly": Due(Cron("0 * * * *"), timedelta(hours=2), {**ASKS, "reason": "nightly"})}
    replicas = [Scheduler(home.pool, schedules) for _ in range(3)]
    assert await replicas[0].tick() == []
    await home.move_clock(timedelta(hours=1))
    asked = await asyncio.gather(*(replica.tick() for replica in replicas))
    assert sum(len(tags) for tags in asked) == 1
    assert await home.pool.fetchval("SELECT count(*) FROM runs WHERE requester IS NULL AND via = 'schedule'") == 1


async def test_a_replica_whose_clock_is_a_day_ahead_burns_no_slot(home: Home) -> None:
    ahead = "SELECT tick_schedule('nightly', clock() + interval '1 day', $1)"
    assert await home.pool.fetchval(ahead, {**ASKS, "key": "k"}) is None
    assert await home.pool.fetchval("SELECT count(*) FROM ticks") == 0


async def test_after_a_downtime_the_newest_missed_slot_is_caught_up_once_and_only_within_the_grace(home: Home) -> None:
    time = await home.pool.fetchval("SELECT clock()") - timedelta(hours=2)
    daily = Cron(f"{time.minute} {time.hour} * * *")

    def replica(grace: timedelta) -> Scheduler:
        return Scheduler(home.pool, {"nightly": Due(daily, grace, {**ASKS, "reason": "nightly"})})

    assert await replica(timedelta(hours=3)).tick() == []
    await home.move_clock(timedelta(days=3))
    assert await replica(timedelta(hours=1)).tick() == [], "two hours late is beyond its grace"
    back = [replica(timedelta(hours=3)) for _ in range(3)]
    asked = [tags for _ in range(2) for tags in await asyncio.gather(*(one.tick() for one in back))]
    assert sum(map(len, asked)) == 1, "three nights were missed: the newest alone is made up for"
