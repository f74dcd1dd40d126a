"""Odd payloads by the SDK, and ways round a scope, a limit or a rule: refused in Slack's words, or without effect."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from deploy.local.slack import Clock
from deploy.local.slack.client import ControlRefused
from deploy.local.slack.web.call import Method
from deploy.local.slack.web.methods import ALL
from tests.local_slack.bench import Bench, Recorder, Seen, button, modal, mrkdwn, plain, text_input
from tests.local_slack.everything import answers
from tests.local_slack.test_web_api import refused

DIVIDER = {"type": "divider"}
CARD = {"type": "card", "title": plain("A card")}
LONG = {"type": "section", "text": mrkdwn("x" * 3001)}


def card(**more: Any) -> list[dict[str, Any]]:
    return [{**CARD, "actions": [button("a", "x") | more]}]


# (what joins the arguments of chat.postMessage, the word, what else the answer says)
POSTS: list[tuple[dict[str, Any], str, str]] = [
    ({"text": ["a", "list"]}, "invalid_array_arg", ""),
    ({"text": {"an": "object"}}, "invalid_arguments", "[json-pointer:/text]"),
    ({"channel": ["C1", "C2"]}, "invalid_array_arg", ""),
    ({"thread_ts": {"ts": "1.2"}}, "invalid_arguments", "[json-pointer:/thread_ts]"),
    ({"thread_ts": "1.2"}, "message_not_found", ""),
    ({"blocks": "divider"}, "invalid_blocks_format", ""),
    ({"blocks": DIVIDER}, "invalid_blocks_format", ""),
    ({"blocks": [None]}, "invalid_blocks", "must provide an object [json-pointer:/blocks/0]"),
    ({"blocks": [[DIVIDER]]}, "invalid_blocks", "[json-pointer:/blocks/0]"),
    ({"blocks": [{"type": ["divider"]}]}, "invalid_blocks", "[json-pointer:/blocks/0/type]"),
    ({"blocks": [{"type": "section", "text": "bare"}]}, "invalid_blocks", "[json-pointer:/blocks/0/text]"),
    (
        {"blocks": [{"type": "section", "text": mrkdwn("x"), "expand": "yes"}]},
        "invalid_blocks",
        "must be a boolean [json-pointer:/blocks/0/expand]",
    ),
    ({"blocks": card(value="v" * 2001)}, "invalid_blocks", "[json-pointer:/blocks/0/actions/0/value]"),
    ({"blocks": card(action_id="a" * 256)}, "invalid_blocks", "[json-pointer:/blocks/0/actions/0/action_id]"),
    ({"blocks": card(colour="red")}, "invalid_blocks", "invalid additional property: colour"),
    (
        {"blocks": [{**CARD, "actions": [button("a", "x"), button("a", "y")]}]},
        "invalid_blocks",
        "[json-pointer:/blocks/0/actions/1/action_id]",
    ),
    ({"attachments": "red"}, "invalid_attachments", ""),
    ({"attachments": ["red"]}, "invalid_attachments", ""),
    ({"attachments": [{"blocks": "divider"}]}, "invalid_blocks_format", ""),
    ({"attachments": [{"text": ["x"]}]}, "invalid_attachments", ""),
    ({"attachments": [{"fields": "x"}]}, "invalid_attachments", ""),
    ({"attachments": [{"fields": [{"title": {}}]}]}, "invalid_attachments", ""),
    (
        {"attachments": [{"text": "ok"}, {"blocks": [DIVIDER, LONG]}]},
        "invalid_blocks",
        "[json-pointer:/attachments/1/blocks/1/text/text]",
    ),
    ({"metadata": [1]}, "invalid_metadata_format", ""),
    ({"metadata": {"event_type": 1, "event_payload": {}}}, "invalid_metadata_schema", ""),
    ({"markdown_text": "*x*"}, "markdown_text_conflict", ""),
]


@pytest.mark.parametrize(("odd", "word", "words"), POSTS, ids=[f"{n} {word}" for n, (_, word, _) in enumerate(POSTS)])
async def test_an_odd_post_is_refused_where_it_is_odd(bench: Bench, odd: dict[str, Any], word: str, words: str) -> None:
    args = {"channel": bench.id("ops"), "text": "x", **odd}
    with pytest.raises(SlackApiError) as caught:
        await bench.api.api_call("chat.postMessage", json=args)
    answer = caught.value.response
    told = answer.get("response_metadata", {}).get("messages", [""])
    assert (answer.status_code, answer["error"]) == (200, word)
    assert any(words in one for one in told), told
    assert await bench.slack.messages("ada", "ops") == []


async def test_numbers_in_an_attachment_come_back_as_words(bench: Bench) -> None:
    part = {"title": 5, "text": 1.5, "fields": [{"title": "n", "value": 0, "short": True}]}
    said = await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", attachments=[part])
    (shown,) = said["message"]["attachments"]
    assert (shown["title"], shown["text"], shown["fields"]) == (
        "5",
        "1.5",
        [{"title": "n", "value": "0", "short": True}],
    )


async def raw(
    http: aiohttp.ClientSession, bench: Bench, method: Method, args: dict[str, Any], body: str = ""
) -> tuple[int, Any]:
    """One call as the method takes it, with what the SDK would not send."""
    tokens = {"app": bench.server.app().app_token, "config": bench.server.state.team.config_token}
    headers = {"Authorization": f"Bearer {tokens.get(method.caller, bench.server.app().bot_token)}"}
    form = {key: one if isinstance(one, str) else json.dumps(one) for key, one in args.items()}
    sent: Any = {key: one.encode(errors="replace").decode() for key, one in form.items()}
    if method.json:
        headers["Content-Type"] = "application/json; charset=utf-8"
        sent = (body or json.dumps(args)).encode()
    async with http.post(f"{bench.server.api_url}{method.name}", headers=headers, data=sent) as answer:
        return answer.status, json.loads(await answer.text(), parse_constant=no_json)


def no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


JUNK: list[Any] = [None, -1, "", "[", [], [{}], {"a": 1.5}, "9" * 400, "\ud800"]
IN_PAGES = {"limit", "cursor", "count", "page"}
PAGED = {
    "chat.scheduledMessages.list", "conversations.history", "conversations.list", "conversations.members",
    "conversations.replies", "files.list", "reactions.list", "users.conversations", "users.list",
}  # fmt: skip


async def test_whatever_stands_in_an_argument_is_answered_as_slack_answers(socket_bench: Bench) -> None:
    await answers(socket_bench)
    methods = {one.name: one for one in ALL if one.name != "auth.revoke"}
    asked = {one["name"]: one["request"] for one in await socket_bench.slack.log(kind="api") if one["result"] == "ok"}
    assert asked.keys() > PAGED
    async with aiohttp.ClientSession() as http:
        for name in methods.keys() & asked.keys():
            for key in asked[name].keys() | (IN_PAGES if name in PAGED else set()):
                for junk in JUNK:
                    status, answer = await raw(http, socket_bench, methods[name], {**asked[name], key: junk})
                    assert (status, type(answer["ok"])) == (200, bool), (name, key, junk)


@pytest.mark.parametrize("body", ['{"limit": NaN}', '{"limit": Infinity}', '{"limit": 1e999}', "[1]", "{"])
async def test_a_body_that_is_no_json_is_refused_whole(bench: Bench, body: str) -> None:
    history = next(one for one in ALL if one.name == "conversations.history")
    async with aiohttp.ClientSession() as http:
        status, answer = await raw(http, bench, history, {}, body)
    assert (status, answer["error"]) == (200, "json_not_object" if body == "[1]" else "invalid_json")


@pytest.mark.parametrize("cursor", ["5", "-5", "bmV4dDo-5=", "bmV4dDo5", "bmV4dDo0x5=", "bmV4dDo 5="])
async def test_only_a_cursor_that_was_given_out_is_taken(bench: Bench, cursor: str) -> None:
    assert await refused(bench.api.users_list(limit=1, cursor=cursor)) == "invalid_cursor"


async def test_no_page_of_files_is_before_the_first(bench: Bench) -> None:
    odds: list[dict[str, Any]] = [{"page": -1}, {"page": 0}, {"count": -1}, {"count": 0}]
    for odd in odds:
        assert await refused(bench.api.files_list(**odd)) == "invalid_arguments", odd


async def test_a_direct_message_by_the_persons_id_counts_as_one_by_its_own() -> None:
    async with Bench(limits=True, connected=False, clock=Clock(lambda: 1_800_000_000.0)) as still:
        direct = (await still.api.chat_postMessage(channel=still.id("ada"), text="1"))["channel"]
        for name in (direct, still.id("ada"), direct, still.id("ada")):
            await still.api.chat_postMessage(channel=name, text="x")
        for name in (direct, still.id("ada")):
            assert await refused(still.api.chat_postMessage(channel=name, text="x")) == "ratelimited"


# --- scopes that something else could let an app do without -------------------------------------------------------


async def test_shortcuts_need_the_scope_that_commands_need(bench: Bench) -> None:
    said = await bench.slack.post("ada", "ops", "x")
    await bench.slack.set_app(scopes=["chat:write"])
    for message in (None, said):
        with pytest.raises(ControlRefused, match="no app offers"):
            await bench.slack.shortcut("ada", "copy" if message else "new", message)
    (app,) = (await bench.slack.ask("workspace", **{"as": "ada"}))["apps"]
    assert (app["commands"], app["shortcuts"]) == ([], [])


@pytest.mark.parametrize(
    ("scopes", "email"), [(["users:read"], None), (["users:read", "users:read.email"], "x@y.example")]
)
async def test_an_address_is_in_an_event_only_for_who_may_read_it(
    bench: Bench, recorder: Recorder, scopes: list[str], email: str | None
) -> None:
    bench.server.app().manifest.settings.event_subscriptions.bot_events += ["team_join"]
    bench.server.set_request_url(recorder.url)
    await bench.slack.set_app(scopes=scopes)
    await bench.slack.set_person("bo", email="x@y.example")
    await bench.slack.set_person("new", email="x@y.example")
    await recorder.count(3)
    told = [json.loads(body)["event"] for _, body in recorder.requests]
    assert {one["type"] for one in told} == {"user_change", "team_join"}
    changes = [one["user"]["profile"].get("email") for one in told if one["type"] == "user_change"]
    assert changes == [email, email]


async def test_who_joins_a_private_channel_is_told_to_who_may_read_private_ones(
    bench: Bench, recorder: Recorder
) -> None:
    bench.server.set_request_url(recorder.url)
    await bench.slack.set_app(scopes=["channels:read"])
    await bench.slack.invite("ada", "private", "gus")
    await bench.slack.join("gus", "shared", leave=True)
    await bench.slack.invite("ada", "shared", "gus")
    await recorder.count(1)
    heard = [json.loads(body)["event"]["channel"] for _, body in recorder.requests]
    assert heard == [bench.id("shared")]


async def test_a_file_of_a_place_where_the_app_is_not_is_not_read(bench: Bench) -> None:
    secret = await bench.slack.upload("bo", "secret.txt", "hush", "hidden")
    open_to_all = await bench.slack.upload("bo", "open.txt", "said aloud", "elsewhere")
    found = {}
    for file in (secret, open_to_all):
        url = f"{bench.server.url}/files-pri/{bench.server.state.team.id}-{file}/x"
        headers = {"Authorization": f"Bearer {bench.api.token}"}
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
            found[file] = answer.status
    assert found == {secret: 404, open_to_all: 200}


async def test_another_name_needs_its_scope_by_every_way(bench: Bench) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack({"text": "by ack", "response_type": "in_channel", "username": "Robin"})

    ran = await bench.slack.command("ada", "ops", "/ops")
    body = {"text": "by url", "response_type": "in_channel", "username": "Robin", "icon_emoji": ":robot_face:"}
    async with aiohttp.ClientSession() as http, http.post(ran.response_url, json=body) as answer:
        assert answer.status == 200
    said = [one for one in await bench.slack.messages("bo", "ops") if one["text"].startswith("by ")]
    assert [(one.get("username"), one.get("icons"), one.get("subtype")) for one in said] == [(None, None, None)] * 2


VIDEO = {
    "type": "video", "title": plain("A film"), "video_url": "https://x.example/v", "alt_text": "a still",
    "thumbnail_url": "https://x.example/s.png",
}  # fmt: skip


async def test_a_film_needs_its_scope_wherever_it_is_put(bench: Bench) -> None:
    ops, ada = bench.id("ops"), bench.id("ada")
    box = {"type": "container", "title": plain("In a box"), "child_blocks": [VIDEO]}
    posts: list[Callable[[], Awaitable[Any]]] = [
        lambda: bench.api.chat_postMessage(channel=ops, text="x", blocks=[VIDEO]),
        lambda: bench.api.chat_postMessage(channel=ops, text="x", blocks=[box]),
        lambda: bench.api.chat_postMessage(channel=ops, text="x", attachments=[{"blocks": [VIDEO]}]),
        lambda: bench.api.chat_postEphemeral(channel=ops, user=ada, text="x", blocks=[VIDEO]),
        lambda: bench.api.views_publish(user_id=ada, view={"type": "home", "blocks": [VIDEO]}),
    ]
    for post in posts:
        await post()
    await bench.slack.set_app(scopes=["chat:write"])
    for post in posts:
        assert await refused(post()) == "missing_scope"


# --- what no person can do in Slack -------------------------------------------------------------------------------


async def test_a_workflow_button_tells_the_app_nothing(bench: Bench) -> None:
    start = {"type": "workflow_button", "action_id": "w", "text": plain("Start")}
    start["workflow"] = {"trigger": {"url": "https://x.example/t"}}
    blocks = [{"type": "actions", "elements": [start]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ada", "ops", text="x")
    assert (await bench.slack.click("ada", message, "Start")).result == "blocked"
    assert await bench.slack.log(kind="delivery", name="block_actions") == []


async def test_an_app_without_a_home_has_none_to_open(bench: Bench) -> None:
    bench.server.app().manifest.features.app_home.home_tab_enabled = False
    with pytest.raises(ControlRefused, match="no home tab"):
        await bench.slack.open_home("ada")
    await bench.slack.open_home("ada", tab="messages")
    await bench.slack.wait_for_log(lambda: _results(bench, "app_home_opened"))
    assert (await bench.slack.log(kind="delivery"))[-1]["request"]["event"]["tab"] == "messages"


async def _results(bench: Bench, name: str) -> list[str]:
    """How the deliveries of that name ended so far."""
    return [one["result"] for one in await bench.slack.log(kind="delivery", name=name) if one["result"]]


ODD_VALUES: list[tuple[dict[str, Any], Any]] = [
    ({"type": "datepicker"}, "31.12.2026"),
    ({"type": "datepicker"}, "2026-02-30"),
    ({"type": "timepicker"}, "25:00"),
    ({"type": "datetimepicker"}, "tomorrow"),
    ({"type": "users_select"}, "nobody"),
    ({"type": "channels_select"}, "private"),
    ({"type": "static_select", "options": [{"text": plain("o"), "value": "o"}]}, "p"),
    ({"type": "file_input", "filetypes": ["txt"]}, "no such file"),
]


@pytest.mark.parametrize(("element", "value"), ODD_VALUES, ids=[f"{one['type']} {value}" for one, value in ODD_VALUES])
async def test_an_element_takes_only_what_a_person_could_put_there(
    bench: Bench, element: dict[str, Any], value: Any
) -> None:
    await _opened(bench, {"type": "input", "block_id": "it", "label": plain("It"), "element": element})
    with pytest.raises(ControlRefused):
        await bench.slack.submit("ada", None, {"it": value})
    assert await bench.slack.log(kind="delivery", name="view_submission") == []


async def _opened(bench: Bench, *blocks: dict[str, Any]) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()

    trigger = (await bench.slack.command("ada", "ops", "/ops")).trigger_id
    await bench.api.views_open(trigger_id=trigger, view=modal("form", *blocks))


async def test_words_put_into_a_rich_text_arrive_as_one(bench: Bench) -> None:
    got = Seen()

    @bench.bolt.view("form")
    async def sent(ack, view):
        await ack()
        await got.note(view["state"]["values"]["it"]["text"])

    await _opened(bench, text_input("it", "It") | {"element": {"type": "rich_text_input", "action_id": "text"}})
    assert (await bench.slack.submit("ada", None, {"it": "as typed"})).ok
    await got.until(1)
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": "as typed"}]}
    assert got[0] == {"type": "rich_text_input", "rich_text_value": {"type": "rich_text", "elements": [section]}}


@pytest.mark.parametrize(
    ("names", "asked"), [(["a.log"], {"filetypes": ["txt"]}), ([f"{n}.txt" for n in range(11)], {})]
)
async def test_files_are_of_the_kinds_asked_for_and_no_more_than_ten(
    bench: Bench, names: list[str], asked: dict[str, Any]
) -> None:
    element = {"type": "file_input", "action_id": "files", **asked}
    await _opened(bench, {"type": "input", "block_id": "it", "label": plain("It"), "element": element})
    files = [await bench.slack.upload("ada", name, "text") for name in names]
    assert set((await bench.slack.submit("ada", None, {"it": files})).errors) == {"it"}


async def test_a_mention_that_brings_the_app_in_is_told_once_it_is_in(bench: Bench) -> None:
    heard = Seen()

    @bench.bolt.event("app_mention")
    async def mentioned(event):
        await heard.note((event["text"], event["channel"], event["user"]))

    bot, elsewhere = bench.server.app().bot_user_id, bench.id("elsewhere")
    for text in ("an older one", "come and look"):
        await bench.slack.post("bo", "elsewhere", f"<@{bot}> {text}")
    await bench.slack.post("bo", "elsewhere", "a word after that")
    await bench.slack.invite("bo", "elsewhere", "bench")
    await heard.until(1)
    await bench.slack.post("bo", "elsewhere", f"<@{bot}> and now")
    await heard.until(2)
    said = [f"<@{bot}> come and look", f"<@{bot}> and now"]
    assert heard == [(text, elsewhere, bench.id("bo")) for text in said]


# --- faults that could never come about ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("chat.postMesage", "error", "is no target"),
        ("delivery:", "drop", "is no target"),
        ("chat.postMessage", "cut", "there are: ratelimited"),
        ("delivery:*", "error", "there are: lose_ack"),
        ("api:chat", "error", "is no target"),
    ],
)
async def test_a_fault_that_nothing_could_meet_is_refused(bench: Bench, target: str, kind: str, words: str) -> None:
    with pytest.raises(ControlRefused, match=words):
        await bench.slack.fault(target, kind)
    assert bench.server.core.faults.planned == ()
