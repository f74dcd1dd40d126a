"""What can go wrong with the embedded PostgreSQL; each message says what happened, why, and what to do next."""


class LocalPostgresError(Exception):
    """Any fault of the embedded server; the message is meant for the person who typed the command."""


class BinariesMissing(LocalPostgresError):
    """No PostgreSQL programs of a usable version were found."""


class AccountRefused(LocalPostgresError):
    """The operating-system user cannot own or run the server."""


class StartFailed(LocalPostgresError):
    """initdb or the server itself ended with an error, or was not ready in time."""


class NotRunning(LocalPostgresError):
    """There is no server of ours in that folder to attach to."""


class StopFailed(LocalPostgresError):
    """The server was told to stop and did not in time."""
