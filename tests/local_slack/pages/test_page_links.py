"""Addresses of the workspace's own messages lead there on the page; all others to a tab of their own."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench, button, mrkdwn
from tests.local_slack.pages.test_page_desk import say

pytestmark = OF_PAGES
NOISE = 62  # more than the page reads at once


async def permalink(bench: Bench, channel: str, ts: str) -> str:
    return str((await bench.api.chat_getPermalink(channel=channel, message_ts=ts))["permalink"])


async def story(bench: Bench) -> tuple[str, str]:
    """A card with two replies, far above much else: its address, and that of the first reply."""
    ops = bench.id("ops")
    root = (await bench.api.chat_postMessage(channel=ops, text="the card"))["ts"]
    first = (await bench.api.chat_postMessage(channel=ops, thread_ts=root, text="first step"))["ts"]
    for number in range(15):
        await bench.api.chat_postMessage(channel=ops, thread_ts=root, text=f"step {number}\nand\nmore\nto\nread")
    say(bench, "ops", NOISE)
    return await permalink(bench, ops, root), await permalink(bench, ops, first)


async def test_the_address_of_a_message_leads_to_it_and_its_thread_in_place(bench: Bench, page: Page) -> None:
    card, step = await story(bench)
    linked = {"type": "link", "url": step, "text": "The step"}
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": mrkdwn(f"It waits for you. <{card}|Open the thread>")},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [linked]}]},
        {"type": "actions", "elements": [button("go", "Go there") | {"url": card}]},
    ]
    await bench.api.chat_postMessage(channel=bench.id("ada"), text="a call", blocks=blocks)
    app = bench.server.app()
    dm = f"{bench.server.url}/?as=ada&channel=@{app.handle}&tab=messages"
    shown, thread = page.get_by_test_id("messages"), page.get_by_test_id("thread-messages")
    for link in (page.get_by_role("link", name="Open the thread"), page.get_by_role("link", name="Go there")):
        await page.goto(dm)
        await link.click()
        await expect(page.get_by_test_id("channel-title")).to_have_text("ops")
        await expect(shown.get_by_text("the card")).to_be_in_viewport()
        await expect(thread.get_by_text("step 14")).to_be_in_viewport()
    await page.goto(dm)
    await page.get_by_role("link", name="The step").click()
    await expect(shown.get_by_text("the card")).to_be_in_viewport()
    await expect(thread.get_by_text("first step")).to_be_in_viewport()
    assert len(page.context.pages) == 1, "none opened elsewhere"


async def test_in_a_tab_of_its_own_it_leads_to_the_same_message(bench: Bench, page: Page) -> None:
    _, step = await story(bench)
    await bench.slack.post("ada", "private", f"see {step}")
    await page.goto(f"{bench.server.url}/?as=ada&channel=private")
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name=step).click(modifiers=["Control"])
    other = await opened.value
    await expect(other.get_by_test_id("thread-messages").get_by_text("first step")).to_be_in_viewport()
    await expect(other.get_by_test_id("messages").get_by_text("the card")).to_be_in_viewport()
    await expect(page.get_by_test_id("channel-title")).to_have_text("private")


async def test_whoever_does_not_see_the_place_is_told_so_and_stays(bench: Bench, page: Page) -> None:
    said = await bench.slack.post("bo", "private", "between us")
    secret = await permalink(bench, bench.id("private"), said["ts"])
    kept = await bench.api.chat_postMessage(channel=bench.id("shared"), text="soon gone")
    gone = await permalink(bench, bench.id("shared"), kept["ts"])
    await bench.api.chat_delete(channel=bench.id("shared"), ts=kept["ts"])
    elsewhere = "https://another.slack.com/archives/C0ANOTHER/p1700000000000000"
    await bench.slack.post("bo", "shared", f"<{secret}|the secret> <{gone}|the gone> {elsewhere}")
    await page.goto(f"{bench.server.url}/?as=gus&channel=shared")
    await page.get_by_role("link", name="the secret").click()
    toast = page.get_by_test_id("toast")
    await expect(toast.last).to_contain_text("Gus does not see")
    await page.get_by_role("link", name="the gone").click()
    await expect(toast.last).to_contain_text("is not there any more")
    await expect(page.get_by_test_id("channel-title")).to_have_text("shared")
    other = page.get_by_role("link", name=elsewhere)
    await expect(other).to_have_attribute("href", elsewhere)
    await expect(other).to_have_attribute("target", "_blank")
