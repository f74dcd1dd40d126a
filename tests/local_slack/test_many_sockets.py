"""Several sockets of one app: who gets what, what is sent again, and how each of them ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.local_slack.bench import Bench, Seen, button


class Socket:
    """A bare client: notes its frames, and acks envelopes unless it is told not to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket, self.frames, self.silent = socket, Seen(), False
        self.payload: dict[str, Any] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            frame = message.json()
            await self.frames.note(frame)
            if "envelope_id" in frame and not self.silent:
                await self.socket.send_json({"envelope_id": frame["envelope_id"], **self.payload})
        await self.frames.note({"type": "closed", "code": self.socket.close_code})

    async def stop(self) -> None:
        await self.socket.close()
        await self._reading

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


class Sockets:
    """A workspace whose app is nothing but sockets."""

    def __init__(self, bench: Bench, session: aiohttp.ClientSession) -> None:
        self.bench, self._session = bench, session
        self.open: list[Socket] = []

    async def connect(self, more: str = "") -> Socket:
        token = self.bench.server.app().app_token
        url = (await self.bench.api.apps_connections_open(app_token=token))["url"]
        made = Socket(await self._session.ws_connect(url + more))
        self.open.append(made)
        await made.frames.until(1)
        return made


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    async with Bench(socket=True, connected=False) as bench, aiohttp.ClientSession() as session:
        made = Sockets(bench, session)
        yield made
        for one in made.open:
            await one.stop()


async def test_the_load_is_shared_and_each_envelope_goes_to_one(sockets: Sockets) -> None:
    three = [await sockets.connect() for _ in range(3)]
    assert [one.frames[0]["num_connections"] for one in three] == [1, 2, 3]
    ran = await sockets.bench.slack.burst("ada", "ops", ["/ops x"] * 9, at_once=3)
    assert {one["result"] for one in ran} == {"acked"}
    got = [frame["envelope_id"] for one in three for frame in one.frames if "envelope_id" in frame]
    assert len(set(got)) == len(got) == 9
    assert Counter(one.kinds().count("slash_commands") for one in three) == {3: 3}


async def test_an_event_that_is_not_acked_comes_again_on_another_socket(sockets: Sockets) -> None:
    slack = sockets.bench.slack
    deaf, other = await sockets.connect(), await sockets.connect()
    deaf.silent = other.silent = True
    await slack.post("ada", "ops", "hello")
    waiting = [asyncio.ensure_future(one.frames.until(2)) for one in (deaf, other)]
    _, still = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one_more in still:
        one_more.cancel()
    first, second = (deaf, other) if len(deaf.frames) > 1 else (other, deaf)
    second.silent = False
    await slack.move_clock(3.1)

    async def late() -> bool:
        return bool([one for one in await slack.log(kind="delivery", name="message") if one["result"] == "late"])

    await slack.wait_for_log(late)
    await slack.move_clock(1.1)
    await second.frames.until(2)
    envelope = second.frames[1]
    assert (envelope["type"], envelope["retry_attempt"], envelope["retry_reason"]) == ("events_api", 1, "timeout")
    assert envelope["payload"]["event_id"] == first.frames[1]["payload"]["event_id"]
    assert (first.frames[1]["retry_attempt"], first.frames[1]["retry_reason"]) == (0, "")


@pytest.mark.parametrize(
    ("reason", "closes"),
    [("warning", 10), ("refresh_requested", 10), ("link_disabled", 0), ("too_many_websockets", 0)],
)
async def test_each_reason_is_said_before_the_socket_goes(sockets: Sockets, reason: str, closes: int) -> None:
    one = await sockets.connect()
    assert await sockets.bench.slack.cut_sockets(reason) == 1
    await one.frames.until(2)
    assert (one.frames[1]["type"], one.frames[1]["reason"]) == ("disconnect", reason)
    assert ("num_connections" in one.frames[1]) == (reason == "too_many_websockets")
    if closes:
        assert not one.socket.closed
        await sockets.bench.slack.move_clock(closes)
    await one.frames.until(3)
    assert one.frames[2] == {"type": "closed", "code": 1000}


async def test_a_socket_lives_its_time_and_a_debug_socket_six_minutes(sockets: Sockets) -> None:
    one, brief = await sockets.connect(), await sockets.connect("&debug_reconnects=true")
    lives = [socket.frames[0]["debug_info"]["approximate_connection_time"] for socket in (one, brief)]
    assert lives == [18060, 360]
    await sockets.bench.slack.move_clock(351)
    await brief.frames.until(2)
    assert brief.frames[1]["reason"] == "warning"
    await sockets.bench.slack.move_clock(10)
    await brief.frames.until(3)
    assert one.kinds() == ["hello"]
    await sockets.bench.slack.move_clock(18000)
    await one.frames.until(2)
    assert one.frames[1]["reason"] == "warning"


async def test_switching_socket_mode_off_disables_the_link(sockets: Sockets) -> None:
    one = await sockets.connect()
    await sockets.bench.slack.set_app(socket_mode=False)
    await one.frames.until(3)
    assert (one.frames[1]["reason"], one.frames[2]["code"]) == ("link_disabled", 1000)


async def test_a_socket_lost_after_the_envelope_leaves_the_person_without_an_answer(sockets: Sockets) -> None:
    one, slack = await sockets.connect(), sockets.bench.slack
    one.silent = True
    await slack.fault("delivery:/ops", "cut")
    running = asyncio.create_task(slack.command("ada", "ops", "/ops x"))
    await one.frames.until(3)
    assert one.kinds() == ["hello", "slash_commands", "closed"]
    await slack.move_clock(3.1)
    assert (await running).text == '/ops failed with the error "operation_timeout"'


async def test_what_an_ack_of_a_click_carries_changes_nothing(sockets: Sockets) -> None:
    one, bench = await sockets.connect(), sockets.bench
    one.payload = {"payload": {"text": "no effect", "replace_original": True}}
    blocks = [{"type": "actions", "elements": [button("go", "Go")]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ada", "ops", text="x")
    assert (await bench.slack.click("ada", message, "Go")).ok
    sent = next(frame for frame in one.frames if frame["type"] == "interactive")
    assert sent["accepts_response_payload"] is False
    assert [said["text"] for said in await bench.slack.messages("ada", "ops")] == ["x"]
    assert await bench.slack.ephemerals("ada") == []


async def test_a_ticket_grows_old(sockets: Sockets) -> None:
    bench = sockets.bench
    url = (await bench.api.apps_connections_open(app_token=bench.server.app().app_token))["url"]
    await bench.slack.move_clock(61)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
