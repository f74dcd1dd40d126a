"""What each command of the command line does."""

import argparse
import os
import pwd
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.model import Who, run_of
from bot.process import compose, opening
from bot.render import words
from bot.render.outcome import sentence
from bot.store import migrate as migration
from bot.store.pool import NotRecorded, Uncertain
from bot.store.views import Views

SAME_WORDS = "look at `python -m bot runs`, or type the same words again within two minutes: that finds the first"


async def run(said: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM."""
    from bot.process.running import serve

    return await serve(compose.ground())


async def check(said: argparse.Namespace) -> int:
    """Reads everything offline; faults are raised as Unfit."""
    ground = compose.ground()
    people, rules = len(ground.company.people), len(ground.company.policy.rules)
    print(
        f"{ground.company.name}: {len(ground.catalogue.entries)} operations, {people} people, {rules} rules. All fits."
    )
    if (refused := ", ".join(ground.catalogue.personal)) and ground.settings.personal_key is None:
        print(f"TANDEM_PERSONAL_KEY is not set here. Where the bot runs without it, it refuses {refused}.")
    return 0


async def doctor(said: argparse.Namespace) -> int:
    """Asks the outside."""
    from bot.doctor.report import examine

    return await examine(compose.ground())


async def migrate(said: argparse.Namespace) -> int:
    """Brings the database up to date."""
    ground = compose.ground()
    owner = opening.secret(ground.settings, "TANDEM_OWNER_URL")
    role = unquote(urlsplit(opening.secret(ground.settings, "DATABASE_URL")).username or "")
    try:
        for line in await migration.migrate(owner, role, ground.applied):
            print(line)
    except migration.MigrationRefused as refused:
        raise compose.Unfit([str(refused)]) from refused
    except opening.NOT_OPEN as error:
        raise compose.Unfit([opening.why("TANDEM_OWNER_URL", error)]) from None
    return 0


async def runs(said: argparse.Namespace) -> int:
    """Lists live runs, those that words speak of, or tells one."""
    ground = compose.ground()
    async with opening.opened(ground, size=1, fitting=False) as pool:
        views = Views(pool, ground.deeds.classes, compose.kept_in(pool, ground.settings))
        if len(said.words) == 1 and run_of(tag := said.words[0].lower()) is not None:
            return await _one(views, tag)
        for brief in await (views.found(said.words) if said.words else views.briefs("live", 50)):
            what = f"{brief.command} {words.target(None, brief.params)}"
            print(f"{brief.tag:6} {brief.state:18} {what}  {brief.requester_name}: {brief.reason}")
    return 0


async def _one(views: Views, tag: str) -> int:
    view = await views.run(tag)
    if view is None:
        print(f"There is no run {tag}; `python -m bot runs` lists the live ones.", file=sys.stderr)
        return 1
    print(f"{view.tag} {view.command} {view.state}: {view.plan.sentence if view.plan else ''}")
    for event in view.events:
        step = f" {event.step} ({event.way}, attempt {event.attempt})" if event.step else ""
        print(f"  {event.seq:3} {event.at:%Y-%m-%d %H:%M:%S} {event.kind}{step} {event.actor or ''}".rstrip())
    return 0


async def audit(said: argparse.Namespace) -> int:
    """Checks every chain and checkpoint, or prints the checkpoints."""
    from bot.store.audit import checkpoints, verify

    kept = _kept(said.against) if said.against else []
    async with opening.opened(compose.ground(), size=1, fitting=False) as pool:
        if said.what == "checkpoints":
            for at, digest in await checkpoints(pool):
                print(at.isoformat(), digest)
            return 0
        faults = await verify(pool, kept)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print("Every chain and every checkpoint fits.")
    return 1 if faults else 0


def _kept(path: Path) -> list[tuple[datetime, str]]:
    """The checkpoints of a file. Raises Unfit where it cannot be read or holds something else."""
    try:
        pairs = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [(datetime.fromisoformat(at), digest) for at, digest in pairs]
    except (OSError, ValueError) as error:
        what = f"{path} holds no checkpoints ({type(error).__name__})"
        raise compose.Unfit([f"{what}; write one with `python -m bot audit checkpoints > FILE`"]) from None


def _login() -> str:
    """Whom the system says this process belongs to; LOGNAME and USER are anybody's to set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name: nobody
        return ""


async def ask(said: argparse.Namespace) -> int:
    """Asks as the roster's person of this login, or as nobody; approving is for Slack only."""
    ground = compose.ground()
    entry, params = compose.typed(ground, said.line)
    login = _login()
    people = ground.company.people.items()
    person = next((key for key, p in people if login and p.login == login and p.active), None)
    accounts = ground.company.people[person].accounts if person else ()
    team, _, user = accounts[0].partition("/") if accounts else ("", "", "")
    who = Who(team=team, user=user, person=person if accounts else None)
    channel = ground.company.channels.get(said.channel or ground.company.fallback)
    if channel is None:
        keys = ", ".join(sorted(ground.company.channels))
        raise compose.Unfit([f"config has no channel {said.channel}: name one of {keys}"])
    key = f"cli/{login}/{datetime.now(UTC).isoformat()}"
    async with opening.opened(ground, size=2, door=True) as pool:
        service = compose.asking(ground, pool)
        try:
            outcome = await service.ask(who, channel, entry, params, key=key, words=said.line, via="cli")
        except NotRecorded:
            raise compose.Unfit(["the database did not take it in time, so nothing was asked; type it again"]) from None
        except Uncertain:
            raise compose.Unfit([f"nobody knows whether it was recorded; {SAME_WORDS}"]) from None
    if outcome.ok:
        print(f"Asked: {outcome.tag}. `python -m bot runs {outcome.tag}` tells how it goes.")
        return 0
    if person and not accounts:
        unknown = f'people.toml has login = "{login}" without accounts, so you asked as nobody. Add one, then migrate.'
    else:
        unknown = f'Nobody in people.toml has login = "{login}", so you asked as nobody. Add it there, then migrate.'
    print(sentence(outcome) if who.person else unknown, file=sys.stderr)
    return 1
