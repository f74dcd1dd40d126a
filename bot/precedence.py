"""People first: while somebody waits for Slack's answer, the engine and the poster take up nothing new."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

REST = 0.01  # seconds without a payload's coming or going after which the doors count as resting
LONGEST = 0.5  # seconds that work is held back at most; then it goes on for as long, whoever waits


async def at_once() -> None:
    """The turn of whoever works where there are no doors."""


class Precedence:
    """The doors `stir`; whoever is about to take up work waits for its `turn`. One event loop's, no lock is needed.

    Holding back and letting through take turns under a flood that never ends, so the work has half of the time for
    claiming. What was taken up goes on untouched, and leases, which are renewed in a thread, never wait here.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds, only ever forward."""
        self._clock = clock
        self._stirred = self._open_until = float("-inf")
        self._held_since: float | None = None

    def stir(self) -> None:
        """A payload came, or its answer goes."""
        self._stirred = self._clock()

    def left(self) -> float:
        """Seconds after which to ask again; 0 where new work may be taken up now."""
        now = self._clock()
        rest = self._stirred + REST - now
        if rest <= 0 or now < self._open_until:
            self._held_since = None
            return 0.0
        if self._held_since is None:
            self._held_since = now
        bound = self._held_since + LONGEST - now
        if bound <= 0:
            self._held_since, self._open_until = None, now + LONGEST
            return 0.0
        return min(rest, bound)

    async def turn(self) -> None:
        """Returns as soon as the doors rest, and after LONGEST in any case."""
        while left := self.left():  # noqa: ASYNC110  the rest is over when nothing happens
            await asyncio.sleep(left)

    def watch(self, app: Any) -> None:
        """Stirs with every payload of a Bolt app, of either transport."""
        dispatch = app.async_dispatch

        async def stirring(request: Any) -> Any:
            self.stir()
            try:
                return await dispatch(request)
            finally:
                self.stir()

        app.async_dispatch = stirring
