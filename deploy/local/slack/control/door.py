"""The control API's door: POST /control/<verb>, the long poll of changes, and the page's live socket."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace

from aiohttp import web
from pydantic import ValidationError

from ..core import Core
from ..desk import Seen
from ..interactions.values import WrongValue
from ..state import Change, Person
from ..wire import JsonObject, SlackError
from . import admin, desk, people, trace
from .body import Ask, ControlError, Verb
from .show import home, message, modal_stack

POLL_MOST = 60.0


class ControlDoor:
    """Everything under /control/."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._verbs: Mapping[str, Verb] = {**people.VERBS, **admin.VERBS, **desk.VERBS, **trace.VERBS}

    async def handle(self, request: web.Request) -> web.Response:
        """Do one verb."""
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            return _refused(f"no such verb; there are: {', '.join(sorted(self._verbs))}", 404)
        if request.content_type != "application/json":
            return _refused("send JSON: Content-Type must be application/json", 415)
        try:
            body = json.loads(await request.text() or "{}")
            if not isinstance(body, dict):
                raise ControlError("send a JSON object")
            found = verb(Ask(self._core, body))
            return web.json_response(await found if inspect.isawaitable(found) else found)
        except SlackError as refusal:
            return _refused(refusal.code, 400)
        except (ControlError, WrongValue, ValidationError, ValueError, LookupError) as problem:
            return _refused(str(problem), 400)

    async def changes(self, request: web.Request) -> web.Response:
        """GET /control/changes?since=N&timeout=S: what changed after version N, waiting for it."""
        since = int(request.query.get("since", "0"))
        seconds = min(float(request.query.get("timeout", "20")), POLL_MOST)
        found = await self._core.state.wait_since(since, seconds)
        return web.json_response(
            {"ok": True, "version": self._core.state.version, "changes": [asdict(change) for change in found]}
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """GET /control/live?as=…&since=N: a WebSocket that tells one person what changes, as it does."""
        person = self._core.state.person(request.query.get("as", ""))
        if person is None:
            return _refused("name a person: ?as=", 400)
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        version = int(request.query.get("since", "0")) or self._core.state.version
        self._core.desk.notice(self._core, Seen("looks", person=person.name))
        teller = asyncio.ensure_future(self._tell(socket, person, version))
        try:
            async for _ in socket:
                continue  # the page says nothing here; reading notices when it leaves
        finally:
            teller.cancel()
            with suppress(asyncio.CancelledError):
                await teller
        return socket

    async def _tell(self, socket: web.WebSocketResponse, person: Person, version: int) -> None:
        while not socket.closed:
            found = await self._core.state.wait_since(version, 20)
            if found:
                version = found[-1].version
                told = self._told(found, person)
                if told:
                    with suppress(ConnectionError):  # the page left meanwhile; the loop ends with the socket
                        await socket.send_json({"version": version, "changes": told})

    def _told(self, found: list[Change], person: Person) -> list[JsonObject]:
        """The changes this person sees, only the last of each thing."""
        latest: dict[tuple[str, str, str], Change] = {}
        for change in found:
            if change.kind != "log" and change.person in ("", person.id):
                kind = change.kind.removesuffix("_deleted")
                before = latest.pop((kind, change.channel, change.key), None)
                new = change.new or (before is not None and before.new)
                latest[(kind, change.channel, change.key)] = replace(change, new=new)
        told = (self._one(change, person) for change in latest.values())
        return [change for change in told if change]

    def _one(self, change: Change, person: Person) -> JsonObject | None:
        state = self._core.state
        channel = state.channels.get(change.channel)
        if channel and not state.sees(person, channel):
            return None
        body: JsonObject = {"kind": change.kind, "channel": change.channel, "key": change.key}
        if change.kind in ("message", "ephemeral"):
            said = state.message(change.channel, change.key)
            if change.kind == "ephemeral":
                said = state.ephemeral(person.id, change.key)
            if said is None:
                return None
            body |= {"message": message(self._core, said, person.id), "new": change.new}
        elif change.kind == "view":
            body["stack"] = modal_stack(self._core, person.id)
        elif change.kind == "home":
            body["views"] = {app.id: home(self._core, app, person.id) for app in state.apps.values()}
        return body


def _refused(words: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": words}, status=status)
