"""Time as an argument: real seconds plus an offset that tests and the control API move, waking every waiter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """`now()` is a unix time in seconds. `advance()` moves it, and whoever waits on this clock wakes at once."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._offset = 0.0
        self._timers: dict[asyncio.Future[None], tuple[float, asyncio.TimerHandle]] = {}

    def now(self) -> float:
        """Unix seconds in the workspace."""
        return self._source() + self._offset

    @property
    def ahead(self) -> float:
        """Seconds by which it was moved."""
        return self._offset

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds` (>= 0). Raises ValueError on a negative number."""
        if seconds < 0:
            raise ValueError("time moves forward only: give a number of seconds that is not negative")
        self._offset += seconds
        for timer in list(self._timers):
            self._look(timer)

    def _arm(self, timer: asyncio.Future[None], moment: float) -> None:
        handle = asyncio.get_running_loop().call_later(max(0.0, moment - self.now()), self._look, timer)
        self._timers[timer] = (moment, handle)

    def _look(self, timer: asyncio.Future[None]) -> None:
        moment, handle = self._timers.pop(timer)
        handle.cancel()
        if timer.done():
            return
        if moment <= self.now():
            timer.set_result(None)
        else:
            self._arm(timer, moment)

    def _drop(self, timer: asyncio.Future[None]) -> None:
        entry = self._timers.pop(timer, None)
        if entry:
            entry[1].cancel()

    async def sleep_until(self, moment: float) -> None:
        """Return once `now()` has reached `moment`."""
        timer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arm(timer, moment)
        try:
            await timer
        finally:
            self._drop(timer)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` on this clock."""
        await self.sleep_until(self.now() + seconds)

    async def within(self, seconds: float, work: Awaitable[T]) -> tuple[bool, asyncio.Future[T]]:
        """Wait for `work` at most `seconds` on this clock. (finished, future): the work goes on when it did not."""
        future = asyncio.ensure_future(work)
        timer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arm(timer, self.now() + seconds)
        try:
            both: set[asyncio.Future[Any]] = {future, timer}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            future.cancel()
            raise
        finally:
            self._drop(timer)
        return future.done(), future
