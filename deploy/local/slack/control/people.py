"""What people do and see, as control verbs."""

from __future__ import annotations

import asyncio
import base64
import binascii

from .. import acts, posting
from ..interactions import actions, commands, shortcuts, submissions
from ..interactions.surface import find_element, find_entry, is_stateful, labels
from ..render import file_object
from ..state import Message, Person
from ..web.files import FILE_MOST, keep, new_file
from ..wire import JsonObject
from .body import Ask, ControlError, Verb
from .show import home, message, modal_stack, visible


async def command(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person)
    outcome = await commands.run(ask.core, person, channel, ask.text("line"), ask.text("thread_ts"))
    return outcome.body()


async def burst(ask: Ask) -> JsonObject:
    """Many commands at once: `lines`, at most `at_once` in flight."""
    person = ask.person()
    channel = ask.channel(person)
    gate = asyncio.Semaphore(int(ask.number("at_once", 64)))

    async def one(line: str) -> JsonObject:
        async with gate:
            outcome = await commands.run(ask.core, person, channel, line)
        return {"result": outcome.result, "elapsed": outcome.elapsed}

    done = await asyncio.gather(*(one(str(line)) for line in ask.value("lines") or []))
    return {"ok": True, "outcomes": done}


async def click(ask: Ask) -> JsonObject:
    person = ask.person()
    surface = ask.surface(person)
    target = ask.text("target")
    found, given = find_element(surface.blocks, target, ask.text("block_id")), ask.value("value")
    if found is None and (entry := find_entry(surface.blocks, target)):
        found, given = entry[:2], entry[2]
    if found is None:
        there = ", ".join(labels(surface.blocks)) or "nothing"
        raise ControlError(f"there is nothing called {target!r} to press; there is: {there}")
    block, element = found
    if ask.value("values"):
        submissions.fill(ask.core, surface, ask.value("values"))
    if is_stateful(element) and not (actions.dispatches(block, element) or ask.flag("dispatch")):
        actions.set_value(ask.core, surface, block, element, given)
        return {"ok": True, "result": "acked", "text": "", "elapsed": 0.0}
    return (await actions.act(ask.core, surface, block, element, given)).body()


async def suggest(ask: Ask) -> JsonObject:
    person = ask.person()
    surface = ask.surface(person)
    found = find_element(surface.blocks, ask.text("target"), ask.text("block_id"))
    if found is None or not str(found[1]["type"]).endswith("external_select"):
        raise ControlError(f"there is no external select called {ask.text('target')!r}")
    if ask.value("values"):
        submissions.fill(ask.core, surface, ask.value("values"))
    return (await actions.suggest(ask.core, surface, *found, ask.text("query"))).body()


async def submit(ask: Ask) -> JsonObject:
    person = ask.person()
    return (await submissions.submit(ask.core, person, ask.view(person), ask.value("values") or {})).body()


async def close(ask: Ask) -> JsonObject:
    person = ask.person()
    outcome = await submissions.close(ask.core, person, ask.view(person), everything=ask.flag("everything"))
    return outcome.body()


async def shortcut(ask: Ask) -> JsonObject:
    person, callback_id = ask.person(), ask.text("callback_id")
    on_message = bool(ask.text("ts"))
    if person.outsider and not ask.core.switches.outsiders_use_shortcuts:
        raise ControlError(f"{person.name} is of another organisation: Slack offers them no shortcuts")
    app = shortcuts.find(ask.core, callback_id, "message" if on_message else "global")
    if app is None:
        raise ControlError(f"no app offers the shortcut {callback_id!r}")
    if not on_message:
        return (await shortcuts.run(ask.core, app, person, callback_id)).body()
    channel = ask.channel(person)
    target = ask.message(person, channel)
    if target.ephemeral_for:
        raise ControlError("Slack offers no shortcuts on a message only one person sees")
    return (await shortcuts.run(ask.core, app, person, callback_id, target, channel)).body()


def open_home(ask: Ask) -> JsonObject:
    person = ask.person()
    if person.outsider:
        raise ControlError(f"{person.name} is of another organisation: the app has no home for them")
    app, tab = ask.app(), ask.text("tab", "home")
    tabs = app.spec.manifest.features.app_home
    if not (tabs.home_tab_enabled if tab == "home" else tabs.messages_tab_enabled):
        raise ControlError(f"{app.spec.name} has no {tab} tab: its manifest's app_home does not enable it")
    channel = shortcuts.open_home(ask.core, app, person, tab)
    return {"ok": True, "channel": channel.id}


