"""Slack's limits on blocks, elements, views and messages, with refusals in Slack's own words and pointers."""

from .checker import Checker, length
from .messages import check_message_blocks, check_text, checked_attachment, checked_metadata
from .normalize import nested, normalize_blocks, normalize_text
from .views import check_view

__all__ = [
    "Checker",
    "check_message_blocks",
    "check_text",
    "check_view",
    "checked_attachment",
    "checked_metadata",
    "length",
    "nested",
    "normalize_blocks",
    "normalize_text",
]
