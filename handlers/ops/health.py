"""H1: everything about a service, or about all of them, seen at once."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from bot.connectors.http import Http
from bot.connectors.http_looks import Seen
from bot.connectors.postgres import Postgres
from bot.operation import (
    Answer,
    Database,
    Field,
    Input,
    Observed,
    Operation,
    Plan,
    Record,
    Refusal,
    Results,
    Risk,
    See,
    Service,
    Unseen,
)

WITHIN = timedelta(seconds=6)  # every look has a shorter limit of its own
FULL = 0.9  # of a server's connections


class Grade(StrEnum):
    """The worst first."""

    BAD = "bad"
    UNSEEN = "not seen"
    WARNS = "warns"
    GOOD = "ok"


class Finding(Record):
    """One look at one service."""

    service: str
    what: str
    grade: Grade
    said: str
    then: str = ""  # what to do about it


class Params(Input):
    service: Service | None = Field(default=None, description="none named: all of them")


class Facts(Observed):
    services: tuple[str, ...]
    findings: tuple[Finding, ...]


class Health(Operation[Params, Facts]):
    """See at once how a service is, or how all of them are.

    HTTP, detailed health, critical endpoints, database, DNS, TLS certificate, running version and the status pages of
    third parties, all looked at in the same seconds. The worst comes first, each with what to do; what is well is one
    line for each service. What could not be seen is told as such, never as well.
    """

    risk = Risk.READ
    examples = ("/ops health", "/ops health web")
    words = ("status", "up", "down", "outage", "alive", "certificate", "version", "diagnose")

    async def observe(self, params: Params, see: See) -> Facts:
        keys = [params.service.key] if params.service else list(see.targets(Service))
        services = {key: see.config(Service(key=key)) for key in keys}
        looks: dict[str, Any] = {f"service/{key}": _service(see, Service(key=key)) for key in keys}
        databases = {s.database for s in services.values() if s.database}
        looks |= {f"database/{key}": _database(see, Database(key=key)) for key in databases}
        seen = await see.all(looks, within=WITHIN)
        findings = [f for key in keys for f in _findings(key, seen[f"service/{key}"], services[key])]
        findings += [
            _finding(key, f"database {s.database}", seen[f"database/{s.database}"], s)
            for key, s in services.items()
            if s.database
        ]
        return Facts(run=see.run, at=see.at, services=tuple(keys), findings=tuple(findings))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        if not facts.services:
            return Refusal(code="no_services", sentence="Config has no service to look at: add one to services.toml.")
        return Plan(sentence=f"Look at {', '.join(facts.services)}")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        ranked = sorted(facts.findings, key=lambda f: (list(Grade).index(f.grade), f.service))
        ill = tuple(
            f"{_mark(f)} {f.service}, {_look(f)}: {f.said}. {f.then}" for f in ranked if f.grade is not Grade.GOOD
        )
        return Answer(
            headline=_headline(facts),
            lines=(*ill, *(line for key in facts.services if (line := _well(key, facts)))),
            loud=any(f.grade is Grade.BAD for f in facts.findings),
        )


def _mark(finding: Finding) -> str:
    return {Grade.BAD: "❌", Grade.UNSEEN: "❔"}.get(finding.grade, "⚠️")


def _look(finding: Finding) -> str:
    """What was looked at, in words."""
    if finding.what == "detailed":
        return "own report"
    return f"page {finding.what}" if finding.what.startswith("/") else finding.what


def _well(service: str, facts: Facts) -> str:
    """All that is well of one service, in one line; empty where nothing is."""
    good = [f for f in facts.findings if f.service == service and f.grade is Grade.GOOD]
    ill = any(f.service == service and f.grade is not Grade.GOOD for f in facts.findings)
    named = ", ".join(f"{f.what} {f.said}" if f.what == "version" else _look(f) for f in good)
    return f"{service}, {'the rest is well' if ill else 'all well'}: {named}" if good else ""


async def _service(see: See, service: Service) -> Mapping[str, Seen | Unseen]:
    return await (await see(Http, service)).probe()


async def _database(see: See, database: Database) -> Seen:
    """An answer of the database itself, whatever its services say."""
    reads = await see(Postgres, database)
    found = await reads.identity()
    if found is None or not found.open:
        said = "is closed: no session gets in" if found else "its server has none of that name"
        return Seen.model_validate({"grade": "bad", "said": said})
    await reads.answers()
    connections = await reads.connections()
    share = connections.used / max(1, connections.most)
    said = f"answers, {connections.used} of {connections.most} connections used"
    return Seen.model_validate({"grade": "warns" if share >= FULL else "good", "said": said})


def _findings(service: str, seen: Mapping[str, Seen | Unseen] | Unseen, config: Any) -> list[Finding]:
    if isinstance(seen, Unseen):
        return [_finding(service, "HTTP", seen, config)]
    return [_finding(service, what, one, config) for what, one in seen.items()]


def _finding(service: str, what: str, seen: Seen | Unseen, config: Any) -> Finding:
    if isinstance(seen, Unseen):
        then = f"Look again: /ops health {service}. If it stays, see whether the bot's own network reaches it."
        return Finding(service=service, what=what, grade=Grade.UNSEEN, said=seen.why, then=then)
    grade = Grade[seen.grade.name]
    return Finding(service=service, what=what, grade=grade, said=seen.said, then=_then(service, what, grade, config))


def _then(service: str, what: str, grade: Grade, config: Any) -> str:
    """Where to look, or what to type, by what was looked at."""
    if what == f"database {config.database}" and grade is Grade.BAD:
        return f"See what is or was at work on it: /ops runs {config.database}"
    if what.startswith("database") and config.database:
        return f"Type /ops db connections {config.database}"
    if what == "pool" and config.database:
        return f"Type /ops db pool {config.database}"
    if what in config.dependencies:
        return f"It is another company's: nothing to do here but to tell users and to follow {what}'s status page."
    if what == "TLS":
        return "Have the certificate renewed."
    if what == "DNS":
        return "Look at its record where the domain is kept."
    if what == "version":
        return f"See that {service} tells its version where config says."
    return f"Look at {service}'s log and at what was deployed last; then again: /ops health {service}"


def _headline(facts: Facts) -> str:
    """Which services are bad, then which could not be seen, in words."""
    told: list[str] = []
    rest = set(facts.services)
    for grade, words in ((Grade.BAD, "in trouble"), (Grade.UNSEEN, "not wholly seen"), (Grade.WARNS, "worth a look")):
        named = sorted({f.service for f in facts.findings if f.grade is grade} & rest)
        rest -= set(named)
        if named:
            firsts = [next(f for f in facts.findings if f.grade is grade and f.service == key) for key in named]
            told.append(f"{words}: " + "; ".join(f"{f.service} ({_look(f)}: {f.said})" for f in firsts))
    if not told:
        count = len(facts.services)
        every = "Both" if count == 2 else f"All {count}"
        return f"{facts.services[0]} is well" if count == 1 else f"{every} services are well"
    said = ". ".join(one[:1].upper() + one[1:] for one in told)
    return said[:400] + (f". Well: {', '.join(sorted(rest))}" if rest else "")
