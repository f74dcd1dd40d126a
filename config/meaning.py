"""Faults of meaning: names that name nothing, identities that clash, approvals that nobody could ever give."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, urlsplit

from bot.catalogue import Catalogue, NotFound, WantsHelp, environment_of, understand
from bot.fields import personal
from bot.model import Risk
from bot.parse import Fault
from bot.policy import Need, governing, match, need, slots_for
from config.company import Tandem
from config.faults import Path, Wrong, meant
from config.schemas import TARGETS
from config.seen import Approvals, Seen, Unread
from config.settings import secret

GIVES = "ops schedule approve"  # the operation by which a standing approval is given
LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", ""})  # noqa: S104
CALENDAR = timedelta(days=146_097)  # 400 years, after which it is the same again: a look beyond finds nothing
# Where config names a thing by its key, and what kind of thing that is.
NAMES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("tandem.toml", ("fallback",), "channel"),
    ("people.toml", ("groups", "*", "members", "*"), "person"),
    ("policy.toml", ("rule", "*", "ask", "*"), "group"),
    ("policy.toml", ("rule", "*", "approve", "*"), "group"),
    ("policy.toml", ("rule", "*", "beyond", "*", "approve", "*"), "group"),
    ("policy.toml", ("rule", "*", "remind", "*", "whom"), "group"),
    ("policy.toml", ("rule", "*", "channels", "*"), "channel"),
    ("schedules.toml", ("schedules", "*", "channel"), "channel"),
    ("hooks.toml", ("hooks", "*", "channel"), "channel"),
    ("services.toml", ("services", "*", "database"), "database"),
    ("services.toml", ("databases", "*", "services", "*"), "service"),
    ("services.toml", ("databases", "*", "vault"), "vault"),
)


def wrongs(seen: Seen, catalogue: Catalogue | None, environ: Mapping[str, str]) -> list[Wrong]:
    """Everything of this kind that is wrong in what could be read."""
    found = [
        *_names(seen),
        *_fallback(seen),
        *_environments(seen),
        *_once(seen),
        *_databases(seen, environ),
        *_cron(seen),
    ]
    if catalogue is None:
        return found
    found += [*_patterns(seen, catalogue), *_told(seen, catalogue)]
    approvals: Approvals | None = None
    environments: tuple[str, ...] = ()
    # Who could approve is asked of people and rules that are sound; else one mistake would be told as many.
    if not any(wrong.file in ("people.toml", "policy.toml") for wrong in found):
        with suppress(Unread):
            environments, approvals = seen.environments, seen.approvals()
    found += _rules(approvals, environments, catalogue) if approvals else ()
    for table in ("schedules", "hooks"):
        for path, line in seen.values(f"{table}.toml", table, "*", "run"):
            found += _run(seen, approvals, catalogue, path, line)
    return found


def _wrong(file: str, path: Path, what: str, instead: str) -> Wrong:
    return Wrong(file=file, path=path, what=what, instead=instead)


def _names(seen: Seen) -> Iterator[Wrong]:
    """Whatever is named by a key that nothing has."""
    for file, pattern, kind in NAMES:
        known = seen.names(kind)
        for path, name in seen.values(file, *pattern) if known is not None else ():
            if name not in (known or ()):
                who = next(part for part in reversed(path) if isinstance(part, str))
                what = f"{who} names the {kind} {name!r}, which there is not"
                yield _wrong(file, path, what, meant(name, known or ()))


def _fallback(seen: Seen) -> Iterator[Wrong]:
    """Where it is not written, it is a channel's key all the same."""
    with suppress(Unread):
        name, known = seen.text("tandem.toml", (), "fallback", None), seen.names("channel")
        default = Tandem.model_fields["fallback"].default
        if name is None and known is not None and default not in known:
            what = f"fallback is {default!r} where it is not written, and there is no such channel"
            yield _wrong("tandem.toml", ("fallback",), what, "Add fallback = the key of a channel")


def _environments(seen: Seen) -> Iterator[Wrong]:
    with suppress(Unread):
        known = seen.environments
        for table in TARGETS:
            for key in seen.blocks(table):
                with suppress(Unread):
                    environment = seen.setting(table, key, "environment")
                    if environment and environment not in known:
                        what = f"{key} is of the environment {environment!r}, which tandem.toml does not name"
                        instead = meant(str(environment), known)
                        yield _wrong("services.toml", (table, key, "environment"), what, instead)
        for path, pattern in seen.values("policy.toml", "rule", "*", "environments", "*"):
            if not any(fnmatchcase(environment, pattern) for environment in known):
                what = f"{pattern!r} is none of the environments that tandem.toml names"
                yield _wrong("policy.toml", path, what, meant(pattern, known))


