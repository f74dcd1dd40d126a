"""What nobody in the workspace does but a test or its owner: changing people, apps, time; planning faults."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

from .. import acts, posting
from ..delivery import events
from ..delivery.transport import Delivery
from ..faults import DeliveryFault, Fault, MethodFault
from ..spec import GroupSpec, PersonSpec
from ..state.seed import add_group, person_from
from ..switches import Switches
from ..web.methods import ALL
from ..wire import JsonObject
from .body import Ask, ControlError, Verb
from .show import person_row

_ROLES = {
    "member": (False, False, ""),
    "admin": (True, False, ""),
    "owner": (True, True, ""),
    "guest": (False, False, "multi"),
    "single_channel_guest": (False, False, "single"),
}


def set_person(ask: Ask) -> JsonObject:
    """Change or add a person: deactivated, role, real_name, display_name, email, title, tz."""
    state = ask.core.state
    name = ask.text("person")
    person, role = state.person(name), ask.value("role")
    if person is None:
        person = person_from(state, PersonSpec(name=name, role=role or "member"))
        state.people[person.id] = person
        acts.person_joined(ask.core, person)
    elif role in _ROLES:
        person.admin, person.owner, person.guest = _ROLES[role]
    elif role:
        raise ControlError(f"{role!r} is no role a person here can change to; there are: {', '.join(_ROLES)}")
    for key in ("real_name", "display_name", "email", "title", "tz", "name", "team_id"):
        if key in ask.body:
            setattr(person, key, ask.text(key))
    if "deactivated" in ask.body:
        person.deactivated = ask.flag("deactivated")
    acts.change_person(ask.core, person)
    return {"ok": True, "person": person_row(person)}


def set_group(ask: Ask) -> JsonObject:
    """Change or add a user group: members (handles), disabled."""
    state = ask.core.state
    group = state.group(ask.text("group")) or add_group(state, GroupSpec(handle=ask.text("group")))
    if "members" in ask.body:
        members = [Ask(ask.core, {"as": name}).person(active=False).id for name in ask.value("members")]
        acts.change_group(ask.core, group, members)
    if "disabled" in ask.body:
        group.disabled_at = state.seconds() if ask.flag("disabled") else 0
        acts.group_told(ask.core, group, "subteam_updated")
    return {"ok": True, "id": group.id, "members": group.members}


async def set_app(ask: Ask) -> JsonObject:
    """Change an installed app: request_url, socket_mode, scopes, revoked, events_off."""
    app = ask.app()
    if ask.flag("revoked") and not app.revoked:
        await acts.uninstall(ask.core, app)
    kept = {
        key: ask.value(key)
        for key in ("request_url", "socket_mode", "scopes", "revoked", "events_off")
        if key in ask.body
    }
    if "scopes" in kept:
        kept["scopes"] = sorted(str(scope) for scope in kept["scopes"])
    for key, value in kept.items():
        setattr(app, key, frozenset(value) if key == "scopes" else value)
    ask.core.state.app_changed(app, **kept)
    if not app.socket_mode or app.revoked:
        await ask.core.transport.sockets.disconnect(app.id, "link_disabled")
    return {"ok": True}


def apps(ask: Ask) -> JsonObject:
    """Every app with its tokens: this workspace is local and its tokens open nothing else."""
    found = [
        {
            "app_id": app.id,
            "name": app.spec.name,
            "team_id": app.team_id,
            "bot_token": app.spec.bot_token,
            "app_token": app.spec.app_token,
            "signing_secret": app.spec.signing_secret,
            "bot_user_id": app.spec.bot_user_id,
            "bot_id": app.spec.bot_id,
            "request_url": app.request_url,
            "socket_mode": app.socket_mode,
            "sockets": ask.core.transport.sockets.count(app.id),
        }
        for app in ask.core.state.apps.values()
    ]
    return {"ok": True, "apps": found, "config_token": ask.core.state.team.config_token}


def delete_message(ask: Ask) -> JsonObject:
    person = ask.person()
    posting.delete(ask.core, ask.message(person, ask.channel(person, member=False)))
    return {"ok": True}


def set_channel(ask: Ask) -> JsonObject:
    """Change or add a channel: archived, members (handles), app_member."""
    state = ask.core.state
    channel = state.channel(ask.text("channel"))
    actor = next(iter(state.people))
    if channel is None:
        name = ask.text("channel").removeprefix("#")
        channel = acts.create_channel(ask.core, name, actor, private=ask.flag("private"))
        channel.members.clear()
    if "archived" in ask.body:
        acts.archive(ask.core, channel, archived=ask.flag("archived"), actor=actor)
    if "members" in ask.body:
        wanted = [Ask(ask.core, {"as": name}).person(active=False) for name in ask.value("members")]
        bots = [one.id for one in state.people.values() if one.bot_of]
        for gone in [m for m in channel.members if m not in bots and m not in [w.id for w in wanted]]:
            acts.leave(ask.core, channel, state.people[gone])
        for person in wanted:
            acts.join(ask.core, channel, person)
    if "app_member" in ask.body:
        bot = state.people[ask.app().spec.bot_user_id]
        (acts.join if ask.flag("app_member") else acts.leave)(ask.core, channel, bot)
    return {"ok": True, "id": channel.id}


def move_clock(ask: Ask) -> JsonObject:
    ask.core.clock.advance(ask.number("seconds"))
    ask.core.state.changed("clock", None)
    return {"ok": True, "now": ask.core.clock.now()}


def switches(ask: Ask) -> JsonObject:
    """Set what the documentation leaves open; see switches.py. All of them come back."""
    for key, value in ask.body.items():
        if key not in Switches.model_fields:
            raise ControlError(f"{key!r} is no switch; there are: {', '.join(Switches.model_fields)}")
        setattr(ask.core.switches, key, value)
        ask.core.state.switched = True
    return {"ok": True, "switches": ask.core.switches.model_dump()}


def limits(ask: Ask) -> JsonObject:
    ask.core.rates.on = ask.flag("on")
    return {"ok": True}


def _kinds_at(target: str) -> tuple[str, ...]:
    """The faults there are at a target. Raises ControlError where nothing could ever meet them."""
    if target.removeprefix("delivery:") not in ("", target):
        return get_args(DeliveryFault)
    if target in ("api:*", "response_url", "upload", *(method.name for method in ALL)):
        return get_args(MethodFault)
    raise ControlError(
        f"{target!r} is no target: there are api:*, response_url, upload, a method of the Web API, "
        "and delivery: with a kind, a name or *"
    )


def fault(ask: Ask) -> JsonObject:
    kinds = _kinds_at(ask.text("target"))
    if ask.text("kind") not in kinds:
        raise ControlError(f"{ask.text('kind')!r} is no fault; there are: {', '.join(kinds)}")
    known = {field.name for field in fields(Fault)}
    ask.core.faults.add(Fault(**{key: value for key, value in ask.body.items() if key in known}))
    return {"ok": True}


def clear_faults(ask: Ask) -> JsonObject:
    ask.core.faults.clear()
    return {"ok": True}


async def sockets(ask: Ask) -> JsonObject:
    """`reason` says goodbye in Slack's way; without one the sockets are cut."""
    hub, app = ask.core.transport.sockets, ask.app()
    reason = ask.text("reason")
    return {"ok": True, "count": await (hub.disconnect(app.id, reason) if reason else hub.cut(app.id))}


