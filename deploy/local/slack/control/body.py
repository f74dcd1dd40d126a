"""A control request: its JSON body as typed values, and the words of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..core import Core
from ..interactions.surface import Surface
from ..state import Channel, InstalledApp, Message, Person, View
from ..state.model import SLACKBOT
from ..wire import JsonObject


class ControlError(ValueError):
    """The control request cannot be done; the words say why and what there is."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the control API."""

    core: Core
    body: JsonObject

    def text(self, key: str, default: str = "") -> str:
        """A string."""
        value = self.body.get(key)
        return default if value is None else str(value)

    def flag(self, key: str) -> bool:
        """A boolean."""
        return self.body.get(key) is True

    def number(self, key: str, default: float = 0) -> float:
        """A number."""
        value = self.body.get(key, default)
        if not isinstance(value, (int, float)):
            raise ControlError(f"{key} must be a number")
        return float(value)

    def value(self, key: str) -> Any:
        """Whatever JSON is there."""
        return self.body.get(key)

    def app(self) -> InstalledApp:
        """The app named by id or display name, or the only one."""
        name = self.text("app")
        for app in self.core.state.apps.values():
            if not name or name in (app.id, app.spec.name, app.spec.handle):
                return app
        raise ControlError(f"no app is called {name!r}" if name else "no app is installed in this workspace")

    def person(self, key: str = "as", *, active: bool = True) -> Person:
        """The person who acts."""
        name = self.text(key)
        person = self.core.state.person(name)
        if person is None:
            there = ", ".join(sorted(p.name for p in self.core.state.people.values() if not p.bot_of))
            raise ControlError(f"nobody here is called {name!r}; there are: {there}")
        if active and (person.bot_of or person.id == SLACKBOT):
            raise ControlError(f"{person.name} is an app: it acts through the Web API only")
        if active and person.deactivated:
            raise ControlError(f"{person.name} is deactivated and cannot act: set_person(deactivated=False) first")
        return person

    def channel(self, person: Person, *, member: bool = True) -> Channel:
        """A conversation the person sees, and with `member` is in."""
        name = self.text("channel")
        channel = self.core.state.channel(name, person.id)
        if channel is None or not self.core.state.sees(person, channel):
            raise ControlError(f"{person.name} sees no channel {name!r}")
        if member and person.id not in channel.members:
            raise ControlError(f"{person.name} is not in #{channel.name}: join it first")
        return channel

    def message(self, person: Person, channel: Channel) -> Message:
        """A message the person sees there, ephemeral ones too."""
        ts = self.text("ts")
        found = self.core.state.message(channel.id, ts) or self.core.state.ephemeral(person.id, ts)
        if found is None or found.channel != channel.id:
            raise ControlError(f"{person.name} sees no message {ts!r} in {channel.name or 'the DM'}")
        return found

    def view(self, person: Person) -> View:
        """The modal or home named by `view`, or the modal on top."""
        wanted = self.text("view")
        if not wanted:
            top = self.core.state.modal(person.id)
            if top is None:
                raise ControlError(f"{person.name} has no modal open")
            return top
        view = self.core.state.views.get(wanted)
        if view is None or view.person != person.id:
            raise ControlError(f"the view {wanted!r} is not open for {person.name}")
        return view

    def surface(self, person: Person) -> Surface:
        """Where the person acts: `view`, or `channel` and `ts`."""
        if self.text("ts"):
            channel = self.channel(person)
            message = self.message(person, channel)
            unfurls = [part["app_id"] for part in message.attachments if part.get("is_app_unfurl")]
            owner = self.core.state.apps.get(message.app_id or next(iter(unfurls), ""))
            if owner is None:
                raise ControlError("that message is not an app's: nothing on it can be pressed")
            return Surface(owner, person, message, channel)
        view = self.view(person)
        return Surface(self.core.state.apps[view.app_id], person, view=view)


Verb = Callable[[Ask], JsonObject | Awaitable[JsonObject]]
