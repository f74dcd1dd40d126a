"""A fresh workspace for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.local_slack.bench import Bench, Recorder


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A Bolt app over HTTP."""
    async with Bench() as made:
        yield made


@pytest.fixture
async def socket_bench() -> AsyncIterator[Bench]:
    """A Bolt app over Socket Mode."""
    async with Bench(socket=True) as made:
        yield made


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A bare HTTP server in the app's place."""
    async with Recorder() as made:
        yield made
