"""Faults of meaning: names that name nothing, identities that clash, approvals that nobody could ever give."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, urlsplit

from bot.catalogue import Catalogue, NotFound, WantsHelp, environment_of, understand
from bot.model import Risk
from bot.operation import Input
from bot.parse import Fault
from bot.policy import governing, match, need, slots_for
from config.company import Company, Schedule
from config.faults import Path, Wrong, meant
from config.settings import secret

GIVES = "ops schedule approve"  # the operation by which a standing approval is given
LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", ""})  # noqa: S104
Groups = Mapping[str, frozenset[str]]


def wrongs(company: Company, catalogue: Catalogue | None, environ: Mapping[str, str]) -> list[Wrong]:
    """Everything of this kind that is wrong."""
    found = [
        *_tandem(company),
        *_references(company),
        *_people(company),
        *_databases(company, environ),
        *_names_in_policy(company),
    ]
    for name, schedule in company.schedules.items():
        found += _channel(company, "schedules", name, schedule.channel)
        found += _cron(name, schedule)
    for name, hook in company.hooks.items():
        found += _channel(company, "hooks", name, hook.channel)
    if catalogue is None:
        return found
    found += _patterns(company, catalogue)
    # Who could approve is asked of people and rules that are sound; else one mistake would be told as many.
    sound = not any(wrong.file in ("people.toml", "policy.toml") for wrong in found)
    found += _rules(company, catalogue) if sound else ()
    for name, schedule in company.schedules.items():
        found += _run(company, catalogue, ("schedules", name, "run"), schedule.run, sound)
        found += _standing(company, catalogue, name, schedule) if sound and schedule.standing else ()
    for name, hook in company.hooks.items():
        found += _run(company, catalogue, ("hooks", name, "run"), hook.run, sound)
    return found


def _wrong(file: str, path: Path, what: str, instead: str) -> Wrong:
    return Wrong(file=file, path=path, what=what, instead=instead)


def _tandem(company: Company) -> Iterator[Wrong]:
    if company.fallback not in company.channels:
        what = f"fallback names {company.fallback!r}, which is no channel"
        yield _wrong("tandem.toml", ("fallback",), what, meant(company.fallback, company.channels))
    for kind, targets in company.targets.items():
        for key in targets:
            environment = company.environment(kind, key)
            if environment and environment not in company.environments:
                what = f"{key} is of the environment {environment!r}, which tandem.toml does not name"
                path = (f"{kind}s", key, "environment")
                yield _wrong("services.toml", path, what, meant(environment, company.environments))


def _references(company: Company) -> Iterator[Wrong]:
    """Targets that name each other by key."""
    for kind, field, named in (
        ("service", "database", "database"),
        ("database", "services", "service"),
        ("database", "vault", "vault"),
    ):
        known = company.targets.get(named, {})
        for key, settings in company.targets.get(kind, {}).items():
            value = getattr(settings, field, None)
            for name in (value,) if isinstance(value, str) else value or ():
                if name not in known:
                    what = f"{key} names the {named} {name!r}, which there is not"
                    yield _wrong("services.toml", (f"{kind}s", key, field), what, meant(name, known))


def _people(company: Company) -> Iterator[Wrong]:
    owner: dict[str, str] = {}
    logins: dict[str, str] = {}
    for key, person in company.people.items():
        for index, account in enumerate(person.accounts):
            first = owner.setdefault(account, key)
            if first != key or account in person.accounts[:index]:
                what = f"the account {account} is listed under {first} already: one account is one person"
                yield _wrong("people.toml", ("people", key, "accounts", index), what, "Keep it under one person")
        if person.login and logins.setdefault(person.login, key) != key:
            what = f"the login {person.login!r} is {logins[person.login]}'s already"
            yield _wrong("people.toml", ("people", key, "login"), what, "Give each person a login of their own")
    slack: dict[str, str] = {}
    for key, group in company.groups.items():
        for index, member in enumerate(group.members):
            if member not in company.people:
                what = f"{key} has the member {member!r}, whom [people] does not list"
                path = ("groups", key, "members", index)
                yield _wrong("people.toml", path, what, meant(member, company.people))
        if group.slack and slack.setdefault(group.slack, key) != key:
            what = f"the Slack user group {group.slack} is {slack[group.slack]} already"
            yield _wrong("people.toml", ("groups", key, "slack"), what, "Name each Slack user group once")


def _databases(company: Company, environ: Mapping[str, str]) -> Iterator[Wrong]:
    own = {database for name in ("DATABASE_URL", "TANDEM_OWNER_URL") for database in _of_url(environ, name)}
    keys: dict[tuple[str, int, str], str] = {}
    for key, settings in company.targets.get("database", {}).items():
        host, port, name = (getattr(settings, part, None) for part in ("host", "port", "database"))
        if host is None or port is None or name is None:
            continue
        identity = (_host(str(host)), int(port), str(name))
        path = ("databases", key)
        if identity in own:
            what = f"{key} is the bot's own database: a restore of it would take the ledger back in time"
            yield _wrong("services.toml", path, what, "Remove it; the bot's database is looked after from outside")
        first = keys.setdefault(identity, key)
        if first != key:
            what = f"{key} and {first} are one database, so that two runs could change it at once"
            yield _wrong("services.toml", path, what, f"Keep one of them, e.g. {first}")


def _host(host: str) -> str:
    return "localhost" if host.lower() in LOCAL or host.startswith("/") else host.lower().rstrip(".")


def _of_url(environ: Mapping[str, str], name: str) -> Iterator[tuple[str, int, str]]:
    """The databases that a connection URL may lead to; a URL with several hosts leads to several."""
    try:
        parts = urlsplit(secret(name, environ))
        query = parse_qs(parts.query)
        hosts = query.get("host", [parts.netloc.rpartition("@")[2]])[0].split(",")
        database = parts.path.lstrip("/") or query.get("dbname", query.get("database", [parts.username or ""]))[0]
        for host in hosts:
            one = urlsplit(f"//{host}" if not host.startswith("/") else "//")
            port = int(query["port"][0].split(",")[0]) if "port" in query else one.port or 5432
            yield _host(one.hostname or ""), port, database
    except (LookupError, ValueError):
        return  # not set, or no URL at all: the settings' own check says so


def _names_in_policy(company: Company) -> Iterator[Wrong]:
    for index, rule in enumerate(company.policy.rules):
        beyond = [(("beyond", n, "approve"), "group", one.approve) for n, one in enumerate(rule.beyond)]
        remind = [(("remind", n, "whom"), "group", (one.whom,)) for n, one in enumerate(rule.remind)]
        plain = [(("ask",), "group", rule.ask), (("approve",), "group", rule.approve)]
        for path, kind, names in (*beyond, *remind, *plain, (("channels",), "channel", rule.channels)):
            known: Collection[str] = company.channels if kind == "channel" else company.groups
            for at, name in enumerate(names):
                if name not in known:
                    what = f"{path[-1]} names the {kind} {name!r}, which there is not"
                    place: Path = ("rule", index, *path) if path[0] == "remind" else ("rule", index, *path, at)
                    yield _wrong("policy.toml", place, what, meant(name, known))
        for at, pattern in enumerate(rule.environments):
            if not any(fnmatchcase(environment, pattern) for environment in company.environments):
                what = f"{pattern!r} is none of the environments that tandem.toml names"
                yield _wrong(
                    "policy.toml", ("rule", index, "environments", at), what, meant(pattern, company.environments)
                )


def _rules(company: Company, catalogue: Catalogue) -> Iterator[Wrong]:
    """What the rules come to, over every operation, environment and risk that can be."""
    policy, used = company.policy, set[int]()
    told: set[tuple[int | None, str]] = set()
    for command, entry in catalogue.entries.items():
        for environment in ("", *company.environments):
            highest = Risk.DESTRUCTIVE if entry.may_rise else entry.risk
            for risk in (r for r in Risk if entry.risk <= r <= highest):
                index, _ = governing(policy, command, environment, risk)
                used |= {index} if index is not None else set()
                for what, instead in _unapprovable(company, command, environment, risk):
                    if (index, instead) not in told:
                        told.add((index, instead))
                        where = f" in {environment}" if environment else ""
                        yield _wrong("policy.toml", ("rule", index or 0), f"/{command}{where}: {what}", instead)
    for index, rule in enumerate(policy.rules):
        if index not in used and rule.risk is None:
            what = "this rule never decides: earlier rules match all that it matches, and the first one counts"
            yield _wrong("policy.toml", ("rule", index), what, "Move it up, or remove it")


def _patterns(company: Company, catalogue: Catalogue) -> Iterator[Wrong]:
    for index, rule in enumerate(company.policy.rules):
        for at, pattern in enumerate(rule.operations):
            if not any(fnmatchcase(command, pattern) for command in catalogue.entries):
                path = ("rule", index, "operations", at)
                what = f"{pattern!r} matches no operation"
                yield _wrong("policy.toml", path, what, meant(pattern, catalogue.entries))


def _unapprovable(company: Company, command: str, environment: str, risk: Risk) -> Iterator[tuple[str, str]]:
    index, lifted = governing(company.policy, command, environment, risk)
    if index is None:
        return
    rule = company.policy.rules[index]
    if lifted is Risk.DESTRUCTIVE and not rule.approve:
        yield (
            "it destroys, and this rule names no approver, so nobody may",
            'Add approve = ["…"], a group for each approval',
        )
        return
    roster = possible(company)
    askers = [person for person, groups in roster.items() if groups & set(rule.ask)]
    most = (*rule.approve, *(group for beyond in rule.beyond for group in beyond.approve))
    for asker in askers:
        if match(most, roster, {asker}) is None:
            slots = ", ".join(most)
            what = f"if {asker} asks, nobody could approve it: it takes {len(most)} other people from {slots}"
            yield what, f"Add people to {slots}, or take {asker} out of {', '.join(rule.ask)}"
            return


def possible(company: Company) -> dict[str, frozenset[str]]:
    """Every active person's groups, everybody counted into each Slack user group, which only Slack knows."""
    unknown = frozenset(key for key, group in company.groups.items() if group.slack)
    return {
        person: groups | unknown for person, groups in company.groups_of().items() if company.people[person].accounts
    }


