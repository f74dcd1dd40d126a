"""Faults of deliveries, response_urls and event subscriptions; what a switch changes."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError, SlackRequestError

from deploy.local.slack import AppSpec, Manifest, WorkspaceSpec
from deploy.local.slack.client import ControlRefused
from deploy.local.slack.delivery import quota
from deploy.local.slack.switches import Switches
from tests.local_slack.bench import Bench, Recorder, Seen, button, modal, text_input
from tests.local_slack.test_web_api import refused


async def _texts(recorder: Recorder) -> list[str]:
    return [json.loads(body)["event"]["text"] for _, body in recorder.requests]


async def test_events_can_come_in_another_order(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    await bench.slack.fault("delivery:message", "reorder", seconds=60)
    await bench.slack.post("ada", "ops", "first")
    await bench.slack.post("ada", "ops", "second")
    await recorder.count(2)
    assert await _texts(recorder) == ["second", "first"]


async def test_a_delivery_that_is_slow_or_never_arrives_is_late(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    for fault in ("slow", "hang"):
        await bench.slack.fault("delivery:/ops", fault, seconds=10)
        running = asyncio.create_task(bench.slack.command("ada", "ops", f"/ops {fault}"))
        await bench.slack.wait_for_log(lambda: bench.slack.log(kind="delivery", name="/ops"))
        await bench.slack.move_clock(3.1)
        assert (await running).result == "late"
        await bench.slack.move_clock(10)
    await recorder.count(1)
    assert "slow" in recorder.requests[0][1]
    await bench.slack.fault("delivery:/ops", "drop")
    assert (await bench.slack.command("ada", "ops", "/ops drop")).result == "unreachable"
    assert len(recorder.requests) == 1


async def test_a_response_url_fails_as_asked_and_the_web_api_does_not(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    url = (await bench.slack.command("ada", "ops", "/ops")).response_url
    async with aiohttp.ClientSession() as session:
        for fault, status in (("ratelimited", 429), ("server_error", 500)):
            await bench.slack.fault("response_url", fault, seconds=7)
            await bench.api.auth_test()
            async with session.post(url, json={"text": "x"}) as answer:
                assert answer.status == status
                assert status != 429 or answer.headers["Retry-After"] == "7"
        await bench.slack.fault("response_url", "lost")
        with pytest.raises(aiohttp.ClientError):
            await session.post(url, json={"text": "acted on"})
    assert [one["text"] for one in await bench.slack.ephemerals("ada")] == ["acted on"]


async def test_the_bytes_of_a_file_can_be_refused_and_sent_again(bench: Bench) -> None:
    await bench.slack.fault("upload", "server_error")
    upload: dict[str, Any] = {"filename": "a.txt", "content": "abc", "channel": bench.id("ops")}
    with pytest.raises(SlackRequestError):
        await bench.api.files_upload_v2(**upload)
    await bench.api.files_upload_v2(**upload)
    await bench.slack.wait_for_message("ada", "ops")


async def test_an_app_that_has_had_too_many_events_is_told_once_a_minute(
    bench: Bench, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "EVENTS_AN_HOUR", 2)
    bench.server.set_request_url(recorder.url)
    for number in range(5):
        await bench.slack.post("ada", "ops", f"n{number}")
    await recorder.count(3)
    kinds = [json.loads(body)["type"] for _, body in recorder.requests]
    assert sorted(kinds) == ["app_rate_limited", "event_callback", "event_callback"]
    await bench.slack.move_clock(3601)
    await bench.slack.post("ada", "ops", "an hour later")
    await recorder.count(4)


async def test_an_app_that_fails_nearly_always_hears_no_more(
    bench: Bench, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "FAILING_FROM", 2)
    bench.server.set_request_url(recorder.url)
    recorder.answers = [web.Response(status=500, headers={"x-slack-no-retry": "1"}) for _ in range(3)]
    for number in range(2):
        await bench.slack.post("ada", "ops", f"n{number}")
        await recorder.count(number + 1)
    await bench.slack.wait_for_log(lambda: bench.slack.log(name="subscriptions_off"))
    await bench.slack.post("ada", "ops", "unheard")
    await bench.slack.set_app(events_off=False)
    await bench.slack.post("ada", "ops", "heard again")
    await recorder.count(3)
    assert await _texts(recorder) == ["n0", "n1", "heard again"]


async def test_the_reason_of_a_retry_is_why_it_failed(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    recorder.answers = [web.Response(status=307, headers={"Location": "/again"}) for _ in range(4)]
    await bench.slack.post("ada", "ops", "round and round")
    await bench.slack.wait_for_log(lambda: _retried(bench))
    assert {h.get("x-slack-retry-reason") for h, _ in recorder.requests} >= {"too_many_redirects"}


async def _retried(bench: Bench) -> bool:
    return any(one["attempt"] for one in await bench.slack.log(kind="delivery", name="message"))


async def test_events_reach_only_apps_that_may_see_them(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    await bench.slack.set_app(scopes=["channels:history", "chat:write"])
    said = await bench.slack.post("bo", "elsewhere", "not a member")
    await bench.slack.react("bo", said, "eyes")
    await bench.slack.set_person("bo", title="Unseen")
    await bench.slack.post("ada", "private", "no scope")
    await bench.slack.post("ada", "ops", "seen")
    await recorder.count(1)
    await bench.slack.post("ada", "ops", "and this")
    await recorder.count(2)
    assert await _texts(recorder) == ["seen", "and this"]


# --- what the documentation leaves open ------------------------------------------------------------------------


async def test_a_late_trigger_is_refused_in_the_words_one_chooses(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    for reading, late in (
        ("reference", "expired_trigger_id"),
        ("guide", "trigger_expired"),
        ("invalid_arguments", "invalid_arguments"),
    ):
        await bench.slack.switches(trigger_words=reading)
        trigger = (await bench.slack.command("ada", "ops", "/ops")).trigger_id
        await bench.slack.move_clock(3.1)
        assert await refused(bench.api.views_open(trigger_id=trigger, view=modal("f", text_input("a", "A")))) == late


async def test_an_emoji_counts_as_two_unless_one_says_otherwise(bench: Bench) -> None:
    post: dict[str, Any] = {"channel": bench.id("ops"), "text": "x"}
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "🔥" * 100}}]
    assert await refused(bench.api.chat_postMessage(**post, blocks=blocks)) == "invalid_blocks"
    await bench.slack.switches(characters="code_points")
    await bench.api.chat_postMessage(**post, blocks=blocks)


async def test_an_update_of_the_text_drops_the_blocks_where_that_is_chosen(bench: Bench) -> None:
    await bench.slack.switches(text_only_update_keeps_blocks=False)
    ops = bench.id("ops")
    posted = await bench.api.chat_postMessage(channel=ops, text="a", blocks=[{"type": "divider"}])
    assert "blocks" not in (await bench.api.chat_update(channel=ops, ts=posted["ts"], text="b"))["message"]


async def test_an_event_can_come_before_the_answer_that_caused_it(bench: Bench) -> None:
    order = Seen()

    @bench.bolt.event("message")
    async def said():
        await order.note("event")

    await bench.slack.switches(events_first=True)
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="x")
    log = await bench.slack.log()
    event = next(one for one in log if one["name"] == "message")
    call = next(one for one in log if one["name"] == "chat.postMessage")
    assert event["result"] == "acked"
    assert event["at"] + event["elapsed"] <= call["at"] + call["elapsed"]


async def test_ephemeral_actions_names_and_blocks_follow_their_switches(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    await bench.slack.switches(
        message_in_ephemeral_actions=True, plain_channel_names=True, message_blocks_in_views=True, option_value_most=75
    )
    blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [button("go", "Go")]}]
    where: dict[str, Any] = {"channel": bench.id("private"), "user": bench.id("ada"), "text": "x"}
    await bench.api.chat_postEphemeral(**where, blocks=blocks)
    private = await bench.slack.wait_for_ephemeral("ada", "private", text="x")
    ran = await bench.slack.click("ada", private, "Go")
    sent = (await bench.slack.log(kind="delivery", name="block_actions"))[-1]["request"]
    assert (sent["channel"]["name"], sent["message"]["ts"]) == ("private", private["ts"])
    await bench.api.views_open(
        trigger_id=ran.trigger_id, view=modal("f", text_input("a", "A"), {"type": "markdown", "text": "*x*"})
    )
    option = {"text": {"type": "plain_text", "text": "o"}, "value": "v" * 76}
    blocks = [{"type": "actions", "elements": [{"type": "static_select", "action_id": "s", "options": [option]}]}]
    assert await refused(bench.api.chat_postEphemeral(**where, blocks=blocks)) == "invalid_blocks"


async def test_threads_urls_modals_and_times_follow_their_switches(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack("first")

    slack, api, where = bench.slack, bench.api, bench.id("ops")
    await slack.switches(
        unknown_thread="thread_not_found",
        ephemeral_in_quiet_thread=True,
        replace_original_default=True,
        gone_url_status=410,
        second_modal="refused",
        outsiders_use_shortcuts=True,
        other_text_most=10,
        metadata_bytes=100,
        file_message_delay=0,
    )
    assert await refused(api.chat_postMessage(channel=where, text="x", thread_ts="1.000000")) == "thread_not_found"
    root = (await api.chat_postMessage(channel=where, text="root"))["ts"]
    await api.chat_postEphemeral(channel=where, user=bench.id("bo"), text="quiet", thread_ts=root)
    assert [one["text"] for one in await slack.ephemerals("bo")] == ["quiet"]
    assert await refused(api.chat_postEphemeral(channel=where, user=bench.id("bo"), text="x" * 11)) == "msg_too_long"
    large: Any = {"event_type": "run", "event_payload": {"text": "x" * 100}}
    assert await refused(api.chat_postMessage(channel=where, text="x", metadata=large)) == "metadata_too_large"
    ran = await slack.command("ada", "ops", "/ops")
    async with aiohttp.ClientSession() as session:
        async with session.post(ran.response_url, json={"text": "second"}):
            assert [one["text"] for one in await slack.ephemerals("ada")] == ["second"]
        await slack.move_clock(1801)
        async with session.post(ran.response_url, json={"text": "third"}) as gone:
            assert gone.status == 410
    view = modal("form", text_input("a", "A"))
    first, second = [(await slack.command("ada", "ops", "/ops")).trigger_id for _ in range(2)]
    await api.views_open(trigger_id=first, view=view)
    assert await refused(api.views_open(trigger_id=second, view=view)) == "invalid_trigger_id"
    said = await slack.post("ola", "shared", "x")
    assert (await slack.shortcut("ola", "copy", said)).result == "refused"  # it was sent; nobody listens to it


def with_shortcuts(kind: str, many: int) -> Manifest:
    """The test app's manifest with so many shortcuts of one kind, and one of the other."""
    rest = "global" if kind == "message" else "message"
    shortcuts = [{"name": f"S{n}", "callback_id": f"s{n}", "type": kind} for n in range(many)]
    features = {"shortcuts": [*shortcuts, {"name": "Other", "callback_id": "other", "type": rest}]}
    return Manifest.model_validate({"features": features})


