"""People, clicks, crashes, rivals and time in any order on the real database, against an oracle that knows no bot."""

import ast
import asyncio
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.model import State
from bot.store.audit import verify
from bot.store.pool import StaleClaim
from bot.store.store import Claimed
from deploy.local.postgres import Server
from tests.databases import ROOT, ensure_template
from tests.property.oracle import GROUPS, SLOTS, Oracle
from tests.support.company import TEMPLATE
from tests.support.plugin import Home, opened
from tests.support.story import Story

PEOPLE = ("ana", "ben", "cleo", "dora", "emil")
ASKERS = ("ana", "ben", "cleo")  # of these some may approve what another asks for
ACTS = (
    "approve", "approve", "approve", "approve", "deny", "amend", "amend to the same", "amend back", "wait", "unfit",
    "stale approve", "cancel", "dies before commit", "dies before ack", "worker dies", "rival", "rival ends",
)  # fmt: skip
CLICKS = st.tuples(
    st.sampled_from(ACTS),
    st.sampled_from(PEOPLE),
)


FOUND: tuple[dict[str, Any], ...] = (
    {"asker": "ana", "command": "test destroy", "clicks": [("unfit", "ben"), ("approve", "ben"), ("unfit", "ben")]},
    {
        "asker": "ana", "command": "test destroy-two",
        "clicks": [("approve", "cleo"), ("unfit", "cleo"), ("approve", "ben"), ("unfit", "cleo")],
    },
    {"asker": "ben", "command": "test destroy", "clicks": [("approve", "ben"), ("dies before ack", "ben")]},
    {"asker": "ana", "command": "test destroy", "clicks": [("amend", "ben"), ("approve", "ben")]},
    {"asker": "ana", "command": "test destroy-two", "clicks": [("approve", "cleo"), *[("wait", "ana")] * 3]},
    {"asker": "ana", "command": "test destroy", "clicks": [("unfit", "ben"), ("deny", "ben")]},
    {
        "asker": "ana", "command": "test destroy-two",
        "clicks": [("approve", "ben"), ("amend", "ana"), ("amend back", "ana"), ("approve", "cleo")],
    },
    {
        "asker": "ana", "command": "test destroy-two",
        "clicks": [("approve", "ben"), ("amend to the same", "ana"), ("approve", "cleo")],
    },
    {
        "asker": "ana", "command": "test destroy",
        "clicks": [("rival", "ana"), ("amend to the same", "ana"), ("approve", "ben"), ("rival ends", "ana")],
    },
    {
        "asker": "ana", "command": "test destroy",
        "clicks": [("worker dies", "ana"), ("amend", "ana"), ("worker dies", "ana"), ("approve", "ben")],
    },
)  # fmt: skip


async def approve_and_die(story: Story, who: str, run: int) -> None:
    """A bot's process ends after its click was written, and before the transaction was committed."""
    word = story.word(who, run) | {"fingerprint": (await story.row(run)).fingerprint, "config": "c1"}
    dying = await asyncpg.connect(story.home.bot, server_settings={"search_path": "tandem"})
    pid = dying.get_server_pid()
    await dying.execute("BEGIN")
    await dying.fetchval("SELECT approve($1)", json.dumps(word))
    dying.terminate()
    gone = "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)"
    while not await story.home.pool.fetchval(gone, pid):
        pass


