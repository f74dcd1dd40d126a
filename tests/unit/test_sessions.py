"""What a session of tests says in its end, and which skips it lets pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.lock import PROJECT
from tests.databases import ROOT

FILES = {
    "test_skips.py": (
        "import pytest\n"
        "def test_of_the_page(): pytest.skip('no Chromium on this machine: install it')\n"
        "def test_of_the_pooler(): pytest.skip('no pgbouncer on this machine: install it')\n"
        "@pytest.mark.skip(reason='flaky')\n"
        "def test_of_the_clock(): pass\n"
        "def test_of_today(): pytest.skip('not today')\n"
        "@pytest.mark.xfail(strict=True)\n"
        "def test_of_a_known_fault(): assert False\n"
    ),
    "test_module.py": "import pytest\npytest.importorskip('no_such_module')\n",
    "test_tells.py": (
        "def test_that_passes(tell): tell('mail: 34 points')\n"
        "def test_that_fails(tell):\n"
        "    tell('ban: 51 points')\n"
        "    assert False\n"
        "def test_that_says_nothing(): pass\n"
    ),
}
Ended = subprocess.CompletedProcess[str]


def session(folder: Path, workers: int, **environ: str) -> Ended:
    """A session over those files; `environ` is all that it has of CI's."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    argv = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-n", str(workers)]
    argv += ["--continue-on-collection-errors", "-c", str(PROJECT), "--rootdir", str(ROOT), str(folder)]
    left_out = ("CI", "TANDEM_MUST", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return subprocess.run(argv, cwd=ROOT, env=kept | environ, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "xdist"])
def in_ci(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The session where a pooler must be tried."""
    folder = tmp_path_factory.mktemp("session")
    return session(folder, request.param, CI="true", TANDEM_MUST="node pgbouncer")


def test_in_ci_a_skip_for_a_reason_that_is_not_listed_fails(in_ci: Ended) -> None:
    assert in_ci.returncode == 1, in_ci.stdout
    assert "allowed_skips.txt does not have: flaky" in in_ci.stdout
    assert "allowed_skips.txt does not have: not today" in in_ci.stdout
    assert "allowed_skips.txt does not have: could not import 'no_such_module'" in in_ci.stdout
    assert "3 failed, 2 passed, 1 skipped, 1 xfailed, 2 errors" in in_ci.stdout


def test_what_must_be_tried_is_not_skipped(in_ci: Ended) -> None:
    assert "Skipped though TANDEM_MUST has pgbouncer: no pgbouncer on this machine: install it" in in_ci.stdout
    assert "though TANDEM_MUST has chromium" not in in_ci.stdout


def test_what_a_test_tells_stands_in_the_end_once_also_of_one_that_passed(in_ci: Ended) -> None:
    end = in_ci.stdout.partition(" what tests tell ")[2].splitlines()
    told = ["test_that_fails: ban: 51 points", "test_that_passes: mail: 34 points"]
    assert [line for line in end if "points" in line] == told


def test_by_hand_every_skip_passes(tmp_path: Path) -> None:
    told = session(tmp_path, 0)
    assert "1 failed, 2 passed, 5 skipped, 1 xfailed" in told.stdout.splitlines()[-1]


def test_what_the_list_does_not_have_cannot_be_demanded(tmp_path: Path) -> None:
    told = session(tmp_path, 0, TANDEM_MUST="chromium firefox")
    assert told.returncode == pytest.ExitCode.USAGE_ERROR
    assert "TANDEM_MUST: tests/allowed_skips.txt does not have firefox" in told.stderr
