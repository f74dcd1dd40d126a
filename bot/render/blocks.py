"""Block Kit's pieces. Whatever a person or a handler wrote goes into rich text or plain text, never into mrkdwn."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.render import fit
from bot.render.escape import clean, cut, size
from bot.render.message import Block

CHUNK = fit.TEXT
ADDRESS = re.compile(r"https?://[^\s<>|\"'`]*[^\s<>|\"'`.,;:!?()\[\]]")
WRITTEN = re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d UTC\b")


def text(words: str, *, bold: bool = False, italic: bool = False, code: bool = False) -> Block:
    """A run of rich text. Nothing in it is markup."""
    style = {name: True for name, on in (("bold", bold), ("italic", italic), ("code", code)) if on}
    element: Block = {"type": "text", "text": clean(words) or " "}
    return element | {"style": style} if style else element


def user(slack_user: str) -> Block:
    """A mention: this person is notified."""
    return {"type": "user", "user_id": slack_user}


def linked(url: str, words: str) -> Block:
    """Words that lead somewhere, for `line`."""
    return {"type": "link", "url": url, "text": words}


def moment(at: datetime, said: str = "", *, shape: str = "{date_short_pretty} at {time}") -> Block:
    """An instant, for `line`: every reader sees their own time zone. Where it cannot be drawn: `said`, or UTC."""
    return {"type": "date", "timestamp": int(at.timestamp()), "format": shape, "fallback": said or utc(at)}


def line(*elements: Block) -> Block:
    """Moments that a text names, as handlers write them ("2026-03-09 08:00 UTC"), become each reader's own."""
    return {"type": "rich_text_section", "elements": [part for element in elements for part in _timed(element)]}


def _timed(element: Block) -> list[Block]:
    words = element.get("text", "")
    if element["type"] != "text" or "UTC" not in words or element.get("style", {}).get("code"):
        return [element]
    parts: list[Block] = []
    end = 0
    for found in WRITTEN.finditer(words):
        try:
            at = datetime.strptime(found[0], "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
        except ValueError:
            continue
        parts += [element | {"text": words[end : found.start()]}, moment(at, found[0])]
        end = found.end()
    return [part for part in (*parts, element | {"text": words[end:]}) if part.get("text") != ""]


def bullets(lines: Iterable[Sequence[Block]], ordered: bool = False) -> Block:
    sections = [line(*elements) for elements in lines]
    return {"type": "rich_text_list", "style": "ordered" if ordered else "bullet", "elements": sections}


def quoted(words: str) -> Block:
    """What somebody typed. An address in it leads there, and never hides behind other words."""
    return {"type": "rich_text_quote", "elements": list(_leading(clean(words)))}


def _leading(words: str) -> Iterator[Block]:
    end = 0
    for found in ADDRESS.finditer(words):
        if found.start() > end:
            yield text(words[end : found.start()])
        yield {"type": "link", "url": found[0]}
        end = found.end()
    if end < len(words) or not end:
        yield text(words[end:])


def fixed(words: str) -> Block:
    """Text of fixed width, e.g. a table."""
    return {"type": "rich_text_preformatted", "elements": [text(words)]}


def rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def plain(words: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clean(words, limit) or " ", "emoji": False}


def header(words: str) -> Block:
    return {"type": "header", "text": plain(" ".join(words.split()), fit.HEADER)}


def context(*mrkdwn: str) -> Block:
    """Small print, which begins as a sentence does. Only the machine's own words and dates: nothing a person typed."""
    parts = [cut(part[:1].upper() + part[1:], fit.CONTEXT) for part in mrkdwn]
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": part} for part in parts]}


def place(channel: str | None) -> str:
    """Where a card stands, for small print; empty for a conversation of a few people: it has no name to lead there."""
    return f"in <#{channel}>" if channel and channel.isalnum() and not channel.startswith("D") else ""


def divider() -> Block:
    return {"type": "divider"}


def chunks(words: str, most: int = CHUNK) -> list[str]:
    """Pieces of at most so many characters, cut between lines where that is possible. Nothing is lost."""
    pieces: list[str] = []
    rest = clean(words)
    while size(rest) > most:
        head = rest.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
        at = head.rfind("\n", 1) + 1 or len(head)
        pieces.append(rest[:at])
        rest = rest[at:]
    return [*pieces, rest] if rest else pieces


def button(
    label: str, action: str, value: str, *, style: str = "", confirm: Block | None = None, url: str = ""
) -> Block:
    element: Block = {"type": "button", "action_id": action, "text": plain(label, fit.BUTTON), "value": value}
    for key, extra in (("style", style), ("confirm", confirm), ("url", url)):
        if extra:
            element[key] = extra
    return element


def overflow(action: str, entries: Sequence[tuple[str, str]]) -> Block:
    """A menu behind three dots: at most five entries, each its label and value."""
    options = [{"text": plain(label, fit.OPTION), "value": value} for label, value in entries]
    return {"type": "overflow", "action_id": action, "options": options}


def confirm(title: str, words: str, yes: str, no: str = "Not now", danger: bool = False) -> Block:
    dialog: Block = {
        "title": plain(title, fit.CONFIRM_TITLE),
        "text": plain(words, fit.CONFIRM_TEXT),
        "confirm": plain(yes, fit.CONFIRM_BUTTON),
        "deny": plain(no, fit.CONFIRM_BUTTON),
    }
    return dialog | {"style": "danger"} if danger else dialog


def actions(block_id: str, buttons: Sequence[Block]) -> list[Block]:
    """Rows of at most five buttons: what a phone shows without folding."""
    rows = [list(buttons[at : at + 5]) for at in range(0, len(buttons), 5)]
    return [{"type": "actions", "block_id": f"{block_id}.{n}", "elements": row} for n, row in enumerate(rows)]


def modal(callback: str, title: str, blocks: Sequence[Block], *, submit: str = "", memo: str = "") -> dict[str, Any]:
    """A modal view. `memo` comes back as private_metadata: an id, never a value that is believed."""
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, fit.TITLE),
        "close": plain("Close", fit.TITLE),
        "private_metadata": memo,
        "blocks": fit.fitted(blocks, fit.VIEW_BLOCKS, fit.VIEW_JSON, "in the audit"),
    }
    return view | {"submit": plain(submit, fit.TITLE)} if submit else view


def when(at: datetime, shape: str = "{date_short_pretty} at {time}") -> str:
    """A Slack date token: every reader sees their own time zone. Where it cannot be drawn, UTC."""
    return f"<!date^{int(at.timestamp())}^{shape}|{utc(at)}>"


def utc(at: datetime) -> str:
    """ "04 Mar 14:30 UTC", for what no reader's own time can be drawn in: a lock screen, a picture's description."""
    return at.astimezone(UTC).strftime("%d %b %H:%M UTC")


def written(at: datetime) -> str:
    """ "2026-03-09 08:00 UTC": as handlers write a moment into a sentence, which `line` makes each reader's own."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def seconds(at: datetime) -> str:
    return f"<!date^{int(at.timestamp())}^{{time_secs}}|{at.astimezone(UTC):%H:%M:%S UTC}>"
