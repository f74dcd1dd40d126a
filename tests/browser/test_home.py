"""The app's home without a mouse: what waits is looked at and approved, and the list is drawn anew at once."""

from playwright.async_api import Page, expect

from tests.accessibility import stumbles
from tests.browser.test_two_people import until_focused
from tests.browsing import OF_PAGES
from tests.scenario.story import Story

pytestmark = OF_PAGES


async def test_with_the_keyboard_alone_somebody_decides_from_the_list_on_home(story: Story, page: Page) -> None:
    denied, approved = await story.restore("denied from home"), await story.restore("approved from home")
    await page.goto(f"{story.stage.slack.url}/?as=ben&channel=@tandem&tab=home")
    home = page.get_by_test_id("home")
    await expect(home).to_contain_text(f"{denied.tag} · ops db restore")
    assert await stumbles(page) == []
    look = home.get_by_role("button", name="Look and decide")
    await expect(look).to_have_count(2)

    await until_focused(page, look.first, "Tab")
    await page.keyboard.press("Enter")
    modal = page.get_by_test_id("modal").last
    await expect(modal).to_contain_text(f"Approve {denied.tag}?")
    await until_focused(page, modal.get_by_role("button", name="Deny"), "Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal").last).to_contain_text(f"Deny {denied.tag}")
    await until_focused(page, page.get_by_label("Why"), "Tab")
    await page.keyboard.type("not today")
    await until_focused(page, page.get_by_test_id("modal-submit").last, "Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    await expect(look).to_have_count(1)
    assert await denied.settles() == "denied"

    await until_focused(page, look.first, "Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal")).to_contain_text(f"Approve {approved.tag}?")
    async with story.busy_shop():  # the first step waits, however fast this machine is
        await until_focused(page, page.get_by_test_id("modal-submit"), "Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("modal")).to_have_count(0)
        await expect(home).to_contain_text("Nothing waits for you.")
        await approved.shows("Approved by Ben Okafor")
        await approved.press("ana", "Cancel", **{"Why, if you like": "it was only a try"})  # type: ignore[arg-type]
    await approved.settles()
