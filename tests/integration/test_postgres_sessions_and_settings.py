"""Ending sessions and setting parameters on a real server: twice from one state, and again after half of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from bot.connectors import postgres_sessions
from bot.connectors.postgres import Postgres
from bot.connectors.postgres_sessions import Terminate, Terminated, sitting, sittings
from bot.connectors.postgres_settings import Parameter, Parameters, Place, SetParameter
from bot.effect import Changed, Permanent
from bot.engine.holds import changed_by, held_by
from bot.operation import Database, Plan
from deploy.local.postgres import Server
from handlers.ops.db import kill_idle
from handlers.ops.db.connections import DatabaseConnections
from handlers.ops.db.connections import Params as ConnectionParams
from handlers.ops.db.kill_idle import KillIdle
from handlers.ops.db.kill_idle import Params as IdleParams
from handlers.ops.db.kill_queries import KillQueries, Params
from handlers.ops.db.slow_log import Params as SlowParams
from handlers.ops.db.slow_log import SlowLog
from tests.integration.reached import ENDED, PASSWORD, Reached, Try, database, password

SHOP = Database(key="shop")
NAME = "log_min_duration_statement"


@pytest.fixture
async def url(make_database: Any) -> str:
    made: str = await make_database()
    return made


@pytest.fixture
async def reached(url: str) -> AsyncIterator[Reached]:
    joined = Reached({PASSWORD: password(url)}, {"shop": database(url)})
    await joined.add(Postgres)
    await joined.add(Parameters)
    yield joined
    await joined.close()


@pytest.fixture
async def hands(reached: Reached) -> Any:
    return await reached[Postgres].hands(SHOP)


@pytest.fixture
async def clients(url: str) -> AsyncIterator[Any]:
    opened: list[asyncpg.Connection] = []

    async def client(name: str = "report", **options: Any) -> asyncpg.Connection:
        opened.append(await asyncpg.connect(url, server_settings={"application_name": name}, **options))
        return opened[-1]

    yield client
    for connection in opened:
        connection.terminate()


async def seen(reached: Reached, *, at_least: int = 1, **filters: Any) -> Any:
    """The sessions that a handler would see, once there are that many."""
    reads = await reached[Postgres].reads(SHOP)
    found: Any = ()
    while len(found) < at_least:
        found = await reads.activity(**filters)
    return found


async def pid(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found


async def test_only_the_shown_sessions_end_and_doing_it_twice_ends_nobody_else(
    reached: Reached, hands: Any, clients: Any
) -> None:
    doomed, other = await clients(), await clients("web")
    pids = {await pid(doomed)}
    found = await seen(reached, at_least=2)
    shown = sittings(b for b in found if b.pid in pids)
    first = await Terminate(database=SHOP, sessions=shown).do(hands, Try("terminate"))
    assert first == Terminated(ended=1)
    again = await Terminate(database=SHOP, sessions=shown).do(hands, Try("terminate", 2))
    assert again == Terminated(ended=0, gone=1)
    with pytest.raises(ENDED):
        await doomed.fetchval("SELECT 1")
    assert await other.fetchval("SELECT 1") == 1


async def test_a_session_that_did_something_since_it_was_shown_is_left_alone(
    reached: Reached, hands: Any, clients: Any
) -> None:
    alive = await clients()
    shown = sittings(await seen(reached))
    await alive.execute("SELECT 1")
    ended = await Terminate(database=SHOP, sessions=shown).do(hands, Try("terminate"))
    assert ended == Terminated(ended=0, gone=1)
    assert await alive.fetchval("SELECT 1") == 1


async def test_a_pid_that_is_somebody_else_by_now_is_left_alone(reached: Reached, hands: Any, clients: Any) -> None:
    alive = await clients()
    (one,) = sittings(await seen(reached))
    reused = one.model_copy(update={"started": one.started - timedelta(seconds=1)})
    ended = await Terminate(database=SHOP, sessions=frozenset({reused})).do(hands, Try("terminate"))
    assert ended == Terminated(ended=0, gone=1)
    assert await alive.fetchval("SELECT 1") == 1


async def test_the_bots_own_session_stays_even_where_a_plan_names_it(
    reached: Reached, hands: Any, clients: Any
) -> None:
    ours = await clients("tandem/r141/load/1")
    (backend,) = [b for b in await seen(reached) if b.pid == ours.get_server_pid()]
    assert sitting(backend) is None
    forged = backend.model_copy(update={"app": "report"})
    ended = await Terminate(database=SHOP, sessions=sittings([forged])).do(hands, Try("terminate"))
    assert ended == Terminated(ended=0, gone=1)
    assert await ours.fetchval("SELECT 1") == 1


async def test_a_statement_that_runs_is_ended_and_its_text_is_told_by_digest_alone(
    reached: Reached, hands: Any, clients: Any
) -> None:
    busy = await clients()
    running = asyncio.ensure_future(busy.fetchval("SELECT pg_sleep(60), 'canary-in-a-query'"))
    found = await seen(reached, state="active")
    assert "canary" not in repr(found)
    ended = await Terminate(database=SHOP, sessions=sittings(found)).do(hands, Try("terminate"))
    assert ended == Terminated(ended=1)
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await running


async def test_a_role_without_the_right_is_permanent_and_says_what_to_grant(
    reached: Reached, url: str, clients: Any
) -> None:
    await clients()
    shown = sittings(await seen(reached))
    owner = await asyncpg.connect(url)
    role = f"plain_{owner.get_server_pid()}"
    await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'word'")
    try:
        weak = Reached({PASSWORD: "word"}, {"shop": database(url, user=role)})
        hands = await (await weak.add(Postgres)).hands(SHOP)
        with pytest.raises(Permanent, match="pg_signal_backend"):
            await Terminate(database=SHOP, sessions=shown).do(hands, Try("terminate"))
    finally:
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()


async def look(reached: Reached) -> Parameter:
    found = await (await reached[Parameters].reads(SHOP)).parameter(NAME)
    assert found is not None
    return found


def steps(before: Parameter, value: str = "250") -> tuple[SetParameter, SetParameter]:
    there = SetParameter(database=SHOP, name=NAME, value=value, expect=before.stored, place=before.place)
    back = SetParameter(database=SHOP, name=NAME, value=before.stored, expect=value, place=before.place)
    return there, back


@pytest.fixture
async def server(pg_server: Server) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session that has the server's settings to itself, and leaves them as they were."""
    async with pg_server.connect() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext('server settings'))")
        yield connection
        await connection.execute(f"ALTER SYSTEM RESET {NAME}")
        await connection.execute("SELECT pg_reload_conf()")


