"""Runs that are killed at every point: what they do, who helps them on, and how each must end all the same."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.effect import Personal
from bot.model import State
from bot.store.store import RunRow
from tests.recovery.oracle import Wanted
from tests.support.factory import Factory
from tests.support.letters import name_of
from tests.support.place import JO

Help = Callable[[Factory, RunRow, set[str]], Awaitable[None]]


async def nobody(factory: Factory, row: RunRow, did: set[str]) -> None:
    """The run gets through by itself."""


async def later(factory: Factory, row: RunRow, did: set[str]) -> None:
    """An hour passes, once the run waits for it."""
    if row.state is State.WAITING and "waited" not in did:
        did.add("waited")
        await factory.home.move_clock(timedelta(hours=1, seconds=1))


async def appears(factory: Factory, row: RunRow, did: set[str]) -> None:
    """What is looked for appears, and it is time to look again."""
    if row.state is State.WAITING and "put" not in did:
        did.add("put")
        factory.folder.put("x", "here")
        await factory.home.move_clock(timedelta(seconds=6))


async def ticks(factory: Factory, row: RunRow, did: set[str]) -> None:
    if row.state is State.WAITING:
        await factory.home.doors.tick(factory.story.word("ben", row.id) | {"step": "ask"})


async def approves(factory: Factory, row: RunRow, did: set[str]) -> None:
    """Ben approves the called run."""
    child = await factory.home.pool.fetchval(
        "SELECT id FROM runs r WHERE parent = $1 AND state = 'awaiting_approval' AND EXISTS "
        "(SELECT 1 FROM shown s WHERE s.run = r.id AND s.fingerprint = r.fingerprint)",
        row.id,
    )
    if child:
        await factory.story.saw("ben")
        await factory.story.approve("ben", child)


async def cancels(factory: Factory, row: RunRow, did: set[str]) -> None:
    if row.state is State.WAITING:
        await factory.story.say("ana", row.id, "cancel")


async def says_what_happened(factory: Factory, row: RunRow, did: set[str]) -> None:
    """People look, and answer truly."""
    if row.state is State.IN_DOUBT and row.question is not None:
        happened = f"mail {row.question['step']}" in factory.folder.lines()
        await factory.answer("ana", row.id, "happened" if happened else "again")


async def asks_a_script(factory: Factory, script: str) -> int:
    return await factory.ask(script)


async def asks_about_a_person(factory: Factory, fails: str) -> int:
    """A letter to somebody's whole address, as a door records it; the page that follows may fail."""
    typed = Personal.typed(JO)

    async def send(tokens: Mapping[Personal, Personal], kept: list[Any]) -> dict[str, Any]:
        token = tokens[typed].token
        params = {"email": token, "fails": bool(fails), "reason": "a test"}
        more = {"params": params, "tokens": [token], "personal": kept, "risk": 1}
        return await factory.story.ask("ana", "test invite", **more)

    run = int((await factory.kept.recorded([typed], send))["run"])
    factory.worker.wake()
    return run


@dataclass(frozen=True)
class Scenario:
    script: str
    wanted: Wanted
    help: Help = nobody
    orders: dict[str, str] = field(default_factory=dict)
    asks: Callable[[Factory, str], Awaitable[int]] = asks_a_script


SCENARIOS = {
    "plain": Scenario("plain", Wanted("succeeded", there=("a", "b", "c"))),
    "undo": Scenario("plain", Wanted("undone", gone=("a", "b", "c")), orders={"c": "permanent"}),
    "probe": Scenario("probe", Wanted("succeeded", there=("a", "c"), exactly=(("number r1/n", 1),))),
    "mail": Scenario(
        "mail", Wanted("succeeded", there=("a", "c"), once=("m",), exactly=(("mail m", 1),)), says_what_happened
    ),
    "closing": Scenario("closing", Wanted("succeeded", there=("z", "a", "b"), gone=("open",))),
    "closing and failure": Scenario(
        "closing", Wanted("undone", gone=("z", "a", "b", "open")), orders={"b": "permanent"}
    ),
    "barrier": Scenario("barrier", Wanted("failed", there=("a", "b"), gone=("c", "d")), orders={"d": "permanent"}),
    "group": Scenario("group", Wanted("succeeded", there=("a", "b", "c"))),
    "group and failure": Scenario("group", Wanted("undone", gone=("a", "b", "c")), orders={"b": "permanent"}),
    "wait": Scenario("wait", Wanted("succeeded", gone=("set",), at_least=("write set", "erase set")), later),
    "cancelled wait": Scenario("wait", Wanted("undone", gone=("set",)), cancels),
    "until": Scenario("until", Wanted("succeeded", there=("a", "c")), appears),
    "task": Scenario("task", Wanted("succeeded", there=("a", "c")), ticks),
    "call": Scenario("call", Wanted("succeeded", there=("a", "child", "c")), approves),
    "sweep": Scenario("sweep", Wanted("succeeded", at_least=tuple(f"item {n}" for n in range(8)))),
    "personal": Scenario("", Wanted("succeeded", there=(name_of(JO),)), asks=asks_about_a_person),
    "personal undo": Scenario(
        "fails", Wanted("undone", gone=(name_of(JO),)), orders={"page": "permanent"}, asks=asks_about_a_person
    ),
    "secret": Scenario("secret", Wanted("succeeded", at_least=("use 13",))),
}
