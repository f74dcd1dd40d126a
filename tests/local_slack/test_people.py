"""Who may do what: guests, people of another organisation, the deactivated, apps; DMs; what a reload forgets."""

from __future__ import annotations

import pytest

from deploy.local.slack import PersonSpec, SlackServer, WorkspaceSpec
from deploy.local.slack.client import ControlRefused
from tests.local_slack.bench import Bench, Seen, button, modal
from tests.local_slack.test_web_api import refused


async def _acked(ack):
    await ack()


async def test_an_outsider_clicks_and_chooses_but_runs_and_opens_nothing(bench: Bench) -> None:
    seen = Seen()

    @bench.bolt.action("go")
    async def go(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal("form", _why()))
        await seen.note(body)

    bench.bolt.view("form")(_acked)
    blocks = [{"type": "actions", "elements": [button("go", "Go")]}]
    await bench.api.chat_postMessage(channel=bench.id("shared"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ola", "shared", text="x")
    assert (await bench.slack.click("ola", message, "Go")).ok
    await bench.slack.wait_for_view("ola", callback_id="form")
    assert (await bench.slack.submit("ola", None, {"why": "y"})).ok
    await seen.until(1)
    assert seen[0]["user"]["team_id"] != seen[0]["team"]["id"]
    assert (await bench.slack.command("ola", "shared", "/ops x")).result == "blocked"
    for refusal in (
        bench.slack.shortcut("ola", "copy", message),
        bench.slack.open_home("ola"),
        bench.slack.create_channel("ola", "mine"),
        bench.slack.invite("ola", "shared", "dee"),
        bench.slack.messages("ola", "ops"),
        bench.slack.messages("ola", "@bench"),
    ):
        with pytest.raises(ControlRefused):
            await refusal
    (app,) = (await bench.slack.ask("workspace", **{"as": "ola"}))["apps"]
    assert (app["commands"], app["shortcuts"]) == ([], []), "what is refused is not offered"
    assert await refused(bench.api.conversations_open(users=bench.id("ola"))) == "user_not_visible"
    assert await refused(bench.api.chat_postMessage(channel=bench.id("ola"), text="x")) == "channel_not_found"
    await bench.slack.switches(outsider_team="own")
    await bench.slack.click("ola", message, "Go")
    await seen.until(2)
    assert seen[1]["team"]["id"] == seen[1]["user"]["team_id"]


def _why() -> dict:
    element = {"type": "plain_text_input", "action_id": "text"}
    return {"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Why"}, "element": element}


async def test_guests_see_what_they_were_added_to_and_join_nothing_by_themselves(bench: Bench) -> None:
    with pytest.raises(ControlRefused, match="sees no channel|is a guest"):
        await bench.slack.join("gus", "ops")
    with pytest.raises(ControlRefused, match="cannot make channels"):
        await bench.slack.create_channel("gus", "mine")
    seen = await bench.slack.ask("workspace", **{"as": "gus"})
    assert {one["name"] for one in seen["channels"] if one["kind"] != "im"} == {"shared"}
    await bench.slack.set_person("solo", role="single_channel_guest")
    await bench.slack.invite("ada", "ops", "solo")
    with pytest.raises(ControlRefused, match="single-channel guest and has a channel"):
        await bench.slack.invite("ada", "shared", "solo")
    bot = bench.api.conversations_invite(channel=bench.id("private"), users=bench.id("solo"))
    assert await refused(bot) == "ura_max_channels"


async def test_the_deactivated_and_apps_do_nothing_through_the_control_api(bench: Bench) -> None:
    with pytest.raises(ControlRefused, match="deactivated and cannot act"):
        await bench.slack.command("dee", "ops", "/ops")
    with pytest.raises(ControlRefused, match="acts through the Web API only"):
        await bench.slack.post("bench", "ops", "I am a bot")
    assert await refused(bench.api.conversations_open(users=bench.id("dee"))) == "user_disabled"
    assert await refused(bench.api.chat_postMessage(channel=bench.id("dee"), text="x")) == "channel_not_found"
    assert (
        await refused(bench.api.chat_postMessage(channel=bench.server.app().bot_user_id, text="x")) == "cannot_dm_bot"
    )


async def test_people_talk_in_dms_and_group_dms_that_the_app_does_not_see(bench: Bench) -> None:
    bench.bolt.command("/ops")(_acked)
    two = await bench.slack.direct("ada", "bo")
    assert await bench.slack.direct("bo", "ada") == two
    await bench.slack.post("ada", two, "between us")
    assert [one["text"] for one in await bench.slack.messages("bo", two)] == ["between us"]
    with pytest.raises(ControlRefused, match="sees no channel"):
        await bench.slack.messages("gus", two)
    assert await refused(bench.api.conversations_info(channel=two)) == "channel_not_found"
    assert (await bench.slack.command("ada", two, "/ops x")).ok
    sent = (await bench.slack.log(kind="delivery", name="/ops"))[0]["request"]
    assert (sent["channel_id"], sent["channel_name"]) == (two, "directmessage")
    three = await bench.slack.direct("ada", "bo", "gus")
    seen = (await bench.slack.ask("workspace", **{"as": "gus"}))["channels"]
    assert [one["id"] for one in seen if one["kind"] == "mpim"] == [three]
    assert [one["app"] for one in seen if one["kind"] == "im"] == [bench.server.app().app_id], "there at the first look"
    opened = await bench.api.conversations_open(users=[bench.id("ada"), bench.id("bo")])
    info = await bench.api.conversations_info(channel=opened["channel"]["id"])
    assert (info["channel"]["is_mpim"], info["channel"]["name"]) == (True, "mpdm-ada--bench--bo-1")


async def test_one_person_with_two_accounts_is_two_users_with_one_name(bench: Bench) -> None:
    await bench.slack.set_person("ada-admin", real_name="Ada Moreau", role="admin", email="ada.admin@northwind.example")
    first = (await bench.api.users_info(user=bench.id("ada")))["user"]
    second = (await bench.api.users_lookupByEmail(email="ada.admin@northwind.example"))["user"]
    assert first["real_name"] == second["real_name"]
    assert first["id"] != second["id"]


async def test_a_reload_takes_what_was_ephemeral_and_a_quiet_thread_shows_none(bench: Bench) -> None:
    api, ops, ada = bench.api, bench.id("ops"), bench.id("ada")
    await api.chat_postEphemeral(channel=ops, user=ada, text="psst")
    assert await bench.slack.reload("ada") == 1
    assert await bench.slack.ephemerals("ada") == []
    root = (await api.chat_postMessage(channel=ops, text="root"))["ts"]
    assert (await api.chat_postEphemeral(channel=ops, user=ada, thread_ts=root, text="unseen"))["ok"]
    assert await bench.slack.ephemerals("ada") == []
    await api.chat_postMessage(channel=ops, thread_ts=root, text="reply")
    await api.chat_postEphemeral(channel=ops, user=ada, thread_ts=root, text="seen")
    private = await bench.slack.wait_for_ephemeral("ada", "ops", text="seen")
    with pytest.raises(ControlRefused, match="no reactions"):
        await bench.slack.react("ada", private, "eyes")
    with pytest.raises(ControlRefused, match="no shortcuts"):
        await bench.slack.shortcut("ada", "copy", private)
    assert await refused(api.reactions_add(channel=ops, timestamp=private["ts"], name="eyes")) == "message_not_found"
    assert await refused(api.chat_getPermalink(channel=ops, message_ts=private["ts"])) == "message_not_found"


async def test_one_changes_ones_own_words_and_files_reach_a_form(bench: Bench) -> None:
    bench.bolt.command("/ops")(_acked)
    said = await bench.slack.post("ada", "ops", "frist")
    changed = await bench.slack.edit("ada", said, "first")
    assert (changed["text"], changed["edited"]["user"]) == ("first", bench.id("ada"))
    with pytest.raises(ControlRefused, match="did not write"):
        await bench.slack.edit("bo", said, "mine")
    element = {"type": "file_input", "action_id": "files", "max_files": 1}
    block = {"type": "input", "block_id": "log", "label": {"type": "plain_text", "text": "Log"}, "element": element}
    bench.bolt.view("form")(_acked)
    ran = await bench.slack.command("ada", "ops", "/ops")
    await bench.api.views_open(trigger_id=ran.trigger_id, view=modal("form", block))
    one, two = [await bench.slack.upload("ada", name, "text") for name in ("a.log", "b.log")]
    assert set((await bench.slack.submit("ada", None, {"log": [one, two]})).errors) == {"log"}
    assert (await bench.slack.submit("ada", None, {"log": [one]})).ok
    sent = (await bench.slack.log(kind="delivery", name="view_submission"))[-1]["request"]
    assert sent["view"]["state"]["values"]["log"]["files"]["files"][0]["name"] == "a.log"


def test_a_workspace_names_who_is_in_it() -> None:
    with pytest.raises(ValueError, match="names 'zoe', who is not among its people"):
        SlackServer(WorkspaceSpec.from_dict({"channels": [{"name": "ops", "members": ["zoe"]}]}))
    assert PersonSpec(name="ola", role="outsider").team_id


async def test_a_closed_messages_tab_takes_no_words_and_without_interactivity_nothing_is_pressed(bench: Bench) -> None:
    manifest = bench.server.app().manifest
    manifest.features.app_home.messages_tab_read_only_enabled = True
    with pytest.raises(ControlRefused, match="closes the messages tab"):
        await bench.slack.post("ada", "@bench", "hello?")
    await bench.api.chat_postMessage(channel=bench.id("ada"), text="an app may still speak")
    manifest.features.app_home.messages_tab_enabled = False
    assert await refused(bench.api.chat_postMessage(channel=bench.id("ada"), text="x")) == "messages_tab_disabled"
    blocks = [{"type": "actions", "elements": [button("go", "Go")]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
    message = await bench.slack.wait_for_message("ada", "ops", text="x")
    manifest.settings.interactivity.is_enabled = False
    for outcome in (await bench.slack.click("ada", message, "Go"), await bench.slack.shortcut("ada", "new")):
        assert (outcome.result, "not configured" in outcome.text) == ("blocked", True)
    assert {one["name"] for one in await bench.slack.log(kind="delivery")} == {"message"}
