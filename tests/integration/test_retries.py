"""What failed in a run that went on is tried again: as a run of its own, once at a time, and never what was done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.model import State
from bot.store.letterbox import Letterbox
from tests.support.factory import Factory, working
from tests.support.plugin import Home

HOLD = timedelta(seconds=20)


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def gone_on(factory: Factory, script: str = "go-on") -> int:
    """A run that went on without its step b."""
    factory.folder.put("order.b", "permanent")
    run = await factory.ask(script)
    if script.startswith("big-"):
        await approved(factory, run)
    assert (await factory.end(run)).state is State.SUCCEEDED
    return run


async def approved(factory: Factory, run: int) -> None:
    await factory.state(run, State.AWAITING)
    await factory.story.read({"ana": True, "ben": True})
    assert (await factory.story.approve("ben", run))["code"] == "recorded"
    factory.worker.wake()


async def retry(factory: Factory, person: str, run: int, key: str = "press-1") -> dict[str, Any]:
    word = factory.story.word(person, run) | {"key": key, "channel": "C0INCIDENTS", "via": "test", "risk": 1}
    answer = await factory.home.doors.retry(word | {"config": "c1"})
    factory.worker.wake()
    return answer


async def test_it_does_what_failed_and_nothing_else(factory: Factory) -> None:
    run = await gone_on(factory)
    before = factory.folder.lines()
    factory.folder.take("order.b")
    answer = await retry(factory, "ana", run)
    row = await factory.end(int(answer["run"]))
    assert row.state is State.SUCCEEDED
    assert [line for line in factory.folder.lines()[len(before) :] if line.startswith("write")] == ["write b"]
    view = await factory.view(row.id)
    assert view.retries == f"r{run}"
    assert view.plan is not None
    assert view.plan.sentence == f"b: once more, after r{run} went on without it"
    assert view.answer is None, "the answer of the whole operation would say that all of it was done"
    assert (await factory.view(run)).retried_by == row.tag


async def test_a_card_drawn_while_somebody_tries_again_is_drawn_once_more(factory: Factory) -> None:
    run = await gone_on(factory)
    factory.folder.put("order.b", "permanent")
    box, seq = Letterbox(factory.home.pool), (await factory.view(run)).seq
    for number in range(2):  # the second draws a card that is due for this very reason
        letter = next(one for one in await box.claim(9, HOLD) if one.run == run)
        again = await factory.end(int((await retry(factory, "ana", run, f"press-{number}"))["run"]))
        assert again.state is State.SUCCEEDED
        await box.sent_card(letter, "C0INCIDENTS", "1.1", seq)
        await box.again(letter, None)
    letter = next(one for one in await box.claim(9, HOLD) if one.run == run)
    assert letter.card_seq < seq
    await box.sent_card(letter, "C0INCIDENTS", "1.1", seq)
    await box.again(letter, None)
    assert run not in [one.run for one in await box.claim(9, HOLD)]
    assert await factory.home.pool.fetchval("SELECT card_seq FROM threads WHERE run = $1", run) == seq


async def test_what_was_done_since_is_not_done_twice(factory: Factory) -> None:
    run = await gone_on(factory)
    factory.folder.take("order.b")
    first = await factory.end(int((await retry(factory, "ana", run))["run"]))
    for number, of in enumerate((run, first.id)):
        again = await factory.end(int((await retry(factory, "ana", of, f"press-again-{number}"))["run"]))
        assert again.state is State.REFUSED
        refusal = (await factory.view(again.id)).refusal
        assert refusal is not None
        assert "done since" in refusal.sentence
    assert factory.folder.lines().count("write b") == 1


async def test_one_that_fails_again_may_be_tried_again(factory: Factory) -> None:
    run = await gone_on(factory)
    second = await factory.end(int((await retry(factory, "ana", run))["run"]))
    assert second.state is State.SUCCEEDED
    assert await factory.steps(second.id) == {"b": "failed"}
    factory.folder.take("order.b")
    third = await factory.end(int((await retry(factory, "ana", second.id, "press-2"))["run"]))
    assert third.retries == run, "each tries what the first went on without"
    assert await factory.steps(third.id) == {"b": "done"}


async def test_two_presses_at_once_are_one_run(factory: Factory) -> None:
    run = await gone_on(factory)
    go = await factory.pause()
    answers = await asyncio.gather(*(retry(factory, "ana", run, f"press-{n}") for n in range(4)))
    go.set()
    assert sorted(answer["code"] for answer in answers) == ["asked", "retried", "retried", "retried"]
    assert len({answer["run"] for answer in answers}) == 1
    assert (await retry(factory, "ana", run, "press-0"))["run"] == answers[0]["run"]


async def test_who_asked_the_first_asks_in_the_second_too(factory: Factory) -> None:
    run = await gone_on(factory, "big-go-on")
    answer = await retry(factory, "cleo", run)
    await factory.state(int(answer["run"]), State.AWAITING)
    assert await factory.ledger.askers(int(answer["run"])) == ("ana", "cleo")
    assert (await factory.story.approve("ana", int(answer["run"])))["code"] == "asker"
    factory.folder.take("order.b")
    await approved(factory, int(answer["run"]))
    assert (await factory.end(int(answer["run"]))).state is State.SUCCEEDED


async def test_its_words_stay_as_they_were(factory: Factory) -> None:
    run = await gone_on(factory, "big-go-on")
    answer = await retry(factory, "ana", run)
    await factory.state(int(answer["run"]), State.AWAITING)
    amended = await factory.story.say("ana", int(answer["run"]), "amend", params={"script": "plain"}, reason="another")
    assert amended["code"] == "as_it_was"


async def test_nobody_tries_again_what_did_not_go_on_or_what_they_may_not_ask_for(factory: Factory) -> None:
    factory.folder.put("order.b", "permanent")
    undone = await factory.end(await factory.ask("plain", words="plain"))
    assert (await retry(factory, "ana", undone.id))["code"] == "nothing_failed"
    run = await gone_on(factory)
    assert (await retry(factory, "emil", run))["code"] == "not_in_group"
    assert (await retry(factory, "ana", 4_000_000))["code"] == "no_run"


@pytest.mark.parametrize("change", [{"params": {"script": "plain"}}, {"reason": "another"}, {"command": "test mail"}])
async def test_under_that_name_nobody_asks_for_anything_else(factory: Factory, change: dict[str, Any]) -> None:
    """The door's own function is asked with other words than those of the run that it is to try again."""
    run = await gone_on(factory)
    row = await factory.story.row(run)
    words = {"command": row.command, "params": row.params, "reason": row.reason, **change}
    with pytest.raises(asyncpg.PostgresError, match="what failed in a run that went on"):
        await factory.story.ask("ana", words.pop("command"), retries=run, **words)
    live = await factory.ask("task", words="live")
    with pytest.raises(asyncpg.PostgresError, match="what failed in a run that went on"):
        await factory.story.ask("ana", "test write", retries=live, params={"script": "task"})
