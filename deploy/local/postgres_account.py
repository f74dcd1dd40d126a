"""Whose process the server is. PostgreSQL refuses root, so root lends it another user or a user namespace."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.postgres_binaries import Binaries
from deploy.local.postgres_errors import AccountRefused

_LENDABLE = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """How the server's programs are started.

    `uid` and `gid` are the user to change to (None: stay who we are); `prefix` comes before each command line.
    """

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()

    def run(self, argv: Sequence[str | Path], timeout: float, environ: Mapping[str, str]) -> tuple[int, str]:
        """Runs one program to its end; its exit code and what it said.

        `timeout` is in seconds. Raises OSError and subprocess.TimeoutExpired.
        """
        done = subprocess.run(
            [*self.prefix, *map(str, argv)],
            cwd="/",
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else (),
            timeout=timeout,
        )
        return done.returncode, done.stdout.strip()

    def own(self, path: Path) -> None:
        """Gives `path` to the server's user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose_account(binaries: Binaries, home: Path) -> Account:
    """Who runs the server whose folder is `home`; what is already in it decides for its owner.

    Raises AccountRefused where nobody can: a uid without a name, another user's folder, or root on a machine where
    neither another user nor a user namespace works.
    """
    data = home / "data"
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() == 0:
        return _lent_by_root(binaries, home, owner)
    return _own(data, owner)


def _own(data: Path, owner: int | None) -> Account:
    uid = os.geteuid()
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise AccountRefused(
            f"PostgreSQL does not run as user id {uid}, because that id has no name on this machine. "
            "Run as a user that has one, or, as root, give it one: "
            f"echo 'tandem:x:{uid}:{os.getegid()}::/tmp:/bin/sh' >> /etc/passwd"
        ) from None
    if owner is not None and owner != uid:
        raise AccountRefused(
            f"{data} belongs to user id {owner}, and you are {uid}: PostgreSQL runs only as the owner of its data. "
            "Run as that user, or remove the folder to start with an empty database."
        )
    return Account()


def _lent_by_root(binaries: Binaries, home: Path, owner: int | None) -> Account:
    refused: list[str] = []
    for account, name in _candidates(owner):
        fault = _fault(account, binaries, home)
        if fault is None:
            return account
        refused.append(f"  {name}: {fault}")
    raise AccountRefused(
        "PostgreSQL refuses to run as root, and no way around that works here:\n"
        + "\n".join(refused)
        + "\nRun as an ordinary user, or let others pass through the folders on the way to "
        f"{binaries.dir} and {home} (chmod o+x)."
    )


def _candidates(owner: int | None) -> list[tuple[Account, str]]:
    """The accounts root can lend, best first; data that exist are opened only as they were made."""
    names = [entry for entry in pwd.getpwall() if entry.pw_name in _LENDABLE and entry.pw_uid != 0]
    names.sort(key=lambda entry: _LENDABLE.index(entry.pw_name))
    if owner is not None and owner != 0:
        names = [entry for entry in pwd.getpwall() if entry.pw_uid == owner][:1]
    found: list[tuple[Account, str]] = []
    if owner != 0:
        found += [(Account(entry.pw_uid, entry.pw_gid), f"as user {entry.pw_name}") for entry in names]
    if owner in (None, 0) and names:
        # in the namespace root's files appear as this user's, so nothing has to change hands
        prefix = (shutil.which("unshare") or "unshare", "--user", f"--map-user={names[-1].pw_uid}", "--")
        found.append((Account(prefix=prefix), "in a user namespace (unshare)"))
    return found


def _fault(account: Account, binaries: Binaries, home: Path) -> str | None:
    """Why this account will not do, tried rather than worked out from mode bits: access lists and seccomp count."""
    if account.prefix and shutil.which(account.prefix[0]) is None:
        return f"the program `{account.prefix[0]}` is not installed"
    try:
        tries: list[list[str | Path]] = [
            [binaries.path("postgres"), "--version"],
            ["/bin/sh", "-c", 'test -x "$0"', home],
        ]
        for argv in tries:
            code, said = account.run(argv, timeout=30, environ={"LC_ALL": "C"})
            if code != 0:
                return said or f"{home} cannot be entered"
    except (OSError, subprocess.SubprocessError) as fault:
        return str(fault)
    return None
