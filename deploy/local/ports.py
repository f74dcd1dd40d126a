"""Ports of 127.0.0.1: one that stays one's own while nobody listens on it, and one that is the same next time."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def kept_port() -> Iterator[int]:
    """A TCP port that nobody else is given meanwhile; a server of ours listens on it, ends, and listens again.

    It is held by a socket that is bound and does not listen. Linux lets a server that may reuse addresses listen
    beside it; elsewhere the port is let go at once, and could be taken.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
        if sys.platform != "linux":
            held.close()
        yield port


def port_again(file: Path) -> int:
    """The TCP port that this file names; 0, which is any free one, where it names none or somebody has it now."""
    with suppress(OSError, ValueError, OverflowError), socket.socket() as tried:
        port = int(file.read_text())
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind(("127.0.0.1", port))
        return port
    return 0
