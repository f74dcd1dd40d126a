"""Where Sentry's SDK sends to: a real little HTTP server that keeps every envelope as it came."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Ingest:
    """What came."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.dsn = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        match request.headers.get("Content-Encoding"):
            case "gzip" if body[:2] == b"\x1f\x8b":
                body = gzip.decompress(body)
            case "deflate":
                body = zlib.decompress(body)
        self.bodies.append(body.decode())
        return web.json_response({})

    def events(self) -> list[dict[str, Any]]:
        """The event of each envelope: its header, its item's header, then the event."""
        return [json.loads(body.splitlines()[2]) for body in self.bodies]


@asynccontextmanager
async def ingesting() -> AsyncIterator[Ingest]:
    """One that listens."""
    kept = Ingest()
    app = web.Application()
    app.router.add_post("/api/7/envelope/", kept.take)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kept.dsn = f"http://public@127.0.0.1:{runner.addresses[0][1]}/7"
    try:
        yield kept
    finally:
        await runner.cleanup()
