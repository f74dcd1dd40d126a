"""Faults on demand: what a test, or a person on the page, asks the workspace to do wrong next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from .wire import SlackError

if TYPE_CHECKING:
    from .core import Core

MethodFault = Literal["ratelimited", "error", "server_error", "bad_gateway", "slow", "hang", "drop", "lost"]
DeliveryFault = Literal["lose_ack", "duplicate", "slow", "drop", "hang", "reorder", "cut"]
FaultKind = Literal[MethodFault, DeliveryFault]
Weather = Literal["fair", "slow", "down"]
BAD_GATEWAY = 502  # answered by what stands before Slack, which knows nothing of JSON
SLOW_BY = 2.0  # seconds that each call takes longer while Slack is slow


@dataclass(slots=True)
class Fault:
    """`target` is a Web API method, "api:*", "response_url", "upload", "delivery:<kind or name>" or "delivery:*".

    A kind is slash_commands, interactive, options or events_api; a name is a command, an event's or a payload's type.
    `times` -1 means until cleared.
    On methods: ratelimited (429, `seconds` as Retry-After), error (`code`, ok:false), server_error (500), bad_gateway
    (502 and plain text, as from a proxy before Slack), slow (answers after `seconds`), hang (never answers), drop (cuts
    the connection before acting), lost (acts, then cuts it).
    On deliveries: lose_ack (an ack that came is taken as missing), duplicate (delivered twice), slow (sent after
    `seconds`), drop (never sent), hang (nothing ever comes back), reorder (sent after the next delivery, or after
    `seconds` when none comes), cut (over Socket Mode: the socket is lost right after the envelope was sent).
    """

    target: str
    kind: FaultKind
    times: int = 1
    seconds: float = 1.0
    code: str = "internal_error"


class Faults:
    """The faults still to come, first asked first; where none is planned, `weather` holds for every call."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.weather: Weather = "fair"

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        self._faults.append(fault)

    @property
    def planned(self) -> tuple[Fault, ...]:
        """Those that have not come about yet, or not often enough."""
        return tuple(self._faults)

    def clear(self) -> None:
        """Forget every planned fault; the weather is fair again."""
        self._faults.clear()
        self.weather = "fair"

    def method(self, name: str, *, hooks: bool = False) -> Fault | None:
        """The fault for this Web API call (`hooks`: a response_url or an upload beside it), used up by asking."""
        planned = self._take(name) if hooks else self._take(name, "api:*")
        return planned or self._blown("server_error")

    def delivery(self, kind: str, name: str) -> Fault | None:
        """The fault for this delivery, used up by asking."""
        planned = self._take(f"delivery:{kind}", f"delivery:{name}", "delivery:*")
        return planned or (self._blown("drop") if self.weather == "down" else None)

    def _blown(self, down: FaultKind) -> Fault | None:
        """What the weather does to one call."""
        if self.weather == "fair":
            return None
        return Fault("*", down) if self.weather == "down" else Fault("*", "slow", seconds=SLOW_BY)

    def _take(self, *targets: str) -> Fault | None:
        for fault in self._faults:
            if fault.target in targets:
                if fault.times > 0:
                    fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None


async def play(core: Core, fault: Fault, request: web.Request) -> None:
    """Do to a request what the fault says is done before it is acted on. Raises SlackError."""
    match fault.kind:
        case "ratelimited":
            seconds = max(1, round(fault.seconds))
            raise SlackError("ratelimited", status=429, headers={"Retry-After": str(seconds)})
        case "error":
            raise SlackError(fault.code)
        case "server_error":
            raise SlackError("internal_error", status=500)
        case "bad_gateway":
            raise SlackError("bad_gateway", status=BAD_GATEWAY)
        case "slow":
            await core.clock.sleep(fault.seconds)
        case "hang":
            await asyncio.get_running_loop().create_future()
        case "drop":
            cut(request)
            raise SlackError("internal_error", status=500)
        case _:
            return


def cut(request: web.Request) -> web.Response:
    """Cut the connection under the request."""
    if request.transport:
        request.transport.close()
    return web.Response(status=500)
