"""The machine finds no fault with the plan of any handler; each that makes steps has its sample here."""

from datetime import timedelta
from typing import Any

import pytest

import bot.connectors
import handlers
from bot import codec, discovery
from bot.connectors.tandem import Given, Kept, Terms
from bot.operation import Personal, Plan, Schedule, Service
from bot.plans import covers, faults
from handlers.incident import resolve
from handlers.ops.approvals import delegate, withdraw
from handlers.ops.db import backup, drop_old, kill_idle, slow_log
from handlers.ops.personal import erase
from handlers.ops.schedule import approve
from handlers.ops.schedule import withdraw as end_standing
from handlers.ops.user import unban
from handlers.release import freeze, unfreeze
from tests.unit import test_plans_approvals as approvals
from tests.unit import test_plans_db_backups as backups
from tests.unit import test_plans_db_swaps as swaps
from tests.unit import test_plans_incidents as incidents
from tests.unit import test_plans_users_and_sessions as users

AT, RUN, SHOP = users.AT, users.RUN, users.SHOP
CATALOGUE = discovery.load(handlers).catalogue
DEEDS = discovery.deeds(bot.connectors).classes
PRUNE = Schedule(key="prune")
TERMS = Terms(
    schedule="prune", hash="5e", command="ops db restore", lasts=timedelta(days=30), at_most={"rows": 1000.0},
    given=Given(run="r101", people=("ben", "cleo"), until=AT + timedelta(days=20)),
)  # fmt: skip
SOMEBODY = Personal(f"p-{'0' * 32}")
# What each is asked, and what it sees: enough for a plan that has something to do.
SAMPLES: dict[str, tuple[Any, Any]] = {
    "incident declare": (incidents.params(), incidents.facts()),
    "incident resolve": (resolve.Params(incident="r7"), resolve.Facts(run=RUN, at=AT, open=(incidents.OPEN,))),
    "ops approvals delegate": (
        delegate.Params(to={"key": "ben"}, reason="on leave"),
        delegate.Facts(run=approvals.RUN, at=approvals.AT, giver=approvals.CLEO, taker=approvals.BEN, absences=()),
    ),
    "ops approvals withdraw": (
        withdraw.Params(delegation="r7", reason="back"),
        withdraw.Facts(
            run=approvals.RUN, at=approvals.AT, absences=(approvals.absence("cleo", "ben"),),
            members={"cleo": approvals.CLEO, "ben": approvals.BEN},
        ),
    ),
    "ops db backup": (backup.Params(database=SHOP, name="x"), backup.Facts(run=RUN, at=AT, taken=False)),
    "ops db drop-old": (swaps.DROP, drop_old.Facts(run=RUN, at=AT, beside=backups.OLD)),
    "ops db kill-idle": (
        kill_idle.Params(database=SHOP),
        kill_idle.Facts(run=RUN, at=AT, strictest=True, found=(users.backend(1, state="idle"),)),
    ),
    "ops db kill-queries": (users.KILL, users.kill_facts(users.backend(7))),
    "ops db restore": (backups.RESTORE, backups.restore_facts()),
    "ops db slow-log": (users.SLOW, slow_log.Facts(run=RUN, at=AT, parameter=users.parameter(), services=())),
    "ops db swap-back": (swaps.SWAP, swaps.swap_facts()),
    "ops db verify-backup": (backups.VERIFY, backups.verify_facts()),
    "ops personal erase": (
        erase.Params(value=SOMEBODY, reason="request 4711"),
        erase.Facts(
            run=RUN, at=AT, values=(SOMEBODY,), kept=Kept(at_most=3, values=2, people=1, runs=("r8", "r9"), live=())
        ),
    ),
    "ops schedule approve": (
        approve.Params(schedule=PRUNE, reason="reviewed"),
        approve.Facts(run=RUN, at=AT, terms=TERMS, line="/ops db pool", cron="0 2 * * *", zone="UTC", reason=""),
    ),
    "ops schedule withdraw": (
        end_standing.Params(schedule=PRUNE, reason="moved"), end_standing.Facts(run=RUN, at=AT, terms=TERMS)
    ),
    "ops user ban": (users.BAN, users.ban_facts()),
    "ops user unban": (
        unban.Params(database=SHOP, user_id=str(users.USER), reason="appeal granted"),
        unban.Facts(
            run=RUN, at=AT, mail=True, user=users.user(banned=True, banned_until=AT + timedelta(days=1), ban="ban-r9")
        ),
    ),
    "release freeze": (freeze.Params(service=Service(key="shop"), reason="sale"), users.freeze_facts()),
    "release unfreeze": (
        unfreeze.Params(freeze="freeze-r7", reason="over"), unfreeze.Facts(run=RUN, at=AT, freezes=(users.frozen(),))
    ),
}  # fmt: skip


def test_every_handler_that_makes_steps_has_its_sample() -> None:
    making = {name for name, entry in CATALOGUE.entries.items() if "Step(" in entry.path.read_text()}
    assert making == set(SAMPLES)


@pytest.mark.parametrize("command", SAMPLES)
def test_its_plan_has_no_fault_and_is_the_same_after_it_was_stored(command: str) -> None:
    params, facts = SAMPLES[command]
    entry = CATALOGUE.get(command)
    assert (type(params), type(facts)) == (entry.params, entry.facts)
    plan = entry.operation.plan(params, facts)
    assert isinstance(plan, Plan), plan
    assert plan.steps, "the sample has nothing to do"
    assert faults(plan) == []
    stored = codec.encode_plan(plan)
    again = codec.decode_plan(stored, DEEDS)
    assert codec.encode_plan(again) == stored
    assert covers(again, plan)
