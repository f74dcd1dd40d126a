"""Somebody who knows no command is led from `/ops` to a card, and shown the line that would have done the same."""

import re

from playwright.async_api import Locator, Page, expect

from tests.browser.test_two_people import card_of
from tests.browsing import OF_PAGES
from tests.scenario.story import Run, Story

pytestmark = OF_PAGES


async def test_from_nothing_typed_one_is_led_by_area_and_operation_through_live_pickers_to_a_card(
    story: Story, page: Page
) -> None:
    backup, before = await story.first_backup(), await story.last()
    await page.goto(f"{story.stage.slack.url}/?as=ana&channel=incidents")
    await page.get_by_test_id("composer").fill("/ops")
    await page.get_by_test_id("send").click()
    modal = page.get_by_test_id("modal")
    await expect(modal).to_contain_text("Choose an operation")
    await _open(modal, "db …")
    await expect(modal).to_contain_text("Restores a database from a verified backup")
    await _open(modal, "restore · needs two people")

    line = modal.locator(".block[data-block=_line]")
    await expect(line).to_contain_text('/ops db restore <database> reason="…"')
    await _choose(modal, "Database", "sho", "shop")
    await expect(line).to_contain_text("/ops db restore shop")
    await _choose(modal, "Backup", backup[-9:], backup)
    await expect(line).to_contain_text(f"/ops db restore shop backup={backup}")
    await modal.get_by_label("Why").fill("led by the form")
    await expect(line).to_contain_text(f'/ops db restore shop backup={backup} reason="led by the form"')
    await modal.get_by_label("Type the database again").fill("shop")
    await page.get_by_test_id("modal-submit").click()
    await expect(modal).to_have_count(0)

    run = Run(story, await story.last())
    assert run.id == before + 1
    await expect(card_of(page, run)).to_contain_text("What is lost")
    await expect(card_of(page, run)).to_contain_text("led by the form")
    await expect(card_of(page, run).get_by_role("button", name="Approve")).to_be_visible()


async def _open(modal: Locator, name: str) -> None:
    entry = modal.locator(".block-section", has_text=re.compile(f"^{name}"))
    await entry.get_by_role("button", name="Open").click()


async def _choose(modal: Locator, field: str, search: str, wanted: str) -> None:
    """As one types, what exists is offered."""
    box = modal.get_by_role("combobox", name=field)
    await box.fill(search)
    await modal.get_by_role("option", name=wanted).first.click()
    await expect(box).to_have_value(re.compile(f"^{wanted}"))
