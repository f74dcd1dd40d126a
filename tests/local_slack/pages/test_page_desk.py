"""What stands beside the workspace on its page: unread marks, old messages, and ways to break things."""

from __future__ import annotations

import re
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from playwright.async_api import FrameLocator, Page, expect

from deploy.local.slack import SlackServer, posting
from deploy.local.slack.posting import read_content
from deploy.local.slack.server import PAGE
from tests.accessibility import stumbles
from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench, button, modal, mrkdwn, plain, text_input, workspace_spec
from tests.local_slack.test_desk import Guided

pytestmark = OF_PAGES


def say(bench: Bench, channel: str, many: int, first: int = 1) -> None:
    """So many messages of the app, at once."""
    core = bench.server.core
    there = core.state.channel(channel)
    assert there is not None
    for n in range(first, first + many):
        posting.post_as_app(core, core.state.app(), there, read_content({"text": f"number {n}"}, core.switches))


async def test_the_focus_stays_in_the_list_of_channels_while_others_speak(bench: Bench, page: Page) -> None:
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await expect(page.get_by_test_id("composer")).to_be_focused()
    row = page.locator('[data-channel="private"]')
    await row.focus()
    say(bench, "private", 1)
    await expect(row.get_by_label("1 unread")).to_be_visible()
    await expect(row).to_be_focused()
    await page.get_by_test_id("chaos").focus()
    await bench.slack.ask("weather", weather="slow")
    await expect(page.get_by_test_id("weather")).to_be_visible()
    await expect(page.get_by_test_id("chaos")).to_be_focused()


async def test_how_long_ago_something_was_is_by_the_workspace_s_clock(bench: Bench, page: Page) -> None:
    began = int(bench.server.clock.now())
    section = {"type": "section", "text": mrkdwn(f"It began <!date^{began}^{{date_pretty}}, {{ago}}|then>")}
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="card", blocks=[section])
    await page.goto(f"{bench.server.url}/?as=bo&channel=ops")
    shown = page.get_by_test_id("block-section")
    await expect(shown).to_contain_text(re.compile(r"began today, \d+ seconds? ago"))
    await bench.slack.move_clock(86400)
    await expect(shown).to_have_text("It began yesterday, 1 day ago")
    await page.reload()
    await expect(shown).to_have_text("It began yesterday, 1 day ago")


async def test_a_search_ends_with_leaving_the_field(bench: Bench, page: Page) -> None:
    select = {"type": "external_select", "action_id": "target", "min_query_length": 1, "placeholder": plain("Which")}
    blocks = [{"type": "actions", "elements": [select]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="card", blocks=blocks)
    await page.clock.install()
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    field = page.get_by_test_id("message").get_by_role("combobox")
    await field.fill("sho")
    await field.press("Tab")
    await page.clock.run_for(1000)
    await expect(page.get_by_test_id("combo-list")).to_have_count(0)


async def test_of_a_long_channel_only_what_is_near_is_drawn_and_one_is_led_back_to_the_newest(
    bench: Bench, page: Page
) -> None:
    say(bench, "ops", 600)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    messages, newest = page.get_by_test_id("message"), page.get_by_test_id("to-newest")
    await expect(messages.last).to_be_in_viewport()
    await expect(messages.last).to_contain_text("number 600")
    await expect(newest).to_be_hidden()
    box = page.get_by_test_id("messages")
    seen = await box.evaluate(TO_THE_TOP)
    assert seen["passed"] == list(range(600, 0, -1)), "each one came by, once, in its order"
    assert seen["most"] < 320, "the rest was taken away again"
    say(bench, "ops", 1, first=601)
    await expect(page.get_by_text("number 601", exact=True)).to_have_count(0)
    await newest.click()
    await expect(messages.last).to_contain_text("number 601")
    await expect(messages.last).to_be_in_viewport()
    await box.focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(".message:focus")).to_contain_text("number 600")


