"""The Slack doors with everything behind them: signed requests in, thread out, on a real database."""

import asyncio
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from bot.catalogue import Catalogue
from bot.discovery import load
from bot.help import Help, Reader, help_for
from bot.hooks import Hook, Hooks
from bot.house import House
from bot.metrics import CountedClient, Metrics
from bot.model import Who
from bot.parse import Known
from bot.people.directory import Directory
from bot.people.roster import Roster
from bot.precedence import Precedence
from bot.render.message import Group, Names
from bot.service import Service
from bot.slack import Desk, Identity, build_app, socket_door
from bot.slack.message import OPENS
from bot.store.digests import Digests
from bot.store.letterbox import Letterbox
from bot.store.store import Doors
from bot.store.views import Views
from bot.thread.digest import Digester
from bot.thread.poster import Poster
from bot.web import Site
from deploy.local.slack import AppSpec, ChannelSpec, Manifest, PersonSpec, SlackServer, Workspace, WorkspaceSpec
from deploy.local.slack.spec import Shortcut, SlashCommand, TeamSpec
from tests.scenario import ops as more_ops
from tests.support.company import GROUPS, PEOPLE, TEAM, account
from tests.support.factory import LEASE, RULES, SEAL, Factory, catalogue, deeds
from tests.support.plugin import Home

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
DATABASES = ("shop", "billing")


class Account:
    def __init__(self, person: str) -> None:
        self.accounts, self.active, self.name = (f"{TEAM}/{account(person)}",), True, person.title()


class Company:
    """What config says of people, groups and channels, from the tests' company."""

    people: Mapping[str, Any] = {person: Account(person) for person in PEOPLE}
    groups: Mapping[str, Any] = {}
    turn: tuple[str, ...] = ("ben",)  # who is on call
    asleep: frozenset[str] = frozenset()  # who has quiet hours

    def person_of(self, team: str, user: str) -> str | None:
        return next((p for p in PEOPLE if (team, user) == (TEAM, account(p))), None)

    def groups_of(self, slack_groups: Mapping[str, frozenset[str]] | None = None) -> dict[str, frozenset[str]]:
        return {p: frozenset(g for g, members in GROUPS.items() if p in members) for p in PEOPLE}

    def on_call(self, at: datetime) -> tuple[str, ...]:
        return self.turn

    def quiet(self, person: str, at: datetime) -> bool:
        return person in self.asleep

    def channel_key(self, slack_id: str | None) -> str | None:
        return "ops" if slack_id else None


@cache
def _written() -> Any:
    """The manifest as it lies in its file."""
    return yaml.safe_load(MANIFEST.read_text())


def manifest() -> Manifest:
    """The manifest of the app, anew each time."""
    return Manifest.model_validate(deepcopy(_written()))


@cache
def operations() -> Catalogue:
    """The tests' operations, and those of the doors' own tests."""
    return Catalogue((*catalogue().entries.values(), *load(more_ops).catalogue.entries.values()))


def workspace(socket: bool) -> WorkspaceSpec:
    """The tests' people, a guest, somebody of another organisation, and an account that no roster lists."""
    installed = manifest()
    installed.features.slash_commands.append(SlashCommand(command="/test", should_escape=True))
    shortcut = Shortcut(name="Test write from this", callback_id=f"{OPENS}test write", type="message")
    installed.features.shortcuts.append(shortcut)
    installed.settings.socket_mode_enabled = socket
    listed = [PersonSpec(name=person, id=account(person)) for person in PEOPLE]
    others = [PersonSpec(name="gus", role="guest"), PersonSpec(name="ola", role="outsider"), PersonSpec(name="zoe")]
    members = [person.name for person in (*listed, *others)]
    return WorkspaceSpec(
        team=TeamSpec(id=TEAM),
        people=[*listed, *others],
        channels=[
            ChannelSpec(name="ops", members=members),
            ChannelSpec(name="general", general=True),
            ChannelSpec(name="releases", members=members),
        ],
        apps=[AppSpec(manifest=installed)],
    )


