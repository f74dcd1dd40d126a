"""People, clicks, crashes and time in any order on the real database, against an oracle that knows no bot."""

import ast
import asyncio
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.store.audit import verify
from deploy.local.postgres import Server
from tests.databases import ROOT, ensure_template
from tests.property.oracle import GROUPS, SLOTS, Oracle
from tests.support.company import TEMPLATE
from tests.support.plugin import Home, opened
from tests.support.story import Story

PEOPLE = ("ana", "ben", "cleo", "dora", "emil")
ASKERS = ("ana", "ben", "cleo")  # of these some may approve what another asks for
ACTS = (
    "approve", "approve", "approve", "deny", "amend", "wait", "unfit", "stale approve", "cancel", "dies before commit",
    "dies before ack",
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


async def play(home: Home, asker: str, command: str, clicks: list[tuple[str, str]]) -> None:  # noqa: C901
    story = Story(home)
    run = await story.proposed(asker, command, key=secrets.token_hex(8))
    oracle, version = Oracle(SLOTS[command], {asker}), 0
    first = (await story.row(run)).fingerprint
    for what, who in clicks:
        for person in PEOPLE:
            await story.saw(person, fit=person not in oracle.unfit ^ ({who} if what == "unfit" else set()))
        match what:
            case "approve":
                await story.approve(who, run)
            case "dies before commit":
                await approve_and_die(story, who, run)
            case "dies before ack":  # Slack heard nothing, so the click comes again
                await story.approve(who, run)
                again = await story.approve(who, run)
                assert again["code"] != "recorded", again
            case "stale approve" if version:
                word = story.word(who, run) | {"fingerprint": first, "config": "c1"}
                assert "queued" not in await home.doors.approve(word)
            case "deny" | "cancel":
                await story.say(who, run, what)
            case "amend":
                if (await story.say(who, run, "amend", params={"n": version + 1}))["code"] == "done":
                    version += 1
                    await story.propose(run, plan={"n": version, "run": run})
                    await story.show(run)
            case "wait":
                await home.move_clock(timedelta(minutes=11))
                for person in PEOPLE:
                    await story.saw(person, fit=person not in oracle.unfit)
        await home.ledger.sweep()
        oracle.click(what, who)
        row = await story.row(run)
        assert (what, who, row.state.value) == (what, who, oracle.state)
        if oracle.state == "queued":
            people = await story.slots(run)
            assert len(set(people)) == len(people) == len(oracle.slots)
            assert set(people) <= oracle.approved - oracle.askers - oracle.unfit
            assert all(person in GROUPS[slot] for person, slot in zip(people, oracle.slots, strict=True))
            await story.say(asker, run, "cancel")
            return


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
