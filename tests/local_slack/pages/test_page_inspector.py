"""The inspector of the page: what went over the wire for a message, a modal or a Home."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.accessibility import stumbles
from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench, button, modal, text_input

pytestmark = OF_PAGES


async def test_the_inspector_shows_each_call_of_a_message_with_its_time_and_its_blocks(
    bench: Bench, page: Page
) -> None:
    actions = {"type": "actions", "elements": [button("yes", "Approve")]}
    said = await bench.api.chat_postMessage(channel=bench.id("ops"), text="card", blocks=[actions])

    @bench.bolt.action("yes")
    async def yes(ack):
        await ack()

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("message").hover()
    await page.get_by_test_id("inspect").click()
    rows = page.get_by_test_id("wire-row")
    await expect(rows.filter(has_text="chat.postMessage")).to_contain_text(re.compile(r"ok.*\d ms"))
    await page.get_by_role("button", name="Approve").click()
    click = rows.filter(has_text="block_actions")
    await expect(click).to_contain_text(re.compile(r"acked.*\d ms"))
    await click.locator("summary").click()
    await expect(click.get_by_label("Sent")).to_contain_text(f'"message_ts": "{said["ts"]}"')
    assert await stumbles(page) == []
    await page.get_by_test_id("inspect-limits").click()
    await expect(page.get_by_text("1 of 25 items")).to_be_visible()
    await page.get_by_test_id("inspect-json").click()
    await expect(page.get_by_test_id("block-json")).to_contain_text('"action_id": "yes"')
    address = await page.get_by_test_id("builder").get_attribute("href")
    assert (address or "").startswith("https://app.slack.com/block-kit-builder/#%7B%22blocks%22")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("inspector")).to_be_hidden()
    await page.get_by_test_id("traffic").click()
    await expect(rows.filter(has_text="chat.postMessage")).to_have_count(1)


async def test_the_inspector_of_a_modal_lies_beside_it_and_shows_what_closed_it(bench: Bench, page: Page) -> None:
    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        row = {"type": "actions", "elements": [button("more", "More")]}
        view = modal("form", text_input("why", "Why"), row) | {"private_metadata": "for the app alone"}
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @bench.bolt.action("more")
    async def more(ack, body, client):
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=modal("two", text_input("what", "What")))

    @bench.bolt.view("form")
    async def submitted(ack, view):
        wrong = view["state"]["values"]["why"]["text"]["value"] == "bad"
        await (ack(response_action="errors", errors={"why": "Not so"}) if wrong else ack())

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("/ops x")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("modal-inspect").click()
    rows = page.get_by_test_id("modal-inspector").get_by_test_id("wire-row")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(0)).to_contain_text(re.compile(r"/ops.*acked.*\d ms"))
    await expect(rows.nth(1)).to_contain_text(re.compile(r"views\.open.*ok.*\d ms"))
    await page.get_by_label("Why").fill("bad")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("input-error")).to_have_text("Not so")
    sent = rows.filter(has_text="view_submission")
    await sent.locator("summary").click()
    await expect(sent.get_by_label("The app answered")).to_contain_text('"response_action": "errors"')
    assert await stumbles(page) == []
    await page.get_by_test_id("inspect-json").click()
    await expect(page.get_by_test_id("block-json")).to_contain_text('"type": "modal"')
    await expect(page.get_by_test_id("block-json")).not_to_contain_text("for the app alone")
    address = await page.get_by_test_id("builder").get_attribute("href")
    assert (address or "").startswith("https://app.slack.com/block-kit-builder/#%7B%22type%22%3A%22modal%22")
    assert "for%20the" not in (address or "")
    await page.get_by_role("button", name="More", exact=True).click()
    await expect(page.get_by_test_id("block-json")).to_contain_text('"callback_id": "two"')
    await page.get_by_test_id("inspect-wire").click()
    await expect(rows.filter(has_text="views.push")).to_have_count(1)
    await page.get_by_label("What").press("Escape")
    await expect(page.get_by_test_id("modal-inspector")).to_be_hidden()
    await page.get_by_test_id("modal-back").click()
    await page.get_by_test_id("modal-inspect").click()
    await page.get_by_label("Why").fill("good")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    beside = page.get_by_test_id("inspector")
    await expect(beside).to_contain_text("a modal that is closed")
    await expect(beside.get_by_test_id("wire-row").filter(has_text="view_submission")).to_have_count(2)


async def test_the_inspector_of_a_home_tells_also_why_it_is_empty(bench: Bench, page: Page) -> None:
    row = {"type": "actions", "elements": [button("yes", "Yes")]}

    @bench.bolt.event("app_home_opened")
    async def home(event):
        pass

    @bench.bolt.action("yes")
    async def yes(ack):
        await ack()

    await page.goto(f"{bench.server.url}/?as=ada&channel=@bench&tab=home")
    await page.get_by_test_id("home-inspect").click()
    rows = page.get_by_test_id("inspector").get_by_test_id("wire-row")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(re.compile(r"app_home_opened.*acked"))
    await bench.api.views_publish(user_id=bench.id("ada"), view={"type": "home", "blocks": [row]})
    await expect(rows.filter(has_text="views.publish")).to_contain_text(re.compile(r"ok.*\d ms"))
    await page.get_by_test_id("home").get_by_role("button", name="Yes").click()
    await expect(rows.filter(has_text="block_actions")).to_contain_text("acked")
    await page.get_by_test_id("inspect-json").click()
    await expect(page.get_by_test_id("block-json")).to_contain_text('"type": "home"')
    assert await stumbles(page) == []
