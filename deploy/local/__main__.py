"""`make run`: the whole workspace on this machine, without accounts; prints the page's address."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from deploy.local.postgres_errors import LocalPostgresError
from deploy.local.stage import ROOT, NotReady, Stage

HOME = ROOT / ".local"


async def play(home: Path, transport: str, port: int) -> int:
    """Until Ctrl-C."""
    stage = Stage(home, transport=transport, port=port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    try:
        print("Starting databases, mail, services, Slack and the bot …", flush=True)
        await stage.start()
        print(f"\n  Open  {stage.page}\n", flush=True)
        if stage.fresh:
            print("  A first backup of the shop is being taken; it shows in #incidents.", flush=True)
            await stage.first_backup()
        print('  Type there:  /ops db restore shop reason="bad import"', flush=True)
        print(f"  The bot is process {stage.bot.pid} (kill -9 it in the middle of a run, it starts again).", flush=True)
        print("  Ctrl-C ends everything.", flush=True)
        await stop.wait()
    except (NotReady, LocalPostgresError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        await stage.stop()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run")
    parser.add_argument("--slack", choices=["local", "real"], default="local")
    parser.add_argument("--transport", choices=["http", "socket"], default="http")
    parser.add_argument("--port", type=int, default=0, help="of the page; 0 takes a free one")
    parser.add_argument("--home", type=Path, default=HOME)
    said = parser.parse_args()
    if said.slack == "real":
        os.execv(sys.executable, [sys.executable, "-m", "bot", "run"])  # noqa: S606  an argument list
    return asyncio.run(play(said.home, said.transport, said.port))


if __name__ == "__main__":
    sys.exit(main())
