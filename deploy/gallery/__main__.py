"""`make gallery`: photographs every screen through the page of the local workspace, with an index to look at them."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from html import escape
from itertools import groupby
from pathlib import Path

from aiohttp import web
from playwright.async_api import Page, ViewportSize, async_playwright
from slack_sdk.web.async_client import AsyncWebClient

from bot.render import plot
from deploy.chromium import FLAGS, NONE_HERE, chromium
from deploy.gallery.samples import report
from deploy.gallery.screens import Screen, screens
from deploy.local.slack import AppSpec, ChannelSpec, PersonSpec, SlackServer, TeamSpec, WorkspaceSpec
from deploy.local.slack.spec import load_file
from deploy.local.stage import ROOT

OUT = ROOT / ".local" / "gallery"
SIZES = {"wide": (1180, 900), "phone": (390, 844)}  # in pixels; a screen that is taller has a taller window
AROUND = 400  # pixels of the window besides the screen; what must be scrolled is photographed with what lies over it
TALL = "one => (one.querySelector('.modal-body') ?? one).scrollHeight"
CHANNEL = "incidents"
STYLE = (
    "body{font:15px system-ui;margin:2em;background:#f4f2ee}h2{margin-top:2em}figure{display:inline-block;"
    "vertical-align:top;margin:0 1em 1.5em 0}img{max-width:560px;border:1px solid #ccc;background:#fff}"
)


class Booth:
    """An app that shows one screen at a time: a message in a channel, a modal or a Home, all for Ana."""

    def __init__(self, slack: SlackServer) -> None:
        app = slack.app()
        self.slack, self.people = slack, slack.workspace()
        self.client = AsyncWebClient(app.bot_token, base_url=slack.api_url)
        self._trigger = ""

    async def take(self, request: web.Request) -> web.Response:
        """A command's only use here is its trigger, without which no modal opens."""
        self._trigger = str((await request.post()).get("trigger_id") or self._trigger)
        return web.Response()

    async def show(self, screen: Screen, ana: str) -> str:
        """A message's ts, else "". Raises SlackApiError where Slack would refuse it."""
        if screen.view is None:
            sent = await self.client.chat_postMessage(
                channel=f"#{CHANNEL}", text=screen.text, blocks=list(screen.blocks), mrkdwn=False
            )
            return str(sent["ts"])
        if screen.view["type"] == "home":
            await self.client.views_publish(user_id=ana, view=screen.view)
        else:
            await self.people.command("ana", CHANNEL, "/ops")
            await self.client.views_open(trigger_id=self._trigger, view=screen.view)
        return ""

    async def hide(self, screen: Screen) -> None:
        """Closes the modal that was shown."""
        if screen.view is not None and screen.view["type"] == "modal":
            await self.people.cancel("ana", everything=True)


