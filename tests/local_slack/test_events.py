"""The Events API: what an app hears, retries with their headers, and the challenge."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from tests.local_slack.bench import Bench, Recorder, Seen, listen


async def test_a_failing_app_is_tried_again_at_once_after_a_minute_and_after_five(
    bench: Bench, recorder: Recorder
) -> None:
    bench.server.set_request_url(recorder.url)
    recorder.answers = [web.Response(status=500) for _ in range(4)]
    await bench.slack.post("ada", "ops", "hello")
    await recorder.count(2)
    await bench.slack.wait_for_log(lambda: _tries(bench, 2))
    await bench.slack.move_clock(61)
    await recorder.count(3)
    await bench.slack.wait_for_log(lambda: _tries(bench, 3))
    await bench.slack.move_clock(301)
    await recorder.count(4)
    seen = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h, _ in recorder.requests]
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in recorder.requests}) == 1


async def _tries(bench: Bench, number: int) -> bool:
    done = [one for one in await bench.slack.log(kind="delivery", name="message") if one["result"]]
    return len(done) >= number


async def test_an_app_can_ask_for_no_retry(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    recorder.answers = [web.Response(status=500, headers={"X-Slack-No-Retry": "1"})]
    await bench.slack.post("ada", "ops", "one")
    await bench.slack.wait_for_log(lambda: _tries(bench, 1))
    await bench.slack.post("ada", "ops", "two")
    await recorder.count(2)
    assert [json.loads(body)["event"]["text"] for _, body in recorder.requests] == ["one", "two"]


async def test_the_wrapper_has_slacks_fields(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    await bench.slack.post("ada", "shared", "hello")
    await recorder.count(1)
    body = json.loads(recorder.requests[0][1])
    spec = bench.server.app()
    assert (body["type"], body["api_app_id"], body["is_ext_shared_channel"]) == ("event_callback", spec.app_id, True)
    assert body["authorizations"][0]["user_id"] == spec.bot_user_id
    assert isinstance(body["event_time"], int)
    assert body["event"] | {"text": "hello", "channel_type": "channel", "user": bench.id("ada")} == body["event"]


async def test_the_events_url_is_verified_by_its_challenge(bench: Bench, recorder: Recorder) -> None:
    assert await bench.slack.verify()
    bench.server.set_request_url(recorder.url)
    assert not await bench.slack.verify()


async def test_a_mention_is_told_where_the_bot_is_and_nowhere_else(bench: Bench) -> None:
    heard: list[str] = []

    @bench.bolt.event("app_mention")
    async def mentioned(event, say):
        heard.append(event["text"])
        await say("yes?", thread_ts=event["ts"])

    @bench.bolt.event("message")
    async def said():
        return None

    bot = bench.server.app().bot_user_id
    await bench.slack.post("bo", "elsewhere", f"<@{bot}> not here")
    asked = await bench.slack.post("ada", "ops", f"<@{bot}> here")
    answer = await bench.slack.wait_for_message("ada", "ops", text="yes?", thread_ts=asked["ts"])
    assert answer["parent_user_id"] == bench.id("ada")
    assert heard == [f"<@{bot}> here"]


async def test_changes_of_people_groups_and_members_are_told(bench: Bench) -> None:
    seen = Seen()

    async def take(event):
        if event["type"] != "message":
            await seen.note(event)

    for name in ("user_change", "subteam_members_changed", "member_joined_channel", "message"):
        bench.bolt.event(name)(take)
    await bench.slack.set_person("bo", deactivated=True)
    await bench.slack.set_group("dba", members=["gus"])
    await bench.slack.join("gus", "shared", leave=True)
    await bench.slack.invite("ada", "shared", "gus")
    await seen.until(3)
    heard = {event["type"]: event for event in seen}
    assert heard["user_change"]["user"]["deleted"] is True
    group = heard["subteam_members_changed"]
    assert (group["added_users"], group["removed_users"]) == ([bench.id("gus")], [bench.id("ada")])
    assert heard["member_joined_channel"]["user"] == bench.id("gus")
    assert (await bench.api.users_info(user=bench.id("bo")))["user"]["deleted"] is True


async def test_ssl_check_is_probed_unsigned_on_every_command_url(bench: Bench, recorder: Recorder) -> None:
    assert await bench.slack.ssl_check()  # Bolt answers it before it looks for a signature
    bench.server.set_request_url(recorder.url)
    assert await bench.slack.ssl_check()
    assert await bench.slack.ssl_check("GET")
    assert all("x-slack-signature" not in headers for headers, _ in recorder.requests)
    assert "ssl_check=1" in recorder.requests[0][1]
    bench.server.set_request_url("http://127.0.0.1:9/")
    assert not await bench.slack.ssl_check()


async def test_an_uninstalled_app_hears_of_it_as_the_last_thing(bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    subscribed = bench.server.app().manifest.settings.event_subscriptions.bot_events
    subscribed += ["app_uninstalled", "tokens_revoked"]
    await bench.slack.set_app(revoked=True)
    await bench.slack.post("ada", "ops", "unheard")
    await recorder.count(2)
    kinds = {json.loads(body)["event"]["type"] for _, body in recorder.requests}
    assert kinds == {"app_uninstalled", "tokens_revoked"}


@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
async def test_a_challenge_may_be_answered_as_text_form_or_json(bench: Bench, form: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        challenge = (await request.json())["challenge"]
        forms = {"text/plain": challenge, "application/json": json.dumps({"challenge": challenge})}
        return web.Response(text=forms.get(form, f"challenge={challenge}"), content_type=form)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    bench.server.set_request_url(await listen(runner))
    assert await bench.slack.verify()
    await runner.cleanup()
