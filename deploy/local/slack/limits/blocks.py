"""The limits of blocks: fields, lengths, which elements and which surfaces each allows."""

from __future__ import annotations

from collections.abc import Callable

from ..wire import JsonObject
from . import charts, newer
from .checker import MRKDWN, Checker, length
from .elements import check_distinct, check_element

_SELECTS = tuple(
    f"{prefix}{kind}_select"
    for kind in ("static", "external", "users", "conversations", "channels")
    for prefix in ("", "multi_")
)
_COMMON = ("checkboxes", "datepicker", "datetimepicker", *_SELECTS, "radio_buttons", "timepicker")
ALLOWED = {
    "actions": ("button", *_COMMON, "overflow", "workflow_button", "rich_text_input"),
    "section": ("button", *_COMMON, "image", "overflow", "workflow_button"),
    "input": (
        *_COMMON,
        "email_text_input",
        "file_input",
        "number_input",
        "plain_text_input",
        "rich_text_input",
        "url_text_input",
    ),
    "context": ("image", "plain_text", "mrkdwn"),
    "context_actions": ("feedback_buttons", "icon_button"),
}
IN_CONTAINER = ("actions", "context", "divider", "header", "image", "input", "rich_text", "section", "table", "video")
MARKDOWN_MOST = 12_000


def check_blocks(check: Checker, holder: JsonObject, at: str, most: int, surface: str, *, least: int = 0) -> None:
    """Every block under `blocks`. `surface` is message, modal or home."""
    markdown = tables = plots = 0
    for where, block in check.objects(holder, "blocks", at, most, least=least):
        check_block(check, block, where, surface)
        tables += block.get("type") == "table"
        plots += block.get("type") == "data_visualization"
        if block.get("type") == "markdown" and isinstance(block.get("text"), str):
            markdown += length(block["text"], check.switches)
    if markdown > MARKDOWN_MOST:
        check.fault(f"{at}/blocks", f"markdown blocks must be less than {MARKDOWN_MOST + 1} characters together")
    if tables > 1 and check.switches.one_table_a_message:
        check.fault(f"{at}/blocks", "only one table block allowed")
    if plots > charts.CHARTS_MOST:
        check.fault(f"{at}/blocks", f"only {charts.CHARTS_MOST} data_visualization blocks allowed")
    if len(check.focused) > 1:
        check.fault(check.focused[1], "only one element per view may set focus_on_load")


def check_block(check: Checker, block: JsonObject, at: str, surface: str) -> None:
    """One block."""
    check.surface, check.block = surface, str(block.get("type"))
    kind = block.get("type")
    if kind is None:
        check.fault(at, "missing required field: type")
        return
    rule = RULES.get(kind) if isinstance(kind, str) else None
    if rule is None or not _allowed(check, rule, surface):
        check.fault(f"{at}/type", f"unsupported type: {kind}")
        return
    block_id = check.string(block, "block_id", at, 255)
    if block_id:
        if block_id in check.block_ids:
            check.fault(f"{at}/block_id", f"`block_id` {block_id} already exists")
        check.block_ids[block_id] = at
    known, _, run = rule
    if known is not None:
        check.keys(block, at, ("type", "block_id", *known))
    run(check, block, at)


def _allowed(check: Checker, rule: Rule, surface: str) -> bool:
    anywhere = check.switches.message_blocks_in_views and rule[1] == _MESSAGE
    return anywhere or surface in rule[1]


def _elements(check: Checker, block: JsonObject, at: str, most: int) -> None:
    kind = str(block["type"])
    if block.get("elements") is None:
        check.fault(at, "missing required field: elements")
        return
    actions: set[str] = set()
    for where, element in check.objects(block, "elements", at, most):
        if element.get("type") not in ALLOWED[kind]:
            check.fault(f"{where}/type", f"unsupported type: {element.get('type')}")
            continue
        if element["type"] in MRKDWN:
            check.text_object(element, where, 2000, MRKDWN)
            continue
        check_distinct(check, element, where, actions)


def _actions(check: Checker, block: JsonObject, at: str) -> None:
    _elements(check, block, at, 25)


def _context(check: Checker, block: JsonObject, at: str) -> None:
    _elements(check, block, at, 10)


def _context_actions(check: Checker, block: JsonObject, at: str) -> None:
    _elements(check, block, at, 5)


def _section(check: Checker, block: JsonObject, at: str) -> None:
    check.boolean(block, "expand", at=at)
    if block.get("text") is None and not block.get("fields"):
        check.fault(at, "must define either `text` or `fields`")
    check.text(block, "text", at, 3000, kinds=MRKDWN)
    for where, field in check.objects(block, "fields", at, 10):
        check.text_object(field, where, 2000, MRKDWN)
    _one_element(check, block, "accessory", at)


