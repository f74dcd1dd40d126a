"""One attempt at one step: *started* is committed before it, its end after it; what nobody knows is unknown."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from bot import codec
from bot.effect import CannotTell, Effect, Happened, No, Permanent, Secret, Survival, Temporary, Yes
from bot.engine.reach import Connectors
from bot.journey import Perform, Probe
from bot.model import Choice, Mark, Record, Way
from bot.operation import Step
from bot.plans import deed_of
from bot.seal import Seal
from bot.store.pool import DATABASE_AWAY, NotTaken, StaleClaim
from bot.store.store import Claimed, Ledger

log = logging.getLogger("tandem.engine")
REFUTED = "It was looked at again after somebody said that it happened: it did not."
OTHER_TYPE = "it answered something else than it declares"
PROGRESS_EVERY = 1.0  # seconds between two notes of progress, and between two looks at whether somebody cancelled


class Trying:
    """The Attempt that is given to an effect. Its time is measured here, whatever this machine's clock says."""

    def __init__(self, tag: str, step: str, way: Way, number: int, within: timedelta) -> None:
        role = step if way is Way.DO else f"{step}.{way}"
        self.key = f"{tag}/{role}"
        self.step, self.number = step, number
        self.session = f"tandem/{tag}/{role}/{number}"
        self.deadline = datetime.now(UTC) + within
        self._ends = time.monotonic() + within.total_seconds()
        self.latest: dict[str, Any] = {}
        self.cancelled = False

    @property
    def left(self) -> float:
        """Seconds until its deadline; 0 from then on."""
        return max(0.0, self._ends - time.monotonic())

    async def progress(self, done: float, total: float | None = None, note: str = "", unit: str = "") -> None:
        """Kept in memory and written by the engine's own pace: an effect may call this as often as it likes."""
        self.latest = {"done": done, "total": total, "note": note, "unit": unit}

    async def stopping(self) -> bool:
        return self.cancelled


class Ended(Record):
    """How an attempt ended."""

    mark: Mark
    body: dict[str, Any] = {}
    value: Any = None


