"""A replica of its own process, which works until it is killed."""

import asyncio
from pathlib import Path
from typing import Any

from bot.store.pool import open_pool
from tests.recovery.tripwire import Tripwire
from tests.support.factory import Factory
from tests.support.plugin import Home


def work(url: str, folder: Path, fatal: str) -> None:
    """All that the process does; `fatal` is the point at which it kills itself, or ""."""
    asyncio.run(_work(url, folder, fatal))


async def _work(url: str, folder: Path, fatal: str) -> None:
    pool: Any = await open_pool(url, size=4)
    kept = folder / ".kept"
    kept.mkdir(exist_ok=True)
    factory = Factory(Home("", "", url, pool, None), folder, Tripwire(pool, kept / "commits", fatal))
    await factory.worker.run()
