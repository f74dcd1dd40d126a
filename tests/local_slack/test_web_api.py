"""The Web API through the SDK: every family of methods, their answers and their refusals."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.local_slack.bench import Bench, Seen, button


async def refused(call: Awaitable[Any]) -> str:
    """The error word of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_messages_are_posted_changed_read_and_deleted(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    posted = await api.chat_postMessage(
        channel=ops,
        text="see https://x.example & <b>",
        metadata={"event_type": "run", "event_payload": {"id": "R-1"}},
    )
    assert posted["message"]["text"] == "see <https://x.example> &amp; &lt;b&gt;"
    reply = await api.chat_postMessage(channel=ops, thread_ts=posted["ts"], text="reply")
    await api.chat_update(channel=ops, ts=posted["ts"], text="changed", blocks=[{"type": "divider"}])
    history = await api.conversations_history(channel=ops, include_all_metadata=True)
    assert [one["text"] for one in history["messages"]] == ["changed"]
    root = history["messages"][0]
    assert root["metadata"]["event_payload"] == {"id": "R-1"}
    assert (root["reply_count"], root["blocks"][0]["type"]) == (1, "divider")
    thread = await api.conversations_replies(channel=ops, ts=reply["ts"])
    assert [one["text"] for one in thread["messages"]] == ["changed", "reply"]
    link = await api.chat_getPermalink(channel=ops, message_ts=reply["ts"])
    assert link["permalink"].endswith(f"?thread_ts={posted['ts']}&cid={ops}")
    await api.chat_delete(channel=ops, ts=reply["ts"])
    assert await refused(api.chat_delete(channel=ops, ts=reply["ts"])) == "message_not_found"


async def test_a_text_only_update_keeps_the_blocks(bench: Bench) -> None:
    ops = bench.id("ops")
    posted = await bench.api.chat_postMessage(channel=ops, text="a", blocks=[{"type": "divider"}])
    changed = await bench.api.chat_update(channel=ops, ts=posted["ts"], text="b")
    assert [block["type"] for block in changed["message"]["blocks"]] == ["divider"]
    emptied = await bench.api.chat_update(channel=ops, ts=posted["ts"], text="c", blocks=[])
    assert "blocks" not in emptied["message"]


@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
@pytest.mark.parametrize(
    ("channel", "text", "word"),
    [
        ("C0NOWHERE", "x", "channel_not_found"),
        ("hidden", "x", "channel_not_found"),
        ("elsewhere", "x", "not_in_channel"),
        ("old", "x", "is_archived"),
        ("ops", "", "no_text"),
    ],
)
async def test_a_post_is_refused_in_slacks_words(bench: Bench, channel: str, text: str, word: str) -> None:
    found = bench.server.state.channel(channel)
    assert await refused(bench.api.chat_postMessage(channel=found.id if found else channel, text=text)) == word


async def test_only_ones_own_messages_change_and_ephemeral_ones_never(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    theirs = await bench.slack.post("ada", "ops", "mine")
    assert await refused(api.chat_update(channel=ops, ts=theirs["ts"], text="x")) == "cant_update_message"
    assert await refused(api.chat_delete(channel=ops, ts=theirs["ts"])) == "cant_delete_message"
    private = await api.chat_postEphemeral(channel=ops, user=bench.id("ada"), text="psst")
    assert await refused(api.chat_update(channel=ops, ts=private["message_ts"], text="x")) == "message_not_found"
    assert await refused(api.chat_postEphemeral(channel=ops, user=bench.id("gus"), text="x")) == "user_not_in_channel"
    assert await refused(api.chat_postEphemeral(channel=ops, user=bench.id("dee"), text="x")) == "user_not_in_channel"


async def test_conversations_are_listed_opened_joined_made_and_filled(bench: Bench) -> None:
    api = bench.api
    everything = await api.conversations_list(types="public_channel,private_channel", limit=2)
    cursor, names = everything["response_metadata"]["next_cursor"], [one["name"] for one in everything["channels"]]
    while cursor:
        page = await api.conversations_list(types=["public_channel", "private_channel"], limit=2, cursor=cursor)
        cursor, names = page["response_metadata"]["next_cursor"], names + [one["name"] for one in page["channels"]]
    assert sorted(names) == ["elsewhere", "old", "ops", "private", "shared"]
    shared = (await api.conversations_info(channel=bench.id("shared"), include_num_members=True))["channel"]
    assert (shared["is_ext_shared"], shared["num_members"]) == (True, 5)
    assert bench.id("ola") in (await api.conversations_members(channel=bench.id("shared")))["members"]
    direct = (await api.conversations_open(users=bench.id("ada")))["channel"]["id"]
    assert (await api.chat_postMessage(channel=bench.id("ada"), text="hi"))["channel"] == direct
    assert [one["text"] for one in await bench.slack.messages("ada", "@bench")] == ["hi"]
    await api.conversations_join(channel=bench.id("elsewhere"))
    made = (await api.conversations_create(name="incident-1"))["channel"]
    await api.conversations_invite(channel=made["id"], users=[bench.id("ada"), bench.id("bo")])
    assert len((await api.conversations_members(channel=made["id"]))["members"]) == 3
    assert await refused(api.conversations_create(name="incident-1")) == "name_taken"
    assert await refused(api.conversations_create(name="Big")) == "invalid_name_specials"
    assert await refused(api.conversations_replies(channel=made["id"], ts="1.2")) == "thread_not_found"


async def test_people_groups_team_and_bot_are_told(bench: Bench) -> None:
    api = bench.api
    ada = (await api.users_info(user=bench.id("ada")))["user"]
    assert (ada["is_admin"], ada["profile"]["email"], ada["tz"]) == (True, "ada@northwind.example", "Europe/Paris")
    gus = (await api.users_info(user=bench.id("gus")))["user"]
    assert (gus["is_restricted"], gus["is_ultra_restricted"]) == (True, False)
    assert (await api.users_info(user=bench.id("ola")))["user"]["team_id"] != bench.server.state.team.id
    assert (await api.users_lookupByEmail(email="BO@northwind.example"))["user"]["id"] == bench.id("bo")
    assert await refused(api.users_lookupByEmail(email="dee@northwind.example")) == "users_not_found"
    assert bench.id("ola") not in [one["id"] for one in (await api.users_list(limit=100))["members"]]
    groups = (await api.usergroups_list(include_users=True))["usergroups"]
    assert [(one["handle"], one["users"]) for one in groups] == [("dba", [bench.id("ada")])]
    assert (await api.usergroups_users_list(usergroup=groups[0]["id"]))["users"] == [bench.id("ada")]
    assert (await api.team_info())["team"]["name"] == "Northwind"
    me = await api.auth_test()
    assert (await api.bots_info(bot=me["bot_id"]))["bot"]["user_id"] == me["user_id"]


async def test_reactions_and_pins(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    ts = (await api.chat_postMessage(channel=ops, text="x"))["ts"]
    await api.reactions_add(channel=ops, timestamp=ts, name="eyes")
    assert await refused(api.reactions_add(channel=ops, timestamp=ts, name="eyes")) == "already_reacted"
    assert (await api.reactions_get(channel=ops, timestamp=ts))["message"]["reactions"][0]["count"] == 1
    await api.reactions_remove(channel=ops, timestamp=ts, name="eyes")
    assert await refused(api.reactions_remove(channel=ops, timestamp=ts, name="eyes")) == "no_reaction"
    await api.pins_add(channel=ops, timestamp=ts)
    assert await refused(api.pins_add(channel=ops, timestamp=ts)) == "already_pinned"


async def test_a_file_goes_up_and_comes_down(bench: Bench) -> None:
    ops = bench.id("ops")
    root = await bench.slack.post("ada", "ops", "root")
    up = await bench.api.files_upload_v2(
        filename="out.txt", content="line\n" * 500, channel=ops, thread_ts=root["ts"], initial_comment="the output"
    )
    await bench.slack.wait_for_message("ada", "ops", thread_ts=root["ts"], text="the output")
    file = (await bench.api.files_info(file=up["files"][0]["id"]))["file"]
    assert (file["size"], file["name"]) == (2500, "out.txt")
    thread = await bench.slack.thread("ada", "ops", root["ts"])
    assert (thread[1]["text"], thread[1]["files"][0]["id"]) == ("the output", file["id"])
    headers = {"Authorization": f"Bearer {bench.api.token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(file["url_private"], headers=headers) as answer:
            assert await answer.text() == "line\n" * 500
        async with session.get(file["url_private"]) as answer:
            assert answer.status == 404


async def test_tokens_and_scopes(bench: Bench) -> None:
    nobody = AsyncWebClient(base_url=bench.server.api_url)
    assert await refused(nobody.auth_test()) == "not_authed"
    stranger = AsyncWebClient(token="xoxb-made-up", base_url=bench.server.api_url)
    assert await refused(stranger.auth_test()) == "invalid_auth"
    await bench.slack.set_app(scopes=["commands"])
    with pytest.raises(SlackApiError) as caught:
        await bench.api.chat_postMessage(channel=bench.id("ops"), text="x")
    answer = caught.value.response
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "commands")
    await bench.slack.set_app(scopes=["channels:read"])
    assert await refused(bench.api.conversations_list(types="private_channel")) == "missing_scope"
    await bench.slack.set_app(revoked=True)
    assert await refused(bench.api.auth_test()) == "account_inactive"


async def test_arguments_may_come_as_query_form_or_json(bench: Bench) -> None:
    url, ops = f"{bench.server.api_url}chat.postMessage", bench.id("ops")
    headers = {"Authorization": f"Bearer {bench.api.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        ways: list[dict[str, Any]] = [
            {"params": {"channel": ops, "text": "x"}},
            {"data": {"channel": ops, "text": "x", "blocks": '[{"type":"divider"}]'}},
            {"json": {"channel": ops, "text": "x"}},
        ]
        for sent in ways:
            async with session.post(url, **sent) as answer:
                assert (await answer.json())["ok"] is True
        async with session.post(url, json={"text": "x"}) as answer:
            body = await answer.json()
    assert body["error"] == "invalid_arguments"
    assert body["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]
    assert await refused(bench.api.api_call("chat.postMessages")) == "unknown_method"


async def test_a_person_clicks_and_the_payload_has_slacks_fields(bench: Bench) -> None:
    bodies = Seen()

    @bench.bolt.action("go")
    async def go(ack, body):
        await ack()
        await bodies.note(body)

    blocks = [{"type": "actions", "block_id": "row", "elements": [button("go", "Go", "R-1")]}]
    await bench.api.chat_postMessage(channel=bench.id("shared"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ola", "shared", text="x")
    assert (await bench.slack.click("ola", message, "Go")).ok
    await bodies.until(1)
    body = bodies[0]
    assert body["user"]["team_id"] != body["team"]["id"]
    assert (
        body["actions"][0] | {"action_id": "go", "block_id": "row", "value": "R-1", "type": "button"}
        == body["actions"][0]
    )
    assert body["container"] == {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": bench.id("shared"),
        "is_ephemeral": False,
    }
    assert body["message"]["blocks"][0]["block_id"] == "row"
    assert {"response_url", "trigger_id", "state"} <= set(body)
