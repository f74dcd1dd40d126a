"""Metrics against a real ledger, a real Slack workspace and a scrape: what is counted, and by which names only."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from bot.metrics import CountedClient, CountedLedger, Metrics, TimedDoors
from bot.model import State
from bot.store.figures import Figures
from bot.store.pool import NotRecorded, open_pool
from bot.web import Site
from deploy.local.slack import SlackServer
from tests.scenario.door import workspace
from tests.support.factory import working
from tests.support.plugin import Home

Sample = tuple[str, tuple[tuple[str, str], ...]]


async def scraped(metrics: Metrics) -> dict[Sample, float]:
    """What Prometheus would keep: every sample by its name and labels."""
    site = Site(AsyncApp(token="xoxb-1", signing_secret="x"), ready=_ready, host="127.0.0.1", registry=metrics.registry)
    await site.start(0, 0)
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{site.metrics_address}/metrics") as answer:
            text = await answer.text()
    finally:
        await site.stop()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def _ready() -> None:
    return None


def sample(name: str, **labels: str) -> Sample:
    return name, tuple(sorted(labels.items()))


async def test_runs_their_ends_and_how_long_things_took_are_added_up_by_the_database(
    home: Home, tmp_path: Path
) -> None:
    metrics, figures = Metrics(), Figures(home.pool)
    await metrics.look(figures, settled=0)
    async with working(home, tmp_path) as factory:
        for _ in range(2):
            await factory.end(await factory.ask("plain"))
        factory.folder.put("order.a", "permanent")
        await factory.end(await factory.ask("plain"))
    await metrics.look(figures, settled=0)
    found = await scraped(metrics)
    asked = sample("tandem_runs_asked_total", command="test write", via="test")
    succeeded = sample("tandem_runs_ended_total", command="test write", state="succeeded")
    assert found[asked] == 3
    assert found[succeeded] == 2
    ends = {dict(labels)["state"]: n for (name, labels), n in found.items() if name == "tandem_runs_ended_total"}
    assert sum(ends.values()) == 3
    assert found[sample("tandem_step_seconds_count", command="test write", mark="done")] >= 6
    assert found[sample("tandem_step_seconds_count", command="test write", mark="failed")] == 1
    assert found[sample("tandem_planning_seconds_count", command="test write", state="queued")] == 3
    last = sample("tandem_step_seconds_bucket", command="test write", mark="done", le="+Inf")
    assert found[last] == found[sample("tandem_step_seconds_count", command="test write", mark="done")]
    assert 0 < found[sample("tandem_step_seconds_sum", command="test write", mark="done")] < 60

    await metrics.look(figures, settled=0)
    again = await scraped(metrics)
    assert (again[asked], again[succeeded]) == (3, 2), "each event is counted once"


async def test_what_waits_and_what_is_in_doubt_is_a_gauge_with_the_age_of_the_oldest(
    home: Home, tmp_path: Path
) -> None:
    metrics, figures = Metrics(), Figures(home.pool)
    await metrics.look(figures, settled=0)
    async with working(home, tmp_path) as factory:
        factory.folder.put("order.m", "explode")
        doubtful = await factory.ask("mail")
        await factory.state(doubtful, State.IN_DOUBT)
    await factory.story.proposed("ana", "test destroy")  # by the test, so no worker that could be there first
    await home.move_clock(timedelta(minutes=5))
    await metrics.look(figures, settled=0)
    found = await scraped(metrics)
    assert found[sample("tandem_runs_live", state="in_doubt")] == 1
    assert found[sample("tandem_runs_live", state="awaiting_approval")] == 1
    assert found[sample("tandem_runs_live", state="running")] == 0
    for name in ("tandem_oldest_awaiting_seconds", "tandem_oldest_in_doubt_seconds", "tandem_poster_lag_seconds"):
        assert 300 <= found[sample(name)] < 360, name


async def test_claims_and_lost_leases_are_counted_where_they_happen(home: Home, tmp_path: Path) -> None:
    metrics = Metrics()
    async with working(home, tmp_path) as factory:
        factory.worker.ledger = CountedLedger(home.pool, metrics)
        await factory.worker.ready.wait()
        await factory.end(await factory.ask("plain"))
        assert (await scraped(metrics))[sample("tandem_claims_total")] >= 1
        for expected in (0, 1):
            await home.own.execute("DELETE FROM workers")
            await _until(metrics, sample("tandem_leases_lost_total"), expected)


async def _until(metrics: Metrics, what: Sample, at_least: float) -> None:
    async with asyncio.timeout(15):
        while (await scraped(metrics))[what] < at_least:  # noqa: ASYNC110  each look is a scrape of its own
            await asyncio.sleep(0.02)


async def test_a_doors_verb_is_timed_with_the_code_of_its_answer(home: Home) -> None:
    metrics = Metrics()
    doors = TimedDoors(home.pool, metrics)
    word = {"run": 99, "team": "T0TEST", "user": "U0ANA"}
    assert (await doors.say({**word, "verb": "cancel"}))["code"] == "no_run"
    pool = await open_pool(f"{home.bot}?lock_timeout=50ms", size=1)
    try:
        async with home.own.acquire() as conn, conn.transaction():
            await conn.execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(NotRecorded):
                await TimedDoors(pool, metrics).answer({**word, "question": 1, "choice": "stop"})
    finally:
        await pool.close()
    found = await scraped(metrics)
    assert found[sample("tandem_verb_seconds_count", verb="say", code="no_run")] == 1
    codes = {dict(labels)["code"] for (name, labels) in found if name == "tandem_verb_seconds_count"}
    assert codes == {"no_run", "not_recorded"}


async def test_what_slack_refuses_is_counted_by_method_and_code() -> None:
    metrics = Metrics()
    server = SlackServer(workspace(socket=False), limits=False)
    await server.start()
    try:
        client = CountedClient(metrics, token=server.app().bot_token, base_url=server.api_url)
        await client.auth_test()
        with pytest.raises(SlackApiError):
            await client.conversations_info(channel="C0NOWHERE")
        await server.workspace().fault("chat.postMessage", "ratelimited", seconds=7)
        with pytest.raises(SlackApiError):
            await client.chat_postMessage(channel="C0NOWHERE", text="x")
    finally:
        await server.stop()
    nowhere = CountedClient(metrics, token="xoxb-1", base_url="http://127.0.0.1:1/api/")
    with pytest.raises(aiohttp.ClientConnectorError):
        await nowhere.auth_test()
    found = await scraped(metrics)
    refused = {labels: n for (name, labels), n in found.items() if name == "tandem_slack_errors_total"}
    assert refused == {
        (("code", "channel_not_found"), ("method", "conversations.info")): 1,
        (("code", "ratelimited"), ("method", "chat.postMessage")): 1,
        (("code", "no_answer"), ("method", "auth.test")): 1,
    }


async def test_an_answer_to_slack_is_timed_by_its_kind_and_status_and_never_by_what_was_typed() -> None:
    metrics = Metrics()
    app = AsyncApp(token="xoxb-1", signing_secret="x", request_verification_enabled=False, process_before_response=True)
    metrics.time_acks(app)
    for body in ("command=%2Fops&text=s3cret", "payload=%7B%22type%22%3A%22s3cret%22%7D"):
        headers: dict[str, str | Sequence[str]] = {"content-type": "application/x-www-form-urlencoded"}
        await app.async_dispatch(AsyncBoltRequest(body=body, headers=headers))
    found = await scraped(metrics)
    kinds = {dict(labels)["kind"] for (name, labels) in found if name == "tandem_ack_seconds_count"}
    assert kinds == {"command", "other"}
    assert "s3cret" not in str(found)
