"""The bot as a child process: started again whenever it ends, ended with us, and killable by hand."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

AGAIN_AFTER = 1.0  # seconds
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: after a fork nothing may be


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """Runs `python -m bot …` with its own environment; its log goes to a file."""

    def __init__(self, root: Path, log: Path, environment: Mapping[str, str], again_after: float = AGAIN_AFTER) -> None:
        """It is started again so many seconds after it ended."""
        self._again_after = again_after
        self._root, self._log, self._environment = root, log, dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.starts = 0
        self.ends: list[int] = []  # the statuses it ended with by itself

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def once(self, *arguments: str) -> tuple[int, str]:
        """One command to its end: its status and what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments, cwd=self._root, env=self._environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def start(self) -> None:
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self._root, env=self._environment,
                stdout=log, stderr=log, preexec_fn=_die_with_parent,
            )  # fmt: skip
        self.starts += 1

    async def _keep(self) -> None:
        while self._process is not None:
            status = await self._process.wait()
            self.ends.append(status)
            print(f"The bot ended with status {status}; it starts again. Its log: {self._log}", flush=True)
            await asyncio.sleep(self._again_after)
            await self._spawn()

    async def kill(self) -> str:
        """SIGKILL, as a crash would; it starts again by itself. Says so in a sentence."""
        pid = self.pid
        if pid is None:
            return "The bot is down already; it starts again in a second."
        os.kill(pid, signal.SIGKILL)
        return f"The bot's process {pid} was killed. It starts again in a second."

    async def stop(self) -> None:
        """SIGTERM, and after ten seconds SIGKILL; only this process."""
        if self._keeper:
            self._keeper.cancel()
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(12):
                await process.wait()
        except TimeoutError:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
