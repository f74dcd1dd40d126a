"""The walls in the database, attacked by raw SQL: by a role that may write every table, and by the bot's own."""

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from bot.store import migrate
from bot.store.pool import UnfitRole, fit_to_run, open_pool
from deploy.local.postgres import Server
from tests.databases import ensure_template
from tests.integration.attacks import ATTACKS, Attack, Cut
from tests.integration.attacks_on_absences import ABSENCES
from tests.support.company import BOT, OWNER, TEMPLATE, account, as_role
from tests.support.plugin import Home
from tests.support.story import Story

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIGHTY = "tandem_mighty"


@dataclass
class Arena:
    """One database for all attacks; each is rolled back. `root` is a superuser who takes another role on."""

    home: Home
    story: Story
    root: Any

    async def scene(self, name: str) -> int:  # noqa: C901
        """A run that has come so far; the answer is its id."""
        story = self.story
        match name:
            case "planning" | "look":
                asked = await story.ask("ana", "test write", look_only=name == "look")
                if name == "look":
                    await story.propose(asked["run"])
                return int(asked["run"])
            case "unshown":
                return await story.proposed("ana", "test destroy", shown=False)
            case "two":
                return await story.proposed("ana", "test destroy-two")
            case "subject":
                return await story.proposed("ana", "test destroy", subjects=["ben"])
            case "locked":
                return await story.proposed("ana", "test destroy", locks=["database/shop"])
            case "admitted":
                return await story.proposed("ana", "test write", shown=False)
        run = await (self.handing() if name == "handing" else story.proposed("ana", "test destroy"))
        if name == "ended":
            await story.say("ben", run, "deny")
        if name in ("queued", "running", "doubt", "handing", "asks"):
            assert (await story.approve("ben", run))["queued"]
        if name == "asks":  # before it began
            await self.home.ledger.doubted(await story.claim(run), {"doubt": "poison", "choices": ["again", "stop"]})
        if name in ("running", "doubt", "handing"):
            claimed = await story.claim(run)
            assert await self.home.ledger.begin(claimed) == "started"
            started = "SELECT started($1, $2, $3, 'a', 'do', 1, '1 min', '{}')"
            await self.home.pool.execute(started, run, claimed.worker, claimed.fence)
            if name == "doubt":
                question = {"doubt": "effect", "step": "a", "way": "do", "attempt": 1, "choices": ["again", "stop"]}
                await self.home.ledger.doubted(claimed, question)
        return run

    async def handing(self) -> int:
        """A run by which Ana lets Emil approve in her place, for an hour."""
        args = {"giver": "ana", "taker": "emil", "lasting": "3600 s", "starts": None}
        deed = {"kind": "tandem.Delegate@1", "args": args}
        run = int((await self.story.ask("ana", "test destroy"))["run"])
        await self.story.propose(run, plan={"steps": [{"name": "a", "does": deed}], "loses": []})
        await self.story.show(run)
        await self.story.saw("ben")
        return run

    async def cut(self, guards: tuple[Cut | str, ...]) -> None:
        """Takes guards out, in the transaction that is rolled back."""
        for guard in guards:
            if isinstance(guard, str):
                await self.root.execute(guard)
                continue
            oids = await self.root.fetch("SELECT oid FROM pg_proc WHERE proname = $1", guard.function)
            assert len(oids) == 1, guard.function
            text = await self.root.fetchval("SELECT pg_get_functiondef($1)", oids[0]["oid"])
            assert text.count(guard.condition) == 1, f"{guard.function} has no such condition any more"
            await self.root.execute(text.replace(guard.condition, guard.instead))

    async def attack(self, attack: Attack, *, guarded: bool) -> None:
        """Raises what the database says; rolled back either way."""
        run = await self.scene(attack.scene)
        transaction = self.root.transaction()
        await transaction.start()
        try:
            if not guarded:
                await self.cut(attack.guards)
            if attack.before:
                await self.root.execute(attack.before.format(run=run))
            await self.root.execute(f"SET LOCAL ROLE {MIGHTY}")
            await self.root.execute(attack.act.format(run=run))
            await self.root.execute("SET CONSTRAINTS ALL IMMEDIATE")
        finally:
            await transaction.rollback()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arena(pg_server: Server) -> AsyncIterator[Arena]:
    await ensure_template(pg_server, TEMPLATE)
    name = f"test_{secrets.token_hex(6)}"
    url = await pg_server.create_database(name, template=TEMPLATE.name)
    pool, own = await open_pool(as_role(url, BOT), size=4), await open_pool(as_role(url, OWNER), size=2)
    root = await asyncpg.connect(url, server_settings={"search_path": "tandem"})
    await root.execute("SELECT pg_advisory_lock(4711)")
    if not await root.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", MIGHTY):
        await root.execute(f"CREATE ROLE {MIGHTY}; GRANT SET ON PARAMETER session_replication_role TO {MIGHTY}")
    await root.execute("SELECT pg_advisory_unlock(4711)")
    await root.execute(
        f"GRANT USAGE ON SCHEMA tandem TO {MIGHTY}; GRANT ALL ON ALL TABLES IN SCHEMA tandem TO {MIGHTY}; "
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA tandem TO {MIGHTY}; GRANT ALL ON ALL FUNCTIONS IN SCHEMA tandem TO {MIGHTY}"  # noqa: E501
    )
    home = Home(url, as_role(url, OWNER), as_role(url, BOT), pool, own)
    yield Arena(home, Story(home), root)
    await pool.close()
    await own.close()
    await root.close()
    await pg_server.drop_database(name)


