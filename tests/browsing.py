"""A page in a headless Chromium that fails its test when a script of it fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]


@asynccontextmanager
async def opened(chromium: Path, width: int, height: int) -> AsyncIterator[Page]:
    """In a browser and a profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        page = await browser.new_page(viewport={"width": width, "height": height}, timezone_id="UTC")
        broken: list[str] = []
        page.on("pageerror", lambda problem: broken.append(str(problem)))
        yield page
        await browser.close()
        assert broken == []
