"""The repository's own rules: the lock, the Makefile, the imports and the sizes."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.connectors.postgres import session
from bot.doctor import ledger
from deploy.chromium import NAMES
from deploy.imports import imports_of, is_allowed, is_denied
from deploy.lock import LOCK, PROJECT, faults
from tests.databases import ROOT
from tests.skips import listed

TARGETS = ["run", "test", "check", "bench", "prove", "format", "lock", "clean"]
FILE_LINES = 400
FUNCTION_LINES = 40
STORY_LINES = 60  # a test may tell a longer story than the code it tests
HASH = "--hash=sha256:" + "0" * 64
TINY_PROJECT = """
[project]
dependencies = ["aiohttp>=3.12,<4"]
[dependency-groups]
dev = ["Py_Test>=9"]
"""
TINY_LOCK = f"aiohttp==3.14.5 \\\n    {HASH}\npy-test==9.2.0 ; python_version < '4' \\\n    {HASH} \\\n    {HASH}\n"


def limit(path: Path) -> int:
    return STORY_LINES if path.is_relative_to(ROOT / "tests") else FUNCTION_LINES


def sources() -> Iterator[Path]:
    for folder in ("bot", "handlers", "config", "deploy", "tests"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_lock_fits_the_project() -> None:
    assert faults(PROJECT.read_text(), LOCK.read_text()) == []


def test_the_operators_page_names_the_oldest_servers_that_the_code_takes() -> None:
    page = " ".join((ROOT / "docs" / "operators.md").read_text().split())
    assert f"PostgreSQL {ledger.OLDEST} or newer for the bot's own tables" in page
    assert f"The databases it looks after may be PostgreSQL {session.OLDEST} or newer" in page


def test_a_lock_that_fits_has_no_faults() -> None:
    assert faults(TINY_PROJECT, TINY_LOCK) == []


@pytest.mark.parametrize(
    ("lock", "fault"),
    [
        (TINY_LOCK.replace("3.14.5", "4.0.0"), "wants aiohttp<4,>=3.12, and the lock has 4.0.0"),
        (TINY_LOCK.replace("py-test", "other"), "the lock has no Py_Test"),
        (TINY_LOCK.replace(f"3.14.5 \\\n    {HASH}", "3.14.5"), "line 1: aiohttp has no hash"),
        ("--index-url https://registry.example/simple\n" + TINY_LOCK, "line 1: `--index-url"),
        (TINY_LOCK + "--find-links /opt/wheels\n", "line 6: `--find-links"),
        (TINY_LOCK + "local @ file:///tmp/local.whl\n", "line 6: `local @"),
        (TINY_LOCK.replace("sha256", "md5"), "neither name==version nor a sha256 hash"),
    ],
)
def test_a_lock_that_does_not_fit_is_told_with_its_line(lock: str, fault: str) -> None:
    assert any(fault in found for found in faults(TINY_PROJECT, lock))


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_the_target(target: str) -> None:
    said = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert said.returncode == 0, said.stderr


def test_make_run_passes_the_real_slack_on() -> None:
    said = subprocess.run(["make", "-n", "run", "SLACK=real"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert "-m deploy.local --slack 'real'" in said.stdout


def test_no_worker_of_make_compiles_what_another_has_compiled() -> None:
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    argv = ["make", "--eval=told:\n\t@env", "told"]
    said = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    assert "PATH=" in said.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in said.stdout


@pytest.mark.parametrize(
    ("script", "advice"),
    [
        ('case "$2" in *"%d.%d"*) echo 3.9;; *) exit 1;; esac', "needs Python 3.11 or newer, and this machine has 3.9"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_told_with_what_to_install(tmp_path: Path, script: str, advice: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_in = programs / "python3"
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)

    said = subprocess.run(
        ["/bin/sh", ROOT / "deploy" / "venv.sh"],
        cwd=tmp_path,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert said.returncode == 1
    assert advice in said.stderr
    assert not (tmp_path / ".venv").exists()


def test_libraries_that_a_link_leads_to_are_brought_up_to_date_and_the_link_stays(tmp_path: Path) -> None:
    python = tmp_path / "elsewhere" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/typed\n')
    python.chmod(0o755)
    (tmp_path / ".venv").symlink_to("elsewhere")

    script = ["/bin/sh", str(ROOT / "deploy" / "venv.sh"), sys.executable]
    said = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=30)

    assert said.returncode == 0, said.stderr
    assert (tmp_path / ".venv").is_symlink()
    assert "install --quiet --require-hashes -r requirements.lock" in (tmp_path / "typed").read_text()


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], timeout=30).returncode == 0


def test_what_ci_must_try_is_what_a_test_may_be_skipped_for() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    demanded = re.findall(r"^must (\w+) ", script, re.MULTILINE)
    assert set(demanded) == {"chromium", "pgbouncer", "node", "reference"}
    assert set(demanded) <= set(listed())
    assert f"browsers=({' '.join(NAMES)})" in script


def test_no_file_is_longer_than_the_house_limit() -> None:
    paths = [*sources(), *(ROOT / "bot").rglob("*.sql"), *(ROOT / "deploy").rglob("*.sql")]
    lengths = {named(path): len(path.read_text().splitlines()) for path in paths}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_the_house_limit() -> None:
    long = {
        f"{named(path)}:{node.lineno} {node.name}": lines
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.body[0].lineno + 1) > limit(path)
    }
    assert long == {}


def test_no_file_names_a_package_registry_or_somebody_s_home() -> None:
    forbidden = re.compile(
        "|".join([r"pypi\.o" + "rg", "pythonhos" + "ted", r"npmjs\.o" + "rg", "/ro" + "ot/", "/ho" + "me/"])
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def tracked() -> Iterator[Path]:
    """The project's own text files, tracked or about to be."""
    left_out = {".git", ".venv", ".tandem", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    left_out |= {".hypothesis", ".import_linter_cache", ".local", ".local-real", "dist", "node_modules"}
    texts = {
        ".py",
        ".md",
        ".toml",
        ".sql",
        ".yaml",
        ".yml",
        ".json",
        ".txt",
        ".sh",
        ".js",
        ".css",
        ".html",
        ".lock",
        "",
    }
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in left_out]
        yield from (Path(folder, name) for name in names if Path(name).suffix in texts)


def test_each_kind_of_import_is_read_with_its_line() -> None:
    source = "import os.path\nfrom bot import operation\nfrom . import near\nfrom ..db.x import far as f\n"

    assert list(imports_of(source, Path("handlers/ops/restore.py"))) == [
        (1, ["os.path"]),
        (2, ["bot.operation", "bot"]),
        (3, ["handlers.ops.near", "handlers.ops"]),
        (4, ["handlers.db.x.far", "handlers.db.x"]),
    ]


def test_a_closed_list_lets_in_what_is_inside_a_module_and_the_standard_library_alone() -> None:
    allowed = ["bot.operation", "bot.connectors"]

    assert is_allowed(["bot.operation", "bot"], allowed)
    assert is_allowed(["bot.connectors.redis.Redis", "bot.connectors.redis"], allowed)
    assert is_allowed(["datetime.datetime", "datetime"], allowed)
    assert not is_allowed(["bot.store", "bot"], allowed)
    assert not is_allowed(["bot.operations.x", "bot.operations"], allowed)
    assert not is_allowed(["aiohttp"], allowed)


def test_a_denied_module_is_found_under_each_spelling() -> None:
    assert is_denied(["subprocess.run", "subprocess"], ["subprocess"])
    assert is_denied(["urllib.request", "urllib"], ["urllib.request"])
    assert not is_denied(["urllib.parse", "urllib"], ["urllib.request"])