def _one_element(check: Checker, block: JsonObject, key: str, at: str) -> None:
    element = block.get(key)
    if element is None:
        return
    where = f"{at}/{key}"
    if not isinstance(element, dict):
        check.fault(where, "must provide an object")
    elif element.get("type") not in ALLOWED[str(block["type"])]:
        check.fault(f"{where}/type", f"unsupported type: {element.get('type')}")
    else:
        check_element(check, element, where)


def _input(check: Checker, block: JsonObject, at: str) -> None:
    check.text(block, "label", at, 2000, required=True)
    check.text(block, "hint", at, 2000)
    check.boolean(block, "optional", "dispatch_action", at=at)
    element = block.get("element")
    if element is None:
        check.fault(at, "missing required field: element")
    _one_element(check, block, "element", at)
    if check.surface != "modal" and isinstance(element, dict) and element.get("type") == "file_input":
        check.fault(f"{at}/element/type", "unsupported type: file_input")


def _header(check: Checker, block: JsonObject, at: str) -> None:
    check.text(block, "text", at, 150, required=True)


def _image(check: Checker, block: JsonObject, at: str) -> None:
    if not (block.get("image_url") or block.get("slack_file")):
        check.fault(at, "must define either `image_url` or `slack_file`")
    check.string(block, "image_url", at, 3000)
    check.string(block, "alt_text", at, 2000, required=True)
    check.text(block, "title", at, 2000)


def _markdown(check: Checker, block: JsonObject, at: str) -> None:
    check.string(block, "text", at, MARKDOWN_MOST, required=True, least=1)


def _rich_text(check: Checker, block: JsonObject, at: str) -> None:
    kinds = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    if block.get("elements") is None:
        check.fault(at, "missing required field: elements")
    for where, element in check.objects(block, "elements", at, None, least=0):
        if element.get("type") not in kinds:
            check.fault(f"{where}/type", f"unsupported type: {element.get('type')}")
        elif not isinstance(element.get("elements"), list):
            check.fault(where, "missing required field: elements")


def _table(check: Checker, block: JsonObject, at: str) -> None:
    rows = check.items(block, "rows", at, 100)
    if rows is None:
        check.fault(at, "missing required field: rows")
    for index, row in enumerate(rows or []):
        where = f"{at}/rows/{index}"
        for spot, cell in check.objects({"row": row}, "row", where, 20):
            if cell.get("type") not in ("raw_text", "raw_number", "rich_text"):
                check.fault(f"{spot}/type", f"unsupported type: {cell.get('type')}")
    for where, column in check.objects(block, "column_settings", at, 20, least=0):
        check.enum(column, "align", where, ("left", "center", "right"))


def _container(check: Checker, block: JsonObject, at: str) -> None:
    if block.get("title") is None and block.get("rich_text_title") is None:
        check.fault(at, "must define either `title` or `rich_text_title`")
    check.text(block, "title", at, 150)
    check.text(block, "subtitle", at, 150)
    if block.get("child_blocks") is None:
        check.fault(at, "missing required field: child_blocks")
    for where, child in check.objects(block, "child_blocks", at, 10):
        if child.get("type") not in IN_CONTAINER:
            check.fault(f"{where}/type", f"unsupported type: {child.get('type')}")
        else:
            check_block(check, child, where, "message")


def _none(check: Checker, block: JsonObject, at: str) -> None:
    return None


_ALL = ("message", "modal", "home")
_MESSAGE = ("message",)

# (keys beside type and block_id, or None where they are not judged; surfaces; the check itself)
Rule = tuple[tuple[str, ...] | None, tuple[str, ...], Callable[[Checker, JsonObject, str], None]]

RULES: dict[str, Rule] = {
    "section": (("text", "fields", "accessory", "expand"), _ALL, _section),
    "header": (("text", "level"), _ALL, _header),
    "context": (("elements",), _ALL, _context),
    "actions": (("elements",), _ALL, _actions),
    "context_actions": (("elements",), _MESSAGE, _context_actions),
    "divider": ((), _ALL, _none),
    "image": (
        ("image_url", "slack_file", "alt_text", "title", "image_width", "image_height", "image_bytes"),
        _ALL,
        _image,
    ),
    "input": (("label", "element", "hint", "optional", "dispatch_action"), _ALL, _input),
    "rich_text": (("elements",), _ALL, _rich_text),
    "video": (None, _ALL, newer.video),
    "markdown": (("text",), _MESSAGE, _markdown),
    "table": (("rows", "column_settings"), _MESSAGE, _table),
    "data_table": (("rows", "caption", "page_size", "row_header_column_index"), _MESSAGE, charts.data_table),
    "data_visualization": (("title", "chart"), _MESSAGE, charts.data_visualization),
    "task_card": (newer.TASK_KEYS, _MESSAGE, newer.task_card),
    "plan": (("title", "tasks"), _MESSAGE, newer.plan),
    "alert": (("text", "level"), ("modal",), newer.alert),
    "card": (None, _ALL, newer.card),
    "carousel": (("elements",), ("message", "home"), newer.carousel),
    "container": (None, _MESSAGE, _container),
}
