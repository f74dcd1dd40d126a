"""What a run's steps returned, as its ledger has it."""

from collections.abc import Sequence
from typing import Any

from bot import codec
from bot.model import Event, Mark, Way
from bot.operation import Plan
from bot.plans import find


class NoResults:
    """The results of a run that had no steps."""

    def get(self, ref: Any) -> None:
        return None


class Stepping:
    """What a run's steps returned, read from the ledger; sealed ones are opened only for an effect."""

    def __init__(self, plan: Plan, events: Sequence[Event], boxes: dict[str, Any]) -> None:
        self._values: dict[str, Any] = dict(boxes)
        for event in events:
            if event.mark is Mark.DONE and event.way is Way.DO and event.step and "result" in event.body:
                deed = find(plan, event.step).does
                self._values[event.step] = codec.decode_result(deed, event.body["result"])
            elif event.mark is Mark.DONE and event.way is Way.DO and event.step:
                self._values.setdefault(event.step, None)

    def get(self, ref: Any) -> Any:
        return self._values.get(ref.step)

    @property
    def values(self) -> dict[str, Any]:
        return self._values
