"""A thread is looked at again after every event, whatever commits beside the poster's own word."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from bot.store.letterbox import Letterbox
from tests.support.plugin import Home
from tests.support.story import Story

HOLD = timedelta(seconds=20)


@asynccontextmanager
async def held_up(home: Home, conn: Any, word: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """`word`, said on that connection, once it waits for a lock."""
    task = asyncio.create_task(word)
    waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
    pid = conn.get_server_pid()
    while not await home.pool.fetchval(waits, pid):
        assert not task.done(), "it did not wait"
    yield task
    await task


async def due(home: Home) -> bool:
    return bool(await home.pool.fetchval("SELECT due <= clock() FROM threads"))


def ask_back(story: Story, run: int) -> dict[str, Any]:
    return story.word("ben", run) | {"verb": "ask_back", "text": "why now?"}


async def test_an_event_that_commits_while_the_poster_says_it_is_done_makes_the_thread_due(home: Home) -> None:
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    [letter] = await Letterbox(home.pool).claim(1, HOLD)
    async with home.pool.acquire() as person, home.pool.acquire() as poster:
        transaction = person.transaction()
        await transaction.start()
        await person.fetchval("SELECT say($1)", ask_back(story, run))
        async with held_up(home, poster, Letterbox(poster).again(letter, None)):
            await transaction.commit()
    assert await due(home)


async def test_an_event_waits_for_a_claim_that_is_not_committed_so_its_due_time_is_not_overwritten(home: Home) -> None:
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    async with home.pool.acquire() as person, home.pool.acquire() as poster:
        transaction = poster.transaction()
        await transaction.start()
        [letter] = await Letterbox(poster).claim(1, HOLD)
        async with held_up(home, person, person.fetchval("SELECT say($1)", ask_back(story, run))):
            await transaction.commit()
        await Letterbox(poster).again(letter, None)
    assert await due(home)


async def test_an_event_after_a_claim_is_over_and_before_its_poster_is_done_makes_the_thread_due(home: Home) -> None:
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    [letter] = await Letterbox(home.pool).claim(1, HOLD)
    await home.move_clock(2 * HOLD)  # Slack took so long to answer
    await home.doors.say(ask_back(story, run))
    await Letterbox(home.pool).again(letter, None)
    assert await due(home)


async def test_a_thread_of_which_all_is_told_is_not_looked_at_until_something_happens(home: Home) -> None:
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    box = Letterbox(home.pool)
    [letter] = await box.claim(1, HOLD)
    await box.again(letter, None)
    assert await box.claim(1, HOLD) == []
    await story.approve("ben", run)
    assert [one.run for one in await box.claim(1, HOLD)] == [run]
