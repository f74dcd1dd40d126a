"""The page in a real browser: commands, threads, modals, confirm dialogs, the home, another person, a phone."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench, button, modal, mrkdwn, plain, text_input

pytestmark = OF_PAGES


def card(done: str = "") -> list[dict]:
    """A request with buttons, or how it ended."""
    deny = button("deny", "Deny") | {
        "confirm": {
            "title": plain("Deny?"),
            "text": plain("Sure?"),
            "confirm": plain("Yes, deny"),
            "deny": plain("Keep"),
        }
    }
    if done:
        return [{"type": "section", "text": mrkdwn(done)}]
    first = {"type": "section", "text": mrkdwn("*Bold* `code` <!date^1700000000^{date_num} {time}|then>")}
    return [first, {"type": "actions", "elements": [button("approve", "Approve"), deny]}]


def listen(bench: Bench) -> list[str]:
    """The app of these tests; what was pressed."""
    pressed: list[str] = []

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack("only for you")
        root = await client.chat_postMessage(channel=body["channel_id"], text="card", blocks=card())
        await client.chat_postMessage(channel=body["channel_id"], thread_ts=root["ts"], text="first step")

    @bench.bolt.action("approve")
    async def approve(ack, body, client):
        await ack()
        pressed.append(f"approve {body['user']['name']}")
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(
            channel=channel, ts=ts, text="done", blocks=card(f"Approved by <@{body['user']['id']}>")
        )

    @bench.bolt.action("deny")
    async def deny(ack):
        await ack()
        pressed.append("deny")

    return pressed


async def run(page: Page, line: str) -> None:
    """Type a line and send it."""
    await page.get_by_test_id("composer").fill(line)
    await page.keyboard.press("Enter")


async def test_a_person_works_by_keyboard_and_another_approves(bench: Bench, page: Page) -> None:
    pressed = listen(bench)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/op")
    await expect(page.get_by_test_id("command")).to_have_attribute("data-command", "/ops")
    await composer.press("Tab")
    await expect(composer).to_have_value("/ops ")
    await expect(page.get_by_test_id("hint")).to_have_text("/ops <what>")
    await composer.press_sequentially("restore")
    await composer.press("Enter")
    await expect(page.locator(".message.ephemeral")).to_contain_text("only for you")
    message = page.locator(".message", has=page.get_by_test_id("block-actions"))
    await expect(message.locator("strong").first).to_have_text("Bold")
    await expect(message.locator("time").last).to_have_text("2023-11-14 11:13 PM")
    await page.get_by_test_id("open-thread").click()
    await expect(page.get_by_test_id("thread-messages")).to_contain_text("first step")
    await page.keyboard.press("Escape")
    await message.get_by_role("button", name="Deny").click()
    await page.get_by_test_id("confirm-deny").click()
    await page.get_by_test_id("person-switch").click()
    await page.get_by_role("menuitem", name="Bo Lind").click()
    await expect(page.locator(".message.ephemeral")).to_have_count(0)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_test_id("messages")).to_contain_text("Approved by @Bo Lind")
    assert pressed == ["approve bo"]
    assert "as=bo" in page.url
    await page.reload()
    await expect(page.get_by_test_id("messages")).to_contain_text("Approved by @Bo Lind")


async def test_a_modal_shows_errors_in_place_and_searches_as_one_types(bench: Bench, page: Page) -> None:
    element = {"type": "external_select", "action_id": "target", "min_query_length": 1}
    target = {"type": "input", "block_id": "target", "label": plain("Target"), "element": element}

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal("form", text_input("why", "Reason"), target))

    @bench.bolt.options("target")
    async def targets(ack, payload):
        names = [name for name in ("shop", "billing") if payload["value"] in name]
        await ack(options=[{"text": plain(name), "value": name} for name in names])

    @bench.bolt.view("form")
    async def submitted(ack, view):
        if view["state"]["values"]["why"]["text"]["value"] == "bad":
            await ack(response_action="errors", errors={"why": "Not good enough"})
        else:
            await ack(response_action="update", view={**modal("end", {"type": "divider"}), "title": plain("Planned")})

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await run(page, "/ops form")
    await page.get_by_label("Reason").fill("bad")
    await page.get_by_role("combobox").fill("sho")
    await page.get_by_role("option", name="shop").click()
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("input-error")).to_have_text("Not good enough")
    await expect(page.get_by_label("Reason")).to_have_value("bad")
    await page.get_by_label("Reason").fill("good")
    await page.get_by_label("Reason").press("Enter")
    await expect(page.get_by_test_id("modal-title")).to_have_text("Planned")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_have_count(0)


async def test_the_home_is_drawn_and_a_failed_command_is_said(bench: Bench, page: Page) -> None:
    @bench.bolt.event("app_home_opened")
    async def home(event, client):
        view = {"type": "home", "blocks": [{"type": "header", "text": plain("Welcome")}]}
        await client.views_publish(user_id=event["user"], view=view)

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("app").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Welcome")
    await page.locator('[data-channel="ops"]').click()
    bench.server.set_request_url("http://127.0.0.1:9/")
    await run(page, "/ops x")
    await expect(page.get_by_test_id("toast")).to_contain_text("dispatch_failed")
    await expect(page.locator(".message.ephemeral")).to_contain_text("dispatch_failed")
    toast, newest = page.get_by_test_id("toast"), page.locator(".message.ephemeral")
    right = await toast.evaluate("one => one.getBoundingClientRect().right")
    assert right <= await newest.evaluate("one => one.getBoundingClientRect().left"), "no message lies below it"


async def test_on_a_phone_everything_fits_and_a_guest_sees_only_their_channels(bench: Bench, page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 720})
    await page.goto(f"{bench.server.url}/?as=gus&channel=shared")
    await expect(page.get_by_test_id("channel-title")).to_have_text("shared")
    await page.get_by_test_id("menu").click()
    await expect(page.get_by_test_id("channel")).to_have_count(1)
    assert await page.evaluate("document.querySelector('.pane-head').offsetHeight") < 60, "the head is one line"
    assert await page.evaluate("getComputedStyle(document.querySelector('.bar-team')).whiteSpace") == "nowrap"
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert wide is False


async def test_the_numbers_of_a_long_list_stand_inside_it(bench: Bench, page: Page) -> None:
    def listed(many: int) -> dict:
        entries = [{"type": "rich_text_section", "elements": [{"type": "text", "text": str(n)}]} for n in range(many)]
        return {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": entries}]}

    await bench.api.chat_postMessage(channel=bench.id("ops"), text="lists", blocks=[listed(9), listed(10)])
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await expect(page.locator("ol")).to_have_count(2)
    short, long = [
        await one.evaluate("e => parseInt(getComputedStyle(e).paddingLeft)") for one in await page.locator("ol").all()
    ]
    assert long >= short + 8, "room for another digit"


async def test_an_entry_of_a_menu_is_chosen_behind_its_three_dots(bench: Bench, page: Page) -> None:
    chosen: list[str] = []

    @bench.bolt.action("more")
    async def more(ack, action):
        await ack()
        chosen.append(action["selected_option"]["value"])

    options = [{"text": plain(label), "value": label.lower()} for label in ("Amend", "Cancel")]
    blocks = [{"type": "actions", "elements": [{"type": "overflow", "action_id": "more", "options": options}]}]
    said = await bench.api.chat_postMessage(channel=bench.id("ops"), text="card", blocks=blocks)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_role("button", name="More choices").click()
    await page.get_by_role("menuitem", name="Cancel").click()
    await expect(page.get_by_role("menuitem", name="Cancel")).to_have_count(0)
    assert (await bench.slack.click("ada", {"channel": bench.id("ops"), "ts": said["ts"]}, "Amend")).ok
    assert chosen == ["cancel", "amend"]


async def test_text_of_a_message_is_never_taken_as_html(bench: Bench, page: Page) -> None:
    evil = '<img src=x onerror="document.title=1"> <javascript:alert(1)|go> &lt;b&gt;'
    await bench.api.chat_postMessage(channel=bench.id("ops"), text=evil)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    text = page.get_by_test_id("message-text")
    await expect(text).to_contain_text('<img src=x onerror="document.title=1">')
    await expect(text.locator("img, b, a[href]")).to_have_count(0)


async def test_a_channel_that_is_named_leads_there_where_one_sees_it(bench: Bench, page: Page) -> None:
    shared, hidden = bench.id("shared"), bench.id("hidden")
    named = {"type": "rich_text_section", "elements": [{"type": "channel", "channel_id": shared}]}
    first: dict[str, Any] = {"type": "section", "text": mrkdwn(f"<#{hidden}>")}
    blocks = [first, {"type": "rich_text", "elements": [named]}]
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="card", blocks=blocks)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    mentions = page.locator(".mention")
    await expect(mentions).to_have_text(["#private-channel", "#shared"])
    await mentions.first.click()
    await mentions.last.click()
    await expect(page.get_by_test_id("channel-title")).to_have_text("shared")


async def test_two_people_talk_in_a_dm_and_a_third_does_not_see_it(bench: Bench, page: Page) -> None:
    two = await bench.slack.direct("ada", "bo")
    await bench.slack.post("bo", two, "between us")
    await page.goto(f"{bench.server.url}/?as=ada&channel={two}")
    await expect(page.get_by_test_id("channel-title")).to_have_text("Bo Lind")
    await expect(page.get_by_test_id("message-text")).to_have_text("between us")
    await expect(page.locator("[data-channel='Bo Lind']")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_have_attribute("placeholder", "Message Bo Lind")
    await run(page, "indeed")
    await bench.slack.wait_for_message("bo", two, text="indeed")
    await page.goto(f"{bench.server.url}/?as=gus")
    await expect(page.get_by_test_id("channel")).to_have_count(1)
