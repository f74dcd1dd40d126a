"""Run a workspace from a file: `python -m deploy.local.slack --workspace workspace.yaml --port 8200`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from .arguments import a_port
from .server import serve
from .spec import AppSpec, ChannelSpec, Manifest, PersonSpec, WorkspaceSpec, load_file


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.slack", description=__doc__)
    parser.add_argument("--workspace", help="the workspace: a .json or .yaml file")
    parser.add_argument("--manifest", help="or only an app's manifest: it gets a small workspace of its own")
    parser.add_argument("--request-url", default="", help="where the app of --manifest listens; not for Socket Mode")
    parser.add_argument("--port", type=a_port, default=8200, help="loopback port, 0 for a free one (default 8200)")
    parser.add_argument("--file", help="keep the workspace in this file, so that a restart loses nothing")
    parser.add_argument("--no-limits", action="store_true", help="switch the rate limits off")
    return parser.parse_args()


def _small(path: str, request_url: str) -> WorkspaceSpec:
    """A workspace around one manifest."""
    manifest = Manifest.model_validate(load_file(Path(path)))
    return WorkspaceSpec(
        people=[
            PersonSpec(name="ada", real_name="Ada Moreau", role="admin", title="Platform lead"),
            PersonSpec(name="ben", real_name="Ben Okafor", title="Engineer"),
            PersonSpec(name="gus", real_name="Gus Lind", role="guest"),
        ],
        channels=[ChannelSpec(name="ops", topic="Try the app here"), ChannelSpec(name="general", general=True)],
        apps=[AppSpec(manifest=manifest, request_url=request_url)],
    )


def _spec(arguments: argparse.Namespace) -> WorkspaceSpec:
    if arguments.workspace:
        return WorkspaceSpec.from_file(arguments.workspace)
    if arguments.manifest:
        return _small(arguments.manifest, arguments.request_url)
    raise ValueError("name a workspace file (--workspace) or an app manifest (--manifest)")


async def _run(arguments: argparse.Namespace) -> None:
    spec = _spec(arguments)
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
    for app in spec.apps:
        print(f"{app.name}: bot token {app.bot_token}, app token {app.app_token}, secret {app.signing_secret}")
    await serve(spec, port=arguments.port, file=arguments.file, limits=not arguments.no_limits)


def main() -> int:
    """Exit 0 when stopped, 2 when the workspace cannot be started."""
    try:
        asyncio.run(_run(_arguments()))
    except asyncio.CancelledError:
        return 0
    except (OSError, ValueError, ValidationError) as problem:
        print(f"the local Slack cannot start: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
