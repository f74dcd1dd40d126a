"""What a page tells of messages that nobody has looked at yet, and that none is lost."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, Route, expect

from tests.accessibility import stumbles
from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench
from tests.local_slack.pages.test_page_desk import say

pytestmark = OF_PAGES


async def test_a_channel_tells_what_is_unread_and_where_it_begins(bench: Bench, page: Page) -> None:
    say(bench, "private", 2)
    await page.goto(f"{bench.server.url}/?as=ada&channel=private")
    await expect(page.get_by_test_id("message")).to_have_count(2)
    await page.locator('[data-channel="ops"]').click()
    await expect(page.get_by_test_id("channel-title")).to_have_text("ops")
    say(bench, "private", 3, first=3)
    row = page.locator('[data-channel="private"]')
    await expect(row.get_by_label("3 unread")).to_be_visible()
    await expect(page).to_have_title(re.compile(r"^\(3\) ops"))
    await row.click()
    await expect(page.get_by_test_id("new-line")).to_have_count(1)
    await expect(page.locator(".message", has=page.get_by_test_id("new-line"))).to_contain_text("number 3")
    await expect(row.get_by_label("unread")).to_have_count(0)


async def test_what_an_app_wrote_stays_unread_until_its_messages_are_shown(bench: Bench, page: Page) -> None:
    """Its home alone shows none of them."""
    there = (await bench.api.conversations_open(users=bench.id("ada")))["channel"]["id"]
    await bench.api.chat_postMessage(channel=there, text="you are called")
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    row, tab = page.get_by_test_id("app"), page.get_by_test_id("tab-messages")
    await expect(row.get_by_label("1 unread")).to_be_visible()
    await row.click()
    await expect(page.get_by_test_id("message")).to_contain_text("you are called")
    await expect(row.get_by_label("unread")).to_have_count(0)
    await page.get_by_test_id("tab-home").click()
    await expect(page.get_by_test_id("home")).to_be_visible()
    await bench.api.chat_postMessage(channel=there, text="once more")
    await expect(tab.get_by_label("1 unread")).to_be_visible()
    await expect(row.get_by_label("1 unread")).to_be_visible()
    await expect(page).to_have_title(re.compile(r"^\(1\) "))
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        assert await stumbles(page) == [], scheme
    await page.reload()
    await expect(page.get_by_test_id("home")).to_be_visible()
    await expect(tab.get_by_label("1 unread")).to_be_visible()
    await tab.click()
    await expect(page.get_by_test_id("message").last).to_contain_text("once more")
    await expect(row.get_by_label("unread")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_test_id("message").last).to_contain_text("once more")


async def test_an_edit_or_a_reply_elsewhere_is_not_another_unread_message(bench: Bench, page: Page) -> None:
    """In a channel that was never opened: the page holds none of its messages."""
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await expect(page.get_by_test_id("composer")).to_be_focused()
    private = bench.id("private")
    card = await bench.api.chat_postMessage(channel=private, text="a run")
    row = page.locator('[data-channel="private"]')
    await expect(row.get_by_label("1 unread")).to_be_visible()
    for step in range(3):
        await bench.api.chat_update(channel=private, ts=card["ts"], text=f"step {step}")
        await bench.api.chat_postMessage(channel=private, thread_ts=card["ts"], text=f"told {step}")
    await bench.api.chat_postMessage(channel=private, text="another run")
    await expect(row.get_by_label("2 unread")).to_be_visible()
    await expect(page).to_have_title(re.compile(r"^\(2\) ops"))


async def test_a_message_that_comes_while_a_channel_is_read_is_not_lost(bench: Bench, page: Page) -> None:
    """The server's answer is from before it, and arrives after the socket told of it."""
    told = asyncio.Event()

    def frame(data: str | bytes) -> None:
        if "number 1" in str(data):
            told.set()

    page.on("websocket", lambda socket: socket.on("framereceived", frame))
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await expect(page.get_by_test_id("composer")).to_be_focused()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        say(bench, "private", 1)
        await told.wait()
        await route.fulfill(response=answer)

    await page.route("**/control/messages", late)
    await page.locator('[data-channel="private"]').click()
    await expect(page.get_by_test_id("channel-title")).to_have_text("private")
    await expect(page.get_by_test_id("messages")).to_contain_text("number 1")
