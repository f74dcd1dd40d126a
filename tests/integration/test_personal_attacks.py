"""Personal values attacked: guesses, raw SQL of the bot's role and of the tables' owner, boxes that were moved."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bot.effect import Permanent, Personal
from bot.model import State
from bot.seal import PersonalSeal
from bot.store.personal import PersonalStore, holding
from bot.store.store import Claimed
from tests.support.factory import PERSONAL
from tests.support.place import JO, KIM, Place, placed, who
from tests.support.plugin import Home


@pytest.fixture
async def place(home: Home, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(home, tmp_path) as place:
        yield place


async def test_no_digest_without_the_key_leads_to_a_person(place: Place) -> None:
    """Whoever has the database and a list of addresses learns nothing: every stored digest needs the key."""
    await place.done("test invite", email=JO, words=f"/test invite {JO}")
    stored = await place.stored()
    spellings = {JO, JO.lower(), f"mail/{JO.lower()}", JO.lower().split("@")[0]}
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"):
        for spelling in spellings:
            digest = hashlib.new(name, spelling.encode())
            assert digest.hexdigest() not in stored
            assert b64encode(digest.digest()).decode().casefold() not in stored
    lookup = await place.factory.home.own.fetchval("SELECT lookup FROM personal_subjects")
    assert lookup == PERSONAL.lookup(JO)
    assert lookup != PersonalSeal(b"q" * 32).lookup(JO)


async def test_what_a_connector_blurts_out_is_masked_before_it_is_written(place: Place) -> None:
    place.factory.folder.put("order.letter", "tell")
    run = await place.done("test invite", State.FAILED, email=JO)
    assert "J…@customers.example takes no letters" in str(await place.kinds(run))
    place.factory.folder.put("order.letters", "tell")
    run = await place.done("test find", State.FAILED, email=JO)
    assert "nobody knows J…@customers.example" in str(await place.kinds(run))
    assert "canary" not in await place.stored()


async def test_a_value_opens_for_the_worker_of_a_run_that_was_given_it_alone(place: Place) -> None:
    ended = await place.done("test invite", email=JO)
    token = Personal(await place.token(ended))
    story, kept = place.factory.story, place.factory.kept
    with pytest.raises(Permanent, match="for the run that uses it alone"):
        await kept.whole(token)
    live = int((await story.ask("ana", "test write", params={"script": "plain"}))["run"])
    row = await place.factory.until(live, lambda row: row.worker is None and row.state is not State.PLANNING)
    claimed = Claimed(run=live, worker=await story.worker(), fence=row.fence)
    with holding(claimed), pytest.raises(Exception, match="could not be read"):
        await kept.whole(token)  # a claim that is not held
    await place.factory.end(live)
    place.factory.folder.put("order.b", "hang")
    other = int((await story.ask("ana", "test write", params={"script": "plain"}, key="other"))["run"])
    row = await place.factory.until(other, lambda row: row.state is State.RUNNING and row.worker is not None)
    assert row.worker is not None
    with holding(Claimed(run=other, worker=row.worker, fence=row.fence)), pytest.raises(Permanent) as refused:
        await kept.whole(token)  # a claim that is held, of a run that was not given it
    assert "was given no such personal value" in str(refused.value)


ATTACKS = (
    "SELECT * FROM personal_values",
    "SELECT * FROM personal_subjects",
    "INSERT INTO personal_uses VALUES (1, '{token}')",
    "UPDATE personal_values SET erased_by = 1",
    "DELETE FROM personal_subjects",
    "INSERT INTO erasures VALUES (gen_random_uuid(), 1, clock())",
    "SELECT personal_keep(1, NULL, '{{}}')",
    "SELECT personal_erase(r, '{{}}', 9) FROM runs r",
    "SELECT personal_box(ROW('{token}', 1, NULL, NULL, NULL, now(), NULL)::personal_values)",
    "SELECT personal_value(1, gen_random_uuid(), 1, '{token}')",
)
TO_THE_OWNER = (
    "UPDATE personal_values SET value = '\\x00', mask = '\\x01', erased_by = NULL, subject = '{other}'",
    "INSERT INTO personal_subjects VALUES ('{erased}', '\\x01', '\\x02', clock(), '\\x03')",
    "DELETE FROM personal_subjects WHERE id = '{other}'",
    "UPDATE personal_subjects SET key = '\\x00'",
    "UPDATE personal_values SET value = '\\x00' WHERE token = '{kept}'",
    "DELETE FROM personal_values",
    "TRUNCATE personal_values CASCADE",
    "DELETE FROM erasures",
    "UPDATE erasures SET run = 1",
    "INSERT INTO erasures VALUES ('{other}', {run}, clock())",
)


async def test_raw_sql_neither_reads_nor_erases_nor_brings_back(place: Place) -> None:
    """The bot's own role has no right to it; whoever may write every table is stopped by the walls."""
    first, second = await place.done("test invite", email=JO), await place.done("test invite", email=KIM)
    run = await place.erased(value=JO)
    home = place.factory.home
    names = {
        "token": await place.token(first), "kept": await place.token(second), "run": run,
        "erased": await home.own.fetchval("SELECT subject FROM erasures"),
        "other": await home.own.fetchval("SELECT id FROM personal_subjects"),
    }  # fmt: skip
    for sql in ATTACKS:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.PostgresError)) as refused:
            await home.pool.execute(sql.format(**names))
        assert refused.value.sqlstate in ("42501", "TD041"), sql
    for sql in TO_THE_OWNER:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await home.own.execute(sql.format(**names))
        assert refused.value.sqlstate in ("TD061", "TD017"), (sql, refused.value)