async def repeat(ask: Ask) -> JsonObject:
    """Deliver again what was delivered last under `name` (a command, an event type, an interaction type)."""
    entries = ask.core.log.read(kind="delivery", name=ask.text("name"), limit=1)
    if not entries or entries[-1]["request"] is None:
        raise ControlError(f"nothing called {ask.text('name')!r} was delivered {'lately' if entries else 'yet'}")
    payload = entries[-1]["request"]
    settings = ask.app().spec.manifest.settings
    kind = _kind(payload)
    url = settings.event_subscriptions.request_url if kind == "events_api" else settings.interactivity.request_url
    attempt = 1 if kind == "events_api" else 0
    delivery = Delivery(kind, payload, url, ask.text("name"), kind != "events_api", attempt, "http_timeout")
    ack = await ask.core.transport.deliver(ask.app(), delivery)
    return {"ok": ack.ok, "result": ack.result, "elapsed": ack.elapsed}


def _kind(payload: JsonObject) -> str:
    if "command" in payload:
        return "slash_commands"
    if payload.get("type") == "event_callback":
        return "events_api"
    return "options" if payload.get("type") == "block_suggestion" else "interactive"


async def ssl_check(ask: Ask) -> JsonObject:
    """Probe the app's command URLs as Slack does from time to time; which of them answered 200."""
    app = ask.app()
    urls = {app.url(command.url) for command in app.spec.manifest.features.slash_commands}
    method = "GET" if ask.text("method") == "GET" else "POST"
    return {"ok": True, "answered": {url: await ask.core.transport.probe(app, url, method) for url in sorted(urls)}}


async def verify(ask: Ask) -> JsonObject:
    return {"ok": await events.verify(ask.core, ask.app())}


def log(ask: Ask) -> JsonObject:
    found = ask.core.log.read(
        kind=ask.text("kind"),
        name=ask.text("name"),
        since=int(ask.number("since")),
        limit=int(ask.number("limit", 1000)),
    )
    return {"ok": True, "entries": found}


VERBS: dict[str, Verb] = {
    "apps": apps,
    "clear_faults": clear_faults,
    "delete_message": delete_message,
    "fault": fault,
    "limits": limits,
    "log": log,
    "move_clock": move_clock,
    "repeat": repeat,
    "set_app": set_app,
    "set_channel": set_channel,
    "set_group": set_group,
    "set_person": set_person,
    "sockets": sockets,
    "ssl_check": ssl_check,
    "switches": switches,
    "verify": verify,
}
