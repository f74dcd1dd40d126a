"""A freeze that began after the ask: an approval is recorded, says so, and counts once the freeze is over."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import codec
from bot.model import State
from bot.operation import Plan
from bot.store.own import Own
from bot.store.store import Claimed, RunRow
from bot.store.views import Views
from tests.support.factory import working
from tests.support.place import placed, who
from tests.support.plugin import Home
from tests.support.story import Story

MINUTE = timedelta(minutes=1)


@pytest.fixture
def story(home: Home) -> Story:
    return Story(home)


async def proposed(
    story: Story, command: str = "test destroy", changes: tuple[str, ...] = ("web",), locks: list[str] | None = None
) -> int:
    """Asked, planned to change these services, shown; everybody was just read from Slack."""
    run = int((await story.ask("ana", command))["run"])
    plan = codec.encode_plan(Plan(sentence="Destroy it"), {}, {"changes": list(changes)})
    await story.propose(run, plan=json.loads(plan), locks=locks)
    await story.show(run)
    for someone in ("ana", "ben", "cleo", "dora"):
        await story.saw(someone)
    return run


async def freezes(
    story: Story, *services: str, name: str = "freeze-r7", lasting: str = "20 min", starts: str = "0"
) -> str:
    """Until when."""
    until = await story.home.own.fetchval(
        "INSERT INTO freezes VALUES ($1, $2, clock() + $3::text::interval, "
        "clock() + $3::text::interval + $4::text::interval, 'the launch', 'cleo') RETURNING to_jsonb(ends)",
        name, list(services or ("web",)), starts, lasting,
    )  # fmt: skip
    return str(until)


async def state(story: Story, run: int) -> State:
    await story.home.ledger.sweep()
    return (await story.row(run)).state


async def last(story: Story, run: int) -> dict[str, Any]:
    body: dict[str, Any] = (await story.home.ledger.events(run))[-1].body
    return body


async def test_it_is_recorded_with_the_freeze_and_counts_when_that_is_over(story: Story) -> None:
    run = await proposed(story)
    frozen = {"name": "freeze-r7", "until": await freezes(story)}
    said = await story.approve("ben", run)
    assert (said["code"], said["queued"], said["frozen"]) == ("recorded", False, frozen)
    assert (await last(story, run))["frozen"] == frozen, "the thread says the same"
    assert await state(story, run) is State.AWAITING
    assert (await story.approve("ben", run))["frozen"] == frozen
    await story.home.move_clock(21 * MINUTE)
    await story.saw("ben")
    assert await state(story, run) is State.QUEUED


async def test_it_counts_when_the_freeze_is_ended_by_hand(story: Story) -> None:
    run = await proposed(story)
    await freezes(story, "*")
    await story.approve("ben", run)
    await story.home.own.execute("UPDATE freezes SET ends = clock()")
    assert await state(story, run) is State.QUEUED


@pytest.mark.parametrize(
    ("changes", "service", "starts"),
    [(("web",), "api", "0"), (("web",), "web", "1 min"), (("web",), "web", "-1 h"), ((), "*", "0")],
    ids=["of another service", "not begun", "over", "of every service, and it changes none"],
)
async def test_a_freeze_that_does_not_concern_it_now_keeps_nothing_waiting(
    story: Story, changes: tuple[str, ...], service: str, starts: str
) -> None:
    run = await proposed(story, changes=changes)
    await freezes(story, service, starts=starts)
    said = await story.approve("ben", run)
    assert (said["queued"], "frozen" in said) == (True, False)


async def test_a_plan_of_an_earlier_version_says_by_its_locks_what_it_changes(story: Story) -> None:
    run = await story.proposed("ana", "test destroy", locks=["deploy/web"])
    await freezes(story)
    assert (await story.approve("ben", run))["frozen"]["name"] == "freeze-r7"


async def test_of_two_freezes_the_one_that_lasts_longer_is_told(story: Story) -> None:
    run = await proposed(story)
    await freezes(story, lasting="5 min", name="short")
    await freezes(story, "*", lasting="1 h", name="long")
    assert (await story.approve("ben", run))["frozen"]["name"] == "long"


async def test_who_approves_as_the_first_of_two_is_told_of_it_as_well(story: Story) -> None:
    run = await proposed(story, "test destroy-two")
    await freezes(story)
    said = await story.approve("cleo", run)
    assert (said["need"], said["have"], said["frozen"]["name"]) == (2, 1, "freeze-r7")


async def test_in_a_freeze_it_takes_no_lock_calls_nobody_and_lapses_as_what_it_waited_for(story: Story) -> None:
    await story.home.own.execute(
        'UPDATE policy SET remind = \'[{"after": "5 min", "whom": "lead"}]\' WHERE command = \'test destroy\''
    )
    run = await proposed(story, locks=["database/shop"])
    until = await freezes(story, lasting="2 h")
    await story.approve("ben", run)
    assert await story.home.pool.fetchval("SELECT count(*) FROM locks") == 0
    await story.home.move_clock(6 * MINUTE)
    await story.saw("ben")
    assert await state(story, run) is State.AWAITING
    assert "called" not in [e.kind for e in await story.home.ledger.events(run)]
    await story.home.move_clock(25 * MINUTE)
    await story.saw("ben")
    assert await state(story, run) is State.EXPIRED
    assert await last(story, run) == {"frozen": {"name": "freeze-r7", "until": until}}


async def test_the_card_knows_of_the_freeze_while_it_waits(story: Story) -> None:
    run, views = await proposed(story), Views(story.home.pool, {})
    await freezes(story)
    view = await views.run(run)
    assert view is not None
    assert view.freeze is not None
    assert view.freeze.name == "freeze-r7"
    await story.say("cleo", run, "deny")
    over = await views.run(run)
    assert over is not None
    assert over.freeze is None


async def test_whoever_approves_reads_what_it_waits_for(home: Home, tmp_path: Path) -> None:
    story = Story(home)
    run, two = await proposed(story), await proposed(story, "test destroy-two")
    await freezes(story)
    async with placed(home, tmp_path) as place:
        said = await place.service.approve(who("ben"), run, (await story.row(run)).fingerprint or "")
        assert said.sentence.startswith("Recorded. It cannot start before freeze-r7 ends (")
        assert said.sentence.endswith(" UTC) or is ended.")
        more = await place.service.approve(who("ben"), two, (await story.row(two)).fingerprint or "")
        assert more.sentence.startswith("Recorded. 1 more approval needed. It cannot start before freeze-r7 ends")


async def test_what_is_amended_in_a_freeze_goes_on_waiting_for_its_end(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(home, tmp_path) as factory:
        house: Any = factory.worker.runner.handlers
        object.__setattr__(house, "freezes", Own(home.pool).freezes)
        monkeypatch.setattr(type(house.entry("test write").operation), "changes", ("web",))
        run = await factory.ask("big-plain")
        before = (await factory.state(run, State.AWAITING)).fingerprint
        await freezes(factory.story)
        await factory.story.say("ana", run, "amend", params={"script": "big-plain"})
        factory.worker.wake()
        planned = await factory.until(run, lambda row: row.state is not State.PLANNING)
        assert (planned.state, planned.fingerprint == before) == (State.AWAITING, False)
        await factory.story.saw("ben")
        assert (await factory.story.approve("ben", run))["frozen"]["name"] == "freeze-r7"
        new = await factory.end(await factory.ask("plain"))
        assert new.state is State.REFUSED


async def test_a_freeze_that_begins_after_the_last_look_keeps_it_from_starting_too(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(home, tmp_path) as factory:
        house: Any = factory.worker.runner.handlers
        object.__setattr__(house, "freezes", Own(home.pool).freezes)
        monkeypatch.setattr(type(house.entry("test write").operation), "changes", ("web",))
        planner = factory.worker.runner.planner
        looks = planner.still

        async def still(c: Claimed, row: RunRow) -> bool:
            good = await looks(c, row)
            if good:
                await freezes(factory.story)
            return good

        monkeypatch.setattr(planner, "still", still)
        ended = await factory.end(await factory.ask("plain"))
        assert ended.state is State.REFUSED
        assert "web is frozen until" in (await factory.ledger.events(ended.id))[-1].body["sentence"]
        assert factory.folder.lines() == []
