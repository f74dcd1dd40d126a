"""The limits of the newer blocks: video, cards, tasks, alerts."""

from __future__ import annotations

from ..wire import JsonObject
from .checker import MRKDWN, Checker
from .elements import check_distinct

TASK_KEYS = ("task_id", "title", "details", "output", "sources", "status")
STATUSES = ("pending", "in_progress", "complete", "error")
LEVELS = ("default", "info", "warning", "error", "success")


def video(check: Checker, block: JsonObject, at: str) -> None:
    check.text(block, "title", at, 199, required=True)
    check.text(block, "description", at, 199)
    check.string(block, "author_name", at, 49)
    for key in ("video_url", "thumbnail_url", "alt_text"):
        check.string(block, key, at, 3000, required=True)
    if isinstance(block.get("video_url"), str) and not block["video_url"].startswith("https://"):
        check.fault(f"{at}/video_url", "must be a https URL")


def alert(check: Checker, block: JsonObject, at: str) -> None:
    check.text(block, "text", at, 3000, kinds=MRKDWN, required=True)
    check.enum(block, "level", at, LEVELS)


def card(check: Checker, block: JsonObject, at: str) -> None:
    if not any(block.get(key) for key in ("hero_image", "title", "actions", "body")):
        check.fault(at, "must define one of `hero_image`, `title`, `actions`, `body`")
    check.text(block, "title", at, 150, kinds=MRKDWN)
    check.text(block, "subtitle", at, 150, kinds=MRKDWN)
    check.text(block, "body", at, 200, kinds=MRKDWN)
    for key in ("hero_image", "icon"):
        if block.get(key) is not None and not isinstance(block[key], dict):
            check.fault(f"{at}/{key}", "must provide an object")
    actions: set[str] = set()
    for where, button in check.objects(block, "actions", at, 25):
        if button.get("type") != "button":
            check.fault(f"{where}/type", f"unsupported type: {button.get('type')}")
        else:
            check_distinct(check, button, where, actions)


def carousel(check: Checker, block: JsonObject, at: str) -> None:
    if block.get("elements") is None:
        check.fault(at, "missing required field: elements")
    for where, one in check.objects(block, "elements", at, 10):
        if one.get("type") != "card":
            check.fault(f"{where}/type", f"unsupported type: {one.get('type')}")
        card(check, one, where)


def task_card(check: Checker, block: JsonObject, at: str) -> None:
    check.string(block, "task_id", at, 255, required=True, least=1)
    check.string(block, "title", at, 3000, required=True, least=1)
    check.enum(block, "status", at, STATUSES)
    for key in ("details", "output"):
        part = block.get(key)
        if part is not None and not (isinstance(part, dict) and part.get("type") == "rich_text"):
            check.fault(f"{at}/{key}", "must provide a rich_text object")
    for where, source in check.objects(block, "sources", at, None, least=0):
        check.string(source, "url", where, 3000, required=True)
        check.string(source, "text", where, 3000, required=True)


def plan(check: Checker, block: JsonObject, at: str) -> None:
    check.string(block, "title", at, 3000, required=True, least=1)
    for where, task in check.objects(block, "tasks", at, 50, least=0):
        if task.get("type", "task_card") != "task_card":
            check.fault(f"{where}/type", f"unsupported type: {task.get('type')}")
        task_card(check, task, where)
