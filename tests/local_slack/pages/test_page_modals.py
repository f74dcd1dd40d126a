"""A modal that its app turns into another one, and one of which only a part changes."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench, button, modal, plain, text_input

pytestmark = OF_PAGES
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


async def test_a_choice_of_conversations_offers_dms_and_those_with_apps_where_they_are_not_left_out(
    bench: Bench, page: Page
) -> None:
    select = {"type": "conversations_select", "action_id": "to"}
    few = select | {"action_id": "few", "filter": {"include": ["im", "mpim"], "exclude_bot_users": True}}
    row = {"type": "actions", "block_id": "row", "elements": [select, few]}
    await bench.slack.direct("ada", "bo")
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="where to?", blocks=[row])
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    for which, offered in ((select, {"#ops", "#private", "Bo Lind", "Bench App"}), (few, {"Bo Lind"})):
        await page.locator(f'[data-action="{which["action_id"]}"]').get_by_role("combobox").click()
        await expect(page.get_by_role("option", name="Bo Lind")).to_be_visible()
        shown = set(await page.get_by_role("option").all_inner_texts())
        assert offered <= shown
        assert "Bench App" not in shown - offered
        await page.keyboard.press("Escape")
