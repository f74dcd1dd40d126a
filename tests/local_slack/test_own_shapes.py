"""What is answered and sent, judged by the shapes that the documentation gives: wherever the tests run."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from deploy.local.slack.delivery import events
from deploy.local.slack.delivery.sockets import REASONS
from deploy.local.slack.interactions.values import KEYS
from deploy.local.slack.web.methods import ALL
from tests.local_slack import documented, sent
from tests.local_slack.bench import Bench, Recorder
from tests.local_slack.documented import ACTIONS, EVENTS, HELD, INTERACTIONS, METHODS
from tests.local_slack.everything import answers
from tests.local_slack.shapes import TS, Shape, wrong

TAKES_NONE = {"files.upload"}  # offered to be refused


def faults(shapes: dict[str, Shape], found: dict[str, list[Any]]) -> dict[str, list[str]]:
    """By name, what is wrong; names that have no shape too."""
    judged = {name: [line for one in all_of for line in wrong(shapes.get(name), one)] for name, all_of in found.items()}
    return {name: lines for name, lines in judged.items() if lines}


async def test_every_answer_has_the_documented_shape() -> None:
    async with Bench(socket=True) as bench:
        await answers(bench)
        entries = await bench.slack.log(kind="api")
    found: dict[str, list[Any]] = {}
    for one in entries:
        if one["result"] == "ok":
            found.setdefault(one["name"], []).append(one["answer"])
    assert set(METHODS) == set(found) == {method.name for method in ALL} - TAKES_NONE
    assert faults(METHODS, found) == {}


async def test_every_refusal_has_the_documented_shape(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.api.token}"}
    wrong_view: Any = {"trigger_id": "1.2.a", "view": {"type": "modal", "blocks": []}}
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("auth.test", {}, {}),
        ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, headers),
        ("chat.postMessage", {"text": "x"}, headers),
        ("chat.postMessage", {"channel": bench.id("ops"), "blocks": [{"type": "x"}]}, headers),
        ("views.open", wrong_view, headers),
        ("usergroups.create", {}, headers),
    ]
    async with aiohttp.ClientSession() as http:
        for method, args, given in asked:
            async with http.post(f"{bench.server.api_url}{method}", json=args, headers=given) as answer:
                assert wrong(documented.REFUSAL, await answer.json()) == [], method
        await bench.slack.set_app(scopes=[])
        async with http.post(f"{bench.server.api_url}team.info", headers=headers) as answer:
            assert wrong(documented.REFUSAL | {"needed": str, "provided": str}, await answer.json()) == []


async def test_every_event_has_the_documented_shape(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    found = await sent.events(bench, set(EVENTS))
    found["message"] += found.pop("message/by_a_bot")
    shapes = {name: documented.wrapped(name) for name in EVENTS}
    assert faults(shapes, found) == {}
    await events._too_many(bench.server.core, bench.server.state.app(), 1700000040)
    (told,) = await bench.slack.log(kind="delivery", name="app_rate_limited")
    assert wrong(documented.APP_RATE_LIMITED, told["request"]) == []


async def test_every_interaction_has_the_documented_shape(bench: Bench) -> None:
    async with sent.Offering() as app:
        bench.server.set_request_url(app.url)
        found = await sent.interactions(bench)
    assert set(found) == set(INTERACTIONS)
    assert faults(INTERACTIONS, dict(found)) == {}
    pressed = {act["type"]: act for one in found["block_actions/message"] for act in one["actions"]}
    assert set(pressed) == (set(ACTIONS) - {"file_input"}), "one of each that can stand in a message"
    ids = {"type": str, "block_id": str, "action_id": str, "action_ts": TS}
    assert (
        faults({kind: ids | of for kind, of in ACTIONS.items()}, {kind: [one] for kind, one in pressed.items()}) == {}
    )
    (form,) = [one["view"]["state"]["values"] for one in found["view_submission"]]
    held = {value["type"]: [value] for row in form.values() for value in row.values()}
    assert set(held) == set(HELD) == set(KEYS)
    assert faults({kind: {"type": kind, **of} for kind, of in HELD.items()}, held) == {}
    first = found["block_actions/message"][0]["state"]["values"]
    empty = {value["type"]: [value] for row in first.values() for value in row.values()}
    assert faults({kind: {"type": kind, **of} for kind, of in HELD.items()}, empty) == {}


async def test_every_frame_of_a_socket_has_the_documented_shape() -> None:
    async with Bench(socket=True, connected=False) as bench, aiohttp.ClientSession() as http:
        app = bench.server.app()
        for reason in (*(one for one in REASONS if one != "too_many_websockets"), "too_many_websockets"):
            url = (await bench.api.apps_connections_open(app_token=app.app_token))["url"]
            async with http.ws_connect(url) as socket:
                assert wrong(documented.HELLO, await socket.receive_json()) == []
                await bench.slack.post("ada", "ops", "hello")
                envelope = await socket.receive_json()
                assert wrong(documented.ENVELOPE | {"retry_attempt": int, "retry_reason": str}, envelope) == []
                await socket.send_json({"envelope_id": envelope["envelope_id"]})
                await bench.slack.cut_sockets(reason)
                goodbye = documented.TOO_MANY if reason == "too_many_websockets" else documented.GOODBYE
                assert wrong(goodbye, await socket.receive_json()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ts": 1700000000.000001}, "$.message.ts is 1700000000.000001"),
        ({"ts": "1700000000"}, "$.message.ts is '1700000000'"),
        ({"user": None}, "$.message.user is None"),
        ({"blocks": {}}, "$.message.blocks is no list"),
        ({"blocks": [{"type": "divider"}]}, "$.message.blocks[0] lacks block_id"),
        ({"bot_profile": "x"}, "$.message.bot_profile is no object"),
        ({"colour": "red"}, "$.message has colour, which nothing documents"),
    ],
)
async def test_a_shape_is_not_had_by_what_is_a_little_otherwise(
    bench: Bench, change: dict[str, Any], fault: str
) -> None:
    answer = (await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=[{"type": "divider"}])).data
    assert isinstance(answer, dict)
    assert wrong(METHODS["chat.postMessage"], answer) == []
    otherwise = json.loads(json.dumps(answer))
    otherwise["message"] |= change
    assert wrong(METHODS["chat.postMessage"], otherwise) == [fault]
    del otherwise["message"]
    assert wrong(METHODS["chat.postMessage"], otherwise) == ["$ lacks message"]
