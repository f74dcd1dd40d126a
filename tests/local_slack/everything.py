"""A good answer of every method the local Slack offers, got through the SDK."""

from __future__ import annotations

import json
from typing import Any

from tests.local_slack.bench import Bench, button, modal, text_input

MANIFEST = {"display_information": {"name": "Another"}, "features": {"bot_user": {"display_name": "other"}}}
DOCUMENT = {"type": "markdown", "markdown": "# Runbook\n\nFirst look."}


async def answers(bench: Bench) -> dict[str, dict[str, Any]]:
    """By method; the workspace's app needs Socket Mode."""
    await _views(bench)
    ts = await _messages(bench)
    await _reactions_pins_bookmarks(bench, ts)
    await _files_and_canvases(bench)
    await _conversations(bench)
    await _people(bench)
    await _apps(bench, ts)
    entries = await bench.slack.log(kind="api")
    return {one["name"]: one["answer"] for one in entries if one["result"] == "ok"}


async def _views(bench: Bench) -> None:
    api = bench.api

    @bench.bolt.command("/ops")
    async def command(ack):
        await ack()

    @bench.bolt.action("go")
    async def go(ack, body, client):
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=modal("two", text_input("b", "B")))

    trigger = (await bench.slack.command("ada", "ops", "/ops")).trigger_id
    row = {"type": "actions", "elements": [button("go", "Go")]}
    view = (await api.views_open(trigger_id=trigger, view=modal("one", text_input("a", "A"), row)))["view"]
    await api.views_update(view_id=view["id"], view=modal("one", text_input("a", "A"), row))
    top = await bench.slack.view("ada")
    assert top is not None
    await bench.slack.click("ada", top, "Go")
    await bench.slack.wait_for_view("ada", callback_id="two")
    await api.views_publish(user_id=bench.id("ada"), view={"type": "home", "blocks": [{"type": "divider"}]})


async def _messages(bench: Bench) -> str:
    api, ops, ada = bench.api, bench.id("ops"), bench.id("ada")
    ts: str = (await api.chat_postMessage(channel=ops, text="root", blocks=[{"type": "divider"}]))["ts"]
    await api.chat_postMessage(channel=ops, text="reply", thread_ts=ts)
    await api.chat_update(channel=ops, ts=ts, text="changed")
    await api.chat_getPermalink(channel=ops, message_ts=ts)
    await api.chat_postEphemeral(channel=ops, user=ada, text="psst")
    await api.chat_meMessage(channel=ops, text="waves")
    later = int(bench.server.clock.now()) + 60
    for _ in range(2):
        plan = await api.chat_scheduleMessage(channel=ops, text="later", post_at=later)
    await api.chat_deleteScheduledMessage(channel=ops, scheduled_message_id=plan["scheduled_message_id"])
    await api.chat_scheduledMessages_list(channel=ops)
    said = await bench.slack.post("ada", "ops", "see https://runs.example/1")
    await api.chat_unfurl(channel=ops, ts=said["ts"], unfurls={"https://runs.example/1": {"text": "a run"}})
    team = bench.server.state.team.id
    opened = {"channel": ops, "thread_ts": ts, "recipient_user_id": ada, "recipient_team_id": team}
    stream = await api.api_call("chat.startStream", json={**opened, "markdown_text": "one "})
    part = {"channel": ops, "ts": stream["ts"]}
    await api.api_call("chat.appendStream", json={**part, "markdown_text": "two"})
    await api.api_call("chat.stopStream", json=part)
    thread = {"channel_id": ops, "thread_ts": ts}
    await api.api_call("assistant.threads.setStatus", json={**thread, "status": "thinking"})
    await api.api_call("assistant.threads.setTitle", json={**thread, "title": "A talk"})
    prompts = [{"title": "Restore", "message": "How do I restore?"}]
    await api.api_call("assistant.threads.setSuggestedPrompts", json={**thread, "prompts": prompts})
    gone = await api.chat_postMessage(channel=ops, text="gone")
    await api.chat_delete(channel=ops, ts=gone["ts"])
    return ts


