"""chat.startStream, appendStream and stopStream: a message that grows while it is written; and assistant.threads.*."""

from __future__ import annotations

from typing import Any

from .. import posting
from ..limits import length
from ..limits.blocks import MARKDOWN_MOST
from ..posting import Content, read_content
from ..render import message_object
from ..state import Channel, Message
from ..wire import JsonObject, SlackError
from .call import Call, Method
from .chat import target

STATUS_MOST, PROMPTS_MOST = 200, 4


def start(call: Call) -> JsonObject:
    channel = target(call)
    if channel.kind != "im":
        for key in ("recipient_team_id", "recipient_user_id"):
            if not call.text(key):
                raise SlackError(f"missing_{key}")
        if call.text("recipient_user_id") not in call.core.state.people:
            raise SlackError("user_not_found")
    blocks = _grown([], call)
    content = Content(text=_text(blocks), blocks=blocks, thread_ts=call.text("thread_ts"))
    content.starts_empty = True
    message = posting.post_as_app(call.core, call.app, channel, content)
    message.streaming = True
    call.core.state.save(message)
    return {"channel": channel.id, "ts": message.ts}


def _text(blocks: list[JsonObject]) -> str:
    return "".join(str(block["text"]) for block in blocks if block["type"] == "markdown")


def _grown(blocks: list[JsonObject], call: Call) -> list[JsonObject]:
    """The blocks after what this call adds: markdown_text, or chunks. Raises SlackError."""
    markdown, chunks = call.text("markdown_text"), call.value("chunks")
    if chunks is not None and not isinstance(chunks, list):
        raise SlackError("invalid_chunks")
    grown = [dict(block) for block in blocks]
    for chunk in [{"type": "markdown_text", "text": markdown}] if markdown else []:
        _add(grown, chunk)
    for chunk in chunks or []:
        _add(grown, chunk)
    if length(_text(grown), call.core.switches) > MARKDOWN_MOST:
        raise SlackError("msg_blocks_too_long")
    return grown


def _add(blocks: list[JsonObject], chunk: Any) -> None:
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    if kind == "markdown_text" and isinstance(chunk.get("text"), str):
        if blocks and blocks[-1]["type"] == "markdown":
            blocks[-1]["text"] += chunk["text"]
        else:
            blocks.append({"type": "markdown", "block_id": f"m{len(blocks)}", "text": chunk["text"]})
    elif kind == "task_update" and chunk.get("id"):
        card = {"type": "task_card", "task_id": str(chunk["id"]), "block_id": f"task-{chunk['id']}"}
        card |= {key: chunk[key] for key in ("title", "status", "details", "output", "sources") if key in chunk}
        same = [block for block in blocks if block.get("task_id") == card["task_id"]]
        same[0].update(card) if same else blocks.append(card)
    elif kind == "plan_update":
        blocks.append({"type": "plan", "block_id": f"p{len(blocks)}", "title": chunk.get("title", ""), "tasks": []})
    else:
        raise SlackError("invalid_chunks")


def _streaming(call: Call) -> tuple[Channel, Message]:
    channel = call.channel()
    message = call.message(channel)
    if message.app_id != call.app.id:
        raise SlackError("message_not_owned_by_app")
    if not message.streaming:
        raise SlackError("message_not_in_streaming_state")
    return channel, message


def append(call: Call) -> JsonObject:
    channel, message = _streaming(call)
    blocks = _grown(message.blocks, call)
    if blocks == message.blocks:
        raise SlackError("no_text")
    _show(call, message, blocks)
    return {"channel": channel.id, "ts": message.ts}


def _show(call: Call, message: Message, blocks: list[JsonObject]) -> None:
    message.blocks, message.text = blocks, _text(blocks)
    call.core.state.changed("message", message, channel=message.channel, key=message.ts)


def stop(call: Call) -> JsonObject:
    channel, message = _streaming(call)
    args = {key: value for key, value in call.contents().items() if key in ("blocks", "metadata")}
    last = read_content(args, call.core.switches)
    _show(call, message, _grown(message.blocks, call))
    message.streaming = False
    done = Content(text=message.text, blocks=[*message.blocks, *(last.blocks or [])], metadata=last.metadata)
    posting.update(call.core, message, done, call.bot)
    shown = message_object(call.core.state, message, call.core.base_url, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


# --- assistant threads -------------------------------------------------------------------------------------------


def _thread(call: Call) -> Channel:
    channel = call.channel("channel_id")
    if call.core.state.message(channel.id, call.text("thread_ts")) is None:
        raise SlackError("invalid_thread_ts")
    return channel


def set_status(call: Call) -> JsonObject:
    channel = _thread(call)
    call.core.state.changed("status", None, channel=channel.id, key=call.text("thread_ts"))
    return {}


def set_title(call: Call) -> JsonObject:
    _thread(call)
    return {}


def set_prompts(call: Call) -> JsonObject:
    if call.text("thread_ts"):
        _thread(call)
    else:
        call.channel("channel_id")
    prompts = call.value("prompts")
    good = isinstance(prompts, list) and 0 < len(prompts) <= PROMPTS_MOST
    if not good or not all(isinstance(one, dict) and one.get("title") and one.get("message") for one in prompts):
        raise SlackError("invalid_arguments")
    return {}


WRITE, ASSISTANT = ("chat:write",), ("assistant:write",)
METHODS = (
    Method("chat.startStream", start, "2", WRITE, ("channel",)),
    Method("chat.appendStream", append, "4", WRITE, ("channel", "ts")),
    Method("chat.stopStream", stop, "2", WRITE, ("channel", "ts")),
    Method("assistant.threads.setStatus", set_status, "special", WRITE, ("channel_id", "thread_ts")),
    Method("assistant.threads.setTitle", set_title, "4", ASSISTANT, ("channel_id", "thread_ts", "title")),
    Method("assistant.threads.setSuggestedPrompts", set_prompts, "4", ASSISTANT, ("channel_id", "prompts")),
)
