"""How records look on the wire: the user, channel, message, group, view and file objects of Slack's answers."""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .spec import AppSpec, TeamSpec
from .state import Channel, FileRecord, Group, InstalledApp, Message, Person, State, View
from .wire import JsonObject

COLORS = ("9f69e7", "4bbe2e", "e7392d", "3c989f", "674b1b", "e96699", "e0a729", "684b6c", "5b89d5", "2b6836")


def avatar(base: str, key: str, size: int) -> str:
    """A picture's address on this server."""
    return f"{base}/avatar/{key}-{size}.svg"


def user_object(state: State, person: Person, base: str, *, email: bool, locale: bool = False) -> JsonObject:
    """The user object of users.info and user_change."""
    number = int(hashlib.sha256(person.id.encode()).hexdigest()[:8], 16)
    body: JsonObject = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "deleted": person.deactivated,
        "color": COLORS[number % len(COLORS)],
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz.rpartition("/")[2].replace("_", " "),
        "tz_offset": _offset(person.tz, state.clock.now()),
        "profile": _profile(person, base, email),
        "is_admin": person.admin,
        "is_owner": person.owner,
        "is_primary_owner": person.owner,
        "is_restricted": bool(person.guest),
        "is_ultra_restricted": person.guest == "single",
        "is_bot": bool(person.bot_of),
        "is_app_user": False,
        "updated": person.updated,
        "is_email_confirmed": not person.bot_of,
    }
    if locale:
        body["locale"] = "en-US"
    if person.outsider:
        body["is_stranger"] = not any(person.id in channel.members for channel in state.channels.values())
    if person.deactivated:
        for key in ("color", "tz", "tz_label", "tz_offset", "is_admin", "is_owner", "is_primary_owner"):
            body.pop(key)
        body["is_restricted"] = body["is_ultra_restricted"] = False
    return body


def _offset(name: str, moment: float) -> int:
    try:
        offset = datetime.fromtimestamp(moment, ZoneInfo(name)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        return 0
    return int(offset.total_seconds()) if offset else 0


def _profile(person: Person, base: str, email: bool) -> JsonObject:
    profile: JsonObject = {
        "title": person.title,
        "phone": "",
        "skype": "",
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.display_name,
        "display_name_normalized": person.display_name,
        "fields": {},
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": hashlib.sha256(person.id.encode()).hexdigest()[:12],
        "team": person.team_id,
    }
    for size in (24, 32, 48, 72, 192, 512):
        profile[f"image_{size}"] = avatar(base, person.id, size)
    if person.bot_of:
        profile.update(bot_id=person.bot_id, api_app_id=person.bot_of, always_active=True)
    elif email:
        profile["email"] = person.email
    return profile


def channel_object(state: State, channel: Channel, viewer: str, *, info: bool = False) -> JsonObject:
    """A conversation in lists; with `info`, as conversations.info gives it. `viewer` is a user id."""
    if channel.kind == "im":
        return im_object(state, channel, viewer, info=info)
    outside = bool(channel.external_teams)
    body: JsonObject = {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": False,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "created": channel.created,
        "creator": channel.creator,
        "is_archived": channel.archived,
        "is_general": channel.general,
        "unlinked": 0,
        "is_shared": outside,
        "is_ext_shared": outside,
        "is_org_shared": False,
        "pending_shared": [],
        "is_pending_ext_shared": False,
        "is_member": viewer in channel.members,
        "updated": channel.updated,
        "topic": dict(channel.topic),
        "purpose": dict(channel.purpose),
        "previous_names": list(channel.previous_names),
    }
    if info:
        body |= {"is_frozen": False, "parent_conversation": None, "context_team_id": state.team.id}
        body["shared_team_ids"] = [state.team.id, *channel.external_teams]
        body["pending_connected_team_ids"] = []
        if outside:
            body["connected_team_ids"] = list(channel.external_teams)
        if viewer in channel.members:
            body["last_read"] = channel.read.get(viewer, "0000000000.000000")
    return body


def im_object(state: State, channel: Channel, viewer: str, *, info: bool = False) -> JsonObject:
    """A DM; `user` is the other one."""
    others = [member for member in channel.members if member != viewer]
    other = state.people[others[0] if others else channel.user]
    body: JsonObject = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": False,
        "is_im": True,
        "is_org_shared": False,
        "user": other.id,
        "priority": 0,
    }
    if info:
        body.update(last_read="0000000000.000000", unread_count=0, unread_count_display=0, is_open=True)
    else:
        body["is_user_deleted"] = other.deactivated
    return body


def bot_profile(spec: AppSpec, team_id: str, base: str) -> JsonObject:
    """The bot_profile of a message."""
    return {
        "id": spec.bot_id,
        "app_id": spec.app_id,
        "name": spec.name,
        "icons": {f"image_{size}": avatar(base, spec.bot_user_id, size) for size in (36, 48, 72)},
        "deleted": False,
        "updated": 1_700_000_000,
        "team_id": team_id,
    }


def message_object(
    state: State, message: Message, base: str, *, metadata: bool = False, thread: bool = True, viewer: str = ""
) -> JsonObject:
    """A message as history gives it; `thread` adds the counts of a thread's first message."""
    known = message.subtype != "bot_message"  # such a one goes by another name than its app's
    body: JsonObject = {
        **({"user": message.user} if known else {}),
        "type": "message",
        "ts": message.ts,
        "text": message.text,
    }
    if message.client_msg_id:
        body["client_msg_id"] = message.client_msg_id
    if message.subtype:
        body["subtype"] = message.subtype
    app = state.apps.get(message.app_id)
    if app:
        body.update(bot_id=message.bot_id, app_id=message.app_id)
        body["bot_profile"] = bot_profile(app.spec, app.team_id, base)
    if message.username:
        body["username"] = message.username
        if message.icons:
            body["icons"] = message.icons
    body["team"] = message.team
    body.update(message.more)
    body.update(_parts(state, message, base, metadata))
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.is_reply:
        body["parent_user_id"] = message.parent_user
        root = state.message(message.channel, message.thread_ts) if message.subtype == "thread_broadcast" else None
        if root:
            body["root"] = message_object(state, root, base)
    elif message.replies and thread:
        body.update(_thread_counts(state, message, viewer))
    return body


