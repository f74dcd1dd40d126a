"""Messages: reading what an app or a person wants to say, posting, changing and deleting, with the events of each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .core import Core
from .delivery import events
from .limits import (
    check_message_blocks,
    check_text,
    checked_attachment,
    checked_metadata,
    length,
    normalize_blocks,
    normalize_text,
)
from .render import message_object
from .state import Channel, FileRecord, InstalledApp, Message, Person
from .state.model import SLACKBOT
from .switches import Switches
from .wire import JsonObject, SlackError, as_text

ATTACHMENTS_MOST = 100
EPHEMERALS_KEPT = 500  # the newest of each person
_NAMES = ("username", "icon_emoji", "icon_url")
_WORDS = ("text", "markdown_text", "thread_ts", *_NAMES)


@dataclass(slots=True)
class Content:
    """What a message says. None means "not given", which an update keeps as it was."""

    text: str | None = None
    blocks: list[JsonObject] | None = None
    attachments: list[JsonObject] | None = None
    metadata: JsonObject | None = None
    thread_ts: str = ""
    broadcast: bool = False
    username: str = ""
    icons: JsonObject | None = None
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    mrkdwn: bool = True
    starts_empty: bool = False
    subtype: str = ""

    @property
    def every_block(self) -> list[JsonObject]:
        """Its blocks, those of its attachments too."""
        inner = [block for one in self.attachments or [] for block in one.get("blocks") or []]
        return [*(self.blocks or []), *inner]

    @property
    def empty(self) -> bool:
        return not (self.starts_empty or self.text or self.blocks or self.attachments or self.files)


def read_content(args: JsonObject, switches: Switches | None = None, *, text_most: int | None = None) -> Content:
    """Content from arguments or a response body. Raises SlackError as Slack would refuse it."""
    switches = switches or Switches()
    args = {key: as_text(value, key) if key in _WORDS and value is not None else value for key, value in args.items()}
    text, markdown = args.get("text"), args.get("markdown_text")
    if markdown is not None:
        if text or args.get("blocks"):
            raise SlackError("markdown_text_conflict")
        args = {**args, "blocks": [{"type": "markdown", "text": markdown}]}
        text = markdown
    warnings: list[str] = []
    if text is not None:
        if text_most is not None and length(text, switches) > text_most:
            raise SlackError("msg_too_long")
        text, warnings = check_text(text, switches)
        text = normalize_text(text, links=args.get("mrkdwn") is not False)
    attachments = args.get("attachments")
    if attachments is not None and not isinstance(attachments, list):
        raise SlackError("invalid_attachments")
    if attachments and len(attachments) > ATTACHMENTS_MOST:
        raise SlackError("too_many_attachments")
    blocks = None if args.get("blocks") is None else normalize_blocks(check_message_blocks(args["blocks"], switches))
    metadata = None if args.get("metadata") is None else checked_metadata(args["metadata"], switches)
    icons = {key: args[f"icon_{key}"] for key in ("emoji", "url") if args.get(f"icon_{key}")}
    return Content(
        text=text,
        blocks=blocks,
        attachments=_with_blocks(attachments, switches),
        metadata=metadata,
        thread_ts=args.get("thread_ts") or "",
        broadcast=args.get("reply_broadcast") is True,
        username=args.get("username") or "",
        icons=icons or None,
        warnings=tuple(warnings),
        mrkdwn=args.get("mrkdwn") is not False,
    )


def read_answer(body: JsonObject, switches: Switches) -> Content:
    """Content of an ack or for a response_url: there an app speaks under its own name alone. Raises SlackError."""
    return read_content({key: value for key, value in body.items() if key not in _NAMES}, switches)


def _with_blocks(attachments: list[Any] | None, switches: Switches) -> list[JsonObject] | None:
    if attachments is None:
        return None
    done: list[JsonObject] = []
    for index, attachment in enumerate(attachments):
        copy = {**checked_attachment(attachment), "id": index + 1}
        copy.setdefault("fallback", "[no preview available]")
        if attachment.get("blocks") is not None:
            blocks = check_message_blocks(attachment["blocks"], switches, at=f"/attachments/{index}")
            copy["blocks"] = normalize_blocks(blocks)
        done.append(copy)
    return done


def thread_root(core: Core, channel: Channel, ts: str) -> Message | None:
    """The first message of the thread `ts` names (its own ts, or that of a reply)."""
    message = core.state.message(channel.id, ts)
    if message and message.is_reply:
        return core.state.message(channel.id, message.thread_ts)
    return message


def post_as_app(core: Core, app: InstalledApp, channel: Channel, content: Content) -> Message:
    """Post for the app. Raises SlackError `no_text` or `message_not_found` (an unknown thread)."""
    if content.empty:
        raise SlackError("no_text")
    message = _new(core, channel.id, app.spec.bot_user_id, content)
    message.bot_id, message.app_id, message.team = app.spec.bot_id, app.id, app.team_id
    message.username, message.icons = content.username, content.icons or {}
    message.subtype = "bot_message" if content.username else content.subtype
    return _place(core, channel, message, content)


def unfurlable(app: InstalledApp, url: str) -> bool:
    """Whether the app may put a preview under this link."""
    host = (urlsplit(url).hostname or "").lower()
    domains = app.spec.manifest.features.unfurl_domains
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def post_as_person(core: Core, person: Person, channel: Channel, text: str, thread_ts: str = "") -> Message:
    """Post what a person typed; an app that is named hears of it."""
    content = Content(text=normalize_text(text), blocks=[_typed_block(text)], thread_ts=thread_ts)
    message = _new(core, channel.id, person.id, content)
    message.client_msg_id, message.team = str(uuid.uuid4()), person.team_id
    return _place(core, channel, message, content)


def edit_as_person(core: Core, message: Message, text: str, person: Person) -> None:
    """Change what a person said."""
    update(core, message, Content(text=normalize_text(text), blocks=[_typed_block(text)]), person.id)


def share_as_person(
    core: Core, person: Person, channel: Channel, file: FileRecord, text: str, thread_ts: str = ""
) -> Message:
    """Show a person's file in a channel."""
    content = Content(text=normalize_text(text), thread_ts=thread_ts, files=(file.id,), subtype="file_share")
    message = _new(core, channel.id, person.id, content)
    message.team, message.subtype = person.team_id, "file_share"
    shared(core, channel, [file], message.ts)
    return _place(core, channel, message, content)


