"""Somebody who has never seen it opens the page and follows its guide, from the typed command to a restored shop."""

import re

from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.browsing import OF_PAGES
from tests.scenario.story import Run, Story

pytestmark = OF_PAGES


async def test_a_stranger_is_led_from_the_ask_through_a_killed_bot_to_the_restored_shop(
    story: Story, page: Page
) -> None:
    before, asked = await story.orders(), await story.last()
    ends = len(story.stage.bot.ends)
    await story.sells(500)
    await story.slack.ask("guide", at=1)  # the first step is over: a backup is there
    await page.goto(story.stage.page)
    guide = page.get_by_test_id("guide-title")
    await expect(guide).to_have_text("Ask for a restore")
    await _type_the_command(page)
    await _fill_in_the_form(page)

    await expect(guide).to_have_text("Try to approve it yourself")
    run = Run(story, await story.last())
    assert run.id == asked + 1
    await run.can_be_approved()
    card = page.get_by_test_id("messages").locator(".message", has_text=re.compile(rf"· {run.tag}\b")).last
    for shown in ("What is lost", "at most", "rows", "can be undone", "point of no return", "Swap:", "bad import"):
        await expect(card).to_contain_text(shown)
    await approve(page, card)
    await expect(page.locator(".message.ephemeral").last).to_contain_text("somebody else must decide")
    await expect(page.locator(".message.ephemeral").last).to_contain_text("Ben Okafor")
    assert await run.state() == "awaiting_approval"

    await expect(guide).to_have_text("Become Ben")
    await page.get_by_test_id("guide-who").click()
    await expect(guide).to_have_text("Approve it as Ben")
    async with story.busy_shop():  # the first step waits, however fast this machine is
        await approve(page, card)
        await expect(guide).to_have_text("Kill the bot")
        await page.get_by_test_id("guide-button").click()
        await expect(page.get_by_test_id("toast").filter(has_text="was killed")).to_be_visible()
    await expect(card).to_contain_text("Done", timeout=60_000)
    await expect(
        page.get_by_test_id("messages").locator(".message", has_text=re.compile(rf"· {run.tag}\b"))
    ).to_have_count(1)
    await expect(card.get_by_role("button", name=f"Drop shop_{run.tag}_old")).to_be_visible(timeout=40_000)
    await expect(guide).to_have_text("That was it")
    await run.ends()
    assert story.stage.bot.ends[ends:] == [-9]
    assert len([one for one in await run.events() if one["mark"] == "done"]) == 11, "each step once"

    await card.get_by_test_id("open-thread").click()
    thread = page.get_by_test_id("thread-messages")
    for told in ("Ben Okafor approved", "Compare every table", "point of no return", "shop is as it was"):
        await expect(thread).to_contain_text(told)
    assert await story.orders() <= before
    await page.get_by_test_id("guide-skip").click()
    await page.reload()
    await expect(page.get_by_test_id("composer")).to_be_visible()
    await expect(page.get_by_test_id("guide")).to_be_hidden()


async def _type_the_command(page: Page) -> None:
    """The README's line and nothing else, with the completion that the page offers."""
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/op")
    await expect(page.get_by_test_id("command")).to_have_attribute("data-command", "/ops")
    await composer.press("Tab")
    await expect(composer).to_have_value("/ops ")
    await composer.press_sequentially('db restore shop reason="bad import"')
    await composer.press("Enter")


async def _fill_in_the_form(page: Page) -> None:
    """The wrong name first: the page says so beside the field, and keeps the rest."""
    await expect(page.get_by_test_id("modal")).to_contain_text("Nothing is asked yet")
    await expect(page.get_by_label("Why")).to_have_value("bad import")
    again = page.get_by_label("Type the database again")
    await again.fill("shpo")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("input-error")).to_contain_text("not the same")
    await again.fill("shop")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)


async def approve(page: Page | FrameLocator, card: Locator) -> None:
    await card.get_by_role("button", name="Approve").click()
    await expect(page.get_by_test_id("confirm")).to_contain_text("Lost: everything since")
    await page.get_by_test_id("confirm-accept").click()
