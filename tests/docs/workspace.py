"""The local workspace for one test of the docs, ended also where the test's process is killed."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from deploy.local.stage import Stage
from tests.databases import SessionServer

ORDERS = 6000  # a shop that is soon there
FROM_OUTSIDE = ("MAKE", "MFLAGS", "ARGS", "WORKERS", "TANDEM_", "SLACK", "PYTEST_")


@asynccontextmanager
async def workspace() -> AsyncIterator[Stage]:
    """Everything `make run` starts, on a home of its own."""
    place = SessionServer()
    stage = Stage(place.home, keep=False, orders=ORDERS)
    try:
        await stage.start()
        yield stage
    finally:
        await stage.stop()
        await asyncio.to_thread(place.close)


def clean(**more: str) -> Mapping[str, str]:
    """The environment as somebody has it who types a command in a fresh shell."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FROM_OUTSIDE)} | more
