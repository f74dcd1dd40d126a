"""What is believed of a Slack payload: who sent it from which team, where it came from, and how to answer it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from bot.model import Record

Body: TypeAlias = Mapping[str, Any]  # a payload as Slack sent it


class Surface(StrEnum):
    """On what somebody acted."""

    COMMAND = "command"
    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"
    ELSEWHERE = "elsewhere"


class Sender(Record):
    """Whoever acted, and the ways to answer them."""

    team: str  # the account's own team
    user: str
    host: str  # the workspace's team
    surface: Surface
    channel: str | None = None
    trigger: str = ""
    response_url: str = ""
    view_id: str = ""

    @property
    def foreign(self) -> bool:
        """Whether the account belongs to another organisation."""
        return bool(self.host) and self.team != self.host


class Unreadable(ValueError):
    """A payload without an account or a team: nobody can be answered."""


def sender(body: Body) -> Sender:
    """Who sent a command, an action, a view, a suggestion or a shortcut. Raises Unreadable."""
    account, team = _part(body, "user"), _part(body, "team")
    user = _text(body, "user_id") or _text(account, "id")
    host = _text(body, "team_id") or _text(team, "id")
    own = _text(account, "team_id") or host
    if not user or not own:
        raise Unreadable("the payload names no account")
    view = _part(body, "view")
    return Sender(
        team=own,
        user=user,
        host=host or own,
        surface=_surface(body, view),
        channel=_text(body, "channel_id") or _text(_part(body, "channel"), "id") or None,
        trigger=_text(body, "trigger_id"),
        response_url=_text(body, "response_url"),
        view_id=_text(view, "id"),
    )


def _surface(body: Body, view: Body) -> Surface:
    if "command" in body:
        return Surface.COMMAND
    if view:
        return Surface.HOME if view.get("type") == "home" else Surface.MODAL
    return Surface.MESSAGE if _part(body, "channel") else Surface.ELSEWHERE


def memo(body: Body) -> str:
    """The view's private_metadata: an id of a row, or a button's value."""
    return _text(_part(body, "view"), "private_metadata")


def hash_of(body: Body) -> str:
    """Of the view as its person saw it: an update with it changes nothing that is newer."""
    return _text(_part(body, "view"), "hash")


def state(body: Body) -> Mapping[str, Mapping[str, Any]]:
    """Block id -> the one element's state."""
    values = _part(_part(_part(body, "view"), "state"), "values")
    return {name: next(iter(elements.values()), {}) for name, elements in values.items() if isinstance(elements, dict)}


def action(body: Body) -> Mapping[str, Any]:
    """The first action of a block_actions payload; empty where there is none."""
    actions = body.get("actions")
    return actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}


def chosen(given: Body) -> str:
    """A button's value, or the value of what was chosen in a select."""
    return _text(given, "value") or _text(_part(given, "selected_option"), "value")


def _part(of: Body, name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _text(of: Body, name: str) -> str:
    found = of.get(name)
    return found if isinstance(found, str) else ""
