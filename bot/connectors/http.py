"""The company's HTTP services: everything about one at once, whether they are healthy, and their maintenance switch."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bot.connectors import http_looks as looks
from bot.connectors.http_looks import Line, PoolStatus, Seen
from bot.connectors.http_switches import Switchboard
from bot.connectors.http_switches import Switches as Switches
from bot.connectors.http_switches import Unfinished as Unfinished
from bot.effect import (
    Attempt,
    Bad,
    Blind,
    Check,
    Connector,
    Effect,
    Good,
    Look,
    Pending,
    SecretName,
    Survival,
    Target,
    World,
)
from bot.model import Record
from bot.operation import See, Service, Unseen

if TYPE_CHECKING:
    import aiohttp


def _an_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no address: write it whole, e.g. https://www.example.com")
    return value


Address = Annotated[str, AfterValidator(_an_address)]


class ServiceSettings(Record):
    """One service. Paths are below `url`; a whole url is taken as it is. Secrets are named, never written here."""

    url: Address
    environment: str = "production"
    health: str = "/health"
    detailed: str | None = None  # answers a JSON object with `status` and, where it can, `database` and `pool`
    version: str | None = None  # answers JSON with `version` or `sha`
    critical: tuple[str, ...] = ()  # more paths that must answer below 400
    database: str | None = None  # the key of the database that it lives on
    expects_database: str | None = None  # the database name that its detailed health must report
    dns: str | None = None  # a name to resolve; by default the url's host
    tls: bool | None = None  # by default as the url says
    tls_warn_days: int = Field(default=14, ge=1)
    maintenance_url: str | None = None  # GET and PUT {"on": bool} under the bearer token
    maintenance_token: SecretName | None = None
    maintenance_marker: str = "maintenance"  # stands in the body of the 503 that the public sees
    bypass_header: str = "X-Maintenance-Bypass"  # carries the same token, to look behind the maintenance page
    dependencies: dict[str, Address] = Field(default_factory=dict)  # third party -> its status page's JSON
    ca_file: str | None = None  # a private CA's certificates, PEM
    proxy: str | None = None  # by default the environment's proxy rules; "none": always directly
    timeout: float = Field(default=3.0, ge=0.5, le=5.0)  # seconds, of each look

    @model_validator(mode="after")
    def _can_be_switched(self) -> "ServiceSettings":
        if self.maintenance_url and not self.maintenance_token:
            raise ValueError("its maintenance switch has no token: write maintenance_token = the name of a secret")
        return self


class HttpReads(Protocol):
    """What a handler may look at in one service."""

    async def probe(self) -> Mapping[str, Seen | Unseen]:
        """Every configured look at once, within the service's timeout. Raises nothing."""

    async def pool(self) -> PoolStatus | Unseen:
        """Its connections to the database, by its own count. Raises nothing."""

    async def maintained(self) -> bool:
        """Whether its maintenance switch is on. Raises Temporary or Permanent where the switch does not say."""


