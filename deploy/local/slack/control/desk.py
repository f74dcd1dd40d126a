"""The desk beside the workspace: its guide, its buttons, Slack's weather, and files that a person brings along."""

from __future__ import annotations

import base64
import binascii
from typing import get_args

from ..faults import Weather
from ..render import file_object
from ..web.files import FILE_MOST, new_file
from ..wire import JsonObject
from .body import Ask, ControlError, Verb


def desk(ask: Ask) -> JsonObject:
    """Guide, buttons and weather."""
    return {"ok": True, **ask.core.desk.shown(), "weather": ask.core.faults.weather}


async def press(ask: Ask) -> JsonObject:
    """One of the desk's buttons, by `button`."""
    return {"ok": True, "text": await ask.core.desk.press(ask.core, ask.text("button"))}


def guide(ask: Ask) -> JsonObject:
    """Go to the step number `at`."""
    if ask.core.desk.guide is None:
        raise ControlError("this workspace has no guide")
    ask.core.desk.go(ask.core, int(ask.number("at")))
    return desk(ask)


async def weather(ask: Ask) -> JsonObject:
    """Slack is `fair`, `slow` or `down`, for every app, until the next change."""
    wanted = ask.text("weather")
    if wanted not in get_args(Weather):
        raise ControlError(f"{wanted!r} is no weather; there are: {', '.join(get_args(Weather))}")
    for one in get_args(Weather):
        if one == wanted:
            ask.core.faults.weather = one
    if wanted == "down":
        for app in ask.core.state.apps:
            await ask.core.transport.sockets.cut(app)
    ask.core.state.changed("desk", None)
    return desk(ask)


def upload(ask: Ask) -> JsonObject:
    """A person's file, for a file_input: `name` and `content` in base64. Gives the file object."""
    person = ask.person()
    try:
        content = base64.b64decode(ask.text("content"), validate=True)
    except binascii.Error:
        raise ControlError("content must be base64") from None
    if not content or len(content) > FILE_MOST:
        raise ControlError(f"a file has between 1 and {FILE_MOST} bytes")
    file = new_file(ask.core, ask.text("name") or "file", len(content), person.id)
    file.content, file.stage = base64.b64encode(content).decode(), "complete"
    ask.core.state.save(file)
    return {"ok": True, "file": file_object(ask.core.state, file, ask.core.base_url)}


VERBS: dict[str, Verb] = {
    "desk": desk,
    "guide": guide,
    "press": press,
    "upload": upload,
    "weather": weather,
}
