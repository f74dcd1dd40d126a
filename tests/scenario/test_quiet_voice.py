"""A quiet operation: its card alone, and a thread only for bad news, a question, or a loud answer."""

from typing import Any

import pytest

from bot.model import State
from tests.scenario.door import Bot
from tests.scenario.story import until


async def ended(bot: Bot, line: str) -> tuple[int, dict[str, Any]]:
    """The run's id and its card, when the run has ended and everything of it is told."""
    await bot.slack.command("ana", "ops", line)
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    row = await bot.factory.end(run)
    done = "SELECT told_seq = $2 AND card_seq >= $2 FROM threads WHERE run = $1"
    for _ in range(1000):
        if await bot.home.pool.fetchval(done, run, row.seq):
            return run, await bot.card(f"r{run}")
        bot.poster.wake()
        await bot.factory.until(run, lambda row: True)
    raise AssertionError("the end was not told")


async def replies(bot: Bot, card: dict[str, Any]) -> list[str]:
    found = await bot.client.conversations_replies(channel=bot.id("ops"), ts=card["ts"])
    return [message["text"] for message in found["messages"][1:]]


async def test_what_goes_well_stands_on_the_card_alone(bot: Bot) -> None:
    _, card = await ended(bot, '/test whisper plain reason="quietly"')
    assert "plain was whispered" in str(card)
    assert await replies(bot, card) == []


async def test_the_same_with_a_loud_answer_is_told(bot: Bot) -> None:
    _, card = await ended(bot, '/test whisper plain loud=yes reason="loudly"')
    assert "plain was whispered" in (await replies(bot, card))[-1]


async def test_bad_news_is_told_with_the_way_back_and_the_end(bot: Bot) -> None:
    bot.factory.folder.put("order.c", "permanent")
    run, card = await ended(bot, '/test whisper plain reason="it fails"')
    assert (await bot.factory.story.row(run)).state is State.UNDONE
    said = " ".join(await replies(bot, card))
    assert "Failed: c" in said
    assert "Undone: b" in said
    assert "Started" not in said, "what went well before was told"


@pytest.mark.parametrize("script", ["mail", "task"])
async def test_a_question_and_a_persons_turn_are_never_whispered(bot: Bot, script: str) -> None:
    if script == "mail":
        bot.factory.folder.put("order.m", "explode")
    await bot.slack.command("ana", "ops", f'/test whisper {script} reason="it asks"')
    card = await bot.card("whisper")
    await bot.slack.wait_for_message("ben", "ops", text="card at the top", thread_ts=str(card["ts"]))


async def ticked(bot: Bot, name: str) -> int:
    """A look that the clock asked for, once it has ended and is told, or knowingly not; the run's id."""
    asked = {
        "key": f"tick-{name}", "command": "test glance", "params": {"name": name}, "via": "schedule", "config": "c1",
        "channel": bot.id("ops"), "risk": 0, "reason": "every quarter of an hour",
    }  # fmt: skip
    await bot.home.pool.fetchval("SELECT last_slot($1, clock() - interval '1 hour')", name)
    answer = await bot.home.pool.fetchval("SELECT tick_schedule($1, date_trunc('minute', clock()), $2)", name, asked)
    bot.factory.worker.wake()
    row = await bot.factory.end(answer["run"])

    async def told() -> bool:
        bot.poster.wake()
        sql = "SELECT told_seq = $2 AND due = 'infinity' FROM threads WHERE run = $1"
        return bool(await bot.home.pool.fetchval(sql, row.id, row.seq))

    await until(told, f"all of {row.id} being told")
    return row.id


async def posted(bot: Bot, run: int) -> int:
    return int(await bot.home.pool.fetchval("SELECT count(*) FROM messages WHERE run = $1", run))


async def test_a_scheduled_look_that_finds_nothing_posts_nothing_and_one_that_does_has_its_card(bot: Bot) -> None:
    bot.factory.folder.put("calm", "all is well")
    bot.factory.folder.put("storm", "trouble")
    assert await posted(bot, await ticked(bot, "calm")) == 0
    loud = await ticked(bot, "storm")
    assert "storm: trouble" in str(await bot.card(f"r{loud}"))
    assert await posted(bot, loud) > 0


async def test_a_scheduled_look_that_could_not_look_has_its_card(bot: Bot) -> None:
    run = await ticked(bot, "fog")
    assert "There is no fog to look at" in str(await bot.card(f"r{run}"))


async def test_the_same_look_asked_for_by_a_person_is_answered(bot: Bot) -> None:
    bot.factory.folder.put("calm", "all is well")
    await bot.slack.command("ana", "ops", "/test glance calm")
    assert "all is well" in str(await bot.card("calm: all is well"))
