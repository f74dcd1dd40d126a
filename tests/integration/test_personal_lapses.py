"""Personal values are kept for so long after the last run that uses them, and then erased; the ledger stays whole."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from bot.model import State
from bot.personal import ERASED
from bot.store.audit import verify
from tests.support.factory import PERSONAL
from tests.support.place import JO, KIM, Place, placed, who
from tests.support.plugin import Home

DAY = timedelta(days=1)


@pytest.fixture
async def place(home: Home, tmp_path: Path) -> AsyncIterator[Place]:
    await home.own.execute("UPDATE applied SET personal_for = '90 days'")
    async with placed(home, tmp_path) as place:
        yield place


async def kept(place: Place) -> int:
    return int(await place.factory.home.own.fetchval("SELECT count(*) FROM personal_values WHERE value IS NOT NULL"))


async def lapse(place: Place, most: int = 100) -> int:
    return int(await place.factory.home.pool.fetchval("SELECT lapse($1)", most))


async def same_again(place: Place, run: int, becomes: State) -> int:
    """A run with the very token of that one, which needs an approval."""
    entry = place.service.house.entry("test invite")
    params = entry.params.model_validate({**(await place.view(run)).given, "grave": True})
    outcome = await place.service.ask(who("ana"), "C0OPS", entry, params, key="again")
    assert outcome.run is not None
    await place.factory.state(outcome.run, becomes)
    return outcome.run


async def test_when_its_time_is_over_value_mask_and_key_are_gone_and_the_run_says_so(place: Place) -> None:
    run = await place.done("test invite", email=JO)
    own = place.factory.home.own
    await place.factory.ledger.checkpoint()
    await place.factory.home.move_clock(90 * DAY - timedelta(minutes=1))
    assert await lapse(place) == 0
    assert await place.sentence(run) == "Invite J…@customers.example"
    await place.factory.home.move_clock(timedelta(minutes=2))
    before = await place.factory.story.row(run)
    assert await lapse(place) == 1
    assert await kept(place) == await own.fetchval("SELECT count(*) FROM personal_subjects") == 0
    assert await place.sentence(run) == f"Invite {ERASED}"
    after = await place.factory.story.row(run)
    assert after == before.model_copy(update={"seq": before.seq + 1})
    last = (await place.factory.ledger.events(run))[-1]
    assert (last.kind, last.state, last.body) == ("lapsed", State.SUCCEEDED, {"values": 1, "after": "90 days"})
    assert await lapse(place) == 0
    assert await verify(place.factory.home.pool) == []


async def test_the_event_stands_in_the_next_checkpoint_though_the_run_ended_long_ago(place: Place) -> None:
    await place.factory.home.move_clock(timedelta(hours=-2))
    run = await place.done("test invite", email=JO)
    await place.factory.ledger.checkpoint()
    await place.factory.home.own.execute(
        "ALTER TABLE heads DISABLE TRIGGER USER, DROP CONSTRAINT heads_at_fkey; "
        "ALTER TABLE checkpoints DISABLE TRIGGER USER; "
        "UPDATE heads SET at = at - interval '1 h'; UPDATE checkpoints SET at = at - interval '1 h'"
    )
    await place.factory.home.move_clock(91 * DAY)
    assert await lapse(place) == 1
    await place.factory.ledger.checkpoint()
    seq = (await place.factory.story.row(run)).seq
    assert await place.factory.home.pool.fetchval("SELECT true FROM heads WHERE run = $1 AND seq = $2", run, seq)
    assert await verify(place.factory.home.pool) == []


async def test_it_is_kept_while_a_run_that_uses_it_goes_on_and_for_its_time_after_that(place: Place) -> None:
    run = await place.done("test invite", email=JO)
    later = await same_again(place, run, State.AWAITING)
    await place.factory.home.own.execute(
        "UPDATE runs SET expires_at = expires_at + interval '1 year' WHERE ended_at IS NULL"
    )
    await place.factory.home.move_clock(91 * DAY)
    assert await lapse(place) == 0
    await place.service.cancel(who("ana"), later, "", "c")
    assert await lapse(place) == 0
    await place.factory.home.move_clock(91 * DAY)
    assert await lapse(place) == 1
    assert await place.sentence(run) == f"Invite {ERASED}"


async def test_of_one_person_only_what_is_old_goes_and_the_key_with_the_last(place: Place) -> None:
    old = await place.done("test invite", email=JO)
    await place.factory.home.move_clock(60 * DAY)
    young = await place.done("test find", email=JO)
    await place.factory.home.move_clock(31 * DAY)
    assert await lapse(place) == 1
    assert (await place.sentence(old), await kept(place)) == (f"Invite {ERASED}", 1)
    assert await place.headline(young) == "J…@customers.example has 1 letters"
    assert await place.factory.home.own.fetchval("SELECT count(*) FROM erasures") == 0
    await place.factory.home.move_clock(60 * DAY)
    assert await lapse(place) == 1
    assert await place.factory.home.own.fetchval("SELECT count(*) FROM personal_subjects") == 0
    again = await place.done("test find", email=JO)
    assert await place.headline(again) == "J…@customers.example has 1 letters", "whoever comes back has a new key"


async def test_without_the_setting_nothing_is_erased(place: Place) -> None:
    await place.done("test invite", email=JO)
    await place.factory.home.own.execute("UPDATE applied SET personal_for = NULL")
    await place.factory.home.move_clock(10000 * DAY)
    assert (await lapse(place), await kept(place)) == (0, 1)


async def test_whom_a_door_is_about_to_keep_something_of_is_left_for_the_next_time(place: Place) -> None:
    await place.done("test invite", email=JO)
    await place.done("test invite", email=KIM)
    await place.factory.home.move_clock(91 * DAY)
    lock = (
        "SELECT pg_advisory_xact_lock(hashtextextended('personal ' || encode(lookup, 'base64'), 0)) "
        "FROM personal_subjects WHERE lookup = $1"
    )
    async with place.factory.home.own.acquire() as door, door.transaction():
        await door.execute(lock, PERSONAL.lookup(JO))
        assert (await lapse(place), await kept(place)) == (1, 1)
    assert (await lapse(place), await kept(place)) == (1, 0)


async def test_no_more_runs_at_once_than_it_is_told(place: Place) -> None:
    for _ in range(3):
        await place.done("test invite", email=JO)
    await place.factory.home.move_clock(91 * DAY)
    assert [await lapse(place, 2) for _ in range(3)] == [2, 1, 0]


async def test_every_copy_of_the_bot_does_it_each_minute(place: Place) -> None:
    await place.done("test invite", email=JO)
    await place.factory.home.move_clock(91 * DAY)
    place.factory.worker._checkpointed = 0  # as when a minute has gone by
    async with asyncio.timeout(10):
        while await kept(place):  # each look is a round trip: the worker's task goes on meanwhile
            continue


async def test_what_has_lapsed_opens_for_no_run_that_still_names_it(place: Place) -> None:
    first = await place.done("test invite", email=JO)
    await place.factory.home.move_clock(91 * DAY)
    await lapse(place)
    run = await same_again(place, first, State.FAILED)
    assert f"the personal value was erased some time after r{first} had ended" in str(await place.kinds(run))


EVENT = (
    "INSERT INTO events (run, seq, at, kind, state, fence, hash) "
    "SELECT id, seq + 1, clock(), '{kind}', state, fence, '' FROM runs WHERE id = {run}; "
)
SEQ = "UPDATE runs SET seq = seq + 1{more} WHERE id = {run}; "
ERASE = "UPDATE personal_values SET subject = NULL, value = NULL, mask = NULL, erased_by = run WHERE run = {run}; "
RAW = {
    "its values go without a word": ("old", ERASE, "TD061"),
    "its values go before their time": ("young", EVENT + SEQ + ERASE, "TD061"),
    "its lapse is told before its time": ("young", EVENT + SEQ, "TD061"),
    "something else is told of an ended run": ("old", EVENT.replace("{kind}", "cancelled") + SEQ, "TD003"),
    "it is changed beside its lapse": ("old", EVENT + SEQ.replace("{more}", ", reason = 'better'"), "TD003"),
    "the key of one that has values goes": (
        "old", "INSERT INTO erasures SELECT id, {run}, clock() FROM personal_subjects", "TD061",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", RAW)
async def test_whoever_writes_is_refused_when(place: Place, what: str) -> None:
    age, sql, refused = RAW[what]
    run = await place.done("test invite", email=JO)
    await place.factory.home.move_clock((91 if age == "old" else 1) * DAY)
    filled = sql.replace("{run}", str(run)).replace("{kind}", "lapsed").replace("{more}", "")
    with pytest.raises(asyncpg.PostgresError) as said:
        await place.factory.home.own.execute(filled)
    assert said.value.sqlstate == refused, said.value


async def test_the_same_by_the_ways_of_the_wall_goes_through(place: Place) -> None:
    """So the test above refuses what it says, and not its words."""
    run = await place.done("test invite", email=JO)
    await place.factory.home.move_clock(91 * DAY)
    sql = (EVENT + SEQ + ERASE).replace("{run}", str(run)).replace("{kind}", "lapsed").replace("{more}", "")
    await place.factory.home.own.execute(sql)
    assert await kept(place) == 0
