"""Two apps written from the SDKs' documentation alone run unchanged, over HTTP and in Socket Mode."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.foreign.apps import Foreign, running
from tests.foreign.script import SCRIPT, Interaction

pytestmark = pytest.mark.asyncio(loop_scope="module")
WAYS = [
    ("python", "socket"),
    ("javascript", "http"),
    pytest.param(("python", "http"), marks=pytest.mark.prove),
    pytest.param(("javascript", "socket"), marks=pytest.mark.prove),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS, ids="-".join)
async def app(request: pytest.FixtureRequest) -> AsyncIterator[Foreign]:
    """One app, started once for the whole script."""
    async with running(*request.param) as foreign:
        yield foreign


@pytest.mark.parametrize("interaction", SCRIPT, ids=lambda one: one.__name__)
async def test_interaction(app: Foreign, interaction: Interaction) -> None:
    await interaction(app)
    sent = [one for one in await app.slack.log(kind="delivery") if one["name"] != "url_verification"]
    assert {one["result"] for one in sent} <= {"acked", ""}, "an empty result is still under way"
