"""files.*: upload in three steps, look up; and the routes that take and give the bytes."""

from __future__ import annotations

import mimetypes
import secrets
from typing import Any

from aiohttp import web

from .. import posting, scheduling
from ..core import Core
from ..faults import cut, play
from ..limits import length
from ..render import file_object
from ..state import Channel, FileRecord, Message, Scheduled
from ..wire import JsonObject, SlackError, argument_error, as_text
from .call import Call, Method

SNIPPET_MOST = 1024 * 1024
FILE_MOST = 64 * 1024 * 1024
ALT_MOST = 1000


def get_upload_url(call: Call) -> JsonObject:
    name, size = call.text("filename"), call.number("length", 0)
    if size <= 0:
        raise argument_error("must be a positive number [json-pointer:/length]")
    if call.text("snippet_type") and size > SNIPPET_MOST:
        raise SlackError("snippet_too_large")
    if size > FILE_MOST:
        raise SlackError("file_upload_size_restricted")
    if length(call.text("alt_txt"), call.core.switches) > ALT_MOST:
        raise SlackError("alt_txt_too_large")
    file = new_file(call.core, name, size, call.bot, call.app.id)
    file.filetype, file.alt_text = call.text("snippet_type") or file.filetype, call.text("alt_txt")
    call.core.state.save(file)
    return {"upload_url": f"{call.core.base_url}/upload/v1/{file.secret}", "file_id": file.id}


def new_file(core: Core, name: str, size: int, owner: str, app: str = "") -> FileRecord:
    """A file whose bytes are still to come; `owner` is a person or a bot."""
    file = FileRecord(
        id=core.state.new_id("F"),
        name=name,
        title=name,
        user=owner,
        app_id=app,
        size=size,
        created=core.state.seconds(),
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
        filetype=name.rpartition(".")[2].lower() if "." in name else "text",
        secret=secrets.token_urlsafe(24),
    )
    core.state.files[file.id] = file
    core.state.save(file)
    return file


def keep(core: Core, file: FileRecord, content: bytes, stage: str) -> None:
    """The bytes of a file have come. Where there is no room for them, the oldest of other files go."""
    file.stage = stage
    core.state.save(file)
    for gone in core.state.contents.put(file.id, content):
        old = core.state.files[gone]
        old.kept = False
        core.state.save(old)
        for channel_id, message in _shown_by(core, old):
            core.state.changed("message", message, channel=channel_id, key=message.ts)


def _shown_by(core: Core, file: FileRecord) -> list[tuple[str, Message]]:
    """The messages that show a file, each with its channel."""
    found = [(channel, core.state.message(channel, ts)) for channel, stamps in file.shares.items() for ts in stamps]
    return [(channel, message) for channel, message in found if message]


def complete_upload(call: Call) -> JsonObject:
    wanted = call.value("files")
    if not isinstance(wanted, list) or not wanted:
        raise argument_error("must be an array [json-pointer:/files]")
    files = [_uploaded(call, item) for item in wanted]
    channels = [_channel(call, name) for name in _channels(call)]
    for file in files:
        file.stage = "complete"
        call.core.state.save(file)
    answer = {"files": [_completed(call, file, bool(channels)) for file in files]}
    for channel in channels:
        _share(call, channel, files)
    return answer


def _completed(call: Call, file: FileRecord, shared: bool) -> JsonObject:
    if not shared:
        return {"id": file.id, "title": file.title}
    return file_object(call.core.state, file, call.core.base_url)


def _uploaded(call: Call, item: Any) -> FileRecord:
    file = call.core.state.files.get(str(item.get("id"))) if isinstance(item, dict) else None
    if file is None or file.app_id != call.app.id:
        raise SlackError("file_not_found")
    if file.stage == "wanted":
        raise SlackError("file_update_failed")
    file.title = as_text(item.get("title") or file.name, "files/title")
    return file


def _channels(call: Call) -> list[str]:
    names = call.listing("channels") + ([call.text("channel_id")] if call.text("channel_id") else [])
    if len(names) > 100:
        raise SlackError("channels_limit_exceeded")
    return names


def _channel(call: Call, name: str) -> Channel:
    person = call.core.state.people.get(name)
    if person and not (person.deactivated or person.outsider):
        return call.core.state.im(person.id, call.app)
    channel = call.core.state.channels.get(name)
    if channel is None or (channel.kind != "channel" and call.bot not in channel.members):
        raise SlackError("channel_not_found")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _share(call: Call, channel: Channel, files: list[FileRecord]) -> None:
    """Let the files' message appear a little later, as Slack does: the answer knows nothing of it yet."""
    comment, thread = call.text("initial_comment"), call.text("thread_ts")
    args: JsonObject = {"text": comment} if comment else {"text": "", "blocks": call.value("blocks")}
    posting.read_content(args, call.core.switches)  # refused now, while somebody can be told
    if thread and posting.thread_root(call.core, channel, thread) is None:
        raise SlackError(call.core.switches.unknown_thread)
    state, now = call.core.state, call.core.clock.now()
    args |= {"thread_ts": thread, "files": [file.id for file in files]}
    due = now + call.core.switches.file_message_delay
    record = Scheduled(state.new_id("Q"), call.app.id, channel.id, due, int(now), args)
    state.scheduled[record.id] = record
    state.save(record)
    scheduling.arm(call.core, record)


