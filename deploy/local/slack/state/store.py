"""State: every table of the workspace, id making, and the numbered feed of changes that wakes who waits."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass
from heapq import merge
from itertools import takewhile
from typing import Any

from ..clock import Clock
from ..spec import WorkspaceSpec
from .contents import Contents, InMemory
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
    Record,
    ResponseUrl,
    Scheduled,
    Trigger,
    View,
)

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KEPT_CHANGES = 20_000
KEPT_LOGGED = 1000  # they only wake who reads the log, which has them all


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the workspace. `person` is set when only that person may see it; `new` for a message just said."""

    version: int
    kind: str
    channel: str
    person: str
    key: str
    new: bool = False


class State:
    """The workspace's records. Whoever changes one calls `changed`, which numbers it and wakes the waiters."""

    def __init__(self, spec: WorkspaceSpec, clock: Clock) -> None:
        self.spec, self.clock, self.team = spec, clock, spec.team
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, dict[str, Message]] = {}
        self.ephemerals: dict[str, dict[str, Message]] = {}
        self.groups: dict[str, Group] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[tuple[str, str], str] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.files: dict[str, FileRecord] = {}
        self.contents: Contents = InMemory()
        self.apps: dict[str, InstalledApp] = {}
        self.app_changes: dict[str, AppChange] = {}
        self.scheduled: dict[str, Scheduled] = {}
        self.bookmarks: dict[str, Bookmark] = {}
        self.canvases: dict[str, Canvas] = {}
        self.pending: dict[str, Pending] = {}
        self.tables: dict[type[Record], dict[str, Any]] = {
            Person: self.people,
            Channel: self.channels,
            Group: self.groups,
            View: self.views,
            Trigger: self.triggers,
            ResponseUrl: self.response_urls,
            FileRecord: self.files,
            AppChange: self.app_changes,
            Scheduled: self.scheduled,
            Bookmark: self.bookmarks,
            Canvas: self.canvases,
            Pending: self.pending,
        }
        self._forget_nothing()

    def _forget_nothing(self) -> None:
        """Who waits for changes, and what of them is still known."""
        self.changes: deque[Change] = deque()
        self.logged: deque[Change] = deque(maxlen=KEPT_LOGGED)
        self.version = self._forgotten = 0  # the newest change's, and that of the newest which is kept no more
        self.dirty: dict[str, Record | None] = {}
        self.dirty_stacks: set[str] = set()
        self.switched = False
        self._last_ts = 0
        self._waiters: set[asyncio.Event] = set()

    # --- ids and times -------------------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        """A fresh Slack-like id."""
        return f"{prefix}0" + "".join(secrets.choice(_SIGNS) for _ in range(9))

    def new_ts(self) -> str:
        """A message timestamp: unique, never going back."""
        micros = max(int(self.clock.now() * 1_000_000), self._last_ts + 1)
        self._last_ts = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def seen_ts(self, ts: str) -> None:
        """Keep new timestamps after `ts`, read back from a file."""
        seconds, _, micros = ts.partition(".")
        self._last_ts = max(self._last_ts, int(seconds) * 1_000_000 + int(micros or 0))

    def seconds(self) -> int:
        """Whole unix seconds now."""
        return int(self.clock.now())

    # --- changes -------------------------------------------------------------------------------------------------

    def changed(
        self,
        kind: str,
        record: Record | None,
        *,
        channel: str = "",
        person: str = "",
        key: str = "",
        new: bool = False,
    ) -> None:
        """Note that `record` changed, under the next version number, and wake every waiter."""
        if record is not None:
            self.save(record)
            key = key or record.key
        self.version += 1
        self.changes.append(Change(self.version, kind, channel, person, key, new))
        if len(self.changes) > KEPT_CHANGES:
            self._forgotten = self.changes.popleft().version
        self._wake()

    def noted(self, name: str) -> None:
        """The log has news of `name`: wake every waiter. Of these only the newest are kept."""
        self.version += 1
        self.logged.append(Change(self.version, "log", "", "", name))
        self._wake()

    def _wake(self) -> None:
        for event in self._waiters:
            event.set()

    def save(self, record: Record) -> None:
        """Mark `record` for the file without telling anybody."""
        self.dirty[f"{record.TABLE}:{record.key}"] = record

    def forget(self, record: Record) -> None:
        """Mark `record` as gone from the file."""
        self.dirty[f"{record.TABLE}:{record.key}"] = None

    def since(self, version: int) -> list[Change]:
        """The changes after `version`, oldest first."""
        newest = merge(reversed(self.changes), reversed(self.logged), key=lambda one: one.version, reverse=True)
        return list(takewhile(lambda one: one.version > version, newest))[::-1]

    def lost(self, version: int) -> bool:
        """Whether changes after `version` are kept no more: who stands there reads everything anew."""
        return version < self._forgotten

    async def wait_since(self, version: int, seconds: float) -> list[Change]:
        """The changes after `version`, waiting up to `seconds` (real time) for the first."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            if self.version <= version:
                await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return []
        finally:
            self._waiters.discard(event)
        return self.since(version)

    # --- finding -------------------------------------------------------------------------------------------------

    def person(self, name: str) -> Person | None:
        """By id or handle."""
        name = name.removeprefix("@")
        return self.people.get(name) or next((p for p in self.people.values() if p.name == name), None)

    def channel(self, name: str, person: str = "") -> Channel | None:
        """By id, name, or "@handle" for `person`'s DM with that app."""
        found = self.channels.get(name)
        if found:
            return found
        if name.startswith("@"):
            return self._direct(name[1:], person)
        name = name.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == name and c.kind != "im"), None)

    def _direct(self, handle: str, person: str) -> Channel | None:
        who = self.people.get(person)
        if who and who.outsider:
            return None
        for app in self.apps.values():
            if handle in (app.spec.handle, app.spec.name, app.spec.bot_user_id, app.id, "app", "bot"):
                return self.im(person, app)
        return None

    def im(self, person: str, app: InstalledApp) -> Channel:
        """The DM of `person` with `app`, made at first use."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.user == person and channel.app_id == app.id:
                return channel
        channel = Channel(
            id=self.new_id("D"),
            name="",
            kind="im",
            created=self.seconds(),
            creator=person,
            members=[person, app.spec.bot_user_id],
            user=person,
            app_id=app.id,
        )
        self.channels[channel.id] = channel
        self.changed("channel", channel, channel=channel.id)
        return channel

    def sees(self, person: Person, channel: Channel) -> bool:
        """Whether the channel is on the person's list."""
        if person.id in channel.members:
            return True
        return channel.kind == "channel" and not (person.guest or person.outsider)

    def group(self, name: str) -> Group | None:
        """By id or handle."""
        name = name.removeprefix("@")
        return self.groups.get(name) or next((g for g in self.groups.values() if g.handle == name), None)

    def message(self, channel: str, ts: str) -> Message | None:
        """A message everybody in the channel sees."""
        return self.messages.get(channel, {}).get(ts)

    def ephemeral(self, person: str, ts: str) -> Message | None:
        """A message only `person` sees."""
        return self.ephemerals.get(person, {}).get(ts)

    def app(self, app_id: str = "") -> InstalledApp:
        """The app of that id, or the only one. Raises LookupError when there is none."""
        if app_id:
            return self.apps[app_id]
        if not self.apps:
            raise LookupError("no app is installed: give the workspace an AppSpec")
        return next(iter(self.apps.values()))

    def app_of_token(self, token: str) -> tuple[InstalledApp, str] | None:
        """The app a token belongs to, with the token's kind: bot or app."""
        for app in self.apps.values():
            if token == app.spec.bot_token:
                return app, "bot"
            if token == app.spec.app_token:
                return app, "app"
        return None

    def app_changed(self, app: InstalledApp, *, spec: bool = False, **settings: object) -> None:
        """Keep what was changed in `app`: `settings`, and with `spec` the whole app."""
        change = self.app_changes.setdefault(app.id, AppChange(app.id))
        change.settings.update(settings)
        if spec:
            change.spec = app.spec.model_dump()
        self.changed("app", change, key=app.id)

    def modal(self, person: str) -> View | None:
        """The view on top of the person's modals."""
        stack = self.stacks.get(person)
        return self.views[stack[-1]] if stack else None
