"""What command lines here have in common."""

import argparse

LAST_PORT = 65535


def a_port(text: str) -> int:
    """A port, 0 for any. Raises ArgumentTypeError, with what to write."""
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write a number up to {LAST_PORT}, or leave it out")
    return int(text)
