"""What a workspace that runs for long holds stays bounded, and what is dropped answers as what never was."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from deploy.local.slack import log, posting, rates
from deploy.local.slack.interactions import modals
from deploy.local.slack.state.contents import InMemory
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


async def share(bench: Bench, name: str, content: str) -> tuple[str, str]:
    """A person's file in #ops: its id, and where they read it."""
    file = await bench.slack.upload("ada", name, content, "ops")
    return file, address(bench, file)


def address(bench: Bench, file: str) -> str:
    team = bench.server.state.team.id
    return f"{bench.server.url}/files-pri/{team}-{file}/{file}?as={bench.id('ada')}"


async def read(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.text()


async def test_in_memory_the_oldest_files_make_room_and_stay_listed(bench: Bench) -> None:
    bench.server.state.contents = InMemory(most=10)
    old, old_at = await share(bench, "old.txt", "12345678")
    new, new_at = await share(bench, "new.txt", "12345")
    assert (await read(old_at), await read(new_at)) == (
        (410, "the bytes of this file are no longer kept"),
        (200, "12345"),
    )
    listed = {one["id"]: one["mode"] for one in (await bench.api.files_list())["files"]}
    assert listed == {old: "hidden_by_limit", new: "hosted"}
    big, big_at = await share(bench, "big.txt", "more than all that there is room for")
    assert [(await read(one))[0] for one in (new_at, big_at)] == [410, 200], "the newest is there, whatever its size"
    said = {one["files"][0]["id"]: one["files"][0]["mode"] for one in await bench.slack.messages("ada", "ops")}
    assert said == {old: "hidden_by_limit", new: "hidden_by_limit", big: "hosted"}


async def test_in_a_file_the_bytes_lie_beside_the_records_and_go_when_the_file_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "slack.db"
    async with Bench(file=path) as bench:
        kept, _ = await share(bench, "a.txt", "from before")
        gone = await bench.api.files_upload_v2(channel=bench.id("ops"), filename="b.txt", content="to be deleted")
        await bench.api.files_delete(file=gone["file"]["id"])
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT file, bytes FROM content").fetchall() == [(kept, b"from before")]
        (body,) = db.execute("SELECT body FROM record WHERE key = ?", (f"file:{kept}",)).fetchone()
        assert b64encode(b"from before").decode() not in body
    async with Bench(file=path) as bench:
        assert await read(address(bench, kept)) == (200, "from before")


async def test_a_file_whose_bytes_lay_in_its_record_has_them_still(tmp_path: Path) -> None:
    """As workspaces were kept before."""
    path = tmp_path / "slack.db"
    async with Bench(file=path) as bench:
        kept, _ = await share(bench, "a.txt", "from before")
    with sqlite3.connect(path) as db:
        (body,) = db.execute("SELECT body FROM record WHERE key = ?", (f"file:{kept}",)).fetchone()
        record = json.loads(body) | {"content": b64encode(b"from before").decode()}
        del record["kept"]
        db.execute("UPDATE record SET body = ? WHERE key = ?", (json.dumps(record), f"file:{kept}"))
        db.execute("DROP TABLE content")
    db.close()
    for _ in range(2):
        async with Bench(file=path) as bench:
            assert await read(address(bench, kept)) == (200, "from before")


def test_a_limit_that_is_full_again_is_forgotten_and_one_that_is_used_is_not() -> None:
    counted = rates.Rates()
    counted.retry_after("A1", "chat.update", "3", "", 0.0)
    for number in range(3 * rates.KEPT):
        counted.retry_after("A1", "chat.postMessage", "special", f"C{number}", float(number))
    assert len(counted._buckets) <= rates.KEPT
    now = 3.0 * rates.KEPT
    waits = [counted.retry_after("A1", "chat.update", "3", "", now) for _ in range(51)]
    assert (waits[0], waits[49]) == (0, 0)
    assert waits[50] > 0
    for number in range(rates.KEPT):
        counted.retry_after("A1", "chat.postMessage", "special", f"D{number}", now)
    assert counted.retry_after("A1", "chat.update", "3", "", now) > 0, "it was in use when others were forgotten"
