"""From a run that went on without some of its steps to the plan that tries these again: nothing is looked at anew."""

from collections.abc import Mapping
from typing import Any

from bot import codec
from bot.engine.results import Stepping
from bot.journey import Last
from bot.operation import Plan, Refusal
from bot.retry import anew, joined
from bot.standing import last_of
from bot.store.store import Ledger, RunRow


async def retried(ledger: Ledger, deeds: Mapping[str, type[Any]], of: RunRow) -> Plan | Refusal:
    """What of that run is still to be done, by its own ledger and those of the runs that tried it since.

    Raises codec.UnknownDeed where this process cannot read the plan.
    """
    plan = codec.decode_plan(of.plan or "", deeds)
    lasts: list[Last] = []
    results: dict[str, Any] = {}
    for row in (of, *await ledger.retried(of.id)):
        if row.plan is not None:
            events = await ledger.events(row.id)
            lasts.append(last_of(events))
            results |= Stepping(codec.decode_plan(row.plan, deeds), events, {}).values
    return anew(of.tag, plan, joined(lasts), results)