class Attempts:
    """Carries out, probes and bars attempts. What an effect raises never leaves this class."""

    def __init__(self, ledger: Ledger, connectors: Connectors, seal: Seal) -> None:
        self.ledger, self.connectors, self.seal = ledger, connectors, seal
        self._untold: list[tuple[Claimed, str, Way, int, dict[str, Any]]] = []

    async def perform(self, c: Claimed, tag: str, step: Step[Any], act: Perform, results: dict[str, Any]) -> bool:
        """Does one attempt of an effect. False where it is too late to start it: people are asked."""
        deed = deed_of(step, act.way)
        assert isinstance(deed, Effect)  # noqa: S101  the runner sends only effects here
        body = {"closes": step.closes} if step.closes else {}
        within = self.connectors.within(deed)
        trying = Trying(tag, step.name, act.way, act.attempt, within)
        if await self.ledger.started(c, step.name, act.way, act.attempt, within, body) is None:
            return False
        if deed.survives is Survival.OURS:
            await self._record(c, step, act, codec.fill(deed, results))
            return True
        ended = await self._do(c, step, deed, trying, results)
        await self._settle(c, step, act, deed, ended)
        return True

    async def _record(self, c: Claimed, step: Step[Any], act: Perform, deed: Effect[Any]) -> None:
        own = {"record": type(deed).__name__, **deed.model_dump(mode="json")}
        try:
            await self.ledger.settled(c, step.name, act.way, act.attempt, Mark.DONE, {}, own=own)
        except NotTaken as why:
            await self.ledger.settled(c, step.name, act.way, act.attempt, Mark.FAILED, {"why": str(why)})

    async def _do(
        self, c: Claimed, step: Step[Any], deed: Effect[Any], trying: Trying, results: dict[str, Any]
    ) -> Ended:
        try:
            filled = codec.fill(deed, results)
            on = await self.connectors.hands(filled)
        except Exception as error:  # noqa: BLE001  nothing was sent yet: surely not done
            return Ended(
                mark=Mark.NOT_DONE, body={"why": said(error, f"it could not reach its target ({name(error)})")}
            )
        task = asyncio.ensure_future(bounded(filled.do(on, trying), trying))
        pulse = asyncio.ensure_future(self._pulse(c, step, deed, trying, task))
        try:
            return Ended(mark=Mark.DONE, value=await task)
        except Temporary as error:
            return Ended(mark=Mark.NOT_DONE, body=_told(error))
        except Permanent as error:
            return Ended(mark=Mark.FAILED, body=_told(error))
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if task.cancelled() and not (me and me.cancelling()):
                return _cut_short(trying)
            raise  # this worker has lost the run, or is ending: whoever takes over finds out
        except Exception as error:  # whatever it was, nobody knows what happened
            log.warning("an effect broke off", exc_info=error, extra={"step": step.name})
            return Ended(mark=Mark.UNKNOWN, body={"why": f"no answer that proves anything ({name(error)})"})
        finally:
            for job in (pulse, task):
                job.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await job

    async def _pulse(
        self, c: Claimed, step: Step[Any], deed: Effect[Any], trying: Trying, task: "asyncio.Future[Any]"
    ) -> None:
        """Writes progress at the engine's pace, and cancels a stoppable effect once somebody wishes it."""
        told: dict[str, Any] = {}
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            if trying.latest == told and not deed.stoppable:
                continue
            told = trying.latest
            try:
                wish = await self.ledger.note(c, {step.name: told} if told else {})
            except StaleClaim:  # whoever took the run over bars this attempt: it ends here
                task.cancel()
                return
            except (*DATABASE_AWAY, asyncpg.PostgresError) as error:  # the effect goes on, and so does looking after it
                log.warning("progress could not be noted", extra={"step": step.name, "error": type(error).__name__})
                continue
            if wish and deed.stoppable and not trying.cancelled:
                trying.cancelled = True
                task.cancel()

    async def _settle(self, c: Claimed, step: Step[Any], act: Perform, deed: Effect[Any], ended: Ended) -> None:
        body, box = dict(ended.body), None
        if ended.mark is Mark.DONE:
            try:
                body, box = self._written(c, step, deed, ended.value)
            except ValueError:
                body = {"why": OTHER_TYPE}
                ended = Ended(mark=Mark.UNKNOWN, body=body)
        try:
            await self.ledger.settled(c, step.name, act.way, act.attempt, ended.mark, body, box=box)
        except (StaleClaim, asyncio.CancelledError, *DATABASE_AWAY):  # another worker has the run, or soon will
            self._untold.append((c, step.name, act.way, act.attempt, {"ended": ended.mark, **ended.body}))
            raise

    async def tell_late(self) -> None:
        """What attempts came to that their worker could not write down: evidence beside the question."""
        while self._untold:
            word = self._untold.pop(0)
            try:
                await self.ledger.late(*word)
            except DATABASE_AWAY:
                self._untold.insert(0, word)
                raise

    def _written(
        self, c: Claimed, step: Step[Any], deed: Effect[Any], value: Any
    ) -> tuple[dict[str, Any], bytes | None]:
        """A result as it is stored: JSON in the event, or a sealed box. Raises ValueError for a wrong type."""
        if codec.result_type(deed) is Secret:
            if not isinstance(value, Secret):
                raise ValueError(OTHER_TYPE)
            return {"sealed": True}, self.seal.box(f"{c.run}/{step.name}", value)
        return {"result": codec.encode_result(deed, value)}, None

    async def probe(self, c: Claimed, tag: str, step: Step[Any], act: Probe, results: dict[str, Any]) -> None:
        """Asks whether an unknown attempt happened, and writes down the answer."""
        deed = deed_of(step, act.way)
        assert isinstance(deed, Effect)  # noqa: S101
        found = await self._asked(deed, Trying(tag, step.name, act.way, act.attempt, deed.timeout), results)
        written: tuple[dict[str, Any], bytes | None] = {}, None
        if isinstance(found, Yes):
            try:
                written = self._written(c, step, deed, found.value)
            except ValueError:
                found = CannotTell(OTHER_TYPE)
        mark, body, box = Mark.UNKNOWN, {"cannot_tell": True, "why": getattr(found, "why", "")}, written[1]
        if isinstance(found, Yes):
            mark, body = Mark.DONE, written[0] | {"probed": True}
        elif isinstance(found, No) and act.said:
            body |= {"refuted": True, "why": REFUTED}
        elif isinstance(found, No):
            mark, body = Mark.AGAIN, {"probed": True}
        elif act.said:  # nothing speaks against what people say
            mark, body = Mark.DONE, {"choice": Choice.HAPPENED}
        await self.ledger.settled(c, step.name, act.way, act.attempt, mark, body, box=box)

    async def _asked(self, deed: Effect[Any], trying: Trying, results: dict[str, Any]) -> Happened[Any]:
        try:
            filled = codec.fill(deed, results)
            on = await self.connectors.hands(filled)
            return await bounded(filled.happened(on, trying), trying)  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001  a probe that breaks can tell nothing
            return CannotTell(f"the probe got no answer ({name(error)})")

    async def bar(self, tag: str, step: Step[Any], way: Way, attempt: int, results: dict[str, Any]) -> bool:
        """Whether attempts up to this one can surely no longer act."""
        deed = deed_of(step, way)
        if not isinstance(deed, Effect) or deed.survives is Survival.OURS:
            return True
        trying = Trying(tag, step.name, way, attempt + 1, deed.timeout)
        try:
            filled = codec.fill(deed, results)
            return await filled.bar(await self.connectors.hands(filled), trying)
        except Exception:  # noqa: BLE001  not proved
            return False


def _told(error: Temporary | Permanent) -> dict[str, Any]:
    return {"why": str(error)} | ({"output": list(error.output)} if error.output else {})


def _cut_short(trying: Trying) -> Ended:
    """Somebody stopped it, or it cancelled itself."""
    if trying.cancelled:
        return Ended(mark=Mark.FAILED, body={"why": "stopped by a person", "partly": True})
    return Ended(mark=Mark.UNKNOWN, body={"why": "no answer that proves anything (CancelledError)"})


async def bounded(work: Awaitable[Any], trying: Trying) -> Any:
    async with asyncio.timeout(trying.left):
        return await work


def name(error: BaseException) -> str:
    """All that is told outward of an exception we did not write: its class, and a code where there is one."""
    code = getattr(error, "sqlstate", None) or getattr(error, "status", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def said(error: BaseException, otherwise: str) -> str:
    """Our own sentence where the error carries one."""
    return str(error) if isinstance(error, (Temporary, Permanent, LookupError)) else otherwise
