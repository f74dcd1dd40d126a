"""The plans of backup, verify-backup and restore: pure, from facts alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import bot.connectors
from bot import codec, discovery
from bot.connectors.http import MaintenanceOff, MaintenanceOn, Switches
from bot.connectors.postgres import Beheld, DropDatabase, OpenDoor, SwapBack, Written
from bot.connectors.vault import Backup, Load, Verified
from bot.model import Entry, Mark, Risk, Way
from bot.operation import Answer, Database, IfFails, Plan, Refusal, RunRef, Service
from bot.plans import covers, faults, find, way_back
from handlers.ops.db import backup, restore, verify_backup
from tests.unit.paper import Results

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RUN = RunRef(tag="r142", requester="ana")
SHOP = Database(key="shop")
WEB, API = Service(key="web"), Service(key="api")
DEEDS = discovery.deeds(bot.connectors).classes
LIVE = Beheld(name="shop", oid=16400, open=True, bytes=80 << 20)
OLD = Beheld(name="shop_r140_old", oid=16390, open=False, bytes=70 << 20)


def a_backup(**changes: Any) -> Backup:
    said: dict[str, Any] = {
        "name": "shop-20261121T0200-full",
        "database": "shop",
        "kind": "full",
        "taken_at": AT - timedelta(minutes=7),
        "took": timedelta(seconds=42),
        "bytes": 3 << 20,
        "plain_bytes": 9 << 20,
        "database_bytes": 80 << 20,
        "sha256": "ab" * 32,
        "server_version": 18,
        "dump_version": 18,
        "tables": 3,
        "rows": 5520,
        "verified": Verified(at=AT, tables=3, rows=5520),
    }
    return Backup(**{**said, **changes})


def well_formed(plan: Plan | Refusal) -> Plan:
    """The plan, after the machine has found no fault with it and it survived storage."""
    assert isinstance(plan, Plan), plan
    assert faults(plan) == []
    assert all(step.tells[:1].isupper() for step in plan.steps), "a card says each step in words"
    assert codec.encode_plan(codec.decode_plan(codec.encode_plan(plan), DEEDS)) == codec.encode_plan(plan)
    assert covers(codec.decode_plan(codec.encode_plan(plan), DEEDS), plan)
    return plan


def refused(plan: Plan | Refusal) -> Refusal:
    assert isinstance(plan, Refusal), plan
    return plan


def back(plan: Plan, last: str) -> list[tuple[str, str]]:
    """What is undone and closed when everything before `last` was done and `last` failed for good."""
    names = [step.name for step in plan.steps]
    done = names[: names.index(last)]
    ledger = {
        (name, Way.DO): Entry(seq=n, step=name, way=Way.DO, attempt=1, mark=Mark.DONE, at=AT)
        for n, name in enumerate(done)
    }
    ledger[last, Way.DO] = Entry(seq=99, step=last, way=Way.DO, attempt=1, mark=Mark.FAILED, at=AT)
    return [(act.step, act.way.value) for act in way_back(plan, ledger)]


# restore --------------------------------------------------------------------------------------------------------------
RESTORE = restore.Params(database=SHOP, backup="shop-20261121T0200-full", reason="orders were deleted")


def restore_facts(**changes: Any) -> restore.Facts:
    said: dict[str, Any] = {
        "backup": a_backup(),
        "live": LIVE,
        "names": ("postgres", "shop"),
        "version": 18,
        "free": 10 << 30,
        "written": Written(rows=4212),
        "services": ("web", "api"),
        "switchless": (),
    }
    return restore.Facts(**{"run": RUN, "at": AT, **said, **changes})


def restoring(**changes: Any) -> Plan:
    return well_formed(restore.RestoreDatabase().plan(RESTORE, restore_facts(**changes)))


def test_a_restore_goes_safety_first_beside_then_swaps_under_maintenance() -> None:
    assert [step.name for step in restoring().steps] == [
        *("safety", "load", "verify", "maintenance", "public", "shut", "swap", "open", "healthy", "reopen", "look"),
    ]


def test_a_restore_takes_its_names_from_the_run_and_carries_the_live_oid() -> None:
    plan = restoring()
    load, swap = find(plan, "load").does, find(plan, "swap").does
    assert isinstance(load, Load)
    assert load.into == "shop_r142_new"
    assert (swap.live_oid, swap.aside, swap.fresh) == (16400, "shop_r142_old", find(plan, "load").result)  # type: ignore[attr-defined]
    assert find(plan, "safety").does.name == "before-r142"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("safety", []),
        ("load", []),
        ("verify", [("load", "undo")]),
        ("public", [("reopen", "close"), ("load", "undo")]),
        ("shut", [("reopen", "close"), ("load", "undo")]),
        ("swap", [("open", "close"), ("reopen", "close"), ("load", "undo")]),
        ("healthy", [("swap", "undo"), ("open", "close"), ("reopen", "close"), ("load", "undo")]),
        ("look", []),
    ],
)
def test_a_restore_that_fails_goes_back_in_order_until_maintenance_is_off(last: str, expected: list[Any]) -> None:
    assert back(restoring(), last) == expected


def test_what_a_restore_undoes_bears_a_step_that_did_not_finish() -> None:
    plan = restoring()
    assert find(plan, "load").undo == DropDatabase(database=SHOP, name="shop_r142_new")
    assert isinstance(find(plan, "swap").undo, SwapBack)
    assert find(plan, "open").does == OpenDoor(database=SHOP)
    assert find(plan, "look").if_fails is IfFails.ASK


def test_a_way_back_that_keeps_what_was_restored_is_in_the_plan() -> None:
    keeps = "Healthy behind maintenance (if not, what was restored is kept as shop_r142_kept)"
    assert find(restoring(), "healthy").tells == keeps


def test_a_restore_without_services_has_its_barrier_at_the_opened_door() -> None:
    plan = restoring(services=())
    assert [step.name for step in plan.steps] == ["safety", "load", "verify", "shut", "swap", "open"]
    assert find(plan, "open").no_return


def test_a_service_that_is_in_maintenance_already_is_touched_by_no_step_and_named() -> None:
    plan = restoring(switches=Switches(on=("web",)))
    assert plan.sentence.endswith("; web is in maintenance already and stays so")
    assert find(plan, "maintenance").does == MaintenanceOn(services=(API,))
    assert find(plan, "reopen").does == MaintenanceOff(services=(API,))
    looks = {name: find(plan, name).does.check.services for name in ("public", "healthy", "look")}  # type: ignore[attr-defined]
    assert looks == {"public": (WEB, API), "healthy": (WEB, API), "look": (API,)}
    told = restore.RestoreDatabase().answer(RESTORE, restore_facts(switches=Switches(on=("web",))), Results())
    assert told
    assert told.lines[-1] == "web is in maintenance already and stays so."
    assert not covers(restoring(), plan)
    assert not covers(plan, restoring())


def test_where_all_services_are_in_maintenance_already_nothing_is_switched() -> None:
    plan = restoring(switches=Switches(on=("web", "api")))
    assert plan.sentence.endswith("; web and api are in maintenance already and stay so")
    names = ["safety", "load", "verify", "public", "shut", "swap", "open", "healthy"]
    assert [step.name for step in plan.steps] == names
    assert back(plan, "healthy") == [("swap", "undo"), ("open", "close"), ("load", "undo")]


def test_a_switch_that_does_not_say_how_it_stands_refuses() -> None:
    facts = restore_facts(switches=Switches(unseen=("api's maintenance switch: no answer in 3 s",)))
    told = refused(restore.RestoreDatabase().plan(RESTORE, facts))
    assert told.code == "maintenance_unseen"
    assert told.sentence.startswith("api's maintenance switch: no answer in 3 s. So nobody can say")


def test_a_restores_losses_are_shown_with_bounds() -> None:
    minutes, rows = restoring().loses
    assert (minutes.now, minutes.at_most, minutes.unit) == (7, 52, "minutes")
    assert (rows.now, rows.at_most, rows.at_least) == (4212, 4212 + 2 * 18954 + 1000, False)


def test_a_restores_losses_say_that_people_write_until_the_door_closes() -> None:
    plan = restoring()
    assert find(plan, "shut").tells == "Close shop"
    assert plan.loses[0].what.endswith(", and whatever is written until “Close shop”")


@pytest.mark.parametrize("age", [5, 10, 44, 45, 600])
def test_a_steady_stream_of_writes_stays_within_the_bound_for_as_long_as_an_approval_stands(age: int) -> None:
    """Thirty minutes until it is approved, fifteen more until it starts; an hour later it does not cover."""

    def after(wait: int, rate: int = 1000) -> Plan:
        taken, at = a_backup(taken_at=AT - timedelta(minutes=age)), AT + timedelta(minutes=wait)
        return restoring(at=at, backup=taken, written=Written(rows=rate * (age + wait)))

    assert covers(after(0), after(45))
    assert not covers(after(0), after(105))


def test_a_lower_bound_is_flagged_and_an_approval_of_an_exact_count_does_not_cover_it() -> None:
    exact, floor = restoring(), restoring(written=Written(rows=4000, at_least=True, why="the server crashed"))
    unknown = restoring(written=Written(rows=None, at_least=True, why="it is another database than then"))
    assert floor.loses[1].at_least
    assert (unknown.loses[1].now, unknown.loses[1].at_most) == (None, None)
    assert unknown.loses[1].what.endswith("nobody can say how many: it is another database than then")
    assert floor.loses[2].what == "more rows, nobody can say how many: the server crashed"
    assert (floor.loses[2].now, floor.loses[2].at_most, floor.loses[2].unit) == (None, None, "rows")  # beyond any bound
    assert not covers(exact, floor)
    assert not covers(exact, unknown)
    assert covers(floor, floor)
    assert covers(floor, exact)


def test_what_the_figure_of_rows_holds_is_said() -> None:
    """PostgreSQL tells rolled-back rows from no others, and a session may tell of its rows ten seconds late."""
    assert restoring().loses[1].what.endswith(", but for the last seconds, rolled-back ones included")


def test_an_approval_covers_what_is_written_meanwhile_within_the_bound_and_no_more() -> None:
    approved = restoring()
    later = {"at": AT + timedelta(minutes=20)}
    assert covers(approved, restoring(**later, written=Written(rows=6000)))
    assert not covers(approved, restoring(**later, written=Written(rows=10**6)))
    assert not covers(approved, restoring(at=AT + timedelta(minutes=46)))


def test_a_live_database_that_cannot_be_asked_loses_nobody_knows_how_much() -> None:
    rows = restoring(written=None).loses[1]
    assert (rows.now, rows.at_most, rows.at_least) == (None, None, True)
    assert rows.unit == "rows"  # policy's bounds on rows take it for beyond them


def test_verifying_it_once_more_meanwhile_asks_nobody_again() -> None:
    again = a_backup(verified=Verified(at=AT + timedelta(minutes=1), tables=3, rows=5520))
    assert covers(restoring(), restoring(backup=again))
    assert not covers(restoring(), restoring(backup=a_backup(sha256="cd" * 32)))
    assert not covers(restoring(), restoring(live=LIVE.model_copy(update={"oid": 1})))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"backup": None}, "no_backup"),
        ({"backup": a_backup(kind="data")}, "not_full"),
        ({"backup": a_backup(kind="schema")}, "not_full"),
        ({"backup": a_backup(verified=None)}, "unverified"),
        ({"backup": a_backup(verified=None), "damaged": True}, "damaged"),
        ({"version": 17}, "version"),
        ({"free": 80 << 20}, "disk"),
        ({"switchless": ("api",)}, "no_maintenance"),
        ({"names": ("shop", "shop_r142_old")}, "name_taken"),
        ({"names": ("shop", "shop_r142_kept")}, "name_taken"),
        ({"unending": "shop has 1 session of a superuser"}, "sessions"),
        ({"unrestorable": "pg_restore 18 fills no server before 17: install one"}, "program"),
        ({"live": None}, "gone"),
    ],
)
def test_a_restore_is_refused_where_it_could_not_end_well(changes: dict[str, Any], code: str) -> None:
    assert refused(restore.RestoreDatabase().plan(RESTORE, restore_facts(**changes))).code == code


def test_sessions_that_nobody_may_end_are_named_with_what_to_do() -> None:
    told = refused(restore.RestoreDatabase().plan(RESTORE, restore_facts(unending="shop has 2 sessions of superusers")))
    assert told.sentence == "shop has 2 sessions of superusers, so it could not be closed. End them, then ask again."


def test_a_database_that_is_closed_or_gone_is_refused_before_anybody_is_asked() -> None:
    closed = refused(
        restore.RestoreDatabase().plan(RESTORE, restore_facts(live=LIVE.model_copy(update={"open": False})))
    )
    assert closed.sentence == (
        "shop takes no sessions, so it cannot be backed up first. If no run is at work on it (/ops runs shop), "
        'its owner opens it: ALTER DATABASE "shop" ALLOW_CONNECTIONS true. Then ask again.'
    )
    gone = refused(restore.RestoreDatabase().plan(RESTORE, restore_facts(live=None)))
    params = backup.Params(database=SHOP, name="x")
    none = refused(backup.BackupDatabase().plan(params, backup.Facts(run=RUN, at=AT, taken=False, there=False)))
    assert {one.sentence for one in (gone, none)} == {
        "The server of shop has no database under its name. See what was at work on it: /ops runs shop"
    }


def test_an_unverified_backup_is_refused_with_the_button_that_verifies_it() -> None:
    facts = restore_facts(backup=a_backup(verified=None))
    (offer,) = refused(restore.RestoreDatabase().plan(RESTORE, facts)).offers
    assert (offer.label, offer.call.command) == ("Verify shop-20261121T0200-full", "ops db verify-backup")
    assert offer.call.params == {"database": "shop", "backup": "shop-20261121T0200-full"}


def test_a_newer_backup_that_nobody_verified_is_passed_over_plainly_and_can_be_verified() -> None:
    plan = restoring(newer=a_backup(name="newer", taken_at=AT - timedelta(minutes=1), verified=None))
    assert "-full (verified), passing over the newer newer (1m old, never verified);" in plan.sentence
    assert [o.call.params["backup"] for o in plan.offers if o.on == "awaiting_approval"] == ["newer"]


def test_disk_that_nobody_can_see_is_said_and_not_refused() -> None:
    assert "nobody can see from here" in restoring(free=None).sentence


def test_a_restore_ends_with_what_came_back_and_what_is_kept() -> None:
    told = restore.RestoreDatabase().answer(RESTORE, restore_facts(), Results())
    assert isinstance(told, Answer)
    assert told.headline == "shop is as it was 2026-11-21 08:53 UTC"
    assert told.lines[1] == "What was there before is kept as shop_r142_old."
    assert [o.call.params for o in restoring().offers] == [{"database": "shop", "name": "shop_r142_old"}] * 2


def test_a_restore_locks_the_database_and_its_services() -> None:
    operation = restore.RestoreDatabase()
    assert operation.locks == ("database/{database}", "deploy/{services}")
    assert operation.names(RESTORE, restore_facts()) == {"services": ("web", "api")}
    assert (operation.risk, operation.confirm) == (Risk.DESTRUCTIVE, "database")


# verify-backup --------------------------------------------------------------------------------------------------------
VERIFY = verify_backup.Params(database=SHOP, backup="shop-20261121T0200-full")


def verify_facts(**changes: Any) -> verify_backup.Facts:
    said: dict[str, Any] = {
        "backup": a_backup(verified=None),
        "name": "shop",
        "names": ("shop",),
        "version": 18,
        "free": 10 << 30,
    }
    return verify_backup.Facts(**{"run": RUN, "at": AT, **said, **changes})


def test_the_scratch_database_goes_whatever_happens() -> None:
    plan = well_formed(verify_backup.VerifyBackup().plan(VERIFY, verify_facts()))
    assert [step.name for step in plan.steps] == ["load", "compare", "drop", "mark"]
    assert find(plan, "drop").does == DropDatabase(database=SHOP, name="shop_r142_scratch")
    assert back(plan, "compare") == [("drop", "close")]
    assert back(plan, "mark") == [("drop", "close")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"backup": None}, "no_backup"),
        ({"backup": a_backup(kind="data")}, "data_only"),
        ({"version": 17}, "version"),
        ({"free": 1}, "disk"),
        ({"names": ("shop_r142_scratch",)}, "name_taken"),
    ],
)
def test_verifying_is_refused_where_it_could_not_tell(changes: dict[str, Any], code: str) -> None:
    assert refused(verify_backup.VerifyBackup().plan(VERIFY, verify_facts(**changes))).code == code


def test_a_verified_backup_is_told_with_its_figures() -> None:
    operation, found = verify_backup.VerifyBackup(), Verified(at=AT, tables=3, rows=5520)
    told = operation.answer(VERIFY, verify_facts(), Results(compare=found))
    assert told is not None
    assert told.lines == ("3 tables with 5,520 rows came back as they were dumped.",)
    assert operation.answer(VERIFY, verify_facts(), Results()) is None


# backup ---------------------------------------------------------------------------------------------------------------
def test_a_backup_is_one_step_under_the_name_chosen_when_it_was_asked_for() -> None:
    params = backup.Params(database=SHOP, kind="schema", name="shop-20261121T0900-schema")
    plan = well_formed(backup.BackupDatabase().plan(params, backup.Facts(run=RUN, at=AT, taken=False)))
    assert find(plan, "take").does.name == "shop-20261121T0900-schema"  # type: ignore[attr-defined]
    assert find(plan, "take").leaves
    taken = backup.Facts(run=RUN, at=AT, taken=True)
    assert refused(backup.BackupDatabase().plan(params, taken)).code == "name_taken"


@pytest.mark.parametrize("name", ["Ünï", "bad/../name", "latest", "before-r7", "x" * 81])
def test_a_name_that_no_backup_may_bear_is_refused_with_one_that_may(name: str) -> None:
    params, facts = backup.Params(database=SHOP, name=name), backup.Facts(run=RUN, at=AT, taken=False)
    told = refused(backup.BackupDatabase().plan(params, facts))
    assert told.code == "bad_name"
    assert told.sentence.endswith("Type e.g. name=import-day")


def test_a_backup_is_told_with_size_and_time() -> None:
    params, facts = backup.Params(database=SHOP, name="x"), backup.Facts(run=RUN, at=AT, taken=False)
    told = backup.BackupDatabase().answer(params, facts, Results(take=a_backup()))
    assert told is not None
    assert told.lines == ("3MiB stored in 42s, 3 tables, 5,520 rows.",)


def test_services_are_written_as_keys() -> None:
    plan = restoring()
    assert find(plan, "maintenance").does.services == (Service(key="web"), Service(key="api"))  # type: ignore[attr-defined]
