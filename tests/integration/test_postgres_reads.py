"""What a handler sees of a real database, and that it can change nothing by looking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from random import Random
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

from bot.connectors.postgres import CloseDoor, Counters, Postgres, survey
from bot.connectors.postgres.programs import complaint, environment, find
from bot.connectors.postgres.session import LOOK, DatabaseSettings, Login, connect, fit
from bot.connectors.postgres.survey import counters
from bot.effect import Permanent, Temporary, World
from deploy.local.postgres import Server
from tests.databases import SessionServer
from tests.integration.vault_rig import SEED, SHOP, Rig, Try


@pytest.fixture
async def rig(make_database, tmp_path) -> AsyncIterator[Rig]:
    made = await Rig.open(await make_database(None), tmp_path / "vault")
    await made.run(SEED)
    yield made
    await made.drop_besides()
    await made.close()


async def test_a_look_sees_the_live_database_even_behind_a_closed_door(rig: Rig) -> None:
    reads = await rig.postgres.reads(SHOP)
    seen = await reads.identity()
    assert seen is not None
    assert (seen.name, seen.oid, seen.open) == (rig.name, await rig.oid(), True)
    assert await reads.size() > 1 << 20
    await CloseDoor(database=SHOP, oid=seen.oid).do(await rig.hands(), Try("r1/shut"))
    shut = await reads.identity()
    assert shut is not None
    assert not shut.open
    with pytest.raises(Temporary, match="its door is closed"):
        await reads.tables()


async def test_a_look_cannot_write(rig: Rig) -> None:
    reads = await rig.postgres.reads(SHOP)
    async with reads._session(reads._live) as connection:
        assert await connection.fetchval("SELECT current_setting('application_name')") == LOOK
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("DELETE FROM orders")


async def test_tables_are_counted_with_their_newest_rows(rig: Rig) -> None:
    tables = await (await rig.postgres.reads(SHOP)).tables()
    assert {name: table.rows for name, table in tables.items()} == {
        'Odd Names.a "quoted" one': 20,
        "public.customers": 500,
        "public.orders": 5000,
    }
    assert tables["public.orders"].newest == "5000 2026-11-20 01:23:20+00"


async def test_rows_written_since_are_exact_while_the_counts_last(rig: Rig) -> None:
    then = await settled(rig)
    await rig.run("UPDATE orders SET total = 0 WHERE id <= 10")
    await rig.run("DELETE FROM orders WHERE id <= 3")
    await rig.run("INSERT INTO customers (id, name) VALUES (9001, 'x'), (9002, 'y')")
    await rig.run("CREATE TABLE fresh AS SELECT 1 AS n")
    found = await since(rig, then, 16)
    assert (found.rows, found.at_least) == (16, False)


async def test_rows_written_since_are_a_lower_bound_after_a_reset(rig: Rig) -> None:
    then = await settled(rig)
    await rig.run("SELECT pg_stat_reset()")
    await rig.run("INSERT INTO customers (id, name) VALUES (9001, 'x')")
    found = await since(rig, then, 1)
    assert (found.at_least, found.why) == (True, "the server crashed or its statistics were reset")


INSERTS = {
    "customers": "INSERT INTO customers (id, name) SELECT n, 'new' FROM unnest($1::bigint[]) n",
    "orders": "INSERT INTO orders SELECT n, 1, 1, now() FROM unnest($1::bigint[]) n",
}
CHANGES = {
    "update": "UPDATE {} SET id = id WHERE id = ANY ($1::bigint[])",
    "delete": "DELETE FROM {} WHERE id = ANY ($1::bigint[])",
}


@pytest.mark.parametrize("seed", range(3))
async def test_rows_written_since_agree_with_a_generated_history(rig: Rig, seed: int) -> None:
    """Every committed row is in the figure, and beside them no more than was rolled back, which the server counts."""
    then, dice = await settled(rig), Random(seed)
    rows_of = {"committed": 0, "rolled back": 0}
    there: dict[str, list[int]] = {table: [] for table in INSERTS}
    connection = await asyncpg.connect(rig.url)
    for number in range(1, 121):
        table, kind = dice.choice(list(INSERTS)), dice.choice(["insert", "insert", "rollback", "savepoint", *CHANGES])
        fresh = [10_000 + number * 10 + n for n in range(dice.randint(1, 9))]
        rows = dice.sample(there[table], len(there[table]) // 3) if kind in CHANGES else fresh
        outer, inner = connection.transaction(), connection.transaction()
        await outer.start()
        await inner.start()
        await connection.execute(CHANGES[kind].format(table) if kind in CHANGES else INSERTS[table], rows)
        await (inner.rollback if kind == "savepoint" else inner.commit)()
        await (outer.rollback if kind == "rollback" else outer.commit)()
        rows_of["rolled back" if kind in ("rollback", "savepoint") else "committed"] += len(rows)
        there[table] += rows * (kind == "insert")
        there[table] = [row for row in there[table] if kind != "delete" or row not in rows]
    await connection.close()
    found = await since(rig, then, sum(rows_of.values()))
    assert rows_of["rolled back"]
    assert (found.rows, found.at_least) == (rows_of["committed"] + rows_of["rolled back"], False)


async def test_rows_of_an_open_transaction_make_the_figure_a_lower_bound_until_it_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "ENDING", timedelta(milliseconds=200))
    then, reads = await settled(rig), await rig.postgres.reads(SHOP)
    reader, writer = await asyncpg.connect(rig.url), await asyncpg.connect(rig.url)
    async with reader.transaction(), writer.transaction():
        await reader.fetchval("SELECT count(*) FROM orders")
        assert not (await reads.written_since(then)).at_least  # whoever only reads keeps nothing back
        await writer.execute("INSERT INTO customers (id, name) SELECT n, 'new' FROM generate_series(9001, 10000) n")
        found = await reads.written_since(then)
        assert (found.rows, found.at_least) == (0, True)
        assert found.why == "a transaction is open, and its rows count only once it ends"
    for connection in (reader, writer):
        await connection.close()  # a session that is kept tells within ten seconds
    found = await since(rig, then, 1000)
    assert (found.rows, found.at_least, found.why) == (1000, False, "")


async def test_a_transaction_that_ends_while_it_is_looked_at_keeps_nothing_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "ENDING", timedelta(seconds=30))
    then, writer = await settled(rig), await asyncpg.connect(rig.url)
    async with writer.transaction():
        await writer.execute("INSERT INTO customers (id, name) SELECT n, 'new' FROM generate_series(9001, 10000) n")
        looking = asyncio.create_task((await rig.postgres.reads(SHOP)).written_since(then))
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND datname = $2 AND query LIKE '%prepared%'"
        )
        async with asyncio.timeout(30):
            while not await rig.value(query, LOOK, rig.name):
                pass
    await writer.close()
    assert not (await looking).at_least
    assert (await since(rig, then, 1000)).rows == 1000


async def test_a_prepared_transaction_is_an_open_one(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "ENDING", timedelta())
    with closing(SessionServer()) as place:
        server = Server.start(place.database_home, durable=False, settings={"max_prepared_transactions": "1"})
        rig = await Rig.open(await server.create_database("shop"), tmp_path / "vault")
        await rig.run(SEED)
        then = await settled(rig)
        await rig.run("BEGIN; UPDATE orders SET total = 0; PREPARE TRANSACTION 'one'")
        assert (await (await rig.postgres.reads(SHOP)).written_since(then)).why == survey.UNENDED
        await rig.run("COMMIT PREPARED 'one'")
        found = await since(rig, then, 5000)
        assert (found.rows, found.at_least) == (5000, False)
        await rig.close()


async def test_a_role_that_cannot_see_others_transactions_does_not_call_the_figure_exact(rig: Rig) -> None:
    then, role = await settled(rig), f"{rig.name}_blind"
    await rig.run(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'word'")
    other = await asyncpg.connect(rig.url)
    settings = rig.settings.model_copy(update={"user": role, "password_env": "BLIND"})
    blind = Postgres(World(targets={"shop": settings}, secret={"BLIND": "word"}.__getitem__))
    await blind.open()
    found = await (await blind.reads(SHOP)).written_since(then)
    assert (found.at_least, found.why) == (True, survey.UNSEEN)
    await blind.close()
    await other.close()
    await rig.run(f'DROP ROLE "{role}"')


@pytest.mark.parametrize(
    "emptying",
    ["TRUNCATE orders", "CREATE TABLE anew AS TABLE orders; DROP TABLE orders; ALTER TABLE anew RENAME TO orders"],
)
async def test_rows_written_since_are_a_lower_bound_where_a_table_was_emptied_or_made_anew(
    rig: Rig, emptying: str
) -> None:
    then = await settled(rig)
    await rig.run(emptying)
    await rig.run("INSERT INTO customers (id, name) VALUES (9001, 'x')")
    found = await since(rig, then, 1)
    assert (found.at_least, found.why) == (True, "a table was emptied, rewritten or made anew")


async def test_what_was_loaded_into_another_database_is_not_told_as_written_since(rig: Rig) -> None:
    then = (await settled(rig)).model_copy(update={"database_oid": 1})
    found = await (await rig.postgres.reads(SHOP)).written_since(then)
    assert (found.rows, found.why) == (None, "it is another database than then")


async def test_rows_written_since_are_a_lower_bound_when_a_table_is_gone(rig: Rig) -> None:
    then = await settled(rig)
    await rig.run("DROP TABLE orders")
    found = await (await rig.postgres.reads(SHOP)).written_since(then)
    assert (found.at_least, found.why) == (True, "a table was dropped")


async def test_rows_written_since_are_a_lower_bound_after_a_crash(tmp_path) -> None:
    with closing(SessionServer()) as place:
        server = Server.start(place.database_home, durable=False)
        rig = await Rig.open(await server.create_database("shop"), tmp_path / "vault")
        await rig.run(SEED)
        then = await settled(rig)
        await rig.close()
        server.stop("immediate")
        server = Server.start(place.database_home, durable=False)
        rig = await Rig.open(server.dsn("shop"), tmp_path / "vault")
        found = await (await rig.postgres.reads(SHOP)).written_since(then)
        assert (found.at_least, found.why) == (True, "the server crashed or its statistics were reset")
        await rig.close()


async def test_sessions_are_told_by_state_holder_and_digest_never_by_text(rig: Rig) -> None:
    holder = await asyncpg.connect(rig.url, server_settings={"application_name": "web-7"})
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetchval("SELECT 'jane@example.com'")
    reads = await rig.postgres.reads(SHOP)
    summary = await reads.connections()
    assert summary.by_holder["web-7"] == 1
    assert summary.idle_in_transaction >= 1
    assert summary.used <= summary.most
    idle = await reads.activity(state="idle in transaction")
    assert [(b.app, b.pid) for b in idle] == [("web-7", holder.get_server_pid())]
    assert len(idle[0].query) == 12
    assert "jane" not in idle[0].model_dump_json()
    assert await reads.activity(state="idle in transaction", longer_than=timedelta(hours=1)) == ()
    await transaction.rollback()
    await holder.close()


async def test_only_whole_databases_that_runs_left_are_besides(rig: Rig) -> None:
    for tail in ("_r1_old", "_r12_new", "_r13_kept", "_r1_new_try2", "_r1_scratch", "_mine"):
        await rig.run(f'CREATE DATABASE "{rig.name}{tail}"', "postgres")
    found = await (await rig.postgres.reads(SHOP)).besides()
    assert [each.name.removeprefix(rig.name) for each in found] == ["_r12_new", "_r13_kept", "_r1_old"]


async def test_what_cannot_be_reached_is_told_without_address_or_password(rig: Rig, tmp_path) -> None:
    away = await Rig.open("postgresql://someone:hunter2@127.0.0.1:1/shop", tmp_path)
    with pytest.raises(Temporary) as caught:
        await (await away.postgres.reads(SHOP)).identity()
    assert str(caught.value) == (
        "the server of database shop cannot be reached: it refuses connections; "
        "see whether it runs, and look at host and port of databases.shop in services.toml"
    )
    wrong = await Rig.open(rig.url.replace("postgres:", "nobody:"), tmp_path)
    with pytest.raises(Permanent, match="does not accept Tandem's user or password") as caught2:
        await (await wrong.postgres.reads(SHOP)).identity()
    assert "hunter2" not in str(caught2.value)
    assert str(rig.settings.port) not in str(caught2.value)
    for opened in (away, wrong):
        await opened.close()


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"host": "no-such-host.invalid"}, Temporary, "its name does not resolve; look at `host` of databases.shop"),
        ({"sslmode": "require"}, Temporary, "it does not offer TLS; look at `sslmode` of databases.shop"),
        (
            {"sslmode": "verify-full", "ca_file": "/no/such.pem"},
            Permanent,
            r"cannot be used \(No such file or directory\); ",
        ),
        ({"sslmode": "verify-full", "ca_file": __file__}, Permanent, r"cannot be used \(it holds no certificate\); "),
        ({"database": "no_such"}, Permanent, r"no such database \(3D000\); look at `database` of databases.shop"),
    ],
)
async def test_what_keeps_a_session_from_being_opened_is_told_with_what_to_look_at(
    rig: Rig, tmp_path, changed: dict[str, str], kind: type[Exception], said: str
) -> None:
    settings = rig.settings.model_copy(update=changed)
    login = Login(key="shop", settings=settings, password=unquote(urlsplit(rig.url).password or ""))
    with pytest.raises(kind, match=said):
        await connect(login, settings.database, LOOK)


def test_a_programs_complaint_shows_names_and_nobodys_data() -> None:
    said = (
        'pg_restore: error: could not execute query: ERROR:  role "app_owner" does not exist\n'
        "Command was: INSERT INTO people VALUES ('jane@example.com');\n"
    )
    assert str(complaint("pg_restore", 1, said)) == (
        'pg_restore stopped: could not execute query: ERROR:  role "app_owner" does not exist'
    )
    leaky = 'pg_restore: error: COPY failed: ERROR:  invalid input syntax for type integer: "jane@example.com"'
    assert "jane" not in str(complaint("pg_restore", 1, leaky))
    for value in ('"jane doe"', '"jane"', '"jane" doe"', "'jane'"):
        behind = (
            f'pg_restore: error: COPY failed for table "users": ERROR:  invalid input syntax for type uuid: {value}'
        )
        assert "jane" not in str(complaint("pg_restore", 1, behind))
    assert isinstance(complaint("pg_dump", 1, "pg_dump: error: No space left on device"), Permanent)
    assert str(complaint("pg_dump", 3, "")) == "pg_dump stopped with status 3 and did not say why"


def test_the_last_words_of_a_program_are_its_own_and_hold_nobodys_data_and_no_address() -> None:
    said = [
        'pg_restore: error: connection to server at "db.internal" (10.0.0.5), port 5432 failed: Connection refused',
        *(f"pg_restore: warning: number {n}" for n in range(9)),
        'pg_restore: error: COPY failed for table "users": ERROR:  invalid input syntax for type uuid: "jane doe"',
        "DETAIL:  Key (email)=(jane@example.com) already exists.",
        "CONTEXT:  COPY users, line 2: jane",
        "pg_restore: error: option 'jane' is unknown",
        "pg_restore: error: jane@example.com is no table",
        "Command was: INSERT INTO people VALUES ('jane@example.com');",
    ]
    fault = complaint("pg_restore", 1, "\n".join(said))
    assert fault.output == (
        "pg_restore: warning: number 6",
        "pg_restore: warning: number 7",
        "pg_restore: warning: number 8",
        'pg_restore: error: COPY failed for table "users": ERROR:  invalid input syntax for type uuid: "…"',
        "pg_restore: error: option '…' is unknown",
    )


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
def test_the_programs_trust_whom_every_other_connection_trusts(mode: str, tmp_path, monkeypatch) -> None:
    listed = tmp_path / "list.pem"
    listed.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(listed))
    settings = DatabaseSettings(host="db", database="shop", user="tandem", sslmode=mode)
    told = environment(Login(key="shop", settings=settings), "tandem/look").get("PGSSLROOTCERT")
    assert told == (str(listed) if mode.startswith("verify-") else None)  # "require" with a list would verify
    named = settings.model_copy(update={"ca_file": "/etc/ca.pem"})
    assert environment(Login(key="shop", settings=named), "tandem/look")["PGSSLROOTCERT"] == "/etc/ca.pem"


@pytest.mark.parametrize(
    "said",
    [
        'root certificate file "~/.postgresql/root.crt" does not exist',
        "SSL error: certificate verify failed",
        'server certificate for "a" does not match host name "b"',
    ],
)
def test_a_server_that_is_not_trusted_is_not_said_to_be_away(said: str) -> None:
    fault = complaint("pg_dump", 1, f'pg_dump: error: connection to server at "db" (::1), port 5432 failed: {said}')
    assert isinstance(fault, Permanent)
    assert "certificate" in str(fault)


def test_session_names_keep_their_difference_within_63_bytes() -> None:
    names = {fit(f"tandem/r1/{'ä' * 60}/{n}") for n in range(3)}
    assert len(names) == 3
    assert all(len(name.encode()) <= 63 for name in names)
    assert fit("tandem/r142/load/2") == "tandem/r142/load/2"


def test_a_program_that_is_not_there_is_told_with_what_to_install() -> None:
    with pytest.raises(Permanent, match="install the client programs"):
        find("pg_dump", 99, None)


async def settled(rig: Rig) -> Counters:
    """The counts, once the server has heard of everything that the seed wrote."""
    connection = await asyncpg.connect(rig.url)
    try:
        async with asyncio.timeout(30):
            while sum((await counters(connection)).writes.values()) != 5520:
                pass
        return await counters(connection)
    finally:
        await connection.close()


async def since(rig: Rig, then: Counters, rows: int):
    """What was written, once the server has heard of so many rows."""
    reads = await rig.postgres.reads(SHOP)
    async with asyncio.timeout(30):
        while (found := await reads.written_since(then)).rows is None or found.rows < rows:
            pass
    return found
