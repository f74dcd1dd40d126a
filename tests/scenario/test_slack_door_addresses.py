"""The bot's addresses: what answers whom, and what is not there."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.web import Site
from tests.scenario.door import Bot
from tests.support.plugin import Home


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_an_unsigned_or_wrongly_signed_payload_is_refused(
    home: Home, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with Bot(home, tmp_path) as bot:
        url, body = f"{bot.site.address}/slack/events", "command=%2Ftest&text=look&user_id=U0ANA&team_id=T0TEST"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        signed = SignatureVerifier("not the secret").generate_signature(timestamp="1", body=body)
        for headers in (form, {**form, "X-Slack-Signature": str(signed), "X-Slack-Request-Timestamp": "1"}):
            async with http.post(url, data=body, headers=headers) as answer:
                assert answer.status == 401
        assert await bot.asked() == 0


async def test_in_socket_mode_no_payload_is_taken_over_http(
    home: Home, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with (
        Bot(home, tmp_path, socket=True) as bot,
        http.post(f"{bot.site.address}/slack/events", data="command=%2Ftest") as answer,
    ):
        assert answer.status == 404


@pytest.mark.parametrize(("why", "status"), [(None, 200), ("the engine has no lease", 503)])
async def test_readiness_says_why_not_and_life_goes_on(
    http: aiohttp.ClientSession, why: str | None, status: int
) -> None:
    async def ready() -> str | None:
        return why

    site = Site(AsyncApp(signing_secret="s", token="xoxb-x"), ready=ready, host="127.0.0.1")
    await site.start(0)
    try:
        async with http.get(f"{site.address}/readyz") as answer:
            assert (answer.status, (await answer.text()).strip()) == (status, why or "ready")
        async with http.get(f"{site.address}/healthz") as answer:
            assert answer.status == 200
        async with http.get(f"{site.address}/metrics") as answer:
            assert answer.status == 404
    finally:
        await site.stop()


async def test_metrics_have_a_port_of_their_own(http: aiohttp.ClientSession) -> None:
    async def ready() -> None:
        return None

    registry = CollectorRegistry()
    Counter("tandem_test_clicks", "clicks", registry=registry).inc()
    app = AsyncApp(signing_secret="s", token="xoxb-x")
    site = Site(app, ready=ready, host="127.0.0.1", registry=registry)
    await site.start(0, 0)
    try:
        async with http.get(f"{site.metrics_address}/metrics") as answer:
            assert "tandem_test_clicks_total 1.0" in await answer.text()
        async with http.get(f"{site.metrics_address}/healthz") as answer:
            assert answer.status == 404
    finally:
        await site.stop()
