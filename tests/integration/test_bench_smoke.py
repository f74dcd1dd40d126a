"""The bench: a very short run measures all of it, and its report can be read by people and machines."""

import json
from pathlib import Path

import pytest

from deploy.bench import Report, table
from deploy.benches.ack import times
from deploy.benches.post import Seen
from tests.docs.pages import PAGES, codes
from tests.docs.test_commands import MINUTES, typed
from tests.docs.workspace import clean


@pytest.mark.prove  # a minute on two cores
@pytest.mark.timeout(MINUTES + 60)
@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
async def test_a_short_bench_measures_every_door_and_says_so(tmp_path: Path) -> None:
    """As the page types it, but for its size."""
    (told,) = {code for page in PAGES for code in codes(page) if code.startswith("make bench ")}
    assert told.count("--quick") == told.count("FILE") == 1
    file = tmp_path / "report.json"
    line = told.replace("--quick", "--smoke").replace("FILE", str(file))
    status, printed = await typed(line, env=clean(), within=MINUTES)
    assert status == 0, printed

    said = json.loads(file.read_text())
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
    assert table(Report.model_validate(said)) in printed
    assert file.read_text() in printed
    assert "Ack with its commit, commit_delay 0 µs" in printed
    assert "Scrolling through 60 messages" in printed


def test_percentiles_are_of_milliseconds_and_the_rate_of_all_together() -> None:
    seconds = [n / 1000 for n in range(1, 102)]

    found = times(Seen(seconds=seconds, elapsed=2.0, answers=[]))

    assert [found.p50, found.p99, found.per_second] == pytest.approx([51, 100.98, 50.5])
