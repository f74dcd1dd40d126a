"""Keeps requirements.lock: names, versions and hashes of everything, and neither a host nor a path of any machine.

`python -m deploy.lock` writes it anew (needs the network); `--check` says offline whether it fits pyproject.toml.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "requirements.lock"
PYTHON_FLOOR = "3.11"

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+))?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(slots=True)
class Pin:
    """One locked package; `hashes` counts the files that may be installed for it."""

    name: str
    version: Version
    hashes: int = 0
    lines: list[int] = field(default_factory=list)


def faults(project: str, lock: str) -> list[str]:
    """Everything wrong with a lock's text beside a pyproject.toml's text, each as a sentence; empty where it fits."""
    pins, found = _pins(lock)
    for pin in pins:
        if not pin.hashes:
            found.append(f"line {pin.lines[0]}: {pin.name} has no hash, so pip would refuse to install it")
    locked: dict[str, list[Pin]] = {}
    for pin in pins:
        locked.setdefault(pin.name, []).append(pin)
    for requirement in _wanted(project):
        candidates = locked.get(canonicalize_name(requirement.name), [])
        if not candidates:
            found.append(f"pyproject.toml wants {requirement}, and the lock has no {requirement.name}")
        for pin in candidates:
            if not requirement.specifier.contains(pin.version, prereleases=True):
                found.append(f"pyproject.toml wants {requirement}, and the lock has {pin.version}")
    return found


def _wanted(project: str) -> list[Requirement]:
    table = tomllib.loads(project)
    lines = [*table["project"]["dependencies"]]
    for group in table.get("dependency-groups", {}).values():
        lines += [line for line in group if isinstance(line, str)]
    return [Requirement(line) for line in lines]


def _pins(lock: str) -> tuple[list[Pin], list[str]]:
    """The packages of a lock, and a sentence for each line that is neither a pin nor a hash."""
    pins: list[Pin] = []
    found: list[str] = []
    for number, line in enumerate(lock.splitlines(), 1):
        text = line.removesuffix("\\").strip()
        pin = _PIN.fullmatch(text)
        if pin:
            pins.append(Pin(canonicalize_name(pin["name"]), Version(pin["version"]), lines=[number]))
        elif _HASH.fullmatch(text) and pins:
            pins[-1].hashes += 1
        elif text:
            found.append(f"line {number}: `{text}` is neither name==version nor a sha256 hash")
    return pins, found


def _write() -> int:
    """Resolves with uv for every platform at once; its own settings and ours of the machine stay out."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    argv = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", PYTHON_FLOOR]
    argv += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "--no-config", "--quiet"]
    argv += [PROJECT.name, "--group", f"{PROJECT.name}:dev", "--output-file", LOCK.name, *sys.argv[1:]]
    return subprocess.run(argv, cwd=ROOT, env=environ).returncode


def main() -> int:
    """Other arguments than --check go to uv: `--upgrade`, `--upgrade-package NAME`."""
    parser = argparse.ArgumentParser(prog="python -m deploy.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="look only, without the network")
    arguments, _ = parser.parse_known_args()
    if not arguments.check and _write() != 0:
        print("requirements.lock was not written: uv says why above. This needs the network.", file=sys.stderr)
        return 1
    if not LOCK.exists():
        print("requirements.lock is missing. Write it with `make lock`.", file=sys.stderr)
        return 1
    found = faults(PROJECT.read_text(), LOCK.read_text())
    for fault in found:
        print(f"requirements.lock: {fault}", file=sys.stderr)
    if found:
        print("Write it anew with `make lock`.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
