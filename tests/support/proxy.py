"""A way to a server on which one answer can be lost: what was asked for is done, and nobody hears of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

CONTINUE = b"HTTP/1.1 100 "  # no answer yet: now the body is sent


class Proxy:
    """Passes everything on. After `lose`, the answer to whatever holds that text never arrives."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._text, self._cut = b"", True
        self._held: asyncio.Event | None = None
        self.lost = asyncio.Event()  # set once an answer was there, and was lost
        self._tasks: set[asyncio.Task[None]] = set()

    def lose(self, text: str, *, cut: bool) -> None:
        """`cut`: the connection ends instead of the answer; else it goes on in silence."""
        self._text, self._cut = text.encode(), cut
        self.lost.clear()

    def hold(self, text: str) -> asyncio.Event:
        """Whatever holds that text arrives once the event is set, and its answer never; nothing new passes before."""
        self.lose(text, cut=False)
        self._held = asyncio.Event()
        return self._held

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._held is not None:  # no word to cancel it overtakes what is held
            writer.close()
            return
        there, back = await asyncio.open_connection(self._host, self._port)
        silent = asyncio.Event()
        ways = [self._pass_on(reader, back, silent), self._answer(there, writer, silent)]
        tasks = [asyncio.create_task(way) for way in ways]
        self._tasks.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if silent.is_set():  # what was sent is carried out, though who sent it has gone
            back.write_eof()
            await asyncio.wait(tasks)
        for end in (back, writer):
            end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._text and self._text in data:
                    self._text = b""
                    silent.set()
                    if self._held is not None:
                        await self._held.wait()
                        self._held = None
                back.write(data)
                await back.drain()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await there.read(65536):
                if silent.is_set() and not data.startswith(CONTINUE):
                    self.lost.set()
                    if self._cut:
                        writer.transport.abort()
                        return
                    continue
                writer.write(data)
                await writer.drain()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[str, Proxy]]:
    """The same server by way of a proxy."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "", parts.port or 5432)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    account = "".join(parts.netloc.rpartition("@")[:2])
    try:
        yield urlunsplit(parts._replace(netloc=f"{account}127.0.0.1:{port}")), proxy
    finally:
        server.close()
        await proxy.close()
