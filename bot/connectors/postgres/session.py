"""How Tandem connects to a company's database: settings, named sessions, and what an error proves."""

import hashlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import asyncpg
from pydantic import Field

from bot.durations import Duration
from bot.effect import Permanent, SecretName, Temporary
from bot.model import Record

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

LOOK = "tandem/look"  # application_name of every session that only reads
NAME_BYTES = 63  # PostgreSQL cuts names of databases and sessions here
OLDEST = 14  # pg_terminate_backend with a time-out, client_connection_check_interval

LONGEST = timedelta(hours=6)  # that one dump, load or comparison may take, unless config says otherwise

# The server refused the statement, so nothing of it happened. These may pass by themselves; every other code will not.
PASSING = {
    "40001": "another transaction changed the same rows",
    "40P01": "it met another transaction in a deadlock",
    "53300": "all connections are taken",
    "55006": "somebody is connected to that database or uses it",
    "55P03": "a lock was not free in time; /ops db connections shows who is at work",
    "57014": "it took too long and was cancelled",
}
LASTING = {
    "3D000": "there is no such database",
    "42501": "the role that Tandem uses lacks the privilege; `python -m bot doctor` may say which",
    "42704": "a role, setting or tablespace that is needed does not exist",
    "42P04": "a database of that name exists already",
    "53100": "the server's disk is full; make room there, then ask again",
    "53200": "the server is out of memory",
}
# After these nobody knows what became of the statement.
BROKEN = ("08", "57P", "40003", "XX000")


class DatabaseSettings(Record):
    """One database of the company. The password is the name of a secret, never written here."""

    host: str = Field(min_length=1)
    port: int = Field(default=5432, ge=1, le=65535)
    database: str = Field(max_length=NAME_BYTES - 20)  # room for the names that runs add, e.g. _r142_new_try2
    user: str
    password_env: SecretName | None = None
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    ca_file: str | None = None  # PEM, for verify-ca and verify-full
    environment: str = "production"  # one of those that tandem.toml names
    services: tuple[str, ...] = ()  # keys of the services that live on it
    vault: str | None = None  # the key of the vault that holds its backups
    rpo: Duration = timedelta(hours=24)  # the oldest that the newest backup may be
    maintenance_database: str = "postgres"  # where sessions go that rename, create or drop it
    lock_wait: Duration = timedelta(seconds=10)  # for a table or database that somebody else has locked
    longest: Duration = Field(default=LONGEST, ge=timedelta(minutes=1), le=timedelta(days=7))
    binaries: str | None = None  # folder of pg_dump and pg_restore; by default they are looked for


class Login(Record):
    """Everything that a session needs; `key` is the only name of the database that is ever shown."""

    key: str
    settings: DatabaseSettings
    password: str | None = Field(default=None, repr=False)


def fit(name: str) -> str:
    """A session's name as PostgreSQL keeps it: too long a tail becomes its hash, so that two names stay two."""
    if len(name.encode()) <= NAME_BYTES:
        return name
    return f"{name.encode()[: NAME_BYTES - 9].decode(errors='ignore')}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it, for statements that take no parameters."""
    escaped = text.replace("'", "''").replace("\\", "\\\\")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"


def parameters(settings: DatabaseSettings, name: str, reading: bool) -> dict[str, str]:
    """The settings of a session; those of a reader keep it short and harmless."""
    common = {
        "application_name": fit(name),
        "timezone": "UTC",
        "datestyle": "ISO",
        "client_connection_check_interval": "2s",  # a client that is gone does not go on acting
        "idle_session_timeout": "0",
        "row_security": "off",  # rows that the role may not see are an error, not a smaller count
    }
    if reading:
        short = {"default_transaction_read_only": "on", "statement_timeout": "5s", "lock_timeout": "2s"}
        return {**common, **short, "idle_in_transaction_session_timeout": "10s"}
    free = {
        "default_transaction_read_only": "off",
        "statement_timeout": "0",
        "lock_timeout": f"{milliseconds(settings.lock_wait)}",
    }
    return {**common, **free, "idle_in_transaction_session_timeout": "0"}


def milliseconds(span: timedelta) -> int:
    """As PostgreSQL takes time-outs."""
    return round(span / timedelta(milliseconds=1))


