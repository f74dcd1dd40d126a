"""Ends the test session's server once the session's process has ended, however that came about."""

import shutil
import sys
from pathlib import Path


def guard(home: Path) -> None:
    """Waits for the end of standard input, then ends the server of `home`/postgres and removes `home`."""
    sys.stdin.buffer.read()
    if (home / "postgres" / "server.json").exists():
        # imported late: most sessions are over before their guard needs a database driver
        from deploy.local.postgres import Server
        from deploy.local.postgres_errors import NotRunning

        try:
            Server.attach(home / "postgres").stop("immediate")
        except NotRunning:
            pass
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
