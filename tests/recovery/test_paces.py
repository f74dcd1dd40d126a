"""A replica is killed while a sweep waits for its pace: the item before the wait is over, whoever goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.model import ENDS
from bot.store.store import RunRow
from tests.recovery.harness import begin, helped, replica, survivor
from tests.recovery.oracle import Wanted, faults
from tests.recovery.scenarios import Help, Scenario, nobody, says_what_happened
from tests.support.notebook import Each, SlowEach, SlowLetters
from tests.support.plugin import Home

ONCE_EACH = tuple((f"item {n}", 1) for n in range(8))


def noted(number: int) -> Callable[[RunRow], bool]:
    """That item is noted; the wait after it lasts for minutes, so whoever sees this sees a process that waits."""
    return lambda row: row.progress.get("each", {}).get("after") == f"{number:03}"


@pytest.mark.parametrize(
    ("script", "help", "kills"), [("slow-each", nobody, 1), ("slow-letters", says_what_happened, 2)]
)
async def test_killed_in_the_wait_between_two_items_it_repeats_none_and_counts_all(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, help: Help, kills: int
) -> None:
    """Whoever took over is killed in its own first wait too; the last goes through all that is left."""
    scenario = Scenario(script, Wanted("succeeded", exactly=ONCE_EACH, asked=help is not nobody), help)
    factory, run = await begin(home, tmp_path / "folder", scenario)
    did: set[str] = set()
    for number in range(kills):
        async with replica(home, tmp_path / "folder") as process:
            row = await helped(factory, run, scenario, noted(number), did)
            process.kill()
            assert await process.wait() == -9
            assert factory.folder.lines()[-1] == f"item {number}"
            assert row.progress["each"]["counts"]["done"] == number + 1
    for kind in (SlowEach, SlowLetters):
        monkeypatch.setattr(kind, "per_second", Each.per_second)
    async with survivor(factory):
        await helped(factory, run, scenario, lambda row: row.state in ENDS, did)
    assert await faults(home.superuser, tmp_path / "folder", run, scenario.wanted) == []
    [done] = [e.body["result"] for e in await factory.ledger.events(run) if e.kind == "step_done"]
    assert done == {"done": 8, "doubtful": 0, "failed": 0}