@asynccontextmanager
async def booth() -> AsyncIterator[Booth]:
    """A workspace of its own, in memory, with a person and a channel."""
    manifest = load_file(ROOT / "deploy" / "slack-manifest.yaml")
    manifest["settings"]["socket_mode_enabled"] = False
    people = [
        PersonSpec(name="ana", real_name="Ana Duarte", id="U0ANA"),
        PersonSpec(name="ben", real_name="Ben Okafor", id="U0BEN"),
        PersonSpec(name="cleo", real_name="Cleo Lindqvist", id="U0CLEO"),
    ]
    channels = [ChannelSpec(name=CHANNEL, id="C0INCIDENTS", members=[one.name for one in people], general=True)]
    team = TeamSpec(name="Marrow & Pine", domain="marrow-and-pine")
    apps = [AppSpec.model_validate({"manifest": manifest})]
    slack = SlackServer(WorkspaceSpec(team=team, people=people, channels=channels, apps=apps), limits=False)
    await slack.start()
    made = Booth(slack)
    door = web.Application()
    door.router.add_post("/slack/events", made.take)
    runner = web.AppRunner(door)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.set_request_url(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    try:
        yield made
    finally:
        await runner.cleanup()
        await slack.stop()


async def photograph(made: Booth, page: Page, screen: Screen, to: Path) -> None:
    """One screen as a person sees it, without what is around it."""
    home = screen.view is not None and screen.view["type"] == "home"
    ts = await made.show(screen, "U0ANA")
    if home:
        await page.goto(f"{made.slack.url}/?as=ana&channel=@tandem&tab=home")
        shown = page.get_by_test_id("home").locator(".home-inner")
    elif screen.view is not None:
        shown = page.get_by_test_id("modal").last
    else:
        shown = page.get_by_test_id("messages").locator(f'.message[data-ts="{ts}"]')
    await shown.wait_for()
    to.parent.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size or ViewportSize(width=0, height=0)
    tall = await shown.evaluate(TALL)
    await page.set_viewport_size({**size, "height": max(size["height"], tall + AROUND)})
    await shown.screenshot(path=to, animations="disabled", caret="hide")
    await page.set_viewport_size(size)
    await made.hide(screen)
    if screen.view is not None and not home:
        await page.get_by_test_id("modal").wait_for(state="detached")


async def make(executable: str, folder: Path, wanted: list[Screen], dark: bool) -> None:
    """Writes one picture of each screen and width, and the index of all."""
    async with booth() as made, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=[*FLAGS])
        try:
            for name, (width, height) in SIZES.items():
                page = await browser.new_page(
                    viewport={"width": width, "height": height}, timezone_id="UTC",
                    color_scheme="dark" if dark else "light", reduced_motion="reduce",
                )  # fmt: skip
                for n, screen in enumerate(wanted):
                    if n == 0 or wanted[n - 1].name.startswith("home/"):
                        await page.goto(f"{made.slack.url}/?as=ana&channel={CHANNEL}")
                        await page.get_by_test_id("composer").wait_for()
                    await photograph(made, page, screen, folder / name / f"{screen.name}.png")
                await page.close()
        finally:
            await browser.close()
    await asyncio.to_thread(_plots, folder)
    await asyncio.to_thread((folder / "index.html").write_text, index(wanted))


def _plots(folder: Path) -> None:
    """What goes up beside an answer."""
    series = report().series
    if series and (picture := plot(series)):
        (folder / "plot.png").write_bytes(picture)


def index(shown: Iterable[Screen]) -> str:
    """A page with every picture under its name, wide and as on a phone."""
    parts = []
    for area, inside in groupby(shown, key=lambda screen: screen.name.partition("/")[0]):
        figures = "".join(
            f"<figure><figcaption>{escape(screen.name)} · {width}</figcaption>"
            f'<img loading="lazy" alt="{escape(screen.name)}" src="{width}/{escape(screen.name)}.png"></figure>'
            for screen in inside
            for width in SIZES
        )
        parts.append(f"<h2>{escape(area)}</h2>{figures}")
    parts.append('<h2>plot</h2><figure><img alt="a plot" src="plot.png"></figure>')
    return f'<!doctype html><meta charset="utf-8"><title>Screens</title><style>{STYLE}</style>{"".join(parts)}'


def main() -> int:
    parser = argparse.ArgumentParser(prog="make gallery", description=__doc__)
    parser.add_argument("--to", type=Path, default=OUT, help="the folder of the pictures")
    parser.add_argument("--only", nargs="*", default=[""], help="screens whose name holds one of these, e.g. card/")
    parser.add_argument("--dark", action="store_true", help="as a reader with a dark theme sees them")
    said = parser.parse_args()
    executable = chromium()
    if executable is None:
        print(f"{NONE_HERE}: no pictures were made.")
        return 0
    wanted = [screen for screen in screens() if any(part in screen.name for part in said.only)]
    asyncio.run(make(executable, said.to, wanted, said.dark))
    print(f"{len(wanted)} screens, each in {len(SIZES)} widths: {said.to / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
