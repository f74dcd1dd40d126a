"""The Events API: which app hears of what, the wrapper around an event, and the retries when it is not acked."""

from __future__ import annotations

from ..core import Core
from ..state import Channel, InstalledApp, Message, Person
from ..wire import JsonObject
from .transport import Ack, Delivery

HTTP_RETRIES = (0.0, 60.0, 300.0)
SOCKET_RETRIES = (1.0, 60.0, 300.0)
_MESSAGE_SCOPES = {
    "channel": "channels:history",
    "group": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
_SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}


def emit(core: Core, event: JsonObject, *, channel: Channel | None = None, only: str = "") -> None:
    """Deliver an event to every app subscribed to its type (or to the app `only`)."""
    for app in core.state.apps.values():
        if only and app.id != only:
            continue
        if not app.revoked and event["type"] in app.spec.manifest.settings.event_subscriptions.bot_events:
            core.spawn(_deliver(core, app, event, channel))


def emit_message(core: Core, event: JsonObject, channel: Channel) -> None:
    """Deliver a `message` event to the apps that are in the channel and may read it."""
    for app in core.state.apps.values():
        wanted = _SUBSCRIPTIONS[channel.kind] in app.spec.manifest.settings.event_subscriptions.bot_events
        allowed = _MESSAGE_SCOPES[channel.kind] in app.scopes
        if wanted and allowed and not app.revoked and app.spec.bot_user_id in channel.members:
            core.spawn(_deliver(core, app, event, channel))


def message_event(channel: Channel, message: Message, body: JsonObject) -> JsonObject:
    """The `message` event of a new message, whose object is `body`."""
    return {**body, "channel": channel.id, "event_ts": message.ts, "channel_type": channel.event_type}


def emit_mention(core: Core, channel: Channel, message: Message, body: JsonObject) -> None:
    """Deliver `app_mention` to the apps a message names, where their bot is in the channel."""
    if channel.kind == "im":
        return
    for app in core.state.apps.values():
        named = f"<@{app.spec.bot_user_id}>" in message.text or f"<@{app.spec.bot_user_id}|" in message.text
        if named and app.spec.bot_user_id in channel.members and "app_mentions:read" in app.scopes:
            event = {**body, "type": "app_mention", "channel": channel.id, "event_ts": message.ts}
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


async def _deliver(core: Core, app: InstalledApp, event: JsonObject, channel: Channel | None) -> None:
    """The first try and at most three more, each with its number and the reason of the failure before."""
    payload = wrapper(core, app, event, channel)
    url = app.spec.manifest.settings.event_subscriptions.request_url
    waits = SOCKET_RETRIES if app.socket_mode else HTTP_RETRIES
    reason = ""
    for attempt in range(len(waits) + 1):
        if attempt:
            await core.clock.sleep(waits[attempt - 1])
        delivery = Delivery("events_api", payload, url, event["type"], False, attempt, reason)
        ack = await core.transport.deliver(app, delivery)
        if ack.ok or ack.no_retry:
            return
        reason = _reason(app, ack)


def _reason(app: InstalledApp, ack: Ack) -> str:
    if app.socket_mode:
        return "timeout"
    words = {"late": "http_timeout", "unreachable": "connection_failed", "refused": "http_error"}
    return words.get(ack.result, "unknown_error")


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


async def verify(core: Core, app: InstalledApp) -> bool:
    """Ask the events URL for its challenge, as Slack does when the URL is set. True when it answers rightly."""
    challenge = core.state.new_id("") * 3
    payload = {"token": app.spec.verification_token, "challenge": challenge, "type": "url_verification"}
    url = app.spec.manifest.settings.event_subscriptions.request_url
    ack = await core.transport.deliver(app, Delivery("events_api", payload, url, "url_verification"))
    said = (ack.payload or {}).get("challenge", ack.text)
    return ack.ok and str(said).removeprefix("challenge=").strip() == challenge
