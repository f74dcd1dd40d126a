"""Processes forked from one that has everything imported: each its own in all else, and there at once."""

import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["tests.recovery.replica", "bot.__main__", "bot.cli", "bot.doctor.report", "bot.process.running"]
)
WITHIN = 60.0  # seconds


@dataclass
class Told:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> list[str]:
        """What stands on standard error for a person: log lines are JSON."""
        return [line for line in self.err.splitlines() if not line.startswith("{")]


async def typed(words: Sequence[str], environment: Mapping[str, str]) -> Told:
    """`python -m bot` with these words and nothing else of this environment, to its end. Raises TimeoutError."""
    with tempfile.TemporaryDirectory(prefix="tandem-typed-") as name:
        folder = Path(name)
        process = FORKS.Process(target=_type, args=(list(words), dict(environment), folder))
        await asyncio.to_thread(process.start)
        try:
            await asyncio.to_thread(process.join, WITHIN)
            if process.exitcode is None:
                raise TimeoutError(f"{words} had not ended after {WITHIN} s")
        finally:
            process.kill()
        return Told(process.exitcode, (folder / "out").read_text(), (folder / "err").read_text())


def _type(words: list[str], environment: dict[str, str], folder: Path) -> None:
    from bot.__main__ import main

    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        with (folder / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    status = main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
