"""A small workspace with a real Bolt app beside it, over HTTP or Socket Mode: the independent client of these tests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from deploy.local.slack import (
    AppSpec,
    ChannelSpec,
    Clock,
    GroupSpec,
    Manifest,
    PersonSpec,
    SlackServer,
    Workspace,
    WorkspaceSpec,
)

SCOPES = [
    "commands",
    "chat:write",
    "app_mentions:read",
    "im:history",
    "im:write",
    "mpim:write",
    "channels:read",
    "groups:read",
    "im:read",
    "mpim:read",
    "channels:history",
    "groups:history",
    "mpim:history",
    "channels:join",
    "channels:manage",
    "groups:write",
    "users:read",
    "users:read.email",
    "usergroups:read",
    "files:write",
    "files:read",
    "reactions:write",
    "reactions:read",
    "pins:write",
    "pins:read",
    "team:read",
    "bookmarks:write",
    "bookmarks:read",
    "canvases:write",
    "canvases:read",
    "users.profile:read",
    "usergroups:write",
    "links:read",
    "links:write",
    "links.embed:write",
    "emoji:read",
    "assistant:write",
]
EVENTS = [
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "app_home_opened",
    "user_change",
    "subteam_members_changed",
    "member_joined_channel",
    "reaction_added",
    "channel_archive",
    "channel_created",
    "channel_rename",
    "pin_removed",
    "subteam_created",
    "subteam_updated",
    "link_shared",
]


def manifest(*, socket: bool = False, scopes: list[str] | None = None) -> Manifest:
    """Slack's app manifest of the test app."""
    return Manifest.model_validate(
        {
            "display_information": {"name": "Bench App"},
            "features": {
                "bot_user": {"display_name": "bench"},
                "app_home": {"home_tab_enabled": True},
                "unfurl_domains": ["runs.example"],
                "slash_commands": [
                    {"command": "/ops", "usage_hint": "<what>", "description": "Operate"},
                    {"command": "/escaped", "should_escape": True},
                ],
                "shortcuts": [
                    {"name": "New", "callback_id": "new", "type": "global"},
                    {"name": "Copy", "callback_id": "copy", "type": "message"},
                ],
            },
            "oauth_config": {"scopes": {"bot": SCOPES if scopes is None else scopes}},
            "settings": {
                "socket_mode_enabled": socket,
                "interactivity": {"is_enabled": True},
                "event_subscriptions": {"bot_events": EVENTS},
            },
        }
    )


def workspace_spec(*, socket: bool = False, scopes: list[str] | None = None) -> WorkspaceSpec:
    """People of every role, a public, a private, a shared and an archived channel, two user groups, one app."""
    return WorkspaceSpec(
        people=[
            PersonSpec(name="ada", real_name="Ada Moreau", role="admin", tz="Europe/Paris"),
            PersonSpec(name="bo", real_name="Bo Lind"),
            PersonSpec(name="gus", role="guest"),
            PersonSpec(name="ola", role="outsider"),
            PersonSpec(name="dee", role="deactivated"),
        ],
        channels=[
            ChannelSpec(name="ops", topic="Operations"),
            ChannelSpec(name="private", private=True, members=["ada", "bo"]),
            ChannelSpec(name="shared", members=["ada", "bo", "gus", "ola"]),
            ChannelSpec(name="hidden", private=True, members=["bo"], app_member=False),
            ChannelSpec(name="elsewhere", members=["bo"], app_member=False),
            ChannelSpec(name="old", archived=True),
        ],
        groups=[GroupSpec(handle="dba", members=["ada"]), GroupSpec(handle="gone", disabled=True)],
        apps=[AppSpec(manifest=manifest(socket=socket, scopes=scopes))],
    )


class Bench:
    """The workspace, its client `slack`, the SDK's client `api`, and the Bolt app `bolt`, if it is `connected`."""

    def __init__(
        self,
        *,
        socket: bool = False,
        limits: bool = False,
        file: Path | None = None,
        connected: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.connected = connected
        self.server = SlackServer(workspace_spec(socket=socket), limits=limits, file=file, clock=clock)
        self.socket = socket
        self.slack: Workspace
        self.api: AsyncWebClient
        self.bolt: AsyncApp
        self._runner: web.AppRunner | None = None
        self._handler: AsyncSocketModeHandler | None = None

    async def __aenter__(self) -> Bench:
        await self.server.start()
        spec = self.server.app()
        self.slack = self.server.workspace()
        self.api = AsyncWebClient(token=spec.bot_token, base_url=self.server.api_url)
        self.bolt = AsyncApp(client=self.api, signing_secret=spec.signing_secret)
        if not self.connected:
            return self
        if self.socket:
            self._handler = AsyncSocketModeHandler(self.bolt, spec.app_token)
            await self._handler.connect_async()
        else:
            self._runner = web.AppRunner(self.bolt.web_app("/slack/events"))
            self.server.set_request_url(await listen(self._runner) + "/slack/events")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._handler:
            await self._handler.close_async()
        if self._runner:
            await self._runner.cleanup()  # first: what it still works on may call the workspace
        await self.server.stop()

    def id(self, name: str) -> str:
        """The id of a person or a channel."""
        found = self.server.state.person(name) or self.server.state.channel(name)
        assert found is not None, name
        return found.id


async def listen(runner: web.AppRunner) -> str:
    """Start an aiohttp server on a free port; its URL."""
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


class Recorder:
    """An app that is a bare HTTP server: keeps every request, answers what it is told, or waits to be told."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], str]] = []
        self.answers: list[web.Response] = []
        self.arrived = asyncio.Condition()
        self.hold: asyncio.Event | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Recorder:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self.url = await listen(self._runner)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.hold:
            self.hold.set()
        if self._runner:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.text()
        async with self.arrived:
            self.requests.append(({key.lower(): value for key, value in request.headers.items()}, body))
            self.arrived.notify_all()
        if self.hold:
            await self.hold.wait()
        return self.answers.pop(0) if self.answers else web.Response()

    async def count(self, number: int) -> None:
        """Return once `number` requests have come."""
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= number)


class Seen(list[Any]):
    """What an app's listeners noted, with a way to wait for it: Bolt acks an event before its listener has run."""

    def __init__(self) -> None:
        super().__init__()
        self._grown = asyncio.Condition()

    async def note(self, item: Any) -> None:
        """Add one thing and wake who waits."""
        async with self._grown:
            self.append(item)
            self._grown.notify_all()

    async def until(self, number: int) -> None:
        """Return once there are `number` things."""
        async with asyncio.timeout(5), self._grown:
            await self._grown.wait_for(lambda: len(self) >= number)


def plain(text: str) -> dict[str, Any]:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def button(action_id: str, text: str, value: str = "1") -> dict[str, Any]:
    """A button element."""
    return {"type": "button", "action_id": action_id, "text": plain(text), "value": value}


def text_input(block_id: str, label: str, **more: Any) -> dict[str, Any]:
    """An input block with a plain text input whose action_id is `text`."""
    element = {"type": "plain_text_input", "action_id": "text", **more}
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element}


def modal(callback_id: str, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A modal with a submit button."""
    frame = {"type": "modal", "callback_id": callback_id, "title": plain("Title"), "submit": plain("Go")}
    return {**frame, "blocks": list(blocks), **more}
