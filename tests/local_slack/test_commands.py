"""Slash commands: what is sent, what each answer shows, and what a person reads when there is none."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from urllib.parse import parse_qsl

from aiohttp import web

from tests.local_slack.bench import Bench, Recorder


async def test_the_ack_text_is_shown_only_to_the_one_who_asked(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack, command):
        await ack(f"you said {command['text']}")

    ran = await bench.slack.command("ada", "ops", "/ops db restore shop")
    assert (ran.ok, ran.text) == (True, "you said db restore shop")
    assert [one["text"] for one in await bench.slack.ephemerals("ada", "ops")] == ["you said db restore shop"]
    assert await bench.slack.ephemerals("bo") == []
    assert await bench.slack.messages("bo", "ops") == []


async def test_an_ack_in_the_channel_shows_the_line_and_the_answer_to_everybody(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack({"response_type": "in_channel", "text": "for all"})

    await bench.slack.command("ada", "ops", "/ops hello")
    assert [(one["user"], one["text"]) for one in await bench.slack.messages("bo", "ops")] == [
        (bench.id("ada"), "/ops hello"),
        (bench.server.app().bot_user_id, "for all"),
    ]


async def test_the_request_is_a_signed_form_with_slacks_fields(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    ran = await bench.slack.command("bo", "private", "/ops  a  b ")
    headers, body = recorder.requests[0]
    form = dict(parse_qsl(body, keep_blank_values=True))
    spec = bench.server.app()
    assert form == {
        "token": spec.verification_token,
        "team_id": bench.server.state.team.id,
        "team_domain": "northwind",
        "channel_id": bench.id("private"),
        "channel_name": "privategroup",
        "user_id": bench.id("bo"),
        "user_name": "bo",
        "command": "/ops",
        "text": "a  b",
        "api_app_id": spec.app_id,
        "is_enterprise_install": "false",
        "response_url": ran.response_url,
        "trigger_id": ran.trigger_id,
    }
    base = f"v0:{headers['x-slack-request-timestamp']}:{body}".encode()
    expected = hmac.new(spec.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    assert headers["x-slack-signature"] == f"v0={expected}"


async def test_an_ack_after_three_seconds_is_a_timeout_and_its_text_is_lost(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    recorder.hold = asyncio.Event()
    recorder.answers = [web.Response(text="too late")]
    running = asyncio.create_task(bench.slack.command("ada", "ops", "/ops slow"))
    await recorder.count(1)
    await bench.slack.move_clock(2.9)
    assert not running.done()
    await bench.slack.move_clock(0.2)
    ran = await running
    assert (ran.result, ran.text) == ("late", '/ops failed with the error "operation_timeout"')
    recorder.hold.set()

    async def late_ack():
        return await bench.slack.log(kind="ack")

    assert (await bench.slack.wait_for_log(late_ack))[0]["result"] == "late acked"
    assert [one["user"] for one in await bench.slack.ephemerals("ada")] == ["USLACKBOT"]


async def test_an_app_that_is_away_or_answers_an_error_fails_the_dispatch(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    recorder.answers = [web.Response(status=500)]
    words = '/ops failed with the error "dispatch_failed"'
    assert (await bench.slack.command("ada", "ops", "/ops x")).text == words
    bench.server.set_request_url("http://127.0.0.1:9/")
    ran = await bench.slack.command("ada", "ops", "/ops x")
    assert (ran.result, ran.text) == ("unreachable", words)


async def test_blocks_slack_would_refuse_in_an_ack_are_said_to_the_person(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack({"text": "x", "blocks": [{"type": "section"}]})

    assert (await bench.slack.command("ada", "ops", "/ops")).text == '/ops failed with the error "invalid_blocks"'


async def test_commands_are_refused_where_slack_refuses_them(bench: Bench) -> None:
    unknown = await bench.slack.command("ada", "ops", "/nope now")
    assert unknown.result == "blocked"
    assert "not a valid command" in unknown.text
    message = await bench.slack.post("ada", "ops", "root")
    in_thread = await bench.slack.command("ada", "ops", "/ops x", thread_ts=message["ts"])
    assert "not supported in threads" in in_thread.text
    outsider = await bench.slack.command("ola", "shared", "/ops x")
    assert outsider.result == "blocked"
    assert "members of Northwind" in outsider.text
    assert "archived" in (await bench.slack.command("ada", "old", "/ops x")).text
    assert await bench.slack.log(kind="delivery", name="/ops") == []


async def test_a_guest_may_run_a_command(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack("hello guest")

    assert (await bench.slack.command("gus", "shared", "/ops x")).text == "hello guest"


async def test_escaping_is_the_manifests_choice(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    line = "@bo #ops @dba #hidden a<b & https://x.example/p"
    await bench.slack.command("ada", "ops", f"/ops {line}")
    await bench.slack.command("ada", "ops", f"/escaped {line}")
    texts = [dict(parse_qsl(body))["text"] for _, body in recorder.requests]
    group = bench.server.state.group("dba")
    assert group is not None
    rest = "a&lt;b &amp; <https://x.example/p>"
    assert texts == [
        line,
        f"<@{bench.id('bo')}|bo> <#{bench.id('ops')}|ops> <!subteam^{group.id}|@dba> <#{bench.id('hidden')}|> {rest}",
    ]


async def test_addresses_stay_whole_when_the_rest_is_escaped(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    typed = {
        "https://x.io/@ada/x#ops @ada": f"<https://x.io/@ada/x#ops> <@{bench.id('ada')}|ada>",
        "(http://x.io/?a=1&b=2).": "(<http://x.io/?a=1&amp;b=2>).",
        "see http://x.io/a_(b), then": "see <http://x.io/a_(b)>, then",
        "a<https://x.io": "a&lt;<https://x.io>",
        "<https://x.io|@ada>": "<https://x.io|@ada>",
        "http://x.io/a.b...": "<http://x.io/a.b>...",
        "https://": "https://",
    }
    for line in typed:
        await bench.slack.command("ada", "ops", f"/escaped {line}")
    assert [dict(parse_qsl(body))["text"] for _, body in recorder.requests] == list(typed.values())


async def test_many_commands_at_once_are_all_acked(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    outcomes = await bench.slack.burst("ada", "ops", ["/ops x"] * 200, at_once=50)
    assert {one["result"] for one in outcomes} == {"acked"}
    assert len(outcomes) == 200


async def test_of_two_apps_with_one_command_the_one_installed_last_has_it(bench: Bench, recorder: Recorder) -> None:
    manifest = {
        "display_information": {"name": "Later"},
        "features": {"slash_commands": [{"command": "/ops"}]},
        "oauth_config": {"scopes": {"bot": ["commands"]}},
    }
    args = {"token": bench.server.state.team.config_token, "manifest": json.dumps(manifest)}
    made = await bench.api.api_call("apps.manifest.create", params=args)
    await bench.slack.set_app(app="Later", request_url=recorder.url)
    assert (await bench.slack.command("ada", "ops", "/ops x")).ok
    assert dict(parse_qsl(recorder.requests[0][1]))["api_app_id"] == made["app_id"]
    await bench.slack.set_app(app="Later", revoked=True)

    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack("the first has it again")

    assert (await bench.slack.command("ada", "ops", "/ops x")).text == "the first has it again"
