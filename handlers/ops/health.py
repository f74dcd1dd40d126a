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
    ms: float | None = None


class Params(Input):
    service: Service | None = Field(default=None, description="none named: all of them")


class Facts(Observed):
    services: tuple[str, ...]
    findings: tuple[Finding, ...]


class Health(Operation[Params, Facts]):
    """See at once how a service is, or how all of them are.

    HTTP, detailed health, critical endpoints, database, DNS, TLS certificate, running version and the status pages of
    third parties, all looked at in the same seconds. The worst comes first. What could not be seen is told as such,
    never as well.
    """

    risk = Risk.READ
    examples = ("/ops health", "/ops health shop")
    words = ("status", "up", "down", "outage", "alive", "certificate", "version", "diagnose")

    async def observe(self, params: Params, see: See) -> Facts:
        keys = [params.service.key] if params.service else list(see.targets(Service))
        services = {key: see.config(Service(key=key)) for key in keys}
        looks: dict[str, Any] = {f"service/{key}": _service(see, Service(key=key)) for key in keys}
        databases = {s.database for s in services.values() if s.database}
        looks |= {f"database/{key}": _database(see, Database(key=key)) for key in databases}
        seen = await see.all(looks, within=WITHIN)
        findings = [f for key in keys for f in _findings(key, seen[f"service/{key}"])]
        findings += [
            _finding(key, f"database {s.database}", seen[f"database/{s.database}"])
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
        rows = tuple((f.grade.value, f.service, f.what, f.said, _took(f)) for f in ranked)
        return Answer(
            headline=_headline(facts),
            table=(("State", "Service", "Look", "Seen", "Took"), *rows),
            loud=any(f.grade is Grade.BAD for f in facts.findings),
        )


async def _service(see: See, service: Service) -> Mapping[str, Seen | Unseen]:
    return await (await see(Http, service)).probe()


async def _database(see: See, database: Database) -> Seen:
    """An answer of the database itself, whatever its services say."""
    connections = await (await see(Postgres, database)).connections()
    share = connections.used / max(1, connections.most)
    said = f"answers, {connections.used} of {connections.most} connections used"
    return Seen.model_validate({"grade": "warns" if share >= FULL else "good", "said": said})


def _findings(service: str, seen: Mapping[str, Seen | Unseen] | Unseen) -> list[Finding]:
    if isinstance(seen, Unseen):
        return [_finding(service, "HTTP", seen)]
    return [_finding(service, what, one) for what, one in seen.items()]


def _finding(service: str, what: str, seen: Seen | Unseen) -> Finding:
    if isinstance(seen, Unseen):
        return Finding(service=service, what=what, grade=Grade.UNSEEN, said=seen.why)
    return Finding(service=service, what=what, grade=Grade[seen.grade.name], said=seen.said, ms=seen.ms or None)


def _took(finding: Finding) -> str:
    return "" if finding.ms is None else f"{finding.ms / 1000:.2f} s"


def _headline(facts: Facts) -> str:
    """Which services are bad, then which could not be seen, in words."""
    told: list[str] = []
    rest = set(facts.services)
    for grade, words in ((Grade.BAD, "in trouble"), (Grade.UNSEEN, "not wholly seen"), (Grade.WARNS, "worth a look")):
        named = sorted({f.service for f in facts.findings if f.grade is grade} & rest)
        rest -= set(named)
        if named:
            firsts = [next(f for f in facts.findings if f.grade is grade and f.service == key) for key in named]
            told.append(f"{words}: " + "; ".join(f"{f.service} ({f.what}: {f.said})" for f in firsts))
    if not told:
        count = len(facts.services)
        return f"{facts.services[0]} is well" if count == 1 else f"All {count} services are well"
    return ". ".join(told)[:400] + (f". Well: {', '.join(sorted(rest))}" if rest else "")
