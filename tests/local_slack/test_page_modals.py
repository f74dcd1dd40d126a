"""A modal that its app turns into another one, and one of which only a part changes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.local_slack.bench import Bench, button, modal, plain, text_input

pytestmark = pytest.mark.browser
TOP = "document.querySelector('.modal-body').scrollTop"


def picker(many: int = 30) -> dict[str, Any]:
    """A list that is longer than the screen, each entry with a button of its own."""
    rows = [
        {
            "type": "section",
            "block_id": f"row{n}",
            "text": plain(f"Operation {n}"),
            "accessory": button("take", f"Take {n}"),
        }
        for n in range(many)
    ]
    return modal("pick", text_input("find", "Find"), *rows)


async def opened(bench: Bench, page: Page, then: dict[str, Any]) -> None:
    """The picker, at its end; whoever takes an entry gets `then` in its place."""

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=picker())

    @bench.bolt.action("take")
    async def take(ack, body, client):
        await ack()
        await client.views_update(view_id=body["view"]["id"], view=then)

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("/ops")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Take 29").focus()
    assert await page.evaluate(TOP) > 500


async def test_a_form_in_a_picker_s_place_is_shown_from_its_beginning_with_the_focus_in_it(
    bench: Bench, page: Page
) -> None:
    sections = [{"type": "section", "text": plain(f"Line {n}")} for n in range(40)]
    form = modal("fill", text_input("why", "Why"), *sections) | {"title": plain("Restore")}
    await opened(bench, page, form)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal-title")).to_have_text("Restore")
    assert await page.evaluate(TOP) == 0
    await expect(page.get_by_label("Why")).to_be_focused()


async def test_where_the_focused_part_is_gone_the_focus_stays_in_the_modal(bench: Bench, page: Page) -> None:
    await opened(bench, page, picker(29))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Operation 29")).to_have_count(0)
    await expect(page.get_by_label("Find")).to_be_focused()
    last = page.get_by_role("button", name="Take 28")
    await last.focus()
    there = await page.evaluate(TOP)
    await page.keyboard.press("Enter")
    await expect(last).not_to_have_attribute("aria-busy", "true")
    await expect(last).to_be_focused()
    assert await page.evaluate(TOP) == there, "the same view, a little changed, stays where it was"
