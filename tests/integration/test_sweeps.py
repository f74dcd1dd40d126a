"""A sweep whose items nobody can ask about: what is over is never done again, and one item at most is in doubt."""

from pathlib import Path
from typing import Any

import pytest

from bot.engine.sweeping import left_by
from bot.model import Mark, State
from tests.support.factory import Factory, working
from tests.support.plugin import Home

ONCE_EACH = [f"item {n}" for n in range(8)]


def items(factory: Factory) -> list[str]:
    return [line for line in factory.folder.lines() if line.startswith("item")]


async def answered(factory: Factory, run: int, choice: str = "again") -> None:
    await factory.state(run, State.IN_DOUBT)
    assert await factory.answer("ana", run, choice) == "answered"
    assert (await factory.end(run)).state is State.SUCCEEDED


@pytest.mark.parametrize(("script", "order"), [("letters", "explode"), ("brief-letters", "hang")])
async def test_after_an_item_of_which_nobody_knows_it_goes_on_with_that_item(
    home: Home, tmp_path: Path, script: str, order: str
) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put("order.item-4", order)
        run = await factory.ask(script)
        await factory.state(run, State.IN_DOUBT)
        assert items(factory) == ONCE_EACH[:4]
        factory.folder.take("order.item-4")
        await answered(factory, run)
        assert items(factory) == ONCE_EACH


async def test_a_take_over_in_the_middle_of_a_batch_repeats_nothing_that_is_over(home: Home, tmp_path: Path) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put("order.item-4", "hang")
        run = await factory.ask("letters")
        await factory.until(run, lambda row: row.progress.get("each", {}).get("after") == "003")
    factory.folder.take("order.item-4")
    async with working(home, tmp_path) as other:
        await answered(other, run)
        assert items(other) == ONCE_EACH
        [done] = [e.body["result"] for e in await other.ledger.events(run) if e.kind == "step_done"]
        assert done["done"] == 8


def done_in(events: Any) -> int:
    [done] = [e.body["result"] for e in events if e.kind == "step_done"]
    return int(done["done"])


@pytest.mark.parametrize("item", [0, 3, 4, 5, 7])  # the first of a batch, one within, the last of one, the last of all
async def test_an_item_that_people_say_happened_counts_and_is_not_repeated(
    home: Home, tmp_path: Path, item: int
) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put(f"order.item-{item}.after", "explode")
        run = await factory.ask("letters")
        row = await factory.state(run, State.IN_DOUBT)
        assert row.question is not None
        assert (row.question["item"], row.question["choices"]) == (f"{item:03}", ["happened", "again", "stop"])
        await answered(factory, run, "happened")
        assert items(factory) == ONCE_EACH
        assert done_in(await factory.ledger.events(run)) == 8


@pytest.mark.parametrize("item", [0, 3, 4])
async def test_after_a_take_over_the_one_item_in_doubt_is_named_and_may_have_happened(
    home: Home, tmp_path: Path, item: int
) -> None:
    async with working(home, tmp_path) as factory:
        factory.folder.put(f"order.item-{item}.after", "hang")
        run = await factory.ask("letters")
        await factory.until(run, lambda row: f"item {item}" in items(factory))
    factory.folder.take(f"order.item-{item}.after")
    async with working(home, tmp_path) as other:
        row = await other.state(run, State.IN_DOUBT)
        assert row.question is not None
        assert row.question["item"] == f"{item:03}"
        await answered(other, run, "happened")
        assert items(other) == ONCE_EACH
        assert done_in(await other.ledger.events(run)) == 8


STARTED = {"items": ["003", "004", "005"], "of": 3, "after": "002", "counts": {"done": 3}}


@pytest.mark.parametrize(
    ("told", "mark", "item"),
    [
        ({}, Mark.UNKNOWN, "003"),  # what was noted of the batch before went when this one started
        ({"after": "003", "next": "004"}, Mark.UNKNOWN, "004"),
        ({"after": "005", "next": None}, Mark.AGAIN, None),  # all are over: there is nothing to ask about
        ({"after": "004"}, Mark.UNKNOWN, None),  # as an older version noted it
    ],
)
def test_what_a_batch_leaves_whose_worker_ended(told: dict[str, Any], mark: Mark, item: str | None) -> None:
    found, body = left_by(STARTED, told)
    assert (found, body.get("item")) == (mark, item)
    assert body["after"] == told.get("after", "002")


def test_before_anything_was_noted_the_first_item_of_all_is_in_doubt() -> None:
    assert left_by({"items": ["000", "001"], "of": 2}, {}) == (Mark.UNKNOWN, {"item": "000"})
    assert left_by({"items": [], "of": 0, "after": "007"}, {}) == (Mark.AGAIN, {"after": "007"}), "there was none left"
