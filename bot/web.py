"""The bot's own addresses: Slack's payloads, deliveries, two health checks, and the metrics on a port of their own."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.hooks import REFUSED, Hooks

LIMIT = 1 << 20  # bytes of a request; Slack's largest payload is a view of 250 KB
Ready = Callable[[], Awaitable[str | None]]


class Site:
    """One HTTP server for Slack and the platform's probes, one for the metrics; nothing listens before `start`."""

    def __init__(
        self, app: AsyncApp | None, *, ready: Ready, mounted: bool = True, host: str = "0.0.0.0",  # noqa: S104
        registry: CollectorRegistry = REGISTRY, hooks: Hooks | None = None,
    ) -> None:  # fmt: skip
        """`ready` gives None, or why this replica should get no traffic. `mounted` False: Socket Mode, no payloads.

        Without an app a payload is answered with 503, until one is set.
        """
        self.app, self.ready, self.mounted, self.host, self.registry = app, ready, mounted, host, registry
        self.hooks = hooks
        self.address = ""
        self.metrics_address = ""
        self._runners: list[web.AppRunner] = []

    async def start(self, port: int, metrics_port: int | None = None) -> None:
        """Listens; port 0 takes a free one, which `address` then tells. Raises OSError where a port is taken."""
        site = web.Application(client_max_size=LIMIT)
        site.router.add_get("/healthz", self._alive)
        site.router.add_get("/readyz", self._ready)
        if self.mounted:
            site.router.add_post("/slack/events", self._slack)
        if self.hooks is not None:
            site.router.add_post("/hooks/{source}", self._hook)
        self.address = await self._listen(site, port)
        if metrics_port is not None:
            metrics = web.Application()
            metrics.router.add_get("/metrics", self._metrics)
            self.metrics_address = await self._listen(metrics, metrics_port)

    async def stop(self) -> None:
        """Takes nothing new, and lets what is under way end."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def _listen(self, site: web.Application, port: int) -> str:
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=5)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self.host, port).start()
        shown = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104
        return f"http://{shown}:{runner.addresses[0][1]}"

    async def _slack(self, request: web.Request) -> web.Response:
        """The signature is checked by Bolt, over the raw body."""
        if self.app is None:
            return web.Response(text="not yet\n", status=503)
        answer = await self.app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    async def _hook(self, request: web.Request) -> web.Response:
        """Checked over the bytes as they came: what is packed would be unpacked by now, and is not read."""
        if self.hooks is None or "Content-Encoding" in request.headers:
            return web.Response(text=REFUSED, status=401)
        headers = {name.lower(): request.headers.getall(name) for name in request.headers}
        status, text = await self.hooks.take(request.match_info["source"], headers, await request.read())
        return web.Response(text=text, status=status)

    async def _alive(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _ready(self, request: web.Request) -> web.Response:
        why = await self.ready()
        return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