async def test_an_app_has_five_shortcuts_of_a_kind_unless_one_says_otherwise(bench: Bench) -> None:
    async def said(kind: str, many: int) -> Any:
        token, manifest = bench.server.state.team.config_token, with_shortcuts(kind, many).model_dump_json()
        made = bench.api.api_call("apps.manifest.validate", params={"token": token, "manifest": manifest})
        try:
            return (await made)["errors"]
        except SlackApiError as refusal:
            return refusal.response["errors"]

    for kind in ("global", "message"):
        assert await said(kind, 5) == []
        words = f"no more than 5 shortcuts of the type {kind} allowed"
        assert await said(kind, 6) == [{"message": words, "pointer": "/features/shortcuts"}]
    with pytest.raises(ValueError, match="no more than 5 shortcuts of the type message"):
        WorkspaceSpec(apps=[AppSpec(manifest=with_shortcuts("message", 6))])
    ten = Switches(shortcuts_of_a_kind=10)
    assert WorkspaceSpec(apps=[AppSpec(manifest=with_shortcuts("message", 9))], switches=ten).apps
    await bench.slack.switches(shortcuts_of_a_kind=10)
    assert await said("message", 9) == []


async def test_response_urls_stand_where_the_switch_says(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        element = {"type": "conversations_select", "action_id": "to", "response_url_enabled": True}
        await client.views_open(
            trigger_id=body["trigger_id"], view=modal("form", {**text_input("to", "To"), "element": element})
        )

    @bench.bolt.view("form")
    async def form(ack):
        await ack()

    places = []
    for place in ("top", "view"):
        await bench.slack.switches(response_urls_place=place)
        await bench.slack.command("ada", "ops", "/ops")
        await bench.slack.submit("ada", await bench.slack.wait_for_view("ada"), {"to": "ops"})
        sent = (await bench.slack.log(kind="delivery", name="view_submission"))[-1]["request"]
        places.append((len(sent.get("response_urls", [])), len(sent["view"].get("response_urls", []))))
    assert places == [(1, 0), (0, 1)]


async def test_bursts_marks_and_empty_rich_text_follow_their_switches(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    slack, api, where = bench.slack, bench.api, bench.id("ops")
    await slack.switches(burst_seconds=3, edits_of_apps_marked=False, empty_rich_text="absent", ticket_seconds=1)
    posted = await api.chat_postMessage(channel=where, text="x")
    assert "edited" not in (await api.chat_update(channel=where, ts=posted["ts"], text="y"))["message"]
    element = {"type": "rich_text_input", "action_id": "text"}
    view = modal("form", {**text_input("a", "A"), "element": element})
    trigger = (await slack.command("ada", "ops", "/ops")).trigger_id
    opened = (await api.views_open(trigger_id=trigger, view=view))["view"]
    assert opened["state"]["values"]["a"]["text"] == {"type": "rich_text_input"}
    await slack.limits(on=True)
    await api.emoji_list()  # 20 a minute are one in three seconds
    assert await refused(api.emoji_list()) == "ratelimited"


async def test_an_uninstalled_apps_buttons_lead_nowhere(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [button("go", "Go")]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ada", "ops", text="x")
    await bench.slack.set_app(revoked=True)
    assert (await bench.slack.click("ada", message, "Go")).result == "unreachable"
    assert [body for _, body in recorder.requests if body.startswith("payload=")] == []


async def test_a_narrow_scope_does_its_part_and_no_more(bench: Bench) -> None:
    await bench.slack.set_app(scopes=["channels:write.topic", "groups:write"])
    api = bench.api
    await api.conversations_setTopic(channel=bench.id("ops"), topic="yes")
    await api.conversations_setTopic(channel=bench.id("private"), topic="yes")
    for call in (
        api.conversations_invite(channel=bench.id("ops"), users=bench.id("gus")),
        api.conversations_kick(channel=bench.id("ops"), user=bench.id("ada")),
        api.conversations_archive(channel=bench.id("ops")),
    ):
        assert await refused(call) == "missing_scope"


def test_the_page_names_every_switch_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-slack.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert set(rows) == set(Switches.model_fields)
    for name, value in Switches().model_dump().items():
        shown = {True: "", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        assert shown in rows[name].replace(",", ""), name


async def test_an_unknown_switch_or_reading_is_refused(bench: Bench) -> None:
    with pytest.raises(ControlRefused, match="is no switch; there are: characters"):
        await bench.slack.switches(colour="red")
    with pytest.raises(ControlRefused):
        await bench.slack.switches(characters="bytes")
