"""A page in a headless Chromium that fails its test when a script of it fails."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright

from tests.beside import Beside

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
WITHIN = 60.0  # seconds; a machine that does much else takes some


@contextmanager
def running(chromium: Path) -> Iterator[str]:
    """One browser for many tests: where it is spoken to."""
    beside = Beside("chromium")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    browser = _browser(chromium, port)
    beside.carry_out(_on(browser), WITHIN)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        beside.carry_out(_on(browser), WITHIN)
        beside.stop()


async def _browser(chromium: Path, port: int) -> AsyncIterator[None]:
    async with async_playwright() as playwright:
        args = [*FLAGS, f"--remote-debugging-port={port}"]
        browser = await playwright.chromium.launch(executable_path=str(chromium), args=args)
        yield
        await browser.close()


async def _on(browser: AsyncIterator[None]) -> None:
    await anext(browser, None)


@asynccontextmanager
async def opened(address: str, width: int, height: int) -> AsyncIterator[Page]:
    """In a profile of its own, of the browser that listens there."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(address)
        context = await browser.new_context(viewport={"width": width, "height": height}, timezone_id="UTC")
        page = await context.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda problem: broken.append(str(problem)))
        yield page
        await context.close()
        await browser.close()
        assert broken == []
