"""A workspace that is killed, without a word, and started again on its file has lost nothing that was answered."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.local.slack import Workspace
from tests.local_slack.bench import Recorder, button, modal, text_input, workspace_spec

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Workspace, AsyncWebClient]]:
    """The workspace as a process of its own; killed when this ends."""
    arguments = ["--workspace", str(folder / "workspace.json"), "--file", str(folder / "slack.db"), "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local.slack", *arguments, "--no-limits", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = b""
            while not line.startswith(b"local Slack on "):
                line = await process.stdout.readline()
        url = line.decode().split()[-1]
        async with Workspace(url) as slack:
            token = (await slack.apps())[0]["bot_token"]
            yield process, slack, AsyncWebClient(token=token, base_url=f"{url}/api/")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds the workspace as a file."""
    spec = workspace_spec()
    spec.apps[0].manifest.settings.event_subscriptions.bot_events = ["message.channels"]
    (tmp_path / "workspace.json").write_text(spec.model_dump_json())
    return tmp_path


async def seen(slack: Workspace, api: AsyncWebClient) -> dict[str, Any]:
    """Everything people and the app see, in one comparable piece."""
    ops = next(one["id"] for one in (await api.conversations_list())["channels"] if one["name"] == "ops")
    people = sorted((await api.users_list())["members"], key=lambda one: str(one["id"]))
    return {
        "messages": await slack.messages("ada", "ops"),
        "ephemerals": [{**one, "bot_profile": None} for one in await slack.ephemerals("ada")],
        "views": await slack.views("ada"),
        "home": await slack.home("ada"),
        "switches": await slack.switches(),
        "people": [(one["id"], one["name"], one["deleted"], one["is_bot"]) for one in people],
        "groups": (await api.usergroups_list(include_users=True, include_disabled=True))["usergroups"],
        "pins": (await api.pins_list(channel=ops))["items"],
        "bookmarks": (await api.bookmarks_list(channel_id=ops))["bookmarks"],
        "later": (await api.chat_scheduledMessages_list())["scheduled_messages"],
        "files": (await api.files_list())["files"],
        "apps": [(one["name"], one["bot_token"]) for one in await slack.apps()],
        "channel": (await api.conversations_info(channel=ops))["channel"],
        "canvas": (
            await api.canvases_sections_lookup(canvas_id=await _canvas(api), criteria={"contains_text": "k"})
        ).data,
    }


CANVAS = "a canvas that is kept"
_canvases: list[str] = []


async def _canvas(api: AsyncWebClient) -> str:
    if not _canvases:
        content = {"type": "markdown", "markdown": CANVAS}
        _canvases.append((await api.canvases_create(document_content=content))["canvas_id"])
    return _canvases[0]


def _bare(found: dict[str, Any], url: str) -> Any:
    """Without the port, which is another one after each start."""
    return json.loads(json.dumps(found).replace(url, "http://slack"))


async def test_nothing_that_was_answered_is_lost_by_a_kill(folder: Path, recorder: Recorder) -> None:
    _canvases.clear()
    async with running(folder) as (process, slack, api):
        await slack.set_app(request_url=recorder.url)
        before = _bare(await _filled(slack, api), slack.url)
        clock = await slack.move_clock(0)
        process.kill()
        await process.wait()
    async with running(folder) as (_, slack, api):
        assert _bare(await seen(slack, api), slack.url) == before
        assert await slack.move_clock(0) >= clock
        view = (await slack.views("ada"))[0]
        assert view["busy"] is False
        await api.views_update(view_id=view["id"], hash=view["hash"], view=modal("form", text_input("a", "A")))
        late = await slack.post("ada", "ops", "afterwards")
        assert late["ts"] > before["messages"][-1]["ts"]


async def _filled(slack: Workspace, api: AsyncWebClient) -> dict[str, Any]:
    """A workspace with something in every table."""
    row = {"type": "actions", "block_id": "row", "elements": [button("go", "Go")]}
    said = await slack.post("ada", "ops", "root")
    ops = said["channel"]
    card = await api.chat_postMessage(
        channel=ops, text="card", blocks=[row], metadata={"event_type": "run", "event_payload": {"id": 1}}
    )
    await api.chat_postMessage(channel=ops, thread_ts=said["ts"], text="reply")
    gone = await api.chat_postMessage(channel=ops, text="gone")
    await api.chat_delete(channel=ops, ts=gone["ts"])
    await api.chat_postEphemeral(channel=ops, user=said["user"], text="psst")
    await slack.react("bo", said, "eyes")
    await api.pins_add(channel=ops, timestamp=card["ts"])
    await api.bookmarks_add(channel_id=ops, title="Runbook", type="link", link="https://runs.example")
    await api.conversations_setTopic(channel=ops, topic="kept")
    await slack.upload("ada", "a.txt", "abc", "ops")
    await slack.set_person("bo", deactivated=True)
    await slack.set_person("new", real_name="New Person")
    await slack.set_group("dba", members=["ada", "new"])
    await slack.move_clock(7200)
    await slack.switches(trigger_words="guide")
    await api.chat_scheduleMessage(channel=ops, text="later", post_at=int(await slack.move_clock(0)) + 86400)
    await api.views_publish(user_id=said["user"], view={"type": "home", "blocks": [row]})
    pressed = await slack.click("ada", {**said, "ts": card["ts"]}, "Go")
    await api.views_open(trigger_id=pressed.trigger_id, view=modal("form", text_input("a", "A"), text_input("b", "B")))
    await slack.choose("ada", (await slack.views("ada"))[0], "a", "half typed")
    team = json.dumps({"display_information": {"name": "Second"}})
    config = workspace_spec().team.config_token
    await api.api_call("apps.manifest.create", params={"token": config, "manifest": team})
    return await seen(slack, api)


async def test_events_and_later_messages_that_were_due_come_after_the_restart(folder: Path, recorder: Recorder) -> None:
    async with running(folder) as (process, slack, api):
        said = await slack.post("ada", "ops", "while nobody listened")  # no request URL: it is to be tried again
        at = int(await slack.move_clock(0)) + 120
        await api.chat_scheduleMessage(channel=said["channel"], text="on time", post_at=at)
        await slack.wait_for_log(lambda: _tried(slack, 2))
        await slack.set_app(request_url=recorder.url)
        process.kill()
        await process.wait()
    async with running(folder) as (_, slack, _api):
        await slack.move_clock(121)
        await slack.wait_for_message("ada", "ops", text="on time")
        await recorder.count(2)
    heard = {json.loads(body)["event"]["text"]: headers for headers, body in recorder.requests}
    assert set(heard) == {"while nobody listened", "on time"}
    assert heard["while nobody listened"]["x-slack-retry-num"] == "2"


async def _tried(slack: Workspace, times: int) -> bool:
    return len([one for one in await slack.log(kind="delivery", name="message") if one["result"]]) >= times
