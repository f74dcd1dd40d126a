"""The shape of every answer and payload against samples of Slack's own, where that reference is at hand."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from deploy.local.slack.web.methods import ALL
from tests.local_slack.bench import Bench, button, modal, text_input

REFERENCE = Path(os.environ.get("SLACK_REFERENCE") or Path(__file__).parents[3] / "shared" / "slack")
RULES = REFERENCE / "slack-required.json"
REQUIRED = json.loads(RULES.read_text()) if RULES.exists() else {}
# The event wrapper's documentation and the recorded events have these; the samples made from the SDK's classes do not.
DOCUMENTED = {"$.context_team_id", "$.context_enterprise_id", "$.event.event_ts"}
EVENT_SAMPLES = {
    "message": "MessagePayload",
    "app_mention": "AppMentionPayload",
    "app_home_opened": "AppHomeOpenedPayload",
    "member_joined_channel": "MemberJoinedChannelPayload",
    "subteam_members_changed": "SubteamMembersChangedPayload",
    "user_change": "UserChangePayload",
    "reaction_added": "ReactionAddedPayload",
}


@pytest.fixture(scope="module")
def check() -> Any:
    """The reference's checker."""
    source = REFERENCE / "shape_check.py"
    if not source.exists():
        pytest.skip("the reference material is not beside the repository")
    spec = importlib.util.spec_from_file_location("shape_check", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sample(folder: str, name: str) -> dict[str, Any]:
    """A sample; an empty object where there is none, so that only required keys are judged."""
    path = REFERENCE / "samples" / folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {"ok": False} if folder == "api" else {}


def faults(check: Any, folder: str, name: str, candidate: dict[str, Any]) -> list[str]:
    """What differs, but for notes; a missing sample judges required keys only."""
    found = check.check(sample(folder, name), candidate, name, REQUIRED)
    judged = (REFERENCE / "samples" / folder / f"{name}.json").exists()
    kinds = ("lacks", "type", "never") if judged else ("lacks",)
    wrong = [
        one for one in found if one["kind"] in kinds and one["strength"] == "must" and one["path"] not in DOCUMENTED
    ]
    return [f"{one['kind']} {one['path']} {one['note']}" for one in wrong]


async def answers(bench: Bench) -> dict[str, dict[str, Any]]:
    """A good answer of every method offered."""
    api, ops, ada = bench.api, bench.id("ops"), bench.id("ada")

    @bench.bolt.command("/ops")
    async def command(ack):
        await ack()

    @bench.bolt.action("go")
    async def go(ack, body, client):
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=modal("two", text_input("b", "B")))

    posted = await api.chat_postMessage(channel=ops, text="root", blocks=[{"type": "divider"}])
    ts = posted["ts"]
    await api.chat_postMessage(channel=ops, text="reply", thread_ts=ts)
    trigger = (await bench.slack.command("ada", "ops", "/ops")).trigger_id
    row = {"type": "actions", "elements": [button("go", "Go")]}
    view = (await api.views_open(trigger_id=trigger, view=modal("one", text_input("a", "A"), row)))["view"]
    await api.views_update(view_id=view["id"], view=modal("one", text_input("a", "A"), row))
    top = await bench.slack.view("ada")
    assert top is not None
    await bench.slack.click("ada", top, "Go")
    await bench.slack.wait_for_view("ada", callback_id="two")
    await api.views_publish(user_id=ada, view={"type": "home", "blocks": [{"type": "divider"}]})
    await api.reactions_add(channel=ops, timestamp=ts, name="eyes")
    await api.reactions_get(channel=ops, timestamp=ts)
    await api.reactions_remove(channel=ops, timestamp=ts, name="eyes")
    await api.pins_add(channel=ops, timestamp=ts)
    up = await api.files_upload_v2(filename="a.txt", content="abc", channel=ops)
    await api.files_info(file=up["files"][0]["id"])
    group = bench.server.state.group("dba")
    assert group is not None
    await api.usergroups_list(include_users=True, include_count=True)
    await api.usergroups_users_list(usergroup=group.id)
    for call in (api.auth_test, api.api_test, api.team_info, api.bots_info, api.conversations_list, api.users_list):
        await call()
    await api.conversations_info(channel=ops)
    await api.conversations_history(channel=ops)
    await api.conversations_replies(channel=ops, ts=ts)
    await api.conversations_members(channel=ops)
    await api.conversations_open(users=ada, return_im=True)
    await api.conversations_join(channel=bench.id("elsewhere"))
    made = await api.conversations_create(name="made")
    await api.conversations_invite(channel=made["channel"]["id"], users=ada)
    await api.users_info(user=ada)
    await api.users_lookupByEmail(email="ada@northwind.example")
    await api.chat_update(channel=ops, ts=ts, text="changed")
    await api.chat_getPermalink(channel=ops, message_ts=ts)
    await api.chat_postEphemeral(channel=ops, user=ada, text="psst")
    await api.chat_delete(channel=ops, ts=ts)
    await api.apps_connections_open(app_token=bench.server.app().app_token)
    return {one["name"]: one["answer"] for one in await bench.slack.log(kind="api") if one["result"] == "ok"}


