"""The bench: a very short run measures all of it, and its report can be read by people and machines."""

import json
from pathlib import Path

import pytest

from deploy.bench import Report, Size, bench, table
from deploy.benches.ack import times
from deploy.benches.post import Seen


@pytest.mark.prove  # a minute on two cores
@pytest.mark.timeout(240)
async def test_a_short_bench_measures_every_door_and_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith("pytest-"):
            folder.chmod(0o711)  # as root the database server is another user, who passes through

    report = await bench(tmp_path / "home", Size(requests=4, rounds=1, commands=8, starts=1))

    said = json.loads(report.model_dump_json())
    assert {(one["door"], one["commit_delay"]) for one in said["ratios"]} == {
        ("read", 0),
        ("change", 0),
        ("approve", 0),
    }
    assert all(found["p50"] > 0 for found in said["acks"][0]["alone"].values())
    assert said["memory"]["operations"] >= 50
    assert 20 < said["memory"]["ready"] <= said["memory"]["after"] + 1
    assert 0 < said["ready_s"] < 30
    assert said["commands"]["tandem"] > 0
    assert Report.model_validate(said) == report
    assert "Ack with its commit, commit_delay 0 µs" in table(report)


def test_percentiles_are_of_milliseconds_and_the_rate_of_all_together() -> None:
    seconds = [n / 1000 for n in range(1, 102)]

    found = times(Seen(seconds=seconds, elapsed=2.0, answers=[]))

    assert [found.p50, found.p99, found.per_second] == pytest.approx([51, 100.98, 50.5])
