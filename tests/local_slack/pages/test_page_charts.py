"""Charts on the page: to scale, with numbers that can be read, also without seeing the drawing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.accessibility import stumbles
from tests.browsing import OF_PAGES
from tests.local_slack.bench import Bench

pytestmark = OF_PAGES


def plot(kind: str, **series: list[float]) -> dict[str, Any]:
    """A chart of these series over days."""
    days = ["Monday", "Tuesday", "Wednesday"]
    told = [
        {"name": name, "data": [{"label": day, "value": value} for day, value in zip(days, values, strict=True)]}
        for name, values in series.items()
    ]
    axes = {"categories": days, "x_label": "Day", "y_label": "Runs"}
    return {"type": "data_visualization", "title": "Runs", "chart": {"type": kind, "series": told, "axis_config": axes}}


async def test_a_chart_is_drawn_to_scale_and_its_numbers_can_be_read(bench: Bench, page: Page) -> None:
    slices = [{"label": "done", "value": 3}, {"label": "failed", "value": 1}]
    pie = {"type": "data_visualization", "title": "How they ended", "chart": {"type": "pie", "segments": slices}}
    for blocks in (
        [plot("bar", good=[40, 20, -10], bad=[0, 1, 1234.5]), pie],
        [plot("line", a=[1, 2, 3]), plot("area", b=[3, 2, 1])],
    ):
        await bench.api.chat_postMessage(channel=bench.id("ops"), text="x", blocks=blocks)
    await page.goto(f"{bench.server.url}/?as=ada&channel=ops")
    charts = page.get_by_test_id("block-data_visualization")
    bars = charts.first.locator("rect")
    await expect(bars).to_have_count(6)
    high, low, below = [await bars.nth(n).evaluate("one => one.height.baseVal.value") for n in range(3)]
    assert (high / low, low / below) == (pytest.approx(2), pytest.approx(2))
    assert await bars.nth(2).evaluate("one => one.y.baseVal.value") > await bars.nth(0).evaluate(
        "one => one.y.baseVal.value"
    )
    await expect(bars.nth(5).locator("title")).to_have_text("bad, Wednesday: 1,234.5")
    await expect(page.get_by_role("img", name="Runs: bar chart of good, bad")).to_be_visible()
    await charts.first.get_by_text("The numbers").click()
    row = charts.first.get_by_role("row", name="Wednesday")
    await expect(row.get_by_role("cell")).to_have_text(["-10", "1,234.5"])
    await expect(charts.nth(1).locator("li")).to_have_text(["done · 75 %", "failed · 25 %"])
    await expect(charts.nth(2).locator("circle")).to_have_count(3)
    await expect(charts.nth(3).locator("path.shaded")).to_have_count(1)
    await page.emulate_media(color_scheme="dark")
    assert await stumbles(page) == []
    await page.emulate_media(color_scheme="light")
    assert await stumbles(page) == []
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    for number in range(4):  # in words as large as on a desk
        drawing = charts.nth(number).locator("svg")
        await expect(drawing).to_have_attribute("viewBox", re.compile(r"^0 0 [23]\d\d "))
        scaled = await drawing.evaluate("one => one.getScreenCTM().a")
        assert scaled == pytest.approx(1, abs=0.02)
    fits = "one => [...one.querySelectorAll('text')].every((word) => word.getBoundingClientRect().right <= innerWidth)"
    assert await charts.first.locator("svg").evaluate(fits)
