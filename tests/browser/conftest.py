"""The workspace's page in a real browser, with the real bot behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.scenario.played import played
from tests.scenario.story import Story, people


@pytest.fixture
async def story(request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """The same people, to prepare what the page shows and to leave it clean."""
    async with people(played(request.config, "http")) as story:
        yield story


@pytest.fixture
async def page(chromium: Path, story: Story) -> AsyncIterator[Page]:
    """A page that fails its test when a script fails."""
    flags = ["--no-sandbox", "--disable-dev-shm-usage"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium), args=flags)
        opened = await browser.new_page(viewport={"width": 1280, "height": 900}, timezone_id="UTC")
        opened.set_default_timeout(15_000)
        broken: list[str] = []
        opened.on("pageerror", lambda problem: broken.append(str(problem)))
        yield opened
        await browser.close()
        assert broken == []
