"""The server itself: the loopback guard, the file behind it, the change feed, and reading a manifest."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from deploy.local.slack import Clock, Manifest, SlackServer, Workspace, WorkspaceSpec
from deploy.local.slack.client import ControlRefused
from tests.local_slack.bench import Bench, modal, text_input, workspace_spec


async def status(url: str, method: str = "POST", **more: Any) -> int:
    """The status of one request."""
    async with aiohttp.ClientSession() as session, session.request(method, url, **more) as answer:
        return answer.status


async def test_only_loopback_names_and_its_own_page_are_answered(bench: Bench) -> None:
    url = f"{bench.server.url}/control/first"
    port = bench.server.url.rpartition(":")[2]
    assert await status(url, json={}) == 200
    assert await status(url, json={}, headers={"Host": f"localhost:{port}"}) == 200
    assert await status(url, json={}, headers={"Host": "slack.example"}) == 403
    assert await status(url, json={}, headers={"Origin": "https://evil.example"}) == 403
    assert await status(url, json={}, headers={"Origin": bench.server.url}) == 200
    assert await status(url, data="{}", headers={"Content-Type": "text/plain"}) == 415
    assert await status(f"{bench.server.url}/api/api.test", headers={"Host": "slack.example"}) == 403
    assert await status(f"{bench.server.url}/control/live?as=ada", "GET", headers={"Origin": "http://a.example"}) == 403


async def test_it_refuses_to_listen_beyond_loopback() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        await SlackServer(workspace_spec()).start(host="0.0.0.0")


PATHS = [
    ("GET", "/"), ("GET", "/page/main.js"), ("POST", "/control/first"), ("GET", "/control/live?as=ada"),
    ("POST", "/api/auth.test"), ("GET", "/link/"), ("GET", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1.evil.example", "localhost.evil.example", "evil.example", "127.0.0.2", "["])
async def test_a_name_that_only_leads_to_loopback_is_not_answered_on_any_path(bench: Bench, host: str) -> None:
    """DNS may be made to point anywhere; the browser still sends the name that was typed."""
    port = bench.server.url.rpartition(":")[2]
    for method, path in PATHS:
        for said in (host, f"{host}:{port}"):
            assert await status(f"{bench.server.url}{path}", method, headers={"Host": said}) in (400, 403), (path, said)


@pytest.mark.parametrize(
    "origin", ["null", "http://127.0.0.1:1", "https://127.0.0.1", "http://localhost.evil.example", ""]
)
async def test_another_pages_script_is_not_answered(bench: Bench, origin: str) -> None:
    for path in ("/control/first", "/api/auth.test"):
        assert await status(f"{bench.server.url}{path}", json={}, headers={"Origin": origin}) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_pages_picture_or_link_is_not_answered(bench: Bench, site: str) -> None:
    """What a page only shows or links to carries no Origin; the browser still says from where it was asked for."""
    for method, path in (*PATHS, ("GET", "/api/api.test")):
        headers = {"Sec-Fetch-Site": site}
        assert await status(f"{bench.server.url}{path}", method, headers=headers) == 403, path
    followed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert await status(f"{bench.server.url}/?as=ada", "GET", headers=followed) == 200
    assert await status(f"{bench.server.url}/api/auth.test", "GET", headers=followed) == 403
    for own in ("same-origin", "none"):
        assert await status(f"{bench.server.url}/", "GET", headers={"Sec-Fetch-Site": own}) == 200


async def test_an_address_alone_acts_for_nobody(bench: Bench) -> None:
    """A token is taken from the header or a form: an address is what pages, histories and logs hold."""
    url, token = f"{bench.server.api_url}auth.test", bench.server.app().bot_token
    async with aiohttp.ClientSession() as session:
        for method, body in (("GET", {}), ("POST", {}), ("POST", {"json": {}}), ("POST", {"json": {"token": token}})):
            async with session.request(method, url, params={"token": token}, **body) as answer:
                assert (await answer.json())["error"] == "not_authed"
        async with session.post(url, data={"token": token}) as answer:
            assert (await answer.json())["ok"] is True


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN_FILE"])
async def test_it_never_starts_beside_a_real_token(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "xoxb-of-a-real-workspace")
    server = SlackServer(workspace_spec())
    with pytest.raises(ValueError, match=f"{name} is set: .*; unset it") as refused:
        await server.start()
    assert "xoxb-of-a-real" not in str(refused.value)
    assert server.url == ""
    monkeypatch.setenv(name, SlackServer(workspace_spec()).app().bot_token)
    await server.start()
    await server.stop()


async def test_a_restart_from_a_file_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "slack.db"
    async with Bench(file=file) as bench:

        @bench.bolt.command("/ops")
        async def ops(ack):
            await ack("private word")

        ran = await bench.slack.command("ada", "ops", "/ops x")
        view = modal("form", text_input("a", "A"))
        opened = (await bench.api.views_open(trigger_id=ran.trigger_id, view=view))["view"]
        said = await bench.slack.post("ada", "ops", "kept")
        await bench.slack.post("bo", "ops", "reply", thread_ts=said["ts"])
        gone = await bench.slack.post("ada", "ops", "gone")
        await bench.slack.delete_message("ada", "ops", gone["ts"])
        await bench.slack.set_person("bo", deactivated=True)
        await bench.slack.set_group("dba", members=[])
    async with Bench(file=file) as again:
        assert [one["text"] for one in await again.slack.messages("ada", "ops")] == ["kept"]
        thread = await again.slack.thread("ada", "ops", said["ts"])
        assert [one["text"] for one in thread] == ["kept", "reply"]
        assert [one["text"] for one in await again.slack.ephemerals("ada")] == ["private word"]
        still = await again.slack.view("ada")
        assert still is not None
        assert still["id"] == opened["id"]
        person, group = again.server.state.person("bo"), again.server.state.group("dba")
        assert person is not None
        assert group is not None
        assert (person.deactivated, group.members) == (True, [])
        assert (await again.slack.post("ada", "ops", "later"))["ts"] > said["ts"]


async def test_a_killed_workspace_keeps_what_was_answered(tmp_path: Path) -> None:
    file = tmp_path / "slack.db"
    first = SlackServer(workspace_spec(), file=file)
    await first.start()
    async with Workspace(first.url) as slack:
        await slack.post("ada", "ops", "answered")
        async with Bench(file=file) as second:
            assert [one["text"] for one in await second.slack.messages("ada", "ops")] == ["answered"]
    await first.stop()


async def test_waiting_ends_with_the_change_and_says_what_did_not_come(bench: Bench) -> None:
    waiting = asyncio.create_task(bench.slack.wait_for_message("bo", "ops", text="news"))
    await bench.slack.post("ada", "ops", "no")
    await bench.slack.post("ada", "ops", "the news")
    assert (await waiting)["text"] == "the news"
    with pytest.raises(TimeoutError, match="message with 'never'"):
        await bench.slack.wait_for_message("bo", "ops", text="never", seconds=0.05)


async def test_control_refusals_say_what_there_is(bench: Bench) -> None:
    with pytest.raises(ControlRefused, match="there are: ada, bo, dee, gus, ola"):
        await bench.slack.post("zoe", "ops", "x")
    with pytest.raises(ControlRefused, match="deactivated and cannot act"):
        await bench.slack.post("dee", "ops", "x")
    with pytest.raises(ControlRefused, match="sees no channel"):
        await bench.slack.post("ada", "hidden", "x")
    with pytest.raises(ControlRefused, match="is not in #elsewhere"):
        await bench.slack.command("ada", "elsewhere", "/ops x")


async def test_a_clock_wakes_its_sleepers_when_it_is_moved() -> None:
    clock = Clock()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.wait({sleeper}, timeout=0.01)
    assert not sleeper.done()
    clock.advance(3601)
    await asyncio.wait_for(sleeper, 1)
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(-1)


async def test_a_workspace_is_read_from_a_file_with_its_manifest_beside_it(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"display_information": {"name": "Filed"}}))
    text = "people:\n  - name: ada\nchannels:\n  - name: ops\napps:\n  - manifest: app.json\n"
    (tmp_path / "workspace.yaml").write_text(text)
    spec = WorkspaceSpec.from_file(tmp_path / "workspace.yaml")
    assert (spec.apps[0].name, spec.people[0].name) == ("Filed", "ada")


async def test_it_runs_from_the_command_line_around_a_manifest_and_stops_when_told(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"display_information": {"name": "Cli"}}))
    root = Path(__file__).parents[2]
    arguments = ["-m", "deploy.local.slack", "--manifest", str(tmp_path / "app.json"), "--port", "0"]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=root, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = b""
        while not line.startswith(b"local Slack on "):
            line = await process.stdout.readline()
        async with Workspace(line.decode().split()[-1]) as slack:
            assert (await slack.apps())[0]["name"] == "Cli"
        process.terminate()
        assert await process.wait() == 0


def test_a_manifest_slack_would_refuse_is_refused() -> None:
    for command in ("/" + "x" * 32, "ops", "/Ops"):
        with pytest.raises(ValidationError):
            Manifest.model_validate({"features": {"slash_commands": [{"command": command}]}})
    with pytest.raises(ValidationError):
        WorkspaceSpec.from_dict({"peple": []})


async def test_a_page_that_leaves_while_it_is_told_something_leaves_no_task_behind(bench: Bench) -> None:
    loop, complaints = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(str(context.get("message"))))
    ada = await bench.slack.post("ada", "ops", "first")
    async with aiohttp.ClientSession() as session:
        for moment in range(8):  # the page leaves so many turns of the loop after something happened
            page = await session.ws_connect(f"{bench.server.url}/control/live?as=ada")
            told = asyncio.ensure_future(bench.slack.react("ada", ada, "eyes", remove=bool(moment % 2)))
            for _ in range(moment):
                await asyncio.wait({told}, timeout=0)
            await page.close()
            await told
            gc.collect()
    assert complaints == []