def shared(core: Core, channel: Channel, files: list[FileRecord], ts: str) -> None:
    """Note that `files` are shown by the message `ts`, and tell the apps."""
    for file in files:
        file.shares.setdefault(channel.id, []).append(ts)
        core.state.save(file)
        event: JsonObject = {"type": "file_shared", "file_id": file.id, "user_id": file.user, "file": {"id": file.id}}
        event |= {"channel_id": channel.id, "event_ts": core.state.new_ts()}
        events.emit(core, event, channel=channel)


def _typed_block(text: str) -> JsonObject:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "typed", "elements": [section]}


def _new(core: Core, channel_id: str, user: str, content: Content) -> Message:
    return Message(
        ts=core.state.new_ts(),
        channel=channel_id,
        user=user,
        text=content.text if content.text is not None else fallback(content.blocks),
        blocks=content.blocks or [],
        attachments=content.attachments or [],
        metadata=content.metadata or {},
        files=list(content.files),
        mrkdwn=content.mrkdwn,
    )


def fallback(blocks: list[JsonObject] | None) -> str:
    """The text Slack shows in notifications for a message that came with blocks only."""
    return "This content can't be displayed." if blocks else ""


def _place(core: Core, channel: Channel, message: Message, content: Content) -> Message:
    state = core.state
    parent: Message | None = None
    if content.thread_ts:
        parent = thread_root(core, channel, content.thread_ts)
        if parent is None:
            raise SlackError(core.switches.unknown_thread)
        message.thread_ts, message.parent_user = parent.ts, parent.user
        if content.broadcast:
            message.subtype = "thread_broadcast"
    state.messages.setdefault(channel.id, {})[message.ts] = message
    state.changed("message", message, channel=channel.id, key=message.ts, new=True)
    if parent:
        parent.replies.append(message.ts)
        parent.thread_ts = parent.ts
        state.changed("message", parent, channel=channel.id, key=parent.ts)
    body = message_object(state, message, core.base_url)
    events.emit_posted(core, channel, message, body)
    return message


def system_message(
    core: Core, channel: Channel, person: Person, subtype: str, text: str, **more: JsonObject | str
) -> Message:
    """The line Slack itself leaves in a channel (somebody joined); `more` joins the message."""
    message = _new(core, channel.id, person.id, Content(text=text))
    message.subtype, message.team, message.more = subtype, person.team_id, more
    return _place(core, channel, message, Content())


