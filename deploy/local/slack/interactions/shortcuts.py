"""Shortcuts, global and on a message; and opening the app's home."""

from __future__ import annotations

from ..core import Core
from ..delivery import events
from ..delivery.transport import Delivery
from ..render import message_object
from ..state import Channel, InstalledApp, Message, Person
from ..wire import JsonObject
from . import modals
from .actions import NOT_CONFIGURED
from .outcome import Outcome, blocked, of_ack


def find(core: Core, callback_id: str, kind: str) -> InstalledApp | None:
    """The app that offers the shortcut."""
    for app in core.state.apps.values():
        if "commands" not in app.scopes:
            continue
        for shortcut in app.spec.manifest.features.shortcuts:
            if shortcut.callback_id == callback_id and shortcut.type == kind and not app.revoked:
                return app
    return None


async def run(
    core: Core,
    app: InstalledApp,
    person: Person,
    callback_id: str,
    message: Message | None = None,
    channel: Channel | None = None,
) -> Outcome:
    """Run a global shortcut, or one on `message` of `channel`."""
    if not app.spec.manifest.settings.interactivity.is_enabled:
        return blocked(NOT_CONFIGURED)
    on_message = message is not None and channel is not None
    payload = core.interaction(app, "message_action" if on_message else "shortcut", person.id)
    trigger = core.trigger(app, person.id, channel=channel.id if channel else "")
    payload |= {"callback_id": callback_id, "trigger_id": trigger, "action_ts": f"{core.clock.now():.6f}"}
    del payload["api_app_id"]  # shortcuts alone come without it
    del payload["user"]["username" if on_message else "name"]
    response_url = ""
    if message is not None and channel is not None:
        record = core.response_url(app, "app", person.id, channel)
        response_url = f"{core.base_url}{record.path}"
        payload |= {
            "channel": core.channel_part(channel),
            "message_ts": message.ts,
            "message": message_object(core.state, message, core.base_url),
            "response_url": response_url,
        }
    url = app.spec.manifest.settings.interactivity.request_url
    ack = await core.transport.deliver(app, Delivery("interactive", payload, url, str(payload["type"]), False))
    words = "" if ack.ok else "This shortcut did not work: the app did not answer."
    return of_ack(ack, words, trigger_id=trigger, response_url=response_url)


def open_home(core: Core, app: InstalledApp, person: Person, tab: str = "home") -> Channel:
    """Open the app's home or messages tab; the app hears `app_home_opened`. The DM's channel."""
    channel = core.state.im(person.id, app)
    event: JsonObject = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel.id,
        "tab": tab,
        "event_ts": core.state.new_ts(),
    }
    view_id = core.state.homes.get((app.id, person.id))
    if tab == "home" and view_id:
        event["view"] = modals.shown(core, core.state.views[view_id])
    events.emit(core, event, channel=channel, only=app.id)
    return channel
