"""What whoever starts the workspace puts on its page: buttons of their own, and a guide through the first minute.

A guide is data. It looks only at what goes over Slack's wire and at who looks, so it knows no app.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .log import Entry
from .state import Change, Message
from .wire import JsonObject

if TYPE_CHECKING:
    from .core import Core

Sort = Literal["command", "pressed", "message", "looks", "button"]


@dataclass(frozen=True, slots=True)
class Button:
    """Something outside of Slack that the page offers. `press` gives the sentence that is then shown."""

    name: str
    label: str
    hint: str
    press: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step of a guide waits for: all that is given has to fit.

    `text` is a regular expression. command: a slash command, with `text` in its line. pressed: a click, `text` on the
    button. message: one that appears or is changed, `text` in it. looks: the page of `person`. button: the desk's own,
    `text` its name.
    """

    sort: Sort
    text: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """`says` is mrkdwn. `line` is what can be typed for the person, `who` whom to be, `button` one of the desk's.

    Any of `until` ends the step. One of `leaps` ends it even while a step before it is shown: there is another way.
    `once`: whoever begins again is not led through it, since what it waits for is there.
    """

    title: str
    says: str
    until: tuple[Seen, ...]
    who: str = ""
    channel: str = ""
    line: str = ""
    button: str = ""
    leaps: tuple[Seen, ...] = ()
    once: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    title: str
    steps: tuple[Step, ...]
    end: str


@dataclass(slots=True)
class Desk:
    """`at` is the number of the step that is shown; as many as there are steps: the guide is over."""

    guide: Guide | None = None
    buttons: tuple[Button, ...] = ()
    at: int = 0
    _version: int = field(default=0, repr=False)
    _entry: int = field(default=0, repr=False)

    def shown(self) -> JsonObject:
        """As the page draws it."""
        buttons = [{"name": one.name, "label": one.label, "hint": one.hint} for one in self.buttons]
        if self.guide is None:
            return {"guide": None, "buttons": buttons}
        keys = ("title", "says", "who", "channel", "line", "button")
        steps = [{key: getattr(step, key) for key in keys} for step in self.guide.steps]
        again = next((number for number, step in enumerate(self.guide.steps) if not step.once), 0)
        guide = {"title": self.guide.title, "end": self.guide.end, "at": self.at, "again": again, "steps": steps}
        return {"guide": guide, "buttons": buttons}

    async def press(self, core: Core, name: str) -> str:
        """Raises LookupError where there is no such button."""
        for button in self.buttons:
            if button.name == name:
                words = await button.press()
                self.notice(core, Seen("button", name))
                return words
        raise LookupError(f"there is no button {name!r} here")

    def go(self, core: Core, at: int) -> None:
        """To a step by its number, from 0."""
        self.at = at
        core.state.changed("desk", None)

    async def follow(self, core: Core) -> None:
        """Moves the guide on as things happen, until it is cancelled."""
        self._version, self._entry = core.state.version, core.log.number
        while True:
            found = await core.state.wait_since(self._version, 60)
            if found:
                self._version = found[-1].version
                wire = self._wire(core)
                said = _said(core, found) if "message" in self._due() else []
                for seen in [*wire, *said]:
                    self.notice(core, seen)

    def _wire(self, core: Core) -> list[Seen]:
        """What people did, from the deliveries since the last look."""
        fresh = [entry for entry in core.log.since(self._entry) if entry.kind == "delivery"]
        self._entry = core.log.number
        return [seen for entry in fresh if (seen := _did(core, entry))]

    def _due(self) -> set[str]:
        """The sorts of what would move the guide on now."""
        steps = self.guide.steps[self.at :] if self.guide else ()
        return {seen.sort for step in steps for seen in (*step.until, *step.leaps)}

    def notice(self, core: Core, seen: Seen) -> None:
        """Something happened: the guide may go on."""
        if self.guide is None:
            return
        for number, step in enumerate(self.guide.steps[self.at :], self.at):
            due = (*step.until, *step.leaps) if number == self.at else step.leaps
            if any(_fits(wanted, seen) for wanted in due):
                self.at = number + 1
                core.state.changed("desk", None)
                return


def _fits(wanted: Seen, seen: Seen) -> bool:
    same = wanted.sort == seen.sort and wanted.person in ("", seen.person)
    return same and re.search(wanted.text, seen.text) is not None


def _did(core: Core, entry: Entry) -> Seen | None:
    body = entry.request or {}
    if "command" in body:
        person = core.state.people.get(str(body.get("user_id")))
        return Seen("command", f"{body['command']} {body.get('text', '')}", person.name if person else "")
    if body.get("type") != "block_actions":
        return None
    words = " ".join(str((action.get("text") or {}).get("text", "")) for action in body["actions"])
    return Seen("pressed", words, str(body["user"]["username"]))


def _said(core: Core, changes: list[Change]) -> list[Seen]:
    """The texts of messages that appeared or were changed, each once."""
    keys = {
        (change.channel, change.person, change.key) for change in changes if change.kind in ("message", "ephemeral")
    }
    found: list[Seen] = []
    for channel, person, key in keys:
        said = core.state.ephemeral(person, key) if person else core.state.message(channel, key)
        if said is not None and said.app_id:
            found.append(Seen("message", _words(said)))
    return found


def _words(said: Message) -> str:
    return f"{said.text} {json.dumps(said.blocks, ensure_ascii=False)}"
