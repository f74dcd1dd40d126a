"""What people see of the bounds: words at the door, and cards that are edited no more often than config says."""

from datetime import timedelta

import pytest

from bot.model import State
from tests.scenario.door import Bot


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"runs": 9, "runs_each": 1}, "most one person"), ({"runs": 1, "runs_each": 9}, "most the bot")],
)
async def test_beyond_the_bound_the_door_says_so_and_what_to_do_while_looking_stays_possible(
    bot: Bot, limits: dict[str, int], words: str
) -> None:
    object.__setattr__(bot.service.house, "limits", limits)
    await bot.slack.command("ana", "ops", '/test write big-plain reason="one"')
    await bot.card("Waiting for approval")
    await bot.slack.command("ana", "ops", '/test write big-child reason="two"')
    told = await bot.slack.wait_for_ephemeral("ana", "ops", text=words)
    assert "/ops runs" in str(told)
    assert await bot.asked() == 1
    await bot.slack.command("ana", "ops", "/test look")
    await bot.card("a says")


async def test_cards_are_edited_for_progress_no_more_often_than_config_says(bot: Bot) -> None:
    bot.poster.progress = 2
    bot.factory.folder.put("order.s", "hang")
    await bot.slack.command("ana", "ops", '/test write slow reason="hours"')
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    await bot.factory.state(run, State.RUNNING)
    await bot.card("as of")
    told = """SELECT t.card_seq >= r.seq AND t.held_until <= clock_timestamp()
              FROM threads t JOIN runs r ON r.id = t.run WHERE r.id = $1"""
    while not await bot.home.pool.fetchval(told, run):
        await bot.factory.until(run, lambda row: True)
    number = (await bot.slack.log())[-1]["number"]
    for _ in range(12):  # half a minute, which is of two minutes at most
        await bot.move_clock(timedelta(seconds=3))
        await bot.poster.tell_due()
    edits = await bot.slack.log(kind="api", name="chat.update", since=number)
    assert 1 <= len(edits) <= 4
