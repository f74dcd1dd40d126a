"""A kept port: ours to listen on again and again, and nobody else's."""

import argparse
import socket
import sys

import pytest

from deploy.local.ports import kept_port
from deploy.local.slack.arguments import a_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="this test needs Linux")


def test_a_server_listens_ends_and_listens_again_on_a_kept_port_and_nobody_is_reached_between() -> None:
    with kept_port() as port:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)):
                server.accept()[0].close()


def test_whoever_does_not_ask_to_share_an_address_is_refused_a_kept_port_until_it_is_let_go() -> None:
    with kept_port() as port, socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


@pytest.mark.parametrize("typed", ["99999", "-1", "8300x"])
def test_what_is_no_port_is_said_with_what_to_write(typed: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no port: write a number up to 65535"):
        a_port(typed)
    assert (a_port("0"), a_port("65535")) == (0, 65535)
