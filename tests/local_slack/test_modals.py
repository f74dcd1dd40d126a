"""Modals and the home: triggers, stacks, submissions, suggestions, closing, hashes."""

from __future__ import annotations

from functools import partial

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from deploy.local.slack.client import ControlRefused
from tests.local_slack.bench import Bench, Seen, button, modal, mrkdwn, plain, text_input


async def opened(bench: Bench, view: dict) -> dict:
    """Ada's modal, opened with the trigger of a command."""
    bench.bolt.command("/ops")(_acked)
    ran = await bench.slack.command("ada", "ops", "/ops form")
    await bench.api.views_open(trigger_id=ran.trigger_id, view=view)
    return await bench.slack.wait_for_view("ada", callback_id=view["callback_id"])


async def test_a_submission_carries_every_value_and_an_empty_ack_closes(bench: Bench) -> None:
    seen = Seen()

    @bench.bolt.view("form")
    async def submitted(ack, body, view):
        await ack()
        await seen.note(
            {"values": view["state"]["values"], "meta": view["private_metadata"], "user": body["user"]["id"]}
        )

    select = {
        "type": "section",
        "block_id": "size",
        "text": mrkdwn("Size"),
        "accessory": {
            "type": "static_select",
            "action_id": "pick",
            "options": [{"text": plain("Big"), "value": "b"}, {"text": plain("Small"), "value": "s"}],
        },
    }
    people = {
        "type": "input",
        "block_id": "who",
        "optional": True,
        "label": plain("Who"),
        "element": {"type": "multi_users_select", "action_id": "users"},
    }
    bench.bolt.action("pick")(_acked)
    view = await opened(bench, modal("form", text_input("why", "Reason"), select, people, private_metadata="R-1"))
    await bench.slack.choose("ada", view, "pick", "Small")
    done = await bench.slack.submit("ada", view, {"Reason": "drill", "who": ["bo"]})
    assert done.ok
    assert await bench.slack.view("ada") is None
    await seen.until(1)
    assert seen == [
        {
            "values": {
                "why": {"text": {"type": "plain_text_input", "value": "drill"}},
                "size": {
                    "pick": {
                        "type": "static_select",
                        "selected_option": {"text": {**plain("Small"), "emoji": True}, "value": "s"},
                    }
                },
                "who": {"users": {"type": "multi_users_select", "selected_users": [bench.id("bo")]}},
            },
            "meta": "R-1",
            "user": bench.id("ada"),
        }
    ]


async def _acked(ack):
    await ack()


async def test_update_push_and_clear_change_the_stack(bench: Bench) -> None:
    @bench.bolt.view("one")
    async def first(ack):
        await ack(response_action="update", view=modal("two", text_input("b", "B")))

    @bench.bolt.view("two")
    async def second(ack):
        await ack(response_action="push", view=modal("three", text_input("c", "C")))

    @bench.bolt.view("three")
    async def third(ack):
        await ack(response_action="clear")

    view = await opened(bench, modal("one", text_input("a", "A")))
    await bench.slack.submit("ada", None, {"a": "1"})
    two = await bench.slack.view("ada")
    assert two is not None
    assert (two["callback_id"], two["id"]) == ("two", view["id"])
    await bench.slack.submit("ada", None, {"b": "1"})
    stack = await bench.slack.views("ada")
    assert [one["callback_id"] for one in stack] == ["two", "three"]
    assert (stack[1]["previous_view_id"], stack[1]["root_view_id"]) == (view["id"], view["id"])
    await bench.slack.submit("ada", None, {"c": "1"})
    assert await bench.slack.views("ada") == []


@pytest.mark.parametrize(
    "answer", [{"response_action": "errors", "errors": {"nowhere": "x"}}, {"response_action": "dance"}]
)
async def test_an_answer_slack_cannot_use_leaves_the_modal_with_a_notice(bench: Bench, answer: dict) -> None:
    @bench.bolt.view("form")
    async def submitted(ack):
        await ack(**answer)

    view = await opened(bench, modal("form", text_input("why", "Reason")))
    done = await bench.slack.submit("ada", view, {"why": "x"})
    assert not done.ok
    still = await bench.slack.view("ada")
    assert still is not None
    assert "trouble connecting" in still["notice"]


async def test_a_trigger_lives_three_seconds_and_works_once(bench: Bench) -> None:
    bench.bolt.command("/ops")(_acked)
    view = modal("form", text_input("a", "A"))
    first = await bench.slack.command("ada", "ops", "/ops")
    await bench.api.views_open(trigger_id=first.trigger_id, view=view)
    assert await refused(bench.api.views_open(trigger_id=first.trigger_id, view=view)) == "exchanged_trigger_id"
    second = await bench.slack.command("ada", "ops", "/ops")
    await bench.slack.move_clock(3.1)
    assert await refused(bench.api.views_open(trigger_id=second.trigger_id, view=view)) == "expired_trigger_id"
    assert await refused(bench.api.views_open(trigger_id="1.2.3", view=view)) == "invalid_trigger_id"


