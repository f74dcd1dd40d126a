"""Socket Mode's server side: tickets, hello, envelopes spread over the open sockets, acks, scripted disconnects."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from ..state import InstalledApp
from ..wire import JsonObject, SlackError
from .http import Delivery, Reply

if TYPE_CHECKING:
    from ..core import Core

MOST_CONNECTIONS = 10
CONNECTION_LIFE = 18060
DEBUG_LIFE = 360
NOTICE = 10
PING_EVERY = 30
RETRIES = 3
REMEMBERED = 1000
REASONS = ("warning", "refresh_requested", "link_disabled", "too_many_websockets")


@dataclass(eq=False, slots=True)
class Connection:
    """One open socket of an app."""

    app_id: str
    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None


class Sockets:
    """The open sockets, and the envelopes that wait for their ack."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._tickets: dict[str, tuple[str, float]] = {}
        self._open: dict[str, list[Connection]] = {}
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._last: dict[str, Connection] = {}
        self._turn = 0

    def count(self, app_id: str) -> int:
        """How many sockets the app has open."""
        return len(self._open.get(app_id, []))

    def ticket(self, app: InstalledApp) -> str:
        """A single-use address for a new socket."""
        if not app.socket_mode:
            raise SlackError("socket_mode_disabled")
        ticket, now = secrets.token_hex(16), self._core.clock.now()
        self._tickets = {one: held for one, held in self._tickets.items() if held[1] >= now}
        self._tickets[ticket] = (app.id, now + self._core.switches.ticket_seconds)
        base = self._core.base_url.replace("http", "ws", 1)  # wss where something before us speaks TLS
        return f"{base}/link/?ticket={ticket}&app_id={app.id}"

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """GET /link/: greet, then read acks until the socket ends."""
        app_id, until = self._tickets.pop(request.query.get("ticket", ""), ("", 0.0))
        if not app_id or until < self._core.clock.now():
            return web.Response(status=401, text="this ticket is unknown, used, or too old: call apps.connections.open")
        socket = web.WebSocketResponse(max_msg_size=16 * 1024 * 1024, heartbeat=PING_EVERY)
        await socket.prepare(request)
        connection = Connection(app_id, socket, request.transport)
        mine = self._open.setdefault(app_id, [])
        if len(mine) >= MOST_CONNECTIONS:
            await self._goodbye(connection, "too_many_websockets")
            return socket
        mine.append(connection)
        aging: asyncio.Task[None] | None = None
        try:
            life = DEBUG_LIFE if request.query.get("debug_reconnects") == "true" else CONNECTION_LIFE
            await socket.send_json(self._hello(app_id, life))
            aging = self._core.started(self._age(connection, life))
            self._core.state.changed("socket", None, key=app_id)
            await self._read(connection)
        finally:
            if aging:
                aging.cancel()
            if connection in mine:
                mine.remove(connection)
            self._core.state.changed("socket", None, key=app_id)
        return socket

    def _hello(self, app_id: str, life: int) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": self.count(app_id),
            "debug_info": {
                "host": "applink-local",
                "build_number": 1,
                "approximate_connection_time": life,
            },
            "connection_info": {"app_id": app_id},
        }

    async def _read(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            try:
                message = json.loads(frame.data)
            except ValueError:
                continue
            if isinstance(message, dict) and isinstance(message.get("envelope_id"), str):
                self._acked(message)

    def _acked(self, message: JsonObject) -> None:
        waiting = self._waiting.pop(message["envelope_id"], None)
        if waiting is None or waiting.done():
            return
        payload = message.get("payload")
        text = payload if isinstance(payload, str) else ""
        waiting.set_result(Reply("acked", 200, payload if isinstance(payload, dict) else None, text))

    async def send(self, app: InstalledApp, delivery: Delivery, *, cut: bool = False) -> Reply:
        """Put one envelope on one of the app's sockets and wait for its ack, however long that takes.

        An event that comes again takes another socket than before, where there is one. `cut` loses the socket at once.
        """
        connection = self._choose(app.id, delivery)
        if connection is None:
            return Reply("no_socket", reason="connection_failed", text="no socket is open")
        envelope_id = str(uuid.uuid4())
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        try:
            await connection.socket.send_json(_envelope(envelope_id, delivery))
        except (ConnectionError, RuntimeError):
            self._waiting.pop(envelope_id, None)
            return Reply("no_socket", reason="connection_failed", text="the socket was just lost")
        if cut:
            self._abort(connection)
        try:
            return await waiting
        finally:
            self._waiting.pop(envelope_id, None)

    def _choose(self, app_id: str, delivery: Delivery) -> Connection | None:
        mine = self._open.get(app_id, [])
        event = str(delivery.payload.get("event_id", ""))
        last = self._last.pop(event, None)
        others = [connection for connection in mine if connection is not last] or mine
        if not others:
            return None
        self._turn += 1
        chosen = others[self._turn % len(others)]
        if event and delivery.attempt < RETRIES:
            self._last[event] = chosen
            while len(self._last) > REMEMBERED:
                self._last.pop(next(iter(self._last)))
        return chosen

    async def disconnect(self, app_id: str, reason: str) -> int:
        """Tell every socket of the app to go, for one of Slack's reasons. How many were told. Raises ValueError."""
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is no reason Slack gives; there are: {', '.join(REASONS)}")
        told = list(self._open.get(app_id, []))
        await asyncio.gather(*(self._goodbye(connection, reason) for connection in told))
        return len(told)

    async def cut(self, app_id: str) -> int:
        """Cut every socket of the app without a word, as a lost network would. How many were cut."""
        cut = list(self._open.get(app_id, []))
        for connection in cut:
            self._abort(connection)
        return len(cut)

    def _abort(self, connection: Connection) -> None:
        mine = self._open.get(connection.app_id, [])
        if connection in mine:
            mine.remove(connection)
        if isinstance(connection.transport, asyncio.WriteTransport):
            connection.transport.abort()

    async def _goodbye(self, connection: Connection, reason: str) -> None:
        frame: JsonObject = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}
        if reason == "too_many_websockets":
            frame |= {
                "num_connections": self.count(connection.app_id) + 1,
                "connection_info": {"app_id": connection.app_id},
            }
        with suppress(ConnectionError, RuntimeError):  # it may have gone by itself
            await connection.socket.send_json(frame)
        if reason in ("warning", "refresh_requested"):
            self._core.spawn(self._close_soon(connection))
        else:
            await self._drop(connection)

    async def _close_soon(self, connection: Connection) -> None:
        await self._core.clock.sleep(NOTICE)
        await self._drop(connection)

    async def _age(self, connection: Connection, life: float) -> None:
        """Send a socket away when its time is over, with notice."""
        await self._core.clock.sleep(life - NOTICE)
        if connection in self._open.get(connection.app_id, []):
            await self._goodbye(connection, "warning")

    async def _drop(self, connection: Connection) -> None:
        mine = self._open.get(connection.app_id, [])
        if connection in mine:
            mine.remove(connection)
        await connection.socket.close(code=1000)

    async def close(self) -> None:
        """Close every socket."""
        for mine in self._open.values():
            for connection in list(mine):
                await connection.socket.close(code=1001)


def _envelope(envelope_id: str, delivery: Delivery) -> JsonObject:
    envelope: JsonObject = {
        "envelope_id": envelope_id,
        "payload": delivery.payload,
        "type": "interactive" if delivery.kind == "options" else delivery.kind,
        "accepts_response_payload": delivery.answers,
    }
    if delivery.kind == "events_api":
        envelope.update(retry_attempt=delivery.attempt, retry_reason=delivery.reason)
    return envelope