class Play:
    """One request, the workers that turn to it, and another run that may hold its target."""

    def __init__(self, home: Home, asker: str, command: str) -> None:
        self.home, self.story, self.asker = home, Story(home), asker
        self.oracle = Oracle(SLOTS[command], {asker})
        self.lock = [f"database/{secrets.token_hex(8)}"]
        self.plan: dict[str, Any] = {}
        self.changes, self.doomed, self.rival = 0, False, 0

    async def ask(self, command: str) -> None:
        self.run = await self.story.proposed(self.asker, command, key=self.lock[0], locks=self.lock)
        self.plan = {"plan": self.run}
        self.first = (await self.story.row(self.run)).fingerprint

    async def act(self, what: str, who: str) -> None:  # noqa: C901
        story, run = self.story, self.run
        unfit = self.oracle.unfit ^ ({who} if what == "unfit" else set())
        await story.read({person: person not in unfit for person in PEOPLE})
        match what:
            case "approve":
                await story.approve(who, run)
            case "dies before commit":
                await approve_and_die(story, who, run)
            case "dies before ack":  # Slack heard nothing, so the click comes again
                await story.approve(who, run)
                again = await story.approve(who, run)
                assert again["code"] != "recorded", again
            case "stale approve" if self.changes:
                word = story.word(who, run) | {"fingerprint": self.first, "config": "c1"}
                assert (await self.home.doors.approve(word))["code"] in ("other_plan", "not_waiting")
            case "deny" | "cancel":
                await story.say(who, run, what)
            case "amend":
                await self.amend(who, {"n": self.changes + 1, "run": run})
            case "amend to the same":
                await self.amend(who, self.plan)
            case "amend back":
                await self.amend(who, {"plan": run})
            case "wait":
                await self.home.move_clock(timedelta(minutes=11))
                await story.read({person: person not in unfit for person in PEOPLE})
            case "worker dies":  # the next one that claims this request
                self.doomed = True
            case "rival" if not self.rival:
                self.rival, code = await self.another()
                assert code == "admit"
            case "rival ends" if self.rival:
                await story.say("dora", self.rival, "cancel")
                self.rival = 0
        await self.home.ledger.sweep()

    async def amend(self, who: str, plan: dict[str, Any]) -> None:
        if (await self.story.say(who, self.run, "amend", params={"n": self.changes + 1}))["code"] != "done":
            return
        self.changes, self.plan = self.changes + 1, plan
        dead = await self.dead()
        assert (await self.story.propose(self.run, plan=plan, locks=self.lock))["code"] == "propose"
        if dead:
            word = {"signal": "refuse", "body": {"code": "late", "sentence": "It had looked before it died."}}
            with pytest.raises(StaleClaim):
                await self.home.ledger.planned(dead, word)
        await self.story.show(self.run)

    async def another(self) -> tuple[int, str]:
        """Another run of the same target, that needs nobody's approval; and what planning it came to."""
        run = int((await self.story.ask("dora", "test write", key=secrets.token_hex(8)))["run"])
        return run, (await self.story.propose(run, locks=self.lock))["code"]

    async def dead(self) -> Claimed | None:
        """The claim of a worker whose lease ended behind it, where one is doomed."""
        if not self.doomed:
            return None
        self.doomed, worker = False, uuid4()
        await self.home.ledger.enlist(worker, timedelta(hours=1), "c1", [])
        (row,) = [row for row in await self.home.ledger.claim(worker, 50) if row.id == self.run]
        over = "UPDATE workers SET lease = '0', lease_until = clock_timestamp() - interval '1 s' WHERE id = $1"
        await self.home.own.execute(over, worker)
        return Claimed(run=row.id, worker=worker, fence=row.fence)

    async def starts_once(self) -> None:
        """Queued by these very people; no other run has its target; one worker begins it, whoever died before."""
        people, oracle = await self.story.slots(self.run), self.oracle
        assert len(set(people)) == len(people) == len(oracle.slots)
        assert set(people) <= oracle.approved - oracle.askers - oracle.unfit
        assert all(person in GROUPS[slot] for person, slot in zip(people, oracle.slots, strict=True))
        dead = await self.dead()
        claimed = await self.story.claim(self.run)
        assert await self.home.ledger.begin(claimed) == "started"
        if dead:
            with pytest.raises(StaleClaim):
                await self.home.ledger.begin(dead)
        assert (await self.another())[1] == "held"
        assert await self.home.ledger.finished(claimed, "succeed", {}) is State.SUCCEEDED
        self.rival, code = await self.another()
        assert code == "admit", "its target is free again"


async def play(home: Home, asker: str, command: str, clicks: list[tuple[str, str]]) -> None:
    playing = Play(home, asker, command)
    await playing.ask(command)
    try:
        for what, who in clicks:
            await playing.act(what, who)
            playing.oracle.click(what, who)
            state = (await playing.story.row(playing.run)).state.value
            assert (what, who, state) == (what, who, playing.oracle.state)
            if state == "queued":
                await playing.starts_once()
                return
    finally:  # what is due no other history's worker shall claim
        if playing.rival:
            await playing.story.say("dora", playing.rival, "cancel")


@pytest.fixture(scope="module")
def stage(pg_server: Server) -> Iterator[Any]:
    """One loop and one database for all examples: hypothesis calls a plain function."""
    loop = asyncio.new_event_loop()
    name = f"test_{secrets.token_hex(6)}"

    async def prepare() -> Any:
        await ensure_template(pg_server, TEMPLATE)
        context = opened(await pg_server.create_database(name, template=TEMPLATE.name))
        return context, await context.__aenter__()

    context, home = loop.run_until_complete(prepare())
    yield loop, home
    loop.run_until_complete(context.__aexit__(None, None, None))
    loop.run_until_complete(pg_server.drop_database(name))
    loop.close()


def any_people(examples: int) -> Callable[[Any], Any]:
    """So many histories, and some that once went wrong."""

    def tried(test: Any) -> Any:
        for found in FOUND:
            test = example(**found)(test)
        test = given(
            asker=st.sampled_from(ASKERS),
            command=st.sampled_from(sorted(SLOTS)),
            clicks=st.lists(CLICKS, min_size=1, max_size=10),
        )(test)
        return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])(test)

    return tried


@any_people(100)
def test_whatever_people_do_a_run_is_queued_exactly_when_its_slots_are_filled(
    stage: Any, asker: str, command: str, clicks: list[tuple[str, str]]
) -> None:
    loop, home = stage
    loop.run_until_complete(play(home, asker, command, clicks))


@pytest.mark.prove
@any_people(1000)
def test_whatever_they_do_for_much_longer(stage: Any, asker: str, command: str, clicks: list[tuple[str, str]]) -> None:
    loop, home = stage
    loop.run_until_complete(play(home, asker, command, clicks))


def test_after_all_of_it_the_ledger_is_whole(stage: Any) -> None:
    loop, home = stage
    assert loop.run_until_complete(verify(home.pool)) == []


@pytest.mark.parametrize("oracle", ["tests/property/oracle.py", "tests/recovery/oracle.py"])
def test_an_oracle_imports_nothing_of_what_it_judges(oracle: str) -> None:
    tree = ast.parse((ROOT / oracle).read_text())
    froms = {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    whole = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    roots = {name.partition(".")[0] for name in froms | whole}
    assert roots <= {"asyncpg", *sys.stdlib_module_names}
