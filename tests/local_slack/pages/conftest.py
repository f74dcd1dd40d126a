"""A fresh workspace for every test, and a fresh profile of the one browser."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browsing import opened
from tests.local_slack.bench import Bench


@pytest_asyncio.fixture(loop_scope="session")
async def bench() -> AsyncIterator[Bench]:
    """A Bolt app over HTTP."""
    async with Bench() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """The workspace's page, of which a test opens the address."""
    async with opened(browser, 1200, 800) as page:
        yield page
