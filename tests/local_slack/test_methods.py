"""Methods beyond messages: channels, groups, pins, bookmarks, canvases, later messages, streams, unfurls, manifests."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.local_slack.bench import Bench, Seen, button
from tests.local_slack.test_web_api import refused


async def word(bench: Bench, method: str, **args: Any) -> str:
    """The error word of a call that must fail."""
    return await refused(bench.api.api_call(method, json=args))


async def test_a_channel_is_named_described_archived_and_left(bench: Bench) -> None:
    api = bench.api
    made = (await api.conversations_create(name="incident-9"))["channel"]["id"]
    await api.conversations_invite(channel=made, users=bench.id("ada"))
    named = (await api.conversations_rename(channel=made, name="incident-nine"))["channel"]
    assert (named["name"], named["previous_names"]) == ("incident-nine", ["incident-9"])
    described = (await api.conversations_setTopic(channel=made, topic="Shop is down"))["channel"]
    assert described["topic"]["value"] == "Shop is down"
    assert await word(bench, "conversations.setTopic", channel=made, topic="x" * 251) == "too_long"
    await api.conversations_setPurpose(channel=made, purpose="One incident")
    said = [one.get("subtype") for one in await bench.slack.messages("ada", "incident-nine")]
    assert said == ["channel_join", "channel_name", "channel_topic", "channel_purpose"]
    await api.conversations_archive(channel=made)
    assert await word(bench, "conversations.archive", channel=made) == "already_archived"
    assert await word(bench, "chat.postMessage", channel=made, text="x") == "is_archived"
    await api.conversations_unarchive(channel=made)
    assert await word(bench, "conversations.unarchive", channel=made) == "not_archived"
    await api.conversations_kick(channel=made, user=bench.id("ada"))
    assert await word(bench, "conversations.kick", channel=made, user=bench.id("ada")) == "not_in_channel"
    assert await word(bench, "conversations.kick", channel=made) == "user_not_found"
    await api.conversations_leave(channel=made)
    assert (await api.conversations_leave(channel=made))["not_in_channel"] is True
    assert await word(bench, "conversations.rename", channel=bench.id("ops"), name="other") == "not_authorized"


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("conversations.join", "private", {}, "method_not_supported_for_channel_type"),
    ("conversations.join", "hidden", {}, "channel_not_found"),
    ("conversations.join", "old", {}, "is_archived"),
    ("conversations.invite", "ops", {"users": "dee"}, "user_not_found"),
    ("conversations.invite", "ops", {"users": "ada"}, "already_in_channel"),
    ("conversations.invite", "ops", {"users": "ola"}, "cant_invite"),
    ("conversations.invite", "elsewhere", {"users": "ada"}, "not_in_channel"),
    ("conversations.invite", "ops", {}, "no_user"),
    ("conversations.mark", "ops", {"ts": "now"}, "invalid_timestamp"),
    ("conversations.close", "ops", {}, "method_not_supported_for_channel_type"),
    ("conversations.info", "hidden", {}, "channel_not_found"),
    ("conversations.history", "elsewhere", {}, "not_in_channel"),
    ("pins.add", "elsewhere", {"timestamp": "1.000000"}, "not_in_channel"),
    ("pins.add", "ops", {}, "no_item_specified"),
    ("pins.add", "ops", {"timestamp": "x"}, "bad_timestamp"),
    ("pins.add", "ops", {"timestamp": "1.000000"}, "message_not_found"),
    ("chat.scheduleMessage", "ops", {"text": "x", "post_at": 1}, "time_in_past"),
    ("chat.scheduleMessage", "ops", {"text": "x", "post_at": 9_999_999_999}, "time_too_far"),
    ("chat.meMessage", "elsewhere", {"text": "x"}, "not_in_channel"),
    ("chat.meMessage", "ops", {"text": "x" * 4001}, "msg_too_long"),
    ("chat.startStream", "ops", {"markdown_text": "x"}, "missing_recipient_team_id"),
]


async def test_refusals_have_slacks_words(bench: Bench) -> None:
    for method, channel, more, refusal in REFUSED:
        named = {"users": bench.id(more["users"])} if "users" in more else more
        args = {"channel": bench.id(channel), **named}
        with pytest.raises(SlackApiError) as caught:  # as the SDK sends these: in the query
            await bench.api.api_call(method, params=args)
        assert caught.value.response["error"] == refusal, (method, args)


async def test_a_read_passes_a_json_body_over_as_slack_does(bench: Bench) -> None:
    assert await word(bench, "users.info", user=bench.id("ada")) == "invalid_arguments"
    assert (await bench.api.users_info(user=bench.id("ada")))["ok"]
    assert await word(bench, "usergroups.update", description="x") == "missing_argument"


async def test_a_body_of_another_kind_is_refused(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.api.token}", "Content-Type": "text/plain"}
    url = f"{bench.server.api_url}chat.postMessage"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data="channel=C1") as answer:
        assert (await answer.json())["error"] == "invalid_post_type"
        assert answer.status == 200


async def test_user_groups_are_made_changed_and_switched_off(bench: Bench) -> None:
    api = bench.api
    made = (await api.usergroups_create(name="Night shift", handle="night"))["usergroup"]
    assert await word(bench, "usergroups.create", name="Night shift") == "name_already_exists"
    assert await word(bench, "usergroups.create", name="Other", handle="night") == "handle_already_exists"
    assert await word(bench, "usergroups.create", name="Other", handle="here") == "forbidden_handle"
    await api.usergroups_users_update(usergroup=made["id"], users=[bench.id("ada"), bench.id("bo")])
    assert (await api.usergroups_users_list(usergroup=made["id"]))["users"] == [bench.id("ada"), bench.id("bo")]
    assert await word(bench, "usergroups.users.update", usergroup=made["id"], users=bench.id("dee")) == "invalid_users"
    await api.usergroups_disable(usergroup=made["id"])
    assert await refused(api.usergroups_users_list(usergroup=made["id"])) == "no_such_subteam"
    assert (await api.usergroups_enable(usergroup=made["id"]))["usergroup"]["date_delete"] == 0
    await bench.slack.switches(group_editors="admins")
    assert await word(bench, "usergroups.disable", usergroup=made["id"]) == "permission_denied"


async def test_pins_and_bookmarks_are_kept_by_the_channel(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    ts = (await api.chat_postMessage(channel=ops, text="keep"))["ts"]
    await api.pins_add(channel=ops, timestamp=ts)
    assert [one["message"]["text"] for one in (await api.pins_list(channel=ops))["items"]] == ["keep"]
    await api.pins_remove(channel=ops, timestamp=ts)
    assert await word(bench, "pins.remove", channel=ops, timestamp=ts) == "no_pin"
    link = {"channel_id": ops, "title": "Runbook", "type": "link"}
    mark = (await api.bookmarks_add(**link, link="https://runs.example"))["bookmark"]
    assert await word(bench, "bookmarks.add", **link, link="nowhere") == "invalid_link"
    assert await word(bench, "bookmarks.add", **{**link, "type": "folder"}) == "invalid_bookmark_type"
    await api.bookmarks_edit(channel_id=ops, bookmark_id=mark["id"], title="Runbooks")
    assert [one["title"] for one in (await api.bookmarks_list(channel_id=ops))["bookmarks"]] == ["Runbooks"]
    await api.bookmarks_remove(channel_id=ops, bookmark_id=mark["id"])
    assert await word(bench, "bookmarks.remove", channel_id=ops, bookmark_id=mark["id"]) == "not_found"


def markdown(text: str) -> dict[str, str]:
    return {"type": "markdown", "markdown": text}


async def test_a_canvas_is_edited_by_section_and_seen_by_whom_it_is_shared_with(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    canvas = (await api.canvases_create(title="Notes", document_content=markdown("# One\n\nfirst\n\n# Two")))[
        "canvas_id"
    ]
    two = await api.canvases_sections_lookup(canvas_id=canvas, criteria={"contains_text": "Two"})
    change = {"operation": "insert_before", "section_id": two["sections"][0]["id"], "document_content": markdown("mid")}
    await api.canvases_edit(canvas_id=canvas, changes=[change])
    await api.canvases_edit(
        canvas_id=canvas, changes=[{"operation": "insert_at_end", "document_content": markdown("end")}]
    )
    kept = bench.server.state.canvases[canvas]
    assert [part["markdown"] for part in kept.sections] == ["# One", "first", "mid", "# Two", "end"]
    assert (
        len((await api.canvases_sections_lookup(canvas_id=canvas, criteria={"section_types": ["h1"]}))["sections"]) == 2
    )
    assert await word(bench, "canvases.edit", canvas_id=canvas, changes=[change, change]) == "invalid_arguments"
    await api.conversations_canvases_create(channel_id=ops, document_content=markdown("x"))
    assert await word(bench, "conversations.canvases.create", channel_id=ops) == "channel_canvas_already_exists"
    both = {"canvas_id": canvas, "access_level": "read", "channel_ids": [ops], "user_ids": [bench.id("ada")]}
    assert await word(bench, "canvases.access.set", **both) == "invalid_parameters"
    await api.canvases_delete(canvas_id=canvas)
    assert await word(bench, "canvases.edit", canvas_id=canvas, changes=[change]) == "canvas_not_found"


async def test_a_later_message_comes_when_its_time_has_come_and_not_when_it_was_taken_back(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    at = int(bench.server.clock.now()) + 3600
    await api.chat_scheduleMessage(channel=ops, text="standup", post_at=at)
    other = await api.chat_scheduleMessage(channel=ops, text="never", post_at=at)
    listed = (await api.chat_scheduledMessages_list(channel=ops))["scheduled_messages"]
    assert [one["text"] for one in listed] == ["standup", "never"]
    known = {"channel": ops, "scheduled_message_id": other["scheduled_message_id"]}
    await api.chat_deleteScheduledMessage(**known)
    assert await word(bench, "chat.deleteScheduledMessage", **known) == "invalid_scheduled_message_id"
    assert await bench.slack.messages("ada", "ops") == []
    await bench.slack.move_clock(3601)
    await bench.slack.wait_for_message("ada", "ops", text="standup")
    assert (await api.chat_scheduledMessages_list())["scheduled_messages"] == []


async def test_a_stream_grows_and_cannot_be_updated_until_it_ends(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    said = await bench.slack.post("ada", "ops", "why?")
    whom = {"recipient_user_id": bench.id("ada"), "recipient_team_id": bench.server.state.team.id}
    begun = await api.api_call(
        "chat.startStream", json={"channel": ops, "thread_ts": said["ts"], "markdown_text": "Because ", **whom}
    )
    at = {"channel": ops, "ts": begun["ts"]}
    await api.api_call("chat.appendStream", json={**at, "markdown_text": "of this."})
    task = {"type": "task_update", "id": "1", "title": "Look", "status": "complete"}
    await api.api_call("chat.appendStream", json={**at, "chunks": [task]})
    assert await word(bench, "chat.update", **at, text="x") == "streaming_state_conflict"
    assert await word(bench, "chat.appendStream", **at, chunks=[{"type": "dance"}]) == "invalid_chunks"
    ended = await api.api_call("chat.stopStream", json={**at, "blocks": [{"type": "divider"}]})
    assert ended["message"]["text"] == "Because of this."
    assert [block["type"] for block in ended["message"]["blocks"]] == ["markdown", "task_card", "divider"]
    assert await word(bench, "chat.appendStream", **at, markdown_text="x") == "message_not_in_streaming_state"


async def test_a_link_is_told_and_unfurled_under_the_persons_own_message(bench: Bench) -> None:
    shared, clicked = Seen(), Seen()

    @bench.bolt.event("link_shared")
    async def seen(event):
        await shared.note(event)

    @bench.bolt.event("message")
    async def said():
        return None

    @bench.bolt.action("open")
    async def opened(ack, body):
        await ack()
        await clicked.note(body)

    url = "https://runs.example/142"
    message = await bench.slack.post("ada", "ops", f"look: {url}")
    await shared.until(1)
    assert shared[0]["links"] == [{"domain": "runs.example", "url": url}]
    part = {"blocks": [{"type": "actions", "elements": [button("open", "Open")]}]}
    known = {"unfurl_id": shared[0]["unfurl_id"], "source": shared[0]["source"]}
    await bench.api.api_call("chat.unfurl", json={**known, "unfurls": {url: part}})
    shown = (await bench.slack.messages("bo", "ops"))[0]
    assert (shown["user"], shown["attachments"][0]["from_url"]) == (bench.id("ada"), url)
    await bench.slack.click("bo", shown, "Open")
    await clicked.until(1)
    container = clicked[0]["container"]
    assert (container["type"], container["is_app_unfurl"]) == ("message_attachment", True)
    assert clicked[0]["app_unfurl"]["app_unfurl_url"] == url
    at = {"channel": bench.id("ops"), "ts": message["ts"]}
    assert await word(bench, "chat.unfurl", **at, unfurls={"https://x.example": {}}) == "cannot_unfurl_url"
    assert await word(bench, "chat.unfurl", unfurls={url: {}}) == "missing_channel"


async def test_an_app_is_made_changed_and_taken_away_by_its_manifest(bench: Bench) -> None:
    config = (await bench.slack.ask("apps"))["config_token"]

    def call(method: str, **args: Any) -> Awaitable[Any]:
        args = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in args.items()}
        return bench.api.api_call(f"apps.manifest.{method}", params={"token": config, **args})

    manifest: dict[str, Any] = {
        "display_information": {"name": "Second"},
        "features": {"bot_user": {"display_name": "second"}, "slash_commands": [{"command": "/second"}]},
        "oauth_config": {"scopes": {"bot": ["commands"]}},
    }
    made = await call("create", manifest=manifest)
    installed = [one for one in await bench.slack.apps() if one["app_id"] == made["app_id"]]
    assert installed[0]["signing_secret"] == made["credentials"]["signing_secret"]
    assert "second" in (await bench.slack.command("ada", "ops", "/second")).text
    changed = {**manifest, "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}}}
    assert (await call("update", app_id=made["app_id"], manifest=changed))["permissions_updated"] is True
    assert (await call("export", app_id=made["app_id"]))["manifest"] == changed
    with pytest.raises(SlackApiError) as caught:
        await call("validate", manifest={"features": {"slash_commands": [{"command": "no slash"}]}})
    assert caught.value.response["errors"][0]["pointer"] == "/features/slash_commands/0/command"
    await call("delete", app_id=made["app_id"])
    assert await refused(call("export", app_id=made["app_id"])) == "app_not_found"
    assert "not a valid command" in (await bench.slack.command("ada", "ops", "/second")).text
    bot = await refused(bench.api.api_call("apps.manifest.export", params={"app_id": made["app_id"]}))
    assert bot == "not_allowed_token_type"


async def test_files_are_listed_and_deleted_and_the_old_upload_is_retired(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    up = await api.files_upload_v2(filename="a.txt", content="abc", channel=ops)
    file = up["files"][0]["id"]
    assert up["files"][0]["shares"] == {}  # the message is not there yet

    async def shared() -> bool:
        return bool((await api.files_info(file=file))["file"]["channels"])

    await bench.slack.wait_for(shared)
    assert [one["id"] for one in (await api.files_list(channel=ops))["files"]] == [file]
    theirs = await bench.slack.upload("ada", "b.txt", "abcd", "ops", text="mine")
    assert await word(bench, "files.delete", file=theirs) == "cant_delete_file"
    await api.files_delete(file=file)
    assert await refused(api.files_info(file=file)) == "file_deleted"
    assert [one["text"] for one in await bench.slack.messages("ada", "ops")] == ["mine"]
    assert await word(bench, "files.upload") == "method_deprecated"
    early = await api.files_getUploadURLExternal(filename="c.txt", length=3)
    assert await refused(api.files_completeUploadExternal(files=[{"id": early["file_id"]}])) == "file_update_failed"


async def test_a_revoked_token_is_dead(bench: Bench) -> None:
    assert (await bench.api.auth_revoke(test=True))["revoked"] is False
    assert (await bench.api.auth_revoke())["revoked"] is True
    assert await refused(bench.api.users_info(user=bench.id("ada"))) == "token_revoked"