def _channel(company: Company, table: str, name: str, channel: str) -> Iterator[Wrong]:
    """Of a schedule or a hook."""
    if channel not in company.channels:
        what = f"channel names {channel!r}, which there is not"
        yield _wrong(f"{table}.toml", (table, name, "channel"), what, meant(channel, company.channels))


def _cron(name: str, schedule: Schedule) -> Iterator[Wrong]:
    from apscheduler.triggers.cron import CronTrigger

    try:
        next_tick = CronTrigger.from_crontab(schedule.cron, schedule.zone).get_next_fire_time(None, datetime.now(UTC))
    except ValueError:
        next_tick = None
    if next_tick is None:
        what = f"{schedule.cron!r} never comes round"
        instead = 'Write minute, hour, day, month and weekday, e.g. "0 2 * * *"'
        yield _wrong("schedules.toml", ("schedules", name, "cron"), what, instead)


def _run(company: Company, catalogue: Catalogue, path: Path, line: str, sound: bool) -> Iterator[Wrong]:
    """A line that config itself asks. Who could approve it is asked only where people and rules are sound."""
    file = f"{path[0]}.toml"
    found = understand(line, catalogue, company.known())
    if isinstance(found, (NotFound, WantsHelp)):
        what = f"{line!r} is no whole line"
        yield _wrong(file, path, what, "Write it as typed in Slack, e.g. /ops db backup shop")
        return
    if isinstance(found, Fault):
        instead = f"Write {found.line}" if found.line else "Write the line as it would be typed in Slack"
        yield _wrong(file, path, found.sentence.rstrip("."), instead)
        return
    entry, params = found.entry, found.params
    if sound:
        for what, instead in _approvable(company, entry.command, params, entry.risk):
            yield _wrong(file, path, what, instead)


