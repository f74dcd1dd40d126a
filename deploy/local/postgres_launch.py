"""Makes a database folder where there is none and starts a postmaster on it; also after that was killed."""

import os
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from deploy.local.postgres_account import Account
from deploy.local.postgres_binaries import Binaries
from deploy.local.postgres_errors import StartFailed
from deploy.local.postgres_state import ServerState, find_running

HOST = "127.0.0.1"
SUPERUSER = "postgres"
_READY_SECONDS = 60
_RETRY_SECONDS = 15
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FORGETFUL: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}  # a commit still reaches the system


class Launch:
    """One start of the server of `home`; the caller holds the folder's lock."""

    def __init__(self, home: Path, binaries: Binaries, account: Account) -> None:
        self._home = home
        self._data = home / "data"
        self._log = home / "server.log"
        self._binaries = binaries
        self._account = account

    def run(self, durable: bool, settings: Mapping[str, str]) -> ServerState:
        """Starts it and waits until it takes connections. Raises StartFailed, BinariesMissing."""
        state = self._known() if self._data.exists() else self._make(durable)
        wanted = {**_SETTINGS, **({} if durable else _FORGETFUL), **settings}
        # a killed server's children hold its memory for a moment, and a free port may be taken meanwhile: both pass
        deadline = time.monotonic() + _RETRY_SECONDS
        crashed = (self._data / "postmaster.pid").exists()
        while True:
            port = state.port if is_free(state.port) else free_port()
            said = self._start(port, wanted)
            running = find_running(self._home)
            if running is not None:
                running.write(self._home / "server.json")
                return running
            if time.monotonic() > deadline or not (crashed or not is_free(port)):
                raise StartFailed(f"PostgreSQL did not start in {self._home}: {said}\n{self._end_of_log()}")
            time.sleep(0.1)

    def _known(self) -> ServerState:
        state = ServerState.read(self._home / "server.json")
        if state is None:
            raise StartFailed(
                f"{self._data} holds a database, but {self._home / 'server.json'} with its password is gone. "
                "Put the file back, or remove the folder to start with an empty database."
            )
        made_by = (self._data / "PG_VERSION").read_text().strip()
        if made_by != str(self._binaries.version[0]):
            raise StartFailed(
                f"{self._data} was made by PostgreSQL {made_by}, and {self._binaries.dir} is "
                f"{self._binaries.version[0]}. Set TANDEM_PG_BIN to the programs of {made_by}, or remove "
                f"{self._home} to start with an empty database."
            )
        return state

    def _make(self, durable: bool) -> ServerState:
        """initdb beside, then one rename: what an interrupted try leaves is never taken for a database."""
        state = ServerState(free_port(), SUPERUSER, secrets.token_urlsafe(24), 0)
        making = self._home / "making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self._account.own(making)
        with NamedTemporaryFile("w", dir=self._home, prefix=".word-") as word:
            word.write(state.password)
            word.flush()
            self._account.own(Path(word.name))
            self._initdb(making, Path(word.name), durable)
        state.write(self._home / "server.json")
        making.rename(self._data)
        return state

    def _initdb(self, making: Path, word: Path, durable: bool) -> None:
        argv: list[str | Path] = [self._binaries.path("initdb"), "-D", making, "-U", SUPERUSER, f"--pwfile={word}"]
        argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]
        if self._binaries.version[0] >= 17:
            # the same order of letters on each machine, whatever its C library
            argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not durable:
            argv.append("--no-sync")
        code, said = self._run(argv)
        if code != 0:
            raise StartFailed(f"initdb could not make a database in {making}:\n{said}")

    def _start(self, port: int, settings: Mapping[str, str]) -> str:
        """One try; what pg_ctl said of it."""
        self._log.touch(mode=0o600)
        self._account.own(self._log)
        options = ["-p", str(port)]
        for name, value in settings.items():
            options += ["-c", f"{name}={value}"]
        argv: list[str | Path] = [self._binaries.path("pg_ctl"), "start", "-D", self._data, "-l", self._log]
        _, said = self._run([*argv, "-o", shlex.join(options), "-w", "-t", str(_READY_SECONDS)])
        return said

    def _run(self, argv: Sequence[str | Path]) -> tuple[int, str]:
        try:
            return self._account.run(argv, timeout=_READY_SECONDS + 10, environ=server_environment())
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise StartFailed(f"{Path(argv[0]).name} did not run: {fault}\n{self._end_of_log()}") from None

    def _end_of_log(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()[-10:]
        except OSError:
            return ""
        return "\n".join([f"The end of {self._log}:", *lines])


def server_environment() -> dict[str, str]:
    """Ours without what PostgreSQL's programs would take for settings, in plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket() as probe:
        # as PostgreSQL itself does: a connection that ended a moment ago does not hold the port
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
