"""What one run calls is a run of its own: whom it is about, whether it is waited for, what it leaves when it fails."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import State, Way
from tests.support.factory import Factory, working
from tests.support.plugin import Home
from tests.support.story import Story


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


async def child_of(factory: Factory, run: int) -> int:
    await factory.until(run, lambda row: row.state in (State.WAITING, State.SUCCEEDED))
    return int(await factory.home.pool.fetchval("SELECT id FROM runs WHERE parent = $1", run))


async def test_whom_a_called_run_is_about_does_not_approve_it(factory: Factory) -> None:
    child = await child_of(factory, await factory.ask("call-about"))
    await factory.state(child, State.AWAITING)
    for person in ("ben", "cleo"):
        await factory.story.saw(person)
    assert (await factory.story.approve("ben", child))["code"] == "subject"
    assert (await factory.story.approve("cleo", child))["queued"] is True


async def test_everybody_whose_act_brought_it_about_is_an_asker_of_a_called_run_and_of_what_that_calls(
    home: Home,
) -> None:
    """Who asked, who changed the request, who ticked a task and who answered a doubt; nobody else."""
    story = Story(home)
    run = await story.proposed("ana", "test destroy")
    await story.say("dora", run, "amend", params={})
    await story.propose(run)
    await story.show(run)
    assert (await story.approve("ben", run))["queued"] is True
    claimed = await story.claim(run)
    assert await home.ledger.begin(claimed) == "started"
    await home.ledger.started(claimed, "look", Way.DO, 1, timedelta(minutes=1), {"who": "another"})
    assert (await home.doors.tick(story.word("emil", run) | {"step": "look"}))["code"] == "done"
    await home.ledger.started(claimed, "mail", Way.DO, 1, timedelta(minutes=1), {})
    question = {"doubt": "effect", "step": "mail", "way": "do", "attempt": 1, "choices": ["happened", "stop"]}
    await home.ledger.doubted(claimed, question)
    word = story.word("cleo", run) | {"question": (await story.row(run)).question_seq, "choice": "happened"}
    assert (await home.doors.answer(word))["code"] == "answered"

    child = int((await story.ask("ana", "test destroy", parent=run, parent_step="call"))["run"])
    grandchild = int((await story.ask("ana", "test destroy", parent=child, parent_step="call"))["run"])
    for called in (child, grandchild):
        assert await home.ledger.askers(called) == ("ana", "cleo", "dora", "emil")
    await story.propose(grandchild)
    await story.show(grandchild)
    assert (await story.approve("cleo", grandchild))["code"] == "asker"
    assert (await story.approve("ben", grandchild))["queued"] is True, "an approval is no asking"


async def test_a_detached_run_is_not_waited_for_and_goes_on_after_its_parent_ended(factory: Factory) -> None:
    run = await factory.ask("call-detached")
    assert (await factory.end(run)).state is State.SUCCEEDED
    child = await child_of(factory, run)
    await factory.state(child, State.AWAITING)
    await factory.story.saw("ben")
    assert (await factory.story.approve("ana", child))["code"] == "asker"
    assert (await factory.story.approve("ben", child))["queued"] is True
    factory.worker.wake()
    assert (await factory.end(child)).state is State.SUCCEEDED
    assert "write child" in factory.folder.lines()


async def test_a_detached_run_outlives_the_way_back_of_its_parent(factory: Factory) -> None:
    factory.folder.put("order.c", "permanent")
    run = await factory.ask("call-detached")
    assert (await factory.end(run)).state is State.UNDONE
    child = int(await factory.home.pool.fetchval("SELECT id FROM runs WHERE parent = $1", run))
    await factory.state(child, State.AWAITING)


async def test_a_called_run_that_failed_may_have_left_something_and_is_undone(factory: Factory) -> None:
    factory.folder.put("called", "x")
    factory.folder.put("order.d", "permanent")  # beyond the point of no return of the called run
    run = await factory.ask("call-undone")
    child = await child_of(factory, run)
    assert (await factory.end(child)).state is State.FAILED
    await factory.end(run)
    assert not factory.folder.has("called")


async def test_a_called_run_that_was_undone_has_left_nothing_to_undo(factory: Factory) -> None:
    factory.folder.put("called", "x")
    factory.folder.put("order.b", "permanent")  # before its point of no return
    run = await factory.ask("call-undone")
    child = await child_of(factory, run)
    assert (await factory.end(child)).state is State.UNDONE
    await factory.end(run)
    assert factory.folder.has("called")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("call-gone", "there is no operation `test gone`; "),
        ("call-unfit", "its values do not fit the present `test about`"),
    ],
)
async def test_what_is_called_and_is_there_no_more_is_told_in_words_and_the_way_back_is_gone(
    factory: Factory, script: str, words: str
) -> None:
    run = await factory.ask(script)
    assert (await factory.end(run)).state is State.UNDONE
    (failed,) = [event for event in await factory.ledger.events(run) if event.kind == "step_failed"]
    assert failed.step == "call"
    assert str(failed.body["why"]).startswith(f"nothing was asked for: {words}")
    assert await factory.ledger.children(run, "call") == []
    assert not factory.folder.has("a")