async def test_whoever_presses_a_button_further_up_is_led_to_what_only_they_are_told(bench: Bench, page: Page) -> None:
    @bench.bolt.action("approve")
    async def approve(ack, body, client):
        await ack()
        where = {"channel": body["channel"]["id"], "user": body["user"]["id"]}
        await client.chat_postEphemeral(text="somebody else must decide", **where)

    row = [{"type": "actions", "elements": [button("approve", "Approve")]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="a request", blocks=row)
    say(bench, "ops", 40)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    newest, told = page.get_by_test_id("to-newest"), page.locator(".message.ephemeral")
    await page.get_by_role("button", name="Approve").click()
    await expect(newest).to_have_text("An answer to you")
    assert await stumbles(page) == []
    await newest.click()
    await expect(told).to_be_in_viewport()
    await expect(newest).to_be_hidden()
    await page.get_by_role("button", name="Approve").scroll_into_view_if_needed()
    await expect(newest).to_have_text("Newest")


# Scrolls up by 200 pixels a frame: the numbers in the order in which they came by, and the most nodes there were.
TO_THE_TOP = """async (box) => {
  const passed = [];
  let most = 0;
  const look = () => {
    const edge = box.getBoundingClientRect();
    const shown = [...box.querySelectorAll("article")].filter((one) => {
      const at = one.getBoundingClientRect();
      return at.bottom > edge.top && at.top < edge.bottom;
    }).map((one) => Number(/number (\\d+)/.exec(one.textContent)[1])).reverse();
    passed.push(...shown.filter((n) => n < (passed.at(-1) ?? Infinity)));
    most = Math.max(most, box.children.length);
  };
  for (let n = 0; n < 2000 && passed.at(-1) !== 1; n++) {
    look();
    box.scrollTop -= 200;
    await new Promise(requestAnimationFrame);
  }
  return { passed, most };
}"""


async def test_slack_down_is_said_on_every_page_and_a_command_whispers_that_it_failed(bench: Bench, page: Page) -> None:
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("chaos").click()
    assert await stumbles(page) == []
    await page.get_by_role("menuitem", name="Slack is down").click()
    await expect(page.get_by_test_id("weather")).to_contain_text("Slack is down")
    assert await stumbles(page) == []
    await page.get_by_test_id("composer").fill("/ops x")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("toast")).to_contain_text("dispatch_failed")
    await page.get_by_test_id("weather-end").click()
    await expect(page.get_by_test_id("weather")).to_be_hidden()
    await page.get_by_test_id("chaos").click()
    await page.get_by_role("menuitem", name="Cut the sockets").click()
    await expect(page.get_by_test_id("toast").last).to_contain_text("over HTTP")


async def test_a_state_s_sign_is_drawn_and_still_is_text(bench: Bench, page: Page) -> None:
    """A Linux without an emoji font would show a box."""
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="✅ Done :warning: at 10:30:45 ▶️ on")
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    text = page.get_by_test_id("message-text")
    await expect(text.locator("svg.sign")).to_have_count(3)
    await expect(text.get_by_role("img", name="white check mark")).to_be_visible()
    await expect(text).to_contain_text("✅ Done")
    await expect(text).to_contain_text("at 10:30:45")


@pytest.mark.prove  # the test with newer files, below, plays the same and more
async def test_the_page_says_that_the_workspace_is_gone_and_goes_on_when_it_is_back(bench: Bench, page: Page) -> None:
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("half a line")
    port = int(bench.server.url.rpartition(":")[2])
    await bench.server.stop()
    await expect(page.get_by_test_id("weather")).to_contain_text("not running")
    other = SlackServer(workspace_spec())
    await other.start(port)
    try:
        await expect(page.get_by_test_id("weather")).to_be_hidden(timeout=10_000)
        await expect(page.get_by_test_id("composer")).to_have_value("half a line")
        await page.get_by_test_id("composer").press("Enter")
        await expect(page.get_by_test_id("message")).to_contain_text("half a line")
    finally:
        await other.stop()


async def test_a_pushed_modal_lies_on_the_first_and_going_back_finds_what_was_typed(bench: Bench, page: Page) -> None:
    more = {"type": "actions", "elements": [button("more", "More")]}

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        view = modal("one", text_input("why", "Why"), more)
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @bench.bolt.action("more")
    async def pushed(ack, body, client):
        await ack()
        view = {**modal("two", text_input("what", "What")), "title": plain("Second")}
        await client.views_push(trigger_id=body["trigger_id"], view=view)

    @bench.bolt.view("two")
    async def second(ack):
        await ack()

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("/ops x")
    await page.keyboard.press("Enter")
    await page.get_by_label("Why").fill("because")
    await page.get_by_role("button", name="More", exact=True).click()
    await expect(page.get_by_test_id("modal-title")).to_have_text("Second")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("input-error")).to_have_text("Please complete this required field.")
    await page.get_by_label("What").fill("it")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal-title")).to_have_text("Title")
    await expect(page.get_by_label("Why")).to_have_value("because")
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_test_id("modal-back").click()
    await expect(page.get_by_label("Why")).to_have_value("because")
    await page.get_by_test_id("modal-close").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)


