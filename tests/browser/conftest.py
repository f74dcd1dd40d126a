"""The workspace's page in a real browser, with the real bot behind it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browsing import opened
from tests.scenario.played import played
from tests.scenario.story import Story, people


@pytest_asyncio.fixture(loop_scope="session")
async def story(request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """The same people, to prepare what the page shows and to leave it clean."""
    async with people(played(request.config, "http")) as story:
        yield story


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, story: Story) -> AsyncIterator[Page]:
    """A page as a laptop shows it."""
    async with opened(browser, 1280, 900) as page:
        page.set_default_timeout(15_000)
        yield page