async def test_a_setting_that_was_not_there_is_set_twice_and_taken_out_twice(
    reached: Reached, hands: Any, server: asyncpg.Connection, url: str
) -> None:
    before = await look(reached)
    assert (before.place, before.stored) == (Place.SYSTEM, None)
    there, back = steps(before)
    for number in (1, 2):
        await there.do(hands, Try("set", number))
        assert (await look(reached)).stored == "250"
    fresh = await asyncpg.connect(url)
    assert await fresh.fetchval(f"SHOW {NAME}") == "250ms"
    await fresh.close()
    for number in (1, 2):
        await back.do(hands, Try("put-back", number))
        assert (await look(reached)).stored is None, "taken out, not set to the default"


async def test_what_stood_there_is_put_back_to_the_letter(
    reached: Reached, hands: Any, server: asyncpg.Connection
) -> None:
    await server.execute(f"ALTER SYSTEM SET {NAME} TO '2s'")
    before = await look(reached)
    assert before.stored == "2s"
    there, back = steps(before)
    await there.do(hands, Try("set"))
    await back.do(hands, Try("put-back"))
    assert (await look(reached)).stored == "2s"


async def test_a_crash_between_the_file_and_the_reload_is_mended_by_the_next_attempt(
    reached: Reached, hands: Any, server: asyncpg.Connection, url: str
) -> None:
    there, _ = steps(await look(reached), "350")
    await server.execute(f"ALTER SYSTEM SET {NAME} TO '350'")  # the first attempt died here
    await there.do(hands, Try("set", 2))
    fresh = await asyncpg.connect(url)
    assert await fresh.fetchval(f"SHOW {NAME}") == "350ms"
    await fresh.close()