def _approvable(company: Company, command: str, params: Input, floor: Risk) -> Iterator[tuple[str, str]]:
    wanted = need(company.policy, command, environment_of(params, company), floor)
    if wanted is None:
        yield f"no rule of policy.toml allows /{command} here, so its runs would be refused", "Add a rule for it"
        return
    if wanted.risk is not Risk.DESTRUCTIVE and not wanted.slots:
        return
    roster, slots = possible(company), slots_for(wanted, has_human_asker=False)
    if match(slots, roster) is None:
        many = f"{len(slots)} people from {', '.join(slots)}"
        what = f"nobody could approve its runs: with no human asker it takes {many}"
        yield what, f"Add people to {', '.join(sorted(set(slots)))}"


def _standing(company: Company, catalogue: Catalogue, name: str, schedule: Schedule) -> Iterator[Wrong]:
    """Whether the standing approval that a schedule allows is of use, and can be given by the people its runs need."""
    here: Path = ("schedules", name, "standing")
    found = understand(schedule.run, catalogue, company.known())
    if isinstance(found, (NotFound, WantsHelp, Fault)) or GIVES not in catalogue.entries:
        return
    command = found.entry.command
    wanted = need(company.policy, command, environment_of(found.params, company), found.entry.risk)
    if wanted is None:
        return
    if not wanted.slots:
        what = f"/{command} needs no approval here, so a standing one is of no use"
        yield _wrong("schedules.toml", here, what, "Remove standing")
        return
    giving = need(company.policy, GIVES, "", Risk.DESTRUCTIVE)
    lacks = Counter(wanted.slots) - Counter(giving.slots if giving else ())
    if lacks:
        groups = ", ".join(lacks.elements())
        what = f"its runs need the word of {', '.join(wanted.slots)}, and /{GIVES} does not ask {groups}"
        instead = f'Put a rule for "{GIVES}" into policy.toml with approve = {_listed(wanted.slots)}, above the others'
        yield _wrong("schedules.toml", here, what, instead)


def _listed(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
