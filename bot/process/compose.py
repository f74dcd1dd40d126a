"""The composition root: from the environment and the company's config to a service, an engine and a poster."""

import importlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import bot.connectors
import config.applied
import config.load
import config.settings
from bot import parse
from bot.catalogue import Asked, Catalogue, Entry, Found, environment_of, understand
from bot.connectors.tandem import Tandem
from bot.discovery import Deeds, Fault, Loaded, deeds, load
from bot.effect import Connector, Target, World
from bot.engine.attempts import Attempts
from bot.engine.planner import Planner
from bot.engine.reach import Connectors
from bot.engine.runner import Runner
from bot.engine.worker import Worker
from bot.fields import subjects
from bot.help import Help, Reader, help_for
from bot.hooks import Hook, key_of
from bot.house import House
from bot.metrics import CountedLedger, Metrics, TimedDoors
from bot.model import Who
from bot.operation import Database, Input
from bot.people.directory import Directory
from bot.people.roster import Roster
from bot.precedence import Precedence
from bot.render.message import Group, Names
from bot.schedule import Cron, Due, Scheduler
from bot.seal import PersonalSeal, Seal
from bot.service import Service
from bot.store.absences import AbsenceNotes
from bot.store.digests import Digests
from bot.store.letterbox import Letterbox
from bot.store.migrate import Applied, Terms
from bot.store.own import Own
from bot.store.personal import PersonalStore
from bot.store.store import Doors, Ledger
from bot.store.views import Views
from bot.thread.absences import AbsenceTeller
from bot.thread.digest import Digester
from bot.thread.poster import Poster
from config.company import Company
from config.settings import Settings

BACKOFF = timedelta(seconds=1)


