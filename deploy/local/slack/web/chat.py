"""chat.*: post, update, delete, show to one person, permalink."""

from __future__ import annotations

from .. import posting
from ..limits.messages import UPDATE_TEXT_MOST
from ..posting import Content, read_content
from ..render import message_object
from ..state import Channel, Message
from ..wire import JsonObject, SlackError
from .call import Call, Method


def target(call: Call) -> Channel:
    """The conversation to post in; a user id opens the DM."""
    name = call.text("channel")
    state = call.core.state
    person = state.people.get(name)
    if person:
        if person.bot_of:
            raise SlackError("cannot_dm_bot")
        if person.deactivated or person.outsider:
            raise SlackError("channel_not_found")
        return _open_for_words(call, state.im(person.id, call.app))
    channel = _open_for_words(call, call.channel())
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot not in channel.members and "chat:write.public" not in call.app.scopes:
        raise SlackError("not_in_channel")
    return channel


def _open_for_words(call: Call, channel: Channel) -> Channel:
    """Raises `messages_tab_disabled` for the DM of an app whose manifest has no messages tab."""
    tab = call.app.spec.manifest.features.app_home.messages_tab_enabled
    if channel.app_id == call.app.id and not tab:
        raise SlackError("messages_tab_disabled")
    return channel


def _warned(body: JsonObject, content: Content) -> JsonObject:
    if content.warnings:
        body["warning"] = ",".join(content.warnings)
        body["response_metadata"] = {"warnings": list(content.warnings)}
    return body


def post_message(call: Call) -> JsonObject:
    channel = target(call)
    content = read_content(call.contents(), call.core.switches)
    call.may_embed(content.every_block)
    if content.username or content.icons:
        call.need_scope("chat:write.customize")
    message = posting.post_as_app(call.core, call.app, channel, content)
    shown = message_object(call.core.state, message, call.core.base_url, metadata=True)
    return _warned({"channel": channel.id, "ts": message.ts, "message": shown}, content)


def post_ephemeral(call: Call) -> JsonObject:
    channel = _open_for_words(call, call.channel())
    if channel.archived:
        raise SlackError("is_archived")
    person = call.core.state.people.get(call.text("user"))
    if person is None or person.deactivated or person.id not in channel.members:
        raise SlackError("user_not_in_channel")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    content = read_content(call.contents(), call.core.switches, text_most=call.core.switches.other_text_most)
    call.may_embed(content.every_block)
    message = posting.post_ephemeral(call.core, channel, person.id, content, call.app)
    return {"message_ts": message.ts}


def _own(call: Call, channel: Channel, refusal: str) -> Message:
    message = call.message(channel)
    if message.app_id != call.app.id:
        raise SlackError(refusal)
    return message


def update(call: Call) -> JsonObject:
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    if message.streaming:
        raise SlackError("streaming_state_conflict")
    content = read_content(call.contents(), call.core.switches, text_most=UPDATE_TEXT_MOST)
    if content.blocks is None and content.text is not None and not call.core.switches.text_only_update_keeps_blocks:
        content.blocks = []
    call.may_embed(content.every_block)
    if content.text is None and content.blocks is None and content.attachments is None:
        raise SlackError("no_text")
    if content.text == "" and content.blocks is None and not message.blocks:
        raise SlackError("no_text")
    posting.update(call.core, message, content, call.bot if call.core.switches.edits_of_apps_marked else "")
    shown = message_object(call.core.state, message, call.core.base_url, metadata=True, thread=False)
    for key in ("ts", "thread_ts", "parent_user_id", "reactions"):
        shown.pop(key, None)
    return _warned({"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}, content)


def me_message(call: Call) -> JsonObject:
    channel = call.channel()
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    content = read_content(
        {"text": call.text("text")}, call.core.switches, text_most=call.core.switches.other_text_most
    )
    content.subtype = "me_message"
    message = posting.post_as_app(call.core, call.app, channel, content)
    return {"channel": channel.id, "ts": message.ts}


def delete(call: Call) -> JsonObject:
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    posting.delete(call.core, message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> JsonObject:
    channel = call.channel()
    message = call.message(channel, "message_ts")
    return {"channel": channel.id, "permalink": permalink(call.core.state.team.domain, channel, message)}


def permalink(domain: str, channel: Channel, message: Message) -> str:
    """The address of a message."""
    link = f"https://{domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return f"{link}?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else link


WRITE = ("chat:write",)
METHODS = (
    Method("chat.postMessage", post_message, "special", WRITE, ("channel",)),
    Method("chat.postEphemeral", post_ephemeral, "4", WRITE, ("channel", "user")),
    Method("chat.update", update, "3", WRITE, ("channel", "ts")),
    Method("chat.meMessage", me_message, "3", WRITE, ("channel", "text")),
    Method("chat.delete", delete, "3", WRITE, ("channel", "ts")),
    Method("chat.getPermalink", get_permalink, "special", (), ("channel", "message_ts"), json=False),
)