def _parts(state: State, message: Message, base: str, metadata: bool) -> JsonObject:
    """What a message has besides its text; what it has not is left out."""
    parts: JsonObject = {
        "blocks": message.blocks,
        "attachments": message.attachments,
        "edited": message.edited,
        "metadata": message.metadata if metadata else {},
        "files": [file_object(state, state.files[file], base) for file in message.files],
        "reactions": reactions_list(message),
    }
    return {name: value for name, value in parts.items() if value}


def reactions_list(message: Message) -> list[JsonObject]:
    """`reactions` of a message."""
    return [{"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()]


def _thread_counts(state: State, parent: Message, viewer: str) -> JsonObject:
    users: dict[str, None] = {}
    for ts in parent.replies:
        reply = state.message(parent.channel, ts)
        if reply:
            users[reply.user] = None
    return {
        "reply_count": len(parent.replies),
        "reply_users_count": len(users),
        "latest_reply": parent.replies[-1],
        "reply_users": list(users)[:5],
        "is_locked": False,
        "subscribed": parent.user == viewer or viewer in users,
        "last_read": parent.replies[-1],
    }


def group_object(state: State, group: Group, *, users: bool, count: bool) -> JsonObject:
    """The user group object of usergroups.list."""
    body: JsonObject = {
        "id": group.id,
        "team_id": state.team.id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": group.description,
        "handle": group.handle,
        "is_external": False,
        "date_create": group.created,
        "date_update": group.updated,
        "date_delete": group.disabled_at,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": group.creator,
        "updated_by": group.updated_by or group.creator,
        "deleted_by": (group.updated_by or group.creator) if group.disabled_at else None,
        "prefs": {"channels": list(group.channels), "groups": []},
    }
    if count:
        body["user_count"] = len(group.members)
    if users:
        body["users"] = list(group.members)
    return body


def view_object(view: View, app: InstalledApp, values: JsonObject) -> JsonObject:
    """The whole view, as views.* answers and payloads carry it."""
    return {
        "id": view.id,
        "team_id": app.team_id,
        "type": view.type,
        "blocks": view.blocks,
        "private_metadata": view.private_metadata,
        "callback_id": view.callback_id,
        "state": {"values": values},
        "hash": view.hash,
        "title": view.title,
        "clear_on_close": view.clear_on_close,
        "notify_on_close": view.notify_on_close,
        "close": view.close,
        "submit": view.submit,
        "previous_view_id": view.previous_id or None,
        "root_view_id": view.root_id or view.id,
        "app_id": app.id,
        "external_id": view.external_id,
        "app_installed_team_id": app.team_id,
        "bot_id": app.spec.bot_id,
    }


def file_object(state: State, file: FileRecord, base: str) -> JsonObject:
    """The file object of files.info and of messages."""
    where: dict[str, list[str]] = {"channels": [], "groups": [], "ims": []}
    shares: JsonObject = {}
    for channel_id, stamps in file.shares.items():
        channel = state.channels[channel_id]
        where[{"channel": "channels", "im": "ims"}.get(channel.kind, "groups")].append(channel_id)
        side = "public" if channel.kind == "channel" else "private"
        shares.setdefault(side, {})[channel_id] = [_share(state, channel, ts) for ts in stamps]
    if file.stage == "deleted":
        return {"id": file.id, "mode": "tombstone"}
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": file.filetype,
        "pretty_type": file.filetype.upper(),
        "user": file.user,
        "user_team": state.team.id,
        "editable": False,
        "size": file.size,
        "mode": "hosted" if file.kept else "hidden_by_limit",
        "is_external": False,
        "external_type": "",
        "is_public": bool(where["channels"]),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        **_addresses(state, file, base),
        "comments_count": 0,
        "is_starred": False,
        "shares": shares,
        **where,
        "has_rich_preview": False,
        **({"alt_txt": file.alt_text} if file.alt_text else {}),
    }


def _addresses(state: State, file: FileRecord, base: str) -> JsonObject:
    private = f"{base}/files-pri/{state.team.id}-{file.id}/{file.name}"
    return {
        "url_private": private,
        "url_private_download": f"{private}?download=1",
        "permalink": f"{base}/files/{file.user}/{file.id}/{file.name}",
        "permalink_public": f"{base}/files-pub/{file.id}",
    }


def _share(state: State, channel: Channel, ts: str) -> JsonObject:
    message = state.message(channel.id, ts)
    body: JsonObject = {
        "reply_users": [],
        "reply_users_count": 0,
        "reply_count": 0,
        "ts": ts,
        "channel_name": channel.name,
        "team_id": state.team.id,
        "share_user_id": message.user if message else "",
    }
    if message and message.thread_ts:
        body["thread_ts"] = message.thread_ts
    return body


def team_object(team: TeamSpec, base: str) -> JsonObject:
    """The team object of team.info."""
    icon: JsonObject = {f"image_{size}": avatar(base, team.id, size) for size in (34, 44, 68, 88, 102, 132)}
    return {
        "id": team.id,
        "name": team.name,
        "domain": team.domain,
        "email_domain": team.email_domain,
        "url": f"{base}/",
        "icon": {**icon, "image_default": True},
    }
