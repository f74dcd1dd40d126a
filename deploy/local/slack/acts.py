"""Changes to the workspace itself, each with its events: joining, making channels, people, groups, reactions."""

from __future__ import annotations

from .core import Core
from .delivery import events
from .posting import system_message
from .render import group_object, message_object, user_object
from .state import Channel, Group, InstalledApp, Message, Person
from .wire import JsonObject

DIRECT_MOST = 8


def join(core: Core, channel: Channel, person: Person, inviter: str = "") -> None:
    """Put a person (or a bot) in a channel."""
    if person.id in channel.members:
        return
    channel.members.append(person.id)
    if person.team_id != core.state.team.id and person.team_id not in channel.external_teams:
        channel.external_teams.append(person.team_id)
    core.state.changed("channel", channel, channel=channel.id)
    subtype = "channel_join" if channel.kind == "channel" else "group_join"
    system_message(core, channel, person, subtype, f"<@{person.id}> has joined the channel")
    events.joined(core, channel, person, inviter)
    events.brought_in(core, channel, person, invited=bool(inviter))


def leave(core: Core, channel: Channel, person: Person) -> None:
    """Take a person (or a bot) out of a channel."""
    if person.id not in channel.members:
        return
    channel.members.remove(person.id)
    core.state.changed("channel", channel, channel=channel.id)
    subtype = "channel_leave" if channel.kind == "channel" else "group_leave"
    system_message(core, channel, person, subtype, f"<@{person.id}> has left the channel")
    event: JsonObject = {
        "type": "member_left_channel",
        "user": person.id,
        "channel": channel.id,
        "channel_type": "C" if channel.kind == "channel" else "G",
        "team": person.team_id,
        "event_ts": core.state.new_ts(),
    }
    events.emit(core, event, channel=channel)


def create_channel(core: Core, name: str, creator: str, *, private: bool) -> Channel:
    """Make a channel with its creator in it."""
    state = core.state
    channel = Channel(
        id=state.new_id("C"),
        name=name,
        kind="group" if private else "channel",
        created=state.seconds(),
        creator=creator,
        members=[creator],
        updated=state.seconds() * 1000,
    )
    state.channels[channel.id] = channel
    state.changed("channel", channel, channel=channel.id)
    if not private:
        told = {"id": channel.id, "name": name, "created": channel.created, "creator": creator}
        events.emit(core, {"type": "channel_created", "channel": told, "event_ts": state.new_ts()}, channel=channel)
    return channel


def rename(core: Core, channel: Channel, name: str, actor: str) -> None:
    """Give a channel another name."""
    channel.previous_names.append(channel.name)
    old, channel.name, channel.updated = channel.name, name, core.state.seconds() * 1000
    core.state.changed("channel", channel, channel=channel.id)
    subtype = "channel_name" if channel.kind == "channel" else "group_name"
    words = f'has renamed the channel from "{old}" to "{name}"'
    system_message(core, channel, core.state.people[actor], subtype, words, old_name=old, name=name)
    told = {"id": channel.id, "name": name, "name_normalized": name, "created": channel.created}
    told |= {"is_channel": channel.kind == "channel", "is_mpim": False}
    kind = "channel_rename" if channel.kind == "channel" else "group_rename"
    events.emit(core, {"type": kind, "channel": told, "event_ts": core.state.new_ts()}, channel=channel)


def describe(core: Core, channel: Channel, what: str, text: str, person: Person) -> None:
    """Set a channel's topic or purpose (`what`)."""
    mine = channel.topic if what == "topic" else channel.purpose
    mine.update(value=text, creator=person.id, last_set=core.state.seconds())
    channel.updated = core.state.seconds() * 1000
    core.state.changed("channel", channel, channel=channel.id)
    subtype = f"channel_{what}" if channel.kind == "channel" else f"group_{what}"
    words = f"set the channel {what}: {text}" if text else f"cleared the channel {what}"
    system_message(core, channel, person, subtype, words, **{what: text})


def open_direct(core: Core, members: list[str]) -> Channel:
    """The DM of two people, or the group DM of more, made at first use."""
    state = core.state
    for channel in state.channels.values():
        if channel.kind in ("im", "mpim") and set(channel.members) == set(members):
            return channel
    if len(members) > 2:
        return open_group_dm(core, members)
    first, second = members
    channel = Channel(state.new_id("D"), "", "im", state.seconds(), first, [first, second], user=second)
    state.channels[channel.id] = channel
    state.changed("channel", channel, channel=channel.id)
    return channel


def open_group_dm(core: Core, members: list[str]) -> Channel:
    """The group DM of exactly these people."""
    state = core.state
    wanted = set(members)
    for channel in state.channels.values():
        if channel.kind == "mpim" and set(channel.members) == wanted:
            return channel
    names = "--".join(sorted(state.people[member].name for member in wanted))
    channel = Channel(state.new_id("G"), f"mpdm-{names}-1", "mpim", state.seconds(), members[0], sorted(wanted))
    state.channels[channel.id] = channel
    state.changed("channel", channel, channel=channel.id)
    return channel


