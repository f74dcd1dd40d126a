"""chat.scheduleMessage and its list: messages for later."""

from __future__ import annotations

from .. import scheduling
from ..posting import read_content
from ..render import bot_profile
from ..state import Channel, Scheduled
from ..wire import JsonObject, SlackError
from .call import Call, Method
from .chat import target

FARTHEST = 120 * 24 * 3600
WINDOW, WINDOW_MOST = 300, 30
_KEPT = ("text", "blocks", "attachments", "metadata", "thread_ts", "reply_broadcast", "mrkdwn", "markdown_text")


def schedule(call: Call) -> JsonObject:
    channel = target(call)
    post_at = call.number("post_at", 0)
    _check_time(call, channel, post_at)
    args = {key: value for key, value in call.contents().items() if key in _KEPT}
    content = read_content(args, call.core.switches, text_most=call.core.switches.other_text_most)
    call.may_embed(content.every_block)
    if content.empty:
        raise SlackError("no_text")
    state = call.core.state
    record = Scheduled(state.new_id("Q"), call.app.id, channel.id, post_at, state.seconds(), args)
    state.scheduled[record.id] = record
    state.save(record)
    scheduling.arm(call.core, record)
    spec = call.app.spec
    message: JsonObject = {
        "type": "delayed_message",
        "text": content.text or "",
        "bot_id": spec.bot_id,
        "user": spec.bot_user_id,
        "team": call.app.team_id,
        "bot_profile": bot_profile(spec, call.app.team_id, call.core.base_url),
    }
    if content.blocks:
        message["blocks"] = content.blocks
    return {"scheduled_message_id": record.id, "channel": channel.id, "post_at": post_at, "message": message}


def _check_time(call: Call, channel: Channel, post_at: int) -> None:
    now = call.core.clock.now()
    if post_at <= 0:
        raise SlackError("invalid_time")
    if post_at < now:
        raise SlackError("time_in_past")
    if post_at > now + FARTHEST:
        raise SlackError("time_too_far")
    near = [
        one
        for one in call.core.state.scheduled.values()
        if one.channel == channel.id and int(one.post_at) // WINDOW == post_at // WINDOW
    ]
    if len(near) >= WINDOW_MOST:
        raise SlackError("restricted_too_many")


def delete(call: Call) -> JsonObject:
    channel = call.channel()
    record = call.core.state.scheduled.get(call.text("scheduled_message_id"))
    if record is None or record.channel != channel.id or record.app_id != call.app.id:
        raise SlackError("invalid_scheduled_message_id")
    scheduling.cancel(call.core, record)
    return {}


def list_scheduled(call: Call) -> JsonObject:
    wanted = call.text("channel")
    if wanted and wanted not in call.core.state.channels:
        raise SlackError("invalid_channel")
    oldest, latest = call.number("oldest", 0), call.number("latest", 2**53)
    mine = [
        one
        for one in call.core.state.scheduled.values()
        if one.app_id == call.app.id
        and "files" not in one.args
        and wanted in ("", one.channel)
        and oldest <= one.post_at <= latest
    ]
    mine.sort(key=lambda one: one.post_at)
    part, cursor = call.page(mine, default=100)
    return {"scheduled_messages": [_row(one) for one in part], "response_metadata": {"next_cursor": cursor}}


def _row(one: Scheduled) -> JsonObject:
    text = str(one.args.get("text") or "")
    return {
        "id": one.id,
        "channel_id": one.channel,
        "post_at": int(one.post_at),
        "date_created": one.created,
        "text": text,
    }


WRITE = ("chat:write",)
METHODS = (
    Method("chat.scheduleMessage", schedule, "3", WRITE, ("channel", "post_at")),
    Method("chat.deleteScheduledMessage", delete, "3", WRITE, ("channel", "scheduled_message_id")),
    Method("chat.scheduledMessages.list", list_scheduled, "3"),
)