async def test_somebody_elses_value_is_not_trodden_on(reached: Reached, hands: Any, server: asyncpg.Connection) -> None:
    there, back = steps(await look(reached))
    await there.do(hands, Try("set"))
    assert await back.holds(hands) is None
    await server.execute(f"ALTER SYSTEM SET {NAME} TO '5000'")
    assert await back.holds(hands) == f"{NAME} was set to 5000 by somebody else"
    with pytest.raises(Changed, match="left as it is"):
        await back.do(hands, Try("put-back"))
    assert (await look(reached)).stored == "5000"


async def test_a_database_with_a_value_of_its_own_is_changed_there_and_put_back(
    reached: Reached, hands: Any, url: str
) -> None:
    owner = await asyncpg.connect(url)
    name = await owner.fetchval("SELECT quote_ident(current_database())")
    await owner.execute(f"ALTER DATABASE {name} SET {NAME} TO '3000'")
    before = await look(reached)
    assert (before.place, before.stored) == (Place.DATABASE, "3000")
    there, back = steps(before)
    for number in (1, 2):
        await there.do(hands, Try("set", number))
    fresh = await asyncpg.connect(url)
    assert await fresh.fetchval(f"SHOW {NAME}") == "250ms"
    await fresh.close()
    for number in (1, 2):
        await back.do(hands, Try("put-back", number))
    assert (await look(reached)).stored == "3000"
    await owner.close()


async def test_kill_queries_from_the_ask_to_the_end_names_its_sessions_once(
    reached: Reached, hands: Any, clients: Any
) -> None:
    operation, see = KillQueries(), reached.see()
    busy, later = await clients(), await clients()
    running = asyncio.ensure_future(busy.fetchval("SELECT pg_sleep(60)"))
    await seen(reached, state="active", longer_than=timedelta(seconds=1))
    asked = await operation.resolve(Params(database=SHOP, over=timedelta(seconds=1), reason="stuck"), see)
    another = asyncio.ensure_future(later.fetchval("SELECT pg_sleep(60)"))
    await seen(reached, at_least=2, state="active", longer_than=timedelta(seconds=1))
    facts = await operation.observe(asked, see)
    plan = operation.plan(asked, facts)
    assert isinstance(plan, Plan)
    assert [b.pid for b in facts.found] == [busy.get_server_pid()], "who came later was not asked about"
    effect: Any = plan.steps[0].does
    assert await effect.do(hands, Try("terminate")) == Terminated(ended=1)
    again = operation.plan(asked, await operation.observe(asked, see))
    assert isinstance(again, Plan)
    assert again.steps == (), "and never spread to others"
    another.cancel()
    await asyncio.gather(running, another, return_exceptions=True)


