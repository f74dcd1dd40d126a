"""The bench: a very short run measures all of it, and its report can be read by people and machines."""

import json
from contextlib import closing

import pytest

from deploy.bench import Report, Size, bench, table
from deploy.benches.ack import times
from deploy.benches.post import Seen
from tests.databases import SessionServer


@pytest.mark.prove  # a minute on two cores
@pytest.mark.timeout(240)
@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
async def test_a_short_bench_measures_every_door_and_says_so() -> None:
    with closing(SessionServer()) as place:
        report = await bench(place.home, Size(requests=4, rounds=1, commands=8, starts=1, page=(2, 60)))

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
    assert said["page"]["load_s"] > 0 < said["page"]["click_ms"]
    assert 0 < said["page"]["frame_ms"] <= said["page"]["longest_ms"]
    assert Report.model_validate(said) == report
    assert "Ack with its commit, commit_delay 0 µs" in table(report)
    assert "Scrolling through 60 messages" in table(report)


def test_percentiles_are_of_milliseconds_and_the_rate_of_all_together() -> None:
    seconds = [n / 1000 for n in range(1, 102)]

    found = times(Seen(seconds=seconds, elapsed=2.0, answers=[]))

    assert [found.p50, found.p99, found.per_second] == pytest.approx([51, 100.98, 50.5])
