"""Faults on demand: what a test, or a person on the page, asks the workspace to do wrong next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["ratelimited", "error", "server_error", "slow", "hang", "drop", "lost", "lose_ack", "duplicate"]
Weather = Literal["fair", "slow", "down"]
SLOW_BY = 2.0  # seconds that each call takes longer while Slack is slow


@dataclass(slots=True)
class Fault:
    """`target` is a Web API method, "api:*", "delivery:<kind>" or "delivery:*"; `times` -1 means until cleared.

    On methods: ratelimited (429, `seconds` as Retry-After), error (`code`, ok:false), server_error (500), slow (answers
    after `seconds`), hang (never answers), drop (cuts the connection before acting), lost (acts, then cuts it).
    On deliveries: lose_ack (an ack that came is taken as missing), duplicate (delivered twice), drop (never sent).
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

    def clear(self) -> None:
        """Forget every planned fault; the weather is fair again."""
        self._faults.clear()
        self.weather = "fair"

    def method(self, name: str) -> Fault | None:
        """The fault for this Web API call, used up by asking."""
        return self._take(name, "api:*") or self._blown("server_error")

    def delivery(self, kind: str) -> Fault | None:
        """The fault for this delivery, used up by asking."""
        return self._take(f"delivery:{kind}", "delivery:*") or (self._blown("drop") if self.weather == "down" else None)

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
