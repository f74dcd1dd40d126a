"""What stands before Slack answers in its place: no call may end in anything but an error that the callers know."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError

from bot.metrics import CountedClient, Metrics
from bot.people.directory import Directory
from bot.people.roster import Roster
from deploy.local.slack import SlackServer
from tests.scenario.door import workspace
from tests.support.plugin import Home

BODIES = {
    "plain text": ("text/plain", "upstream connect error"),
    "a page": ("text/html", "<h1>503 Service Unavailable</h1>"),
    "JSON cut off": ("application/json", '{"ok": fal'),
    "JSON that is no object": ("application/json", "[]"),
    "an empty object": ("application/json", "{}"),
}


@asynccontextmanager
async def edge(answer: Callable[[], web.Response]) -> AsyncIterator[CountedClient]:
    """A client of a Slack that answers every call so."""
    async with edge_of(lambda request, form: answer()) as client:
        yield client


@asynccontextmanager
async def edge_of(answer: Callable[[web.Request, Mapping[str, Any]], web.Response]) -> AsyncIterator[CountedClient]:
    """The same, where the answer depends on what was asked."""

    async def give(request: web.Request) -> web.Response:
        return answer(request, {**request.query, **await request.post()})

    site = web.Application()
    site.router.add_post("/api/{method}", give)
    site.router.add_get("/api/{method}", give)
    runner = web.AppRunner(site)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield CountedClient(Metrics(), token="xoxb-1", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/api/")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("body", BODIES)
async def test_what_is_no_answer_of_slacks_is_a_line_that_broke(body: str, status: int) -> None:
    kind, text = BODIES[body]
    async with edge(lambda: web.Response(text=text, content_type=kind, status=status)) as client:
        with pytest.raises(ConnectionError):
            await client.auth_test()


async def test_a_wait_that_is_asked_for_in_plain_text_is_kept() -> None:
    async with edge(lambda: web.Response(text="later", status=429, headers={"Retry-After": "7"})) as client:
        with pytest.raises(SlackApiError) as refused:
            await client.auth_test()
    assert refused.value.response["error"] == "ratelimited"
    assert refused.value.response.headers["Retry-After"] == "7"


async def test_the_local_slack_has_a_bad_gateway() -> None:
    server = SlackServer(workspace(socket=False), limits=False)
    await server.start()
    try:
        client = CountedClient(Metrics(), token=server.app().bot_token, base_url=server.api_url)
        await server.workspace().fault("auth.test", "bad_gateway")
        with pytest.raises(ConnectionError, match="502"):
            await client.auth_test()
        await client.auth_test()
    finally:
        await server.stop()


async def test_an_answer_without_what_was_asked_for_ends_no_reading(home: Home) -> None:
    """The engine runs beside: were the directory to end, the whole replica would."""
    asked = asyncio.Semaphore(0)

    def answer() -> web.Response:
        asked.release()
        return web.json_response({"ok": True})

    listed: Any = SimpleNamespace(
        people={},
        groups={"dba": SimpleNamespace(slack="S0DBA")},
        groups_of=lambda read: {},
        person_of=lambda t, u: None,
    )
    async with edge(answer) as client:
        directory = Directory(home.pool, client, Roster(listed), listed, every=0.01)
        reading = asyncio.create_task(directory.run())
        try:
            for _ in range(3):
                async with asyncio.timeout(10):
                    await asked.acquire()
                directory.wake("S0DBA")
            assert not reading.done()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
