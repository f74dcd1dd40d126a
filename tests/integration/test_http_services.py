"""The http connector against real services: the samples, a TLS server with its own CA, ports that nobody listens on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web

from bot.connectors.http import (
    Healthy,
    Http,
    MaintenanceOff,
    MaintenanceOn,
    ServiceSettings,
    UnderMaintenance,
    Unfinished,
)
from bot.connectors.http_looks import Grade, Seen
from bot.effect import Bad, Blind, Good, Pending, Permanent, Temporary, World
from bot.operation import Service, Unseen
from deploy.local.ports import kept_port
from deploy.local.services import SampleService, SampleSettings, Services, start
from tests.integration.reached import Try

TOKEN = "canary-maintenance-token"


@pytest.fixture
async def samples(make_database: Any) -> AsyncIterator[Services]:
    services = (SampleService(key="shop", dsn=await make_database()), SampleService(key="web"))
    running = await start(SampleSettings(services=services, token=TOKEN))
    yield running
    await running.stop()


def settings(samples: Services, key: str, **changes: Any) -> ServiceSettings:
    block = {**samples.config(key), "maintenance_token": "SWITCH", "proxy": "none", **changes}
    return ServiceSettings.model_validate(block)


@pytest.fixture
async def connect() -> AsyncIterator[Any]:
    opened: list[Http] = []

    async def make(targets: dict[str, ServiceSettings]) -> Http:
        http = Http(World(targets=targets, secret={"SWITCH": TOKEN, "WRONG": "not it"}.__getitem__))
        await http.open()
        opened.append(http)
        return http

    yield make
    for http in opened:
        await http.close()


@pytest.fixture
async def http(samples: Services, connect: Any) -> Http:
    return await connect({key: settings(samples, key) for key in ("shop", "web")})


SHOP, WEB = Service(key="shop"), Service(key="web")
BOTH = (SHOP, WEB)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Nobody listens there, nor is anybody given it meanwhile."""
    with kept_port() as port:
        yield port


def grades(found: Any) -> dict[str, str]:
    return {name: seen.grade.value if isinstance(seen, Seen) else "unseen" for name, seen in found.items()}


async def test_one_probe_sees_everything_of_a_well_service(http: Http) -> None:
    found: Any = await (await http.reads(SHOP)).probe()
    looks = ("HTTP", "DNS", "detailed", "database", "pool", "version", "/", "payments")
    assert grades(found) == dict.fromkeys(looks, "good")
    assert found["version"].said == "1.4.2"
    assert found["database"].said.startswith("the service is connected to test_")


async def test_a_broken_service_is_bad_and_its_third_party_is_still_seen(http: Http, samples: Services) -> None:
    samples.breaks("shop", 500)
    samples.third_party("major")
    found: Any = await (await http.reads(SHOP)).probe()
    assert found["HTTP"] == Seen(grade=Grade.BAD, said="answers 500", ms=found["HTTP"].ms)
    assert found["payments"].said == "a major incident is open"
    assert found["DNS"].grade is Grade.GOOD


async def test_a_lost_database_shows_in_the_detailed_health(samples: Services, connect: Any, silent_port: int) -> None:
    broken = (SampleService(key="shop", dsn=f"postgresql://nobody@127.0.0.1:{silent_port}/gone"),)
    running = await start(SampleSettings(services=broken, token=TOKEN))
    http = await connect({"shop": settings(running, "shop")})
    found = await (await http.reads(SHOP)).probe()
    await running.stop()
    assert found["HTTP"].grade is Grade.GOOD
    assert found["detailed"].said == "answers 503, says error: database disconnected"
    assert found["database"].grade is Grade.BAD


async def test_the_wrong_database_is_bad_and_waiting_does_not_mend_it(samples: Services, connect: Any) -> None:
    http = await connect({"shop": settings(samples, "shop", expects_database="shop_r7_new")})
    found = await (await http.reads(SHOP)).probe()
    assert found["database"].grade is Grade.BAD
    look = await Healthy(services=(SHOP,)).look(await http.hands(SHOP))
    assert isinstance(look, Bad)
    assert "not to shop_r7_new" in look.why


