"""One door to an app for every delivery: picks HTTP or Socket Mode, keeps the 3 s deadline, logs, plays faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..core import Core
from ..faults import Fault
from ..log import Entry
from ..state import InstalledApp
from ..wire import JsonObject
from .http import Delivery, HttpSender, Reply
from .sockets import Sockets

DEADLINE = 3.0


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
        self._held: list[asyncio.Event] = []

    async def deliver(self, app: InstalledApp, delivery: Delivery) -> Ack:
        """Send and wait for the ack at most 3 s."""
        core = self._core
        started = core.clock.now()
        transport = "socket" if app.socket_mode else "http"
        entry = core.log.add("delivery", delivery.name, started, app.id, attempt=delivery.attempt, transport=transport)
        entry.request = delivery.payload
        core.state.noted(entry.name)
        if app.revoked and delivery.kind != "events_api":
            return self._noted(entry, Ack("unreachable", 0.0, reason="connection_failed"))
        fault = core.faults.delivery(delivery.kind, delivery.name)
        if fault and fault.kind == "drop":
            return self._noted(entry, Ack("unreachable", 0.0, text="Slack did not send it", reason="connection_failed"))
        sending = self._faulty(fault, app, delivery) if fault else self._send(app, delivery)
        in_time, future = await core.clock.within(DEADLINE, sending)
        self._let_go(fault)
        if in_time and fault and fault.kind == "lose_ack":
            await core.clock.sleep_until(started + DEADLINE)
            in_time = False
        elapsed = core.clock.now() - started
        if not in_time:
            core.spawn(self._late(entry, future, started))
            return self._noted(entry, Ack("late", elapsed))
        return self._noted(entry, _ack(future.result(), elapsed))

    async def _faulty(self, fault: Fault, app: InstalledApp, delivery: Delivery) -> Reply:
        """Send as the fault says."""
        match fault.kind:
            case "duplicate":
                self._core.spawn(self._send(app, delivery))
            case "slow":
                await self._core.clock.sleep(fault.seconds)
            case "hang":
                await asyncio.get_running_loop().create_future()
            case "reorder":
                turn = asyncio.Event()
                self._held.append(turn)
                await self._core.clock.within(fault.seconds, turn.wait())
        return await self._send(app, delivery, cut=fault.kind == "cut")

    def _let_go(self, fault: Fault | None) -> None:
        """A delivery is through: what was held back for the sake of another order may follow."""
        if fault is None or fault.kind != "reorder":
            for turn in self._held:
                turn.set()
            self._held.clear()

    async def _send(self, app: InstalledApp, delivery: Delivery, *, cut: bool = False) -> Reply:
        if app.socket_mode:
            return await self.sockets.send(app, delivery, cut=cut)
        return await self._http.send(app, delivery)

    def _noted(self, entry: Entry, ack: Ack) -> Ack:
        entry.result, entry.elapsed = ack.result, ack.elapsed
        entry.answer = ack.payload if ack.payload is not None else ack.text
        self._core.state.noted(entry.name)
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
        self._core.state.noted(entry.name)

    async def probe(self, app: InstalledApp, url: str, method: str) -> bool:
        """Whether a URL answers Slack's unsigned ssl_check."""
        return await self._http.probe(url, app.spec.verification_token, method)

    async def open(self) -> None:
        """Get ready to send."""
        await self._http.open()

    async def close(self) -> None:
        """Close every connection."""
        await self.sockets.close()
        await self._http.close()


__all__ = ["Ack", "Delivery", "Transport"]


def _ack(reply: Reply, elapsed: float) -> Ack:
    return Ack(reply.result, elapsed, reply.status, reply.payload, reply.text, reply.no_retry, reply.reason)
