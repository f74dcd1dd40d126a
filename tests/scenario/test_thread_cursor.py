"""Each run has a cursor of its own: what commits late, after others' newer events were told, is told all the same."""

import json
from typing import Any

import asyncpg

from bot.model import State
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed
from tests.scenario.story import until
from tests.support.company import TEAM, account
from tests.support.plugin import Home


async def asked(bot: Bot, backup: str) -> tuple[int, dict[str, Any]]:
    """The run's id and its card."""
    card = await proposed(bot, backup=backup)
    return int(await bot.home.pool.fetchval("SELECT max(id) FROM runs")), card


async def test_an_event_that_commits_after_newer_ones_of_other_runs_were_told_is_told(bot: Bot, home: Home) -> None:
    (slow, slow_card), (quick, quick_card) = await asked(bot, "b1"), await asked(bot, "b2")
    late = await asyncpg.connect(home.bot, server_settings={"search_path": "tandem"})
    try:
        await late.execute("BEGIN")
        word = {
            "verb": "deny",
            "run": slow,
            "team": TEAM,
            "user": account("ben"),
            "key": "late",
            "text": "too risky",
        }
        await late.execute("SELECT say($1)", json.dumps(word))  # its event is older than all that follow
        await bot.slack.click("ben", quick_card, "Approve")
        await bot.told(quick_card, "shop is back")
        told = "SELECT told_seq > 4 FROM threads WHERE run = $1"  # it stands in Slack before its cursor says so
        await until(lambda: home.pool.fetchval(told, quick), "newer events' cursor")
        assert await home.pool.fetchval("SELECT state FROM runs WHERE id = $1", slow) == State.AWAITING
        await late.execute("COMMIT")
    finally:
        await late.close()
    await bot.told(slow_card, "too risky")
    seen, last = await home.pool.fetchrow(
        "SELECT told_seq, seq FROM threads JOIN runs ON id = run WHERE run = $1", slow
    )
    assert seen <= last
    rows = await home.pool.fetch("SELECT run, seq FROM events ORDER BY run, seq")
    for run in (slow, quick):
        assert [row["seq"] for row in rows if row["run"] == run] == list(
            range(1, 1 + sum(r["run"] == run for r in rows))
        )
