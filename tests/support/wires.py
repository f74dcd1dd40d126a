"""Real wires between a client and a server of this machine: a proxy that tunnels, and TLS in front of what has none."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wires:
    """Connections in pairs; what comes on one goes out on the other."""

    def __init__(self) -> None:
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """Until one of both sides ends."""
        self._tasks.add(asyncio.current_task())
        from_there, to_there = await asyncio.open_connection("127.0.0.1", port)
        self._ends |= {writer, to_there}
        await asyncio.gather(_pump(reader, to_there), _pump(from_there, writer), return_exceptions=True)

    async def cut(self, server: asyncio.Server) -> None:
        """Ends all of it."""
        server.close()
        for end in self._ends:
            end.transport.abort()
        await asyncio.gather(*(task for task in self._tasks if task), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    finally:
        writer.close()


class Tunnel(Wires):
    """`url` is the proxy's; `asked` the places to which connections were wanted, "127.0.0.1:443".

    `word`: "name:password", without which it lets nobody through.
    """

    def __init__(self, word: str = "") -> None:
        super().__init__()
        self.url, self._word = "", b64encode(word.encode()).decode()
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, place, rest = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        if self._word and f"Proxy-Authorization: Basic {self._word}\r\n" not in rest:
            writer.write(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
            writer.close()
            return
        self.asked.append(place if method == "CONNECT" else f"{method} {place}")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self.join(reader, writer, int(place.rpartition(":")[2]))


@asynccontextmanager
async def tunnelling(word: str = "") -> AsyncIterator[Tunnel]:
    """A proxy for https."""
    tunnel = Tunnel(word)
    server = await asyncio.start_server(tunnel.serve, "127.0.0.1", 0)
    tunnel.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield tunnel
    finally:
        await tunnel.cut(server)


@asynccontextmanager
async def behind_tls(context: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """The port at which what listens on `port` is reached by TLS."""
    wires = Wires()
    server = await asyncio.start_server(lambda r, w: wires.join(r, w, port), "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await wires.cut(server)