async def test_every_method_offered_answers_in_slacks_shape(check: Any) -> None:
    async with Bench(socket=True) as bench:
        found = await answers(bench)
    offered = {method.name for method in ALL}
    assert set(found) == offered
    wrong = {name: faults(check, "api", name, found[name]) for name in sorted(offered)}
    assert {name: lines for name, lines in wrong.items() if lines} == {}


async def test_every_event_has_slacks_shape(check: Any, bench: Bench) -> None:
    async def take():
        return None

    for name in EVENT_SAMPLES:
        bench.bolt.event(name)(take)
    bot = bench.server.app().bot_user_id
    said = await bench.slack.post("ada", "ops", f"hello <@{bot}>")
    await bench.slack.react("bo", said, "eyes")
    await bench.slack.open_home("ada")
    await bench.slack.set_person("bo", title="New")
    await bench.slack.set_group("dba", members=["bo"])
    await bench.slack.join("gus", "shared", leave=True)
    await bench.slack.join("gus", "shared")

    async def all_sent() -> dict[str, Any] | None:
        log = await bench.slack.log(kind="delivery")
        sent = {one["name"]: one["request"] for one in log if "subtype" not in one["request"]["event"]}
        return sent if set(EVENT_SAMPLES) <= set(sent) else None

    sent = await bench.slack.wait_for(all_sent)
    wrong = {name: faults(check, "events", file, sent[name]) for name, file in EVENT_SAMPLES.items()}
    assert {name: lines for name, lines in wrong.items() if lines} == {}


async def test_every_interaction_has_slacks_shape(check: Any, bench: Bench) -> None:
    async def take(ack):
        await ack()

    bench.bolt.command("/ops")(take)
    bench.bolt.view("one")(take)
    bench.bolt.view_closed("one")(take)
    bench.bolt.action("go")(take)
    bench.bolt.shortcut("copy")(take)
    view = modal("one", text_input("a", "A"), notify_on_close=True)
    for end in ("submit", "cancel"):
        ran = await bench.slack.command("ada", "ops", "/ops x")
        await bench.api.views_open(trigger_id=ran.trigger_id, view=view)
        if end == "submit":
            await bench.slack.submit("ada", None, {"a": "1"})
        else:
            await bench.slack.cancel("ada")
    blocks = [{"type": "actions", "elements": [button("go", "Go")]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ada", "ops", text="x")
    await bench.slack.click("ada", message, "go")
    await bench.slack.shortcut("ada", "copy", message)
    sent = {one["name"]: one["request"] for one in await bench.slack.log(kind="delivery")}
    names = {
        "view_submission": "ViewSubmissionPayload",
        "message_action": "MessageShortcutPayload",
        "block_actions": "BlockActionPayload",
        "view_closed": "ViewClosedPayload",
        "/ops": "SlashCommandPayload",
    }
    wrong = {name: faults(check, "app-backend", file, sent[name]) for name, file in names.items()}
    assert {name: lines for name, lines in wrong.items() if lines} == {}
