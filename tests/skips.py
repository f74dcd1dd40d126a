"""Which skips a session lets pass: in CI the listed ones alone, and nowhere what TANDEM_MUST names."""

import os
from fnmatch import fnmatchcase

import pytest

from tests.databases import ROOT

LIST = ROOT / "tests" / "allowed_skips.txt"


def listed() -> dict[str, str]:
    """The names of the reasons, each with its pattern."""
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


def demanded() -> list[str]:
    """What TANDEM_MUST names. Raises UsageError where the list does not have it."""
    names = os.environ.get("TANDEM_MUST", "").split()
    if unknown := [name for name in names if name not in listed()]:
        raise pytest.UsageError(f"TANDEM_MUST: tests/allowed_skips.txt does not have {', '.join(unknown)}")
    return names


def refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turns a skip that may not pass into a failure."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if fault := _fault(reason.removeprefix("Skipped: ")):
        report.outcome = "failed"
        report.longrepr = fault


def _fault(reason: str) -> str | None:
    name = next((name for name, pattern in listed().items() if fnmatchcase(reason, pattern)), None)
    if name in demanded():
        return f"Skipped though TANDEM_MUST has {name}: {reason}"
    if name is None and os.environ.get("CI") == "true":
        return f"Skipped in CI for a reason that tests/allowed_skips.txt does not have: {reason}"
    return None
