"""The workspace as a pure in-memory model, with a change feed and an optional file."""

from .model import (
    Channel,
    FileRecord,
    Group,
    InstalledApp,
    Message,
    Person,
    ResponseUrl,
    Trigger,
    View,
)
from .store import Change, State

__all__ = [
    "Change",
    "Channel",
    "FileRecord",
    "Group",
    "InstalledApp",
    "Message",
    "Person",
    "ResponseUrl",
    "State",
    "Trigger",
    "View",
]
