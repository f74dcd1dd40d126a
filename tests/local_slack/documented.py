"""What Slack's documentation says that each method answers, each event and interaction holds, and each frame is.

Written from the fields on its pages and in its SDKs' types, so that what is sent is judged wherever the tests run.
"""

from __future__ import annotations

import re

from tests.local_slack.shapes import (
    A_FILE,
    A_VIEW,
    ANY,
    APP,
    BLOCK,
    BOOKMARK,
    BOT,
    BOT_PROFILE,
    CHANNEL,
    CONVERSATION,
    CONVERSATION_INFO,
    DIRECT_INFO,
    DIRECT_LISTED,
    DM,
    EPOCH,
    FILE,
    GROUP,
    ICONS,
    MESSAGE,
    NO_TS,
    PLACE,
    PLAIN,
    PROFILE,
    SOMEBODY,
    TEAM,
    TS,
    URL,
    USER,
    VALUES,
    VIEW,
    Shape,
    ident,
    maybe,
)

OK = {"ok": True}
MORE = {"response_metadata": {"next_cursor": str}}
POSTED = {**OK, "channel": PLACE, "ts": TS}
PERMALINK = re.compile(r"https://[\w-]+\.slack\.com/archives/\w+/p\d{16}(\?thread_ts=\d+\.\d+&cid=\w+)?")
KEPT = MESSAGE | {"permalink": PERMALINK}
UNREAD = {"last_read": (TS, NO_TS), "latest": None, "unread_count": int, "unread_count_display": int, "priority": int}
UPDATED = {key: one for key, one in MESSAGE.items() if key != "ts"}
LATER: dict[str, Shape] = {
    "type": "delayed_message", "text": str, "bot_id": BOT, "user": USER, "team": TEAM, "bot_profile": BOT_PROFILE,
    "blocks?": [BLOCK],
}  # fmt: skip
ONE_CHANNEL = {**OK, "channel": CONVERSATION}
CONVERSATIONS = {**OK, **MORE, "channels": [(CONVERSATION, DIRECT_LISTED)]}
POSTED_WHOLE = {**POSTED, "message": MESSAGE}
ONE_BOOKMARK, ONE_CANVAS = {**OK, "bookmark": BOOKMARK}, {**OK, "canvas_id": FILE}
ONE_GROUP = {**OK, "usergroup": GROUP}
ONE_VIEW = {**OK, "view": A_VIEW}
ONE_PERSON = {**OK, "user": SOMEBODY}
ONLY_OK = (
    "assistant.threads.setStatus", "assistant.threads.setSuggestedPrompts", "assistant.threads.setTitle",
    "apps.manifest.delete", "bookmarks.remove", "canvases.access.delete", "canvases.access.set", "canvases.delete",
    "canvases.edit", "chat.deleteScheduledMessage", "chat.unfurl", "conversations.archive", "conversations.mark",
    "conversations.unarchive", "files.delete", "pins.add", "pins.remove", "reactions.add", "reactions.remove",
)  # fmt: skip

