"""The workspace as a pure in-memory model, with a change feed and an optional file."""

from .model import (
    AppChange,
    Bookmark,
    Canvas,
    Channel,
    FileRecord,
    Group,
    InstalledApp,
    Message,
    Pending,
    Person,
    ResponseUrl,
    Scheduled,
    Trigger,
    View,
)
from .store import Change, State

__all__ = [
    "AppChange",
    "Bookmark",
    "Canvas",
    "Change",
    "Channel",
    "FileRecord",
    "Group",
    "InstalledApp",
    "Message",
    "Pending",
    "Person",
    "ResponseUrl",
    "Scheduled",
    "State",
    "Trigger",
    "View",
]
