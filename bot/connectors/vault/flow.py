"""Bytes on their way between a program and the vault: compressed, sealed, counted, in bounded memory, in a thread."""

import asyncio
import hashlib
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, TypeVar

from bot.connectors.postgres.programs import Child
from bot.connectors.vault.keys import Keys, Outlet, Unopened
from bot.connectors.vault.shelf import CHUNK
from bot.connectors.vault.storage import Writer
from bot.effect import Attempt

T = TypeVar("T")

EVERY = 3.0  # seconds between two words of progress, and between two looks whether to stop


class Stopped(Exception):
    """Somebody cancelled, or the worker lost its run."""


class Flow:
    """One transfer. Its thread counts and asks `alive`; any other may `halt` it."""

    def __init__(self) -> None:
        self.plain = 0
        self.stored = 0
        self.digest = hashlib.sha256()
        self._halted = threading.Event()
        self._child: Child | None = None

    def alive(self) -> None:
        """Raises Stopped once it was halted."""
        if self._halted.is_set():
            raise Stopped

    def halt(self) -> None:
        """Ends the thread's program, and with it whatever the thread waits for."""
        self._halted.set()
        if self._child is not None:
            self._child.kill()

    async def carry(
        self, work: Callable[[], T], at: Attempt, note: str, total: float | None = None, child: Child | None = None
    ) -> T:
        """What `work` returns, done in a thread. Returns or raises only once that thread has ended."""
        self._child = child
        pool = ThreadPoolExecutor(1, thread_name_prefix="vault")
        job = asyncio.get_running_loop().run_in_executor(pool, work)
        try:
            while not (await asyncio.wait({job}, timeout=EVERY))[0]:
                await at.progress(self.plain or self.stored, total, note, "B")
                if await at.stopping():
                    self.halt()
            return job.result()
        finally:
            if not job.done():
                self.halt()
                await asyncio.wait({job})
                job.exception()
            pool.shutdown(wait=False)


class _Tap(Outlet):
    """Counts what is stored. Tink swallows its exceptions, so the first is kept."""

    def __init__(self, flow: Flow, writer: Writer) -> None:
        super().__init__()
        self._flow, self._writer = flow, writer
        self.fault: Exception | None = None

    def write(self, data: Any) -> int:
        try:
            self._flow.digest.update(data)
            self._flow.stored += len(data)
            self._writer.write(data)
        except Exception as fault:
            self.fault = self.fault or fault
            raise
        return len(data)


class _Source(io.RawIOBase):
    """What is read from the vault; its first exception is kept too."""

    def __init__(self, flow: Flow, source: IO[bytes]) -> None:
        self._flow, self._source = flow, source
        self.fault: Exception | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._source.read(size)
        except Exception as fault:
            self.fault = self.fault or fault
            raise
        self._flow.stored += len(data)
        return data


def pack(flow: Flow, source: IO[bytes], writer: Writer, keys: Keys, place: str) -> None:
    """Everything from `source`, compressed and sealed under `place`, into `writer`, which is not committed here."""
    import zstandard

    tap = _Tap(flow, writer)
    squeeze = zstandard.ZstdCompressor(level=3).compressobj()
    sealed = keys.sealing(tap, place)
    try:
        while chunk := source.read(CHUNK):
            flow.alive()
            flow.plain += len(chunk)
            sealed.write(squeeze.compress(chunk))
        sealed.write(squeeze.flush())
        sealed.close()
    except keys.error:
        raise tap.fault or OSError("the vault does not take the bytes") from None
    flow.alive()


def unpack(flow: Flow, source: IO[bytes], into: IO[bytes], keys: Keys, place: str) -> None:
    """The reverse. Only bytes whose segment is authentic are passed on. Raises Unopened."""
    import zstandard

    inlet = _Source(flow, source)
    try:
        opened = zstandard.ZstdDecompressor().stream_reader(keys.opening(inlet, place), read_size=CHUNK)
        while chunk := opened.read(CHUNK):
            flow.alive()
            flow.plain += len(chunk)
            view = memoryview(chunk)
            while view:
                view = view[into.write(view) :]
    except (keys.error, zstandard.ZstdError):
        raise inlet.fault or Unopened(place) from None
