"""What went over the wire, with timings: every Web API call, delivery, ack and use of a response_url."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import takewhile

from .wire import JsonObject

KEPT = 50_000
KEPT_WHOLE = 2000  # with their bodies, which are most of what an entry weighs


@dataclass(slots=True)
class Entry:
    """`kind` is api, delivery, ack or response_url; `at` unix seconds; `elapsed` seconds to the answer.

    `path` is a response_url's. `request` None: its bodies are no longer kept.
    """

    number: int
    kind: str
    name: str
    at: float
    app: str = ""
    result: str = ""
    elapsed: float = 0.0
    attempt: int = 0
    transport: str = ""
    path: str = ""
    request: JsonObject | None = field(default_factory=dict)
    answer: object = None


class Log:
    """The last entries, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._whole: deque[Entry] = deque()
        self.number = 0  # of the newest entry

    def add(self, kind: str, name: str, at: float, app: str = "", **more: object) -> Entry:
        """Note one entry; it may be completed later."""
        self.number += 1
        entry = Entry(self.number, kind, name, at, app)
        for key, value in more.items():
            setattr(entry, key, value)
        self._entries.append(entry)
        self._whole.append(entry)
        if len(self._whole) > KEPT_WHOLE:
            old = self._whole.popleft()
            old.request = old.answer = None
        return entry

    def since(self, number: int = 0) -> list[Entry]:
        """Those kept after a number, oldest first."""
        found = list(takewhile(lambda entry: entry.number > number, reversed(self._entries)))
        return found[::-1]

    def read(self, *, kind: str = "", name: str = "", since: int = 0, limit: int = 1000) -> list[JsonObject]:
        """The newest `limit` entries after number `since`, oldest first."""
        found: list[JsonObject] = []
        for entry in reversed(self._entries):
            if entry.number <= since or len(found) >= limit:
                break
            if (not kind or entry.kind == kind) and (not name or entry.name == name):
                found.append(asdict(entry))
        found.reverse()
        return found
