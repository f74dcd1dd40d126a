"""What a workspace that runs for long holds stays bounded, and what is dropped answers as what never was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError

from deploy.local.slack import log, posting
from deploy.local.slack.interactions import modals
from tests.local_slack.bench import Bench, modal, plain, text_input


async def test_of_old_calls_the_bodies_go_and_the_rest_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "KEPT_WHOLE", 4)
    said = await bench.api.chat_postMessage(channel=bench.id("ops"), text="first")
    for _ in range(5):
        await bench.api.api_test()
    first, *_, last = await bench.slack.log(kind="api")
    assert (first["name"], first["result"], first["request"], first["answer"]) == ("chat.postMessage", "ok", None, None)
    assert last["answer"] == {"ok": True, "args": {}}
    traced = await bench.slack.ask("trace", channel="ops", ts=said["ts"], **{"as": "ada"})
    assert traced["entries"] == []


async def test_triggers_and_response_urls_go_with_their_time_also_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "slack.db"
    async with Bench(file=file) as bench:

        @bench.bolt.command("/ops")
        async def ops(ack):
            await ack()

        early = await bench.slack.command("ada", "ops", "/ops x")
        await bench.slack.move_clock(9 * 60)
        await bench.slack.command("ada", "ops", "/ops x")
        view = modal("form", text_input("a", "A"))
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await bench.api.views_open(trigger_id=early.trigger_id, view=view)
        await bench.slack.move_clock(2 * 60)
        await bench.slack.command("ada", "ops", "/ops x")
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            await bench.api.views_open(trigger_id=early.trigger_id, view=view)
        assert len(bench.server.state.response_urls) == 3
        await bench.slack.move_clock(31 * 60)
        await bench.slack.command("ada", "ops", "/ops x")
        assert (len(bench.server.state.triggers), len(bench.server.state.response_urls)) == (1, 1)
    with sqlite3.connect(file) as kept:
        tables = [key.partition(":")[0] for (key,) in kept.execute("SELECT key FROM record")]
    assert (tables.count("trigger"), tables.count("response_url")) == (1, 1)


async def test_a_person_keeps_the_newest_of_what_only_they_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "EPHEMERALS_KEPT", 3)
    async with Bench(file=tmp_path / "slack.db") as bench:
        for number in range(5):
            await bench.api.chat_postEphemeral(channel=bench.id("ops"), user=bench.id("ada"), text=f"n{number}")
        assert [one["text"] for one in await bench.slack.ephemerals("ada")] == ["n2", "n3", "n4"]
    async with Bench(file=tmp_path / "slack.db") as again:
        assert [one["text"] for one in await again.slack.ephemerals("ada")] == ["n2", "n3", "n4"]


@pytest.mark.parametrize("way", ["closed", "another", "app gone"])
async def test_what_was_offered_on_a_view_goes_with_it(bench: Bench, way: str) -> None:
    @bench.bolt.options("target")
    async def targets(ack):
        await ack(options=[{"text": plain("shop"), "value": "shop"}])

    select = {"type": "external_select", "action_id": "target", "min_query_length": 1}
    block = {"type": "input", "block_id": "target", "label": plain("Target"), "element": select}
    core, app = bench.server.core, bench.server.state.app()
    data = modal("form", block)
    trigger = bench.server.state.triggers[core.trigger(app, bench.id("ada"))]
    view = modals.open_modal(core, app, trigger, data)
    await bench.slack.suggest("ada", {"id": view.id}, "target", "s")
    assert list(core.offered) == [view.id]
    if way == "closed":
        modals.close(core, view)
    elif way == "another":
        modals.open_modal(core, app, trigger, data)
    else:
        modals.close_all_of(core, app)
    assert core.offered == {}
