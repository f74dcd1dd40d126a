"""One slot, one run: over replicas, and against a replica whose clock is ahead."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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


@dataclass(frozen=True)
class Watched(Cron):
    """Writes down how long a time each look for slots covered."""

    spans: list[timedelta] = field(default_factory=list)

    def slots(self, after: datetime, until: datetime) -> Iterator[datetime]:
        self.spans.append(until - after)
        return super().slots(after, until)


async def test_no_time_is_looked_through_twice_however_long_the_grace(home: Home) -> None:
    """The doors acknowledge on the same loop, and each second there is a look."""
    time = await home.pool.fetchval("SELECT clock()") - timedelta(minutes=30)
    cron = Watched(f"{time.minute} {time.hour} * * *")
    scheduler = Scheduler(home.pool, {"nightly": Due(cron, timedelta(hours=72), {**ASKS, "reason": "nightly"})})
    await scheduler.tick()
    await home.move_clock(timedelta(hours=23))
    for _ in range(3):
        assert await scheduler.tick() == []
    assert len(cron.spans) == 1
    await home.move_clock(timedelta(minutes=1))
    assert await scheduler.tick() == []
    assert cron.spans[1] < timedelta(minutes=2)
    await home.move_clock(timedelta(hours=1))
    assert len(await scheduler.tick()) == 1
