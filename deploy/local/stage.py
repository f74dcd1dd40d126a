"""Everything `make run` starts, in order, and ends again: databases, mail, services, Slack, and the bot itself."""

import asyncio
import base64
import fcntl
import os
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TextIO

import aiohttp

from bot.connectors.vault.keys import new_keyset
from deploy.local import services
from deploy.local.child import AGAIN_AFTER, Child
from deploy.local.databases import ORDERS, Databases, Words, more_orders, prepare
from deploy.local.first_minute import desk
from deploy.local.mailbox import Mailbox
from deploy.local.ports import kept_port, port_again
from deploy.local.postgres import Server
from deploy.local.slack import AppSpec, ChannelSpec, PersonSpec, SlackServer, TeamSpec, WorkspaceSpec
from deploy.local.slack.spec import GroupSpec, load_file

ROOT = Path(__file__).resolve().parents[2]
COMPANY = Path(__file__).parent / "company"
ROLES = {"dan": "guest", "eve": "outsider"}
READY_WITHIN = 60.0


def _key() -> str:
    """A fresh key of 32 bytes."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class NotReady(Exception):
    """Something did not come up; the text says what, and where its log is."""


class Stage:
    """The local workspace. `home` keeps databases, mail, backups and the workspace's messages between starts.

    `keep=False` is for a stage that is thrown away: no file of messages, no fsync, and a bot that was killed starts
    again at once. `port` is the page's; 0: the last one of this home, or any. `orders` is how much of the shop there is
    to lose. `real` is the environment of a bot in a real Slack workspace: then there is none here, and what that
    environment says goes before what is ours.
    """

    def __init__(
        self,
        home: Path,
        *,
        transport: str = "http",
        port: int = 0,
        keep: bool = True,
        orders: int = ORDERS,
        real: Mapping[str, str] | None = None,
    ) -> None:
        self.home, self.transport, self._port, self._keep, self._orders = home, transport, port, keep, orders
        self.real = real
        self._stack = AsyncExitStack()
        self.words = Words(home / "words")
        self.databases: Databases
        self.services: services.Services
        self.slack: SlackServer
        self.bot: Child
        self.bot_port = 0

    @property
    def page(self) -> str:
        """What to open."""
        return f"{self.slack.url}/?as=ana&channel=incidents"

    async def start(self) -> None:
        """Raises NotReady. Whatever was started is ended by `stop`, also after a failure."""
        self.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = self._stack.enter_context(self._locked())
        server = await asyncio.to_thread(Server.start, self.home / "postgres", durable=self._keep)
        self._stack.callback(server.stop)
        self.databases = await prepare(server, self.words, self._orders)
        mailbox = Mailbox(self.home / "mail")
        mail_port = await mailbox.start()
        self._stack.push_async_callback(mailbox.stop)
        self.services = await services.start(self._samples())
        self._stack.push_async_callback(self.services.stop)
        self.bot_port = self._stack.enter_context(kept_port())
        if self.real is None:
            await self._start_slack()
            print(self.page, file=lock, flush=True)
            environment = self._environment(mail_port)
        else:
            environment = self._in_a_real_workspace(mail_port, self.real)
        again_after = AGAIN_AFTER if self._keep else 0.0
        self.bot = Child(ROOT, self.home / "bot.log", environment, again_after)
        status, said = await self.bot.once("migrate")
        if status:
            raise NotReady(f"The bot's database could not be prepared:\n{said}")
        await self.bot.start()
        self._stack.push_async_callback(self.bot.stop)
        await self._until_ready()

    def _locked(self) -> TextIO:
        """The lock of this home, taken: it goes with the process, however that ends. It holds the page's address.

        Raises NotReady while another workspace runs here: two would share databases and files.
        """
        lock = (self.home / "run.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with lock:
                lock.seek(0)
                page = lock.read().strip()
            raise NotReady(
                f"`make run` runs in {self.home} already. "
                + (f"Its page is {page} : open that" if page else "Look at the window it was started in")
                + ", or end it with Ctrl-C and start again."
            ) from None
        lock.truncate(0)
        return lock

    async def _start_slack(self) -> None:
        file = self.home / "slack.json" if self._keep else None
        self.slack = SlackServer(
            self._with_tokens(workspace(self.transport)), file=file, desk=desk(self._kill, self.fresh)
        )
        self._stack.push_async_callback(self.slack.stop)
        await self._listen()
        self.slack.set_request_url(f"http://127.0.0.1:{self.bot_port}/slack/events")

    async def _listen(self) -> None:
        """Where the page was the last time, so that one that is open comes back.

        Raises NotReady where the port that was asked for is taken.
        """
        kept = self.home / "page.port"
        port = self._port or (port_again(kept) if self._keep else 0)
        try:
            await self.slack.start(port)
        except OSError as error:
            raise NotReady(
                f"The page cannot be on port {port} of 127.0.0.1: {os.strerror(error.errno or 0)}. "
                'End what listens there, or start with another port, such as `make run ARGS="--port 8300"`.'
            ) from None
        if self._keep:
            kept.write_text(self.slack.url.rpartition(":")[2])

    def _with_tokens(self, spec: WorkspaceSpec) -> WorkspaceSpec:
        """The tokens of this home in the place of those that anybody can work out."""
        spec.team.config_token = f"xoxe.xoxp-local-{self.words.of('slack-config')}"
        for app in spec.apps:
            app.bot_token = f"xoxb-local-{self.words.of('slack-bot')}"
            app.app_token = f"xapp-local-{self.words.of('slack-app')}"
            app.signing_secret = self.words.of("slack-signing")
            app.verification_token = self.words.of("slack-verification")
        return spec

    async def _kill(self) -> str:
        return await self.bot.kill()

    async def stop(self) -> None:
        await self._stack.aclose()

    def _samples(self) -> services.SampleSettings:
        dsn = self.databases.shop_url
        samples = tuple(services.SampleService(key=key, dsn=dsn) for key in ("web", "api"))
        return services.SampleSettings(services=samples, token=self.words.of("maintenance"))

    def _environment(self, mail_port: int) -> Mapping[str, str]:
        """The bot's whole environment: nothing of ours but the path, so that no token that lies about is used."""
        app = self.slack.app()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ}
        tokens = {"SLACK_APP_TOKEN": app.app_token} if self.transport == "socket" else {}
        return {
            **kept, **tokens, **self._samples_environment(mail_port),
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_SIGNING_SECRET": app.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "TANDEM_CONFIG": str(COMPANY),
        }  # fmt: skip

    def _in_a_real_workspace(self, mail_port: int, real: Mapping[str, str]) -> Mapping[str, str]:
        """What is set outside, also by a file, and the samples' for the rest; both roles are of the database here."""
        outside = {name: value for name, value in real.items() if value}
        outside = {name: value for name, value in outside.items() if name.removesuffix("_FILE") != "TANDEM_OWNER_URL"}
        samples = self._samples_environment(mail_port)
        samples = {name: value for name, value in samples.items() if f"{name}_FILE" not in outside}
        self.bot_port = int(outside.get("PORT", self.bot_port))
        return {**samples, **outside}

    def _samples_environment(self, mail_port: int) -> Mapping[str, str]:
        """The bot's database and keys, and where the sample company's things are."""
        return {
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.databases.bot_url,
            "TANDEM_OWNER_URL": self.databases.owner_url,
            "TANDEM_SEAL_KEY": self.words.kept("seal", _key),
            "TANDEM_PERSONAL_KEY": self.words.kept("personal", _key),
            "TANDEM_VAULT_KEYSET": self.words.kept("vault", new_keyset),
            "HOST": "127.0.0.1",
            "PORT": str(self.bot_port),
            "SHOP_HOST": "127.0.0.1",
            "SHOP_PORT": str(self.databases.server.port),
            "SHOP_PASSWORD": self.databases.operator_password,
            "VAULT_FOLDER": str(self._vault()),
            "WEB_URL": self.services.url("web"),
            "API_URL": self.services.url("api"),
            "PAYMENTS_STATUS_URL": self.services.status_page,
            "MAINTENANCE_TOKEN": self.words.of("maintenance"),
            "MAIL_PORT": str(mail_port),
        }

    def _vault(self) -> Path:
        folder = self.home / "vault"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def _until_ready(self) -> None:
        url = f"http://127.0.0.1:{self.bot_port}/readyz"
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_WITHIN
        async with aiohttp.ClientSession() as session:
            while loop.time() < end and not self.bot.ends:
                try:
                    async with session.get(url) as answer:
                        if answer.status == 200 and self._reachable():
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        tail = self.bot._log.read_text(errors="replace").splitlines()[-5:]
        raise NotReady("The bot did not become ready:\n" + "\n".join(tail))

    def _reachable(self) -> bool:
        """Whether a command typed now gets to the bot: it is ready before its first socket is open."""
        return self.real is not None or self.transport == "http" or self.slack.sockets() > 0

    async def first_backup(self) -> None:
        """Ana backs the shop up and has the backup verified, as she would; then orders come in that it lacks."""
        slack = self.slack.workspace()
        await slack.command("ana", "incidents", '/ops db backup shop reason="the first one"')
        await self._wait_for_vault("*.manifest", "backup")
        await slack.command("ana", "incidents", '/ops db verify-backup shop reason="the first one"')
        await self._wait_for_vault("*.verified", "verification")
        await more_orders(self.databases.shop_url, 4212)

    async def _wait_for_vault(self, pattern: str, what: str) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + 60
        while not list(self._vault().rglob(pattern)):
            if loop.time() > end:
                raise NotReady(f"The first {what} did not end within a minute; its thread in #incidents says why.")
            await asyncio.sleep(0.1)

    @property
    def fresh(self) -> bool:
        """Whether there is no backup yet."""
        return not any(self._vault().glob("*"))


