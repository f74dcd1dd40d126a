"""Two ways to a bot: the sample company with the real process, left clean after every test; one replica in here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenario.door import Bot
from tests.scenario.played import played
from tests.scenario.story import Story, people
from tests.support.plugin import Home


@pytest.fixture(params=["http", pytest.param("socket", marks=pytest.mark.prove)])
def transport(request: pytest.FixtureRequest) -> str:
    """Which way Slack delivers. `make prove` plays everything over Socket Mode; a test that names both always does."""
    return str(request.param)


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
