"""Apps that know nothing of this workspace, each in a process of its own, told by environment variables alone."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.ports import kept_port
from deploy.local.slack import AppSpec, ChannelSpec, Manifest, PersonSpec, SlackServer, Workspace, WorkspaceSpec

HERE = Path(__file__).parent
MANIFEST = json.loads((HERE / "manifest.json").read_text())
START_WITHIN = 30.0  # seconds
ENDED = "the app ended by itself; it said:\n"


@dataclass(frozen=True)
class Foreign:
    """One app at work: `slack` acts as any person, `server` is the workspace."""

    slack: Workspace
    server: SlackServer

    def id(self, name: str) -> str:
        """The id of a person or a channel."""
        found = self.server.state.person(name) or self.server.state.channel(name)
        assert found is not None, name
        return found.id


def program(language: str) -> list[str]:
    """How the app of that language is started."""
    if language == "python":
        return [sys.executable, str(HERE / "python" / "app.py")]
    node, folder = shutil.which("node"), HERE / "javascript"
    if node is None or not (folder / "node_modules" / "@slack" / "bolt").exists():
        pytest.skip("no node, or no @slack/bolt on this machine: npm ci --prefix tests/foreign/javascript")
    return [node, str(folder / "app.js")]


def spec(transport: str) -> WorkspaceSpec:
    """Two people, a channel for all, one that somebody may join."""
    manifest = Manifest.model_validate(MANIFEST)
    manifest.settings.socket_mode_enabled = transport == "socket"
    return WorkspaceSpec(
        people=[PersonSpec(name="ada", role="admin"), PersonSpec(name="bo")],
        channels=[ChannelSpec(name="lunch"), ChannelSpec(name="joinable", members=["ada"])],
        apps=[AppSpec(manifest=manifest)],
    )


@asynccontextmanager
async def running(language: str, transport: str) -> AsyncIterator[Foreign]:
    """The app of that language, reached over "http" or "socket"."""
    command = program(language)
    async with AsyncExitStack() as stack:
        server = SlackServer(spec(transport), limits=False)
        await server.start()
        stack.push_async_callback(server.stop)
        port = stack.enter_context(kept_port())
        app = server.app()
        secrets = {"SLACK_BOT_TOKEN": app.bot_token, "SLACK_API_URL": server.api_url}
        if transport == "socket":
            secrets["SLACK_APP_TOKEN"] = app.app_token
        else:
            secrets |= {"SLACK_SIGNING_SECRET": app.signing_secret, "PORT": str(port)}
            server.set_request_url(f"http://127.0.0.1:{port}/slack/events")
        process = await _start(command, secrets)
        stack.push_async_callback(_stop, process)
        foreign = Foreign(await stack.enter_async_context(server.workspace()), server)
        await _ready(foreign, process, transport)
        yield foreign


async def _start(command: list[str], secrets: dict[str, str]) -> asyncio.subprocess.Process:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    out = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command, env=kept | secrets, stdout=out, stderr=asyncio.subprocess.STDOUT
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def _ready(foreign: Foreign, process: asyncio.subprocess.Process, transport: str) -> None:
    """Until a socket is open, or Slack's challenge is answered."""
    async with asyncio.timeout(START_WITHIN):
        while True:
            if process.returncode is not None:
                raise RuntimeError(ENDED + (await process.communicate())[0].decode())
            if await (_has_socket(foreign) if transport == "socket" else foreign.slack.verify()):
                return
            await asyncio.sleep(0.05)


async def _has_socket(foreign: Foreign) -> bool:
    return bool((await foreign.slack.apps())[0]["sockets"])