def trust(settings: DatabaseSettings) -> Any:
    """asyncpg's `ssl` argument. Raises Permanent for an unreadable CA file."""
    if settings.sslmode == "disable":
        return False
    if settings.sslmode in ("prefer", "require"):
        return settings.sslmode
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as fault:  # a file that holds no certificate is one of TLS's own, without a system's word
        why = "it holds no certificate" if isinstance(fault, ssl.SSLError) else os.strerror(fault.errno or 0)
        said = f"the ca_file of database {settings.database} cannot be used ({why})"
        raise Permanent(f"{said}; write the path of a PEM file there, in services.toml") from None
    context.check_hostname = settings.sslmode == "verify-full"
    return context


async def connect(login: Login, database: str, name: str, *, reading: bool = False) -> Connection:
    """A session. Raises Temporary where it may work later, Permanent where settings or the server must change."""
    settings = login.settings
    with reached(login.key):
        return await asyncpg.connect(
            host=settings.host,
            port=settings.port,
            user=settings.user,
            password=login.password,
            database=database,
            ssl=trust(settings),
            timeout=10,
            server_settings=parameters(settings, name, reading),
            statement_cache_size=0,
        )


@asynccontextmanager
async def session(login: Login, database: str, name: str, *, reading: bool = False) -> AsyncIterator[Connection]:
    """A session of that application_name, closed at the end; cut off where it cannot be closed in order."""
    connection = await connect(login, database, name, reading=reading)
    try:
        yield connection
    finally:
        try:
            await connection.close(timeout=5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()


@contextmanager
def reached(key: str) -> Iterator[None]:
    """Says in our words why a session could not be opened. Nothing was sent yet, so nothing has happened."""
    try:
        yield
    except asyncpg.PostgresError as fault:
        raise _unopened(key, fault.sqlstate or "") from None
    except asyncpg.InterfaceError:
        raise Permanent(f"the settings of database {key} do not fit its server: look at sslmode and ca_file") from None
    except ssl.SSLCertVerificationError:
        said = f"the certificate of the server of {key} is not trusted, or is another host's"
        raise Permanent(f"{said}; look at `ca_file` and `host` of databases.{key} in services.toml") from None
    except OSError as fault:  # time-outs and TLS included
        raise Temporary(f"the server of database {key} cannot be reached: {_no_way(key, fault)}") from None


def _no_way(key: str, fault: OSError) -> str:
    """What kept a session from being opened, without an address; behind the semicolon what to look at."""
    here = f"databases.{key} in services.toml"
    look = f"look at host and port of {here}, and at the network"
    match fault:
        case TimeoutError():
            return f"no answer in time; {look}"
        case ConnectionRefusedError():
            return f"it refuses connections; see whether it runs, and look at host and port of {here}"
        case socket.gaierror():
            return f"its name does not resolve; look at `host` of {here}"
        case ssl.SSLError():
            return f"TLS does not come about; look at `sslmode` of {here}"
    if type(fault) is ConnectionError:  # asyncpg's own, where it was to be TLS
        return f"it does not offer TLS; look at `sslmode` of {here}"
    return f"{type(fault).__name__}; {look}"


def _unopened(key: str, code: str) -> Temporary | Permanent:
    here = f"databases.{key} in services.toml"
    match code:
        case "3D000":
            return Permanent(f"the server of {key} has no such database (3D000); look at `database` of {here}")
        case "28000" | "28P01":
            said = f"the server of {key} does not accept Tandem's user or password ({code})"
            return Permanent(f"{said}; look at `user` of {here}, and at the secret that it names")
        case "55000":
            said = f"database {key} takes no connections now: its door is closed (55000)"
            return Temporary(f"{said}; see what is at work on it: /ops runs {key}")
        case "42704":
            return Permanent(f"the server of {key} is older than PostgreSQL {OLDEST}")
        case "53300":
            said = f"all connections to the server of {key} are taken (53300)"
            return Temporary(f"{said}; end some there, and keep some for Tandem: docs/operators.md, services.toml")
        case "57P03" | "57P01":
            return Temporary(f"the server of {key} is starting or stopping ({code})")
        case _:
            return Permanent(f"the server of {key} refuses the session ({code or 'without a code'})")


@contextmanager
def proved(doing: str) -> Iterator[None]:
    """Turns a refused statement into Temporary or Permanent; a broken connection passes as what it is: unknown."""
    try:
        yield
    except asyncpg.PostgresError as fault:
        code = fault.sqlstate or ""
        if not code or code.startswith(BROKEN):
            raise
        if code in PASSING:
            raise Temporary(f"{doing}: {PASSING[code]} ({code})") from None
        raise Permanent(f"{doing}: {LASTING.get(code, 'PostgreSQL refuses it')} ({code})") from None
