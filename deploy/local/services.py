"""Sample services to operate on: one process, several services, with health, a maintenance switch, a status page."""

import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
from aiohttp import web

from bot.model import Record

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BYPASS = "X-Maintenance-Bypass"
DATABASE_TIMEOUT = 2.0  # seconds
SEEN_KEPT = 10_000
PAGES = {"none": "All Systems Operational", "minor": "Minor Service Outage", "major": "Partial System Outage"}


class SampleService(Record):
    """One service: `dsn` is the database that its detailed health queries, None for a service without one."""

    key: str
    version: str = "1.4.2"
    dsn: str | None = None
    pool_size: int = 5
    max_overflow: int = 5


class SampleSettings(Record):
    """`token` opens the maintenance switches; port 0 takes a free one."""

    services: tuple[SampleService, ...]
    token: str
    host: str = "127.0.0.1"
    port: int = 0
    third_party: str = "payments"


@dataclass
class _State:
    """What one service is doing now; changed by its switch and by whoever plays with the samples."""

    service: SampleService
    version: str
    maintenance: bool = False
    maintained_by: str | None = None
    broken: int | None = None  # a status that every public answer has
    seen: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=SEEN_KEPT))  # (method, path), the newest
    held: list[asyncpg.Connection] = field(default_factory=list)


class Services:
    """The running samples."""

    def __init__(self, settings: SampleSettings) -> None:
        self._settings = settings
        self._states = {s.key: _State(s, s.version) for s in settings.services}
        self._indicator = "none"
        self._runner: web.AppRunner | None = None
        self._port = 0

    def url(self, key: str) -> str:
        """The base url of one service; its paths follow. Raises KeyError."""
        return f"http://{self._settings.host}:{self._port}/{self._states[key].service.key}"

    @property
    def status_page(self) -> str:
        """The third party's status page, in the shape of statuspage.io."""
        return f"http://{self._settings.host}:{self._port}/{self._settings.third_party}-status/api/v2/status.json"

    def config(self, key: str) -> dict[str, object]:
        """This service as a block of config, as bot.connectors.http.ServiceSettings reads it, but for its secret."""
        return {
            "url": self.url(key),
            "environment": "production",
            "detailed": "/health/detailed",
            "version": "/version",
            "critical": ("/",),
            "maintenance_url": "/admin/maintenance",
            "bypass_header": BYPASS,
            "dependencies": {self._settings.third_party: self.status_page},
        }

    def deploy(self, key: str, version: str) -> None:
        """From now on that version runs."""
        self._states[key].version = version

    def breaks(self, key: str, status: int | None) -> None:
        """Every public answer of the service has this status; None: it is well again."""
        self._states[key].broken = status

    def maintains(self, key: str, on: bool) -> None:
        """Somebody throws its maintenance switch by hand."""
        self._states[key].maintenance = on

    async def hold(self, key: str, connections: int) -> None:
        """The service keeps that many connections of its pool busy until it stops."""
        state = self._states[key]
        for _ in range(connections):
            state.held.append(await asyncpg.connect(state.service.dsn, timeout=DATABASE_TIMEOUT))

    def third_party(self, indicator: str) -> None:
        """What the third party's page says: none, minor or major."""
        self._indicator = indicator

    def in_maintenance(self, key: str) -> bool:
        return self._states[key].maintenance

    def requests(self, key: str) -> tuple[tuple[str, str], ...]:
        """(method, path) of the newest requests that reached the service."""
        return tuple(self._states[key].seen)

    async def stop(self) -> None:
        for state in self._states.values():
            while state.held:
                await state.held.pop().close(timeout=DATABASE_TIMEOUT)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get(f"/{self._settings.third_party}-status/api/v2/status.json", self._page)
        app.router.add_route("*", "/{service}/admin/maintenance", self._switch)
        public: Mapping[str, Handler] = {
            "/": self._home,
            "/health": self._health,
            "/health/detailed": self._detailed,
            "/version": self._version,
        }
        for path, handler in public.items():
            app.router.add_get("/{service}" + path, self._public(handler))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    def _state(self, request: web.Request) -> _State:
        state = self._states.get(request.match_info["service"])
        if state is None:
            raise web.HTTPNotFound
        state.seen.append((request.method, request.path.removeprefix(f"/{state.service.key}")))
        return state

    def _public(self, handler: Handler) -> Handler:
        async def gate(request: web.Request) -> web.StreamResponse:
            state = self._state(request)
            if state.maintenance and not self._knows(request.headers.get(BYPASS, "")):
                body = {"maintenance": True, "message": "Down for maintenance, back soon."}
                return web.json_response(body, status=503, headers={"Retry-After": "60"})
            if state.broken is not None:
                return web.json_response({"status": "error"}, status=state.broken)
            return await handler(request)

        return gate

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._settings.token.encode())

    async def _switch(self, request: web.Request) -> web.StreamResponse:
        state = self._state(request)
        if not self._knows(request.headers.get("Authorization", "").removeprefix("Bearer ")):
            raise web.HTTPUnauthorized
        if request.method == "PUT":
            try:
                body = await request.json()
                state.maintenance, state.maintained_by = _wanted(body)
            except (json.JSONDecodeError, ValueError):
                return web.json_response({"error": 'send {"on": true} or {"on": false}'}, status=422)
        elif request.method != "GET":
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "PUT"])
        return web.json_response({"on": state.maintenance, "by": state.maintained_by})

    async def _home(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"{request.match_info['service']} sample service\n")

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"})

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"version": self._states[request.match_info["service"]].version})

    async def _detailed(self, request: web.Request) -> web.StreamResponse:
        state = self._states[request.match_info["service"]]
        body: dict[str, object] = {"status": "ok", "timestamp": datetime.now(UTC).isoformat()}
        if state.service.dsn is None:
            return web.json_response(body)
        name = await _database_name(state.service.dsn)
        if name is None:
            body |= {"status": "error", "database": {"status": "disconnected"}}
            return web.json_response(body, status=503)
        pool = {
            "checked_out": sum(not connection.is_closed() for connection in state.held),
            "pool_size": state.service.pool_size,
            "max_overflow": state.service.max_overflow,
        }
        return web.json_response(body | {"database": {"status": "connected", "name": name}, "pool": pool})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        status = {"indicator": self._indicator, "description": PAGES[self._indicator]}
        page = {"id": self._settings.third_party, "name": self._settings.third_party.title()}
        return web.json_response({"page": page, "status": status})


def _wanted(body: object) -> tuple[bool, str | None]:
    if not isinstance(body, dict) or not isinstance(body.get("on"), bool):
        raise ValueError("no state")
    by = body.get("by")
    return body["on"], by if isinstance(by, str) else None


async def _database_name(dsn: str) -> str | None:
    """The database's own answer to which one it is, None where it gives none."""
    try:
        connection = await asyncpg.connect(dsn, timeout=DATABASE_TIMEOUT, command_timeout=DATABASE_TIMEOUT)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    try:
        name: str = await connection.fetchval("SELECT current_database()")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    else:
        return name
    finally:
        await connection.close(timeout=DATABASE_TIMEOUT)


async def start(settings: SampleSettings) -> Services:
    """Serves until `stop`. Raises OSError where the port is taken."""
    services = Services(settings)
    await services._serve()
    return services
