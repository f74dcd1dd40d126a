"""A plan made for code that a replica lacks: the replica leaves it to another, and where there is none, it is said."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from bot.model import State
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed
from tests.scenario.story import until


async def approved_without_code(bot: Bot) -> tuple[dict[str, Any], list[str]]:
    """A run that is queued while the only worker has all its kinds but one: its card, and its kinds."""
    card = await proposed(bot)
    kinds = list(await bot.home.pool.fetchval("SELECT kinds FROM runs"))
    assert len(kinds) == 2  # the step's, and that of its undo
    await bot.home.own.execute("UPDATE workers SET kinds = $1", kinds[:1])
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "Approved by Ben")
    return card, kinds


async def test_a_worker_leaves_a_run_whose_undo_it_lacks_to_one_that_has_it(bot: Bot) -> None:
    _, kinds = await approved_without_code(bot)
    seen = await bot.home.pool.fetchval("SELECT clock()")

    async def swept_since() -> bool:  # the worker that lacks it has looked for work since
        return bool(await bot.home.pool.fetchval("SELECT lease_until > $1::timestamptz + lease FROM workers", seen))

    await until(swept_since, "renewed lease")
    row = await bot.home.pool.fetchrow("SELECT state, worker, claims FROM runs")
    assert tuple(row) == (State.QUEUED, None, 0)
    another = uuid4()
    await bot.home.ledger.enlist(another, timedelta(hours=1), "c1", [*kinds, "one.more@1"])
    assert [run.worker for run in await bot.home.ledger.claim(another, 5)] == [another]


async def test_where_no_worker_has_the_code_the_person_reads_so_and_one_that_comes_goes_on(bot: Bot) -> None:
    card, kinds = await approved_without_code(bot)
    await bot.move_clock(timedelta(seconds=61))
    asks = await bot.card("No worker runs the code that this plan was made for, so nobody can go on with it")
    assert "Do it again" in shown_text(asks) or "Do it again" in str(asks["blocks"])
    assert await bot.home.pool.fetchval("SELECT state FROM runs") == State.IN_DOUBT
    await bot.home.own.execute("UPDATE workers SET kinds = $1", kinds)
    await bot.slack.click("ben", asks, "Do it again")
    await bot.told(card, "shop is back")