def _once(seen: Seen) -> Iterator[Wrong]:
    """What belongs to one person, or to one group."""
    owner: dict[str, Path] = {}
    for path, account in seen.values("people.toml", "people", "*", "accounts", "*"):
        if (first := owner.setdefault(account, path)) != path:
            what = f"the account {account} is listed under {first[1]} already: one account is one person"
            yield _wrong("people.toml", path, what, "Keep it under one person")
    logins: dict[str, str] = {}
    for path, login in seen.values("people.toml", "people", "*", "login"):
        if login and (has := logins.setdefault(login, str(path[1]))) != path[1]:
            what = f"the login {login!r} is {has}'s already"
            yield _wrong("people.toml", path, what, "Give each person a login of their own")
    slack: dict[str, str] = {}
    for path, group in seen.values("people.toml", "groups", "*", "slack"):
        if (is_it := slack.setdefault(group, str(path[1]))) != path[1]:
            what = f"the Slack user group {group} is {is_it} already"
            yield _wrong("people.toml", path, what, "Name each Slack user group once")


def _databases(seen: Seen, environ: Mapping[str, str]) -> Iterator[Wrong]:
    own = {database for name in ("DATABASE_URL", "TANDEM_OWNER_URL") for database in _of_url(environ, name)}
    keys: dict[tuple[str, int, str], str] = {}
    for key in seen.blocks("databases"):
        try:
            host, port, name = (seen.setting("databases", key, part) for part in ("host", "port", "database"))
            identity = (_host(str(host)), int(port), str(name))
        except (Unread, ValueError, TypeError):
            continue
        path: Path = ("databases", key)
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


def _rules(approvals: Approvals, environments: Sequence[str], catalogue: Catalogue) -> Iterator[Wrong]:
    """What the rules come to, over every operation, environment and risk that can be."""
    policy, used = approvals.policy, set[int]()
    told: set[tuple[int | None, str]] = set()
    for command, entry in catalogue.entries.items():
        for environment in ("", *environments):
            highest = Risk.DESTRUCTIVE if entry.may_rise else entry.risk
            for risk in (r for r in Risk if entry.risk <= r <= highest):
                index, _ = governing(policy, command, environment, risk)
                used |= {index} if index is not None else set()
                for what, instead in _unapprovable(approvals, command, environment, risk):
                    if (index, instead) not in told:
                        told.add((index, instead))
                        where = f" in {environment}" if environment else ""
                        yield _wrong("policy.toml", ("rule", index or 0), f"/{command}{where}: {what}", instead)
    for index, rule in enumerate(policy.rules):
        if index not in used and rule.risk is None:
            what = "this rule never decides: earlier rules match all that it matches, and the first one counts"
            yield _wrong("policy.toml", ("rule", index), what, "Move it up, or remove it")


def _patterns(seen: Seen, catalogue: Catalogue) -> Iterator[Wrong]:
    for path, pattern in seen.values("policy.toml", "rule", "*", "operations", "*"):
        if not any(fnmatchcase(command, pattern) for command in catalogue.entries):
            yield _wrong("policy.toml", path, f"{pattern!r} matches no operation", meant(pattern, catalogue.entries))


def _told(seen: Seen, catalogue: Catalogue) -> Iterator[Wrong]:
    """Channels that operations tell."""
    known = seen.names("channel")
    for command, entry in catalogue.entries.items() if known is not None else ():
        for key in sorted(entry.tells - (known or frozenset())):
            what = f"/{command} tells the channel {key!r}, which there is not"
            yield _wrong("tandem.toml", ("channels",), what, f"Add {key} below [channels], or mend the operation")


def _unapprovable(approvals: Approvals, command: str, environment: str, risk: Risk) -> Iterator[tuple[str, str]]:
    index, lifted = governing(approvals.policy, command, environment, risk)
    if index is None:
        return
    rule = approvals.policy.rules[index]
    if lifted is Risk.DESTRUCTIVE and not rule.approve:
        yield (
            "it destroys, and this rule names no approver, so nobody may",
            'Add approve = ["…"], a group for each approval',
        )
        return
    roster = approvals.possible
    askers = [person for person, groups in roster.items() if groups & set(rule.ask)]
    most = (*rule.approve, *(group for beyond in rule.beyond for group in beyond.approve))
    for asker in askers:
        if match(most, roster, {asker}) is None:
            slots = ", ".join(dict.fromkeys(most))
            what = f"if {asker} asks, nobody could approve it: it takes {len(most)} other people from {slots}"
            yield what, f"Add people to {slots}, or take {asker} out of {', '.join(rule.ask)}"
            return


