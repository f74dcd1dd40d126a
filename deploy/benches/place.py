"""Where everything is measured: the local workspace with fsync on, and the real bot with fifty operations more."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import aiohttp
import psutil

from deploy.local.first_minute import STEPS
from deploy.local.postgres import Server
from deploy.local.slack.state import Person
from deploy.local.stage import COMPANY, ROOT, NotReady, Stage

LOOKS = 50
PEOPLE = 16  # of each: one person's asks wait for one another
RULE = """
[[rule]]
operations = ["ops bench change"]
ask = ["bench"]
approve = ["bench"]
"""
LOOK = '''
"""One of many operations that are there to be loaded."""

from datetime import timedelta

from pydantic import Field

from bot.operation import Answer, Database, Input, Observed, Operation, Plan, Risk, See


class Params(Input):
    database: Database
    over: timedelta = Field(default=timedelta(seconds={n}), description="a value of this operation")
    many: int = Field(default={n}, description="another one")


class Facts(Observed):
    many: int


class Look{n}(Operation[Params, Facts]):
    """Look at nothing, for the {n}th time."""

    risk = Risk.READ
    examples = ("/ops bench look-{n} shop",)

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, many=params.many)

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence="Look at nothing")

    def answer(self, params: Params, facts: Facts, results: object) -> Answer:
        return Answer(headline=f"{{facts.many}} times nothing")
'''
BOUNDS = "[limits]\nruns = 1000000\nruns_each = 1000000\n"  # a door that refuses writes no row to count
CHANGE = '''
"""Needs one approval, and then does nothing that anybody could notice."""

from bot.connectors.tandem import EndFreeze
from bot.operation import Input, Observed, Operation, Plan, Risk, See, Step


class Params(Input):
    pass


class Facts(Observed):
    pass


class Change(Operation[Params, Facts]):
    """End a freeze that never was."""

    risk = Risk.DESTRUCTIVE
    examples = ('/ops bench change reason="for the bench"',)

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at)

    def plan(self, params: Params, facts: Facts) -> Plan:
        end = Step("end", EndFreeze(name="never-was"), leaves="nothing", tells="End no freeze")
        return Plan(sentence="End no freeze", steps=(end,))
'''


def account(person: str) -> str:
    """The Slack user id of somebody whom the bench adds."""
    return f"U0{person.upper()}"


def _more_people(names: Sequence[str]) -> str:
    people = "".join(f'\n[people.{name}]\nname = "{name}"\naccounts = ["T0TANDEM/{account(name)}"]\n' for name in names)
    return f'{people}\n[groups.bench]\nname = "bench"\nmembers = {json.dumps(names)}\n'


class Place(Stage):
    """A workspace below `home` that is thrown away; rate limits off, commits durable."""

    askers = tuple(f"ask{n}" for n in range(PEOPLE))
    approvers = tuple(f"yes{n}" for n in range(PEOPLE))

    def __init__(self, home: Path) -> None:
        super().__init__(home, keep=False)

    async def start(self) -> None:
        """Raises NotReady."""
        self.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        await asyncio.to_thread(Server.start, self.home / "postgres", durable=True)  # the stage finds it running
        self._write()
        await super().start()
        await self.slack.workspace().limits(False)
        self.slack.core.desk.at = len(STEPS)  # a guide that nobody follows would read every message
        for name in (*self.askers, *self.approvers):
            user = account(name)
            self.slack.state.people[user] = Person(user, self.slack.state.team.id, name, name, name)
        async with self.databases.server.connect() as connection:
            if await connection.fetchval("SHOW fsync") != "on":
                raise NotReady("The database does not write durably, so nothing would be proved.")

    def _write(self) -> None:
        """The sample company with one rule more, and the handlers with an area `ops bench`."""
        company = self.home / "company"
        shutil.copytree(COMPANY, company)
        policy, people = company / "policy.toml", company / "people.toml"
        settings = company / "tandem.toml"
        settings.write_text(settings.read_text().replace("[limits]\nruns = 200\nruns_each = 20\n", BOUNDS))
        policy.write_text(RULE + policy.read_text())
        people.write_text(people.read_text() + _more_people((*self.askers, *self.approvers)))
        handlers = self.home / "code" / "handlers"
        shutil.copytree(ROOT / "handlers", handlers, ignore=shutil.ignore_patterns("__pycache__"))
        bench = handlers / "ops" / "bench"
        bench.mkdir()
        (bench / "change.py").write_text(CHANGE.lstrip())
        for n in range(1, LOOKS + 1):
            (bench / f"look_{n}.py").write_text(LOOK.lstrip().format(n=n))

    def _environment(self, mail_port: int) -> Mapping[str, str]:
        changed = {"TANDEM_CONFIG": str(self.home / "company")}
        found = {"PYTHONSAFEPATH": "1", "PYTHONPATH": f"{self.home / 'code'}:{ROOT}"}
        return {**super()._environment(mail_port), **changed, **found}

    @property
    def door(self) -> str:
        """Where the bot takes Slack's payloads."""
        return f"http://127.0.0.1:{self.bot_port}/slack/events"

    @property
    def secret(self) -> str:
        return self.slack.app().signing_secret

    @property
    def bot_url(self) -> str:
        """The bot's database, as the bot."""
        return self.databases.bot_url

    def memory(self) -> int:
        """Resident bytes of the bot's process."""
        if self.bot.pid is None:
            raise NotReady("The bot does not run.")
        return int(psutil.Process(self.bot.pid).memory_info().rss)

    async def start_again(self) -> float:
        """Ends the bot and starts it: seconds from the start of its process until it says that it is ready."""
        await self.bot.stop()
        begin = perf_counter()
        await self.bot.start()
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while not await self._says_ready(session):  # noqa: ASYNC110  another process's state
                await asyncio.sleep(0.005)
        return perf_counter() - begin

    async def _says_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.bot_port}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
