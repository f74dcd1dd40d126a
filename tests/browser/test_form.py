"""The form as somebody fills it in: the line below it follows, and nothing of what is being typed is lost."""

from playwright.async_api import Page, expect

from tests.browsing import OF_PAGES
from tests.scenario.story import Story

pytestmark = OF_PAGES
WHY = "bad import, the one of 02:00; “prices” are wrong"


async def test_the_line_follows_while_somebody_types_and_the_field_stays_theirs(story: Story, page: Page) -> None:
    await page.goto(f"{story.stage.slack.url}/?as=ana&channel=incidents")
    await page.get_by_test_id("composer").fill("/ops db restore shop")
    await page.keyboard.press("Enter")
    modal, why = page.get_by_test_id("modal"), page.get_by_label("Why")
    line = modal.locator(".block[data-block=_line]")
    await expect(line).to_contain_text('/ops db restore shop reason="…"')
    await why.evaluate("node => { node.mine = true; }")
    await why.press_sequentially(WHY, delay=15)
    await why.press("Home")
    await why.press_sequentially("a ")
    await expect(line).to_contain_text('reason="a bad import, the one of 02:00; \\“prices\\” are wrong"')
    await expect(line).to_contain_text("This line, typed, opens this form filled in")
    assert await why.input_value() == f"a {WHY}"
    assert await why.evaluate("node => node.mine && node === document.activeElement && node.selectionStart") == 2
    await modal.get_by_role("checkbox", name="Show me the plan").check()
    await expect(line).to_contain_text("--look")
    assert await why.evaluate("node => node.mine"), "the field was drawn anew"
    await page.get_by_test_id("modal-close").click()
