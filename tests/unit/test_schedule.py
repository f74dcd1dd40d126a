"""Slots of cron schedules over the changes of the clock, found by counting minutes."""

from datetime import UTC, datetime, timedelta

from bot.schedule import Cron

VIENNA = "Europe/Vienna"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def slots(cron: Cron, after: str, until: str) -> list[str]:
    return [f"{slot:%d %H:%M}" for slot in cron.slots(at(after), at(until))]


def test_a_daily_schedule_runs_once_on_the_night_that_repeats_an_hour() -> None:
    """In Vienna 02:30 comes twice on 25 October 2026."""
    cron = Cron("30 2 * * *", VIENNA)
    assert slots(cron, "2026-10-24T12:00Z", "2026-10-26T12:00Z") == ["25 00:30", "26 01:30"]


def test_a_daily_schedule_whose_time_is_left_out_runs_at_the_next_that_exists() -> None:
    """In Vienna there is no 02:30 on 29 March 2026: after 01:59 comes 03:00."""
    cron = Cron("30 2 * * *", VIENNA)
    assert slots(cron, "2026-03-28T12:00Z", "2026-03-30T12:00Z") == ["29 01:00", "30 00:30"]


def test_a_quarter_hourly_schedule_loses_and_repeats_nothing_on_that_night() -> None:
    cron = Cron("*/15 * * * *", VIENNA)
    autumn = slots(cron, "2026-10-25T00:00Z", "2026-10-25T02:00Z")
    assert autumn == ["25 00:15", "25 00:30", "25 00:45", "25 01:00", "25 01:15", "25 01:30", "25 01:45", "25 02:00"]
    spring = slots(cron, "2026-03-29T00:30Z", "2026-03-29T01:30Z")
    assert spring == ["29 00:45", "29 01:00", "29 01:15", "29 01:30"]


def test_what_was_missed_is_caught_up_once_and_only_within_the_grace() -> None:
    cron = Cron("0 2 * * *")
    now = at("2026-11-21T08:00Z")
    long_ago = at("2026-11-10T00:00Z")
    assert cron.last(now, timedelta(hours=12), long_ago) == at("2026-11-21T02:00Z")
    assert cron.last(now, timedelta(hours=1), long_ago) is None
    assert cron.last(now, timedelta(days=3), at("2026-11-21T02:00Z")) is None