async def test_without_the_walls_this_goes_through(place: Place) -> None:
    """So the test above would notice that they are gone. A key that values still need is held by them too."""
    await place.done("test invite", email=JO)
    run = await place.erased(value=JO)
    kept = await place.token(await place.done("test invite", email=KIM))
    own, passed = place.factory.home.own, 0
    names = {
        "kept": kept, "run": run, "erased": await own.fetchval("SELECT subject FROM erasures"),
        "other": await own.fetchval("SELECT id FROM personal_subjects"),
    }  # fmt: skip
    async with own.acquire() as conn:
        for sql in TO_THE_OWNER:
            transaction = conn.transaction()
            await transaction.start()
            for table in ("personal_values", "personal_subjects", "personal_uses", "erasures"):
                await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            try:
                await conn.execute(sql.format(**names))
                passed += 1
            except asyncpg.ForeignKeyViolationError:
                assert sql.startswith("DELETE")
            finally:
                await transaction.rollback()
    assert passed >= len(TO_THE_OWNER) - 2


async def test_a_box_in_anothers_place_does_not_open(place: Place) -> None:
    """What was sealed is bound to its subject and its token: the owner of the tables may move it, and gains nothing."""
    runs = [await place.done("test invite", email=value) for value in (JO, KIM)]
    tokens = [await place.token(run) for run in runs]
    own = place.factory.home.own
    await own.execute("ALTER TABLE personal_values DISABLE TRIGGER wall")
    await own.execute(
        "UPDATE personal_values SET value = o.value, mask = o.mask, subject = o.subject FROM personal_values o "
        "WHERE personal_values.token = $1 AND o.token = $2",
        *tokens,
    )
    await own.execute("ALTER TABLE personal_values ENABLE ALWAYS TRIGGER wall")
    entry = place.service.house.entry("test find")
    outcome = await place.service.ask(
        who("ana"), "C0OPS", entry, entry.params.model_validate({"email": tokens[0]}), key="moved"
    )
    assert outcome.run is not None
    assert (await place.factory.end(outcome.run)).state is State.FAILED
    assert "does not open" in str(await place.kinds(outcome.run))
    view = await place.view(outcome.run)
    assert list(view.masks.values()) == ["•••"]


async def test_under_another_key_nobody_is_taken_for_unknown(place: Place) -> None:
    """It would find nobody: an erasure would say that nothing is kept, and be believed."""
    await place.done("test invite", email=JO)
    place.service.kept = PersonalStore(place.factory.home.pool, PersonalSeal(b"q" * 32))
    outcome = await place.asks("ops personal erase", value=JO)
    assert (outcome.ok, outcome.code) == (False, "no_key")
    assert "is another than the one under which personal values are kept here" in outcome.sentence
    assert await place.factory.home.pool.fetchval("SELECT count(*) FROM runs") == 1


async def test_without_the_key_nothing_is_taken_and_the_door_says_so(place: Place) -> None:
    place.service.kept = PersonalStore(place.factory.home.pool, None)
    outcome = await place.asks("test invite", email=JO)
    assert (outcome.ok, outcome.code) == (False, "no_key")
    assert outcome.sentence == (
        "Nothing was asked: TANDEM_PERSONAL_KEY is not set, so no personal value can be kept or opened; "
        "tell whoever keeps the bot."
    )
    assert await place.factory.home.pool.fetchval("SELECT count(*) FROM runs") == 0
