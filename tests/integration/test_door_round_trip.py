"""A door's act costs one round trip to the database, counted on the wire, and reads no table whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from bot.store.pool import open_pool
from bot.store.store import Doors
from tests.support.company import TEAM, account
from tests.support.plugin import Home

READY = ord("Z")  # PostgreSQL's ReadyForQuery: one at the end of each round trip


class Wire:
    """A relay to PostgreSQL that counts the round trips of all connections through it."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._copies: set[asyncio.Task[None]] = set()
        self.trips = 0
        self.url = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login = self._parts.netloc.rpartition("@")[0]
        self.url = self._parts._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable").geturl()
        return server

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        ask = asyncio.create_task(_copy(reader, theirs[1]))
        self._copies.add(ask)
        ask.add_done_callback(self._copies.discard)
        try:
            while True:
                head = await theirs[0].readexactly(5)
                body = await theirs[0].readexactly(int.from_bytes(head[1:], "big") - 4)
                self.trips += head[0] == READY
                writer.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def counted(url: str) -> AsyncIterator[tuple[Wire, Doors]]:
    """Doors as the bot opens them, behind a wire that counts."""
    wire = Wire(url)
    server = await wire.start()
    pool = await open_pool(wire.url, size=1, door=True)
    try:
        yield wire, Doors(pool)
    finally:
        await pool.close()
        server.close()


def asked(number: int) -> dict[str, object]:
    return {
        "key": f"k{number}", "team": TEAM, "user": account("ana"), "channel": "C1", "via": "slack",
        "command": "test write", "params": {"script": "x"}, "reason": f"number {number}",
        "words": f"/test write {number}", "environment": "", "risk": 1, "config": "c1", "look_only": False,
        "anew": False, "subjects": [],
    }  # fmt: skip


async def test_an_ask_is_one_round_trip(home: Home) -> None:
    async with counted(home.bot) as (wire, doors):
        await doors.ask(asked(0))  # the first one prepares the statement
        before = wire.trips

        answers = [await doors.ask(asked(number)) for number in range(1, 21)]

        assert [answer["code"] for answer in answers] == ["asked"] * 20
        assert wire.trips - before == 20


async def test_a_refused_approval_is_one_round_trip_too(home: Home) -> None:
    async with counted(home.bot) as (wire, doors):
        word = {"run": 1, "team": TEAM, "user": account("ben"), "fingerprint": "-", "config": "c1"}
        await doors.approve(word)
        before = wire.trips

        assert (await doors.approve(word))["code"] == "no_run"
        assert wire.trips - before == 1


async def test_a_statement_that_was_broken_off_leaves_the_connection_as_good_as_new(home: Home) -> None:
    async with counted(home.bot) as (_, doors):
        conn = await doors.pool.acquire()
        await conn.execute("BEGIN")
        await conn.execute("INSERT INTO drafts VALUES (gen_random_uuid(), 'T', 'U', 'c', NULL, '{}', NULL, now())")
        unfinished: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, said: unfinished.append(said["message"]))
        await doors.pool.release(conn)

        assert (await doors.ask(asked(1)))["code"] == "asked"
        assert unfinished
        assert await home.own.fetchval("SELECT count(*) FROM drafts") == 0
        assert await home.own.fetchval("SELECT count(*) FROM runs") == 1


async def test_in_a_young_database_no_statement_of_an_ask_reads_a_whole_table(home: Home) -> None:
    """Ten runs, then statistics of these ten: what is planned now is kept while the tables grow a hundredfold."""
    async with counted(home.bot) as (_, doors):
        for number in range(10):
            await doors.ask(asked(number))
        await home.own.execute("ANALYZE")
        await doors.pool.expire_connections()
        for number in range(10, 30):
            await doors.ask(asked(number))
        before = await _rows_read_whole(home, doors)

        for number in range(30, 40):
            await doors.ask(asked(number))

        assert await _rows_read_whole(home, doors) == before


async def _rows_read_whole(home: Home, doors: Doors) -> int:
    """Rows of growing tables that were read by sequential scans so far, by anybody."""
    await doors.pool.execute("SELECT pg_stat_force_next_flush()")
    conn = await asyncpg.connect(home.superuser)
    try:
        found = await conn.fetchval(
            "SELECT sum(seq_tup_read) FROM pg_stat_all_tables WHERE schemaname = 'tandem' "
            "AND relname IN ('runs', 'events', 'askers', 'dedupe', 'threads', 'subjects')"
        )
    finally:
        await conn.close()
    return int(found)
