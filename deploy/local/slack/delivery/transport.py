"""One door to an app for every delivery: picks HTTP or Socket Mode, keeps the 3 s deadline, logs, plays faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..core import Core
from ..log import Entry
from ..state import InstalledApp
from ..wire import JsonObject
from .http import HttpSender, Reply
from .sockets import Sockets

DEADLINE = 3.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """`kind` is slash_commands, interactive, options or events_api; `answers` says a payload may come back."""

    kind: str
    payload: JsonObject
    url: str
    name: str
    answers: bool = True
    attempt: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """`result`: acked (2xx in time), refused (another status), unreachable, no_socket, or late."""

    result: str
    elapsed: float
    status: int = 0
    payload: JsonObject | None = None
    text: str = ""
    no_retry: bool = False
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.result == "acked"


class Transport:
    """Delivers to apps."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._http = HttpSender()
        self.sockets = Sockets(core)

    async def deliver(self, app: InstalledApp, delivery: Delivery) -> Ack:
        """Send and wait for the ack at most 3 s."""
        core = self._core
        started = core.clock.now()
        transport = "socket" if app.socket_mode else "http"
        entry = core.log.add("delivery", delivery.name, started, app.id, attempt=delivery.attempt, transport=transport)
        entry.request = delivery.payload
        core.state.changed("log", None, key=entry.name)
        fault = core.faults.delivery(delivery.kind)
        if fault and fault.kind == "duplicate":
            core.spawn(self._send(app, delivery))
        in_time, future = await core.clock.within(DEADLINE, self._send(app, delivery))
        if in_time and fault and fault.kind == "lose_ack":
            await core.clock.sleep_until(started + DEADLINE)
            in_time = False
        elapsed = core.clock.now() - started
        if not in_time:
            core.spawn(self._late(entry, future, started))
            return self._noted(entry, Ack("late", elapsed))
        return self._noted(entry, _ack(future.result(), elapsed))

    async def _send(self, app: InstalledApp, delivery: Delivery) -> Reply:
        if app.socket_mode:
            return await self.sockets.send(
                app, delivery.kind, delivery.payload, delivery.answers, delivery.attempt, delivery.reason
            )
        return await self._http.send(
            app, delivery.kind, delivery.payload, app.url(delivery.url), delivery.attempt, delivery.reason
        )

    def _noted(self, entry: Entry, ack: Ack) -> Ack:
        entry.result, entry.elapsed = ack.result, ack.elapsed
        entry.answer = ack.payload if ack.payload is not None else ack.text
        self._core.state.changed("log", None, key=entry.name)
        return ack

    async def _late(self, entry: Entry, future: asyncio.Future[Reply], started: float) -> None:
        """Note in the log how much too late an ack came; its body has no effect."""
        try:
            reply = await asyncio.wait_for(future, 600)
        except TimeoutError:
            return
        now = self._core.clock.now()
        self._core.log.add(
            "ack", entry.name, now, entry.app, result=f"late {reply.result}", elapsed=now - started, answer=reply.text
        )
        self._core.state.changed("log", None, key=entry.name)

    async def open(self) -> None:
        """Get ready to send."""
        await self._http.open()

    async def close(self) -> None:
        """Close every connection."""
        await self.sockets.close()
        await self._http.close()


def _ack(reply: Reply, elapsed: float) -> Ack:
    return Ack(reply.result, elapsed, reply.status, reply.payload, reply.text, reply.no_retry, reply.reason)