class Unfit(Exception):
    """The process cannot start; `faults` says all that is wrong, a line each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Ground:
    """What is fixed before anything is opened."""

    settings: Settings
    company: Company
    catalogue: Catalogue
    deeds: Deeds
    applied: Applied


def ground() -> Ground:
    """Reads environment, handlers, connectors and config. Raises Unfit with every fault at once."""
    settings = config.settings.load()
    loaded: Loaded = load(importlib.import_module("handlers"))
    known = deeds(bot.connectors)
    company = config.load.load(config.settings.folder(), loaded.catalogue)
    wrong = [] if isinstance(settings, Settings) else [str(fault) for fault in settings]
    wrong += [_said(fault) for fault in (*loaded.faults, *known.faults)]
    wrong += [] if isinstance(company, Company) else [str(fault) for fault in company]
    if wrong or not isinstance(settings, Settings) or not isinstance(company, Company):
        raise Unfit(wrong)
    return Ground(settings, company, loaded.catalogue, known, applied(company, loaded.catalogue))


def _said(fault: Fault) -> str:
    return f"{fault.path}: {fault.what}; write {fault.instead}"


def applied(company: Company, catalogue: Catalogue) -> Applied:
    """The company as `migrate` writes it."""
    rows = config.applied.applied(company, catalogue.floors)
    return Applied(
        config=rows.hash,
        team=company.team,
        people=tuple((key, name) for key, name, active in rows.people if active),
        accounts=tuple(a for a in rows.accounts if company.people[a[2]].active),
        groups=rows.groups,
        members=tuple(m for m in rows.members if company.people[m[1]].active),
        operations=tuple((command, int(floor)) for command, floor in rows.operations),
        terms=_terms(company, catalogue),
        personal_for=timedelta(days=company.personal.days) or None,
        policy=tuple(
            (
                row.command,
                row.environment,
                int(row.risk),
                row.slots,
                row.expires,
                row.warns,
                [one.model_dump(mode="json") for one in row.beyond],
                [{"after": f"{one.after.total_seconds():.0f} s", "whom": one.whom} for one in row.remind],
                row.ask,
            )
            for row in rows.policy
        ),
    )


def _terms(company: Company, catalogue: Catalogue) -> tuple[Terms, ...]:
    """Every schedule that may have a standing approval; `check` has read the lines already."""
    found: list[Terms] = []
    for name, schedule in company.schedules.items():
        asked = understand(schedule.run, catalogue, company.known()) if schedule.standing else None
        if schedule.standing and isinstance(asked, Asked):
            found.append(Terms(
                schedule=name, command=asked.entry.command, params=asked.params.model_dump(mode="json"),
                environment=environment_of(asked.params, company), lasts=schedule.standing.lasts,
                at_most=dict(schedule.standing.at_most), times=f"{schedule.cron} {schedule.zone}",
            ))  # fmt: skip
    return tuple(found)


class Machine:
    """One replica's parts, wired. `committed` wakes engine and poster after every commit of a door."""

    def __init__(
        self, ground: Ground, doors_pool: Any, engine_pool: Any, client: Any, lease: timedelta, metrics: Metrics
    ) -> None:
        company, settings = ground.company, ground.settings
        self.ground, self.client, self.metrics = ground, client, metrics
        self.precedence = Precedence()
        self.ledger = CountedLedger(engine_pool, metrics)
        kept = kept_in(engine_pool, settings)
        self.views = Views(engine_pool, ground.deeds.classes, kept)
        self.roster = Roster(company)
        self.directory = Directory(engine_pool, client, self.roster, company)
        self.own = Own(engine_pool, self.directory.people)
        self.connectors = Connectors(partial(make, company, self.own, self._other, kept.whole))
        self.house = house_of(ground, self.own, self.roster)
        seal = Seal(settings.seal_bytes())
        attempts = Attempts(self.ledger, self.connectors, seal)
        planner = Planner(self.ledger, self.house, self.connectors)
        self.worker = Worker(
            self.ledger, Runner(self.ledger, planner, attempts, self.house, BACKOFF),
            settings.need("DATABASE_URL").reveal(), config=ground.applied.config,
            kinds=tuple(ground.deeds.classes), lease=lease, slots=company.limits.slots, after_sweep=self._swept,
            turn=self.precedence.turn, rested=lambda: self.poster.wake(),  # noqa: PLW0108  it does not exist yet
        )  # fmt: skip
        self.scheduler = Scheduler(engine_pool, self._due())
        fallback = company.channels[company.fallback]
        self.poster = Poster(
            Letterbox(engine_pool), self.views, client, self.names, fallback, self.worker.wake, ground.catalogue.quiet,
            company.limits.progress_per_minute, turn=self.precedence.turn, places=company.channels,
            digester=Digester(Digests(engine_pool), client),
            absences=AbsenceTeller(AbsenceNotes(engine_pool), client, self.names),
        )  # fmt: skip
        self.service = Service(
            self.house, self.roster, TimedDoors(doors_pool, metrics), self.ledger,
            Views(doors_pool, ground.deeds.classes, kept_in(doors_pool, settings)), self.connectors, self.directory,
            self.committed, seal, kept_in(doors_pool, settings),
        )  # fmt: skip

    def _due(self) -> dict[str, Due]:
        """Every active schedule with what it asks for; `check` has read the lines already."""
        found: dict[str, Due] = {}
        terms = {one.schedule: one.hash for one in self.ground.applied.terms}
        for name, schedule in self.ground.company.schedules.items():
            if not schedule.active:
                continue
            entry, params = typed(self.ground, schedule.run)
            asks = {
                "command": entry.command, "params": params.model_dump(mode="json"), "reason": schedule.reason,
                "risk": int(entry.risk), "environment": self.house.environment(params),
                "config": self.house.config, "channel": self.ground.company.channels[schedule.channel],
                "terms": terms.get(name), "subjects": subjects(params),
            }  # fmt: skip
            found[name] = Due(Cron(schedule.cron, schedule.zone), schedule.grace, asks)
        return found

    def hooks(self) -> dict[str, Hook]:
        """Every source of deliveries. Raises Unfit where the secret of one is not set, or is none."""
        found: dict[str, Hook] = {}
        faults: list[str] = []
        for name, rule in self.ground.company.hooks.items():
            entry, params = typed(self.ground, rule.run)
            channel = self.ground.company.channels[rule.channel]
            try:
                found[name] = Hook(name, rule, hook_key(rule.secret), entry, params, rule.reason, channel)
            except LookupError as error:
                faults.append(str(error.args[0]))
        if faults:
            raise Unfit(faults)
        return found

    def committed(self) -> None:
        """Something may be due for the engine and the poster."""
        self.worker.wake()
        self.poster.wake()

    def help(self, who: Who, channel: str | None, words: Sequence[str]) -> Help:
        """Help for one person in one channel, showing only what they may do."""
        company = self.ground.company
        groups = self.roster.groups(who.person)
        reader = Reader(
            groups=frozenset(groups) if groups is not None else None,
            channel=company.channel_key(channel),
            titles={key: group.title for key, group in self.names().groups.items()},
        )
        return help_for(words, self.ground.catalogue, company.policy, company.environments, reader)

    async def vault_bytes(self) -> dict[str, int]:
        """What each database's backups take in its vault. Raises whatever the vault does."""
        kept = [key for key, database in self.ground.company.targets.get("database", {}).items() if database.vault]
        if not kept:
            return {}
        from bot.connectors.vault import Vault

        shelves = {key: await self.connectors.reads(Vault, Database(key=key)) for key in kept}
        return {key: sum((await shelf.storage.sizes(key)).values()) for key, shelf in shelves.items()}

    async def _swept(self) -> None:
        if await self.scheduler.tick():
            self.worker.wake()
        self.poster.wake()

    def _other(self, kind: type[Connector[Any, Any]]) -> Connector[Any, Any]:
        return self.connectors.made(kind)

    def names(self) -> Names:
        return names(self.ground.company, self.roster.read, datetime.now(UTC))