class Http(Connector[HttpReads, Switchboard]):
    """`world.targets` maps a service's key to its ServiceSettings."""

    serves = "service"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._session: aiohttp.ClientSession | None = None
        self._trusts: dict[str | None, ssl.SSLContext] = {}  # reading the certificates takes milliseconds

    async def open(self) -> None:
        import aiohttp

        if self._session is not None:
            return
        pool = aiohttp.TCPConnector(limit=200, force_close=True)
        self._session = aiohttp.ClientSession(connector=pool, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def reads(self, target: Target | None) -> HttpReads:
        if target is None:
            raise LookupError("which service? Name one by its key in config.")
        return _Looks(self, Service(key=target.key), self.line(target))

    async def hands(self, target: Target | None) -> Switchboard:
        return Switchboard(self)

    def line(self, target: Target) -> Line:
        """A way to that service. Raises LookupError."""
        settings = self.settings(target)
        if self._session is None:
            raise LookupError("the http connector is not open")
        return Line(self._session, settings.url, self._trust(settings.ca_file), settings.proxy, settings.timeout)

    def away(self, line: Line, url: str) -> Line:
        """A way to a third party: the public's certificates, not the company's own."""
        return replace(line, url=url, trust=self._trust(None))

    def _trust(self, ca_file: str | None) -> ssl.SSLContext:
        if ca_file not in self._trusts:
            self._trusts[ca_file] = ssl.create_default_context(cafile=ca_file)
        return self._trusts[ca_file]

    def token(self, target: Target) -> str:
        """The bearer token of that service's switch. Raises LookupError with what to set."""
        name = self.settings(target).maintenance_token
        if name is None:
            raise LookupError(f"service {target.key} has no maintenance_token in config")
        token: str = self.world.secret(name)
        return token

    def settings(self, target: Target) -> ServiceSettings:
        """What config says of that service. Raises LookupError."""
        if target.key not in self.world.targets:
            raise LookupError(f"config has no service {target.key}")
        settings: ServiceSettings = self.world.targets[target.key]
        return settings


class _Looks:
    def __init__(self, http: Http, service: Service, line: Line) -> None:
        self._http, self._service, self._settings, self._line = http, service, http.settings(service), line

    async def maintained(self) -> bool:
        return await Switchboard(self._http).state(self._service)

    async def probe(self) -> Mapping[str, Seen | Unseen]:
        s, line = self._settings, self._line
        host = urlsplit(s.url).hostname or ""
        asked = {"HTTP": looks.endpoint(line, "HTTP", s.health), "DNS": looks.dns(s.dns or host)}
        if s.tls if s.tls is not None else s.url.startswith("https:"):
            asked["TLS"] = looks.tls(line, s.tls_warn_days)
        if s.detailed:
            asked["detailed"] = looks.detailed(line, s.detailed, s.expects_database)
        if s.version:
            asked["version"] = looks.version(line, s.version)
        for path in s.critical:
            asked[path] = looks.endpoint(line, path, path, below=400)
        for name, url in s.dependencies.items():
            asked[name] = looks.status_page(self._http.away(line, url), name)
        answers = await asyncio.gather(*(looks.guarded(name, look, s.timeout) for name, look in asked.items()))
        return {name: seen for answer in answers for name, seen in answer.items()}

    async def pool(self) -> PoolStatus | Unseen:
        if not self._settings.detailed:
            return Unseen("config names no detailed health of it")
        found: list[PoolStatus | Unseen] = []

        async def look() -> looks.Looks:
            found.append(await looks.pool(self._line, self._settings.detailed or ""))
            return {}

        failed = await looks.guarded("pool", look(), self._settings.timeout)
        return (
            found[0]
            if found
            else Unseen(failed["pool"].said if isinstance(failed["pool"], Seen) else failed["pool"].why)
        )


def _together(found: Sequence[Look[None]]) -> Look[None]:
    """Several services as one look: the worst word counts."""
    for kind in (Bad, Blind):
        if told := [look.why for look in found if isinstance(look, kind)]:
            return kind("; ".join(told))
    if notes := [look.note for look in found if isinstance(look, Pending)]:
        return Pending(done=len(found) - len(notes), total=len(found), note="; ".join(notes))
    return Good(None)


async def switches(see: See, services: Sequence[str]) -> Switches:
    """How the maintenance switches of these services stand; one without a switch is passed over."""
    switched = [key for key in services if see.config(Service(key=key)).maintenance_url]
    looks = {key: (await see(Http, Service(key=key))).maintained() for key in switched}
    found = await see.all(looks, timedelta(seconds=6))
    return Switches(
        on=tuple(key for key, state in found.items() if state is True),
        unseen=tuple(state.why for state in found.values() if isinstance(state, Unseen)),
    )


class MaintenanceOn(Effect[None]):
    """The public sees the maintenance page of all these services."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(seconds=30)
    connector = Http
    services: tuple[Service, ...]

    def target(self) -> Target | None:
        return next(iter(self.services), None)

    async def do(self, on: Any, at: Attempt) -> None:
        await on.throw(self.services, True, at.key)


class MaintenanceOff(Effect[None]):
    """The public sees the services again. Never on and twice off are both fine."""

    survives: ClassVar[Survival] = Survival.IDEMPOTENT
    timeout: ClassVar[timedelta] = timedelta(seconds=30)
    connector = Http
    services: tuple[Service, ...]

    def target(self) -> Target | None:
        return next(iter(self.services), None)

    async def do(self, on: Any, at: Attempt) -> None:
        await on.throw(self.services, False, at.key)


class Healthy(Check[None]):
    """Every service says that it is well. Behind maintenance: looked at with the switch's own token.

    A service that may be coming up is Pending, for Until; `settled` says that it had been well, for Watch: then
    whatever is not good is Bad, but for what we could not see.
    """

    connector = Http
    services: tuple[Service, ...]
    behind_maintenance: bool = False
    settled: bool = False

    def target(self) -> Target | None:
        return next(iter(self.services), None)

    async def look(self, on: Any) -> Look[None]:
        found = await asyncio.gather(*(on.health(service, self.behind_maintenance) for service in self.services))
        together = _together(found)
        return Bad(together.note) if self.settled and isinstance(together, Pending) else together


class UnderMaintenance(Check[None]):
    """The public sees the maintenance page of every service, caches in between included."""

    connector = Http
    services: tuple[Service, ...]

    def target(self) -> Target | None:
        return next(iter(self.services), None)

    async def look(self, on: Any) -> Look[None]:
        return _together(await asyncio.gather(*(on.closed(service) for service in self.services)))
