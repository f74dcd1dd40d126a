"""Certificates as the http connector and the mail connector see them, of servers with an authority of their own."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.connectors.http import Healthy, Http, ServiceSettings
from bot.connectors.http_looks import Grade, Seen
from bot.effect import Bad, Good, World
from bot.operation import Service
from tests.integration.certificates import Authority
from tests.support.wires import tunnelling

SHOP = Service(key="shop")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def serve() -> AsyncIterator[Any]:
    running: list[web.AppRunner] = []

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def start(context: ssl.SSLContext) -> int:
        app = web.Application()
        app.router.add_get("/health", answer)
        running.append(web.AppRunner(app))
        await running[-1].setup()
        await web.TCPSite(running[-1], "127.0.0.1", 0, ssl_context=context).start()
        port: int = running[-1].addresses[0][1]
        return port

    yield start
    for runner in running:
        await runner.cleanup()


@pytest.fixture
async def connect() -> AsyncIterator[Any]:
    opened: list[Http] = []

    async def make(port: int, **changes: Any) -> Http:
        block = {"url": f"https://127.0.0.1:{port}", "proxy": "none", **changes}
        http = Http(World(targets={"shop": ServiceSettings.model_validate(block)}))
        await http.open()
        opened.append(http)
        return http

    yield make
    for http in opened:
        await http.close()


async def tls(http: Http) -> Any:
    return (await (await http.reads(SHOP)).probe())["TLS"]


async def test_a_certificate_that_is_good_for_long_is_good(authority: Authority, serve: Any, connect: Any) -> None:
    http = await connect(await serve(authority.server(60)), ca_file=str(authority.ca_file))
    seen = await tls(http)
    assert (seen.grade, seen.said) == (Grade.GOOD, "certificate good for 60 more days")
    assert await Healthy(services=(SHOP,)).look(await http.hands(SHOP)) == Good(None)


async def test_a_certificate_that_ends_soon_warns(authority: Authority, serve: Any, connect: Any) -> None:
    http = await connect(await serve(authority.server(13)), ca_file=str(authority.ca_file))
    assert (await tls(http)).grade is Grade.WARNS


async def test_an_expired_certificate_is_bad_and_waiting_does_not_mend_it(
    authority: Authority, serve: Any, connect: Any
) -> None:
    http = await connect(await serve(authority.server(-1)), ca_file=str(authority.ca_file))
    found = await (await http.reads(SHOP)).probe()
    assert found["TLS"].said == found["HTTP"].said == "its certificate has expired"
    look = await Healthy(services=(SHOP,)).look(await http.hands(SHOP))
    assert look == Bad("shop: its certificate has expired")


async def test_a_certificate_of_nobody_we_trust_and_one_for_another_host_are_told_apart(
    authority: Authority, serve: Any, connect: Any
) -> None:
    stranger = await connect(await serve(authority.server(60)))
    assert await tls(stranger) == Seen(grade=Grade.BAD, said="its certificate is not trusted", lasting=True)
    port = await serve(authority.server(60, host="127.0.0.9"))
    other = await connect(port, ca_file=str(authority.ca_file))
    assert (await tls(other)).said == "its certificate is for another name"


async def test_the_certificate_is_looked_at_through_the_proxy(authority: Authority, serve: Any, connect: Any) -> None:
    port = await serve(authority.server(60))
    async with tunnelling() as tunnel:
        http = await connect(port, ca_file=str(authority.ca_file), proxy=tunnel.url)
        found = await (await http.reads(SHOP)).probe()
    assert found["TLS"].grade is Grade.GOOD
    assert found["HTTP"].grade is Grade.GOOD
    assert tunnel.asked == [f"127.0.0.1:{port}"] * 2