def names(company: Company, read: Mapping[str, Collection[str]], now: datetime) -> Names:
    """People and groups as the cards name them, those on call first. `read`: members that only Slack knows, by group.

    Called are those on call, else whoever has no quiet hours then.
    """
    on_call = company.on_call(now)
    groups = {}
    for key, group in company.groups.items():
        members = sorted({*group.members, *read.get(key, ())}, key=lambda p: (p not in on_call, p))
        called = [p for p in members if p in on_call] or [p for p in members if not company.quiet(p, now)]
        groups[key] = Group(title=group.name or key, members=tuple(members), mentions=_accounts(company, called))
    groups.setdefault("on-call", Group(title="on call", members=on_call, mentions=_accounts(company, on_call)))
    return Names(
        people={key: person.name for key, person in company.people.items()}, groups=groups,
        accounts={key: _accounts(company, [key]) for key, person in company.people.items() if person.active},
        on_call=frozenset(on_call),
        quiet=frozenset(key for key in company.people if key not in on_call and company.quiet(key, now)),
    )  # fmt: skip


def _accounts(company: Company, people: Sequence[str]) -> tuple[str, ...]:
    """Their Slack user ids in the company's own team."""
    accounts = [a for p in people if p in company.people for a in company.people[p].accounts]
    return tuple(a.partition("/")[2] for a in accounts if a.startswith(f"{company.team}/"))


def asking(ground: Ground, pool: Any) -> Service:
    """A service that asks and reads: for the command line, which has no engine, no poster and no approvals."""
    own, ledger, roster = Own(pool), Ledger(pool), Roster(ground.company)
    connectors: Connectors = Connectors(
        partial(
            make,
            ground.company,
            own,
            lambda kind: connectors.made(kind),  # noqa: PLW0108  it does not exist yet
            None,
        )
    )
    kept = kept_in(pool, ground.settings)
    return Service(
        house_of(ground, own, roster), roster, Doors(pool), ledger, Views(pool, ground.deeds.classes, kept), connectors,
        NoSlack(), lambda: None, kept=kept,
    )  # fmt: skip


def kept_in(pool: Any, settings: Settings) -> PersonalStore:
    """Personal values in that database; without TANDEM_PERSONAL_KEY it takes and opens none."""
    key = settings.personal_bytes()
    return PersonalStore(pool, PersonalSeal(key, *settings.former_personal_bytes()) if key else None)


def hook_key(name: str) -> bytes:
    """The key of deliveries from that secret. Raises LookupError where it is not set, or is none."""
    try:
        return key_of(config.settings.secret(name))
    except ValueError as error:
        raise LookupError(f"{name}: {error}") from None


class NoSlack:
    """Nobody is read from Slack: what needs a fresh word waits for a replica that can."""

    async def refresh(self, accounts: Sequence[tuple[str, str]], groups: Sequence[str] = ()) -> None:
        return None

    def wake(self) -> None:
        return None


def house_of(ground: Ground, own: Own, roster: Roster) -> House:
    """Operations, config and policy joined."""
    company = ground.company
    targets: dict[str, Any] = dict(company.targets)
    return House(
        catalogue=ground.catalogue,
        deeds=ground.deeds.classes,
        policy=company.policy,
        config=ground.applied.config,
        environment=lambda params: environment_of(params, company),
        settings=lambda target: company.settings(kind_of(target), target.key),
        keys=lambda kind: tuple(targets.get(kind.__name__.lower(), {})),
        freezes=own.freezes,
        clock=own.now,
        groups=roster.groups,
        channel_key=company.channel_key,
        limits={"runs": company.limits.runs, "runs_each": company.limits.runs_each},
        mild=company.environments[:-1],
        channels=tuple(company.channels),
    )


def typed(ground: Ground, line: str) -> tuple[Entry, Input]:
    """A whole line as its operation and values. Raises Unfit with what to type instead."""
    words = parse.words_of(line)
    if isinstance(words, parse.Fault):
        raise Unfit([words.sentence])
    found = ground.catalogue.find([word.value for word in words])
    if not isinstance(found, Found):
        near = f"; did you mean {found.suggestions[0]}?" if found.suggestions else ""
        raise Unfit([f"there is no operation in {line!r}{near}"])
    entry = found.entry
    read = parse.read(entry.command, entry.params, words[len(entry.words) :], ground.company.known())
    if isinstance(read, parse.Fault):
        raise Unfit([read.sentence])
    return entry, read


def kind_of(target: Target) -> str:
    """ "database" for a Database: the name under which config keeps its settings."""
    return type(target).__name__.lower()


def make(company: Company, own: Own, other: Any, personal: Any, kind: type[Connector[Any, Any]]) -> Connector[Any, Any]:
    """A connector with its settings; nothing is opened. `personal` opens the personal values of a run that is held."""
    targets: dict[str, Any] = dict(company.targets)
    name = kind.__module__.removeprefix("bot.connectors.").split(".")[0].replace("_", "-")
    block = company.connectors.get(name)
    blocks: dict[str, Any] = dict(block.model_dump()) if block is not None else {}
    if kind.blocks_of:
        blocks = dict(targets.get(kind.blocks_of, {}))
    if kind is Tandem:
        blocks = {"reads": own}
    served = targets.get(kind.serves, {}) if kind.serves else {}
    return kind(World(blocks=blocks, targets=served, secret=config.settings.secret, other=other, personal=personal))
