"""A door's act costs one round trip to the database, counted on the wire, and reads no table whole."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import asyncpg

from bot import codec
from bot.house import House
from bot.model import Choice, State, Way
from bot.operation import Plan
from bot.people.roster import Roster
from bot.service import Service
from bot.store.pool import open_pool
from bot.store.store import Claimed, Doors, Ledger
from bot.store.views import Views
from bot.view import Outcome
from tests.scenario.door import Company
from tests.support.company import TEAM, account
from tests.support.factory import Factory
from tests.support.place import NoSlack, who
from tests.support.plugin import Home
from tests.support.story import Story

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


class Counted(NamedTuple):
    code: str
    trips: int


async def begun(story: Story, body: dict[str, Any]) -> Claimed:
    """A run that was approved, at its first step."""
    run = await story.proposed("ana", "test destroy")
    await story.approve("ben", run)
    claimed = await story.claim(run)
    assert await story.home.ledger.begin(claimed) == "started"
    await story.home.ledger.started(claimed, "a", Way.DO, 1, timedelta(minutes=1), body)
    return claimed


async def in_doubt(story: Story) -> tuple[int, int]:
    """A run that asks whether its step is done again, and the number of its question."""
    claimed = await begun(story, {})
    question = {"doubt": "effect", "step": "a", "way": "do", "attempt": 1, "choices": ["again", "stop"]}
    await story.home.ledger.doubted(claimed, question)
    return claimed.run, (await story.row(claimed.run)).question_seq or 0


async def waiting(story: Story) -> int:
    """A request with a plan that can be shown."""
    run = int((await story.ask("ana", "test write", risk=2))["run"])
    await story.propose(run, plan=json.loads(codec.encode_plan(Plan(sentence="Write it"))))
    await story.show(run)
    return run


async def test_what_people_decide_is_one_round_trip_and_two_where_the_run_is_read_for_it(
    home: Home, tmp_path: Path
) -> None:
    story, factory = Story(home), Factory(home, tmp_path)
    approved, denied = [await story.proposed("ana", "test destroy") for _ in range(2)]
    doubtful, question = await in_doubt(story)
    task = (await begun(story, {"who": "another"})).run
    other = await waiting(story)
    ana, ben, cleo = who("ana"), who("ben"), who("cleo")
    prints = {run: (await story.row(run)).fingerprint or "" for run in (approved, denied, other)}

    async with counted(home.bot) as (wire, doors):
        pool, house = doors.pool, cast(House, factory.worker.runner.handlers)
        views = Views(pool, {})
        service = Service(
            house, Roster(Company()), doors, Ledger(pool), views, factory.connectors, NoSlack(), lambda: None
        )
        await service.approve(ben, 0, "")  # the first of each kind prepares its statement
        await service.deny(ben, 0, "", "", "k0")
        await service.answer_doubt(ben, 0, 0, Choice.AGAIN)
        await service.tick(ben, 0, "a")
        await service.looked(ben, 0)
        await service.view(0)
        entry = house.entry("test write")
        params = entry.params.model_validate({"script": "plain", "reason": "another"})
        await service.ask(ben, "C1", entry, params, key="k3")

        async def act(doing: Awaitable[Outcome]) -> Counted:
            before = wire.trips
            outcome = await doing
            return Counted(outcome.code, wire.trips - before)

        assert await act(service.ask(ana, "C1", entry, params, key="k4")) == ("asked", 1), "all that it judges is known"
        assert await act(service.approve(cleo, approved, "-")) == ("other_plan", 1)
        assert await act(service.approve(ben, approved, prints[approved])) == ("recorded", 1)
        assert await act(service.deny(ben, denied, prints[denied], "no", "k1")) == ("done", 1)
        assert await act(service.answer_doubt(ben, doubtful, question, Choice.AGAIN)) == ("answered", 1)
        assert await act(service.tick(ben, task, "a")) == ("done", 1)
        assert await act(service.follow(ben, other)) == ("done", 1)
        assert await act(service.approve(ana, other, prints[other])) == ("asker", 2), "it names who could"
        assert await act(service.amend(ana, other, prints[other], entry, params, "k2")) == ("done", 2)
    states = [(await story.row(run)).state for run in (approved, denied, doubtful)]
    assert states == [State.QUEUED, State.DENIED, State.RUNNING], "each was decided by that one act"


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
