"""Which schedules there are, and which of them run under a standing approval."""

import re
from collections.abc import Sequence

from bot.connectors.tandem import Member, Tandem, Terms
from bot.operation import Answer, Input, Observed, Operation, Plan, Record, Results, Risk, Schedule, See

DAYS = {
    "mon": "Mondays", "tue": "Tuesdays", "wed": "Wednesdays", "thu": "Thursdays", "fri": "Fridays", "sat": "Saturdays",
    "sun": "Sundays",
}  # fmt: skip


class Params(Input):
    pass


class Line(Record):
    key: str
    run: str
    cron: str
    zone: str
    active: bool


class Facts(Observed):
    lines: tuple[Line, ...]
    terms: tuple[Terms, ...]
    members: dict[str, Member] = {}  # those who gave one of the standing approvals


class ListSchedules(Operation[Params, Facts]):
    """Lists the schedules, and who gave which a standing approval, until when."""

    risk = Risk.READ
    examples = ("/ops schedules",)
    words = ("cron", "timers", "standing approval")

    async def observe(self, params: Params, see: See) -> Facts:
        known = ((key, see.config(Schedule(key=key))) for key in see.targets(Schedule))
        lines = tuple(Line(key=k, run=s.run, cron=s.cron, zone=s.zone, active=s.active) for k, s in known)
        own = await see(Tandem)
        terms = tuple(await own.terms())
        members = await own.members(*{person for one in terms if one.given for person in one.given.people})
        return Facts(run=see.run, at=see.at, lines=lines, terms=terms, members=members)

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence="List the schedules")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        if not facts.lines:
            return Answer(headline="Config has no schedule; schedules.toml is where they are written")
        terms = {one.schedule: one for one in facts.terms}
        told = tuple(
            f"{one.key}, {_times(one)}: {one.run}{_standing(terms.get(one.key), facts)}" for one in facts.lines
        )
        return Answer(headline="1 schedule" if len(told) == 1 else f"{len(told)} schedules", lines=told)


def _times(line: Line) -> str:
    """When it runs, in words; a form that has none here as it is written."""
    if not line.active:
        return "which rests (active = false in schedules.toml)"
    minute, hour, day, month, weekday = line.cron.split()
    days = _days(day, month, weekday)
    if minute.isdigit() and hour.isdigit() and days:
        return f"{days} at {int(hour):02}:{int(minute):02} ({line.zone})"
    every = minute.removeprefix("*/")
    if (hour, days) != ("*", "daily") or not (every.isdigit() or every == "*"):
        return f"cron {line.cron} ({line.zone})"
    if every == minute:
        return "every minute" if every == "*" else f"every hour at minute {int(minute)}"
    return f"every {int(every)} minutes"


def _days(day: str, month: str, weekday: str) -> str:
    """On which days: "daily", "Sundays"; empty where there are no short words for it."""
    names = [DAYS.get(name, "") for name in re.split("[-,]", weekday)]
    match day, month, weekday:
        case "*", "*", "*":
            return "daily"
        case _, "*", "*" if day.isdigit():
            return f"on day {int(day)} of each month"
        case "*", "*", _ if all(names) and ("-" not in weekday or "," not in weekday):
            return " to ".join(names) if "-" in weekday else _listed(names)
    return ""


def _standing(terms: Terms | None, facts: Facts) -> str:
    """Under whose standing approval; nothing of what may have none."""
    if terms is None:
        return ""
    if terms.given is None:
        return f". It has no standing approval; to give one: /ops schedule approve {terms.schedule}"
    people = [facts.members[key].name if key in facts.members else key for key in terms.given.people]
    until = f"{terms.given.until:%Y-%m-%d %H:%M} UTC"
    return f". Under standing approval {terms.given.run} of {_listed(people)} until {until}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
