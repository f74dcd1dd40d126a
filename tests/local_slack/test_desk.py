"""The desk beside the workspace: a guide that follows what people do, buttons, Slack's weather, and the trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from deploy.local.slack import SlackServer
from deploy.local.slack.client import ControlRefused
from deploy.local.slack.desk import Button, Desk, Guide, Seen, Step
from deploy.local.slack.limits import meter
from tests.local_slack.bench import Bench, button, modal, mrkdwn, plain, text_input, workspace_spec

PRESSED = Seen("pressed", "^Approve$", "bo")
GUIDE = Guide(
    "First",
    (
        Step("Ask", "Ask.", (Seen("command", "^/ops restore", "ada"),), "ada", "ops", "/ops restore shop"),
        Step("Look", "Become Bo.", until=(Seen("looks", person="bo"),)),
        Step("Approve", "Press it.", until=(PRESSED,), leaps=(PRESSED,)),
        Step("Kill", "Kill it.", until=(Seen("button", "^kill$"),), button="kill"),
        Step("Watch", "Wait.", until=(Seen("message", "Done"),)),
    ),
    "Over.",
)


class Guided(Bench):
    """With a guide and one button."""

    def __init__(self) -> None:
        super().__init__()
        self.killed = 0
        desk = Desk(GUIDE, (Button("kill", "Kill it", "at once", self._kill),))
        self.server = SlackServer(workspace_spec(), limits=False, desk=desk)

    async def _kill(self) -> str:
        self.killed += 1
        return "It was killed."

    async def at(self, step: int) -> None:
        """Until the guide is there."""

        async def there() -> bool:
            return bool((await self.slack.ask("desk"))["guide"]["at"] == step)

        await self.slack.wait_for(there, what=f"step {step} of the guide")


@pytest.fixture
async def guided() -> AsyncIterator[Guided]:
    made = Guided()
    async with made:
        yield made


async def test_whoever_goes_another_way_is_met_where_they_come_out(guided: Guided) -> None:
    core = guided.server.core
    core.desk.notice(core, Seen("pressed", "Approve", "ada"))
    await guided.at(0)
    core.desk.notice(core, Seen("pressed", "Approve", "bo"))
    await guided.at(3)


async def test_the_guide_goes_on_by_what_people_do_and_by_nothing_else(guided: Guided) -> None:
    actions = {"type": "actions", "elements": [button("yes", "Approve")]}

    @guided.bolt.command("/ops")
    async def ops(ack, client):
        await ack()
        await client.chat_postMessage(channel=guided.id("ops"), text="card", blocks=[actions])

    @guided.bolt.action("yes")
    async def yes(ack):
        await ack()

    await guided.slack.command("bo", "ops", "/ops restore shop")
    card = await guided.slack.wait_for_message("ada", "ops", text="Approve")
    await guided.at(0)
    await guided.slack.command("ada", "ops", "/ops restore shop")
    await guided.at(1)
    await guided.slack.click("ada", card, "Approve")
    await guided.at(1)
    await guided.slack.click("bo", card, "Approve")
    await guided.at(3)
    with pytest.raises(ControlRefused, match="no button 'nothing'"):
        await guided.slack.ask("press", button="nothing")
    assert (await guided.slack.ask("press", button="kill"))["text"] == "It was killed."
    await guided.at(4)
    await guided.api.chat_update(channel=guided.id("ops"), ts=card["ts"], text="Done", blocks=[])
    await guided.at(5)
    assert guided.killed == 1
    assert (await guided.slack.ask("guide", at=0))["guide"]["steps"][3]["button"] == "kill"


async def test_whoever_begins_again_is_not_led_through_what_is_done_once(guided: Guided) -> None:
    first = Step("Prepare", "Wait.", until=(Seen("message", "ready"),), once=True)
    assert guided.server.core.desk.shown()["guide"]["again"] == 0
    guided.server.core.desk.guide = Guide("First", (first, *GUIDE.steps), "Over.")
    shown = (await guided.slack.ask("desk"))["guide"]
    assert (shown["at"], shown["again"]) == (0, 1)


async def test_a_workspace_without_a_guide_says_so(bench: Bench) -> None:
    with pytest.raises(ControlRefused, match="no guide"):
        await bench.slack.ask("guide", at=0)
    found = await bench.slack.ask("desk")
    assert (found["guide"], found["buttons"], found["weather"]) == (None, [], "fair")


async def test_in_bad_weather_calls_fail_and_nothing_reaches_the_app_until_it_is_fair(bench: Bench) -> None:
    heard: list[str] = []

    @bench.bolt.command("/ops")
    async def ops(ack):
        await ack()
        heard.append("/ops")

    await bench.slack.ask("weather", weather="down")
    with pytest.raises(SlackApiError) as failed:
        await bench.api.chat_postMessage(channel=bench.id("ops"), text="lost")
    assert failed.value.response.status_code == 500
    assert "dispatch_failed" in (await bench.slack.command("ada", "ops", "/ops x")).text
    assert await bench.slack.messages("ada", "ops") == []
    await bench.slack.ask("weather", weather="fair")
    assert (await bench.slack.command("ada", "ops", "/ops x")).ok
    assert heard == ["/ops"]
    with pytest.raises(ControlRefused, match="fair, slow, down"):
        await bench.slack.ask("weather", weather="rain")


async def test_when_slack_goes_down_its_sockets_go_too(socket_bench: Bench) -> None:
    assert (await socket_bench.slack.apps())[0]["sockets"] == 1
    await socket_bench.slack.ask("weather", weather="down")
    assert (await socket_bench.slack.apps())[0]["sockets"] == 0


async def test_slow_weather_makes_each_call_take_longer_and_clearing_the_faults_ends_it(bench: Bench) -> None:
    await bench.slack.ask("weather", weather="slow")
    post = asyncio.create_task(bench.api.chat_postMessage(channel=bench.id("ops"), text="late"))

    async def called() -> list[Any]:
        return await bench.slack.log(kind="api", name="chat.postMessage")

    await bench.slack.wait_for(called, what="the call")
    assert await bench.slack.messages("ada", "ops") == []
    await bench.slack.move_clock(2)
    await post
    assert (await called())[0]["elapsed"] >= 2
    await bench.slack.clear_faults()
    assert (await bench.slack.ask("desk"))["weather"] == "fair"


async def test_a_trace_has_what_belongs_to_the_message_and_nothing_else(bench: Bench) -> None:
    actions = {"type": "actions", "elements": [button("yes", "Approve")]}

    @bench.bolt.command("/ops")
    async def ops(ack, client):
        await ack()
        said = await client.chat_postMessage(channel=bench.id("ops"), text="card", blocks=[actions])
        await client.chat_postMessage(channel=bench.id("ops"), text="a step", thread_ts=said["ts"])
        await client.chat_postMessage(channel=bench.id("shared"), text="elsewhere")

    @bench.bolt.action("yes")
    async def yes(ack, respond, client, body):
        await ack()
        await respond("only you")
        view = {"type": "modal", "title": plain("Why"), "blocks": [{"type": "divider"}]}
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    await bench.slack.command("ada", "ops", "/ops restore")
    card = await bench.slack.wait_for_message("ada", "ops", text="Approve")
    await bench.slack.wait_for_message("ada", "shared", text="elsewhere")
    await bench.slack.click("ada", card, "Approve")
    await bench.slack.wait_for_view("ada")

    found = await bench.slack.ask("trace", **{"as": "ada", "channel": "ops", "ts": card["ts"]})
    seen = [(one["name"], one["why"]) for one in found["entries"] if one["name"] != "message"]
    assert seen == [
        ("/ops", "before"),
        ("chat.postMessage", "itself"),
        ("chat.postMessage", "thread"),
        ("block_actions", "itself"),
        ("actions", "itself"),
        ("views.open", "itself"),
    ]
    assert all(one["elapsed"] >= 0 and one["result"] in ("ok", "acked") for one in found["entries"])
    assert found["message"]["blocks"][0]["elements"][0]["action_id"] == "yes"
    assert found["uses"][0]["at"] == "/blocks/0/elements/0/text/text"
    everything = await bench.slack.ask("trace", limit=500)
    assert len(everything["entries"]) > len(found["entries"])


async def traced(bench: Bench, **about: str) -> list[tuple[str, str]]:
    found = await bench.slack.ask("trace", **{"as": "ada", **about})
    return [(one["name"], one["why"]) for one in found["entries"] if one["name"] != "message"]


async def test_a_modal_s_trace_has_what_opened_it_each_call_and_each_delivery_also_after_it_is_closed(
    bench: Bench,
) -> None:
    row = {"type": "actions", "elements": [button("more", "More")]}

    @bench.bolt.command("/ops")
    async def ops(ack, client, body):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal("form", text_input("why", "Why"), row))

    @bench.bolt.action("more")
    async def more(ack, client, body):
        await ack()
        await client.views_update(view_id=body["view"]["id"], view=modal("form", text_input("why", "Why"), row))
        await client.views_push(trigger_id=body["trigger_id"], view=modal("pushed", row))

    @bench.bolt.view("form")
    async def submitted(ack, view):
        if view["state"]["values"]["why"]["text"]["value"] == "push":
            await ack(response_action="push", view=modal("answered", text_input("a", "A")))
        else:
            await ack()

    await bench.slack.command("ada", "ops", "/ops earlier")
    await bench.slack.cancel("ada", await bench.slack.wait_for_view("ada"))
    await bench.slack.command("ada", "ops", "/ops form")
    view = await bench.slack.wait_for_view("ada")
    await bench.slack.click("ada", view, "More")
    pushed = await bench.slack.wait_for_view("ada", callback_id="pushed")
    opened = [("/ops", "opened"), ("views.open", "itself")]
    clicked = [("block_actions", "itself"), ("views.update", "itself"), ("views.push", "itself")]
    assert await traced(bench, view=view["id"]) == opened + clicked
    assert await traced(bench, view=pushed["id"]) == [("block_actions", "opened"), ("views.push", "itself")]
    await bench.slack.cancel("ada", pushed)
    await bench.slack.submit("ada", view, {"why": "push"})
    answered = await bench.slack.wait_for_view("ada", callback_id="answered")
    assert await traced(bench, view=answered["id"]) == [("view_submission", "opened")]
    await bench.slack.cancel("ada", answered)
    await bench.slack.submit("ada", view, {"why": "well"})
    assert await bench.slack.views("ada") == []
    sent = [("view_submission", "itself")] * 2
    assert await traced(bench, view=view["id"]) == opened + clicked + sent
    found = await bench.slack.ask("trace", **{"as": "ada", "view": view["id"]})
    assert (found["view"], found["uses"]) == (None, [])


async def test_a_home_s_trace_has_who_looked_and_each_publishing_also_a_refused_one(bench: Bench) -> None:
    @bench.bolt.event("app_home_opened")
    async def home(event, client):
        row = {"type": "actions", "elements": [button("yes", "Yes")]}
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [row]})

    @bench.bolt.action("yes")
    async def yes(ack):
        await ack()

    await bench.slack.open_home("bo")
    await bench.slack.wait_for_home("bo")
    assert await traced(bench, home="bench") == []
    await bench.slack.open_home("ada")
    view = await bench.slack.wait_for_home("ada")
    with pytest.raises(SlackApiError):
        await bench.api.views_publish(user_id=bench.id("ada"), view={"type": "home", "blocks": [{"type": "odd"}]})
    await bench.slack.click("ada", view, "Yes")
    calls = [("app_home_opened", "itself"), ("views.publish", "itself"), ("views.publish", "itself")]
    assert await traced(bench, home="bench") == [*calls, ("block_actions", "itself")]
    found = await bench.slack.ask("trace", **{"as": "ada", "home": "bench"})
    assert found["view"]["id"] == view["id"]
    assert ("/blocks", 1, 100) in [(one["at"], one["used"], one["most"]) for one in found["uses"]]
    with pytest.raises(ControlRefused, match="not open for bo"):
        await bench.slack.ask("trace", **{"as": "bo", "view": view["id"]})


async def test_the_trace_counts_the_calls_that_would_still_pass() -> None:
    async with Bench(limits=True) as bench:
        await bench.api.chat_postMessage(channel=bench.id("ops"), text="one")
        await bench.api.chat_postMessage(channel=bench.id("ops"), text="two")
        rates = {one["method"]: one for one in (await bench.slack.ask("trace"))["rates"]}
    assert rates["chat.postMessage"]["most"] == 300
    mine = rates[f"chat.postMessage {bench.id('ops')}"]
    assert mine["most"] == 5
    assert mine["left"] in (3, 4)


def test_uses_are_measured_by_the_rules_that_refuse() -> None:
    section: dict[str, Any] = {"type": "section", "text": mrkdwn("x" * 2700)}
    found = meter.uses([section, {"type": "divider"}], "message")
    assert (found[0].at, found[0].used, found[0].most) == ("/blocks/0/text/text", 2700, 3000)
    assert ("/blocks", 2, 50) in [(one.at, one.used, one.most) for one in found]


async def test_a_file_that_a_person_brings_is_theirs_to_read(bench: Bench) -> None:
    file = (await bench.slack.ask("upload", **{"as": "ada", "name": "a.txt", "content": "c2Vlbg=="}))["file"]
    assert (file["name"], file["size"], file["user"]) == ("a.txt", 4, bench.id("ada"))
    for content in ("", "?"):
        with pytest.raises(ControlRefused):
            await bench.slack.ask("upload", **{"as": "ada", "name": "a.txt", "content": content})