def post(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person)
    if channel.archived:
        raise ControlError(f"#{channel.name} is archived: nobody can post in it")
    home = ask.core.state.apps[channel.app_id].spec.manifest.features.app_home if channel.app_id else None
    if home and (home.messages_tab_read_only_enabled or not home.messages_tab_enabled):
        raise ControlError("that app takes no messages here: its manifest closes the messages tab")
    said = posting.post_as_person(ask.core, person, channel, ask.text("text"), ask.text("thread_ts"))
    return {"ok": True, "message": message(ask.core, said, person.id)}


def react(ask: Ask) -> JsonObject:
    person = ask.person()
    target = ask.message(person, ask.channel(person))
    if target.ephemeral_for:
        raise ControlError("Slack takes no reactions on a message only one person sees")
    done = (acts.unreact if ask.flag("remove") else acts.react)(ask.core, target, person.id, ask.text("name"))
    return {"ok": True, "changed": done}


def join(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person, member=False)
    if not ask.flag("leave") and person.id not in channel.members:
        if person.guest or person.outsider:
            raise ControlError(f"{person.name} is a {person.role}: somebody has to add them (set_channel)")
        if channel.archived:
            raise ControlError(f"#{channel.name} is archived: nobody can join it")
    if ask.flag("leave") and channel.general:
        raise ControlError(f"nobody leaves #{channel.name}: it is everybody's channel")
    (acts.leave if ask.flag("leave") else acts.join)(ask.core, channel, person)
    return {"ok": True}


def edit(ask: Ask) -> JsonObject:
    """Change what one said oneself."""
    person = ask.person()
    said = _own(ask, person)
    posting.edit_as_person(ask.core, said, ask.text("text"), person)
    return {"ok": True, "message": message(ask.core, said, person.id)}


def _own(ask: Ask, person: Person) -> Message:
    said = ask.message(person, ask.channel(person))
    if said.user != person.id:
        raise ControlError(f"{person.name} did not write that message")
    return said


def direct(ask: Ask) -> JsonObject:
    """Open the DM, or group DM, of this person with `users`."""
    person = ask.person()
    others = [Ask(ask.core, {"as": name}).person(active=False) for name in ask.value("users") or []]
    if not 1 <= len(others) <= acts.DIRECT_MOST:
        raise ControlError(f"name one to {acts.DIRECT_MOST} other people")
    gone = [one.name for one in others if one.deactivated]
    if gone:
        raise ControlError(f"{', '.join(gone)} is deactivated")
    return {"ok": True, "channel": acts.open_direct(ask.core, [person.id, *(one.id for one in others)]).id}


def create_channel(ask: Ask) -> JsonObject:
    person = ask.person()
    if person.guest or person.outsider:
        raise ControlError(f"{person.name} is a {person.role} and cannot make channels")
    name = ask.text("channel").removeprefix("#")
    if not name or ask.core.state.channel(name):
        raise ControlError(f"#{name} is there already" if name else "give the channel a name")
    return {"ok": True, "channel": acts.create_channel(ask.core, name, person.id, private=ask.flag("private")).id}


def invite(ask: Ask) -> JsonObject:
    """Add `users` to a channel one is in."""
    person = ask.person()
    channel = ask.channel(person)
    others = [Ask(ask.core, {"as": name}).person(active=False) for name in ask.value("users") or []]
    for one in others:
        if person.guest or person.outsider:
            raise ControlError(f"{person.name} is a {person.role} and cannot add people")
        if one.guest == "single" and any(one.id in other.members for other in ask.core.state.channels.values()):
            raise ControlError(f"{one.name} is a single-channel guest and has a channel")
        acts.join(ask.core, channel, one, inviter=person.id)
    return {"ok": True}


