"""Socket Mode's server side: tickets, hello, envelopes spread over the open sockets, acks, scripted disconnects."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from ..state import InstalledApp
from ..wire import JsonObject, SlackError
from .http import Reply

if TYPE_CHECKING:
    from ..core import Core

MOST_CONNECTIONS = 10
TICKET_LIFE = 60.0
CONNECTION_LIFE = 18060


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
        self._turn = 0

    def count(self, app_id: str) -> int:
        """How many sockets the app has open."""
        return len(self._open.get(app_id, []))

    def ticket(self, app: InstalledApp) -> str:
        """A single-use address for a new socket."""
        if not app.socket_mode:
            raise SlackError("socket_mode_disabled")
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = (app.id, self._core.clock.now() + TICKET_LIFE)
        base = self._core.base_url.replace("http", "ws", 1)  # wss where something before us speaks TLS
        return f"{base}/link/?ticket={ticket}&app_id={app.id}"

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """GET /link/: greet, then read acks until the socket ends."""
        app_id, until = self._tickets.pop(request.query.get("ticket", ""), ("", 0.0))
        if not app_id or until < self._core.clock.now():
            return web.Response(status=401, text="this ticket is unknown, used, or too old: call apps.connections.open")
        socket = web.WebSocketResponse(max_msg_size=16 * 1024 * 1024)
        await socket.prepare(request)
        connection = Connection(app_id, socket, request.transport)
        mine = self._open.setdefault(app_id, [])
        if len(mine) >= MOST_CONNECTIONS:
            await self._goodbye(connection, "too_many_websockets")
            return socket
        mine.append(connection)
        try:
            await socket.send_json(self._hello(app_id))
            self._core.state.changed("socket", None, key=app_id)
            await self._read(connection)
        finally:
            if connection in mine:
                mine.remove(connection)
            self._core.state.changed("socket", None, key=app_id)
        return socket

    def _hello(self, app_id: str) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": self.count(app_id),
            "debug_info": {
                "host": "applink-local",
                "build_number": 1,
                "approximate_connection_time": CONNECTION_LIFE,
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

    async def send(
        self, app: InstalledApp, kind: str, payload: JsonObject, answers: bool, attempt: int, reason: str
    ) -> Reply:
        """Put one envelope on one of the app's sockets and wait for its ack, however long that takes."""
        mine = self._open.get(app.id, [])
        if not mine:
            return Reply("no_socket", reason="connection_failed", text="no socket is open")
        envelope_id = str(uuid.uuid4())
        envelope: JsonObject = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": "interactive" if kind == "options" else kind,
            "accepts_response_payload": answers,
        }
        if kind == "events_api":
            envelope.update(retry_attempt=attempt, retry_reason=reason)
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        self._turn += 1
        connection = mine[self._turn % len(mine)]
        try:
            await connection.socket.send_json(envelope)
        except (ConnectionError, RuntimeError):
            self._waiting.pop(envelope_id, None)
            return Reply("no_socket", reason="connection_failed", text="the socket was just lost")
        try:
            return await waiting
        finally:
            self._waiting.pop(envelope_id, None)

    async def disconnect(self, app_id: str, reason: str) -> int:
        """Tell every socket of the app to go, for one of Slack's reasons. How many were told."""
        told = list(self._open.get(app_id, []))
        for connection in told:
            await self._goodbye(connection, reason)
        return len(told)

    async def cut(self, app_id: str) -> int:
        """Cut every socket of the app without a word, as a lost network would. How many were cut."""
        gone = self._open.get(app_id, [])
        cut = list(gone)
        gone.clear()
        for connection in cut:
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        return len(cut)

    async def _goodbye(self, connection: Connection, reason: str) -> None:
        frame: JsonObject = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}
        if reason == "too_many_websockets":
            frame |= {
                "num_connections": self.count(connection.app_id) + 1,
                "connection_info": {"app_id": connection.app_id},
            }
        await connection.socket.send_json(frame)
        if reason == "warning":
            self._core.spawn(self._close_soon(connection))
        elif reason in ("too_many_websockets", "link_disabled"):
            await self._drop(connection)

    async def _close_soon(self, connection: Connection) -> None:
        await self._core.clock.sleep(10)
        await self._drop(connection)

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