METHODS: dict[str, Shape] = {
    **dict.fromkeys(ONLY_OK, OK),
    "api.test": {**OK, "args": {"*": ANY}},
    "apps.connections.open": {**OK, "url": re.compile(r"wss?://\S+/link/\?ticket=[\w-]+&app_id=A\w+")},
    "apps.manifest.create": {
        **OK, "app_id": APP, "oauth_authorize_url": URL, "team_id": TEAM, "team_domain": str,
        "credentials": dict.fromkeys(("client_id", "client_secret", "verification_token", "signing_secret"), str),
    },
    "apps.manifest.export": {**OK, "manifest": {"display_information": {"name": str, "*": ANY}, "*": ANY}},
    "apps.manifest.update": {**OK, "app_id": APP, "permissions_updated": bool},
    "apps.manifest.validate": {**OK, "errors": [{"message": str, "pointer": str}]},
    "auth.revoke": {**OK, "revoked": bool},
    "auth.test": {
        **OK, "url": URL, "team": str, "user": str, "team_id": TEAM, "user_id": USER, "bot_id": BOT,
        "is_enterprise_install": bool,
    },
    **dict.fromkeys(("bookmarks.add", "bookmarks.edit"), ONE_BOOKMARK),
    "bookmarks.list": {**OK, "bookmarks": [BOOKMARK]},
    "bots.info": {
        **OK,
        "bot": {
            "id": BOT, "deleted": bool, "name": str, "updated": EPOCH, "app_id": APP, "user_id": USER,
            "icons": ICONS,
        },
    },
    **dict.fromkeys(("canvases.create", "conversations.canvases.create"), ONE_CANVAS),
    "canvases.sections.lookup": {**OK, "sections": [{"id": re.compile(r"temp:C:\w+")}]},
    **dict.fromkeys(("chat.delete", "chat.meMessage", "chat.startStream", "chat.appendStream"), POSTED),
    "chat.getPermalink": {**OK, "channel": PLACE, "permalink": PERMALINK},
    "chat.postEphemeral": {**OK, "message_ts": TS},
    **dict.fromkeys(("chat.postMessage", "chat.stopStream"), POSTED_WHOLE),
    "chat.scheduleMessage": {
        **OK, "channel": PLACE, "post_at": EPOCH, "scheduled_message_id": ident("Q"), "message": LATER,
    },
    "chat.scheduledMessages.list": {
        **OK, **MORE,
        "scheduled_messages": [
            {"id": ident("Q"), "channel_id": PLACE, "post_at": EPOCH, "date_created": EPOCH, "text": str}
        ],
    },
    "chat.update": {**POSTED, "text": str, "message": UPDATED},
    "conversations.close": {**OK, "no_op?": bool, "already_closed?": bool},
    "conversations.create": {**OK, "channel": CONVERSATION | UNREAD},
    "conversations.history": {
        **OK, "messages": [MESSAGE], "has_more": bool, "pin_count": int, "channel_actions_ts": None,
        "channel_actions_count": int, "response_metadata?": {"next_cursor": str},
    },
    "conversations.info": {**OK, "channel": (CONVERSATION_INFO, DIRECT_INFO)},
    "conversations.invite": {**OK, "channel": CONVERSATION | {"is_read_only": bool, "last_read": (TS, NO_TS)}},
    "conversations.join": {**ONE_CHANNEL, "warning?": str, "response_metadata?": {"warnings": [str]}},
    "conversations.kick": {**OK, "errors": {}},
    "conversations.leave": {**OK, "not_in_channel?": True},
    **dict.fromkeys(("conversations.list", "users.conversations"), CONVERSATIONS),
    "conversations.members": {**OK, **MORE, "members": [(USER, "USLACKBOT")]},
    "conversations.open": {
        **OK, "channel": ({"id": DM}, DIRECT_INFO, {"id": CHANNEL}), "no_op?": bool, "already_open?": bool,
    },
    **dict.fromkeys(("conversations.rename", "conversations.setTopic"), ONE_CHANNEL),
    "conversations.replies": {
        **OK, "messages": [MESSAGE | {"thread_ts": TS}], "has_more": bool, "response_metadata?": {"next_cursor": str},
    },
    "conversations.setPurpose": {**ONE_CHANNEL, "purpose": str},
    "emoji.list": {**OK, "emoji": {"*": str}, "cache_ts": TS},
    "files.completeUploadExternal": {**OK, "files": [({"id": FILE, "title": str}, A_FILE)]},
    "files.getUploadURLExternal": {**OK, "upload_url": URL, "file_id": FILE},
    "files.info": {**OK, "file": A_FILE, "comments": [], **MORE} | {"comments": [ANY]},
    "files.list": {**OK, "files": [A_FILE], "paging": dict.fromkeys(("count", "total", "page", "pages"), int)},
    "pins.list": {
        **OK,
        "items": [
            {
                "type": "message", "created": EPOCH, "created_by": USER, "channel": CHANNEL,
                "message": KEPT | {"pinned_to": [CHANNEL]},
            }
        ],
    },
    "reactions.get": {**OK, "type": "message", "channel": PLACE, "message": KEPT},
    "reactions.list": {**OK, **MORE, "items": [{"type": "message", "channel": PLACE, "message": KEPT}]},
    "team.info": {
        **OK,
        "team": {
            "id": TEAM, "name": str, "domain": str, "email_domain": str, "url": URL,
            "icon": {"image_default": bool, **{f"image_{size}": URL for size in (34, 44, 68, 88, 102, 132)}},
        },
    },
    **{f"usergroups.{verb}": ONE_GROUP for verb in ("create", "update", "enable", "disable", "users.update")},
    "usergroups.list": {**OK, "usergroups": [GROUP]},
    "usergroups.users.list": {**OK, "users": [USER]},
    **dict.fromkeys(("users.info", "users.lookupByEmail"), ONE_PERSON),
    "users.getPresence": {**OK, "presence": ("active", "away")},
    "users.list": {**OK, **MORE, "members": [SOMEBODY], "cache_ts": EPOCH},
    "users.profile.get": {**OK, "profile": PROFILE},
    **dict.fromkeys(("views.open", "views.push", "views.update", "views.publish"), ONE_VIEW),
}  # fmt: skip
REFUSAL: Shape = {
    "ok": False, "error": re.compile("[a-z_]+"), "needed?": str, "provided?": str, "errors?": [str],
    "response_metadata?": {"messages": [re.compile(r"\[ERROR\] .*")]},
}  # fmt: skip

