"""A replica of its own process: `python -m tests.recovery.replica DATABASE_URL FOLDER [POINT]` works until killed."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from bot.store.pool import open_pool
from tests.recovery.tripwire import Tripwire
from tests.support.factory import Factory
from tests.support.plugin import Home


async def main(url: str, folder: Path, fatal: str) -> None:
    pool: Any = await open_pool(url, size=4)
    kept = folder / ".kept"
    kept.mkdir(exist_ok=True)
    factory = Factory(Home("", "", url, pool, None), folder, Tripwire(pool, kept / "commits", fatal))
    await factory.worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
