"""Two local workspaces never share a home; a killed one does not stand in the way of the next."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.stage import ROOT, NotReady, Stage

HOLDER = """
import sys
from pathlib import Path
from deploy.local.stage import Stage
lock = Stage(Path(sys.argv[1]))._locked()
print("http://127.0.0.1:1/?as=ana", file=lock, flush=True)
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_second_one_is_told_where_the_first_is_until_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        second = Stage(tmp_path)
        with pytest.raises(NotReady, match=r"already\. Its page is http://127\.0\.0\.1:1/\?as=ana .*Ctrl-C"):
            await second.start()
        assert not (tmp_path / "postgres").exists()
        await second.stop()
        first.kill()
    with Stage(tmp_path)._locked() as lock:
        lock.seek(0)
        assert lock.read() == ""
