"""The Events API: which app hears of what, the wrapper around an event, and the retries when it is not acked."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from urllib.parse import urlsplit

from ..core import Core
from ..state import Channel, InstalledApp, Message, Pending, Person
from ..wire import JsonObject
from .quota import Quota
from .transport import Ack, Delivery

HTTP_RETRIES = (0.0, 60.0, 300.0)
SOCKET_RETRIES = (1.0, 60.0, 300.0)
MOMENT = 5.0
MESSAGE_SCOPES = {
    "channel": "channels:history",
    "group": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}
SCOPES = {
    "app_mention": ("app_mentions:read",),
    "channel_": ("channels:read",),
    "emoji_changed": ("emoji:read",),
    "file_": ("files:read",),
    "group_": ("groups:read",),
    "link_shared": ("links:read",),
    "member_": ("channels:read", "groups:read"),
    "message_metadata_posted": ("metadata.message:read",),
    "pin_": ("pins:read",),
    "reaction_": ("reactions:read",),
    "subteam_": ("usergroups:read",),
    "team_join": ("users:read",),
    "user_change": ("users:read",),
}
ONLY_MEMBERS = ("app_mention", "file_", "link_shared", "member_", "message_metadata_posted", "pin_", "reaction_")
_LINK = re.compile(r"<(https?://[^|>\s]+)")
CAUSED: ContextVar[list[asyncio.Task[None]] | None] = ContextVar("CAUSED", default=None)


def emit(core: Core, event: JsonObject, *, channel: Channel | None = None, only: str = "") -> None:
    """Deliver an event to every app (or to the app `only`) that subscribed to its type and may see it."""
    for app in list(core.state.apps.values()):
        if only in ("", app.id) and _hears(app, str(event["type"]), channel):
            _send(core, app, event, channel)


def _hears(app: InstalledApp, kind: str, channel: Channel | None) -> bool:
    if app.revoked or app.events_off:
        return False
    if kind not in app.spec.manifest.settings.event_subscriptions.bot_events:
        return False
    needed = next((scopes for prefix, scopes in SCOPES.items() if kind.startswith(prefix)), ())
    if kind.startswith("member_") and channel:
        needed = ("channels:read",) if channel.kind == "channel" else ("groups:read",)
    if needed and not app.scopes.intersection(needed):
        return False
    inside = channel is None or app.spec.bot_user_id in channel.members
    return inside or bool(channel and channel.kind == "channel" and not kind.startswith(ONLY_MEMBERS))


def emit_message(core: Core, event: JsonObject, channel: Channel) -> None:
    """Deliver a `message` event to the apps that are in the channel and may read it."""
    for app in list(core.state.apps.values()):
        wanted = SUBSCRIPTIONS[channel.kind] in app.spec.manifest.settings.event_subscriptions.bot_events
        allowed = MESSAGE_SCOPES[channel.kind] in app.scopes and not (app.revoked or app.events_off)
        if wanted and allowed and app.spec.bot_user_id in channel.members:
            _send(core, app, event, channel)


def emit_posted(core: Core, channel: Channel, message: Message, body: JsonObject) -> None:
    """Everything a new message, whose object is `body`, lets apps know."""
    where = {"channel": channel.id, "event_ts": message.ts}
    emit_message(core, {**body, **where, "channel_type": channel.event_type}, channel)
    for app in list(core.state.apps.values()):
        named = f"<@{app.spec.bot_user_id}>" in message.text or f"<@{app.spec.bot_user_id}|" in message.text
        if named and channel.kind != "im":
            mention = {**body, "type": "app_mention", **where}
            if app.spec.bot_user_id not in channel.members:
                core.uninvited[app.id, channel.id] = mention
            emit(core, mention, channel=channel, only=app.id)
        if message.app_id != app.id:
            _links(core, app, channel, message)
        if message.metadata:
            _metadata(core, app, channel, message)


def _links(core: Core, app: InstalledApp, channel: Channel, message: Message) -> None:
    domains = app.spec.manifest.features.unfurl_domains
    links = []
    for url in _LINK.findall(message.text.replace("&amp;", "&")) if domains else ():
        host = (urlsplit(url).hostname or "").lower()
        links += [{"domain": one, "url": url} for one in domains if host == one or host.endswith(f".{one}")][:1]
    if not links:
        return
    event: JsonObject = {
        "type": "link_shared",
        "user": message.user,
        "channel": channel.id,
        "message_ts": message.ts,
        "links": links,
        "source": "conversations_history",
        "unfurl_id": f"{channel.id}-{message.ts}",
        "is_bot_user_member": app.spec.bot_user_id in channel.members,
        "event_ts": core.state.new_ts(),
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    emit(core, event, channel=channel, only=app.id)


def _metadata(core: Core, app: InstalledApp, channel: Channel, message: Message) -> None:
    wanted = app.spec.manifest.settings.event_subscriptions.metadata_subscriptions
    for one in wanted:
        if one.get("event_type") == message.metadata["event_type"] and one.get("app_id") in (message.app_id, "*"):
            event: JsonObject = {
                "type": "message_metadata_posted",
                "app_id": message.app_id,
                "bot_id": message.bot_id,
                "user_id": message.user,
                "team_id": message.team,
                "channel_id": channel.id,
                "metadata": message.metadata,
                "message_ts": message.ts,
                "event_ts": core.state.new_ts(),
            }
            emit(core, event, channel=channel, only=app.id)


def wrapper(core: Core, app: InstalledApp, event: JsonObject, channel: Channel | None) -> JsonObject:
    """The event as it is sent."""
    return {
        "token": app.spec.verification_token,
        "team_id": app.team_id,
        "context_team_id": app.team_id,
        "context_enterprise_id": None,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": core.state.new_id("Ev"),
        "event_time": core.state.seconds(),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": app.team_id,
                "user_id": app.spec.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": bool(channel and channel.external_teams),
        "event_context": f"4-{core.state.new_id('')}",
    }


def _send(core: Core, app: InstalledApp, event: JsonObject, channel: Channel | None) -> None:
    """Begin to deliver. The event is kept until it is acknowledged or given up, also across a restart."""
    now, quota = core.clock.now(), core.quotas.setdefault(app.id, Quota())
    if not quota.take(now):
        if quota.tell(now):
            core.spawn(_too_many(core, app, int(now // 60) * 60))
        return
    payload = wrapper(core, app, event, channel)
    record = Pending(payload["event_id"], app.id, payload, due=now)
    core.state.pending[record.id] = record
    core.state.save(record)
    task = core.started(_deliver(core, app, record))
    caused = CAUSED.get()
    if caused is not None:
        caused.append(task)


def resume(core: Core) -> None:
    """Go on with what a file brought back, once the app, which may just be starting too, had a moment."""
    for record in list(core.state.pending.values()):
        app = core.state.apps.get(record.app_id)
        if app:
            record.due = max(record.due, core.clock.now() + MOMENT)
            core.spawn(_deliver(core, app, record))
        else:
            core.state.forget(core.state.pending.pop(record.id))


async def _too_many(core: Core, app: InstalledApp, minute: int) -> None:
    body: JsonObject = {"token": app.spec.verification_token, "type": "app_rate_limited", "team_id": app.team_id}
    body |= {"minute_rate_limited": minute, "api_app_id": app.id}
    url = app.spec.manifest.settings.event_subscriptions.request_url
    await core.transport.deliver(app, Delivery("events_api", body, url, "app_rate_limited", False))


async def _deliver(core: Core, app: InstalledApp, record: Pending) -> None:
    """The first try and at most three more, each with its number and the reason of the failure before."""
    url = app.spec.manifest.settings.event_subscriptions.request_url
    waits = SOCKET_RETRIES if app.socket_mode else HTTP_RETRIES
    name = str(record.payload["event"]["type"])
    while True:
        if record.due > core.clock.now():
            await core.clock.sleep_until(record.due)
        delivery = Delivery("events_api", record.payload, url, name, False, record.attempt, record.reason)
        ack = await core.transport.deliver(app, delivery)
        if not ack.ok and not app.socket_mode and core.quotas.setdefault(app.id, Quota()).failed(core.clock.now()):
            _switch_off(core, app)
        if ack.ok or ack.no_retry or app.events_off or record.attempt >= len(waits):
            core.state.pending.pop(record.id, None)
            core.state.forget(record)
            return
        record.due = core.clock.now() + waits[record.attempt]
        record.attempt, record.reason = record.attempt + 1, _reason(app, ack)
        core.state.save(record)
        core.keep()


def _switch_off(core: Core, app: InstalledApp) -> None:
    """Nearly everything failed for an hour: the app hears of nothing more until its owner says so."""
    app.events_off = True
    core.state.app_changed(app, events_off=True)
    core.log.add("delivery", "subscriptions_off", core.clock.now(), app.id, result="too_many_failures")


def _reason(app: InstalledApp, ack: Ack) -> str:
    if app.socket_mode:
        return "timeout"
    return "http_timeout" if ack.result == "late" else ack.reason or "unknown_error"


def joined(core: Core, channel: Channel, person: Person, inviter: str = "") -> None:
    """`member_joined_channel`."""
    event: JsonObject = {
        "type": "member_joined_channel",
        "user": person.id,
        "channel": channel.id,
        "channel_type": "C" if channel.kind == "channel" else "G",
        "team": person.team_id,
        "event_ts": core.state.new_ts(),
    }
    if inviter:
        event["inviter"] = inviter
    emit(core, event, channel=channel)


def brought_in(core: Core, channel: Channel, person: Person, *, invited: bool) -> None:
    """A mention that brought an app into a channel is told once the app is in."""
    mention = core.uninvited.pop((person.bot_of, channel.id), None)
    if mention and invited:
        emit(core, mention, channel=channel, only=person.bot_of)


async def verify(core: Core, app: InstalledApp) -> bool:
    """Ask the events URL for its challenge, as Slack does when the URL is set. True when it answers rightly."""
    challenge = core.state.new_id("") * 3
    payload = {"token": app.spec.verification_token, "challenge": challenge, "type": "url_verification"}
    url = app.spec.manifest.settings.event_subscriptions.request_url
    ack = await core.transport.deliver(app, Delivery("events_api", payload, url, "url_verification"))
    said = (ack.payload or {}).get("challenge", ack.text)
    return ack.ok and str(said).removeprefix("challenge=").strip() == challenge
