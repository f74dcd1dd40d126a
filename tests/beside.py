"""A loop in a thread of its own, for what lasts longer than one test: each test has a loop that ends with it."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
STOP_WITHIN = 60.0  # seconds; a machine that does much else takes some


class Beside:
    """Runs from now until `stop`. As a daemon: it never holds up the end of a process."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def carry_out(self, work: Coroutine[Any, Any, T], within: float) -> T:
        """Blocks until it is done. Raises TimeoutError after so many seconds."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    async def does(self, work: Coroutine[Any, Any, T]) -> T:
        """The same without blocking the loop of whoever waits."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_WITHIN)
        self._loop.close()
