"""A sweep whose items nobody can ask about: what is over is never done again, and one item at most is in doubt."""

from pathlib import Path

import pytest

from bot.model import State
from tests.support.factory import Factory, working
from tests.support.plugin import Home

ONCE_EACH = [f"item {n}" for n in range(8)]


def items(factory: Factory) -> list[str]:
    return [line for line in factory.folder.lines() if line.startswith("item")]


async def answered(factory: Factory, run: int) -> None:
    await factory.state(run, State.IN_DOUBT)
    assert await factory.answer("ana", run, "again") == "answered"
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