async def refused(call) -> str:
    """The error word of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_an_update_keeps_what_was_typed_and_an_old_hash_conflicts(bench: Bench) -> None:
    view = await opened(bench, modal("form", text_input("a", "A"), text_input("b", "B")))
    await bench.slack.choose("ada", view, "a", "kept")
    new = modal("form", text_input("a", "A again"), text_input("c", "C"))
    updated = await bench.api.views_update(view_id=view["id"], hash=view["hash"], view=new)
    assert updated["view"]["state"]["values"]["a"]["text"]["value"] == "kept"
    assert updated["view"]["state"]["values"]["c"]["text"]["value"] is None
    assert updated["view"]["hash"] != view["hash"]
    assert await refused(bench.api.views_update(view_id=view["id"], hash=view["hash"], view=new)) == "hash_conflict"
    await bench.slack.cancel("ada")
    assert await refused(bench.api.views_update(view_id=view["id"], view=new)) == "not_found"


async def test_a_button_in_a_modal_pushes_at_most_three(bench: Bench) -> None:
    refusals: list[str] = []

    @bench.bolt.action("deeper")
    async def deeper(ack, body, client):
        await ack()
        try:
            await client.views_push(trigger_id=body["trigger_id"], view=modal("next", deeper_button()))
        except SlackApiError as refusal:
            refusals.append(refusal.response["error"])

    await opened(bench, modal("form", deeper_button()))
    for depth in (2, 3, 3):
        top = await bench.slack.view("ada")
        assert top is not None
        await bench.slack.click("ada", top, "Deeper")
        await bench.slack.wait_for(partial(_deep, bench, depth, refusals))
    assert refusals == ["push_limit_reached"]


def deeper_button() -> dict:
    return {"type": "actions", "block_id": "d", "elements": [button("deeper", "Deeper")]}


async def _deep(bench: Bench, depth: int, refusals: list[str]) -> bool:
    return len(await bench.slack.views("ada")) == depth or bool(refusals)


async def test_an_external_select_asks_for_what_one_types_and_keeps_what_was_offered(bench: Bench) -> None:
    asked: list[str] = []

    @bench.bolt.options("target")
    async def targets(ack, payload):
        asked.append(payload["value"])
        names = [name for name in ("shop", "shipping", "billing") if payload["value"] in name]
        await ack(options=[{"text": plain(name), "value": name} for name in names])

    @bench.bolt.view("form")
    async def submitted(ack):
        await ack()

    block = {
        "type": "input",
        "block_id": "target",
        "label": plain("Target"),
        "element": {"type": "external_select", "action_id": "target", "min_query_length": 2},
    }
    view = await opened(bench, modal("form", block))
    assert (await bench.slack.suggest("ada", view, "target", "s")).result == "blocked"
    offered = await bench.slack.suggest("ada", view, "target", "sh")
    assert [one["value"] for one in offered.options] == ["shop", "shipping"]
    assert asked == ["sh"]
    with pytest.raises(ControlRefused, match="not among the options offered"):
        await bench.slack.submit("ada", view, {"target": "billing"})
    assert (await bench.slack.submit("ada", view, {"target": "shop"})).ok
    sent = (await bench.slack.log(kind="delivery", name="view_submission"))[0]["request"]
    assert sent["view"]["state"]["values"]["target"]["target"]["selected_option"]["value"] == "shop"


async def test_an_input_that_dispatches_tells_the_app_at_once(bench: Bench) -> None:
    heard = Seen()

    @bench.bolt.action("text")
    async def typed(ack, action):
        await ack()
        await heard.note(action["value"])

    silent, loud = text_input("a", "A"), {**text_input("b", "B"), "dispatch_action": True}
    view = await opened(bench, modal("form", silent, loud))
    await bench.slack.choose("ada", view, "a", "quiet")
    await bench.slack.choose("ada", view, "b", "loud")
    await heard.until(1)
    assert heard == ["loud"]


async def test_closing_is_told_when_the_view_asks_for_it(bench: Bench) -> None:
    heard = Seen()

    @bench.bolt.view_closed("form")
    async def closed(ack, body):
        await ack()
        await heard.note(body["is_cleared"])

    view = modal("form", text_input("a", "A"), notify_on_close=True)
    await opened(bench, view)
    assert (await bench.slack.cancel("ada")).ok
    await opened(bench, view)
    assert (await bench.slack.cancel("ada", everything=True)).ok
    await opened(bench, modal("form", text_input("a", "A")))
    assert (await bench.slack.cancel("ada")).ok
    await heard.until(2)
    assert heard == [False, True]
    assert await bench.slack.view("ada") is None


async def test_the_home_opens_is_published_and_its_buttons_work(bench: Bench) -> None:
    @bench.bolt.event("app_home_opened")
    async def home(event, client):
        await client.views_publish(
            user_id=event["user"],
            view={"type": "home", "blocks": [{"type": "actions", "elements": [button("go", "Start")]}]},
        )

    @bench.bolt.action("go")
    async def go(ack, body, client):
        await ack()
        assert "response_url" not in body
        await client.views_open(trigger_id=body["trigger_id"], view=modal("form", text_input("a", "A")))

    await bench.slack.open_home("ada")
    view = await bench.slack.wait_for_home("ada", text="Start")
    await bench.slack.click("ada", view, "Start")
    await bench.slack.wait_for_view("ada", callback_id="form")
    assert await refused(bench.api.views_publish(user_id=bench.id("bo"), hash="old", view=_home())) == "hash_conflict"


def _home() -> dict:
    return {"type": "home", "blocks": [{"type": "divider"}]}


async def test_shortcuts_carry_what_slack_promises(bench: Bench) -> None:
    bodies = Seen()

    async def take(ack, body):
        await ack()
        await bodies.note(body)

    bench.bolt.shortcut("new")(take)
    bench.bolt.shortcut("copy")(take)
    message = await bench.slack.post("bo", "ops", "the error")
    assert (await bench.slack.shortcut("ada", "new")).ok
    assert (await bench.slack.shortcut("ada", "copy", message)).ok
    await bodies.until(2)
    plain_, on_message = sorted(bodies, key=lambda body: "message" in body)
    assert (plain_["type"], "channel" in plain_, "response_url" in plain_) == ("shortcut", False, False)
    assert (on_message["type"], on_message["message"]["text"]) == ("message_action", "the error")
    with pytest.raises(ControlRefused, match="offers the shortcut"):
        await bench.slack.shortcut("ada", "unheard")


async def test_a_chosen_conversation_brings_a_response_url_and_starts_with_where_one_was(bench: Bench) -> None:
    @bench.bolt.view("form")
    async def submitted(ack):
        await ack()

    element = {"type": "conversations_select", "action_id": "where", "default_to_current_conversation": True}
    block = {"type": "input", "block_id": "to", "label": plain("To"), "element": element}
    view = await opened(bench, modal("form", {**block, "element": {**element, "response_url_enabled": True}}))
    assert view["state"]["values"]["to"]["where"]["selected_conversation"] == bench.id("ops")
    assert (await bench.slack.submit("ada", view, {"to": "#shared"})).ok
    sent = (await bench.slack.log(kind="delivery", name="view_submission"))[0]["request"]
    given = sent["response_urls"][0]
    assert (given["block_id"], given["action_id"], given["channel_id"]) == ("to", "where", bench.id("shared"))
    filed = {"text": "filed", "response_type": "in_channel"}
    async with aiohttp.ClientSession() as session, session.post(given["response_url"], json=filed) as answer:
        assert answer.status == 200
    assert [one["text"] for one in await bench.slack.messages("bo", "shared")] == ["filed"]


async def test_a_closed_dm_is_opened_again(bench: Bench) -> None:
    opened_at = await bench.api.conversations_open(users=bench.id("ada"))
    again = await bench.api.conversations_open(users=bench.id("ada"))
    assert (again["already_open"], again["channel"]["id"]) == (True, opened_at["channel"]["id"])
    await bench.api.conversations_close(channel=opened_at["channel"]["id"])
    assert (await bench.api.conversations_close(channel=opened_at["channel"]["id"]))["already_closed"] is True
    assert "already_open" not in await bench.api.conversations_open(users=bench.id("ada"))


async def test_only_conversations_that_one_sees_and_that_are_offered_can_be_chosen(bench: Bench) -> None:
    rule = {"include": ["public", "private"], "exclude_external_shared_channels": True}
    element = {"type": "conversations_select", "action_id": "where", "filter": rule}
    public = {"type": "channels_select", "action_id": "public"}
    label = {"type": "input", "label": plain("To"), "optional": True}
    view = modal("form", {**label, "block_id": "to", "element": element}, {**label, "block_id": "p", "element": public})
    shown = await opened(bench, view)
    two = await bench.slack.direct("ada", "bo")
    await bench.slack.choose("ada", shown, "where", "private")
    for target, place, words in (
        ("where", "hidden", "not among those offered"),
        ("where", two, "not among those offered"),
        ("where", "shared", "shared with another organisation"),
        ("public", "private", "not among those offered"),
    ):
        with pytest.raises(ControlRefused, match=words):
            await bench.slack.choose("ada", shown, target, place)


async def test_a_filter_leaves_out_the_dms_of_apps(bench: Bench) -> None:
    element = {"type": "conversations_select", "action_id": "where", "filter": {"exclude_bot_users": True}}
    view = modal("form", {"type": "input", "block_id": "to", "label": plain("To"), "element": element})
    shown = await opened(bench, view)
    two = await bench.slack.direct("ada", "bo")
    bot = next(one["im"] for one in (await bench.slack.ask("workspace", **{"as": "ada"}))["apps"])
    await bench.slack.choose("ada", shown, "where", two)
    with pytest.raises(ControlRefused, match="an app and not offered"):
        await bench.slack.choose("ada", shown, "where", bot)