def upload(ask: Ask) -> JsonObject:
    """A person's file, `name` and `content` in base64: in `channel` (with `text`, `thread_ts`), or for a file input."""
    person = ask.person()
    channel = ask.channel(person) if ask.text("channel") else None
    try:
        content = base64.b64decode(ask.text("content"), validate=True)
    except binascii.Error:
        raise ControlError("content must be base64") from None
    if not content or len(content) > FILE_MOST:
        raise ControlError(f"a file has between 1 and {FILE_MOST} bytes")
    file = new_file(ask.core, ask.text("name") or "file", len(content), person.id)
    keep(ask.core, file, content, "complete")
    if channel is None:
        return {"ok": True, "file": file_object(ask.core.state, file, ask.core.base_url)}
    said = posting.share_as_person(ask.core, person, channel, file, ask.text("text"), ask.text("thread_ts"))
    shown = file_object(ask.core.state, file, ask.core.base_url)
    return {"ok": True, "file": shown, "message": message(ask.core, said, person.id)}


def reload(ask: Ask) -> JsonObject:
    """Reload this person's client: what only they saw is gone."""
    person = ask.person(active=False)
    gone = ask.core.state.ephemerals.pop(person.id, {})
    for said in gone.values():
        ask.core.state.forget(said)
        ask.core.state.changed("ephemeral_deleted", None, channel=said.channel, person=person.id, key=said.ts)
    return {"ok": True, "gone": len(gone)}


def mark_read(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person, member=False)
    channel.read[person.id] = ask.text("ts") or ask.core.state.new_ts()
    ask.core.state.save(channel)
    return {"ok": True, "read": channel.read[person.id]}


def messages(ask: Ask) -> JsonObject:
    person = ask.person(active=False)
    channel = ask.channel(person, member=False)
    seen = ask.core.state.messages.get(channel.id, {}).values()
    roots = [said for said in seen if not said.is_reply or said.subtype == "thread_broadcast"]
    if before := ask.text("before"):
        roots = [said for said in roots if said.ts < before]
    limit = int(ask.number("limit", 1000))
    if until := ask.text("until"):
        limit = max(limit, sum(said.ts >= until for said in roots))
    found = [message(ask.core, said, person.id) for said in roots[-limit:]]
    return {"ok": True, "messages": found, "more": len(roots) > limit}


def thread(ask: Ask) -> JsonObject:
    person = ask.person(active=False)
    channel = ask.channel(person, member=False)
    root = posting.thread_root(ask.core, channel, ask.text("ts"))
    if root is None:
        raise ControlError(f"there is no message {ask.text('ts')!r} in that channel")
    found = [root, *(ask.core.state.message(channel.id, ts) for ts in root.replies)]
    return {"ok": True, "messages": [message(ask.core, said, person.id) for said in found if said]}


def ephemerals(ask: Ask) -> JsonObject:
    person = ask.person(active=False)
    seen = list(ask.core.state.ephemerals.get(person.id, {}).values())
    if ask.text("channel"):
        channel = ask.channel(person, member=False)
        seen = [said for said in seen if said.channel == channel.id]
    return {"ok": True, "messages": [message(ask.core, said, person.id) for said in seen]}


def view(ask: Ask) -> JsonObject:
    person = ask.person(active=False)
    return {"ok": True, "stack": modal_stack(ask.core, person.id)}


def show_home(ask: Ask) -> JsonObject:
    person = ask.person(active=False)
    return {"ok": True, "view": home(ask.core, ask.app(), person.id)}


def workspace(ask: Ask) -> JsonObject:
    return {"ok": True, **visible(ask.core, ask.person(active=False))}


def first(ask: Ask) -> JsonObject:
    """Whom the page acts as when nobody was named."""
    for person in ask.core.state.people.values():
        if person.role not in ("app", "deactivated"):
            return {"ok": True, "person": person.name}
    raise ControlError("nobody is in this workspace: give it a PersonSpec")


VERBS: dict[str, Verb] = {
    "burst": burst,
    "click": click,
    "close": close,
    "command": command,
    "create_channel": create_channel,
    "direct": direct,
    "edit": edit,
    "ephemerals": ephemerals,
    "first": first,
    "home": show_home,
    "invite": invite,
    "join": join,
    "messages": messages,
    "open_home": open_home,
    "post": post,
    "react": react,
    "read": mark_read,
    "reload": reload,
    "shortcut": shortcut,
    "submit": submit,
    "suggest": suggest,
    "thread": thread,
    "upload": upload,
    "view": view,
    "workspace": workspace,
}
