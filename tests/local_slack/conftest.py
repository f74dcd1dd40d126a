"""A fresh workspace for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.local_slack.bench import Bench, Recorder


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A Bolt app over HTTP."""
    async with Bench() as made:
        yield made


@pytest.fixture
async def socket_bench() -> AsyncIterator[Bench]:
    """A Bolt app over Socket Mode."""
    async with Bench(socket=True) as made:
        yield made


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A bare HTTP server in the app's place."""
    async with Recorder() as made:
        yield made


@pytest.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """A page that fails its test when a script fails."""
    flags = ["--no-sandbox", "--disable-dev-shm-usage"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium), args=flags)
        opened = await browser.new_page(viewport={"width": 1200, "height": 800}, timezone_id="UTC")
        broken: list[str] = []
        opened.on("pageerror", lambda problem: broken.append(str(problem)))
        yield opened
        await browser.close()
        assert broken == []
