"""The workspace as a server: routes, the loopback guard, start and stop."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from . import scheduling
from .avatars import draw
from .client import Workspace
from .clock import Clock
from .control.door import ControlDoor
from .core import Core
from .delivery import events
from .delivery.transport import Transport
from .desk import Desk
from .interactions.response_urls import ResponseUrlDoor
from .spec import AppSpec, WorkspaceSpec
from .state import InstalledApp, State
from .state.file import StateFile
from .state.seed import seed
from .web.door import Door
from .web.files import FileDoor
from .web.methods import ALL

PAGE = Path(__file__).parent / "page"
REAL = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_USER_TOKEN", "SLACK_SIGNING_SECRET")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
BODY_MOST = 128 * 1024 * 1024


class SlackServer:
    """One local workspace. `file` keeps it across restarts; `limits` False switches the rate limits off.

    `desk` is what else the page offers; `page` the folder of the page's files.
    """

    def __init__(
        self,
        workspace: WorkspaceSpec,
        *,
        clock: Clock | None = None,
        file: str | Path | None = None,
        limits: bool = True,
        desk: Desk | None = None,
        page: Path = PAGE,
    ) -> None:
        self.clock = clock or Clock()
        self.state = State(workspace, self.clock)
        self._file = StateFile(file) if file else None
        if self._file:
            self._file.load(self.state)
        self.core = Core(workspace, self.clock, self.state, limits=limits)
        self.core.desk = desk or Desk()
        self._page_files, self.core.page = page, _print_of(page)
        self.core.transport = Transport(self.core)
        self.core.keep = self.flush
        seed(self.state)
        self._runner: web.AppRunner | None = None
        self._clients: list[Workspace] = []

    @property
    def url(self) -> str:
        """Where the page and the control API are, without a slash at the end."""
        return self.core.base_url

    @property
    def api_url(self) -> str:
        """The base_url for an SDK client, with its slash."""
        return f"{self.url}/api/"

    def app(self, name: str = "") -> AppSpec:
        """The app by id or display name, or the only one: its tokens, secret and ids. Raises LookupError."""
        return self._installed(name).spec

    def _installed(self, name: str) -> InstalledApp:
        for app in self.state.apps.values():
            if not name or name in (app.id, app.spec.name):
                return app
        raise LookupError(f"no app {name!r} is installed in this workspace")

    def set_request_url(self, url: str, app: str = "") -> None:
        """Where the app takes commands, events and interactions: one URL for all."""
        self._installed(app).request_url = url

    def sockets(self, app: str = "") -> int:
        """How many sockets the app has open."""
        return self.core.transport.sockets.count(self._installed(app).id)

    def workspace(self) -> Workspace:
        """A client that acts as people; closed by `stop`."""
        client = Workspace(self.url)
        self._clients.append(client)
        return client

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen on a loopback port; 0 takes a free one.

        Raises OSError when it is taken, ValueError off loopback, or beside a real workspace's tokens.
        """
        if host not in LOOPBACK:
            raise ValueError(
                f"the local Slack listens on loopback only, not on {host!r}: it lets anybody act as anyone"
            )
        if strange := self._strange_tokens():
            raise ValueError(
                f"{', '.join(strange)} is set: beside a real workspace's tokens nothing starts that lets anybody "
                "act as anyone; unset it and start again"
            )
        await self.core.transport.open()
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1024)
        await site.start()
        bound = self._runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        self.core.base_url = f"http://{shown}:{bound[1]}"
        scheduling.arm_all(self.core)
        events.resume(self.core)
        if self.core.desk.guide:
            self.core.spawn(self.core.desk.follow(self.core))

    def _strange_tokens(self) -> list[str]:
        """The variables that hold, or name a file of, tokens that this workspace did not make up."""
        specs = [app.spec for app in self.state.apps.values()]
        own = {token for spec in specs for token in (spec.bot_token, spec.app_token, spec.signing_secret)}
        names = [name for real in REAL for name in (real, f"{real}_FILE")]
        return [name for name in names if os.environ.get(name) and os.environ[name] not in own]

    async def stop(self) -> None:
        """Stop listening, end every delivery under way, keep the file."""
        for client in self._clients:
            await client.close()
        await self.core.settle()
        await self.core.transport.close()
        if self._runner:
            await self._runner.cleanup()
        self.core.keep = lambda: None
        if self._file:
            self._file.flush(self.state)
            self._file.close()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard()], client_max_size=BODY_MOST)
        core = self.core
        door, control, urls, files = Door(core, ALL), ControlDoor(core), ResponseUrlDoor(core), FileDoor(core)
        app.router.add_route("*", "/api/{method}", door.handle)
        for family in ("commands", "actions", "app"):
            app.router.add_post(f"/{family}/{{team}}/{{number}}/{{secret}}", urls.handle)
        app.router.add_get("/link/", core.transport.sockets.accept)
        app.router.add_post("/upload/v1/{secret}", files.take)
        app.router.add_get("/files-pri/{team}-{file}/{name}", files.give)
        app.router.add_get("/control/changes", control.changes)
        app.router.add_get("/control/live", control.live)
        app.router.add_post("/control/{verb}", control.handle)
        app.router.add_get("/avatar/{name}.svg", self._avatar)
        app.router.add_get("/", self._page)
        app.router.add_static("/page/", self._page_files)
        return app

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._page_files / "index.html", headers={"Content-Security-Policy": POLICY})

    async def _avatar(self, request: web.Request) -> web.StreamResponse:
        key, _, size = request.match_info["name"].rpartition("-")
        person = self.state.people.get(key)
        name = person.real_name if person else self.state.team.name
        image = draw(key, name, int(size) if size.isdigit() else 48, app=bool(person and person.bot_of))
        headers = {"Cache-Control": "max-age=86400"}
        return web.Response(text=image, content_type="image/svg+xml", headers=headers)

    def _guard(self) -> Middleware:
        """Only loopback names in Host, only for our own page; and nothing is answered before it is kept."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            host = request.host.rpartition(":")[0] if not request.host.endswith("]") else request.host
            if (host or request.host).strip("[]") not in LOOPBACK:
                return web.Response(status=403, text="the local Slack answers to loopback names only")
            if _of_another_page(request):
                return web.Response(status=403, text="the local Slack answers to its own page only")
            try:
                answer = await handler(request)
            finally:
                self.flush()
            if isinstance(answer, web.FileResponse):
                answer.headers["Cache-Control"] = "no-cache"
            return answer

        return guard

    def flush(self) -> None:
        """Write what changed to the file, when there is one."""
        if self._file:
            self._file.flush(self.state)
        else:
            self.state.dirty.clear()
            self.state.dirty_stacks.clear()


def _of_another_page(request: web.Request) -> bool:
    """Whether a browser sends this for a page that is not ours. A link may lead here, to the page itself alone."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    if origin not in (None, f"http://{request.host}"):
        return True
    followed = request.path == "/" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    return site not in ("same-origin", "none") and not followed


def _print_of(folder: Path) -> str:
    """Changes with any of the page's files: a page that was opened before then loads itself anew."""
    files = sorted(folder.iterdir())
    return sha256(b"".join(sha256(file.read_bytes()).digest() for file in files if file.is_file())).hexdigest()[:16]


async def serve(workspace: WorkspaceSpec, *, port: int, file: str | None = None, limits: bool = True) -> None:
    """Run a workspace until cancelled."""
    server = SlackServer(workspace, file=file, limits=limits)
    await server.start(port=port)
    print(f"local Slack on {server.url}", flush=True)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await server.stop()
