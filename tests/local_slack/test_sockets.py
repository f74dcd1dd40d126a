"""Socket Mode: hello, envelopes and acks, redelivery, disconnects, and what a person sees with no socket open."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.local_slack.bench import Bench, Seen, modal, plain, text_input


async def test_commands_modals_and_suggestions_work_over_a_socket(socket_bench: Bench) -> None:
    bench = socket_bench

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack("opening")
        await client.views_open(
            trigger_id=body["trigger_id"], view=modal("form", text_input("why", "Reason"), target())
        )

    @bench.bolt.options("target")
    async def targets(ack, payload):
        await ack(options=[{"text": plain(payload["value"]), "value": payload["value"]}])

    @bench.bolt.view("form")
    async def submitted(ack, view):
        if view["state"]["values"]["why"]["text"]["value"] == "bad":
            await ack(response_action="errors", errors={"why": "no"})
        else:
            await ack()

    assert (await bench.slack.command("ada", "ops", "/ops x")).text == "opening"
    view = await bench.slack.wait_for_view("ada")
    assert (await bench.slack.suggest("ada", view, "target", "shop")).options[0]["value"] == "shop"
    assert (await bench.slack.submit("ada", view, {"why": "bad", "target": "shop"})).errors == {"why": "no"}
    assert (await bench.slack.submit("ada", view, {"why": "good"})).ok


def target() -> dict:
    element = {"type": "external_select", "action_id": "target", "min_query_length": 1}
    return {"type": "input", "block_id": "target", "label": plain("Target"), "element": element}


async def test_a_command_nobody_listens_to_gets_no_ack_and_times_out(socket_bench: Bench) -> None:
    bench = socket_bench

    @bench.bolt.error
    async def silent(error):
        return None

    running = asyncio.create_task(bench.slack.command("ada", "ops", "/ops x"))
    await bench.slack.wait_for_log(lambda: bench.slack.log(kind="delivery", name="/ops"))
    await bench.slack.move_clock(3.1)
    assert "operation_timeout" in (await running).text


async def test_with_no_socket_open_the_dispatch_fails(socket_bench: Bench) -> None:
    assert await socket_bench.slack.cut_sockets() == 1
    ran = await socket_bench.slack.command("ada", "ops", "/ops x")
    assert (ran.result, ran.text) == ("no_socket", '/ops failed with the error "dispatch_failed"')


async def test_an_event_whose_ack_is_lost_comes_again_with_its_number(socket_bench: Bench) -> None:
    bench = socket_bench
    heard = Seen()

    @bench.bolt.event("message")
    async def said(request):
        num, reason = request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason")
        await heard.note((num[0] if num else None, reason[0] if reason else None))

    await bench.slack.fault("delivery:events_api", "lose_ack")
    await bench.slack.post("ada", "ops", "hello")
    await bench.slack.wait_for_log(lambda: bench.slack.log(kind="delivery", name="message"))
    await bench.slack.move_clock(3.1)
    await bench.slack.wait_for_log(lambda: _lost(bench))
    await bench.slack.move_clock(1.1)

    await heard.until(2)
    assert heard[1] == ("1", "timeout")


async def _lost(bench: Bench) -> bool:
    return bool([one for one in await bench.slack.log(kind="delivery", name="message") if one["result"] == "late"])


async def test_a_ticket_works_once_and_a_refresh_brings_the_client_back(socket_bench: Bench) -> None:
    bench = socket_bench
    spec = bench.server.app()
    client = AsyncWebClient(token=spec.app_token, base_url=bench.server.api_url)
    url = (await client.apps_connections_open(app_token=spec.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 2)
            assert hello["connection_info"] == {"app_id": spec.app_id}
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
    before = len(await bench.slack.log(kind="api", name="apps.connections.open"))
    await bench.slack.cut_sockets("refresh_requested")

    async def reopened() -> bool:
        opened = await bench.slack.log(kind="api", name="apps.connections.open")
        return len(opened) > before and bench.server.core.transport.sockets.count(spec.app_id) > 0

    await bench.slack.wait_for(reopened, what="new socket")


async def test_the_wrong_kind_of_token_is_refused(socket_bench: Bench) -> None:
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await socket_bench.api.apps_connections_open(app_token=socket_bench.server.app().bot_token)


async def test_an_eleventh_socket_is_sent_away(socket_bench: Bench) -> None:
    spec = socket_bench.server.app()
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(10):
            url = (await socket_bench.api.apps_connections_open(app_token=spec.app_token))["url"]
            sockets.append(await session.ws_connect(url))
        first = await sockets[-1].receive_json()
        assert (first["type"], first["reason"], first["num_connections"]) == ("disconnect", "too_many_websockets", 11)
        for socket in sockets:
            await socket.close()