# --- events -------------------------------------------------------------------------------------------------------

AT = {"event_ts": TS}
WHERE = {"channel": PLACE, "channel_type": ("channel", "group", "im", "mpim"), **AT}
HIDDEN = {"type": "message", "hidden": True, "ts": TS, "previous_message": MESSAGE, **WHERE}
MADE = {"id": CHANNEL, "name": str, "created": EPOCH, "creator": USER}
RENAMED = {
    "id": CHANNEL, "name": str, "name_normalized": str, "created": EPOCH, "is_channel": bool, "is_mpim": bool,
}  # fmt: skip
PINNED = {
    "user": USER, "channel_id": PLACE, "item_user": USER, "pin_count": int, **AT,
    "item": {"type": "message", "channel": PLACE, "message": MESSAGE, "created": EPOCH, "created_by": USER},
}  # fmt: skip
REACTED = {
    "user": USER, "reaction": str, "item": {"type": "message", "channel": PLACE, "ts": TS}, "item_user": USER, **AT,
}  # fmt: skip
IN_OR_OUT = {"user": USER, "channel": CHANNEL, "channel_type": ("C", "G"), "team": TEAM, **AT}
TOLD_OF_A_PERSON = {"user": SOMEBODY, "cache_ts": EPOCH, **AT}
SUBTEAM = {"subteam": GROUP | {"user_count": int, "users": [USER]}, **AT}
SAID_IN_A_CHANNEL = (
    "bot_message", "channel_join", "channel_leave", "channel_name", "channel_topic", "file_share", "group_name",
    "group_topic",    "me_message", "thread_broadcast",
)  # fmt: skip

EVENTS: dict[str, Shape] = {
    "app_home_opened": {"user": USER, "channel": DM, "tab": ("home", "messages"), "view?": A_VIEW, **AT},
    "app_mention": MESSAGE | {"channel": PLACE, **AT} | {"type": "app_mention"},
    "app_uninstalled": {},
    **{f"{kind}_archive": {"channel": CHANNEL, "user": USER, **AT} for kind in ("channel", "group")},
    "channel_unarchive": {"channel": CHANNEL, "user": USER, **AT},
    "group_unarchive": {"channel": CHANNEL, "actor_id": USER, **AT},
    "channel_created": {"channel": MADE, **AT},
    **{f"{kind}_rename": {"channel": RENAMED, **AT} for kind in ("channel", "group")},
    "file_shared": {"file_id": FILE, "user_id": USER, "file": {"id": FILE}, "channel_id": PLACE, **AT},
    "link_shared": {
        "user": USER, "channel": PLACE, "message_ts": TS, "links": [{"domain": str, "url": URL}], "unfurl_id": str,
        "source": "conversations_history", "is_bot_user_member": bool, "thread_ts?": TS, **AT,
    },
    "member_joined_channel": {**IN_OR_OUT, "inviter?": USER},
    "member_left_channel": IN_OR_OUT,
    "message": MESSAGE | WHERE,
    "message_metadata_posted": {
        "app_id": APP, "bot_id": BOT, "user_id": USER, "team_id": TEAM, "channel_id": PLACE, "message_ts": TS,
        "metadata": {"event_type": str, "event_payload": {"*": ANY}}, **AT,
    },
    "message/message_changed": {**HIDDEN, "subtype": "message_changed", "message": MESSAGE},
    "message/message_deleted": {**HIDDEN, "subtype": "message_deleted", "deleted_ts": TS},
    **{f"message/{subtype}": MESSAGE | WHERE | {"subtype": subtype} for subtype in SAID_IN_A_CHANNEL},
    "pin_added": PINNED,
    "pin_removed": {**PINNED, "has_pins": bool},
    "reaction_added": REACTED,
    "reaction_removed": REACTED,
    "subteam_created": SUBTEAM,
    "subteam_updated": SUBTEAM,
    "subteam_members_changed": {
        "subteam_id": ident("S"), "team_id": TEAM, "date_previous_update": EPOCH, "date_update": EPOCH,
        "added_users": [USER], "added_users_count": int, "removed_users": [USER], "removed_users_count": int, **AT,
    },
    "team_join": TOLD_OF_A_PERSON,
    "tokens_revoked": {"tokens": {"oauth": [USER], "bot": [USER]}},
    "user_change": TOLD_OF_A_PERSON,
}  # fmt: skip