@pytest.mark.parametrize("idle", [True, False])
async def test_more_sessions_than_a_plan_has_room_for_are_counted(
    reached: Reached, clients: Any, idle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_sessions, "MOST", 1)
    monkeypatch.setattr(kill_idle, "SHORTEST", timedelta(0))
    first, second = await clients(), await clients()
    running = []
    state = "idle" if idle else "active"
    for at, client in enumerate((first, second), 1):
        if not idle:
            running.append(asyncio.ensure_future(client.fetchval("SELECT pg_sleep(60)")))
        await seen(reached, at_least=at, state=state)
    await seen(reached, at_least=2, state=state, longer_than=timedelta(seconds=1))
    over = {"database": SHOP, "over": timedelta(seconds=1), "reason": "too many"}
    operation: Any = KillIdle() if idle else KillQueries()
    params = IdleParams(**over) if idle else Params(**over)
    asked = await operation.resolve(params, reached.see())
    facts = await operation.observe(asked, reached.see())
    assert ([b.pid for b in facts.found], facts.more) == ([first.get_server_pid()], 1)
    plan = operation.plan(asked, facts)
    assert isinstance(plan, Plan)
    assert plan.sentence.startswith("End the longest 1 of 2 sessions of shop")
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_slow_log_from_look_to_put_back(reached: Reached, hands: Any, server: asyncpg.Connection) -> None:
    operation, params = SlowLog(), SlowParams(database=SHOP, over=timedelta(milliseconds=250), reason="latency")
    facts = await operation.observe(params, reached.see())
    plan = operation.plan(params, facts)
    assert isinstance(plan, Plan)
    there, back = plan.steps[0].does, plan.steps[2].does
    assert isinstance(there, SetParameter)
    assert isinstance(back, SetParameter)
    await there.do(hands, Try("set"))
    assert await server.fetchval("SELECT setting FROM pg_file_settings WHERE name = $1", NAME) == "250"
    await back.do(hands, Try("put-back"))
    assert await server.fetchval("SELECT count(*) FROM pg_file_settings WHERE name = $1", NAME) == 0


@pytest.mark.parametrize(("whole", "changed"), [(True, ["alias", "api", "stock", "web"]), (False, ["api", "web"])])
async def test_slow_log_changes_the_services_of_whatever_it_sets(
    url: str, server: asyncpg.Connection, whole: bool, changed: list[str]
) -> None:
    live = database(url).model_copy(update={"services": ("web", "api")})
    beside = live.model_copy(update={"database": "stock", "services": ("stock",)})
    alias = beside.model_copy(update={"host": "localhost", "services": ("alias",)})
    far = beside.model_copy(update={"host": "127.0.0.1", "port": 1, "services": ("mail",)})
    if not whole:  # what a database has of its own hides the server's
        await server.execute(f'ALTER DATABASE "{live.database}" SET {NAME} = 100')
    reached = Reached({PASSWORD: password(url)}, {"shop": live, "stock": beside, "alias": alias, "far": far})
    await reached.add(Postgres)
    await reached.add(Parameters)
    params = SlowParams(database=SHOP, reason="latency")
    facts = await SlowLog().observe(params, reached.see())
    await reached.close()
    assert changed_by(SlowLog(), params, facts, ["parameter/shop/x"]) == changed


@pytest.mark.parametrize("whole", [True, False])
async def test_slow_log_locks_what_it_sets_whichever_key_led_there(
    url: str, make_database: Any, server: asyncpg.Connection, whole: bool
) -> None:
    shop, stock = database(url), database(await make_database())
    if not whole:
        for one in (shop, stock):
            await server.execute(f'ALTER DATABASE "{one.database}" SET {NAME} = 100')
    reached = Reached({PASSWORD: password(url)}, {"shop": shop, "stock": stock})
    await reached.add(Postgres)
    await reached.add(Parameters)
    held = []
    for key in ("shop", "stock"):
        params = SlowParams(database=Database(key=key), reason="latency")
        facts = await SlowLog().observe(params, reached.see())
        held.append(await held_by(SlowLog(), params, facts, reached[Postgres].identity))
    await reached.close()
    assert (held[0] == held[1]) is whole


async def test_connections_counts_a_session_that_idles_in_a_transaction(reached: Reached, clients: Any) -> None:
    idler = await clients("forgetful")
    await idler.execute("BEGIN")
    operation, params = DatabaseConnections(), ConnectionParams(database=SHOP)
    facts = await operation.observe(params, reached.see())
    assert facts.reserved == 3
    answer = operation.answer(params, facts, None)
    assert any("idle in transaction, the longest for" in line for line in answer.lines)
    assert any(row[0] == "forgetful" and row[3] == "idle in transaction" for row in answer.table)