@pytest.mark.parametrize("attack", ATTACKS + ABSENCES, ids=lambda a: a.name)
async def test_whoever_writes_is_refused_when(arena: Arena, attack: Attack) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await arena.attack(attack, guarded=True)
    assert refused.value.sqlstate == attack.refused, refused.value


@pytest.mark.parametrize("attack", ATTACKS + ABSENCES, ids=lambda a: a.name)
async def test_without_its_guard_this_goes_through(arena: Arena, attack: Attack) -> None:
    """So the test above would notice that the guard is gone."""
    await arena.attack(attack, guarded=False)


PROMISES = (
    "runs", "events", "approvals", "slots", "shown", "answers", "askers", "subjects", "locks", "sealed", "people",
    "delegations", "withdrawals", "favourites", "calls", "accounts", "groups", "members", "operations", "policy",
    "applied", "moves", "workers", "checkpoints", "heads", "ledger_home", "clock_shift", "freezes", "dedupe",
    "ticks", "schedules",
    "personal_uses", "personal_subjects", "personal_values", "erasures", "personal_home",
)  # fmt: skip


@pytest.mark.parametrize("table", PROMISES)
async def test_the_bots_role_writes_no_table_of_promises(arena: Arena, table: str) -> None:
    column = await arena.root.fetchval(
        "SELECT attname FROM pg_attribute WHERE attrelid = ('tandem.' || $1)::regclass AND attnum > 0 "
        "AND attgenerated = '' AND attidentity = '' ORDER BY attnum LIMIT 1",
        table,
    )
    for sql in (
        f"INSERT INTO {table} ({column}) SELECT {column} FROM {table}",
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"DROP TABLE {table} CASCADE",
        f"CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",  # noqa: E501
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await arena.home.pool.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SET ROLE tandem_owner",
        "SET SESSION AUTHORIZATION tandem_owner",
        "SET session_replication_role = replica",
        "CREATE FUNCTION tandem.clock(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE tandem.mine (n integer)",
        "CREATE OR REPLACE FUNCTION tandem.clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
        "SELECT tell(1, 'x', NULL, NULL, '{}')",
        "SELECT ended(r) FROM runs r",
        "SELECT take_locks(r) FROM runs r",
        "SELECT own(r, '{}') FROM runs r",
        "SELECT apply_answer(r, '{}', 'again', 'ben') FROM runs r",
        "SELECT doubt_unheld(r, 'x', '[]') FROM runs r",
    ],
)
async def test_the_bots_role_is_refused(arena: Arena, sql: str) -> None:
    await arena.scene("awaiting")
    async with arena.home.pool.acquire() as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(sql)


async def test_a_temporary_table_or_function_of_a_known_name_deceives_no_verb(arena: Arena) -> None:
    """The verbs look in the bot's schema first and in the session's temporary one last."""
    run = await arena.scene("awaiting")
    fingerprint = (await arena.story.row(run)).fingerprint
    conn = await asyncpg.connect(arena.home.bot)
    try:
        await conn.execute(
            "CREATE TEMP TABLE accounts AS SELECT 'T0TEST' AS team, 'U0ANA' AS slack_user, 'ben' AS person; "
            "CREATE TEMP TABLE askers (run bigint, person text); CREATE TEMP TABLE people AS TABLE tandem.people; "
            "CREATE FUNCTION pg_temp.clock() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1999-01-01'::timestamptz $$; "  # noqa: E501
            "SET search_path = pg_temp, tandem"
        )
        word = arena.story.word("ana", run) | {"fingerprint": fingerprint, "config": "c1"}
        answer = json.loads(await conn.fetchval("SELECT tandem.approve($1)", json.dumps(word)))
    finally:
        await conn.close()
    assert answer["code"] == "asker"


