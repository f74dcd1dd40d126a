"""What people see of the bounds: words at the door, and cards that are edited no more often than config says."""

from datetime import timedelta

import pytest

from bot.model import State
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.story import until


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


async def waits_for_x(bot: Bot) -> int:
    """A run whose step waits until x is there; its thread is told."""
    await bot.slack.command("ana", "ops", '/test write until reason="patience"')
    await bot.card("not yet")
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    quiet = "SELECT told_seq = seq AND threads.due = 'infinity' FROM threads JOIN runs ON id = run WHERE run = $1"

    async def told() -> bool:
        return bool(await bot.home.pool.fetchval(quiet, run))

    await until(told, "end of what is told of the wait")
    return run


async def test_how_far_a_step_is_that_waits_is_drawn_while_it_waits_and_never_after(bot: Bot) -> None:
    run = await waits_for_x(bot)
    bot.factory.folder.put("blind.x", "")
    await bot.move_clock(timedelta(seconds=31))
    await bot.card("fog")
    assert (await bot.factory.story.row(run)).state is State.WAITING
    bot.factory.folder.take("blind.x")
    await bot.move_clock(timedelta(seconds=31))
    await bot.card("not yet")
    bot.factory.folder.put("x", "there")
    await bot.move_clock(timedelta(seconds=31))
    done = shown_text(await bot.card("✅ Done · test write"))
    assert "not yet" not in done
    assert "waiting" not in done


async def test_where_cards_were_edited_often_enough_a_step_that_waits_is_drawn_in_the_next_minute(bot: Bot) -> None:
    run = await waits_for_x(bot)
    await bot.home.own.execute("INSERT INTO progress_told VALUES (date_trunc('minute', clock()), 99), "
                               "(date_trunc('minute', clock()) + interval '1 min', 99) "
                               "ON CONFLICT (minute) DO UPDATE SET edits = 99")  # fmt: skip
    bot.factory.folder.put("blind.x", "")
    await bot.move_clock(timedelta(seconds=31))
    looked = "SELECT progress -> 'there' ->> 'note' = 'fog' FROM runs WHERE id = $1"

    async def seen() -> bool:
        return bool(await bot.home.pool.fetchval(looked, run))

    await until(seen, "look")
    await bot.move_clock(timedelta(seconds=4))
    assert not [one for one in await bot.slack.messages("ben", "ops") if "fog" in shown_text(one)]
    await bot.move_clock(timedelta(seconds=90))
    await bot.card("fog")
