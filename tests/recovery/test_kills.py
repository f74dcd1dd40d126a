"""A SIGKILL at every commit and every effect: another replica goes on, nothing is repeated in silence or stays."""

import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.conftest import MakeDatabase, Tell
from tests.recovery.harness import killed, undisturbed
from tests.recovery.scenarios import SCENARIOS
from tests.support.company import TEMPLATE
from tests.support.plugin import Home, opened

SEED = os.environ.get("TANDEM_SEED", "")
KILL = os.environ.get("TANDEM_KILL", "")
SAMPLE = 10  # scenarios tried in each ordinary session


def replay(name: str, point: str) -> str:
    command = ".venv/bin/python -m pytest tests/recovery/test_kills.py -k test_this_kill"
    return f"replay: TANDEM_KILL='{name}: {point}' {command}"


async def kill_at(make_database: MakeDatabase, folder: Path, name: str, point: str) -> list[str]:
    """What is wrong afterwards, in words; a run that never ends is told like the rest, so that its replay is too."""
    async with opened(await make_database(TEMPLATE)) as home:
        try:
            return await killed(home, folder, SCENARIOS[name], point)
        except AssertionError as error:
            return [str(error)]


@pytest.mark.parametrize("number", range(SAMPLE))
async def test_a_kill_somewhere(
    home: Home, make_database: MakeDatabase, tmp_path: Path, tell: Tell, number: int
) -> None:
    """One point of one scenario, both by seed; `make prove` tries them all."""
    seed = SEED or str(random.SystemRandom().randrange(10**6))
    name = one_of(f"{seed} {number}", SCENARIOS)
    points = await undisturbed(home, tmp_path / "undisturbed", SCENARIOS[name])
    point = one_of(seed + name, points)
    tell(f"{name}: {len(points)} points; TANDEM_SEED={seed} chose {point!r}")
    assert await kill_at(make_database, tmp_path / "killed", name, point) == [], replay(name, point)


def one_of(seed: str, things: Iterable[str]) -> str:
    return random.Random(seed).choice(sorted(things))


async def test_this_kill(make_database: MakeDatabase, tmp_path: Path) -> None:
    """The one named by TANDEM_KILL, or else the oldest trouble there is: a mail sent, and nobody left to say so."""
    name, _, point = (KILL or "mail: inside m.after").partition(": ")
    assert await kill_at(make_database, tmp_path / "killed", name, point) == []


@pytest.mark.prove
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_kill_everywhere(
    home: Home, make_database: MakeDatabase, tmp_path: Path, tell: Tell, name: str
) -> None:
    points = await undisturbed(home, tmp_path / "undisturbed", SCENARIOS[name])
    tell(f"{len(points)} points")
    for number, point in enumerate(points):
        assert await kill_at(make_database, tmp_path / str(number), name, point) == [], replay(name, point)