def archive(core: Core, channel: Channel, *, archived: bool, actor: str) -> None:
    """Archive a channel, or bring it back."""
    channel.archived = archived
    core.state.changed("channel", channel, channel=channel.id)
    name = ("channel_" if channel.kind == "channel" else "group_") + ("archive" if archived else "unarchive")
    who = "actor_id" if name == "group_unarchive" else "user"
    event: JsonObject = {"type": name, "channel": channel.id, who: actor, "event_ts": core.state.new_ts()}
    events.emit(core, event, channel=channel)


def person_joined(core: Core, person: Person) -> None:
    """Tell the apps that somebody joined the team."""
    core.state.changed("person", person)
    if not person.outsider:
        _told(core, "team_join", person)


def change_person(core: Core, person: Person) -> None:
    """Tell the apps that a person changed."""
    person.updated = core.state.seconds()
    core.state.changed("person", person)
    _told(core, "user_change", person)


def _told(core: Core, kind: str, person: Person) -> None:
    """Each app hears of a person what its scopes let it read."""
    event: JsonObject = {"type": kind, "cache_ts": core.state.seconds(), "event_ts": core.state.new_ts()}
    for app in list(core.state.apps.values()):
        body = user_object(core.state, person, core.base_url, email="users:read.email" in app.scopes)
        del body["profile"]["fields"]
        events.emit(core, {**event, "user": body}, only=app.id)


def change_group(core: Core, group: Group, members: list[str]) -> None:
    """Give a user group new members."""
    added = [member for member in members if member not in group.members]
    removed = [member for member in group.members if member not in members]
    before = group.updated
    group.members, group.updated = list(members), core.state.seconds()
    core.state.changed("group", group)
    event: JsonObject = {
        "type": "subteam_members_changed",
        "subteam_id": group.id,
        "team_id": core.state.team.id,
        "date_previous_update": before,
        "date_update": group.updated,
        "added_users": added,
        "added_users_count": len(added),
        "removed_users": removed,
        "removed_users_count": len(removed),
        "event_ts": core.state.new_ts(),
    }
    if added or removed:
        events.emit(core, event)


def group_told(core: Core, group: Group, kind: str) -> None:
    """Tell the apps that a user group was made or changed: subteam_created or subteam_updated."""
    core.state.changed("group", group)
    shown = group_object(core.state, group, users=True, count=True)
    shown = {key: value for key, value in shown.items() if value is not None}
    events.emit(core, {"type": kind, "subteam": shown, "event_ts": core.state.new_ts()})


def pin(core: Core, channel: Channel, message: Message, user: str) -> None:
    """Pin a message."""
    channel.pins.append({"ts": message.ts, "created": core.state.seconds(), "created_by": user})
    _pinned(core, "pin_added", channel, message, user)


def unpin(core: Core, channel: Channel, message: Message, user: str) -> None:
    """Take a pin away."""
    channel.pins = [item for item in channel.pins if item["ts"] != message.ts]
    _pinned(core, "pin_removed", channel, message, user)


def _pinned(core: Core, kind: str, channel: Channel, message: Message, user: str) -> None:
    core.state.changed("channel", channel, channel=channel.id)
    shown = message_object(core.state, message, core.base_url)
    item: JsonObject = {"type": "message", "channel": channel.id, "message": shown, "created_by": user}
    item["created"] = core.state.seconds()
    event: JsonObject = {"type": kind, "user": user, "channel_id": channel.id, "item": item}
    event |= {"item_user": message.user, "pin_count": len(channel.pins), "event_ts": core.state.new_ts()}
    if kind == "pin_removed":
        event["has_pins"] = bool(channel.pins)
    events.emit(core, event, channel=channel)


async def uninstall(core: Core, app: InstalledApp) -> None:
    """Take an app's tokens away; it hears of that as the last thing."""
    event = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [app.spec.bot_user_id]}}
    events.emit(core, event, only=app.id)
    events.emit(core, {"type": "app_uninstalled"}, only=app.id)
    app.revoked = True
    core.state.app_changed(app, revoked=True)
    await core.transport.sockets.disconnect(app.id, "link_disabled")


def react(core: Core, message: Message, user: str, name: str) -> bool:
    """Add a reaction. False when the user had given it already."""
    users = message.reactions.setdefault(name, [])
    if user in users:
        return False
    users.append(user)
    _reacted(core, "reaction_added", message, user, name)
    return True


def unreact(core: Core, message: Message, user: str, name: str) -> bool:
    """Take a reaction back. False when the user had not given it."""
    users = message.reactions.get(name, [])
    if user not in users:
        return False
    users.remove(user)
    if not users:
        del message.reactions[name]
    _reacted(core, "reaction_removed", message, user, name)
    return True


def _reacted(core: Core, kind: str, message: Message, user: str, name: str) -> None:
    core.state.changed("message", message, channel=message.channel, key=message.ts)
    event: JsonObject = {
        "type": kind,
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": core.state.new_ts(),
    }
    channel = core.state.channels[message.channel]
    for app in core.state.apps.values():
        if app.spec.bot_user_id in channel.members and "reactions:read" in app.scopes:
            events.emit(core, event, channel=channel, only=app.id)
