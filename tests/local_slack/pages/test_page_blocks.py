"""Every block and element on the page: drawn, filled in as a person does, and received by the app as Slack sends it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page, expect

from deploy.local.slack.interactions.values import KEYS
from deploy.local.slack.limits.blocks import RULES
from deploy.local.slack.state.contents import InMemory
from tests.accessibility import stumbles
from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench, button, modal, mrkdwn, plain

pytestmark = OF_PAGES
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def options(*names: str) -> list[dict[str, Any]]:
    return [{"text": plain(name.title()), "value": name} for name in names]


def words(text: str) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def rich() -> list[dict[str, Any]]:
    """Each kind of rich text, and one that nobody knows."""
    inline = [
        {"type": "text", "text": "✅ bold", "style": {"bold": True}},
        {"type": "link", "url": "https://example.com", "text": "a link"},
        {"type": "emoji", "name": "warning"},
        {"type": "broadcast", "range": "here"},
        {"type": "date", "timestamp": 1700000000, "format": "{date_num}"},
        {"type": "color", "value": "#aabbcc"},
        {"type": "hologram"},
    ]
    return [
        {"type": "rich_text_section", "elements": inline},
        {"type": "rich_text_list", "style": "bullet", "elements": words("a point")["elements"]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "as typed"}]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "as said"}]},
    ]


def every_block() -> list[dict[str, Any]]:
    """Each block that Slack takes in a message."""
    image = {
        "type": "image",
        "image_url": "data:image/png;base64," + base64.b64encode(DOT).decode(),
        "alt_text": "a dot",
    }
    task = {"type": "task_card", "task_id": "1", "title": "Look", "status": "in_progress", "details": words("slowly")}
    card = {"type": "card", "title": plain("A card"), "body": plain("Its body"), "actions": [button("card", "Press")]}
    feedback = {
        "type": "feedback_buttons", "action_id": "feedback",
        "positive_button": {"text": plain("Good"), "value": "good"},
        "negative_button": {"text": plain("Bad"), "value": "bad"},
    }  # fmt: skip
    cells = [[{"type": "raw_text", "text": str(n)}, {"type": "raw_number", "value": n}] for n in range(8)]
    name = {"type": "input", "label": plain("Name"), "element": {"type": "plain_text_input", "action_id": "name"}}
    video = {
        "type": "video", "title": plain("A film"), "video_url": "https://example.com/v", "alt_text": "a still",
        "thumbnail_url": image["image_url"],
    }  # fmt: skip
    pie = {"type": "pie", "segments": [{"label": "a", "value": 1}]}
    container = {
        "type": "container", "title": plain("More"), "is_collapsible": True, "is_collapsed": True,
        "child_blocks": [{"type": "section", "text": plain("inside")}],
    }  # fmt: skip
    return [
        {"type": "header", "text": plain("A header")},
        {"type": "section", "text": mrkdwn("*Text*"), "fields": [mrkdwn("a field")], "accessory": image},
        {"type": "context", "elements": [mrkdwn("_small_"), image]},
        {"type": "actions", "elements": [button("press", "Press"), {"type": "datepicker", "action_id": "day"}]},
        {"type": "context_actions", "elements": [feedback]},
        {"type": "divider"}, image, name,
        {"type": "rich_text", "elements": rich()},
        {"type": "video", **video},
        {"type": "markdown", "text": "**bold** and `code`"},
        {"type": "table", "rows": cells[:2]},
        {"type": "data_table", "caption": "Numbers", "rows": cells, "page_size": 5},
        {"type": "data_visualization", "title": "a plot", "chart": pie},
        task, {"type": "plan", "title": "A plan", "tasks": [task]},
        card, {"type": "carousel", "elements": [card]}, container,
    ]  # fmt: skip


async def test_every_block_is_drawn_and_an_unknown_one_is_a_labelled_box(bench: Bench, page: Page) -> None:
    blocks = every_block()
    assert {one["type"] for one in blocks} == {kind for kind, rule in RULES.items() if "message" in rule[1]}
    await bench.api.chat_postMessage(channel=bench.id("ops"), text="all", blocks=blocks)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    message = page.get_by_test_id("message")
    for block in blocks:
        await expect(message.get_by_test_id(f"block-{block['type']}").first).to_be_attached()
    await expect(message.locator(".unknown-label")).to_have_text("hologram in rich text")
    await expect(message.get_by_test_id("block-data_table")).to_contain_text("Page 1 of 2")
    await message.get_by_role("button", name="Next").click()
    await expect(message.get_by_test_id("block-data_table").locator("tbody tr")).to_have_count(2)
    await expect(message.get_by_text("inside")).to_be_hidden()
    await message.get_by_text("More", exact=True).click()
    await expect(message.get_by_text("inside")).to_be_visible()
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await stumbles(page) == [], scheme


SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


def every_element() -> list[dict[str, Any]]:
    """An input of each element that holds a value."""
    more: dict[str, Any] = {
        "number_input": {"is_decimal_allowed": False},
        "external_select": {"min_query_length": 1}, "multi_external_select": {"min_query_length": 1},
        "file_input": {"filetypes": ["txt"], "max_files": 1},
    }  # fmt: skip
    chosen = ("static_select", "multi_static_select", "radio_buttons", "checkboxes")
    more |= {kind: {"options": options("red", "blue")} for kind in chosen}
    return [
        {
            "type": "input", "block_id": kind, "label": plain(f"The {kind}"), "optional": True,
            "element": {"type": kind, "action_id": "it", **more.get(kind, {})},
        }
        for kind in KEYS
    ]  # fmt: skip


async def choose(page: Page, kind: str, search: str, option: str) -> None:
    """In a select, by typing."""
    await page.get_by_test_id(f"el-{kind}").get_by_role("combobox").fill(search)
    await page.get_by_role("option", name=option).first.click()
    if kind.startswith("multi_"):
        await expect(page.get_by_test_id(f"el-{kind}").locator(".chip")).to_contain_text(option)


TYPED = {
    "plain_text_input": "words", "email_text_input": "a@b.example", "url_text_input": "https://b.example",
    "number_input": "7", "rich_text_input": "rich words", "datepicker": "2026-03-01", "timepicker": "13:45",
    "datetimepicker": "2026-03-01T13:45",
}  # fmt: skip
CHOSEN = {
    "static_select": ("re", "Red"), "multi_static_select": ("blu", "Blue"), "external_select": ("sh", "Shop"),
    "multi_external_select": ("sh", "Shop"), "users_select": ("bo", "Bo Lind"), "multi_users_select": ("bo", "Bo Lind"),
    "channels_select": ("op", "#ops"), "multi_channels_select": ("op", "#ops"),
    "conversations_select": ("priv", "#private"), "multi_conversations_select": ("priv", "#private"),
}  # fmt: skip


async def test_every_element_is_filled_in_and_comes_to_the_app_as_slack_sends_it(
    bench: Bench, page: Page, tmp_path: Path
) -> None:
    got: dict[str, dict[str, Any]] = {}

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal("all", *every_element()))

    @bench.bolt.options("it")
    async def offered(ack):
        await ack(options=options("shop", "ship"))

    @bench.bolt.view("all")
    async def submitted(ack, view):
        got.update({kind: values["it"] for kind, values in view["state"]["values"].items()})
        await ack()

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("/ops all")
    await page.keyboard.press("Enter")
    for kind, value in TYPED.items():
        await page.get_by_test_id(f"el-{kind}").fill(value)
    for kind, (search, option) in CHOSEN.items():
        await choose(page, kind, search, option)
    await page.get_by_test_id("el-radio_buttons").get_by_label("Blue").check()
    await page.get_by_test_id("el-checkboxes").get_by_label("Red").check()
    note = tmp_path / "note.txt"
    note.write_text("seen")
    await page.get_by_test_id("el-file_input").set_input_files(note)
    await expect(page.locator(".file-choice .chip")).to_have_text("note.txt")
    assert await stumbles(page) == []
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)

    held = {kind: got[kind][KEYS[kind][0]] for kind in KEYS}
    assert [held[kind] for kind in list(TYPED)[:4]] == ["words", "a@b.example", "https://b.example", "7"]
    assert held["rich_text_input"]["elements"][0]["elements"][0]["text"] == "rich words"
    assert (held["datepicker"], held["timepicker"]) == ("2026-03-01", "13:45")
    assert held["datetimepicker"] == 1772369100, "13:45 of a winter's day where Ada is, in Paris"
    assert held["static_select"]["value"] == "red"
    assert [one["value"] for one in held["multi_static_select"]] == ["blue"]
    assert held["external_select"]["value"] == "shop"
    assert [one["value"] for one in held["multi_external_select"]] == ["shop"]
    assert (held["users_select"], held["multi_users_select"]) == (bench.id("bo"), [bench.id("bo")])
    assert (held["channels_select"], held["multi_channels_select"]) == (bench.id("ops"), [bench.id("ops")])
    private = bench.id("private")
    assert (held["conversations_select"], held["multi_conversations_select"]) == (private, [private])
    assert held["radio_buttons"]["value"] == "blue"
    assert [one["value"] for one in held["checkboxes"]] == ["red"]
    assert [(one["name"], one["size"]) for one in held["file_input"]] == [("note.txt", 4)]


async def test_files_show_their_picture_or_their_first_lines(bench: Bench, page: Page) -> None:
    log = "\n".join(f"line {n}" for n in range(1, 31))
    await bench.api.files_upload_v2(channel=bench.id("ops"), filename="run.log", content=log)
    await bench.api.files_upload_v2(channel=bench.id("ops"), filename="dot.png", file=DOT)
    ops, newest = bench.id("ops"), "the newest"
    await bench.api.files_upload_v2(channel=ops, filename="dump.bin", file=b"\0\1", initial_comment=newest)
    await bench.slack.wait_for_message("ada", "ops", text=newest)
    await page.set_viewport_size({"width": 1000, "height": 440})
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    lines = page.locator(".file-lines")
    await expect(lines).to_contain_text("line 8")
    await expect(page.get_by_role("link", name="dump.bin")).to_be_in_viewport(ratio=1)  # the newest, though lines came
    await expect(lines).not_to_contain_text("line 9")
    await page.get_by_role("button", name="Show all 30 lines").click()
    await expect(lines).to_contain_text("line 30")
    picture = page.get_by_role("img", name="dot.png")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.naturalWidth") == 1
    await expect(page.get_by_role("link", name="dump.bin")).to_have_attribute("download", "dump.bin")
    assert await stumbles(page) == []


async def test_of_a_file_that_is_gone_the_message_says_so_and_offers_nothing(bench: Bench, page: Page) -> None:
    bench.server.state.contents = InMemory(most=4)
    ops = bench.id("ops")
    await bench.slack.upload("ada", "old.txt", "1234", "ops")
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await expect(page.locator(".file-lines")).to_have_text("1234")
    up = await bench.api.files_upload_v2(channel=ops, filename="new.txt", content="5678", initial_comment="the new one")
    files = page.get_by_test_id("file")
    await expect(files.first).to_have_text(re.compile(r"^old\.txt.*no longer kept$"))
    await expect(files.first.get_by_role("link")).to_have_count(0)
    await expect(page.locator(".file-lines")).to_have_text("5678")
    await bench.api.files_delete(file=up["file"]["id"])
    await expect(files.last).to_have_text("This file was deleted.")


async def test_only_what_changed_of_a_message_is_drawn_again(bench: Bench, page: Page) -> None:
    typed = {
        "type": "input",
        "block_id": "kept",
        "label": plain("Why"),
        "element": {"type": "plain_text_input", "action_id": "why"},
    }
    state = {"type": "section", "block_id": "state", "text": plain("step 1")}
    said = await bench.api.chat_postMessage(channel=bench.id("ops"), text="card", blocks=[typed, state])
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_label("Why").press_sequentially("half a wo")
    await page.evaluate("document.querySelectorAll('.message *').forEach((one) => { one.marked = true; })")
    state = state | {"text": plain("step 2")}
    await bench.api.chat_update(channel=bench.id("ops"), ts=said["ts"], text="card", blocks=[typed, state])
    await expect(page.get_by_test_id("block-section")).to_have_text("step 2")
    await expect(page.get_by_label("Why")).to_be_focused()
    await page.keyboard.type("rd")
    await expect(page.get_by_label("Why")).to_have_value("half a word")
    fresh = "[...document.querySelectorAll('.message *')].filter((one) => !one.marked).map((one) => one.className)"
    assert await page.evaluate(fresh) == ["block block-section", "section-main", "text"]


RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "Do "},
                {"type": "text", "text": "both", "style": {"bold": True}},
                {"type": "text", "text": ", as in "},
                {"type": "link", "url": "https://runs.example/7", "text": "the runbook"},
                {"type": "text", "text": ":\n"},
            ],
        },
        {
            "type": "rich_text_list",
            "style": "ordered",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": words}]}
                for words in ("stop", "look")
            ],
        },
    ],
}


async def test_formatted_text_in_a_field_stays_as_it_came_until_it_is_changed(bench: Bench, page: Page) -> None:
    sent: list[Any] = []

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        field = {"type": "rich_text_input", "action_id": "text", "initial_value": RICH}
        block = {"type": "input", "block_id": "note", "label": plain("Note"), "element": field}
        await client.views_open(trigger_id=body["trigger_id"], view=modal("form", block))

    @bench.bolt.view("form")
    async def submitted(ack, view):
        sent.append(view["state"]["values"]["note"]["text"]["rich_text_value"])
        await ack(response_action="errors", errors={"note": "once more"})

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("/ops x")
    await page.keyboard.press("Enter")
    field, note = page.get_by_label("Note"), page.get_by_test_id("rich-note")
    shown = "Do both, as in the runbook (https://runs.example/7):\n1. stop\n2. look"
    await expect(field).to_have_value(shown)
    await expect(note).to_have_text("This text has formatting. If you change it here, it becomes plain text.")
    assert await stumbles(page) == []
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("input-error")).to_have_text("once more")
    await field.fill("Do neither")
    await expect(note).to_have_text("Plain text now: the formatting is gone.")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal-submit")).to_have_attribute("aria-busy", "false")
    await field.fill(shown)
    await expect(note).to_contain_text("has formatting")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal-submit")).to_have_attribute("aria-busy", "false")
    words = {"type": "rich_text_section", "elements": [{"type": "text", "text": "Do neither"}]}
    assert sent == [RICH, {"type": "rich_text", "elements": [words]}, RICH]


async def test_a_choice_that_the_app_answers_with_an_update_is_made_and_not_asked_again(
    bench: Bench, page: Page
) -> None:
    def form(**more: Any) -> dict[str, Any]:
        select = {"type": "static_select", "action_id": "it", "options": options("red", "blue"), **more}
        block = {
            "type": "input",
            "block_id": "it",
            "label": plain("Colour"),
            "element": select,
            "dispatch_action": True,
        }
        return modal("form", block, {"type": "section", "text": plain("chosen" if more else "to choose")})

    @bench.bolt.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @bench.bolt.action("it")
    async def chosen(ack, action, body, client):
        await ack()
        await client.views_update(view_id=body["view"]["id"], view=form(initial_option=action["selected_option"]))

    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    await page.get_by_test_id("composer").fill("/ops x")
    await page.keyboard.press("Enter")
    field = page.get_by_role("combobox", name="Colour")
    await field.click()
    await page.get_by_role("option", name="Blue").click()
    await expect(page.get_by_test_id("block-section")).to_have_text("chosen")
    await expect(page.get_by_test_id("combo-list")).to_have_count(0)
    await expect(field).to_be_focused()
    await expect(field).to_have_value("Blue")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_test_id("combo-list")).to_be_visible()
