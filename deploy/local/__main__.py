"""`make run`: the whole workspace on this machine, without accounts; prints the page's address.

With `SLACK=real` the bot is in a real workspace, by the environment's tokens. Where there is no database either, it has
one here, and the sample company's services and mail.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from deploy.local.postgres_errors import LocalPostgresError
from deploy.local.slack.arguments import a_port
from deploy.local.slack.server import REAL
from deploy.local.stage import ROOT, NotReady, Stage

HOME = ROOT / ".local"
HOME_OF_REAL = ROOT / ".local-real"  # apart: runs of one workspace mean nothing in the other


async def play(stage: Stage) -> int:
    """Until Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    try:
        print("Starting databases, mail, services, Slack and the bot …", flush=True)
        await stage.start()  # never cut short: what a thread of it starts later would be nobody's to end
        await unless(stop, told(stage))
        await stop.wait()
    except (NotReady, LocalPostgresError, ValueError) as error:
        if stop.is_set():  # Ctrl-C reaches the children too: they did not come up because they were told to end
            return 0
        print(error, file=sys.stderr)
        return 1
    finally:
        await stage.stop()
    return 0


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Does the work; gives it up once it is told to stop."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def told(stage: Stage) -> None:
    """Says what there is, and what to do with it."""
    if stage.real:
        print("\n  The bot is in your Slack workspace; no page is here.", flush=True)
    else:
        print(f"\n  Open  {stage.page}\n", flush=True)
        if stage.fresh:
            print("  A first backup of the shop is being taken; it shows in #incidents.", flush=True)
            await stage.first_backup()
        print('  Type there:  /ops db restore shop reason="bad import"', flush=True)
    print(f"  The bot is process {stage.bot.pid} (kill -9 it in the middle of a run, it starts again).", flush=True)
    print("  Ctrl-C ends everything.", flush=True)


def leave_real_tokens() -> None:
    """Takes a real workspace's tokens out of this process: the workspace here never starts beside one."""
    names = [name for real in REAL for name in (real, f"{real}_FILE") if os.environ.pop(name, None)]
    if names:
        print(f"Not used here: {', '.join(names)}. `make run SLACK=real` uses them.", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run")
    parser.add_argument("--slack", choices=["local", "real"], default="local")
    parser.add_argument("--transport", choices=["http", "socket"], default="socket")
    parser.add_argument("--port", type=a_port, default=0, help="of the page; without it the last one, or any")
    parser.add_argument("--home", type=Path, help="where all of it is kept")
    said = parser.parse_args()
    if said.slack == "local":
        leave_real_tokens()
        return asyncio.run(play(Stage(said.home or HOME, transport=said.transport, port=said.port)))
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        os.execv(sys.executable, [sys.executable, "-m", "bot", "run"])  # noqa: S606  an argument list
    return asyncio.run(play(Stage(said.home or HOME_OF_REAL, real=dict(os.environ))))


if __name__ == "__main__":
    sys.exit(main())
