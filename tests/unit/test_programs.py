"""Which pg_restore fills which server."""

import pytest

from bot.connectors.postgres.programs import unfit


@pytest.mark.parametrize(
    ("major", "dumped", "server"), [(16, 16, 16), (16, 15, 14), (17, 17, 17), (18, 18, 17), (18, 17, 18)]
)
def test_what_sets_nothing_that_the_server_does_not_know_fits(major: int, dumped: int, server: int) -> None:
    assert unfit(major, dumped, server) is None


@pytest.mark.parametrize(
    ("major", "dumped", "server", "mend"),
    [
        (17, 16, 16, "install the client programs of PostgreSQL 16, or set `binaries` of the database to their folder"),
        (18, 15, 14, "install the client programs of PostgreSQL 14, or set `binaries` of the database to their folder"),
        (17, 17, 16, "upgrade the server, or back up anew with pg_dump 16"),
    ],
)
def test_a_newer_one_is_refused_with_what_to_do(major: int, dumped: int, server: int, mend: str) -> None:
    told = f"this server is PostgreSQL {server}, and pg_restore {major} fills none before 17: {mend}"
    assert unfit(major, dumped, server) == told
