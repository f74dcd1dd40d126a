"""An answer at a response_url: sent once, by the proxy that its own address asks for, and never an alien error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.slack_api import answer_at


@asynccontextmanager
async def cutting() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that takes each request and closes the line without a word."""
    heard: list[bytes] = []

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n"))
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/answer", heard


async def test_a_line_that_breaks_off_is_an_os_error_and_nothing_is_sent_again() -> None:
    async with cutting() as (url, heard):
        with pytest.raises(OSError, match="ServerDisconnectedError"):
            await answer_at(url, within=1, text="said")
        assert len(heard) == 1


async def test_no_proxy_is_heeded_and_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cutting() as (url, heard), cutting() as (proxy, by_proxy):
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")
        with pytest.raises(OSError):  # noqa: PT011
            await answer_at(url, within=1, text="said")
        assert (len(heard), len(by_proxy)) == (1, 0)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name)
        with pytest.raises(OSError):  # noqa: PT011
            await answer_at(url, within=1, text="said")
        assert (len(heard), len(by_proxy)) == (1, 1)
