"""Two ways to a bot: the sample company with the real process, left clean after every test; one replica in here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenario.door import Bot
from tests.scenario.played import played
from tests.scenario.story import Story, people
from tests.support.plugin import Home


@pytest.fixture
def transport() -> str:
    """Which way Slack delivers; a test of both is parametrised by it."""
    return "http"


@pytest.fixture
async def story(request: pytest.FixtureRequest, transport: str) -> AsyncIterator[Story]:
    """The people of the sample company."""
    async with people(played(request.config, transport)) as story:
        yield story


@pytest.fixture
async def bot(home: Home, tmp_path: Path, transport: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """One replica on a database of its own, with test operations, in this process."""
    # beside other work a courtesy may take longer, and then it comes as a direct message
    monkeypatch.setattr("bot.slack.desk.TELL_WITHIN", 1.5)
    async with Bot(home, tmp_path, socket=transport == "socket") as bot:
        yield bot
