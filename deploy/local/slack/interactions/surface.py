"""Where a person acts: a message, a modal or the app's home; and finding an element on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core import Core
from ..limits.normalize import elements_of, nested
from ..render import message_object
from ..state import Channel, InstalledApp, Message, Person, View
from ..wire import JsonObject
from . import modals
from .values import KEYS, Values, shown_values


@dataclass(frozen=True, slots=True)
class Surface:
    """One of `message` (with its channel) or `view` is set."""

    app: InstalledApp
    person: Person
    message: Message | None = None
    channel: Channel | None = None
    view: View | None = None
    attachment: JsonObject | None = None

    def on(self, block: JsonObject) -> Surface:
        """The same, narrowed to the attachment that holds `block`, if one does."""
        for attachment in self.message.attachments if self.message else ():
            if block in nested(attachment.get("blocks") or []):
                return replace(self, attachment=attachment)
        return self

    @property
    def key(self) -> str:
        """What remembers typed values and offered options."""
        return self.view.id if self.view else f"{self.message.key if self.message else ''}/{self.person.id}"

    @property
    def blocks(self) -> list[JsonObject]:
        """Every block on it, those of attachments and inside other blocks too."""
        if self.view:
            return nested(self.view.blocks)
        if not self.message:
            return []
        inner = [block for attachment in self.message.attachments for block in attachment.get("blocks") or []]
        return nested([*self.message.blocks, *inner])

    def values(self, core: Core) -> Values:
        """What is typed on it so far."""
        return self.view.values if self.view else core.typed.setdefault(self.key, {})

    def place(self, core: Core) -> JsonObject:
        """`container` and the keys that say where, as payloads carry them."""
        if self.view:
            return {
                "container": {"type": "view", "view_id": self.view.id},
                "view": modals.shown(core, self.view),
            }
        if not (self.message and self.channel):
            return {}
        message, private = self.message, bool(self.message.ephemeral_for)
        container: JsonObject = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": self.channel.id,
            "is_ephemeral": private,
        }
        if self.attachment:
            container |= {"type": "message_attachment", "attachment_id": self.attachment["id"]}
            container["is_app_unfurl"] = bool(self.attachment.get("is_app_unfurl"))
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        unfurl = {"app_unfurl": dict(self.attachment)} if container.get("is_app_unfurl") and self.attachment else {}
        body: JsonObject = {
            "container": container,
            **unfurl,
            "channel": core.channel_part(self.channel),
            "state": {"values": shown_values(core, self.blocks, self.values(core))},
        }
        if not private or core.switches.message_in_ephemeral_actions:
            body["message"] = message_object(core.state, message, core.base_url, metadata=True)
        return body


def find_element(blocks: list[JsonObject], target: str, block_id: str = "") -> tuple[JsonObject, JsonObject] | None:
    """The (block, element) whose action_id, block_id, value or label is `target`, the first kind that fits."""
    pairs = [
        (block, element)
        for block in blocks
        for element in elements_of(block)
        if "action_id" in element and (not block_id or block.get("block_id") == block_id)
    ]
    tests = (
        lambda block, element: element.get("action_id") == target,
        lambda block, element: block.get("block_id") == target,
        lambda block, element: element.get("value") == target,
        lambda block, element: label(block, element) == target,
    )
    for test in tests:
        for block, element in pairs:
            if test(block, element):
                return block, element
    return None


def find_entry(blocks: list[JsonObject], target: str) -> tuple[JsonObject, JsonObject, str] | None:
    """The (block, overflow menu or feedback buttons, value) of the entry whose label or value is `target`."""
    for block in blocks:
        for element in elements_of(block):
            for one in entries(element):
                if target in (one["text"]["text"], one.get("value")):
                    return block, element, str(one.get("value", ""))
    return None


def entries(element: JsonObject) -> list[JsonObject]:
    """What can be pressed inside one element."""
    if element.get("type") == "feedback_buttons":
        return [element["positive_button"], element["negative_button"]]
    return list(element["options"]) if element.get("type") == "overflow" else []


def label(block: JsonObject, element: JsonObject) -> str:
    """What a person reads on an element."""
    if element.get("type") in ("button", "icon_button", "workflow_button"):
        return str(element["text"]["text"])
    if block.get("type") == "input":
        return str(block["label"]["text"])
    if entries(element):
        return ", ".join(str(one["text"]["text"]) for one in entries(element))
    return str((element.get("placeholder") or {}).get("text", ""))


def labels(blocks: list[JsonObject]) -> list[str]:
    """Every element a person could act on, for error texts."""
    return [
        str(label(block, element) or element["action_id"])
        for block in blocks
        for element in elements_of(block)
        if "action_id" in element
    ]


def is_stateful(element: JsonObject) -> bool:
    """Whether the element holds a value."""
    return element.get("type") in KEYS