async def test_nobody_listening_is_told_as_refused_without_an_address(connect: Any, silent_port: int) -> None:
    http = await connect({"shop": ServiceSettings(url=f"http://127.0.0.1:{silent_port}", proxy="none")})
    found = await (await http.reads(SHOP)).probe()
    assert found["HTTP"] == Seen(grade=Grade.BAD, said="refuses connections")
    assert str(silent_port) not in repr(found)
    look = await Healthy(services=(SHOP,)).look(await http.hands(SHOP))
    assert look == Pending(done=0, total=1, note="shop refuses connections")


async def test_a_silent_service_is_unseen_within_the_time_limit(connect: Any) -> None:
    met = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    http = await connect({"shop": ServiceSettings(url=url, proxy="none", timeout=0.5)})
    began = asyncio.get_running_loop().time()
    found = await (await http.reads(SHOP)).probe()
    assert met.is_set()
    assert found["HTTP"] == Unseen("no answer in 0.5 s")
    assert asyncio.get_running_loop().time() - began < 2
    assert isinstance(await Healthy(services=(SHOP,)).look(await http.hands(SHOP)), Blind)
    server.close()


async def test_a_body_full_of_secrets_is_never_repeated(connect: Any) -> None:
    body = {"status": "sk-live-canary", "database": {"status": "postgres://u:canary@h/d"}, "version": "a canary\nb"}

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    http = await connect({"shop": ServiceSettings(url=url, detailed="/d", version="/v", proxy="none")})
    found = await (await http.reads(SHOP)).probe()
    look = await Healthy(services=(SHOP,)).look(await http.hands(SHOP))
    await runner.cleanup()
    assert "canary" not in repr(found) + repr(look)
    assert found["version"].said == "something unreadable"


async def test_a_name_that_does_not_resolve_is_said(connect: Any) -> None:
    http = await connect({"shop": ServiceSettings(url="http://127.0.0.1:1", dns="nowhere.invalid", proxy="none")})
    found = await (await http.reads(SHOP)).probe()
    assert found["DNS"] in (Seen(grade=Grade.BAD, said="does not resolve"), Unseen("the resolver here does not answer"))


async def test_maintenance_goes_on_and_off_for_all_services_and_twice_is_once(http: Http, samples: Services) -> None:
    hands = await http.hands(SHOP)
    on, off = MaintenanceOn(services=BOTH), MaintenanceOff(services=BOTH)
    for _ in range(2):
        await on.do(hands, Try("close"))
        assert samples.in_maintenance("shop")
        assert samples.in_maintenance("web")
    assert samples.requests("shop").count(("PUT", "/admin/maintenance")) == 1
    assert await UnderMaintenance(services=BOTH).look(hands) == Good(None)
    for _ in range(2):
        await off.do(hands, Try("close"))
        assert not samples.in_maintenance("shop")
        assert not samples.in_maintenance("web")
    assert isinstance(await UnderMaintenance(services=BOTH).look(hands), Pending)


async def test_half_switched_services_are_all_switched_by_the_next_attempt(http: Http, samples: Services) -> None:
    hands = await http.hands(SHOP)
    await MaintenanceOn(services=(SHOP,)).do(hands, Try("close"))  # what a crash between the two leaves
    await MaintenanceOn(services=BOTH).do(hands, Try("close", 2))
    assert samples.in_maintenance("web")


async def test_how_a_switch_stands_is_seen_and_what_does_not_say_is_told(
    http: Http, samples: Services, connect: Any, silent_port: int
) -> None:
    reads = await http.reads(WEB)
    assert await reads.maintained() is False
    await MaintenanceOn(services=(WEB,)).do(await http.hands(WEB), Try("close"))
    assert await reads.maintained() is True
    away = settings(samples, "web", url=f"http://127.0.0.1:{silent_port}")
    http = await connect({"shop": settings(samples, "shop", maintenance_token="WRONG"), "web": away})
    with pytest.raises(Permanent, match="shop's maintenance switch answered 401"):
        await (await http.reads(SHOP)).maintained()
    with pytest.raises(Temporary, match="web's maintenance switch: refuses connections"):
        await (await http.reads(WEB)).maintained()