def workspace(transport: str) -> WorkspaceSpec:
    """The sample company's Slack, from its config and the app's manifest."""
    data: Mapping[str, Any] = tomllib.loads((COMPANY / "people.toml").read_text())
    tandem: Mapping[str, Any] = tomllib.loads((COMPANY / "tandem.toml").read_text())
    manifest = load_file(ROOT / "deploy" / "slack-manifest.yaml")
    manifest["settings"]["socket_mode_enabled"] = transport == "socket"
    people = []
    for key, person in data["people"].items():
        for n, account in enumerate(person["accounts"]):
            team, _, user = account.partition("/")
            role: Any = ROLES.get(key, "member")
            name = key if n == 0 else f"{key}-{user.removeprefix(f'U0{key.upper()}').lower()}"
            title = person["name"] if n == 0 else f"{person['name']} (phone)"
            people.append(PersonSpec(name=name, real_name=title, tz=person["zone"], role=role, id=user, team_id=team))
    inside = [p.name for p in people]
    channels = [
        ChannelSpec(name=k, id=i, members=inside, general=k == "general") for k, i in tandem["channels"].items()
    ]
    groups = [GroupSpec(handle=key, name=g["name"], members=g["members"]) for key, g in data["groups"].items()]
    team = TeamSpec(name=tandem["company"], domain="marrow-and-pine", id=tandem["team"])
    return WorkspaceSpec(
        team=team,
        people=people,
        channels=channels,
        groups=groups,
        apps=[AppSpec.model_validate({"manifest": manifest})],
    )
