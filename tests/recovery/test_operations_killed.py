"""The real bot process is killed in the middle of a real restore and a real ban: the run goes on, or asks honestly."""

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import pytest

from tests.conftest import Tell
from tests.scenario.killing import CANCEL, cancelled_at, gate, killed_at, points, reachable
from tests.scenario.played import ORDERS, played
from tests.scenario.story import JO, LONG, TYPE_AGAIN, Run, Story, people, until

SEED = os.environ.get("TANDEM_SEED", "")
KILL = os.environ.get("TANDEM_KILL_OPERATION", "") or "ban: before step_done ban do"
SAMPLE = 1  # kills in each ordinary session, beside the one that is always tried
RESUMED = 90.0  # seconds: the slowest waits for the deadline of a mail that was in the air
ASKS = ("mail",)  # the steps of which nobody but a person can find out whether they happened
WAITS = ("maintenance", "reopen", "mail")  # their next attempt waits for the last one's deadline: `make prove` does
EARLY = ("asked", "proposed", "shown")  # what a run comes through before it can be approved


@dataclass(frozen=True)
class Scenario:
    """An operation, and the step during which whoever asked cancels: then undo and closings are what is killed."""

    line: str
    judge: Callable[[Story, Run, int], Awaitable[None]]
    cancel: str = ""

    async def play(self, story: Story, point: str = "") -> list[asyncpg.Record]:
        """One run, killed at that point if one is named; its end is judged. Its events."""
        await story.sells(100)
        orders, last = await story.orders(), await story.last()
        async with gate(story, last, f"step_started {self.cancel} do", CANCEL) as ledger:
            run = await self._under_way(story, last, point, ledger)
            await _answered(run, point)
        await run.settles()
        events = await run.events()
        done = [(event["step"], event["way"]) for event in events if event["mark"] == "done"]
        undone = (
            "undone" if any(way == "do" for _, way in done) else "cancelled"
        )  # the kill came before anything was done
        await run.ends(undone if self.cancel else "succeeded")
        assert len(done) == len(set(done)), done
        assert len(await run.cards()) == 1
        await self.judge(story, run, orders)
        return events

    async def _under_way(self, story: Story, last: int, point: str, ledger: asyncpg.Connection) -> Run:
        line = self.line.format(backup=await story.first_backup(), reason=f"drill {last}")
        fields = {TYPE_AGAIN: "shop"} if "restore" in line else {}
        run, early = Run(story, last + 1), point.split(" ")[-1] in EARLY

        async def asked() -> None:
            await story.asks("ana", line, **fields)

        async def approved() -> None:
            await run.press("ben", "Approve")
            if self.cancel:
                await cancelled_at(run, ledger)

        await (killed_at(story, last, point, asked) if early else asked())
        await run.can_be_approved()
        if early:
            await reachable(story)
        await (killed_at(story, last, point, approved) if point and not early else approved())
        return run

    async def points(self, story: Story) -> list[str]:
        """Every commit of a run that nobody kills; of one that is cancelled, those from the cancel on."""
        events = await self.play(story)
        kinds = [event["kind"] for event in events]
        return points(events[kinds.index("cancel_wished") if self.cancel else 0 :])


async def restored(story: Story, run: Run, orders: int) -> None:
    assert (await story.orders(), await story.kept_orders(f"shop_{run.tag}_old")) == (ORDERS, orders)
    assert await story.public()
    assert f"shop_{run.tag}_new" not in await story.databases()


async def as_before(story: Story, run: Run, orders: int) -> None:
    assert await story.orders() == orders
    assert await story.public()
    assert not {f"shop_{run.tag}_{what}" for what in ("old", "new", "kept")} & await story.databases()


async def banned(story: Story, run: Run, orders: int) -> None:
    assert (await _is_banned(story), mails(story, run)) == (True, 1)
    async with story.stage.databases.server.connect("shop") as shop:
        incidents = "SELECT count(*) FROM public.security_incidents WHERE user_id = $1 AND reason = $2"
        assert await shop.fetchval(incidents, JO, (await run.row())["reason"]) == 1
    await (await story.asks("ben", f'/ops user unban shop {JO} reason="after {run.tag}"')).ends()


async def not_banned(story: Story, run: Run, orders: int) -> None:
    assert (await _is_banned(story), mails(story, run)) == (False, 0)


async def _is_banned(story: Story) -> bool:
    async with story.stage.databases.server.connect("shop") as shop:
        sql = "SELECT coalesce(banned_until > now(), false) FROM auth.users WHERE id = $1"
        return bool(await shop.fetchval(sql, JO))


def mails(story: Story, run: Run) -> int:
    """How many mails quote the run."""
    folder = story.stage.home / "mail"
    return sum(f"reference {run.tag}." in path.read_text() for path in folder.glob("*.eml"))


async def _answered(run: Run, point: str) -> None:
    """Where the run asks after the kill, people look and answer what is true."""

    async def over_or_asking() -> str | None:
        state = await run.state()
        return state if state not in ("queued", "running", "waiting") else None

    if await until(over_or_asking, f"end or question of {run.tag}", RESUMED) == "in_doubt":
        assert any(f" {step} " in point for step in ASKS), f"{run.tag} asks, killed {point}"
        await run.shows("It happened", seconds=LONG)
        await run.press("ben", "It happened" if mails(run.story, run) else "Do it again")


RESTORE = '/ops db restore shop backup={backup} reason="{reason}"'
BAN = f'/ops user ban shop {JO} reason="{{reason}}"'
SCENARIOS = {
    "restore": Scenario(RESTORE, restored),
    "restore, cancelled": Scenario(RESTORE, as_before, "swap"),
    "ban": Scenario(BAN, banned),
    "ban, cancelled": Scenario(BAN, not_banned, "ban"),
}


@pytest.fixture
async def story(request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """The people of the sample company, over HTTP."""
    async with people(played(request.config, "http")) as story:
        yield story


async def kill(story: Story, name: str, point: str) -> None:
    try:
        await SCENARIOS[name].play(story, point)
    except Exception as error:
        told = f"TANDEM_KILL_OPERATION='{name}: {point}' .venv/bin/python -m pytest tests/recovery"
        error.add_note(f"replay: {told} -k test_this_kill_of")
        raise


@pytest.mark.parametrize("number", range(SAMPLE))
async def test_a_bot_killed_somewhere_ends_its_run_like_one_that_lives(story: Story, tell: Tell, number: int) -> None:
    """One point of one operation, both by seed; `make prove` tries them all."""
    seed = SEED or str(random.SystemRandom().randrange(10**6))
    chance = random.Random(f"{seed} {number}")
    name = chance.choice(sorted(SCENARIOS))
    found = await SCENARIOS[name].points(story)
    point = chance.choice([one for one in found if not any(f" {step} " in one for step in WAITS)])
    tell(f"{name}: {len(found)} points; TANDEM_SEED={seed} chose {point!r}")
    await kill(story, name, point)


async def test_this_kill_of_an_operation(story: Story) -> None:
    """The one named by TANDEM_KILL_OPERATION, or else: somebody was banned, and nobody is left to say so."""
    name, _, point = KILL.partition(": ")
    await kill(story, name, point)


@pytest.mark.prove
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_an_operation_survives_a_kill_at_every_commit(story: Story, tell: Tell, name: str, side: str) -> None:
    found = [point for point in await SCENARIOS[name].points(story) if point.startswith(side)]
    tell(f"{len(found)} points")
    for point in found:
        await kill(story, name, point)
