"""A workspace as data: the team, its channels, people and user groups, and its apps with their Slack manifests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .switches import Switches

Role = Literal["member", "admin", "owner", "guest", "single_channel_guest", "outsider", "deactivated"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def stable_id(prefix: str, name: str) -> str:
    """A Slack-like id that is the same at every start: `prefix` and ten signs derived from `name`."""
    number = int.from_bytes(hashlib.sha256(f"{prefix}:{name}".encode()).digest()[:8], "big")
    signs = ""
    for _ in range(9):
        number, rest = divmod(number, len(_ALPHABET))
        signs += _ALPHABET[rest]
    return f"{prefix}0{signs}"


def stable_token(prefix: str, name: str) -> str:
    """A made-up token, the same at every start."""
    digest = hashlib.sha256(f"{prefix}:{name}".encode()).hexdigest()
    return f"{prefix}-local-{digest[:24]}"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ManifestPart(BaseModel):
    model_config = ConfigDict(extra="allow")


class TeamSpec(_Data):
    """`config_token` is what apps.manifest.* take."""

    name: str = "Northwind"
    domain: str = "northwind"
    id: str = ""
    email_domain: str = ""
    paid: bool = True
    config_token: str = ""

    @model_validator(mode="after")
    def _fill(self) -> TeamSpec:
        self.id = self.id or stable_id("T", self.domain)
        self.config_token = self.config_token or stable_token("xoxe.xoxp", self.domain)
        return self


class PersonSpec(_Data):
    """`name` is the handle. An outsider belongs to another organisation and is seen through a shared channel."""

    name: str
    real_name: str = ""
    display_name: str = ""
    email: str = ""
    title: str = ""
    tz: str = "UTC"
    role: Role = "member"
    id: str = ""
    team_id: str = ""

    @model_validator(mode="after")
    def _fill(self) -> PersonSpec:
        self.id = self.id or stable_id("U", self.name)
        self.real_name = self.real_name or self.name.capitalize()
        self.display_name = self.display_name or self.real_name
        if self.role == "outsider" and not self.team_id:
            self.team_id = stable_id("T", "another-organisation")
        return self


class ChannelSpec(_Data):
    """`members` are handles; None means everyone in the team but guests (a public channel's usual state)."""

    name: str
    private: bool = False
    members: list[str] | None = None
    app_member: bool = True
    topic: str = ""
    purpose: str = ""
    general: bool = False
    archived: bool = False
    id: str = ""

    @model_validator(mode="after")
    def _fill(self) -> ChannelSpec:
        self.id = self.id or stable_id("C", self.name)
        return self


class GroupSpec(_Data):
    handle: str
    name: str = ""
    members: list[str] = Field(default_factory=list)
    description: str = ""
    disabled: bool = False
    id: str = ""

    @model_validator(mode="after")
    def _fill(self) -> GroupSpec:
        self.id = self.id or stable_id("S", self.handle)
        self.name = self.name or self.handle
        return self


class SlashCommand(_ManifestPart):
    command: str = Field(min_length=2, max_length=32, pattern=r"^/[^\sA-Z]+$")
    url: str = ""
    description: str = Field(default="", max_length=2000)
    usage_hint: str = Field(default="", max_length=1000)
    should_escape: bool = False


class Shortcut(_ManifestPart):
    name: str
    callback_id: str = Field(max_length=255)
    description: str = Field(default="", max_length=150)
    type: Literal["global", "message"] = "global"


class _Display(_ManifestPart):
    name: str = Field(default="App", max_length=35)
    description: str = Field(default="", max_length=140)
    long_description: str | None = Field(default=None, min_length=174, max_length=4000)
    background_color: str = ""


class _BotUser(_ManifestPart):
    display_name: str = Field(default="", max_length=80)
    always_online: bool = False


class _AppHome(_ManifestPart):
    home_tab_enabled: bool = False
    messages_tab_enabled: bool = True
    messages_tab_read_only_enabled: bool = False


class _Features(_ManifestPart):
    bot_user: _BotUser = Field(default_factory=_BotUser)
    app_home: _AppHome = Field(default_factory=_AppHome)
    slash_commands: list[SlashCommand] = Field(default_factory=list, max_length=50)
    shortcuts: list[Shortcut] = Field(default_factory=list, max_length=10)
    unfurl_domains: list[str] = Field(default_factory=list, max_length=5)


class _Scopes(_ManifestPart):
    bot: list[str] = Field(default_factory=list, max_length=255)
    user: list[str] = Field(default_factory=list, max_length=255)


class _OAuth(_ManifestPart):
    scopes: _Scopes = Field(default_factory=_Scopes)


class _Events(_ManifestPart):
    request_url: str = ""
    bot_events: list[str] = Field(default_factory=list, max_length=100)
    user_events: list[str] = Field(default_factory=list, max_length=100)
    metadata_subscriptions: list[dict[str, str]] = Field(default_factory=list)


class _Interactivity(_ManifestPart):
    is_enabled: bool = False
    request_url: str = ""
    message_menu_options_url: str = ""


class _Settings(_ManifestPart):
    event_subscriptions: _Events = Field(default_factory=_Events)
    interactivity: _Interactivity = Field(default_factory=_Interactivity)
    socket_mode_enabled: bool = False


class Manifest(_ManifestPart):
    """Slack's app manifest: what is read here is typed, the rest is kept as given."""

    display_information: _Display = Field(default_factory=_Display)
    features: _Features = Field(default_factory=_Features)
    oauth_config: _OAuth = Field(default_factory=_OAuth)
    settings: _Settings = Field(default_factory=_Settings)


def crowded(manifest: Manifest, switches: Switches) -> str:
    """What is wrong where an app has too many shortcuts of one kind; "" where it has not."""
    most = switches.shortcuts_of_a_kind
    for kind in ("global", "message"):
        if sum(one.type == kind for one in manifest.features.shortcuts) > most:
            return f"no more than {most} shortcuts of the type {kind} allowed"
    return ""


class AppSpec(_Data):
    """An installed app. `request_url`, when given, stands in place of every URL of the manifest."""

    manifest: Manifest = Field(default_factory=Manifest)
    request_url: str = ""
    app_id: str = ""
    bot_user_id: str = ""
    bot_id: str = ""
    bot_token: str = ""
    app_token: str = ""
    signing_secret: str = ""
    verification_token: str = ""

    @model_validator(mode="after")
    def _fill(self) -> AppSpec:
        name = self.name
        self.app_id = self.app_id or stable_id("A", name)
        self.bot_user_id = self.bot_user_id or stable_id("U", f"bot {name}")
        self.bot_id = self.bot_id or stable_id("B", name)
        self.bot_token = self.bot_token or stable_token("xoxb", name)
        self.app_token = self.app_token or stable_token("xapp", name)
        self.signing_secret = self.signing_secret or stable_token("sign", name)
        self.verification_token = self.verification_token or stable_token("verify", name)
        return self

    @property
    def name(self) -> str:
        """The app's display name."""
        return self.manifest.display_information.name

    @property
    def handle(self) -> str:
        """The bot user's name: lower case, as Slack writes it in `user`."""
        display = self.manifest.features.bot_user.display_name or self.name
        return "".join(sign for sign in display.lower() if sign.isalnum() or sign in "-_.") or "bot"

    @property
    def scopes(self) -> frozenset[str]:
        """The bot token's scopes."""
        return frozenset(self.manifest.oauth_config.scopes.bot)

    @property
    def socket_mode(self) -> bool:
        """Whether deliveries go over Socket Mode instead of HTTP."""
        return self.manifest.settings.socket_mode_enabled


class WorkspaceSpec(_Data):
    """Everything a workspace starts from."""

    team: TeamSpec = Field(default_factory=TeamSpec)
    people: list[PersonSpec] = Field(default_factory=list)
    channels: list[ChannelSpec] = Field(default_factory=list)
    groups: list[GroupSpec] = Field(default_factory=list)
    emoji: dict[str, str] = Field(default_factory=dict)
    apps: list[AppSpec] = Field(default_factory=list)
    switches: Switches = Field(default_factory=Switches)

    @model_validator(mode="after")
    def _uncrowded(self) -> WorkspaceSpec:
        for app in self.apps:
            if words := crowded(app.manifest, self.switches):
                raise ValueError(f"{app.name}: {words}")
        return self

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WorkspaceSpec:
        """Raises pydantic.ValidationError naming each wrong key."""
        return cls.model_validate(data)

    @classmethod
    def from_file(cls, path: str | Path) -> WorkspaceSpec:
        """A .json or .yaml file; an app's `manifest` may be a path beside it. Raises OSError or ValidationError."""
        source = Path(path)
        data = load_file(source)
        for app in data.get("apps", []):
            if isinstance(app.get("manifest"), str):
                app["manifest"] = load_file(source.parent / app["manifest"])
        return cls.from_dict(data)


def load_file(path: Path) -> dict[str, Any]:
    """The mapping in a JSON or YAML file. Raises ValueError when it holds something else."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        data = json.loads(text)
    else:
        import yaml  # only for people who write YAML

        data = yaml.safe_load(text)
    if not isinstance(data, dict):
        raise ValueError(f"{path} must hold a mapping at its top, as Slack's manifest does")
    return data
