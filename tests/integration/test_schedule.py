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
