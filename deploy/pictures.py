"""`make pictures`: plays the restore story in the local workspace and photographs it for README and docs."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright

from deploy.chromium import FLAGS, NONE_HERE, chromium
from deploy.local.databases import ORDERS
from deploy.local.postgres_errors import LocalPostgresError
from deploy.local.slack.client import Workspace, shown_text
from deploy.local.slack.wire import JsonObject
from deploy.local.stage import ROOT, NotReady, Stage
from deploy.png import small

IMAGES = ROOT / "docs" / "images"
LIMIT = 150_000  # bytes of one picture
WIDTH, HEIGHT = 1180, 820
LINE = '/ops db restore shop reason="bad import"'


class Camera:
    """Photographs the page as one person sees it."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self._page, self._url, self._folder = page, url, folder

    async def show(self, person: str, thread: str = "") -> None:
        """Opens #incidents, with a thread beside it where one is named."""
        await self._page.goto(f"{self._url}/?as={person}&channel=incidents&thread={thread}")
        await self._page.get_by_test_id("main").get_by_text("Ana Duarte").first.wait_for()

    async def until(self, text: str) -> None:
        """Waits until the page says this."""
        await self._page.get_by_text(text).last.wait_for()

    async def take(self, name: str, *, height: int = HEIGHT, of: str = "body") -> Path:
        """Writes one picture of what a selector's last match shows. Raises NotReady where it is larger than LIMIT."""
        await self._page.set_viewport_size({"width": WIDTH, "height": height})
        await self._page.evaluate("document.fonts.ready")
        await self._page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        data = await self._page.locator(of).last.screenshot(animations="disabled", caret="hide")
        path = self._folder / f"{name}.png"
        path.write_bytes(await asyncio.to_thread(small, data))
        if (size := path.stat().st_size) > LIMIT:
            raise NotReady(f"{path.name} has {size} bytes, more than {LIMIT}: photograph less in deploy/pictures.py.")
        return path


@asynccontextmanager
async def camera(executable: str, url: str, folder: Path) -> AsyncIterator[Camera]:
    """A browser with a fresh profile."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=[*FLAGS])
        page = await browser.new_page(timezone_id="UTC", color_scheme="light", reduced_motion="reduce")
        await page.add_init_script("localStorage.setItem('local-slack-guide-skipped', '1')")
        try:
            yield Camera(page, url, folder)
        finally:
            await browser.close()


async def story(stage: Stage, shoot: Camera) -> list[Path]:
    """Ana asks for a restore, Ben approves it, the thread tells it: a picture of each."""
    slack = stage.slack.workspace()
    await shoot.show("ana")
    await slack.command("ana", "incidents", LINE)
    form = await slack.wait_for_view("ana", title="ops db restore")
    await shoot.until("Type the database again")
    taken = [await shoot.take("form", height=860)]
    await slack.submit("ana", form, {"_confirm": "shop"})
    card = await slack.wait_for_message("ben", "incidents", text="Waiting for approval")
    await slack.wait_for_message("ben", "incidents", text="Press Approve", thread_ts=str(card["ts"]))  # it counts now
    await shoot.show("ben")
    await shoot.until("1 approval needed")
    taken.append(await shoot.take("approval", height=1500, of="article.message"))
    await slack.click("ben", card, "Approve")
    await _ended(slack, card)
    await shoot.show("ben", thread=str(card["ts"]))
    await shoot.until("is as it was")
    taken.append(await shoot.take("done"))
    return taken


async def _ended(slack: Workspace, card: JsonObject) -> None:
    """Until a reply in the card's thread tells the end; the card itself says it sooner."""

    async def told() -> JsonObject | None:
        replies = (await slack.thread("ben", "incidents", str(card["ts"])))[1:]
        return next((one for one in replies if "is as it was" in shown_text(one)), None)

    await slack.wait_for(told, seconds=120, what="reply that tells the end")


async def make(executable: str, folder: Path, orders: int) -> list[Path]:
    """Starts a workspace of its own, takes the pictures, ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tandem-pictures-") as home:
        # run by root the database server is another user, who has to pass through
        Path(home).chmod(0o711 if os.geteuid() == 0 else 0o700)
        stage = Stage(Path(home) / "workspace", keep=False, orders=orders)
        try:
            await stage.start()
            await stage.first_backup()
            async with camera(executable, stage.slack.url, folder) as shoot:
                return await story(stage, shoot)
        finally:
            await stage.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--to", type=Path, default=IMAGES, help="the folder of the pictures")
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many the shop has; more take longer")
    said = parser.parse_args()
    folder: Path = said.to
    executable = chromium()
    if executable is None:
        print(f"{NONE_HERE}: the pictures stay as they are.")
        return 0
    try:
        for path in asyncio.run(make(executable, folder, said.orders)):
            print(f"{path.name}: {path.stat().st_size} bytes")
    except (NotReady, LocalPostgresError, TimeoutError) as error:
        print(f"No pictures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
