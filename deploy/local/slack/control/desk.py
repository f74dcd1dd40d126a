"""The desk beside the workspace: its guide, its buttons, and Slack's weather."""

from __future__ import annotations

from typing import get_args

from ..faults import Weather
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


VERBS: dict[str, Verb] = {
    "desk": desk,
    "guide": guide,
    "press": press,
    "weather": weather,
}
