"""A message as the poster sends it, and the names it is written with."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationInfo, field_validator

from bot.model import Record
from bot.operation import Series
from bot.render.escape import one_line
from bot.render.fit import MESSAGE_BLOCKS, MESSAGE_JSON, fitted
from bot.render.fit import Block as Block

NAME = 80  # characters of a person's or a group's name
EVENT_TYPE = "tandem_run"


class File(Record):
    """A long text that goes up beside the message."""

    name: str
    text: str


class Message(Record):
    """One message. It is sent with mrkdwn=False, so that `text` is never formatted."""

    text: str
    kind: str  # "card" | "answer" | an event's kind | "several"
    run: int = 0
    blocks: tuple[Block, ...]
    from_seq: int = 0
    to_seq: int = 0
    file: File | None = None
    series: Series | None = None  # goes up beside the message as a picture; the blocks say the same in words
    pages: tuple[str, ...] = ()  # Slack ids of those mentioned who are told by a direct message as well
    page_text: str = ""  # what their lock screens show of it
    page_lines: tuple[Block, ...] = ()  # what it says, but for the way to the thread
    urgent: bool = False  # a question or an end: goes out before steps and progress

    @field_validator("blocks")
    @classmethod
    def _fit(cls, blocks: tuple[Block, ...], known: ValidationInfo) -> tuple[Block, ...]:
        """Whatever it holds, Slack takes it."""
        rest = "in Details" if known.data.get("run") else "left out here"
        return tuple(fitted(blocks, MESSAGE_BLOCKS, MESSAGE_JSON, rest))

    @property
    def content(self) -> dict[str, Any]:
        """What a call that posts or edits it takes."""
        return {"text": self.text, "blocks": list(self.blocks), "mrkdwn": False, "unfurl_links": False}

    @property
    def metadata(self) -> dict[str, Any]:
        """By this a message is found again after a crash between post and commit."""
        payload = {"run": self.run, "from_seq": self.from_seq, "to_seq": self.to_seq, "kind": self.kind}
        return {"event_type": EVENT_TYPE, "event_payload": payload}


class Group(Record):
    """Who may fill an approval's slot, those on call first."""

    title: str
    members: tuple[str, ...] = ()  # persons' keys
    mentions: tuple[str, ...] = ()  # Slack user ids to wake, those on call only where there is a rota


class Names(Record):
    """Persons' keys -> names, groups' keys -> groups. Whoever is not in it is shown by the key."""

    people: Mapping[str, str] = {}
    groups: Mapping[str, Group] = {}
    accounts: Mapping[str, tuple[str, ...]] = {}  # their Slack user ids
    on_call: frozenset[str] = frozenset()  # keys of those whose turn it is now
    quiet: frozenset[str] = frozenset()  # keys of those who are not to be called now
    links: Mapping[str, str] = {}  # runs' names -> where their threads stand
    joined: frozenset[str] = frozenset()  # Slack user ids of those whom their digest calls to decide

    def person(self, key: str | None) -> str:
        return one_line(self.people.get(key, key), NAME) if key else "a schedule"

    def group(self, key: str) -> Group:
        group = self.groups.get(key, Group(title=key))
        return group if len(group.title) <= NAME else group.model_copy(update={"title": one_line(group.title, NAME)})


NOBODY = Names()
