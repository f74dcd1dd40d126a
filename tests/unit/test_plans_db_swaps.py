"""The plans of drop-old and swap-back: pure, from facts alone."""

from typing import Any

import pytest

from bot.connectors.http import MaintenanceOff, MaintenanceOn, Switches
from bot.connectors.postgres import Beside, DropDatabase
from bot.operation import Plan
from bot.plans import find
from handlers.ops.db import drop_old, swap_back
from tests.unit.test_plans_db_backups import API, AT, LIVE, OLD, RUN, SHOP, WEB, back, refused, well_formed

DROP = drop_old.Params(database=SHOP, name=OLD.name, reason="it was right")


def test_dropping_names_the_very_database_and_cannot_be_undone() -> None:
    plan = well_formed(drop_old.DropOld().plan(DROP, drop_old.Facts(run=RUN, at=AT, beside=OLD)))
    (step,) = plan.steps
    assert step.no_return
    assert step.does == DropDatabase(database=SHOP, name=OLD.name, oid=OLD.oid)
    assert (plan.loses[0].now, plan.loses[0].unit) == (70, "MiB")
    assert refused(drop_old.DropOld().plan(DROP, drop_old.Facts(run=RUN, at=AT, beside=None))).code == "no_such"


SWAP = swap_back.Params(database=SHOP, name=OLD.name, reason="the backup was too old")


def swap_facts(**changes: Any) -> swap_back.Facts:
    said: dict[str, Any] = {
        "live": LIVE,
        "beside": OLD,
        "names": ("shop", OLD.name),
        "services": ("web",),
        "switchless": (),
    }
    return swap_back.Facts(**{"run": RUN, "at": AT, **said, **changes})


def test_swapping_back_exchanges_the_very_two_and_keeps_the_present_one() -> None:
    plan = well_formed(swap_back.SwapBackDatabase().plan(SWAP, swap_facts()))
    swap = find(plan, "swap").does
    assert (swap.live_oid, swap.fresh, swap.aside) == (  # type: ignore[attr-defined]
        LIVE.oid,
        Beside(name=OLD.name, oid=OLD.oid),
        "shop_r142_old",
    )
    assert back(plan, "healthy") == [("swap", "undo"), ("open", "close"), ("reopen", "close")]
    assert plan.loses
    alone = well_formed(swap_back.SwapBackDatabase().plan(SWAP, swap_facts(services=())))
    assert [step.name for step in alone.steps] == ["shut", "swap", "open"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"beside": None}, "no_such"),
        ({"live": None}, "no_such"),
        ({"switchless": ("web",)}, "no_maintenance"),
        ({"names": ("shop_r142_old",)}, "name_taken"),
        ({"unending": "shop has 1 session of a superuser"}, "sessions"),
    ],
)
def test_swapping_back_is_refused_where_it_could_not_end_well(changes: dict[str, Any], code: str) -> None:
    assert refused(swap_back.SwapBackDatabase().plan(SWAP, swap_facts(**changes))).code == code


def test_swapping_back_switches_nothing_that_is_in_maintenance_already() -> None:
    def swapping(*services: str) -> Plan:
        facts = swap_facts(services=services, switches=Switches(on=("web",)))
        return well_formed(swap_back.SwapBackDatabase().plan(SWAP, facts))

    assert swapping("web").sentence.endswith("; web is in maintenance already and stays so")
    assert [step.name for step in swapping("web").steps] == ["shut", "swap", "open", "healthy"]
    assert back(swapping("web"), "healthy") == [("swap", "undo"), ("open", "close")]
    plan = swapping("web", "api")
    assert find(plan, "maintenance").does == MaintenanceOn(services=(API,))
    assert find(plan, "reopen").does == MaintenanceOff(services=(API,))
    assert find(plan, "look").does.check.services == (API,)  # type: ignore[attr-defined]
    assert find(plan, "healthy").does.check.services == (WEB, API)  # type: ignore[attr-defined]
    unseen = swap_facts(switches=Switches(unseen=("web's maintenance switch: no answer in 3 s",)))
    assert refused(swap_back.SwapBackDatabase().plan(SWAP, unseen)).code == "maintenance_unseen"
