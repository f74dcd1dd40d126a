"""docs/hard-cases.md names tests that exist, for every number that is owed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWED = {*range(1, 4), *range(5, 16), *range(17, 27), 28, 30, 31, 33, 35, *range(37, 42), 43}
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAME = re.compile(r"`([^`:]+)::(test_\w+)`")


def rows() -> list[tuple[int, str]]:
    return [(int(number), tests) for number, _, tests in ROW.findall((ROOT / "docs" / "hard-cases.md").read_text())]


def test_every_number_that_is_owed_has_its_row_in_order() -> None:
    numbers = [number for number, _ in rows()]
    assert numbers == sorted(set(numbers))
    assert set(numbers) >= OWED


def test_a_row_names_tests_that_exist_or_says_not_yet() -> None:
    missing = []
    for number, tests in rows():
        named = NAME.findall(tests)
        assert named or (tests.strip() == "not yet" and number not in OWED), f"{number} names no test"
        for path, name in named:
            file = ROOT / path
            if not file.exists() or not re.search(rf"^(async )?def {name}\(", file.read_text(), re.MULTILINE):
                missing.append(f"{number}: {path}::{name}")
    assert missing == []
