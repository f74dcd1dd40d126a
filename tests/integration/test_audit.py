"""The ledger against somebody who rewrites it with the owner's rights and the walls switched off."""

import json

import asyncpg
import pytest

from bot.codec import encode_plan
from bot.operation import Plan
from bot.store.audit import verify
from bot.store.views import Views
from tests.support.plugin import Home
from tests.support.story import Story


async def told(home: Home) -> int:
    """A run with an approval, under a checkpoint; and another after it."""
    story = Story(home)
    run = await story.proposed("ana", "test destroy-two")
    await story.approve("ben", run)
    await home.ledger.checkpoint()
    await story.approve("cleo", run)
    await story.proposed("dora", "test destroy")
    return run


async def tamper(home: Home, sql: str) -> None:
    conn = await asyncpg.connect(home.superuser, server_settings={"search_path": "tandem"})
    try:
        async with conn.transaction():
            for table in ("runs", "events", "approvals", "slots", "checkpoints", "heads"):
                await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            await conn.execute(sql)
            for table in ("runs", "events", "approvals", "slots", "checkpoints", "heads"):
                await conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    finally:
        await conn.close()


async def test_what_was_written_is_whole(home: Home) -> None:
    await told(home)
    assert await verify(home.pool) == []


async def test_an_empty_ledger_is_whole_and_a_second_checkpoint_of_a_minute_is_the_first(home: Home) -> None:
    assert await verify(home.pool) == []
    first = await home.ledger.checkpoint()
    second = await home.ledger.checkpoint()
    minutes = await home.pool.fetch("SELECT digest FROM checkpoints ORDER BY at")
    assert second == minutes[-1]["digest"]
    assert first in [row["digest"] for row in minutes]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE events SET actor = 'dora' WHERE run = {run} AND kind = 'approval'", "is not the one that was written"),
        ("UPDATE events SET body = '{{\"x\": 1}}' WHERE run = {run} AND seq = 2", "event 2 is not the one"),
        ("UPDATE events SET at = at - interval '1 s' WHERE run = {run} AND seq = 3", "event 3 is not the one"),
        ("UPDATE events SET step = actor, actor = NULL WHERE kind = 'asked' AND run = {run}", "event 1 is not the one"),
        ("UPDATE events SET fence = 99 WHERE run = {run} AND seq = 2", "event 2 is not the one"),
        ("UPDATE events SET hash = 'f00d' WHERE run = {run} AND seq = 2", "event 3 is not the one"),
        ("DELETE FROM events WHERE run = {run} AND seq = 3", "it has"),
        ("UPDATE runs SET state = 'denied' WHERE id = {run}", "its last event says"),
        ("DELETE FROM approvals WHERE run = {run} AND person = 'ben'", "by ben is gone"),
        ("UPDATE approvals SET person = 'dora' WHERE run = {run} AND person = 'ben'", "by dora has no event"),
        ('UPDATE runs SET params = \'{{"database": "billing"}}\' WHERE id = {run}', "what was asked for is not what"),
        ('UPDATE runs SET asked = \'{{"database": "billing"}}\' WHERE id = {run}', "what would be asked again is not"),
        ("UPDATE runs SET reason = 'another' WHERE id = {run}", "what was asked for is not what"),
        ("UPDATE runs SET plan = '{{\"plan\": 0}}' WHERE id = {run}", "its plan is not the one of its event"),
        ("UPDATE approvals SET fingerprint = 'f00d' WHERE run = {run}", "is of another plan than its event says"),
        ("UPDATE slots SET person = 'dora' WHERE run = {run} AND person = 'ben'", "for dora is not what its event"),
        ("UPDATE checkpoints SET digest = 'f00d'", "does not fit the events"),
        ("DELETE FROM heads WHERE run = {run}", "does not fit the events"),
    ],
)
async def test_a_rewritten_line_is_found(home: Home, sql: str, said: str) -> None:
    run = await told(home)
    await tamper(home, sql.format(run=run))
    found = await verify(home.pool)
    assert any(said in fault for fault in found), found


async def test_a_run_from_before_what_was_asked_was_kept_is_whole_and_asked_again_as_it_was_planned(home: Home) -> None:
    story = Story(home)
    run = int((await story.ask("ana", "test destroy", params={"backup": "latest"}))["run"])
    await story.propose(run, params={"backup": "b1"}, plan=json.loads(encode_plan(Plan(sentence="Put b1 over shop"))))
    await tamper(home, f"UPDATE runs SET asked = NULL WHERE id = {run}")
    assert await verify(home.pool) == []
    view = await Views(home.pool, {}).run(run)
    assert view is not None
    assert view.given == {"backup": "b1"}


async def test_a_chain_cut_off_and_closed_again_is_found_by_its_checkpoint(home: Home) -> None:
    run = await told(home)
    await tamper(
        home,
        f"DELETE FROM approvals WHERE run = {run}; DELETE FROM slots WHERE run = {run}; DELETE FROM events WHERE "
        f"run = {run} AND seq > 2; UPDATE runs SET seq = 2, state = (SELECT state FROM events WHERE run = {run} AND seq = 2) "  # noqa: E501
        f"WHERE id = {run}".replace("DELETE FROM slots", "ALTER TABLE slots DISABLE TRIGGER ALL; DELETE FROM slots"),
    )
    assert any("stood in a checkpoint and is gone" in fault for fault in await verify(home.pool))


async def test_a_whole_history_rewritten_is_found_only_against_a_checkpoint_kept_elsewhere(home: Home) -> None:
    run = await told(home)
    kept = [(row["at"], row["digest"]) for row in await home.pool.fetch("SELECT at, digest FROM checkpoints")]
    await tamper(
        home,
        f"UPDATE events SET body = '{{}}' WHERE run = {run};"
        "DO $$ DECLARE e events; b text := ''; BEGIN "
        f"FOR e IN SELECT * FROM events WHERE run = {run} ORDER BY seq LOOP b := event_hash(e, b); "
        "UPDATE events SET hash = b WHERE run = e.run AND seq = e.seq; END LOOP; END $$;"
        "UPDATE checkpoints SET digest = encode(sha256(convert_to(E'\\n' || (SELECT string_agg(h.run || ':' || h.seq || "  # noqa: E501
        "':' || e.hash, E'\\n' ORDER BY h.run) FROM heads h JOIN events e USING (run, seq)), 'UTF8')), 'hex')",
    )
    assert await verify(home.pool) == []
    assert any("kept elsewhere" in fault for fault in await verify(home.pool, kept))