def _file(call: Call) -> FileRecord:
    """A complete file that the bot may see. Raises SlackError file_not_found, file_deleted."""
    file = call.core.state.files.get(call.text("file"))
    if file is None or file.stage in ("wanted", "uploaded") or not _sees(call.core, call.bot, file):
        raise SlackError("file_not_found")
    if file.stage == "deleted":
        raise SlackError("file_deleted")
    return file


def _sees(core: Core, bot: str, file: FileRecord) -> bool:
    """Whether a bot may see a file: its own, or one that is shown in public or where it is."""
    if file.user == bot:
        return True
    channels = [core.state.channels[channel_id] for channel_id in file.shares]
    return any(channel.kind == "channel" or bot in channel.members for channel in channels)


def info(call: Call) -> JsonObject:
    file = _file(call)
    return {
        "file": file_object(call.core.state, file, call.core.base_url),
        "comments": [],
        "response_metadata": {"next_cursor": ""},
    }


def list_files(call: Call) -> JsonObject:
    count, page = call.number("count", 100), call.number("page", 1)
    oldest, latest = call.number("ts_from", 0), call.number("ts_to", 2**53)
    channel, user = call.text("channel"), call.text("user")
    if count < 1 or page < 1:
        raise argument_error(f"must be a positive number [json-pointer:/{'count' if count < 1 else 'page'}]")
    if user and user not in call.core.state.people:
        raise SlackError("user_not_found")
    found = [
        file
        for file in reversed(call.core.state.files.values())
        if file.stage == "complete"
        and _sees(call.core, call.bot, file)
        and channel in ("", *file.shares)
        and user in ("", file.user)
        and oldest <= file.created <= latest
    ]
    pages = max(1, -(-len(found) // count))
    part = found[(page - 1) * count : page * count]
    return {
        "files": [file_object(call.core.state, file, call.core.base_url) for file in part],
        "paging": {"count": count, "total": len(found), "page": page, "pages": pages},
    }


def delete(call: Call) -> JsonObject:
    file = _file(call)
    if file.app_id != call.app.id:
        raise SlackError("cant_delete_file")
    file.stage = "deleted"
    state = call.core.state
    state.contents.drop(file.id)
    state.save(file)
    for channel_id, message in _shown_by(call.core, file):
        if message.text or message.blocks:
            state.changed("message", message, channel=channel_id, key=message.ts)
        else:
            posting.delete(call.core, message)
    return {}


def retired(call: Call) -> JsonObject:
    raise SlackError("method_deprecated")


class FileDoor:
    """POST /upload/v1/<secret> takes the bytes; GET /files-pri/… gives them to a token with files:read."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def take(self, request: web.Request) -> web.Response:
        """The second step of an upload."""
        secret = request.match_info["secret"]
        file = next((file for file in self._core.state.files.values() if file.secret == secret), None)
        if file is None or file.stage in ("complete", "deleted"):
            return web.Response(status=404, text="this upload address is unknown or used")
        fault = self._core.faults.method("upload", hooks=True)
        try:
            if fault:
                await play(self._core, fault, request)
        except SlackError as refusal:
            return web.Response(status=max(refusal.status, 400), headers=refusal.headers, text=refusal.code)
        content = await _bytes(request)
        if len(content) != file.size:
            return web.Response(status=400, text=f"expected {file.size} bytes, got {len(content)}")
        keep(self._core, file, content, "uploaded")
        if fault and fault.kind == "lost":
            return cut(request)
        return web.Response(text=f"OK - {len(content)}")

    async def give(self, request: web.Request) -> web.Response:
        """Download by an app's token, or by a person's page of this workspace."""
        file = self._core.state.files.get(request.match_info["file"])
        if file is None or file.stage == "deleted" or not self._may_read(request, file):
            return web.Response(status=404, text="no such file")
        content = self._core.state.contents.get(file.id)
        if content is None:
            return web.Response(status=410, text="the bytes of this file are no longer kept")
        headers = {"Content-Disposition": "attachment" if request.query.get("download") else "inline"}
        headers |= {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=content, content_type=file.mimetype, headers=headers)

    def _may_read(self, request: web.Request, file: FileRecord) -> bool:
        header = request.headers.get("Authorization", "")
        found = self._core.state.app_of_token(header.removeprefix("Bearer ").strip()) if header else None
        if found:
            app, kind = found
            return kind == "bot" and "files:read" in app.scopes and _sees(self._core, app.spec.bot_user_id, file)
        viewer = request.query.get("as", "")
        if viewer == file.user:
            return True
        channels = [self._core.state.channels[channel_id] for channel_id in file.shares]
        return any(viewer in channel.members for channel in channels)


async def _bytes(request: web.Request) -> bytes:
    if request.content_type == "multipart/form-data":
        form = await request.post()
        for part in form.values():
            if isinstance(part, web.FileField):
                return part.file.read()
    return await request.read()


READ, WRITE = ("files:read",), ("files:write",)
METHODS = (
    Method(
        "files.getUploadURLExternal",
        get_upload_url,
        "4",
        WRITE,
        ("filename", "length"),
        json=False,
        lacks="missing_argument",
    ),
    Method("files.completeUploadExternal", complete_upload, "4", WRITE, ("files",)),
    Method("files.info", info, "4", READ, ("file",), json=False),
    Method("files.list", list_files, "3", READ, json=False),
    Method("files.delete", delete, "3", WRITE, ("file",)),
    Method("files.upload", retired, "2", WRITE),
)
