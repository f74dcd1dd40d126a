"""What a person sees, as JSON for the page and the client."""

from __future__ import annotations

from ..core import Core
from ..interactions import modals
from ..render import message_object
from ..state import Channel, InstalledApp, Message, Person
from ..wire import JsonObject


def message(core: Core, said: Message, viewer: str) -> JsonObject:
    """A message with its channel and whether only the viewer sees it."""
    body = message_object(core.state, said, core.base_url, metadata=True, viewer=viewer)
    return {**body, "user": said.user, "channel": said.channel, "ephemeral": bool(said.ephemeral_for)}


def modal_stack(core: Core, person: str) -> list[JsonObject]:
    """The person's modals, the bottom one first."""
    found: list[JsonObject] = []
    for view_id in core.state.stacks.get(person, []):
        view = core.state.views[view_id]
        shown = modals.shown(core, view)
        found.append({**shown, "errors": view.errors, "notice": view.notice, "busy": view.busy})
    return found


def home(core: Core, app: InstalledApp, person: str) -> JsonObject | None:
    """What the app published on the person's home tab."""
    view_id = core.state.homes.get((app.id, person))
    return modals.shown(core, core.state.views[view_id]) if view_id else None


def visible(core: Core, person: Person) -> JsonObject:
    """The workspace in the person's eyes."""
    state = core.state
    apps = [app_row(core, app, person) for app in state.apps.values()]  # first: it makes their DMs, which are channels
    return {
        "version": state.version,
        "page": core.page,
        "desk": {**core.desk.shown(), "weather": core.faults.weather},
        "now": core.clock.now(),
        "ahead": core.clock.ahead,
        "me": person_row(person),
        "team": {"id": state.team.id, "name": state.team.name, "domain": state.team.domain},
        "people": [person_row(one) for one in state.people.values()],
        "groups": [
            {"id": g.id, "handle": g.handle, "name": g.name, "members": g.members} for g in state.groups.values()
        ],
        "channels": [
            channel_row(core, channel, person) for channel in state.channels.values() if state.sees(person, channel)
        ],
        "apps": apps,
    }


def person_row(person: Person) -> JsonObject:
    """A person, short."""
    return {
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "display_name": person.display_name,
        "title": person.title,
        "tz": person.tz,
        "role": person.role,
        "deactivated": person.deactivated,
        "is_app": bool(person.bot_of) or person.role == "app",
    }


def _others(core: Core, channel: Channel, person: Person) -> str:
    """The name of a DM of people: the others'. A DM with an app goes by the app."""
    if channel.app_id:
        return ""
    return ", ".join(core.state.people[one].real_name for one in channel.members if one != person.id)


def channel_row(core: Core, channel: Channel, person: Person) -> JsonObject:
    """A channel with the person's unread count."""
    read = channel.read.get(person.id, "")
    said = core.state.messages.get(channel.id, {})
    unread = 0
    for one in reversed(said.values()):
        if one.ts <= read:
            break
        unread += one.user != person.id and not one.is_reply
    return {
        "id": channel.id,
        "name": _others(core, channel, person) if channel.kind in ("im", "mpim") else channel.name,
        "kind": channel.kind,
        "archived": channel.archived,
        "member": person.id in channel.members,
        "members": len(channel.members),
        "topic": channel.topic["value"],
        "external": bool(channel.external_teams),
        "app": channel.app_id,
        "unread": unread,
        "read": read,
    }


def app_row(core: Core, app: InstalledApp, person: Person) -> JsonObject:
    """An app with what a person can start."""
    features = app.spec.manifest.features
    offers = "commands" in app.scopes
    shortcuts = offers and (core.switches.outsiders_use_shortcuts or not person.outsider)
    return {
        "id": app.id,
        "name": app.spec.name,
        "handle": app.spec.handle,
        "description": app.spec.manifest.display_information.description,
        "bot_user": app.spec.bot_user_id,
        "im": core.state.im(person.id, app).id if not person.outsider else "",
        "home": features.app_home.home_tab_enabled,
        "socket_mode": app.socket_mode,
        "sockets": core.transport.sockets.count(app.id),
        "commands": [
            {"command": one.command, "description": one.description, "usage": one.usage_hint}
            for one in (features.slash_commands if offers and not person.outsider else ())
        ],
        "shortcuts": [
            {"name": one.name, "callback_id": one.callback_id, "type": one.type, "description": one.description}
            for one in (features.shortcuts if shortcuts else ())
        ],
    }
