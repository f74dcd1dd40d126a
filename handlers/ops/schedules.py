"""Which schedules there are, and which of them run under a standing approval."""

from datetime import datetime

from bot.connectors.tandem import Tandem, Terms
from bot.operation import Answer, Input, Observed, Operation, Plan, Record, Results, Risk, Schedule, See


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


class ListSchedules(Operation[Params, Facts]):
    """Lists the schedules, and who gave which a standing approval, until when."""

    risk = Risk.READ
    examples = ("/ops schedules",)
    words = ("cron", "timers", "standing approval")

    async def observe(self, params: Params, see: See) -> Facts:
        known = ((key, see.config(Schedule(key=key))) for key in see.targets(Schedule))
        lines = tuple(Line(key=k, run=s.run, cron=s.cron, zone=s.zone, active=s.active) for k, s in known)
        return Facts(run=see.run, at=see.at, lines=lines, terms=tuple(await (await see(Tandem)).terms()))

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence="List the schedules")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        if not facts.lines:
            return Answer(headline="Config has no schedule; schedules.toml is where they are written")
        terms = {one.schedule: one for one in facts.terms}
        rows = tuple((one.key, one.run, _times(one), _standing(terms.get(one.key))) for one in facts.lines)
        return Answer(headline=f"{len(rows)} schedules", table=(("schedule", "runs", "at", "standing approval"), *rows))


def _times(line: Line) -> str:
    return f"{line.cron} {line.zone}" if line.active else "rests (active = false)"


def _standing(terms: Terms | None) -> str:
    if terms is None:
        return "none allowed"
    if terms.given is None:
        return f"none: /ops schedule approve {terms.schedule}"
    return f"{terms.given.run} of {', '.join(terms.given.people)} until {_day(terms.given.until)}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
