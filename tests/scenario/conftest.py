"""A workspace with the real bot process behind it, one for each transport and worker, left clean after every test."""

from collections.abc import AsyncIterator

import pytest

from tests.scenario.played import played
from tests.scenario.story import Story, people


@pytest.fixture
def transport() -> str:
    """Which way Slack delivers; a test of both is parametrised by it."""
    return "http"


@pytest.fixture
async def story(request: pytest.FixtureRequest, transport: str) -> AsyncIterator[Story]:
    """The people of the sample company."""
    async with people(played(request.config, transport)) as story:
        yield story
