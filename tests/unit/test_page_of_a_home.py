"""The page of a home keeps its address from start to start, so that one that is open comes back."""

import socket
from pathlib import Path

import pytest

from deploy.local.stage import NotReady, Stage


async def started(home: Path, port: int = 0) -> str:
    """The page's address of a workspace of this home, which has ended again."""
    stage = Stage(home, port=port)
    try:
        await stage._start_slack()
        return stage.slack.url
    finally:
        await stage.stop()


async def test_the_next_start_has_the_same_address_unless_somebody_else_took_it(tmp_path: Path) -> None:
    first = await started(tmp_path)
    assert await started(tmp_path) == first
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))):
        second = await started(tmp_path)
    assert second != first
    assert await started(tmp_path) == second, "an open page is there by now"


async def test_a_port_that_was_asked_for_and_is_taken_is_said_and_nothing_else_is_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(NotReady, match=f"port {port} .*in use.*--port"):
            await started(tmp_path, port)
    assert await started(tmp_path, port) == f"http://127.0.0.1:{port}"


async def test_a_file_that_names_no_port_is_no_obstacle(tmp_path: Path) -> None:
    for words in ("", "eighty", "99999999"):
        (tmp_path / "page.port").write_text(words)
        assert (await started(tmp_path)).startswith("http://127.0.0.1:")
