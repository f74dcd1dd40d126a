"""The workspace's page in Chromium: until it is drawn, from a click to the changed card, and thousands of messages."""

import asyncio
from statistics import median, quantiles

from playwright.async_api import Browser, Page, async_playwright
from pydantic import BaseModel

from deploy.benches import bodies
from deploy.benches.place import Place
from deploy.benches.post import settled
from deploy.chromium import FLAGS, chromium
from deploy.local.slack import posting
from deploy.local.slack.wire import JsonObject

CARD_EVERY = 5  # of the messages in the long channel
# Resolves with the milliseconds from the next click on the confirm dialog to the first change of this card's content.
WATCH = """(card) => { window.changed = new Promise((resolve) => {
  let began = 0;
  addEventListener("click", (event) => {
    if (event.target.closest("[data-testid=confirm-accept]")) began = performance.now();
  }, true);
  new MutationObserver(() => began && requestAnimationFrame(() => resolve(performance.now() - began)))
    .observe(card.querySelector(".content"), { childList: true, subtree: true });
}); }"""
# Scrolls up through the whole channel by 240 pixels a frame: the milliseconds between frames, and the messages seen.
SCROLL = """async ([box, first]) => {
  const took = [];
  const seen = new Set();
  let before = await new Promise(requestAnimationFrame);
  while (!seen.has(first)) {
    box.scrollTop -= 240;
    for (const one of box.children) seen.add(one.dataset.ts);
    const now = await new Promise(requestAnimationFrame);
    took.push(now - before);
    before = now;
  }
  return { took, seen: seen.size };
}"""


class PageFigures(BaseModel):
    """`load_s` and `click_ms` are p50. `frame_ms` is p95 between frames while `messages` are scrolled through."""

    load_s: float
    click_ms: float
    clicks: int
    frame_ms: float
    longest_ms: float
    messages: int


async def figures(place: Place, clicks: int, messages: int) -> PageFigures | None:
    """None where this machine has no Chromium. Raises playwright's errors where the page does not do what is asked."""
    program = chromium()
    if program is None:
        return None
    _fill(place, messages)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        try:
            loads = [await _load(browser, place) for _ in range(5)]
            took = await _clicks(browser, place, clicks)
            frames = await _scroll(browser, place, messages)
        finally:
            await browser.close()
    return PageFigures(
        load_s=median(loads) / 1000,
        click_ms=median(took),
        clicks=clicks,
        frame_ms=quantiles(frames, n=20, method="inclusive")[-1],
        longest_ms=max(frames),
        messages=messages,
    )


def _fill(place: Place, messages: int) -> None:
    """Lines and cards of the bot in #general."""
    core = place.slack.core
    channel = core.state.channel("general")
    if channel is None:
        raise LookupError("the sample company has no #general")
    app = core.state.app()
    for n in range(messages):
        card: JsonObject = {"blocks": _card(n)} if n % CARD_EVERY == 0 else {}
        text = f"Step {n % 11} of run r{n // 11} is done: `shop` was looked at."
        said = posting.read_content({"text": text, **card}, core.switches)
        posting.post_as_app(core, app, channel, said)


def _card(n: int) -> list[JsonObject]:
    steps = [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": f"✅ Step {step} of card {n}, in words"}]}
        for step in range(8)
    ]
    press = {"type": "button", "text": {"type": "plain_text", "text": "Details"}, "action_id": "run.details"}
    return [
        {"type": "header", "text": {"type": "plain_text", "text": f"✅ Done · card {n}"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "Asked by *Ana* for a reason `ops db restore shop`"}},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": steps}]},
        {"type": "actions", "elements": [press]},
    ]


async def _open(browser: Browser, place: Place, person: str, channel: str) -> Page:
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    await page.add_init_script("localStorage.setItem('local-slack-guide-skipped', '1')")
    await page.goto(f"{place.slack.url}/?as={person}&channel={channel}")
    await page.get_by_test_id("composer").wait_for()
    return page


async def _load(browser: Browser, place: Place) -> float:
    """Milliseconds from the address to the drawn channel, with an empty cache."""
    page = await _open(browser, place, "ana", "general")
    await page.wait_for_function("performance.getEntriesByName('drawn').length")
    drawn = await page.evaluate("performance.getEntriesByName('drawn')[0].startTime")
    await page.close()
    return float(drawn)


async def _clicks(browser: Browser, place: Place, clicks: int) -> list[float]:
    """Milliseconds from the confirmed Approve to the changed card, each on a run of its own."""
    slack = place.slack.workspace()
    asker, approver = place.askers[0], place.approvers[0]
    for person in (asker, approver):
        await slack.join(person, "incidents")
    page = await _open(browser, place, approver, "incidents")
    took = []
    for _ in range(clicks):
        words = bodies.change()
        await slack.command(asker, "incidents", f"/ops {words}")
        card = await slack.wait_for_message(approver, "incidents", text=words.partition('"')[2].rstrip('"'))
        async with place.databases.server.connect("tandem") as database:
            await settled(database)  # until the plan counts as shown no approval of it counts
        shown = page.locator(f'.message[data-ts="{card["ts"]}"]').first
        await shown.get_by_role("button", name="Approve").click()
        await shown.evaluate(WATCH)
        await page.get_by_test_id("confirm-accept").click()
        took.append(float(await page.evaluate("window.changed")))
    await page.close()
    return took


async def _scroll(browser: Browser, place: Place, messages: int) -> list[float]:
    """Milliseconds between the frames of a way from the newest message to the oldest, older ones being read meanwhile.

    Raises LookupError where not each was drawn on the way.
    """
    channel = place.slack.core.state.channel("general")
    first = next(iter(place.slack.core.state.messages[channel.id])) if channel else ""
    page = await _open(browser, place, "ana", "general")
    box = await page.get_by_test_id("messages").element_handle()
    async with asyncio.timeout(300):
        found = await page.evaluate(SCROLL, [box, first])
    await page.close()
    if found["seen"] < messages:
        raise LookupError(f"{found['seen']} of {messages} messages were drawn")
    return [float(one) for one in found["took"]]