def wrapped(name: str) -> Shape:
    """The event of that name as it is sent."""
    event = {"type": name.partition("/")[0], **EVENTS[name]}
    authorization = {
        "enterprise_id": None, "team_id": TEAM, "user_id": USER, "is_bot": True, "is_enterprise_install": False,
    }  # fmt: skip
    return {
        "token": str, "team_id": TEAM, "context_team_id": TEAM, "context_enterprise_id": None, "api_app_id": APP,
        "event": event, "type": "event_callback", "event_id": re.compile(r"Ev\w+"), "event_time": EPOCH,
        "authorizations": [authorization], "is_ext_shared_channel": bool, "event_context": str,
    }  # fmt: skip


APP_RATE_LIMITED = {
    "token": str, "type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": EPOCH, "api_app_id": APP,
}  # fmt: skip

# --- interactions -------------------------------------------------------------------------------------------------

TRIGGER = re.compile(r"\d+\.\d+\.[0-9a-f]+")
HOOK = re.compile(r"https?://\S+/(commands|actions|app)/\S+")
WHO = {"id": USER, "username": str, "name": str, "team_id": TEAM}
COMMON: dict[str, Shape] = {
    "user": WHO, "api_app_id": APP, "token": str, "team": {"id": TEAM, "domain": str}, "enterprise": None,
    "is_enterprise_install": False,
}  # fmt: skip
IN_PLACE = {"id": PLACE, "name": str}
IN_VIEW = {"container": {"type": "view", "view_id": VIEW}, "view": A_VIEW}
IN_MESSAGE = {
    "container": {
        "type": ("message", "message_attachment"), "message_ts": TS, "channel_id": PLACE, "is_ephemeral": bool,
        "thread_ts?": TS, "attachment_id?": int, "is_app_unfurl?": bool,
    },
    "channel": IN_PLACE, "message?": MESSAGE,
}  # fmt: skip
PRESSED = {"type": str, "block_id": str, "action_id": str, "action_ts": TS, "*": ANY}
ACTED = {**COMMON, "type": "block_actions", "trigger_id": TRIGGER, "actions": [PRESSED]}
SHORTCUT = {key: one for key, one in COMMON.items() if key != "api_app_id"} | {
    "callback_id": str, "trigger_id": TRIGGER, "action_ts": TS,
}  # fmt: skip
ASKED = {**COMMON, "type": "block_suggestion", "action_id": str, "block_id": str, "value": str}

