"""What the bot is measured against, each in a process of its own: Bolt as it comes, Bolt that commits once, no Bolt.

`python -m deploy.benches.rivals default|floor|bare` prints its port and serves until its standard input ends.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

INSERT = "INSERT INTO bench_floor (key, body) VALUES ($1, $2)"
PATH = "/slack/events"


async def _authorize() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0TANDEM", bot_user_id="U0BOT", bot_id="B0BOT")


def default(secret: str) -> AsyncApp:
    """Bolt as its guide shows it: acknowledges, and does nothing else."""
    app = AsyncApp(signing_secret=secret, authorize=_authorize)

    async def listen(ack: Any) -> None:
        await ack()

    app.command("/ops")(listen)
    return app


def floor(secret: str, pool: Any) -> AsyncApp:
    """One committed row, then the ack: the least that a bot can do which forgets nothing."""
    app = AsyncApp(signing_secret=secret, authorize=_authorize, process_before_response=True)

    async def listen(ack: Any, body: dict[str, Any]) -> None:
        await pool.execute(INSERT, body["trigger_id"], body["text"])
        await ack()

    app.command("/ops")(listen)
    return app


async def _bare(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


async def _made(name: str, environment: Mapping[str, str]) -> web.Application:
    if name == "bare":
        app = web.Application()
        app.router.add_post(PATH, _bare)
        return app
    secret = environment["SECRET"]
    if name == "default":
        return default(secret).web_app(PATH)
    return floor(secret, await asyncpg.create_pool(environment["DSN"], min_size=2, max_size=10)).web_app(PATH)


async def serve(name: str) -> None:
    runner = web.AppRunner(await _made(name, os.environ), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@asynccontextmanager
async def rival(name: str, secret: str = "", dsn: str = "") -> AsyncIterator[str]:
    """The URL of a rival that runs until the block ends."""
    environment = {**os.environ, "SECRET": secret, "DSN": dsn}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.benches.rivals", name,
        env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if child.stdin is None or child.stdout is None:
        raise OSError("the rival's pipes could not be opened")
    try:
        port = int(await child.stdout.readline())
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        child.stdin.close()
        await child.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