class Bot:
    """One replica: doors, service, engine, poster; and `slack`, which acts as any person."""

    slack: Workspace

    def __init__(
        self, home: Home, path: Path, *, socket: bool = False, doors: Doors | None = None, patience: int = 30,
        lease: timedelta = LEASE,
    ) -> None:  # fmt: skip
        """`doors` by another way to the database than the test's own. Sources of deliveries are put into `hooks`.

        `patience`: seconds after which a call of Slack's that was not answered is given up. `lease`: the worker's.
        """
        self.home, self.factory, self.socket = home, Factory(home, path, lease=lease), socket
        self.doors = doors or home.doors
        self.patience = patience
        self.hooks: dict[str, Hook] = {}
        self.server = SlackServer(workspace(socket), limits=False)
        self.precedence = Precedence()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Bot":
        await self.server.start()
        self.slack = self.server.workspace()
        spec = self.server.app()
        self.client = CountedClient(
            Metrics(), token=spec.bot_token, base_url=self.server.api_url, timeout=self.patience
        )
        self._wire()
        said = await self.client.auth_test()
        identity = Identity(
            team=said["team_id"], bot_id=said["bot_id"], bot_user_id=said["user_id"], bot_token=spec.bot_token
        )
        self.poster.bot_id = identity.bot_id
        app = build_app(self.desk, identity, None if self.socket else spec.signing_secret)
        hooks = Hooks(self.hooks, self.service.ask_as_nobody, self.home.ledger.now)
        self.precedence.watch(app)
        self.site = Site(app, ready=_ready, mounted=not self.socket, host="127.0.0.1", hooks=hooks)
        await self.site.start(0, 0)
        if self.socket:
            self._handler = socket_door(app, spec.app_token)
            await self._handler.connect_async()
        self.server.set_request_url(f"{self.site.address}/slack/events")
        self._tasks = [asyncio.create_task(self.factory.worker.run()), asyncio.create_task(self.poster.run())]
        self._tasks.append(asyncio.create_task(self.directory.run()))
        return self

    def _wire(self) -> None:
        factory, home = self.factory, self.home
        company = self.company = Company()
        house = cast(House, factory.worker.runner.handlers)
        offered = operations()
        object.__setattr__(house, "catalogue", offered)
        roster = Roster(company)
        self.directory = Directory(home.pool, self.client, roster, company, every=2)
        factory.worker.turn = self.precedence.turn
        self.poster = Poster(
            Letterbox(home.pool),
            factory.views,
            self.client,
            _names,
            self.id("general"),
            quiet=offered.quiet,
            turn=self.precedence.turn,
            places={"ops": self.id("ops"), "releases": self.id("releases"), "gone": "C0GONE"},
            digester=Digester(Digests(home.pool, apart=timedelta(0)), self.client),  # real seconds else
        )
        factory.worker.rested = self.poster.wake
        self.service = Service(
            house, roster, self.doors, home.ledger, Views(home.pool, deeds(), factory.kept),
            factory.worker.runner.planner.connectors, self.directory, self._committed, SEAL, factory.kept,
        )  # fmt: skip

        def find_help(who: Who, channel: str | None, words: Sequence[str]) -> Help:
            groups = roster.groups(who.person)
            reader = Reader(
                groups=frozenset(groups) if groups is not None else None, channel=company.channel_key(channel)
            )
            return help_for(words, offered, RULES, (), reader)

        known = Known(targets={"database": DATABASES})
        self.desk = Desk(self.service, offered, self.client, _names, known, help=find_help, fallback=self.id("general"))

    async def move_clock(self, by: timedelta) -> None:
        """Time goes on by so much, and what that makes due is looked at now."""
        await self.home.move_clock(by)
        self._committed()

    def _committed(self) -> None:
        self.factory.worker.wake()
        self.poster.wake()

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.socket:
            await self._handler.close_async()
        await self.desk.close()
        await self.site.stop()
        await self.server.stop()

    def id(self, name: str) -> str:
        found = self.server.state.person(name) or self.server.state.channel(name)
        assert found is not None, name
        return found.id

    async def asked(self) -> int:
        """How many runs were ever asked for."""
        return int(await self.home.pool.fetchval("SELECT count(*) FROM runs"))

    async def card(self, text: str, person: str = "ben") -> dict[str, Any]:
        """The newest card in #ops that says this."""
        return await self.slack.wait_for_message(person, "ops", text=text)

    async def told(self, card: Mapping[str, Any], text: str) -> dict[str, Any]:
        """The newest reply in a card's thread that says this."""
        return await self.slack.wait_for_message("ben", "ops", text=text, thread_ts=str(card["ts"]))


async def _ready() -> None:
    return None


def _names() -> Names:
    groups = {k: Group(title=k, members=m, mentions=tuple(account(p) for p in m)) for k, m in GROUPS.items()}
    groups["on-call"] = Group(title="on call", members=("ben",), mentions=(account("ben"),))
    accounts = {p: (account(p),) for p in PEOPLE}
    return Names(people={p: p.title() for p in PEOPLE}, groups=groups, accounts=accounts, on_call=frozenset({"ben"}))
