"""What people and outside systems wrote, made harmless: it can neither format, nor ping, nor turn the text around."""

import unicodedata

JOINER = "\u200d"  # holds composed emoji together
DROPPED = frozenset({"Cc", "Cf", "Cs", "Co"})


def clean(text: str, limit: int = 0) -> str:
    """Without control, bidi and other invisible characters; cut at `limit` units where one is given: see `size`."""
    lined = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n").replace("\t", " ")
    kept = lined if lined.replace("\n", "").isprintable() else _seen(lined)
    return cut(kept, limit) if limit else kept


def _seen(text: str) -> str:
    return "".join(c for c in text if c in ("\n", JOINER) or unicodedata.category(c) not in DROPPED)


def one_line(text: str, limit: int = 0) -> str:
    """Clean, with every run of white space as one blank."""
    line = " ".join(clean(text).split())
    return cut(line, limit) if limit else line


def size(text: str) -> int:
    """How long Slack may count it: in UTF-16 units, by which an emoji counts twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """At most `limit` of these units; what was cut shows as an ellipsis."""
    if size(text) <= limit:
        return text
    head = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return head.rstrip() + "…"


def entities(text: str) -> str:
    """The three characters that Slack reads as markup in `text` and mrkdwn, escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback(text: str, limit: int = 300) -> str:
    """One line for a message's `text`: all that a lock screen shows. No mention, no link, no formatting."""
    line = one_line(text, limit)
    return entities(line.translate({ord(mark): None for mark in "*~`"})) or "…"
