"""Work that is due, taken up by several at once; what each of them holds is renewed for as long as it works."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import TypeVar

from bot.store.pool import DATABASE_AWAY, LostHold

T = TypeVar("T")
RENEWALS = 4  # in the time of one hold
log = logging.getLogger("tandem.places")


async def keep_busy(
    places: int,
    claim: Callable[[int], Awaitable[Sequence[T]]],
    work: Callable[[T], Awaitable[None]],
    due: asyncio.Event,
) -> None:
    """Until cancelled. `claim` is asked for work for so many free places, at least once a second and after each `due`.

    What breaks off was not done, stays due, and takes nothing beside it along; what takes long holds up nothing.
    """
    async with asyncio.TaskGroup() as group:
        busy: set[asyncio.Task[None]] = set()

        def free(done: asyncio.Task[None]) -> None:
            busy.discard(done)
            due.set()

        async def one(taken: T) -> None:
            with _unbroken():
                await work(taken)

        while True:
            due.clear()
            with _unbroken():
                for taken in await claim(places - len(busy)):
                    task = group.create_task(one(taken))
                    busy.add(task)
                    task.add_done_callback(free)
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await due.wait()


@contextmanager
def _unbroken() -> Iterator[None]:
    try:
        yield
    except DATABASE_AWAY:
        pass
    except Exception as error:
        log.exception("what was due broke off", extra={"error": type(error).__name__})


@asynccontextmanager
async def kept(renew: Callable[[], Awaitable[None]], hold: timedelta) -> AsyncIterator[None]:
    """Renews a hold for as long as Slack takes; where it is lost, the owner's next write says so."""

    async def renewing() -> None:
        with suppress(LostHold):
            while True:
                await asyncio.sleep(hold.total_seconds() / RENEWALS)
                with suppress(*DATABASE_AWAY):
                    await renew()

    keeper = asyncio.create_task(renewing())
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
