"""The SDK's two clients over every method offered: the functions that carry the methods' names, and their refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.client import WebClient

from deploy.local.slack.web.call import Method
from deploy.local.slack.web.methods import ALL
from tests.local_slack.bench import Bench, modal, text_input
from tests.local_slack.everything import answers

RETIRED = {"files.upload"}  # offered to be refused
OFFERED = [method for method in ALL if method.name not in RETIRED]
WITHOUT_TOKEN = ("api.test",)
OLDER = {  # they know one word for it and no list of messages
    "files.getUploadURLExternal",
    "usergroups.create",
    "usergroups.disable",
    "usergroups.enable",
    "usergroups.update",
    "usergroups.users.update",
}
BOTH = pytest.mark.parametrize("kind", [WebClient, AsyncWebClient], ids=["sync", "async"])


class Named:
    """A client of either kind, awaited; a call by a method's wire name goes to the function of that name."""

    def __init__(self, client: WebClient | AsyncWebClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._call, getattr(self._client, name))

    async def api_call(self, method: str, **given: dict[str, Any]) -> Any:
        args = {key: value for part in given.values() for key, value in part.items()}
        return await self._call(getattr(self._client, method.replace(".", "_")), **args)

    async def bare(self, method: str) -> Any:
        """The method without any argument."""
        return await self._call(self._client.api_call, method)

    async def _call(self, does: Callable[..., Any], *given: Any, **args: Any) -> Any:
        if isinstance(self._client, AsyncWebClient):
            return await does(*given, **args)
        return await asyncio.to_thread(does, *given, **args)


Kind = type[WebClient] | type[AsyncWebClient]


def client(kind: Kind, bench: Bench, token: str | None) -> Named:
    return Named(kind(token=token, base_url=bench.server.api_url))


@pytest.fixture
async def sockets() -> AsyncIterator[Bench]:
    """An app in Socket Mode, so that apps.connections.open is offered too."""
    async with Bench(socket=True) as bench:
        yield bench


@BOTH
async def test_each_method_offered_answers_the_function_of_its_name(sockets: Bench, kind: Kind) -> None:
    assert [one.name for one in OFFERED if not hasattr(kind, one.name.replace(".", "_"))] == []
    api = client(kind, sockets, sockets.server.app().bot_token)
    sockets.api = cast(AsyncWebClient, api)
    found = await answers(sockets)
    assert {one.name for one in OFFERED} - set(found) == set(), "tests/local_slack/everything.py calls each method"
    await _push(sockets, api)


async def _push(bench: Bench, api: Named) -> None:
    """In the list of answers Bolt's own client pushes."""
    await bench.slack.cancel("ada", everything=True)
    trigger = (await bench.slack.command("ada", "ops", "/ops")).trigger_id
    press = {"type": "button", "action_id": "again", "text": {"type": "plain_text", "text": "Again"}}

    @bench.bolt.action("again")
    async def again(ack):
        await ack()

    below = modal("below", text_input("a", "A"), {"type": "actions", "elements": [press]})
    await api.views_open(trigger_id=trigger, view=below)
    view = await bench.slack.wait_for_view("ada", callback_id="below")
    pressed = await bench.slack.click("ada", view, "again")
    await api.views_push(trigger_id=pressed.trigger_id, view=modal("above", text_input("b", "B")))
    assert [one["callback_id"] for one in await bench.slack.views("ada")] == ["below", "above"]


@BOTH
async def test_the_arguments_arrive_as_they_were_given(bench: Bench, kind: Kind) -> None:
    api, ops = client(kind, bench, bench.server.app().bot_token), bench.id("ops")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Ω* été ✓"}}]
    await api.chat_postMessage(
        channel=ops,
        text="x",
        blocks=blocks,
        unfurl_links=False,
        metadata={"event_type": "t", "event_payload": {"n": 1}},
    )
    await api.conversations_list(types=["public_channel", "private_channel"], exclude_archived=True, limit=3)
    await api.conversations_invite(channel=bench.id("private"), users=[bench.id("gus"), bench.id("dee")], force=True)
    sent = {one["name"]: one["request"] for one in await bench.slack.log(kind="api")}
    (posted,) = [one for one in await bench.slack.messages("ada", "ops") if one["text"] == "x"]
    assert posted["blocks"][0]["text"]["text"] == "*Ω* été ✓"
    assert posted["metadata"] == {"event_type": "t", "event_payload": {"n": 1}}
    assert sent["conversations.list"]["types"] == "public_channel,private_channel"
    assert sent["conversations.list"]["exclude_archived"] in ("1", "true")
    assert sent["conversations.invite"]["users"] == f"{bench.id('gus')},{bench.id('dee')}"
    assert bench.id("gus") in (await api.conversations_members(channel=bench.id("private")))["members"]


async def refusal(api: Named, method: Method) -> SlackApiError:
    with pytest.raises(SlackApiError) as refused:
        await api.bare(method.name)
    return refused.value


@BOTH
async def test_each_method_refuses_a_token_that_is_absent_wrong_or_lacks_a_scope(sockets: Bench, kind: Kind) -> None:
    app = sockets.server.app()
    nobody, wrong = client(kind, sockets, None), client(kind, sockets, "xoxb-wrong")
    right = client(kind, sockets, app.bot_token)
    await sockets.slack.set_app(scopes=[])
    for method in OFFERED:
        if method.name in WITHOUT_TOKEN:
            continue
        assert (await refusal(nobody, method)).response["error"] == "not_authed", method.name
        assert (await refusal(wrong, method)).response["error"] == "invalid_auth", method.name
        if method.caller != "bot":
            assert (await refusal(right, method)).response["error"] == "not_allowed_token_type", method.name
        elif method.scopes:
            lacking = (await refusal(right, method)).response
            assert (lacking["error"], lacking["provided"]) == ("missing_scope", "identify"), method.name
            assert lacking["needed"] in method.scopes, method.name


@BOTH
async def test_each_method_says_what_it_misses(sockets: Bench, kind: Kind) -> None:
    right = client(kind, sockets, sockets.server.app().bot_token)
    for method in OFFERED:
        if method.caller == "bot" and method.required:
            said = (await refusal(right, method)).response
            told = said.get("response_metadata", {}).get("messages", [])
            older = method.name in OLDER
            assert said["error"] == ("missing_argument" if older else "invalid_arguments"), method.name
            assert older or [one for one in told if method.required[0] in one], (method.name, told)


@BOTH
@pytest.mark.parametrize(
    ("kind_of_fault", "status", "word"), [("ratelimited", 429, "ratelimited"), ("server_error", 500, "internal_error")]
)
async def test_what_is_no_answer_is_an_error_with_its_status(
    bench: Bench, kind: Kind, kind_of_fault: str, status: int, word: str
) -> None:
    right = client(kind, bench, bench.server.app().bot_token)
    for name in ("chat.postMessage", "conversations.list", "users.info"):
        await bench.slack.fault(name, kind_of_fault, seconds=7)
        method = next(one for one in OFFERED if one.name == name)
        said = (await refusal(right, method)).response
        assert (said.status_code, said["error"]) == (status, word)
        assert said.headers.get("Retry-After") == ("7" if status == 429 else None)


@BOTH
async def test_a_name_that_is_no_method_is_refused(bench: Bench, kind: Kind) -> None:
    right = client(kind, bench, bench.server.app().bot_token)
    with pytest.raises(SlackApiError, match="unknown_method"):
        await right.bare("chat.postMassage")
