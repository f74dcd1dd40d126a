"""The list of schedules in words: when each runs, what, and under whose standing approval."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.connectors.tandem import Given, Member, Terms
from bot.engine.results import NoResults
from bot.operation import Answer, RunRef
from handlers.ops import schedules
from handlers.ops.schedules import Line

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
RUN = RunRef(tag="r142", requester="ana", askers=("ana",))
TERMS = Terms(schedule="drill", hash="5e", command="ops db restore", lasts=timedelta(days=30), at_most={})


def listed(*lines: Line, terms: tuple[Terms, ...] = ()) -> Answer:
    members = {"ben": Member(name="Ben Okafor"), "cleo": Member(name="Cleo Lindqvist")}
    facts = schedules.Facts(run=RUN, at=NOON, lines=lines, terms=terms, members=members)
    return schedules.ListSchedules().answer(schedules.Params(), facts, NoResults())


def line(cron: str = "0 2 * * *", **more: object) -> Line:
    return Line.model_validate(
        {"key": "drill", "run": "/ops db restore shop", "cron": cron, "zone": "Europe/Lisbon", "active": True} | more
    )


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 2 * * *", "daily at 02:00 (Europe/Lisbon)"),
        ("5 14 * * sun", "Sundays at 14:05 (Europe/Lisbon)"),
        ("0 4 * * mon-fri", "Mondays to Fridays at 04:00 (Europe/Lisbon)"),
        ("0 4 * * tue,thu", "Tuesdays and Thursdays at 04:00 (Europe/Lisbon)"),
        ("30 3 1 * *", "on day 1 of each month at 03:30 (Europe/Lisbon)"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("7 * * * *", "every hour at minute 7"),
        ("0 */6 * * *", "cron 0 */6 * * * (Europe/Lisbon)"),
        ("0 4 1 * sun", "cron 0 4 1 * sun (Europe/Lisbon)"),
    ],
)
def test_when_a_schedule_runs_is_said_in_words_and_as_it_is_written_where_there_are_none(cron: str, words: str) -> None:
    assert listed(line(cron)).lines == (f"drill, {words}: /ops db restore shop",)


def test_one_is_one_and_what_rests_says_so() -> None:
    assert listed(line()).headline == "1 schedule"
    both = listed(line(), line(key="tidy", active=False))
    assert both.headline == "2 schedules"
    assert both.lines[1] == "tidy, which rests (active = false in schedules.toml): /ops db restore shop"


def test_a_standing_approval_says_by_whom_and_until_when_or_how_it_is_given() -> None:
    (none,) = listed(line(), terms=(TERMS,)).lines
    assert none.endswith("restore shop. It has no standing approval; to give one: /ops schedule approve drill")
    given = TERMS.model_copy(update={"given": Given(run="r101", people=("ben", "cleo", "zed"), until=NOON)})
    (under,) = listed(line(), terms=(given,)).lines
    assert under.endswith(
        "restore shop. Under standing approval r101 of Ben Okafor, Cleo Lindqvist and zed until 2026-03-04 12:00 UTC"
    )
