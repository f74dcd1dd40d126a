"""What an open page is told: what is new, and that it missed something when more happened than is kept."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from deploy.local.slack.state import store
from tests.local_slack.bench import Bench


async def first_news(bench: Bench, since: int) -> dict[str, Any]:
    """The first that bo's page is told after version `since`."""
    url = f"{bench.server.url}/control/live?as=bo&since={since}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as page:
        news: dict[str, Any] = await page.receive_json(timeout=10)
        return news


def said(news: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(one["message"]["text"], one["new"]) for one in news["changes"] if one["kind"] == "message"]


async def test_only_what_was_just_said_is_new_also_when_it_was_edited_since(bench: Bench) -> None:
    ops = next(one.id for one in bench.server.state.channels.values() if one.name == "ops")
    await bench.api.chat_postMessage(channel=ops, text="root")
    before = bench.server.state.version
    root = (await bench.slack.messages("ada", "ops"))[-1]
    await bench.slack.post("ada", "ops", "reply", thread_ts=root["ts"])
    assert said(await first_news(bench, before)) == [("reply", True), ("root", False)]
    before = bench.server.state.version
    await bench.api.chat_update(channel=ops, ts=root["ts"], text="root, edited")
    assert said(await first_news(bench, before)) == [("root, edited", False)]
    before = bench.server.state.version
    card = await bench.api.chat_postMessage(channel=ops, text="card")
    await bench.api.chat_update(channel=ops, ts=card["ts"], text="card, further")
    assert said(await first_news(bench, before)) == [("card, further", True)]
    before = bench.server.state.version
    bo = next(one.id for one in bench.server.state.people.values() if one.name == "bo")
    await bench.api.chat_postEphemeral(channel=ops, user=bo, text="hush")
    [hush] = (await first_news(bench, before))["changes"]
    assert (hush["kind"], hush["new"]) == ("ephemeral", True)


async def test_who_missed_more_than_is_kept_is_told_to_read_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_CHANGES", 8)
    await bench.slack.post("ada", "ops", "long ago")
    before = bench.server.state.version
    for number in range(8):
        await bench.slack.post("ada", "ops", f"line {number}")
    whole = await first_news(bench, before)
    assert ([text for text, _ in said(whole)], whole["anew"]) == ([f"line {number}" for number in range(8)], False)
    await bench.slack.post("ada", "ops", "one too many")
    missed = await first_news(bench, before)
    assert (missed["changes"], missed["anew"]) == ([], True)
    assert (await first_news(bench, before + 1))["anew"] is False


async def test_calls_push_no_message_out_of_what_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_CHANGES", 8)
    await bench.slack.post("ada", "ops", "long ago")
    before = bench.server.state.version
    await bench.slack.post("ada", "ops", "kept")
    for _ in range(10):
        await bench.api.api_test()
    news = await first_news(bench, before)
    assert (said(news), news["anew"]) == ([("kept", True)], False)
    _, changes = await bench.slack.changes(before, 0)
    assert [one["kind"] for one in changes].count("log") >= 20
