"""Cron: which slots are due by the database's clock; each is asked for once, by whichever replica writes it first."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

log = logging.getLogger("tandem.schedule")
MINUTE = timedelta(minutes=1)
EPSILON = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cron:
    """Five fields in a zone. Daily and rarer ones go by local date and time, others by instants.

    A local time that the spring's change leaves out runs at the next that exists; one that autumn repeats runs once
    where the schedule is daily or rarer.
    """

    fields: str
    zone: str = "UTC"

    def slots(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every slot in (after, until], as UTC instants."""
        wall = CronTrigger.from_crontab(self.fields, timezone=UTC)
        zone, daily = ZoneInfo(self.zone), self.daily
        at = after.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
        before = _local(at - MINUTE, zone)
        while at <= until:
            now = _local(at, zone)
            skipped = daily and any(_matches(wall, gone) for gone in _between(before, now))
            repeated = daily and at.astimezone(zone).fold == 1
            if (_matches(wall, now) and not repeated) or skipped:
                yield at
            before, at = now, at + MINUTE

    @property
    def daily(self) -> bool:
        """Whether it runs at one time of a day at most."""
        minute, hour = self.fields.split()[:2]
        return minute.isdigit() and hour.isdigit()

    def last(self, now: datetime, within: timedelta, after: datetime) -> datetime | None:
        """The newest slot that is due: after the last one that ran, and not longer ago than the grace."""
        if after >= now.replace(second=0, microsecond=0):
            return None  # no minute has begun since
        due = list(self.slots(max(after, now - within), now))
        return due[-1] if due else None


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """The wall clock at that instant, written as if it were UTC."""
    return at.astimezone(zone).replace(tzinfo=UTC, fold=0)


def _matches(wall: CronTrigger, minute: datetime) -> bool:
    return bool(wall.get_next_fire_time(None, minute - EPSILON) == minute)


def _between(before: datetime, now: datetime) -> Iterator[datetime]:
    """The wall minutes that a change of the clock left out."""
    gone = before + MINUTE
    while gone < now:
        yield gone
        gone += MINUTE


class Scheduler:
    """Asks for what is due; called every few seconds on every replica."""

    def __init__(self, pool: Any, schedules: Mapping[str, "Due"]) -> None:
        self.pool, self.schedules = pool, schedules
        # The last slot, and until when nothing was due after it: a grace may be days, and doors answer on this loop.
        self._looked: dict[str, tuple[datetime, datetime]] = {}

    async def tick(self) -> list[str]:
        """The tags of the runs that were asked for now, by this replica."""
        asked: list[str] = []
        now = await self.pool.fetchval("SELECT clock()")
        for name, due in self.schedules.items():
            last = await self.pool.fetchval("SELECT last_slot($1, $2)", name, now)
            known, until = self._looked.get(name, (None, last))
            slot = due.cron.last(now, due.grace, until if known == last else last)
            if slot is None:
                self._looked[name] = (last, now)
                continue
            word = {**due.asks, "key": f"cron/{name}/{slot.isoformat()}", "via": "schedule", "schedule": name}
            answer = await self.pool.fetchval("SELECT tick_schedule($1, $2, $3)", name, slot, word)
            if answer is not None:
                asked.append(answer["tag"])
                log.info("a schedule is due", extra={"run": answer["tag"]})
        return asked


@dataclass(frozen=True)
class Due:
    """One schedule: when, how long a missed slot is caught up, and what it asks for (the store's `ask`)."""

    cron: Cron
    grace: timedelta
    asks: Mapping[str, Any]