async def test_the_verbs_believe_no_lie(arena: Arena) -> None:
    home, story = arena.home, arena.story
    run = await arena.scene("awaiting")
    word = story.word("ben", run)
    right = (await story.row(run)).fingerprint
    lies: list[tuple[dict[str, Any], str]] = [
        (word | {"fingerprint": "f00d", "config": "c1"}, "other_plan"),
        (word | {"config": "c1"}, "other_plan"),  # no fingerprint is not every fingerprint
        (word | {"fingerprint": right, "config": "c0"}, "old_config"),
        (word | {"fingerprint": right}, "old_config"),
        (word | {"fingerprint": right, "config": "c1", "team": "T0OTHER"}, "not_listed"),
        (word | {"fingerprint": right, "config": "c1", "user": account("ana"), "person": "ben"}, "asker"),
        (word | {"fingerprint": right, "config": "c1", "run": 10**9}, "no_run"),
    ]
    for lie, code in lies:
        assert (await home.doors.approve(lie))["code"] == code
    assert (await story.row(run)).state == "awaiting_approval"


async def test_an_answer_names_its_question_and_a_tick_cannot_choose_who_may_tick(arena: Arena) -> None:
    run = await arena.scene("doubt")
    word = arena.story.word("ben", run) | {"choice": "again"}
    assert (await arena.home.doors.answer(word))["code"] == "not_waiting"
    assert (await arena.home.doors.answer(word | {"question": 1}))["code"] == "not_waiting"
    running = await arena.scene("running")
    tick = arena.story.word("dora", running) | {"step": "a", "who": "another"}
    assert (await arena.home.doors.tick(tick))["code"] == "not_waiting"  # an effect in flight is nobody's task


@pytest.mark.parametrize("worker", ["held", "other", "none"])
@pytest.mark.parametrize("fence", [-1, 0, 1, None])
async def test_a_stale_fence_or_a_wrong_worker_writes_nothing(arena: Arena, worker: str, fence: int | None) -> None:
    """Only the worker that holds the claim, under that very fence; nothing at all is no worker either."""
    run = await arena.scene("running")
    row = await arena.story.row(run)
    number = None if fence is None else row.fence + fence
    who = {"held": row.worker, "other": "00000000-0000-4000-8000-000000000000", "none": None}[worker]
    verbs = (
        "SELECT started($1, $2, $3, 'b', 'do', 1, '1 min', '{}')",
        "SELECT settled($1, $2, $3, 'a', 'do', 1, 'done', '{}')",
        "SELECT release($1, $2, $3, NULL, NULL)",
        "SELECT turned($1, $2, $3, 'back', 'x', 'a')",
        "SELECT doubted($1, $2, $3, '{}')",
        "SELECT finished($1, $2, $3, 'succeed', '{}')",
        "SELECT park($1, $2, $3, NULL, NULL, '{}', '{}')",
        "SELECT note($1, $2, $3, '{}')",
        "SELECT planned($1, $2, $3, '{}')",
    )
    if (worker, fence) == ("held", 0):
        await arena.home.pool.execute(verbs[0], run, who, number)
        return
    for verb in verbs:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await arena.home.pool.execute(verb, run, who, number)
        assert refused.value.sqlstate == "TD041"
    assert (await arena.story.row(run)).seq == row.seq


async def test_a_look_is_never_approved_into_running(arena: Arena) -> None:
    run = await arena.scene("look")
    await arena.story.show(run)
    answer = await arena.story.approve("ben", run)
    assert answer.get("queued", False) is False
    assert (await arena.story.row(run)).state != "queued"


async def test_the_bot_does_not_start_as_a_role_that_could_go_around_the_walls(arena: Arena) -> None:
    async with arena.home.pool.acquire() as conn:
        await fit_to_run(conn)
    for grant in (
        f"GRANT INSERT ON approvals TO {BOT}", f"GRANT UPDATE (state) ON runs TO {BOT}", f"GRANT DELETE ON locks TO {BOT}",  # noqa: E501
        f"GRANT TRUNCATE ON events TO {BOT}", f"GRANT UPDATE ON terms TO {BOT}", f"GRANT INSERT ON ticks TO {BOT}",
        f"GRANT DELETE ON freezes TO {BOT}", f"GRANT CREATE ON SCHEMA tandem TO {BOT}",
        f"GRANT {MIGHTY} TO {BOT} WITH INHERIT FALSE", f"GRANT {OWNER} TO {BOT}", f"ALTER ROLE {BOT} SUPERUSER",
        f"GRANT SET ON PARAMETER session_replication_role TO {BOT}",
    ):  # fmt: skip
        transaction = arena.root.transaction()
        await transaction.start()
        await arena.root.execute(grant)
        await arena.root.execute(f"SET LOCAL ROLE {BOT}")
        with pytest.raises(UnfitRole):
            await fit_to_run(arena.root)
        await transaction.rollback()


async def test_migrate_takes_back_what_the_bots_role_was_granted_besides(arena: Arena) -> None:
    """A write of `terms` would be a way round the two people."""
    await arena.home.own.execute(f"GRANT UPDATE ON terms TO {BOT}; GRANT UPDATE (state) ON runs TO {BOT}")
    rights = Path(migrate.__file__).parent / "functions" / "90_rights.sql"
    await arena.home.own.execute(rights.read_text().replace("{bot}", BOT))
    async with arena.home.pool.acquire() as conn:
        await fit_to_run(conn)
