"""chat.unfurl: previews under the links of a person's message."""

from __future__ import annotations

from .. import posting
from ..limits import check_message_blocks, normalize_blocks
from ..posting import Content
from ..state import Message
from ..wire import JsonObject, SlackError
from .call import Call, Method


def _message(call: Call) -> Message:
    if call.text("unfurl_id"):
        if call.text("source") not in ("conversations_history", "composer"):
            raise SlackError("invalid_source" if call.text("source") else "missing_source")
        channel_id, _, stamp = call.text("unfurl_id").partition("-")
    else:
        channel_id, stamp = call.text("channel"), call.text("ts")
        if not channel_id:
            raise SlackError("missing_channel")
        if not stamp:
            raise SlackError("missing_ts")
    channel = call.core.state.channels.get(channel_id)
    if channel is None or call.bot not in channel.members:
        raise SlackError("cannot_find_channel")
    message = call.core.state.message(channel.id, stamp)
    if message is None:
        raise SlackError("cannot_find_message")
    return message


def unfurl(call: Call) -> JsonObject:
    message, unfurls = _message(call), call.value("unfurls")
    if not unfurls:
        raise SlackError("missing_unfurls")
    if not isinstance(unfurls, dict):
        raise SlackError("invalid_unfurls_format")
    mine = [part for part in message.attachments if part.get("app_unfurl_url")]
    for url, given in unfurls.items():
        if not posting.unfurlable(call.app, url) or url not in message.text.replace("&amp;", "&"):
            raise SlackError("cannot_unfurl_url")
        if not isinstance(given, dict):
            raise SlackError("cannot_parse_attachment")
        part = {key: value for key, value in given.items() if key != "blocks"}
        if given.get("blocks"):
            part["blocks"] = normalize_blocks(check_message_blocks(given["blocks"], call.core.switches))
        part |= {"from_url": url, "app_unfurl_url": url, "is_app_unfurl": True, "app_id": call.app.id}
        mine = [one for one in mine if one["app_unfurl_url"] != url] + [part]
    others = [part for part in message.attachments if not part.get("app_unfurl_url")]
    shown = [
        {"fallback": "[no preview available]", **part, "id": number} for number, part in enumerate(others + mine, 1)
    ]
    posting.update(call.core, message, Content(attachments=shown), "")
    return {}


METHODS = (Method("chat.unfurl", unfurl, "3", ("links:write",)),)