INTERACTIONS: dict[str, Shape] = {
    "command": {
        "token": str, "team_id": TEAM, "team_domain": str, "channel_id": PLACE, "channel_name": str, "user_id": USER,
        "user_name": str, "command": re.compile(r"/\S+"), "text": str, "api_app_id": APP,
        "is_enterprise_install": "false", "response_url": HOOK, "trigger_id": TRIGGER,
    },
    "block_actions/message": {**ACTED, **IN_MESSAGE, "response_url": HOOK, "state": {"values": VALUES}},
    "block_actions/view": {**ACTED, **IN_VIEW},
    "block_suggestion/message": {**ASKED, **IN_MESSAGE},
    "block_suggestion/view": {**ASKED, **IN_VIEW},
    "view_submission": {
        **COMMON, "type": "view_submission", "trigger_id": TRIGGER, "view": A_VIEW,
        "response_urls": [{"block_id": str, "action_id": str, "channel_id": PLACE, "response_url": HOOK}],
    },
    "view_closed": {**COMMON, "type": "view_closed", "view": A_VIEW, "is_cleared": bool},
    "shortcut": {**SHORTCUT, "type": "shortcut", "user": {"id": USER, "username": str, "team_id": TEAM}},
    "message_action": {
        **SHORTCUT, "type": "message_action", "user": {"id": USER, "name": str, "team_id": TEAM}, "channel": IN_PLACE,
        "message_ts": TS, "message": MESSAGE, "response_url": HOOK,
    },
}  # fmt: skip

OPTION = {"text": PLAIN, "value": str, "description?": PLAIN, "url?": str}
RICH = {"type": "rich_text", "elements": [{"type": str, "elements": [ANY], "*": ANY}], "block_id?": str}
HELD: dict[str, Shape] = {
    **{f"{kind}_input": {"value": maybe(str)} for kind in ("plain_text", "email_text", "url_text", "number")},
    **{kind: {"selected_option": maybe(OPTION)} for kind in ("static_select", "external_select", "radio_buttons")},
    **{kind: {"selected_options": [OPTION]} for kind in ("multi_static_select", "multi_external_select", "checkboxes")},
    "users_select": {"selected_user": maybe(USER)},
    "multi_users_select": {"selected_users": [USER]},
    "channels_select": {"selected_channel": maybe(CHANNEL)},
    "multi_channels_select": {"selected_channels": [CHANNEL]},
    "conversations_select": {"selected_conversation": maybe(PLACE)},
    "multi_conversations_select": {"selected_conversations": [PLACE]},
    "datepicker": {"selected_date": maybe(re.compile(r"\d{4}-\d\d-\d\d"))},
    "timepicker": {"selected_time": maybe(re.compile(r"\d\d:\d\d"))},
    "datetimepicker": {"selected_date_time": maybe(int)},
    "rich_text_input": {"rich_text_value": maybe(RICH)},
    "file_input": {"files": [A_FILE]},
}
"""By element, what `state.values` has of it beside its type."""
FIRST = ("initial_option", "initial_options", "initial_date", "initial_time", "min_query_length")
PARTS = {"placeholder?": PLAIN, "confirm?": ANY, **{f"{key}?": ANY for key in FIRST}}
ACTIONS: dict[str, Shape] = {
    **{kind: held | PARTS for kind, held in HELD.items()},
    "button": {"text": PLAIN, "value?": str, "url?": str, "style?": ("primary", "danger"), "confirm?": ANY},
    "overflow": {"selected_option": OPTION, "confirm?": ANY},
    "feedback_buttons": {"text": PLAIN, "value": str},
    "icon_button": {"text": PLAIN, "icon": "trash", "value?": str},
}  # fmt: skip
"""By element, what `actions` has of it beside its type, its ids and its time."""

# --- Socket Mode --------------------------------------------------------------------------------------------------

HOST = {"host": str}
HELLO = {
    "type": "hello", "num_connections": int, "connection_info": {"app_id": APP},
    "debug_info": {"host": str, "build_number": int, "approximate_connection_time": int},
}  # fmt: skip
GOODBYE = {
    "type": "disconnect", "reason": ("warning", "refresh_requested", "link_disabled"), "debug_info": HOST,
}  # fmt: skip
TOO_MANY = {
    "type": "disconnect", "reason": "too_many_websockets", "debug_info": HOST, "num_connections": int,
    "connection_info": {"app_id": APP},
}  # fmt: skip
ENVELOPE = {
    "envelope_id": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "payload": {"*": ANY},
    "type": ("slash_commands", "interactive", "events_api"), "accepts_response_payload": bool,
    "retry_attempt?": int, "retry_reason?": str,
}  # fmt: skip
