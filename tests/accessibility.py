"""What axe finds on a page that a person would stumble over."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

AXE = Axe()


async def stumbles(page: Page) -> list[str]:
    """The serious and critical findings, each with the first element that has it; empty where there is none."""
    found = await AXE.run(page)
    return [_line(one) for one in found.response["violations"] if one["impact"] in ("serious", "critical")]


def _line(finding: dict[str, Any]) -> str:
    node = finding["nodes"][0]
    return f"{finding['id']} at {node['target']}: {node['failureSummary']}"
