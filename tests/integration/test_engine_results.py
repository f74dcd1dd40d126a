"""What an attempt came to: of another type than is declared, or told by a worker that had lost its run."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from bot.engine.attempts import OTHER_TYPE
from bot.model import Mark, State, Way
from bot.store.audit import verify
from bot.store.store import Claimed
from tests.scenario.story import until
from tests.support.factory import Factory, working
from tests.support.plugin import Home

# the end of the step m, as a database that is slow or away would hold it back
HOLDS_BACK = """
CREATE FUNCTION held_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
CREATE TRIGGER held_back BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.kind = 'step_done' AND NEW.step = 'm')
  EXECUTE FUNCTION held_back();
SELECT pg_advisory_lock(7)
"""
HELD = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE '%settled(%'
"""
LOSSES = {
    "its lease": "UPDATE workers SET lease_until = clock_timestamp() - interval '1 s'",
    "its connection": f"SELECT pg_terminate_backend(pid) FROM ({HELD}) AS held",
}


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


@pytest.mark.parametrize(
    ("script", "step", "wrong", "tried"),
    [("mail", "m", "m", 1), ("probe", "n", "n", 1), ("secret", "mint", "mint", 4)],
    ids=["nothing", "a probed number", "a secret"],
)
async def test_an_effect_that_answers_something_else_than_it_declares_is_asked_about_and_never_counts_as_done(
    factory: Factory, script: str, step: str, wrong: str, tried: int
) -> None:
    factory.folder.put(f"wrong.{wrong}", "yes")
    run = await factory.ask(script)
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], row.question["step"]) == ("effect", step)
    ends = [e for e in await factory.ledger.events(run) if e.step == step and e.mark not in (None, Mark.STARTED)]
    assert {(e.mark, e.body["why"]) for e in ends if e.mark is not Mark.AGAIN} == {(Mark.UNKNOWN, OTHER_TYPE)}
    assert max(e.attempt or 0 for e in ends) == tried
    assert "canary" not in str(await factory.home.pool.fetch("SELECT * FROM events")) + str(row)


async def test_a_look_that_finds_something_else_than_it_declares_is_blind_and_never_good(factory: Factory) -> None:
    factory.folder.put("x", "here")
    factory.folder.put("wrong.x", "yes")
    run = await factory.ask("until")
    await factory.state(run, State.WAITING)
    await factory.home.move_clock(timedelta(minutes=5, seconds=1))
    row = await factory.state(run, State.IN_DOUBT)
    assert row.question is not None
    assert (row.question["doubt"], row.question["sentence"]) == ("blind", OTHER_TYPE)


@pytest.mark.parametrize("loss", LOSSES)
async def test_what_a_worker_did_and_could_not_write_down_is_evidence_beside_the_question(
    home: Home, factory: Factory, loss: str
) -> None:
    root = await asyncpg.connect(home.superuser, server_settings={"search_path": "tandem"})
    try:
        await root.execute(HOLDS_BACK)
        run = await factory.ask("mail")
        await factory.until(run, lambda row: "mail m" in factory.folder.lines())
        await until(lambda: root.fetchval(HELD), "end that is held back")
        await root.execute(LOSSES[loss])
        await factory.state(run, State.IN_DOUBT)
        told = "SELECT count(*) FROM events WHERE run = $1 AND mark = 'late'"
        await until(lambda: root.fetchval(told, run), "late word")
    finally:
        await root.close()

    row, events = await factory.story.row(run), await factory.ledger.events(run)
    assert row.question is not None
    assert (row.state, row.question["doubt"], row.question["step"]) == (State.IN_DOUBT, "effect", "m")
    assert sorted(e.mark for e in events if e.step == "m" and e.mark) == [Mark.LATE, Mark.STARTED, Mark.UNKNOWN]
    (late,) = [e for e in events if e.mark is Mark.LATE]
    assert late.body == {"ended": "done"}
    assert await factory.answer("ana", run, "happened") == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED
    assert factory.folder.lines().count("mail m") == 1
    assert await verify(home.pool) == []


async def test_a_late_word_of_what_was_written_after_all_adds_nothing_and_none_comes_twice(factory: Factory) -> None:
    run = await factory.ask("wait")
    row = await factory.state(run, State.WAITING)
    mine, ended = Claimed(run=run, worker=await factory.story.worker(), fence=row.fence), {"ended": Mark.DONE}
    before = await factory.ledger.events(run)
    await factory.ledger.late(mine, "set", Way.DO, 1, ended)
    assert await factory.ledger.events(run) == before
    earlier = mine.model_copy(update={"fence": row.fence - 1})
    for _ in range(2):
        await factory.ledger.late(earlier, "set", Way.DO, 1, ended)
    assert [e.mark for e in await factory.ledger.events(run)][len(before) :] == [Mark.LATE]