async def _reactions_pins_bookmarks(bench: Bench, ts: str) -> None:
    api, ops = bench.api, bench.id("ops")
    await api.reactions_add(channel=ops, timestamp=ts, name="eyes")
    await api.reactions_get(channel=ops, timestamp=ts)
    await api.reactions_list()
    await api.reactions_remove(channel=ops, timestamp=ts, name="eyes")
    await api.pins_add(channel=ops, timestamp=ts)
    await api.pins_list(channel=ops)
    await api.pins_remove(channel=ops, timestamp=ts)
    mark = await api.bookmarks_add(channel_id=ops, title="Runbook", type="link", link="https://runs.example")
    known = {"channel_id": ops, "bookmark_id": mark["bookmark"]["id"]}
    await api.bookmarks_edit(**known, title="Runbooks", emoji=":book:")
    await api.bookmarks_list(channel_id=ops)
    await api.bookmarks_remove(**known)


async def _files_and_canvases(bench: Bench) -> None:
    api, ops = bench.api, bench.id("ops")
    up = await api.files_upload_v2(filename="a.txt", content="abc", channel=ops)
    file = up["files"][0]["id"]

    async def shared() -> bool:
        return bool((await api.files_info(file=file))["file"]["channels"])

    await bench.slack.wait_for(shared)
    await api.files_list(channel=ops)
    await api.files_delete(file=file)
    await api.conversations_canvases_create(channel_id=ops, document_content=DOCUMENT)
    canvas = (await api.canvases_create(title="Notes", document_content=DOCUMENT))["canvas_id"]
    found = await api.canvases_sections_lookup(canvas_id=canvas, criteria={"section_types": ["h1"]})
    change = {"operation": "insert_after", "section_id": found["sections"][0]["id"], "document_content": DOCUMENT}
    await api.canvases_edit(canvas_id=canvas, changes=[change])
    await api.canvases_access_set(canvas_id=canvas, access_level="read", channel_ids=[ops])
    await api.canvases_access_delete(canvas_id=canvas, channel_ids=[ops])
    await api.canvases_delete(canvas_id=canvas)


async def _conversations(bench: Bench) -> None:
    api, ada = bench.api, bench.id("ada")
    ops = bench.id("ops")
    await api.conversations_list(types="public_channel,private_channel")
    await api.users_conversations()
    await api.conversations_info(channel=ops)
    history = await api.conversations_history(channel=ops)
    await api.conversations_mark(channel=ops, ts=history["messages"][0]["ts"])
    thread = next(one["ts"] for one in history["messages"] if one.get("reply_count"))
    await api.conversations_replies(channel=ops, ts=thread)
    await api.conversations_members(channel=ops)
    opened = await api.conversations_open(users=ada, return_im=True)
    await api.conversations_close(channel=opened["channel"]["id"])
    await api.conversations_join(channel=bench.id("elsewhere"))
    await api.conversations_leave(channel=bench.id("elsewhere"))
    made = (await api.conversations_create(name="made"))["channel"]["id"]
    await api.conversations_invite(channel=made, users=ada)
    await api.conversations_kick(channel=made, user=ada)
    await api.conversations_rename(channel=made, name="renamed")
    await api.conversations_setTopic(channel=made, topic="What for")
    await api.conversations_setPurpose(channel=made, purpose="This")
    await api.conversations_archive(channel=made)
    await api.conversations_unarchive(channel=made)


async def _people(bench: Bench) -> None:
    api, ada = bench.api, bench.id("ada")
    await api.users_info(user=ada)
    await api.users_list()
    await api.users_lookupByEmail(email="ada@northwind.example")
    await api.users_getPresence(user=ada)
    await api.users_profile_get(user=ada)
    group = (await api.usergroups_create(name="Night shift", handle="night"))["usergroup"]["id"]
    await api.usergroups_update(usergroup=group, description="Who is on call")
    await api.usergroups_users_update(usergroup=group, users=[ada])
    await api.usergroups_disable(usergroup=group)
    await api.usergroups_enable(usergroup=group)
    await api.usergroups_list(include_users=True, include_count=True)
    await api.usergroups_users_list(usergroup=group)
    for call in (api.auth_test, api.api_test, api.team_info, api.bots_info, api.emoji_list):
        await call()


async def _apps(bench: Bench, ts: str) -> None:
    api, config = bench.api, bench.server.state.team.config_token
    manifest = json.dumps(MANIFEST)
    await api.api_call("apps.manifest.validate", params={"token": config, "manifest": manifest})
    made = await api.api_call("apps.manifest.create", params={"token": config, "manifest": manifest})
    app = {"token": config, "app_id": made["app_id"]}
    await api.api_call("apps.manifest.update", params={**app, "manifest": manifest})
    await api.api_call("apps.manifest.export", params=app)
    await api.api_call("apps.manifest.delete", params=app)
    await api.apps_connections_open(app_token=bench.server.app().app_token)
    await api.auth_revoke(test=True)
