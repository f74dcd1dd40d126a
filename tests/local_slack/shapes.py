"""Shapes of JSON as data, what a value has wrong of one, and Slack's objects written down so from its documentation.

A shape is a type; None; a text that must stand there; a pattern for a text; `[shape]` for a list; a mapping for an
object, in which `"key?"` may be missing and `"*"` stands for every other key; or a tuple of shapes, one of which must
fit.
"""

from __future__ import annotations

import re
from typing import Any

Shape = Any
ANY = object
TS = re.compile(r"\d{10}\.\d{6}")
NO_TS = re.compile(r"0{10}\.0{6}")
URL = re.compile(r"(https?|wss?)://\S+")
EPOCH = int


def ident(*prefixes: str) -> re.Pattern[str]:
    """An id: one of these letters, then capitals and digits."""
    return re.compile(rf"({'|'.join(prefixes)})[0-9A-Z]{{8,}}")


def maybe(shape: Shape) -> Shape:
    """The shape, or null."""
    return (shape, None)


def wrong(shape: Shape, value: Any, at: str = "$") -> list[str]:
    """Each fault with its path; empty where the value has the shape."""
    if shape is ANY:
        return []
    if isinstance(shape, tuple):
        tries = [wrong(one, value, at) for one in shape]
        return min(tries, key=len)
    if isinstance(shape, dict):
        return _of_object(shape, value, at) if isinstance(value, dict) else [f"{at} is no object"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        return [fault for index, one in enumerate(value) for fault in wrong(shape[0], one, f"{at}[{index}]")]
    return [] if _fits(shape, value) else [f"{at} is {value!r}"]


def _of_object(shape: dict[str, Shape], value: dict[str, Any], at: str) -> list[str]:
    known = {key.removesuffix("?"): inner for key, inner in shape.items() if key != "*"}
    faults = [f"{at} lacks {key}" for key in shape if not key.endswith(("?", "*")) and key not in value]
    for key, one in value.items():
        if key in known:
            faults += wrong(known[key], one, f"{at}.{key}")
        elif "*" in shape:
            faults += wrong(shape["*"], one, f"{at}.{key}")
        else:
            faults.append(f"{at} has {key}, which nothing documents")
    return faults


def _fits(shape: Shape, value: Any) -> bool:
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, type):
        return type(value) is shape
    return bool(value == shape)


# --- Slack's objects ----------------------------------------------------------------------------------------------

