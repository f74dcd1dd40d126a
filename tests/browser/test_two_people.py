"""Two people in one window, one without a mouse, one on a phone: the same ask and the same approval."""

from typing import Literal

import pytest
from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.accessibility import stumbles
from tests.browser.test_stranger import approve
from tests.browsing import OF_PAGES
from tests.scenario.story import Run, Story

pytestmark = OF_PAGES


def card_of(view: Page | FrameLocator, run: Run) -> Locator:
    """The run's card in the channel that a page shows."""
    return view.get_by_test_id("messages").locator(".message", has_text=f"· {run.tag} ·").last


async def test_two_people_side_by_side_see_an_approval_live(story: Story, page: Page) -> None:
    run = await story.restore("side by side")
    await page.goto(f"{story.stage.slack.url}/?as=ana&channel=incidents")
    await page.get_by_test_id("beside-button").click()
    ana, ben = page.frame_locator("[data-testid=frame-0]"), page.frame_locator("[data-testid=frame-1]")
    await expect(ana.get_by_test_id("person-switch")).to_contain_text("Ana Duarte")
    await expect(ben.get_by_test_id("person-switch")).to_contain_text("Ben Okafor")
    await approve(ana, card_of(ana, run))
    await expect(ana.locator(".message.ephemeral").last).to_contain_text("somebody else must decide")
    await expect(ben.locator(".message.ephemeral", has_text="somebody else must decide")).to_have_count(0)
    await approve(ben, card_of(ben, run))
    await expect(card_of(ana, run)).to_contain_text("Approved by Ben Okafor")
    await page.get_by_test_id("beside-button").click()
    await expect(page.get_by_test_id("person-switch")).to_contain_text("Ana Duarte")


@pytest.mark.prove  # the page's own tests play the keyboard too
async def test_with_the_keyboard_alone_one_asks_and_another_approves(story: Story, page: Page) -> None:
    await page.goto(f"{story.stage.slack.url}/?as=ana&channel=incidents")
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await page.keyboard.type(f'/ops db restore shop backup={await story.first_backup()} reason="by keyboard"')
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal")).to_be_visible()
    await until_focused(page, page.get_by_label("Type the database again"), "Tab")
    await page.keyboard.type("shop")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    run = Run(story, await story.last())
    await run.can_be_approved()

    await until_focused(page, page.get_by_test_id("person-switch"), "Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("person-switch")).to_contain_text("Ben Okafor")
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await until_focused(page, card_of(page, run).get_by_role("button", name="Approve"), "Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("confirm")).to_be_visible()
    await until_focused(page, page.get_by_test_id("confirm-accept"), "Tab")
    await page.keyboard.press("Enter")
    await expect(card_of(page, run)).to_contain_text("Approved by Ben Okafor")


async def until_focused(page: Page, wanted: Locator, key: str) -> None:
    """Presses a key until the focus is there, as somebody without a mouse does."""
    for _ in range(60):
        if await wanted.evaluate("one => one === document.activeElement"):
            return
        await page.keyboard.press(key)
    raise AssertionError(f"{key} never reached {wanted}")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.prove)])
async def test_on_a_phone_a_card_is_read_and_approved_and_axe_finds_nothing(
    story: Story, page: Page, scheme: Literal["light", "dark"]
) -> None:
    run = await story.restore("on the phone")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto(f"{story.stage.slack.url}/?as=ben&channel=incidents")
    await expect(card_of(page, run)).to_contain_text("What is lost")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    assert await page.get_by_test_id("person-switch").evaluate("one => one.getBoundingClientRect().right <= innerWidth")
    assert await stumbles(page) == []
    button = card_of(page, run).get_by_role("button", name="Approve")
    assert await button.evaluate("one => one.offsetHeight") >= 36, "a thumb hits it"
    await button.click()
    assert await stumbles(page) == []
    await page.get_by_test_id("confirm-accept").click()
    await expect(card_of(page, run)).to_contain_text("Approved by Ben Okafor")
    await card_of(page, run).get_by_test_id("open-thread").click()
    await expect(page.get_by_test_id("thread-messages")).to_contain_text("Ben Okafor approved")
    assert await stumbles(page) == []