def _cron(seen: Seen) -> Iterator[Wrong]:
    from apscheduler.triggers.cron import CronTrigger

    for path, cron in seen.values("schedules.toml", "schedules", "*", "cron"):
        try:
            zone = seen.text("schedules.toml", path[:2], "zone", "UTC")
            trigger, now = CronTrigger.from_crontab(cron, zone), datetime.now(UTC)
            trigger.end_date = now + CALENDAR
            next_tick = trigger.get_next_fire_time(None, now)
        except Unread:
            continue
        except ValueError:
            next_tick = None
        if next_tick is None:
            what = f"{cron!r} never comes round"
            yield _wrong("schedules.toml", path, what, 'Write minute, hour, day, month and weekday, e.g. "0 2 * * *"')


def _run(seen: Seen, approvals: Approvals | None, catalogue: Catalogue, path: Path, line: str) -> Iterator[Wrong]:
    """A line that config itself asks. Who could approve it is asked only where people and rules are sound."""
    file = f"{path[0]}.toml"
    found = understand(line, catalogue, seen.known())
    if isinstance(found, (NotFound, WantsHelp)):
        yield _wrong(file, path, f"{line!r} is no whole line", "Write it as typed in Slack, e.g. /ops db backup shop")
        return
    if isinstance(found, Fault):
        if whole := _with_its_slash(line, catalogue, seen):
            yield _wrong(file, path, f"{line!r} does not begin with a slash command", f"Write {whole}")
            return
        instead = f"Write {found.line}" if found.line else "Write the line as it would be typed in Slack"
        yield _wrong(file, path, found.sentence.rstrip("."), instead)
        return
    if personal(found.params):
        what = "it holds a personal value, and the history of config keeps that for good: no erasure reaches it"
        yield _wrong(file, path, what, "Let people ask for it, or use an operation that names the person by id")
    if approvals is not None:
        with suppress(Unread):
            command, environment = found.entry.command, environment_of(found.params, seen)
            wanted = need(approvals.policy, command, environment, found.entry.risk)
            if wanted is None:
                ruled, _ = governing(approvals.policy, command, environment, found.entry.risk)
                if ruled is None:  # else told of the rule
                    what = f"no rule of policy.toml allows /{command} here, so its runs would be refused"
                    yield _wrong(file, path, what, "Add a rule for it")
                return
            for what, instead in _approvable(approvals, wanted):
                yield _wrong(file, path, what, instead)
            if file == "schedules.toml" and seen.has(file, (*path[:2], "standing")) and GIVES in catalogue.entries:
                yield from _standing(approvals, (*path[:2], "standing"), command, wanted)


def _with_its_slash(line: str, catalogue: Catalogue, seen: Seen) -> str:
    """The line behind the slash command that it lacks; empty where none makes it whole."""
    firsts = sorted({command.split(" ")[0] for command in catalogue.entries})
    lines = [f"/{first} {line}" for first in firsts] if not line.startswith("/") else []
    unfit = (NotFound, WantsHelp, Fault)
    return next((one for one in lines if not isinstance(understand(one, catalogue, seen.known()), unfit)), "")


def _approvable(approvals: Approvals, wanted: Need) -> Iterator[tuple[str, str]]:
    if wanted.risk is not Risk.DESTRUCTIVE and not wanted.slots:
        return
    slots = slots_for(wanted, has_human_asker=False)
    if match(slots, approvals.possible) is None:
        many = f"{len(slots)} people from {', '.join(dict.fromkeys(slots))}"
        what = f"nobody could approve its runs: with no human asker it takes {many}"
        yield what, f"Add people to {', '.join(sorted(set(slots)))}"


def _standing(approvals: Approvals, here: Path, command: str, wanted: Need) -> Iterator[Wrong]:
    """Whether the standing approval that a schedule allows is of use, and can be given by the people its runs need."""
    if not wanted.slots:
        what = f"/{command} needs no approval here, so a standing one is of no use"
        yield _wrong("schedules.toml", here, what, "Remove standing")
        return
    giving = need(approvals.policy, GIVES, "", Risk.DESTRUCTIVE)
    lacks = Counter(wanted.slots) - Counter(giving.slots if giving else ())
    if lacks:
        groups = ", ".join(lacks.elements())
        what = f"its runs need the word of {', '.join(wanted.slots)}, and /{GIVES} does not ask {groups}"
        instead = f'Put a rule for "{GIVES}" into policy.toml with approve = {_listed(wanted.slots)}, above the others'
        yield _wrong("schedules.toml", here, what, instead)


def _listed(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
