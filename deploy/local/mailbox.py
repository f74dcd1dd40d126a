"""A mail server that keeps what it gets: one file a mail, in a folder of the local workspace."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import UnthreadedController


class _Keeper:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", str(envelope.rcpt_tos[0]).lower())
        (self._folder / f"{time.time():.3f}-{name}.eml").write_bytes(envelope.content)
        return "250 kept"


class Mailbox:
    """Listens on a free loopback port. Made inside the loop in which it is to serve."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()  # without one it makes a loop of its own, which nobody closes
        self._controller = UnthreadedController(_Keeper(folder), hostname="127.0.0.1", port=0, loop=loop)

    async def start(self) -> int:
        """The port it listens on."""
        server: Any = await self._controller._create_server()
        self._controller.server = server
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._controller.server is not None:
            self._controller.server.close()
            await self._controller.server.wait_closed()