def update(core: Core, message: Message, content: Content, editor: str) -> None:
    """Change a message in place; what `content` leaves out stays. Sends message_changed for visible messages.

    `editor` "" leaves no mark that it was edited.
    """
    state = core.state
    before = message_object(state, message, core.base_url)
    if content.text is not None:
        message.text = content.text
    elif content.blocks is not None and not message.text:
        message.text = fallback(content.blocks)
    if content.blocks is not None:
        message.blocks = content.blocks
    if content.attachments is not None:
        message.attachments = content.attachments
    if content.metadata is not None:
        message.metadata = content.metadata
    if message.ephemeral_for:
        state.changed("ephemeral", message, channel=message.channel, person=message.ephemeral_for, key=message.ts)
        return
    if editor:
        message.edited = {"user": editor, "ts": f"{state.seconds()}.000000"}
    state.changed("message", message, channel=message.channel, key=message.ts)
    channel = state.channels[message.channel]
    after = message_object(state, message, core.base_url)
    events.emit_message(core, _hidden(core, channel, "message_changed", before, message=after), channel)


def _hidden(core: Core, channel: Channel, subtype: str, before: JsonObject, **more: Any) -> JsonObject:
    ts = core.state.new_ts()
    return {
        "type": "message",
        "subtype": subtype,
        **more,
        "previous_message": before,
        "channel": channel.id,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.event_type,
    }


def delete(core: Core, message: Message) -> None:
    """Remove a message. The first message of a thread with replies stays as a tombstone, as in Slack."""
    state = core.state
    for key in [key for key in core.typed if key.startswith(f"{message.key}/")]:
        del core.typed[key]
    if message.ephemeral_for:
        state.ephemerals[message.ephemeral_for].pop(message.ts, None)
        state.forget(message)
        key, person = message.ts, message.ephemeral_for
        state.changed("ephemeral_deleted", None, channel=message.channel, person=person, key=key)
        return
    channel = state.channels[message.channel]
    before = message_object(state, message, core.base_url)
    if message.replies:
        message.text, message.blocks, message.attachments, message.files = "This message was deleted.", [], [], []
        message.subtype, message.user, message.metadata = "tombstone", SLACKBOT, {}
        message.bot_id = message.app_id = ""
        state.changed("message", message, channel=channel.id, key=message.ts)
    else:
        del state.messages[channel.id][message.ts]
        state.forget(message)
        _leave_thread(core, message)
        state.changed("message_deleted", None, channel=channel.id, key=message.ts)
    event = _hidden(core, channel, "message_deleted", before, deleted_ts=message.ts)
    events.emit_message(core, event, channel)


def _leave_thread(core: Core, message: Message) -> None:
    parent = core.state.message(message.channel, message.thread_ts) if message.is_reply else None
    if parent and message.ts in parent.replies:
        parent.replies.remove(message.ts)
        core.state.changed("message", parent, channel=parent.channel, key=parent.ts)


def post_ephemeral(core: Core, channel: Channel, person_id: str, content: Content, app: InstalledApp | None) -> Message:
    """Show a message to one person only; `app` None means Slackbot speaks. Raises SlackError `no_text`."""
    if content.empty:
        raise SlackError("no_text")
    message = _new(core, channel.id, app.spec.bot_user_id if app else SLACKBOT, content)
    message.ephemeral_for, message.team = person_id, core.state.team.id
    message.thread_ts = content.thread_ts
    if app:
        message.bot_id, message.app_id = app.spec.bot_id, app.id
    if content.thread_ts and not _active(core, channel, content.thread_ts):
        return message
    seen = core.state.ephemerals.setdefault(person_id, {})
    seen[message.ts] = message
    while len(seen) > EPHEMERALS_KEPT:
        delete(core, next(iter(seen.values())))
    core.state.changed("ephemeral", message, channel=channel.id, person=person_id, key=message.ts, new=True)
    return message


def _active(core: Core, channel: Channel, thread_ts: str) -> bool:
    """Whether a thread shows what is only for one person: Slack opens none for that."""
    root = thread_root(core, channel, thread_ts)
    return root is not None and (bool(root.replies) or core.switches.ephemeral_in_quiet_thread)


def slackbot_says(core: Core, channel: Channel, person_id: str, words: str) -> Message:
    """Slackbot's word to one person: why a command did not work."""
    return post_ephemeral(core, channel, person_id, Content(text=words), None)
