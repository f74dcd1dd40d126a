"""`make run`: for a stranger, Ctrl-C at once, beside tokens of a real workspace, and with them by `SLACK=real`."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from deploy.local.slack import SlackServer, Workspace
from deploy.local.stage import COMPANY, workspace
from tests.databases import ROOT, SessionServer
from tests.docs.workspace import clean
from tests.integration.certificates import Authority
from tests.support.stranger import NoPython, cloned
from tests.support.wires import behind_tls, tunnelling

WITHIN = 60.0
LIES_ABOUT = "xoxb-of-a-real-workspace"


class Started:
    """What `make run` starts, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.said = process, ""

    async def until(self, words: str) -> str:
        """What it has said once it says these words, or has ended."""
        assert self.process.stdout
        async with asyncio.timeout(WITHIN):
            while words not in self.said and (line := await self.process.stdout.readline()):
                self.said += line.decode()
        return self.said


@asynccontextmanager
async def made(*arguments: str, **environ: str) -> AsyncIterator[Started]:
    """Ended by Ctrl-C."""
    with closing(SessionServer()) as place:
        command = (sys.executable, "-m", "deploy.local", "--home", str(place.home), *arguments)
        async with typed(*command, cwd=ROOT, **environ) as started:
            yield started


@asynccontextmanager
async def typed(*command: str, cwd: Path, **environ: str) -> AsyncIterator[Started]:
    """Ended by Ctrl-C."""
    outside = {name: value for name, value in clean().items() if not name.startswith("DATABASE_URL")}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env={**outside, **environ}, start_new_session=True,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    started = Started(process)
    try:
        yield started
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)  # a terminal tells the children too
        async with asyncio.timeout(WITHIN):
            started.said += (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)


async def test_a_stranger_without_network_has_a_company_and_a_token_that_lies_about_changes_nothing() -> None:
    """As an ordinary user, in a path with spaces; the first backup went through bot, Slack, database and vault."""
    with closing(SessionServer()) as place:
        try:
            clone = await asyncio.to_thread(cloned, place.home)
        except NoPython as lack:
            pytest.skip(str(lack))
        (place.home / "postgres").symlink_to(clone.folder / ".local" / "postgres")  # for the guard
        (place.home / "app").write_text("xapp-of-a-real-workspace")
        tokens = {"SLACK_BOT_TOKEN": LIES_ABOUT, "SLACK_APP_TOKEN_FILE": str(place.home / "app")}
        own = {"HOME": str(clone.folder)}
        async with typed(*clone.prefix, "make", "run", cwd=clone.folder, **tokens, **own) as started:
            said = await started.until("The bot is process")
            assert "Not used here: SLACK_BOT_TOKEN, SLACK_APP_TOKEN_FILE. `make run SLACK=real` uses them." in said
            assert re.search(r"Open  http://127\.0\.0\.1:\d+/", said)
            assert "Type there" in said
            bot = re.search(r"The bot is process (\d+)", said)
            assert bot, said
            process = Path(f"/proc/{bot[1]}")
            if process.exists():
                assert process.stat().st_uid == clone.uid
                assert LIES_ABOUT not in (process / "environ").read_text()
        assert "Traceback" not in started.said
        assert not process.exists()
        assert not (clone.folder / ".local" / "postgres" / "data" / "postmaster.pid").exists()
        if not clone.offline:
            pytest.skip("network namespaces are not permitted on this machine: all but offline was shown")


async def test_ctrl_c_during_the_first_backup_does_not_wait_for_it() -> None:
    async with made() as started:
        said = await started.until("A first backup")
        page = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert page, said
        async with Workspace(page[0]) as slack:
            assert await slack.cut_sockets() == 1, "the sockets that README tells people to cut"
            await slack.wait_for_log(lambda: _socket(slack))
    assert started.process.returncode == 0
    assert "Type there" not in started.said
    assert "starts again" not in started.said


@pytest.fixture
async def elsewhere() -> AsyncIterator[SlackServer]:
    """A workspace that stands for a real one: another process than the bot's, with tokens and people of its own."""
    server = SlackServer(workspace("socket"))
    await server.start()
    yield server
    await server.stop()


def tokens(server: SlackServer) -> Mapping[str, str]:
    app = server.app()
    return {"SLACK_BOT_TOKEN": app.bot_token, "SLACK_APP_TOKEN": app.app_token, "TANDEM_CONFIG": str(COMPANY)}


async def test_slack_real_uses_the_environments_workspace_and_brings_the_rest(
    elsewhere: SlackServer, tmp_path: Path
) -> None:
    """By Socket Mode, through a proxy, and to a server whose certificate only SSL_CERT_FILE makes good."""
    authority = Authority(tmp_path)
    port = int(elsewhere.url.rpartition(":")[2])
    async with (
        Workspace(elsewhere.url) as slack,
        tunnelling() as tunnel,
        behind_tls(authority.server(60), port) as shown,
    ):
        elsewhere.core.base_url = f"https://127.0.0.1:{shown}"
        own = {"SLACK_API_URL": elsewhere.api_url, "SSL_CERT_FILE": str(authority.ca_file), "HTTPS_PROXY": tunnel.url}
        async with made("--slack", "real", **tokens(elsewhere), **own) as started:
            said = await started.until("Ctrl-C")
            assert "The bot is in your Slack workspace" in said
            assert "Open" not in said
            await slack.wait_for_log(lambda: _socket(slack))
            await slack.command("ana", "incidents", "/ops db backups shop")
            assert await slack.wait_for_message("ana", "incidents", text="lack a fresh backup")
        assert started.process.returncode == 0
    assert set(tunnel.asked) == {f"127.0.0.1:{shown}"}


async def _socket(slack: Workspace) -> bool | None:
    """Whether the bot has opened its socket."""
    return any(app["sockets"] for app in await slack.apps()) or None


@pytest.mark.prove
async def test_slack_real_without_a_token_says_which_and_ends() -> None:
    async with made("--slack", "real", TANDEM_CONFIG=str(COMPANY)) as started:
        said = await started.until("SLACK_BOT_TOKEN is not set")
        await started.process.wait()
    assert "SLACK_BOT_TOKEN is not set" in said
    assert "Traceback" not in said
    assert started.process.returncode == 1


@pytest.mark.prove
async def test_slack_real_without_config_says_how_to_begin(tmp_path: Path) -> None:
    async with made("--slack", "real", TANDEM_CONFIG=str(tmp_path / "none"), SLACK_BOT_TOKEN="xoxb-1") as started:
        said = await started.until("python -m bot init")
        await started.process.wait()
    assert "there is no such folder" in said
    assert started.process.returncode == 1
