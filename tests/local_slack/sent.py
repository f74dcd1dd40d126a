"""One of each event and of each interaction that the local Slack sends, brought about as people and apps do."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from aiohttp import web

from deploy.local.slack.interactions.values import KEYS
from tests.local_slack.bench import Bench, Recorder, button, modal, plain, text_input

Payloads = dict[str, list[dict[str, Any]]]
SUBSCRIBED = [
    "app_home_opened", "app_mention", "app_uninstalled", "channel_archive", "channel_created", "channel_rename",
    "channel_unarchive", "file_shared", "group_archive", "group_rename", "group_unarchive", "link_shared",
    "member_joined_channel", "member_left_channel", "message.channels", "message.groups", "message.im",
    "message_metadata_posted", "pin_added", "pin_removed", "reaction_added", "reaction_removed", "subteam_created",
    "subteam_members_changed", "subteam_updated", "team_join", "tokens_revoked", "user_change",
]  # fmt: skip


def named(event: dict[str, Any]) -> str:
    """What an event is; a plain message is one that a person wrote."""
    if "subtype" in event:
        return f"{event['type']}/{event['subtype']}"
    return "message/by_a_bot" if event["type"] == "message" and "bot_id" in event else str(event["type"])


async def events(bench: Bench, wanted: set[str]) -> Payloads:
    """Whole payloads by name, once all of `wanted` are there. The app is taken away in the end."""
    app = bench.server.state.app()
    app.scopes |= {"chat:write.customize", "metadata.message:read"}
    subscriptions = app.spec.manifest.settings.event_subscriptions
    subscriptions.bot_events[:] = SUBSCRIBED
    subscriptions.metadata_subscriptions = [{"app_id": app.id, "event_type": "run"}]
    await _of_people(bench)
    await _of_messages(bench)
    await _of_channels(bench)
    await bench.slack.set_app(revoked=True)

    async def all_sent() -> Payloads | None:
        found: Payloads = defaultdict(list)
        for one in await bench.slack.log(kind="delivery"):
            found[named(one["request"]["event"])].append(one["request"])
        return found if wanted <= set(found) else None

    return await bench.slack.wait_for(all_sent, what="every event")


async def _of_people(bench: Bench) -> None:
    slack, api = bench.slack, bench.api
    await slack.open_home("ada")
    await api.views_publish(user_id=bench.id("ada"), view={"type": "home", "blocks": [{"type": "divider"}]})
    await slack.open_home("ada")
    await slack.set_person("bo", title="New")
    await slack.set_person("dee", title="Gone")
    await slack.set_person("new", real_name="New Person")
    await slack.set_group("dba", members=["bo"])
    group = (await api.usergroups_create(name="Night shift", handle="night"))["usergroup"]["id"]
    await api.usergroups_update(usergroup=group, description="Who is on call")
    await slack.join("gus", "shared", leave=True)
    await slack.invite("ada", "shared", "gus")
    await slack.join("bo", "ops", leave=True)


async def _of_messages(bench: Bench) -> None:
    slack, api, ops = bench.slack, bench.api, bench.id("ops")
    said = await slack.post("ada", "ops", f"hello <@{bench.server.app().bot_user_id}>, see https://runs.example/1")
    await slack.react("ada", said, "eyes")
    await slack.react("ada", said, "eyes", remove=True)
    await slack.upload("ada", "notes.txt", "some", "ops")
    told = {"event_type": "run", "event_payload": {"id": 1}}
    ts = (await api.chat_postMessage(channel=ops, text="root", metadata=told))["ts"]
    await api.chat_postMessage(channel=ops, text="also here", thread_ts=ts, reply_broadcast=True)
    await api.chat_update(channel=ops, ts=ts, text="changed")
    await api.chat_meMessage(channel=ops, text="waves")
    await api.chat_postMessage(channel=ops, text="hello", username="Robin", icon_emoji=":robot_face:")
    kept = (await api.chat_postMessage(channel=ops, text="keep this"))["ts"]
    await api.pins_add(channel=ops, timestamp=kept)
    await api.pins_remove(channel=ops, timestamp=kept)
    await api.chat_delete(channel=ops, ts=kept)


async def _of_channels(bench: Bench) -> None:
    api = bench.api
    for made in ("made", "made-private"):
        private = made.endswith("private")
        channel = (await api.conversations_create(name=made, is_private=private))["channel"]["id"]
        await api.conversations_setTopic(channel=channel, topic="What for")
        await api.conversations_rename(channel=channel, name=f"re{made}")
        await api.conversations_archive(channel=channel)
        await api.conversations_unarchive(channel=channel)


# --- interactions -------------------------------------------------------------------------------------------------


def options(*names: str) -> list[dict[str, Any]]:
    return [{"text": plain(name.title()), "value": name} for name in names]


MORE: dict[str, dict[str, Any]] = {
    **{
        kind: {"options": options("red", "blue")}
        for kind in ("static_select", "multi_static_select", "radio_buttons", "checkboxes")
    },
    "number_input": {"is_decimal_allowed": False},
    "external_select": {"min_query_length": 0},
    "multi_external_select": {"min_query_length": 0},
}
VALUES: dict[str, Any] = {
    "plain_text_input": "words", "email_text_input": "a@b.example", "url_text_input": "https://b.example",
    "number_input": "7", "rich_text_input": "words", "static_select": "red", "multi_static_select": ["red"],
    "external_select": "shop", "multi_external_select": ["shop"], "radio_buttons": "blue", "checkboxes": ["red"],
    "users_select": "bo", "multi_users_select": ["bo"], "channels_select": "ops", "multi_channels_select": ["ops"],
    "conversations_select": "ops", "multi_conversations_select": ["ops"], "datepicker": "2026-03-01",
    "timepicker": "13:45", "datetimepicker": 1772369100,
}  # fmt: skip
BESIDES: list[dict[str, Any]] = [
    {"type": "overflow", "action_id": "overflow", "options": options("pin", "hide")},
    {
        "type": "feedback_buttons", "action_id": "feedback",
        "positive_button": {"text": plain("Good"), "value": "good"},
        "negative_button": {"text": plain("Bad"), "value": "bad"},
    },
    {"type": "icon_button", "action_id": "trash", "icon": "trash", "text": plain("Away")},
    button("go", "Go"),
]  # fmt: skip


def element(kind: str) -> dict[str, Any]:
    return {"type": kind, "action_id": kind, **MORE.get(kind, {})}


def every_field() -> list[dict[str, Any]]:
    """An input of each element that holds a value; each tells the app at once."""
    return [
        {
            "type": "input", "block_id": kind, "label": plain(kind), "optional": True, "dispatch_action": True,
            "element": element(kind),
        }
        for kind in KEYS
    ]  # fmt: skip


class Offering(Recorder):
    """An app that acknowledges everything, and offers one option to whoever looks for some."""

    async def _take(self, request: web.Request) -> web.Response:
        offered = {"options": options("shop")}
        if "block_suggestion" in await request.text():
            self.answers.append(web.json_response(offered))
        return await super()._take(request)


async def interactions(bench: Bench) -> Payloads:
    """Whole payloads by name; clicks and questions for options by where they are, as `block_actions/view`.

    The app is one that is `Offering`.
    """
    slack, api, ops = bench.slack, bench.api, bench.id("ops")
    rows = [{"type": "actions", "elements": [one]} for one in BESIDES if one["type"] in ("overflow", "button")]
    rows += [
        {"type": "context_actions", "elements": [one]} for one in BESIDES if one["type"] not in ("overflow", "button")
    ]
    fields = [one for one in every_field() if one["block_id"] != "file_input"]
    attached = [{"blocks": [{"type": "actions", "elements": [button("inside", "Inside")]}]}]
    await api.chat_postMessage(channel=ops, text="x", blocks=[*rows, *fields], attachments=attached)
    message = await slack.wait_for_message("ada", "ops", text="x")
    for target in ("Pin", "Good", "Away", "Go", "Inside"):
        await slack.click("ada", message, target)
    for kind, value in VALUES.items():
        if kind.endswith("external_select"):
            await slack.suggest("ada", message, kind, "")
        await slack.choose("ada", message, kind, value)
    await api.chat_postEphemeral(channel=ops, user=bench.id("ada"), text="psst", blocks=rows[:2])
    await slack.click("ada", await slack.wait_for_ephemeral("ada", "ops", text="psst"), "Go")
    await slack.shortcut("ada", "copy", message)
    await slack.shortcut("ada", "new")
    await _on_views(bench)
    found: Payloads = defaultdict(list)
    for one in await slack.log(kind="delivery"):
        sent = one["request"]
        if sent.get("type") not in ("event_callback", "url_verification"):
            place = f"/{'view' if 'view' in sent else 'message'}" if one["name"].startswith("block_") else ""
            found["command" if "command" in sent else f"{one['name']}{place}"].append(sent)
    return found


async def _on_views(bench: Bench) -> None:
    slack, api = bench.slack, bench.api
    told = {"type": "conversations_select", "action_id": "text", "response_url_enabled": True}
    where = text_input("where", "Where") | {"element": told}
    for end in ("submit", "cancel"):
        ran = await slack.command("ada", "ops", f"/ops {end}")
        view = modal("one", text_input("why", "Why"), where, *every_field(), notify_on_close=True)
        await api.views_open(trigger_id=ran.trigger_id, view=view)
        if end == "cancel":
            await slack.cancel("ada", everything=True)
            continue
        opened = await slack.wait_for_view("ada")
        for kind in ("external_select", "multi_external_select"):
            await slack.suggest("ada", opened, kind, "")
        for kind, value in VALUES.items():
            await slack.choose("ada", opened, kind, value)
        file = await slack.upload("ada", "a.txt", "text")
        await slack.submit("ada", opened, {"why": "1", "where": "ops", "file_input": [file]})
    await api.views_publish(user_id=bench.id("ada"), view={"type": "home", "blocks": every_field()[:4]})
    home = await slack.home("ada")
    assert home is not None
    await slack.choose("ada", home, "plain_text_input", "words")
