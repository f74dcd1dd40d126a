"""A sweep goes through many items batch by batch: each batch is an attempt of its own in the ledger."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from bot import codec
from bot.effect import Permanent, Sweep, Swept, Temporary
from bot.engine.attempts import Attempts, Trying, bounded, name, said
from bot.journey import Perform
from bot.model import Entry, Mark, Way
from bot.operation import Step
from bot.store.pool import StaleClaim
from bot.store.store import Claimed


def so_far(told: Mapping[str, Any]) -> dict[str, Any]:
    """How far a sweep came: the last item that is over, and the counts up to it."""
    return {key: told[key] for key in ("after", "counts") if key in told}


def left_by(started: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[Mark, dict[str, Any]]:
    """What a batch whose worker ended comes to: how far it came, and the one item of which nobody knows.

    `started` is the body of its *started*, `told` what it noted since. Without an item nothing is in doubt.
    """
    far = so_far(told or started)
    if not told:
        items = started.get("items")
        return (Mark.UNKNOWN, far | {"item": items[0]}) if items else (Mark.AGAIN, far)
    if "next" not in told:  # noted by an older version
        return Mark.UNKNOWN, far
    return (Mark.UNKNOWN, far | {"item": told["next"]}) if told["next"] else (Mark.AGAIN, far)


def counted(body: Mapping[str, Any]) -> dict[str, Any]:
    """How far a sweep came, if the item in doubt counts as done."""
    counts = Swept(**body.get("counts", {}))
    return {"after": body["item"], "counts": counts.model_copy(update={"done": counts.done + 1}).model_dump()}


class Sweeping:
    """Carries out one batch at a time; each item that is over is noted, so that a crash leaves one in doubt at most."""

    def __init__(self, attempts: Attempts) -> None:
        self.attempts, self.ledger = attempts, attempts.ledger

    async def batch(
        self, c: Claimed, tag: str, step: Step[Any], act: Perform, results: dict[str, Any], before: Entry | None
    ) -> bool:
        """One batch. False where it is too late to start it."""
        deed = step.does
        assert isinstance(deed, Sweep)  # noqa: S101
        begun = so_far(before.body) if before else {}
        try:
            filled = codec.fill(deed, results)
            on = await self.attempts.connectors.hands(filled)
            items = list(await filled.page(on, begun.get("after")))[: deed.batch]
        except Exception as error:  # noqa: BLE001  nothing of this batch was begun
            return await self._not_begun(c, step, act, said(error, f"it could not list the items ({name(error)})"))
        opening = {"items": [key for key, _ in items[:20]], "of": len(items), **begun}
        trying = Trying(tag, step.name, act.way, act.attempt, deed.timeout)
        if await self.ledger.started(c, step.name, act.way, act.attempt, deed.timeout, opening) is None:
            return False
        if not items:
            counts = Swept(**begun.get("counts", {}))
            await self._end(c, step, act, Mark.DONE, {"result": counts.model_dump()})
            return True
        mark, body = await self._each(c, filled, on, items, trying, begun)
        await self._end(c, step, act, mark, body)
        return True

    async def _each(
        self,
        c: Claimed,
        deed: Sweep[Any],
        on: Any,
        items: Sequence[tuple[str, Any]],
        trying: Trying,
        begun: dict[str, Any],
    ) -> tuple[Mark, dict[str, Any]]:
        """Goes through one batch: how it ended, and how far it came."""
        counts, after, key = Swept(**begun.get("counts", {})), begun.get("after"), ""
        try:
            for (key, item), following in zip_longest(items, [key for key, _ in items[1:]]):
                if begun.get("after") != after and not trying.left:
                    break  # between two items nothing is in the air: the next batch begins here
                counts = await self._one(deed, on, key, item, trying, counts)
                begun = {"after": key, "counts": counts.model_dump()}
                told = {"done": counts.done, "total": None, "note": key, "next": following, **begun}
                await self.ledger.note(c, {trying.step: told})
                await asyncio.sleep(1 / deed.per_second)  # its pace, when the item is already noted
        except StaleClaim:
            raise
        except Exception as error:  # noqa: BLE001  nobody knows of this item
            if begun.get("after") != key:
                why = f"no answer that proves anything ({name(error)})"
                return Mark.UNKNOWN, {"why": why, "item": key, **begun}
        return Mark.AGAIN, begun

    async def _one(self, deed: Sweep[Any], on: Any, key: str, item: Any, trying: Trying, counts: Swept) -> Swept:
        trying.key = f"{trying.key.split('#')[0]}#{key}"
        try:
            await bounded(deed.one(on, item, trying), trying)
        except (Temporary, Permanent):
            return counts.model_copy(update={"failed": counts.failed + 1})
        return counts.model_copy(update={"done": counts.done + 1})

    async def _not_begun(self, c: Claimed, step: Step[Any], act: Perform, why: str) -> bool:
        started = await self.ledger.started(c, step.name, act.way, act.attempt, step.does.timeout, {})  # type: ignore[attr-defined]
        if started is None:
            return False
        await self._end(c, step, act, Mark.NOT_DONE, {"why": why})
        return True

    async def _end(self, c: Claimed, step: Step[Any], act: Perform, mark: Mark, body: dict[str, Any]) -> None:
        await self.ledger.settled(c, step.name, Way.DO, act.attempt, mark, body)
