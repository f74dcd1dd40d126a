"""Policy that depends on a value: a plan that may lose more needs more people, judged on the plan as it is stored."""

from typing import Any

import pytest

from tests.support.plugin import Home
from tests.support.story import Story

LIMIT = 1000  # of tests.support.company.BEYOND


def loses(what: str = "every row since the backup", unit: str = "rows", **bound: Any) -> dict[str, Any]:
    loss = {"what": what, "unit": unit, "now": None, "at_most": None, "at_least": False} | bound
    return {"steps": [], "loses": [loss]}


async def waiting(story: Story, plan: dict[str, Any]) -> int:
    run = int((await story.ask("ana", "test destroy"))["run"])
    await story.propose(run, plan=plan)
    await story.show(run)
    for person in ("ben", "cleo", "dora"):
        await story.saw(person)
    return run


@pytest.mark.parametrize(
    ("plan", "more"),
    [
        (loses(now=1, at_most=LIMIT), False),
        (loses(now=1, at_most=LIMIT + 1), True),
        (loses(now=LIMIT), False),
        (loses(now=LIMIT, at_least=True), True),
        (loses(), True),
        (loses(what="rows", unit="", now=LIMIT + 1), True),
        (loses(unit="minutes", at_most=LIMIT + 1), False),
    ],
)
async def test_beyond_a_bound_one_more_group_must_agree(home: Home, plan: dict[str, Any], more: bool) -> None:
    story = Story(home)
    run = await waiting(story, plan)
    assert (await story.approve("cleo", run))["queued"] is not more
    if more:
        assert (await story.approve("dora", run))["queued"] is True


async def test_the_stricter_of_the_bound_it_was_asked_under_and_the_one_in_force_counts(home: Home) -> None:
    story = Story(home)
    run = await waiting(story, loses(at_most=500))
    await home.own.execute(
        "INSERT INTO policy SELECT 'c2', command, environment, risk, slots, expires, warns, "
        '\'[{"loses": "rows", "more_than": 100, "approve": ["security"]}]\' FROM policy '
        "WHERE config = 'c1' AND command = 'test destroy'"
    )
    await home.own.execute("UPDATE applied SET config = 'c2'")
    word = story.word("ben", run) | {"fingerprint": (await story.row(run)).fingerprint, "config": "c2"}
    assert (await home.doors.approve(word))["queued"] is False
    eased = await waiting(story, loses(at_most=LIMIT + 1))
    await home.own.execute("UPDATE policy SET beyond = '[]' WHERE config = 'c2'")
    word = story.word("ben", eased) | {"fingerprint": (await story.row(eased)).fingerprint, "config": "c2"}
    assert (await home.doors.approve(word))["queued"] is False