async def test_services_are_healthy_behind_maintenance_only_for_who_looks_behind(http: Http) -> None:
    hands = await http.hands(SHOP)
    await MaintenanceOn(services=BOTH).do(hands, Try("close"))
    assert await Healthy(services=BOTH, behind_maintenance=True).look(hands) == Good(None)
    assert isinstance(await Healthy(services=BOTH).look(hands), Pending)


async def test_a_wrong_token_switches_nothing_and_is_permanent(samples: Services, connect: Any) -> None:
    targets = {"shop": settings(samples, "shop"), "web": settings(samples, "web", maintenance_token="WRONG")}
    hands = await (await connect(targets)).hands(SHOP)
    with pytest.raises(Permanent, match="web's maintenance switch answered 401") as refused:
        await MaintenanceOn(services=BOTH).do(hands, Try("close"))
    assert not samples.in_maintenance("shop")
    assert TOKEN not in str(refused.value)


async def test_an_unreachable_switch_is_temporary_and_switches_nothing(
    samples: Services, connect: Any, silent_port: int
) -> None:
    gone = ServiceSettings(
        url=f"http://127.0.0.1:{silent_port}", maintenance_url="/m", maintenance_token="SWITCH", proxy="none"
    )
    hands = await (await connect({"shop": settings(samples, "shop"), "web": gone})).hands(SHOP)
    with pytest.raises(Temporary, match="refuses connections"):
        await MaintenanceOn(services=BOTH).do(hands, Try("close"))
    assert not samples.in_maintenance("shop")


async def test_a_failure_after_the_first_switch_claims_no_proof_and_the_next_attempt_finishes(
    samples: Services, connect: Any
) -> None:
    answers = iter((200, 500))

    async def switch(request: web.Request) -> web.Response:
        return web.json_response({"on": False}, status=next(answers))

    app = web.Application()
    app.router.add_route("*", "/m", switch)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    broken = ServiceSettings(url=url, maintenance_url="/m", maintenance_token="SWITCH", proxy="none")
    http = await connect({"shop": settings(samples, "shop"), "web": broken})
    with pytest.raises(Unfinished, match="web's maintenance switch answered 500"):
        await MaintenanceOn(services=BOTH).do(await http.hands(SHOP), Try("close"))
    await runner.cleanup()
    assert samples.in_maintenance("shop"), "so nothing may claim that nothing was switched"
    mended = await connect({key: settings(samples, key) for key in ("shop", "web")})
    await MaintenanceOn(services=BOTH).do(await mended.hands(SHOP), Try("close", 2))
    assert samples.in_maintenance("web")


async def test_a_settled_service_that_stops_answering_is_bad_at_once(http: Http, samples: Services) -> None:
    samples.breaks("shop", 503)
    hands = await http.hands(SHOP)
    assert isinstance(await Healthy(services=BOTH).look(hands), Pending)
    assert await Healthy(services=BOTH, settled=True).look(hands) == Bad("shop answers 503")


async def test_a_switch_that_hangs_after_the_order_is_neither_temporary_nor_permanent(connect: Any) -> None:
    ordered = asyncio.Event()

    async def switch(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"on": False})
        ordered.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_route("*", "/m", switch)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    slow = ServiceSettings(url=url, maintenance_url="/m", maintenance_token="SWITCH", timeout=0.5, proxy="none")
    hands = await (await connect({"shop": slow})).hands(SHOP)
    with pytest.raises(TimeoutError):
        await MaintenanceOn(services=(SHOP,)).do(hands, Try("close"))
    assert ordered.is_set()
    await runner.cleanup()


async def test_looks_go_through_the_configured_proxy(samples: Services, connect: Any) -> None:
    asked: list[str] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b" ", 2)[1].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    http = await connect({"shop": ServiceSettings(url="http://shop.invalid", proxy=proxy)})
    found = await (await http.reads(SHOP)).probe()
    server.close()
    assert found["HTTP"].grade is Grade.GOOD
    assert asked == ["http://shop.invalid/health"]
