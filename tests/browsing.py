"""A page in a headless Chromium that fails its test when a script of it fails.

A test of pages runs in the session's loop, and so does every async fixture of it: the browser's driver is spoken to
only in the loop that started it, and one for each test would cost a third of all that these tests do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
OF_PAGES = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@asynccontextmanager
async def running(chromium: Path) -> AsyncIterator[Browser]:
    """One browser for many tests."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(browser: Browser, width: int, height: int) -> AsyncIterator[Page]:
    """In a profile of its own."""
    context = await browser.new_context(viewport={"width": width, "height": height}, timezone_id="UTC")
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda problem: broken.append(str(problem)))
    yield page
    await context.close()
    assert broken == []
