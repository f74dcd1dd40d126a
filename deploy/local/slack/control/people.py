"""What people do and see, as control verbs."""

from __future__ import annotations

import asyncio

from .. import acts, posting
from ..interactions import actions, commands, shortcuts, submissions
from ..interactions.surface import find_element, find_entry, is_stateful, labels
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
    channel = shortcuts.open_home(ask.core, ask.app(), person, ask.text("tab", "home"))
    return {"ok": True, "channel": channel.id}


def post(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person)
    if channel.archived:
        raise ControlError(f"#{channel.name} is archived: nobody can post in it")
    said = posting.post_as_person(ask.core, person, channel, ask.text("text"), ask.text("thread_ts"))
    return {"ok": True, "message": message(ask.core, said, person.id)}


def react(ask: Ask) -> JsonObject:
    person = ask.person()
    target = ask.message(person, ask.channel(person))
    done = (acts.unreact if ask.flag("remove") else acts.react)(ask.core, target, person.id, ask.text("name"))
    return {"ok": True, "changed": done}


def join(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person, member=False)
    (acts.leave if ask.flag("leave") else acts.join)(ask.core, channel, person)
    return {"ok": True}


def mark_read(ask: Ask) -> JsonObject:
    person = ask.person()
    channel = ask.channel(person, member=False)
    channel.read[person.id] = ask.text("ts") or ask.core.state.new_ts()
    ask.core.state.save(channel)
    return {"ok": True}


def messages(ask: Ask) -> JsonObject:
    person = ask.person(active=False)
    channel = ask.channel(person, member=False)
    seen = ask.core.state.messages.get(channel.id, {}).values()
    roots = [said for said in seen if not said.is_reply or said.subtype == "thread_broadcast"]
    if before := ask.text("before"):
        roots = [said for said in roots if said.ts < before]
    limit = int(ask.number("limit", 1000))
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
    "ephemerals": ephemerals,
    "first": first,
    "home": show_home,
    "join": join,
    "messages": messages,
    "open_home": open_home,
    "post": post,
    "react": react,
    "read": mark_read,
    "shortcut": shortcut,
    "submit": submit,
    "suggest": suggest,
    "thread": thread,
    "view": view,
    "workspace": workspace,
}