TEAM, USER, BOT, APP = ident("T"), ident("U", "W"), ident("B"), ident("A")
CHANNEL, DM, FILE, VIEW = ident("C", "G"), ident("D"), ident("F"), ident("V")
PLACE = ident("C", "G", "D")
ICONS = {"image_36": URL, "image_48": URL, "image_72": URL}
PICTURES = {f"image_{size}": URL for size in (24, 32, 48, 72, 192, 512)}
BOT_PROFILE = {
    "id": BOT, "app_id": APP, "name": str, "icons": ICONS, "deleted": bool, "updated": EPOCH, "team_id": TEAM,
}  # fmt: skip
PROFILE: dict[str, Shape] = {
    "title": str, "phone": str, "skype": str, "real_name": str, "real_name_normalized": str, "display_name": str,
    "display_name_normalized": str, "status_text": str, "status_emoji": str, "status_expiration": int,
    "avatar_hash": str, **PICTURES, "fields?": {}, "team?": TEAM, "email?": str,
    "bot_id?": BOT, "api_app_id?": APP, "always_active?": bool,
}  # fmt: skip
ROLES = ("is_admin", "is_owner", "is_primary_owner")
PERSON: dict[str, Shape] = {
    "id": USER, "team_id": TEAM, "name": str, "deleted": False, "color": re.compile("[0-9a-f]{6}"), "real_name": str,
    "tz": str, "tz_label": str, "tz_offset": int, "profile": PROFILE, **dict.fromkeys(ROLES, bool),
    "is_restricted": bool, "is_ultra_restricted": bool, "is_bot": bool, "is_app_user": bool, "updated": EPOCH,
    "is_email_confirmed?": bool, "locale?": str, "is_stranger?": bool,
}  # fmt: skip
LEFT_OUT = {"color", "tz", "tz_label", "tz_offset", *ROLES}  # of who is deactivated
SOMEBODY = (PERSON, {key: one for key, one in PERSON.items() if key not in LEFT_OUT} | {"deleted": True})
SAID = {"value": str, "creator": (USER, ""), "last_set": EPOCH}
CONVERSATION: dict[str, Shape] = {
    "id": CHANNEL, "name": str, "name_normalized": str, **dict.fromkeys(("is_channel", "is_group", "is_mpim"), bool),
    "is_im": False, "is_private": bool, "created": EPOCH, "creator": USER, "is_archived": bool, "is_general": bool,
    "unlinked": int, "is_shared": bool, "is_ext_shared": bool, "is_org_shared": bool, "pending_shared": [TEAM],
    "is_pending_ext_shared": bool, "updated": int, "topic": SAID, "purpose": SAID, "previous_names": [str],
    "is_member?": bool, "num_members?": int,
}  # fmt: skip
CONVERSATION_INFO = CONVERSATION | {
    "is_frozen": bool, "parent_conversation": maybe(CHANNEL), "context_team_id": TEAM, "shared_team_ids": [TEAM],
    "pending_connected_team_ids": [TEAM], "connected_team_ids?": [TEAM], "last_read?": (TS, NO_TS),
}  # fmt: skip
DIRECT: dict[str, Shape] = {
    "id": DM, "created": EPOCH, "is_archived?": bool, "is_im": True, "is_org_shared": bool, "user": USER,
    "priority": int,
}  # fmt: skip
DIRECT_LISTED = DIRECT | {"is_user_deleted": bool}
DIRECT_INFO = DIRECT | {
    "last_read": (TS, NO_TS), "unread_count": int, "unread_count_display": int, "is_open": bool,
}  # fmt: skip
PLAIN = {"type": "plain_text", "text": str, "emoji": bool}
MRKDWN = {"type": "mrkdwn", "text": str, "verbatim": bool}
ELEMENT = {"type": str, "action_id?": str, "*": ANY}
BLOCK = {"type": str, "block_id": str, "*": ANY}
SHARE = {
    "ts": TS, "channel_name": str, "team_id": TEAM, "share_user_id": USER, "reply_count": int, "reply_users": [USER],
    "reply_users_count": int, "thread_ts?": TS,
}  # fmt: skip
A_FILE: dict[str, Shape] = {
    "id": FILE, "created": EPOCH, "timestamp": EPOCH, "name": str, "title": str, "mimetype": str, "filetype": str,
    "pretty_type": str, "user": USER, "user_team": TEAM, "editable": bool, "size": int, "mode": "hosted",
    "is_external": bool, "external_type": str, "is_public": bool, "public_url_shared": bool, "display_as_bot": bool,
    "username": str, "url_private": URL, "url_private_download": URL, "permalink": URL, "permalink_public": URL,
    "comments_count": int, "is_starred": bool, "shares": {"public?": {"*": [SHARE]}, "private?": {"*": [SHARE]}},
    "channels": [CHANNEL], "groups": [CHANNEL], "ims": [DM], "has_rich_preview": bool, "alt_txt?": str,
}  # fmt: skip
ATTACHMENT = {"id": int, "fallback": str, "blocks?": [BLOCK], "*": ANY}
REACTION = {"name": str, "users": [USER], "count": int}
IN_THREAD = {
    "reply_count?": int, "reply_users_count?": int, "latest_reply?": TS, "reply_users?": [USER], "is_locked?": bool,
    "subscribed?": bool, "last_read?": TS,
}  # fmt: skip
MESSAGE: dict[str, Shape] = {
    "type": "message", "user?": USER, "text": str, "ts": TS, "team": TEAM, "subtype?": str, "client_msg_id?": str,
    "bot_id?": BOT, "app_id?": APP, "bot_profile?": BOT_PROFILE, "username?": str,
    "icons?": {"emoji?": str, "url?": URL},
    "blocks?": [BLOCK], "attachments?": [ATTACHMENT], "files?": [A_FILE], "reactions?": [REACTION],
    "edited?": {"user": USER, "ts": TS}, "metadata?": {"event_type": str, "event_payload": {"*": ANY}},
    "thread_ts?": TS, "parent_user_id?": USER, **IN_THREAD,
    "old_name?": str, "name?": str, "topic?": str, "purpose?": str,
}  # fmt: skip
MESSAGE["root?"] = MESSAGE
GROUP: dict[str, Shape] = {
    "id": ident("S"), "team_id": TEAM, "is_usergroup": bool, "is_subteam": bool, "name": str, "description": str,
    "handle": str, "is_external": bool, "date_create": EPOCH, "date_update": EPOCH, "date_delete": EPOCH,
    "auto_type?": None, "auto_provision": bool, "enterprise_subteam_id": str, "created_by": USER, "updated_by": USER,
    "deleted_by?": maybe(USER), "prefs": {"channels": [CHANNEL], "groups": [CHANNEL]}, "user_count?": int,
    "users?": [USER],
}  # fmt: skip
BOOKMARK = {
    "id": re.compile("Bk[0-9A-Z]+"), "channel_id": CHANNEL, "title": str, "link": URL, "emoji": str, "icon_url": str,
    "type": "link", "entity_id": str, "date_created": EPOCH, "date_updated": EPOCH, "rank": str, "shortcut_id": str,
    "last_updated_by_user_id": USER, "last_updated_by_team_id": TEAM, "app_id": APP,
}  # fmt: skip
VALUES = {"*": {"*": {"type": str, "*": ANY}}}
A_VIEW: dict[str, Shape] = {
    "id": VIEW, "team_id": TEAM, "app_id": APP, "bot_id": BOT, "app_installed_team_id": TEAM, "type": ("modal", "home"),
    "callback_id": str, "external_id": str, "private_metadata": str, "hash": re.compile(r"\d{10}\.\w+"),
    "title": maybe(PLAIN), "close": maybe(PLAIN), "submit": maybe(PLAIN), "blocks": [BLOCK],
    "state": {"values": VALUES}, "previous_view_id": maybe(VIEW), "root_view_id": VIEW,
    "clear_on_close": bool, "notify_on_close": bool,
}  # fmt: skip