async def test_what_is_typed_in_a_modal_outlives_a_reload_until_the_modal_is_closed(bench: Bench, page: Page) -> None:
    select = {"type": "static_select", "action_id": "x", "options": [{"text": plain("Shop"), "value": "shop"}]}
    target = {"type": "input", "block_id": "target", "label": plain("Target"), "element": select}
    sent: list[dict[str, Any]] = []

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        view = modal("form", text_input("why", "Why"), target)
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @bench.bolt.view("form")
    async def submitted(ack, view):
        await ack()
        sent.append(view["state"]["values"])

    async def opened() -> None:
        await page.get_by_test_id("composer").fill("/ops x")
        await page.keyboard.press("Enter")
        await expect(why).to_be_visible()

    why, kept = page.get_by_label("Why"), "Object.keys(sessionStorage).filter((key) => key.includes('typed'))"
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await opened()
    await why.fill("half a thought")
    await page.get_by_role("combobox", name="Target").fill("Sho")
    await page.get_by_role("option", name="Shop").click()
    await page.reload()
    await expect(why).to_have_value("half a thought")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    assert sent[0]["why"]["text"]["value"] == "half a thought"
    assert sent[0]["target"]["x"]["selected_option"]["value"] == "shop"
    assert await page.evaluate(kept) == []

    await opened()
    await expect(why).to_have_value("")
    await why.fill("closed elsewhere")
    await page.goto("about:blank")
    await bench.slack.cancel("ada", everything=True)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await expect(page.get_by_test_id("composer")).to_be_focused()
    assert await page.evaluate(kept) == []


async def test_the_guide_types_for_whoever_it_speaks_to_also_beside_somebody_else(page: Page) -> None:
    async with Guided() as guided:
        await page.goto(f"{guided.server.url}/?as=bo&channel=private")
        await page.get_by_test_id("guide-who").click()
        await expect(page.get_by_test_id("person-switch")).to_contain_text("Ada Moreau")
        await page.get_by_test_id("guide-type").click()
        await expect(page.get_by_test_id("channel-title")).to_have_text("ops")
        await expect(page.get_by_test_id("composer")).to_have_value("/ops restore shop")
        await expect(page.get_by_test_id("composer")).to_be_focused()
        await page.get_by_test_id("beside-button").click()
        ada, bo = page.frame_locator("[data-testid=frame-0]"), page.frame_locator("[data-testid=frame-1]")
        await expect(bo.get_by_test_id("person-switch")).to_contain_text("Bo Lind")
        await expect(ada.get_by_test_id("composer")).to_have_value("/ops restore shop")  # what is typed is not lost
        await ada.get_by_test_id("composer").fill("")
        await page.get_by_test_id("guide-type").click()
        await expect(ada.get_by_test_id("composer")).to_have_value("/ops restore shop")
        await expect(bo.get_by_test_id("composer")).to_have_value("")
        await page.get_by_test_id("guide-next").click()
        await expect(page.get_by_test_id("guide-title")).to_have_text("Look")
        await page.get_by_test_id("guide-skip").click()
        await expect(page.get_by_test_id("guide")).to_be_hidden()
        await page.get_by_test_id("show-guide").click()
        await expect(page.get_by_test_id("guide-title")).to_have_text("Look")
        await guided.slack.ask("guide", at=5)
        await page.get_by_test_id("guide-again").click()
        await expect(page.get_by_test_id("guide-title")).to_have_text("Ask")


@pytest.mark.parametrize("sides", [False, True], ids=["one person", "two people"])
async def test_an_open_page_comes_back_by_itself_with_newer_files_and_another_workspace(
    bench: Bench, page: Page, tmp_path: Path, sides: bool
) -> None:
    """The workspace is started again, with a page that says so, without its messages, the channel and one person."""
    await bench.slack.post("ada", "private", "of before")
    await page.goto(f"{bench.server.url}/?as=bo&channel=private" + ("&beside=ada" if sides else ""))
    view: Page | FrameLocator = page.frame_locator("[data-testid=frame-0]") if sides else page
    await expect(view.get_by_test_id("messages")).to_contain_text("of before")
    await view.get_by_test_id("composer").fill("half a line")
    newer = tmp_path / "page"
    copytree(PAGE, newer)
    (newer / "index.html").write_text(
        (newer / "index.html").read_text().replace("nothing leaves this", "newer, on this")
    )
    spec = workspace_spec()
    spec = spec.model_copy(
        update={
            "people": [one for one in spec.people if one.name != "ada"],
            "channels": [
                one.model_copy(update={"members": [name for name in one.members or () if name != "ada"] or None})
                for one in spec.channels
            ],
            "groups": [],
        }
    )
    port = int(bench.server.url.rpartition(":")[2])
    await bench.server.stop()
    other = SlackServer(spec, page=newer)
    await other.start(port)
    try:
        await expect(page.locator(".bar-note").first).to_contain_text("newer, on this machine", timeout=15_000)
        await expect(view.get_by_test_id("person-switch")).to_contain_text("Bo Lind")
        await expect(view.get_by_test_id("messages")).not_to_contain_text("of before")
        await expect(view.get_by_test_id("composer")).to_have_value("half a line")
        await other.workspace().post("bo", "private", "of now")
        await expect(view.get_by_test_id("messages")).to_contain_text("of now")
        await expect(page.get_by_test_id("weather")).to_be_hidden()
    finally:
        await other.stop()
