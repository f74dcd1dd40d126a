"""What the list of backups tells: pure, from facts alone."""

from datetime import timedelta
from typing import Any

from bot.connectors.vault import Backup, Listing
from bot.operation import Answer
from handlers.ops.db import backups
from tests.unit.paper import Results
from tests.unit.test_plans_db_backups import AT, RUN, a_backup, well_formed


def listed(*found: Backup, **changes: Any) -> Answer:
    said: dict[str, Any] = {
        "found": {"shop": Listing(backups=found)},
        "unseen": {},
        "rpo": {"shop": timedelta(hours=24)},
    }
    facts = backups.Facts(**{"run": RUN, "at": AT, **said, **changes})
    assert well_formed(backups.ListBackups().plan(backups.Params(), facts)).steps == ()
    told = backups.ListBackups().answer(backups.Params(), facts, Results())
    assert told is not None
    return told


def test_backups_are_listed_with_age_size_kind_and_whether_they_were_verified() -> None:
    told = listed(a_backup(), a_backup(name="b", verified=None, taken_at=AT - timedelta(hours=30)))
    assert told.table == (
        ("backup", "age", "size", "kind", "verified"),
        ("shop-20261121T0200-full", "7m", "3MiB", "full", "2026-11-21 09:00 UTC"),
        ("b", "1d6h", "3MiB", "full", "no"),
    )
    assert not told.loud


def test_a_database_beyond_its_objective_is_called_out_with_a_button() -> None:
    told = listed(a_backup(taken_at=AT - timedelta(hours=26)))
    assert told.loud
    assert told.lines == ("shop: the newest full backup is 1d2h old; its objective is 24 h.",)
    assert told.offers[0].call.command == "ops db backup"
    assert not listed(a_backup(taken_at=AT - timedelta(hours=24))).loud


def test_a_schema_backup_does_not_meet_the_objective() -> None:
    assert listed(a_backup(kind="schema")).lines == ("shop has no full backup at all; its objective is 24 h.",)


def test_what_cannot_be_opened_or_looked_at_is_said() -> None:
    told = listed(
        found={"shop": Listing(backups=(a_backup(),), unreadable=("odd",))}, unseen={"crm": "it has no vault"}
    )
    assert told.lines == (
        f"odd {backups.UNOPENED}",
        "crm could not be looked at: it has no vault",
    )
    assert told.headline == "1 backup cannot be opened; 1 of 2 databases could not be looked at"
    assert told.loud
    assert listed(found={"shop": Listing(backups=(a_backup(),), unreadable=("a", "b"))}).headline == (
        "2 backups cannot be opened"
    )


def test_a_damaged_backup_is_loud_and_counts_for_no_objective() -> None:
    good, bad = a_backup(taken_at=AT - timedelta(hours=26)), a_backup(name="bad", verified=None)
    told = listed(found={"shop": Listing(backups=(good,), damaged=(bad,))})
    assert told.loud
    assert told.headline == "1 of 1 databases lack a fresh backup; 1 backup is damaged"
    assert told.lines[-1] == (
        "bad is damaged: when it was last read, it was not what was dumped. It counts for nothing. "
        "If it is mended: /ops db verify-backup shop backup=bad"
    )
    assert [(row[0], row[-1]) for row in told.table[1:]] == [("bad", "damaged"), (good.name, "2026-11-21 09:00 UTC")]
    assert (
        listed(found={"shop": Listing(backups=(a_backup(),), damaged=(bad, bad))}).headline == "2 backups are damaged"
    )


def test_where_nothing_could_be_looked_at_nobody_is_said_to_be_well() -> None:
    told = listed(found={}, unseen={"shop": "the vault cannot be reached"})
    assert told.headline == "1 of 1 databases could not be looked at"
    assert told.loud
    both = listed(a_backup(taken_at=AT - timedelta(hours=26)), unseen={"crm": "the vault cannot be reached"})
    assert both.headline == "1 of 1 databases lack a fresh backup; 1 of 2 databases could not be looked at"
