"""The Chromium that photographs and tests the page: Debian's, or what else of that name is on this machine."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
NONE_HERE = "No Chromium on this machine (Debian: apt-get install chromium)"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


def chromium() -> str | None:
    """Where it is; None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)
