"""The numbers over time that operations answer with."""

from datetime import timedelta

from bot.connectors.vault import Listing
from handlers.ops.db import backups, connections
from tests.unit.paper import Results
from tests.unit.test_plans_db_backups import AT, RUN, a_backup
from tests.unit.test_plans_users_and_sessions import AT as NOW
from tests.unit.test_plans_users_and_sessions import SHOP, connection_facts


def test_connections_shows_the_last_day_where_somebody_looked_often_enough() -> None:
    params, operation = connections.Params(database=SHOP), connections.DatabaseConnections()
    seldom = connection_facts(12).model_copy(update={"before": ((NOW - timedelta(hours=3), 7.0),)})
    assert operation.answer(params, seldom, Results()).series is None
    before = tuple((NOW - timedelta(hours=n), 10.0 * n) for n in (3, 2))
    series = operation.answer(params, connection_facts(12).model_copy(update={"before": before}), Results()).series
    assert series is not None
    assert [value for _, value in series.points] == [30, 20, 12]
    assert series.unit == "connections"


def test_the_growth_of_one_databases_full_backups_is_a_series_in_the_order_of_time() -> None:
    kept = [a_backup(taken_at=AT - timedelta(days=n), bytes=(9 - n) << 20) for n in (1, 2, 3)]
    kept.append(a_backup(kind="schema", bytes=1))
    listing = Listing(backups=tuple(kept), unreadable=())
    facts = backups.Facts(run=RUN, at=AT, found={"shop": listing}, unseen={}, rpo={"shop": timedelta(days=1)})
    answer = backups.ListBackups().answer(backups.Params(), facts, Results())
    assert answer is not None
    assert answer.series is not None
    assert [value / 2**20 for _, value in answer.series.points] == [6, 7, 8]
    two = facts.model_copy(
        update={
            "found": {"shop": listing, "users": listing},
            "rpo": {"shop": timedelta(days=1), "users": timedelta(days=1)},
        }
    )
    several = backups.ListBackups().answer(backups.Params(), two, Results())
    assert several is not None
    assert several.series is None, "curves of two databases in one say nothing"
