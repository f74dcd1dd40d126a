"""Slack's limits, with the pointer of each fault; rate limits; faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.local.slack import Clock
from deploy.local.slack.client import ControlRefused
from tests.local_slack.bench import Bench, Seen, button, modal, mrkdwn, plain, text_input


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", **more}


OPTION = {"text": plain("o"), "value": "o"}
BAD_BLOCKS: list[tuple[list[dict[str, Any]], str]] = [
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    ([{"type": "banner"}], "unsupported type: banner [json-pointer:/blocks/0/type]"),
    (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    ([{"type": "header", "text": mrkdwn("x")}], "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    (
        [actions(*[button(f"a{n}", "x") for n in range(26)])],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    ([actions(button("a", "x" * 76))], "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"),
    (
        [actions(button("a", "x", "v" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        [actions(button("a", "x"), button("a", "y"))],
        "`action_id` a already exists in this block [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    (
        [actions({"type": "plain_text_input", "action_id": "t"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        [actions(select(options=[OPTION] * 101))],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        [actions(select(options=[{**OPTION, "value": "v" * 151}]))],
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    (
        [{"type": "context", "elements": [mrkdwn("x")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (
        [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
        "`block_id` a already exists [json-pointer:/blocks/1/block_id]",
    ),
    ([{"type": "divider", "colour": "red"}], "invalid additional property: colour [json-pointer:/blocks/0]"),
    ([{"type": "alert", "text": plain("x")}], "unsupported type: alert [json-pointer:/blocks/0/type]"),
]


async def test_blocks_beyond_a_limit_are_refused_with_their_pointer(bench: Bench) -> None:
    for blocks, fault in BAD_BLOCKS:
        with pytest.raises(SlackApiError) as caught:
            await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
        answer = caught.value.response
        assert answer["error"] == "invalid_blocks", fault
        assert fault in answer["errors"]
        assert answer["response_metadata"]["messages"] == [f"[ERROR] {one}" for one in answer["errors"]]


async def test_a_message_at_every_limit_is_taken(bench: Bench) -> None:
    blocks = [
        section("x" * 3000),
        actions(*[button(f"a{n}", "x" * 75, "v" * 2000) for n in range(25)]),
        {"type": "header", "text": plain("x" * 150)},
        actions(select(options=[{"text": plain("t" * 75), "value": "v" * 150}] * 100)),
        *[{"type": "divider"}] * 46,
    ]
    posted = await bench.api.chat_postMessage(channel=bench.id("ops"), text="x" * 40_001, blocks=blocks)
    assert posted["response_metadata"]["warnings"] == ["message_truncated"]
    assert len(posted["message"]["text"]) == 40_000
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await bench.api.chat_update(channel=bench.id("ops"), ts=posted["ts"], text="x" * 4001)


BAD_VIEWS: list[tuple[dict[str, Any], str]] = [
    ({"title": plain("x" * 25)}, "must be less than 25 characters [json-pointer:/view/title/text]"),
    ({"title": None}, "missing required field: title [json-pointer:/view]"),
    ({"submit": None}, "missing required field: submit [json-pointer:/view]"),
    ({"private_metadata": "x" * 3001}, "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
    ({"blocks": [{"type": "divider"}] * 101}, "no more than 100 items allowed [json-pointer:/view/blocks]"),
    ({"blocks": [section("x" * 3001)]}, "must be less than 3001 characters [json-pointer:/view/blocks/0/text/text]"),
    (
        {"blocks": [text_input("a", "l" * 2001)]},
        "must be less than 2001 characters [json-pointer:/view/blocks/0/label/text]",
    ),
]


async def test_views_beyond_a_limit_are_invalid_arguments_and_do_not_use_the_trigger_up(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    trigger = (await bench.slack.command("ada", "ops", "/ops")).trigger_id
    for change, fault in BAD_VIEWS:
        with pytest.raises(SlackApiError) as caught:
            await bench.api.views_open(trigger_id=trigger, view=modal("form", text_input("a", "A")) | change)
        assert caught.value.response["error"] == "invalid_arguments", fault
        assert f"[ERROR] {fault}" in caught.value.response["response_metadata"]["messages"]
    await bench.api.views_open(trigger_id=trigger, view=modal("form", text_input("a", "A")))


@pytest.fixture
async def still() -> AsyncIterator[Bench]:
    """Rate limits on, and a clock that stands until it is moved."""
    async with Bench(limits=True, connected=False, clock=Clock(lambda: 1_800_000_000.0)) as made:
        yield made


async def test_posts_are_limited_to_one_a_second_in_a_channel(still: Bench) -> None:
    ops = still.id("ops")
    for _ in range(5):
        await still.api.chat_postMessage(channel=ops, text="x")
    for name in (ops, "#ops"):  # the same channel by any of its names
        with pytest.raises(SlackApiError) as caught:
            await still.api.chat_postMessage(channel=name, text="x")
        assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
        assert caught.value.response.headers["Retry-After"] == "1"
    await still.api.chat_postMessage(channel=still.id("shared"), text="elsewhere is free")
    await still.slack.move_clock(1.1)
    await still.api.chat_postMessage(channel=ops, text="x")


async def test_each_tier_has_its_floor(still: Bench) -> None:
    """As many calls a minute as the tier promises pass, one more does not, and the other methods are free."""
    calls = {"users.info": (100, {"user": still.id("ada")}), "team.info": (50, {}), "emoji.list": (20, {})}
    for method, (floor, args) in calls.items():
        for _ in range(floor):
            await still.api.api_call(method, params=args)
        with pytest.raises(SlackApiError) as caught:
            await still.api.api_call(method, params=args)
        answer = caught.value.response
        assert (answer.status_code, answer["error"]) == (429, "ratelimited")
        assert int(answer.headers["Retry-After"]) == {100: 1, 50: 2, 20: 3}[floor]
    await still.slack.move_clock(60)
    await still.api.api_call("emoji.list")


async def test_faults_come_when_asked_for_and_as_often(bench: Bench) -> None:
    ops = bench.id("ops")
    await bench.slack.fault("chat.postMessage", "ratelimited", seconds=7)
    with pytest.raises(SlackApiError) as caught:
        await bench.api.chat_postMessage(channel=ops, text="x")
    assert caught.value.response.headers["Retry-After"] == "7"
    await bench.slack.fault("chat.postMessage", "error", code="fatal_error")
    with pytest.raises(SlackApiError, match="fatal_error"):
        await bench.api.chat_postMessage(channel=ops, text="x")
    await bench.slack.fault("api:*", "drop")
    with pytest.raises(aiohttp.ClientError):
        await raw_post(bench)
    assert await bench.slack.messages("ada", "ops") == []
    await bench.slack.fault("chat.postMessage", "lost")
    with pytest.raises(aiohttp.ClientError):
        await raw_post(bench)
    assert len(await bench.slack.messages("ada", "ops")) == 1
    await bench.api.chat_postMessage(channel=ops, text="fine again")
    with pytest.raises(ControlRefused, match="no fault; there are: ratelimited"):
        await bench.slack.fault("chat.postMessage", "gremlin")


async def raw_post(bench: Bench) -> None:
    """A post without the SDK's own retry after a lost connection."""
    headers = {"Authorization": f"Bearer {bench.api.token}"}
    body = {"channel": bench.id("ops"), "text": "x"}
    url = f"{bench.server.api_url}chat.postMessage"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers):
        return


async def test_a_slow_answer_waits_on_the_workspaces_clock(bench: Bench) -> None:
    await bench.slack.fault("auth.test", "slow", seconds=30)
    running = asyncio.create_task(bench.api.auth_test())
    await bench.slack.wait_for_log(lambda: bench.slack.log(kind="api", name="auth.test"))
    await bench.slack.move_clock(31)
    assert (await running)["ok"] is True


async def test_a_delivery_can_come_twice_and_be_repeated(bench: Bench) -> None:
    heard = Seen()

    @bench.bolt.command("/ops")
    async def ops(ack, body):
        await ack()
        await heard.note(body["trigger_id"])

    await bench.slack.fault("delivery:slash_commands", "duplicate")
    await bench.slack.command("ada", "ops", "/ops x")
    assert (await bench.slack.repeat("/ops"))["ok"]

    await heard.until(3)
    assert len(set(heard)) == 1


async def test_a_call_can_hang_until_the_client_gives_up(bench: Bench) -> None:
    await bench.slack.fault("auth.test", "hang")
    client = AsyncWebClient(token=bench.api.token, base_url=bench.server.api_url, timeout=1)
    with pytest.raises(TimeoutError):
        await client.auth_test()
    assert (await client.auth_test())["ok"]
