"""What a later process needs to find the server again, and whether the process it names still is that server."""

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerState:
    """The private state file of one server; `pid` is the postmaster's."""

    port: int
    superuser: str
    password: str
    pid: int

    @classmethod
    def read(cls, path: Path) -> "ServerState | None":
        """The stored state, None where there is none that can be read."""
        try:
            stored = json.loads(path.read_text())
            return cls(int(stored["port"]), str(stored["superuser"]), str(stored["password"]), int(stored["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Replaces the file in one move, readable by its owner alone from its first byte."""
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)
        fresh.replace(path)

    def __repr__(self) -> str:
        """Without the password: states end up in test reports."""
        return f"ServerState(port={self.port}, superuser={self.superuser!r}, pid={self.pid})"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """PostgreSQL's own postmaster.pid: `ready` once it takes connections."""

    pid: int
    port: int
    ready: bool

    @classmethod
    def read(cls, data: Path) -> "Postmaster | None":
        """What the folder's postmaster.pid says, None where there is none or it is half written."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            return cls(int(lines[0]), int(lines[3]), lines[7].strip() == "ready")
        except (OSError, ValueError, IndexError):
            return None

    def alive(self, data: Path) -> bool:
        """Whether a postmaster on `data` has that pid now: after a crash the number may be anybody's."""
        return f" -D {data} " in f"{_command_line(self.pid)} "


def _command_line(pid: int) -> str:
    """A process's command line; empty where it is gone or only waits to be reaped."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
        except OSError:
            return ""
    said = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, timeout=30)
    return said.stdout.strip()


def find_running(home: Path) -> ServerState | None:
    """The state of the server that takes connections on `home`/data now.

    Pid and port come from PostgreSQL's own file: whoever started it may have been killed before writing ours.
    """
    state = ServerState.read(home / "server.json")
    postmaster = Postmaster.read(home / "data")
    if state is None or postmaster is None or not postmaster.ready or not postmaster.alive(home / "data"):
        return None
    return ServerState(postmaster.port, state.superuser, state.password, postmaster.pid)
