"""A worker's lease on the database's clock, renewed from a thread and connection that no effect can block."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import asyncpg


class Lease:
    """Renews six times a lease; calls `lost` (in the owner's loop) before it would run out unrenewed."""

    def __init__(self, url: str, worker: UUID, lease: timedelta, lost: Callable[[], None]) -> None:
        self._url, self._worker, self._seconds, self._lost = url, worker, lease.total_seconds(), lost
        self._owner = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name="lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the renewing; the lease itself runs out or is retired."""
        self._stop.set()
        self._thread.join(timeout=self._seconds)

    def _main(self) -> None:
        asyncio.run(self._renew())

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        good_until = loop.time() + self._seconds * 2 / 3  # a margin: we stop before others may begin
        conn: asyncpg.Connection | None = None
        while not self._stop.is_set():
            asked = loop.time()
            try:
                async with asyncio.timeout(max(0.05, good_until - asked)):
                    if conn is None or conn.is_closed():
                        settings = {"search_path": "tandem", "application_name": "tandem-lease"}
                        conn = await asyncpg.connect(self._url, server_settings=settings)
                    if not await conn.fetchval("SELECT renew($1)", self._worker):
                        break
                    good_until = asked + self._seconds * 2 / 3
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if conn is not None:
                    conn.terminate()  # one that did not answer in time is still open
                conn = None
            if loop.time() >= good_until:
                break
            await loop.run_in_executor(None, self._stop.wait, self._seconds / 6)
        if conn is not None and not conn.is_closed():
            conn.terminate()
        if not self._stop.is_set():
            self._owner.call_soon_threadsafe(self._lost)
