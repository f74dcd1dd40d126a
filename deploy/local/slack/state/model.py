"""The records of a workspace. They hold data only; each can be written as JSON and read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, get_args

from ..spec import AppSpec
from ..wire import JsonObject

SLACKBOT = "USLACKBOT"


@dataclass(slots=True)
class Person:
    """A person or a bot user. `guest` is "", "multi" or "single"; `bot_of` is the app id of a bot user."""

    TABLE: ClassVar[str] = "person"
    id: str
    team_id: str
    name: str
    real_name: str
    display_name: str
    email: str = ""
    title: str = ""
    tz: str = "UTC"
    admin: bool = False
    owner: bool = False
    guest: str = ""
    outsider: bool = False
    deactivated: bool = False
    bot_of: str = ""
    bot_id: str = ""
    updated: int = 0

    @property
    def key(self) -> str:
        return self.id

    @property
    def role(self) -> str:
        """One word for the label beside the name."""
        if self.bot_of or self.id == SLACKBOT:
            return "app"
        if self.deactivated:
            return "deactivated"
        if self.outsider:
            return "other organisation"
        if self.guest:
            return "guest" if self.guest == "multi" else "single-channel guest"
        return "owner" if self.owner else "admin" if self.admin else "member"


@dataclass(slots=True)
class Message:
    """A message in a channel. `ephemeral_for` names the only person who sees it, else "".

    `more` is what its subtype adds.
    """

    TABLE: ClassVar[str] = "message"
    ts: str
    channel: str
    user: str
    text: str = ""
    team: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    attachments: list[JsonObject] = field(default_factory=list)
    bot_id: str = ""
    app_id: str = ""
    subtype: str = ""
    thread_ts: str = ""
    parent_user: str = ""
    replies: list[str] = field(default_factory=list)
    edited: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    client_msg_id: str = ""
    username: str = ""
    icons: JsonObject = field(default_factory=dict)
    mrkdwn: bool = True
    ephemeral_for: str = ""
    streaming: bool = False
    more: JsonObject = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.channel}/{self.ts}/{self.ephemeral_for}"

    @property
    def is_reply(self) -> bool:
        return bool(self.thread_ts) and self.thread_ts != self.ts


@dataclass(slots=True)
class Channel:
    """A conversation. `kind` is channel, group (private), im or mpim; `user` is the person of an im."""

    TABLE: ClassVar[str] = "channel"
    id: str
    name: str
    kind: str
    created: int
    creator: str
    members: list[str] = field(default_factory=list)
    archived: bool = False
    general: bool = False
    topic: JsonObject = field(default_factory=lambda: {"value": "", "creator": "", "last_set": 0})
    purpose: JsonObject = field(default_factory=lambda: {"value": "", "creator": "", "last_set": 0})
    user: str = ""
    app_id: str = ""
    external_teams: list[str] = field(default_factory=list)
    pins: list[JsonObject] = field(default_factory=list)
    read: dict[str, str] = field(default_factory=dict)
    updated: int = 0
    previous_names: list[str] = field(default_factory=list)
    canvas: str = ""
    closed_for: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.id

    @property
    def command_name(self) -> str:
        """`channel_name` as deliveries carry it."""
        return {"im": "directmessage", "group": "privategroup"}.get(self.kind, self.name)

    @property
    def event_type(self) -> str:
        """`channel_type` as events carry it."""
        return self.kind


@dataclass(slots=True)
class Group:
    TABLE: ClassVar[str] = "group"
    id: str
    handle: str
    name: str
    description: str = ""
    members: list[str] = field(default_factory=list)
    creator: str = ""
    created: int = 0
    updated: int = 0
    disabled_at: int = 0
    channels: list[str] = field(default_factory=list)
    updated_by: str = ""

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class View:
    """A modal or an App Home. `values` is `state.values`; `notice` is the red line a failed submission leaves."""

    TABLE: ClassVar[str] = "view"
    id: str
    app_id: str
    person: str
    type: str
    blocks: list[JsonObject]
    hash: str
    callback_id: str = ""
    external_id: str = ""
    private_metadata: str = ""
    title: JsonObject | None = None
    submit: JsonObject | None = None
    close: JsonObject | None = None
    clear_on_close: bool = False
    notify_on_close: bool = False
    submit_disabled: bool = False
    root_id: str = ""
    previous_id: str = ""
    channel: str = ""
    values: dict[str, dict[str, JsonObject]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    lacking: bool = False  # the errors are the client's own: nothing was sent to the app
    notice: str = ""
    busy: bool = False

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class Trigger:
    TABLE: ClassVar[str] = "trigger"
    id: str
    app_id: str
    person: str
    created: float
    view_id: str = ""
    channel: str = ""
    used: bool = False

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class ResponseUrl:
    """A response_url. `origin` is the ts of the message `replace_original` changes, `origin_for` its only reader."""

    TABLE: ClassVar[str] = "response_url"
    path: str
    app_id: str
    person: str
    channel: str
    created: float
    origin: str = ""
    origin_for: str = ""
    uses: int = 0

    @property
    def key(self) -> str:
        return self.path


@dataclass(slots=True)
class FileRecord:
    """An uploaded file; `stage` is one of wanted, uploaded, complete, deleted. `kept` False: its bytes had to go."""

    TABLE: ClassVar[str] = "file"
    id: str
    name: str
    title: str
    user: str
    app_id: str
    size: int
    created: int
    mimetype: str
    filetype: str
    secret: str
    alt_text: str = ""
    stage: str = "wanted"
    kept: bool = True
    shares: dict[str, list[str]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class Scheduled:
    """A message to be posted at `post_at` (unix seconds); `args` are those of chat.scheduleMessage, and `files`."""

    TABLE: ClassVar[str] = "scheduled"
    id: str
    app_id: str
    channel: str
    post_at: float
    created: int
    args: JsonObject

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class Bookmark:
    TABLE: ClassVar[str] = "bookmark"
    id: str
    channel: str
    title: str
    type: str
    rank: str
    created: int
    updated: int
    by: str
    by_team: str
    app_id: str
    link: str = ""
    emoji: str = ""
    entity_id: str = ""

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class Canvas:
    """A canvas as its sections, each `{id, markdown}`; `access` maps a channel or user id to read, write or owner."""

    TABLE: ClassVar[str] = "canvas"
    id: str
    app_id: str
    title: str
    created: int
    sections: list[dict[str, str]] = field(default_factory=list)
    channel: str = ""
    access: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class Pending:
    """An event that its app has not acknowledged: what is sent, how often it was tried, when the next try is due."""

    TABLE: ClassVar[str] = "pending"
    id: str
    app_id: str
    payload: JsonObject
    attempt: int = 0
    due: float = 0.0
    reason: str = ""

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class AppChange:
    """What was changed in an app since it was installed; `spec` is the whole app where a manifest call made it."""

    TABLE: ClassVar[str] = "app"
    id: str
    spec: JsonObject = field(default_factory=dict)
    settings: JsonObject = field(default_factory=dict)
    deleted: bool = False

    @property
    def key(self) -> str:
        return self.id


@dataclass(slots=True)
class InstalledApp:
    """An app as installed: its spec plus what may change while the workspace runs.

    `events_off` is true once Slack switched its event subscriptions off.
    """

    spec: AppSpec
    team_id: str
    request_url: str
    socket_mode: bool
    scopes: frozenset[str]
    revoked: bool = False
    events_off: bool = False

    @property
    def id(self) -> str:
        return self.spec.app_id

    def url(self, configured: str) -> str:
        """Where a delivery goes: the app-wide request URL when set, else the manifest's own."""
        return self.request_url or configured


Record = (
    Person
    | Channel
    | Message
    | Group
    | View
    | Trigger
    | ResponseUrl
    | FileRecord
    | Scheduled
    | Bookmark
    | Canvas
    | Pending
    | AppChange
)
RECORDS = get_args(Record)
