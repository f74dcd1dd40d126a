"""A replica's engine: holds a lease, claims due runs, drives each in a task, and stops all when the lease goes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from bot.engine.lease import Lease
from bot.engine.runner import Runner
from bot.precedence import at_once
from bot.store.pool import DATABASE_AWAY, Outdated, StaleClaim
from bot.store.store import Claimed, Ledger, RunRow
from bot.telemetry import about

log = logging.getLogger("tandem.engine")


class Worker:
    """Claims and drives until stopped. `wake` is called in process after a commit; a sweep each second is the net."""

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        url: str,
        *,
        config: str,
        kinds: tuple[str, ...],
        lease: timedelta = timedelta(seconds=3),
        slots: int = 10,
        sweep_every: float = 1.0,
        after_sweep: Callable[[], Awaitable[None]] | None = None,
        turn: Callable[[], Awaitable[None]] = at_once,
        rested: Callable[[], None] = lambda: None,
    ) -> None:
        """`turn` is waited for before each claim, and must end: see bot/precedence.py. `rested` is called when a run
        has ended, waits or asks: people wait for that word.
        """
        self.ledger, self.runner, self.url = ledger, runner, url
        self.config, self.kinds, self.lease, self.slots = config, kinds, lease, slots
        self.sweep_every, self.after_sweep, self.turn, self.rested = sweep_every, after_sweep, turn, rested
        self._due = asyncio.Event()
        self._lost = asyncio.Event()
        self._draining = False
        self._checkpointed = 0  # the minute
        self._jobs: dict[asyncio.Task[None], bool] = {}  # whether it may take long
        self.ready = asyncio.Event()

    def wake(self) -> None:
        """Something was committed that may be due now."""
        self._due.set()

    async def run(self) -> None:
        """Until `drain` or cancellation; goes on through losses of the lease and of the database."""
        while not self._draining:
            try:
                await self._one_life()
            except (*DATABASE_AWAY, StaleClaim):
                pass
            except Outdated:
                log.error("the database is for a newer version of the bot: start that one in place of this")
                await asyncio.sleep(self.lease.total_seconds())
            except Exception as error:
                log.exception("a worker's life broke off", extra={"error": type(error).__name__})
            if not self._draining:
                self.ready.clear()
                await asyncio.sleep(self.lease.total_seconds() / 6)

    async def drain(self, within: float = 10.0) -> None:
        """No new claims; what runs may end, or is handed over."""
        self._draining = True
        self._due.set()
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=within)
        self._lost.set()

    async def _one_life(self) -> None:
        """One lease, from enlisting to its loss."""
        worker = uuid4()
        self._lost.clear()
        await self.ledger.come_home()
        await self.ledger.enlist(worker, self.lease, self.config, self.kinds)
        lease = Lease(self.url, worker, self.lease, self._lose)
        lease.start()
        sweeper = asyncio.create_task(self._sweeps())
        self.ready.set()
        try:
            await self._claims(worker)
        finally:
            sweeper.cancel()
            await self._end_jobs()
            await asyncio.to_thread(lease.stop)
            with suppress(*DATABASE_AWAY):
                await self.ledger.retire(worker)
                await self.runner.attempts.tell_late()

    def _lose(self) -> None:
        """The lease is about to run out: effects end before others may begin, however long a claim hangs."""
        self._lost.set()
        for job in self._jobs:
            job.cancel()

    async def _claims(self, worker: UUID) -> None:
        while not self._draining and not self._lost.is_set():
            self._due.clear()
            rows = await self._claim(worker)
            if self._lost.is_set():  # it came too late: whoever takes over has these soon
                return
            for row in rows:
                job = asyncio.create_task(self._drive(Claimed(run=row.id, worker=worker, fence=row.fence), row))
                self._jobs[job] = row.long
                job.add_done_callback(self._job_done)
            if not rows:
                await self._first_of(self._due, self._lost)
        while self._draining and self._jobs and not self._lost.is_set():
            self._due.clear()
            await self._first_of(self._due, self._lost)

    async def _claim(self, worker: UUID) -> list[RunRow]:
        await self.turn()
        free = self.slots - len(self._jobs)
        if free <= 0 or self._draining or self._lost.is_set():
            return []
        long = max(1, self.slots - 1) - sum(self._jobs.values())  # one is kept for those that are over soon
        return await self.ledger.claim(worker, free, long)

    async def _first_of(self, *events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=self.sweep_every, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _job_done(self, job: "asyncio.Task[None]") -> None:
        self._jobs.pop(job, None)
        self._due.set()
        self.rested()

    async def _drive(self, claimed: Claimed, row: RunRow) -> None:
        with about(row.id):
            try:
                await self.runner.drive(claimed, row)
            except StaleClaim:
                log.warning("lost the claim")
            except Exception as error:
                log.exception("the engine broke off", extra={"error": type(error).__name__})
                await self._let_go(claimed)

    async def _let_go(self, claimed: Claimed) -> None:
        """Another claim finds out how it stands; the claims that brought nothing are counted, for poison."""
        try:
            await self.ledger.drop(claimed)
        except StaleClaim:
            pass
        except DATABASE_AWAY:
            self._lost.set()  # nothing can be promised: begin a new life, and take the run over like anybody else

    async def _sweeps(self) -> None:
        while True:
            await asyncio.sleep(self.sweep_every)
            await self._unbroken("the sweep", self.ledger.sweep)
            await self._unbroken("late words", self.runner.attempts.tell_late)
            await self._unbroken("what each minute brings", self._each_minute)
            if self.after_sweep:  # whatever became of the sweep
                await self._unbroken("what follows the sweep", self.after_sweep)

    async def _unbroken(self, what: str, does: Callable[[], Awaitable[Any]]) -> None:
        try:
            await does()
        except DATABASE_AWAY:
            return
        except Exception as error:
            log.exception("%s broke off", what, extra={"error": type(error).__name__})

    async def _each_minute(self) -> None:
        """The checkpoint, of which the first replica's counts, and the erasure of what nobody needs any more."""
        minute = int(time.time() // 60)
        if minute != self._checkpointed:
            await self.ledger.checkpoint()
            self._checkpointed = minute
            await self.ledger.lapse()

    async def _end_jobs(self) -> None:
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        for job in jobs:
            with suppress(asyncio.CancelledError, Exception):
                await job
