"""Every command that a page tells people to type is typed here; a fence says how by `run=` behind its language."""

import asyncio
import base64
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.connectors.vault.keys import Keys
from bot.store.migrate import migrate
from bot.store.pool import fit_to_run
from config.documents import NAMES
from deploy.chromium import chromium
from deploy.local.ports import kept_port
from deploy.local.postgres import Server
from deploy.local.stage import Stage
from tests.databases import ROOT, SessionServer
from tests.docs.pages import PAGES, Fence, all_fences, codes, fences
from tests.docs.workspace import ORDERS, clean, workspace
from tests.support.company import applied

WITHIN = 100.0  # seconds for one command
MINUTES = 600.0  # seconds for one that looks at everything
COMMAND = re.compile(r"\bmake [a-z]|python -m \w")


async def typed(line: str, *, env: Mapping[str, str], cwd: Path = ROOT, within: float = WITHIN) -> tuple[int, str]:
    """One piece of shell to its end: its status and what it said. Over its time, its own session is ended."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-ec", line, cwd=cwd, env=env, start_new_session=True,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within):
            said, _ = await process.communicate()
    finally:
        _end(process, signal.SIGKILL)
    return process.returncode or 0, said.decode()


def _end(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """A signal to the session that this process leads, if it is still there."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


async def served(url: str, process: asyncio.subprocess.Process) -> str:
    """What the address answers with 200, once it does. Fails where the process ends first."""
    async with asyncio.timeout(WITHIN), aiohttp.ClientSession() as session:
        while process.returncode is None:
            with suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return await answer.text()
            await asyncio.sleep(0.05)
    raise AssertionError(f"it ended with status {process.returncode}")


async def _tests(fence: Fence, tmp_path: Path) -> None:
    """The same target on one small file: the whole is what runs this."""
    status, said = await typed(f"{fence.text.strip()} WORKERS=1 ARGS=tests/unit/test_durations.py", env=clean())
    assert status == 0, said
    assert re.search(r"\d+ passed", said)


async def _dry(fence: Fence) -> None:
    """What takes minutes: make knows it, and every module that it starts is there."""
    for line in fence.text.splitlines():
        status, said = await typed(line.replace("make", "make --dry-run", 1), env=clean())
        assert status == 0, said
        modules = re.findall(r"python -m ([\w.]+)", said) + re.findall(r"from (\w+)\.\w+ import", said)
        assert modules, said
        assert [name for name in modules if importlib.util.find_spec(name) is None] == []


async def _project(fence: Fence, tmp_path: Path) -> None:
    """In the order of the page; what changes files does so in a copy, to which a fault of style was added."""
    copy = tmp_path / "copy"
    left_out = shutil.ignore_patterns("__pycache__", "node_modules", ".local")
    for name in ("bot", "config", "deploy", "handlers"):
        shutil.copytree(ROOT / name, copy / name, ignore=left_out)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "tests/unit/test_durations.py"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)  # make looks at the lock's age
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / "bot" / "ugly.py").write_text('"""A fault of style."""\n\nugly = { "a":1 }\n')
    for line in fence.text.splitlines():
        if line not in UNTYPED:
            await PROJECT[line](line, copy)


async def _finds(line: str, copy: Path) -> None:
    """The fault, by its file; without it nothing."""
    status, said = await typed(line, env=clean(), cwd=copy)
    assert (status, "ugly.py" in said) == (2, True), said
    ugly = (copy / "bot" / "ugly.py").read_text()
    (copy / "bot" / "ugly.py").unlink()
    status, said = await typed(line, env=clean(), cwd=copy, within=MINUTES)
    assert status == 0, said
    (copy / "bot" / "ugly.py").write_text(ugly)


async def _mends(line: str, copy: Path) -> None:
    status, said = await typed(line, env=clean(), cwd=copy)
    assert status == 0, said
    assert (copy / "bot" / "ugly.py").read_text().endswith('ugly = {"a": 1}\n')


async def _proves(line: str, copy: Path) -> None:
    """The same target on one small file: the whole is what runs this."""
    status, said = await typed(f"{line} WORKERS=1 ARGS=tests/scenario/test_slack_door_payloads.py", env=clean())
    assert status == 0, said
    assert re.search(r"\d+ passed", said)


async def _pictures(fence: Fence, tmp_path: Path) -> None:
    """Where there is no Chromium it must say so, and leave the pictures alone."""
    status, said = await typed(f"{fence.text.strip()} ARGS='--orders {ORDERS} --to {tmp_path}'", env=clean())
    assert status == 0, said
    taken = {path.name for path in tmp_path.glob("*.png")}
    if chromium():
        assert taken == {path.name for path in (ROOT / "docs" / "images").glob("*.png")}
    else:
        assert "No Chromium on this machine" in said
        assert taken == set()


async def _gallery(fence: Fence, tmp_path: Path) -> None:
    """One screen of each kind: a message, a modal and a Home."""
    names = ("card/queued", "modal/deny", "home/empty")
    status, said = await typed(f"{fence.text.strip()} ARGS='--only {' '.join(names)} --to {tmp_path}'", env=clean())
    assert status == 0, said
    for name in names:
        if chromium():
            assert (tmp_path / "phone" / f"{name}.png").stat().st_size > 1000
            assert f"wide/{name}.png" in (tmp_path / "index.html").read_text()
        else:
            assert "No Chromium on this machine" in said


async def _page(fence: Fence, tmp_path: Path) -> None:
    """Until the page answers; then Ctrl-C."""
    with closing(SessionServer()) as place:
        process = await asyncio.create_subprocess_exec(
            "sh", "-ec", f"exec {fence.text.strip()} ARGS='--home {place.home}'", cwd=ROOT, env=clean(),
            start_new_session=True, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdout
        try:
            async with asyncio.timeout(WITHIN):
                while b"Open" not in (line := await process.stdout.readline()):
                    assert line, "it ended without an address"
            assert "<title>" in await served(line.split()[-1].decode(), process)
            _end(process, signal.SIGINT)
            async with asyncio.timeout(WITHIN):
                await process.stdout.read()
                await process.wait()
        finally:
            _end(process, signal.SIGKILL)


async def _slack(fence: Fence, tmp_path: Path) -> None:
    """Around a manifest that lies there, on a free port, until its page answers; then Ctrl-C."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "manifest.yaml").write_text("display_information:\n  name: Shown\n")
    process = await asyncio.create_subprocess_exec(
        "sh", "-ec", f"exec {fence.text.strip()} --port 0", cwd=tmp_path, env=clean(PYTHONPATH=str(ROOT)),
        start_new_session=True, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        async with asyncio.timeout(WITHIN):
            assert b"Shown: bot token" in await process.stdout.readline()
            line = await process.stdout.readline()
            assert "<title>" in await served(line.split()[-1].decode(), process)
            _end(process, signal.SIGINT)
            assert await process.wait() == 0
        assert (tmp_path / "slack.db").exists()
    finally:
        _end(process, signal.SIGKILL)


async def _init(fence: Fence, tmp_path: Path) -> None:
    """In an empty folder, as somebody's own repository is."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    status, said = await typed(fence.text, env=clean(PYTHONPATH=str(ROOT)), cwd=tmp_path)
    assert status == 0, said
    assert "FILL IN" in said
    assert {path.name for path in (tmp_path / "company").iterdir()} == set(NAMES)


async def _keys(fence: Fence, tmp_path: Path) -> None:
    status, said = await typed(fence.text, env=clean())
    assert status == 0, said
    seal, personal, keyset = (line.partition("=")[2] for line in said.splitlines())
    assert [len(base64.b64decode(key, validate=True)) for key in (seal, personal)] == [32, 32]
    assert seal != personal
    assert Keys(keyset).open(Keys(keyset).seal(b"backup", "a"), "a") == b"backup"


# What no test types, and why; every other command of the pages is typed.
UNTYPED = {
    "make lock": "it asks the package index",
    "npm ci --prefix tests/foreign/javascript": "it asks the package index; .ci/run types it",
}
PROJECT = {"make check": _finds, "make format": _mends, "make prove": _proves}
SLOW = ("pictures", "project")  # a whole story in a browser; types of everything: `make prove` does


def slow(fence: Fence) -> Any:
    marks = [pytest.mark.prove, pytest.mark.timeout(2 * MINUTES)]
    return pytest.param(fence, marks=marks) if fence.marks["run"] in SLOW else fence


ALONE = {
    "tests": _tests, "project": _project, "pictures": _pictures, "gallery": _gallery,
    "page": _page, "slack": _slack, "init": _init, "keys": _keys,
}  # fmt: skip
INSIDE = {"company", "serves"}  # in a running workspace, as its bot


@pytest.mark.parametrize("fence", [f for f in all_fences("sh") if f.marks.get("run") in SLOW], ids=str)
async def test_make_knows_what_is_typed_by_make_prove_alone(fence: Fence) -> None:
    await _dry(fence)


@pytest.mark.parametrize("fence", [slow(f) for f in all_fences("sh") if f.marks.get("run") in ALONE], ids=str)
async def test_a_command_of_the_pages_does_what_it_says(fence: Fence, tmp_path: Path) -> None:
    await ALONE[fence.marks["run"]](fence, tmp_path)


async def test_the_operators_commands_work_on_the_sample_company(tmp_path: Path) -> None:
    told = [fence for fence in all_fences("sh") if fence.marks.get("run") in INSIDE]
    assert {fence.marks["run"] for fence in told} == INSIDE
    async with workspace() as stage:
        env = _of_the_bot(stage, tmp_path / "company")
        for fence in told:
            if fence.marks["run"] == "serves":
                await _serves(fence, env)
                continue
            for line in fence.text.splitlines():
                status, said = await typed(line, env=env)
                assert status == 0, f"{fence}: {line}\n{said}"


def _of_the_bot(stage: Stage, folder: Path) -> Mapping[str, str]:
    """The environment of the workspace's own bot, typed by Ana, whose login its roster knows."""
    env = stage.bot._environment
    shutil.copytree(env["TANDEM_CONFIG"], folder)
    people, login = folder / "people.toml", pwd.getpwuid(os.getuid()).pw_name
    people.write_text(people.read_text().replace("[people.ana]", f'[people.ana]\nlogin = "{login}"'))
    return {**clean(**env), "TANDEM_CONFIG": str(folder)}


async def _serves(fence: Fence, env: Mapping[str, str]) -> None:
    """A second copy beside the first, until it is ready and told to stop."""
    with kept_port() as port:
        process = await asyncio.create_subprocess_exec(
            "sh", "-ec", f"exec {fence.text.strip()}", cwd=ROOT, env={**env, "PORT": str(port)}, start_new_session=True,
        )  # fmt: skip
        try:
            assert await served(f"http://127.0.0.1:{port}/readyz", process) == "ready\n"
            process.terminate()
            async with asyncio.timeout(WITHIN):
                assert await process.wait() == 0
        finally:
            _end(process, signal.SIGKILL)


async def test_the_statements_of_the_operators_page_make_a_database_that_the_bot_can_work_in(pg_server: Server) -> None:
    mark = f"t{secrets.token_hex(4)}"
    told = {fence.marks["run"]: fence.text.replace("tandem", mark) for fence in all_fences("sql")}
    assert set(told) == {"bot", "target"}
    statements = [one for text in told.values() for one in text.split(";\n") if one.strip()]
    async with pg_server.connect() as connection:
        await connection.execute(
            "SELECT pg_advisory_lock(hashtext('server settings'))"
        )  # others grant on the same rows
        for statement in statements:
            await connection.execute(statement)
    try:
        said = await migrate(pg_server.dsn(mark, f"{mark}_owner", "write your own"), f"{mark}_bot", applied())
        assert said[-1].endswith("is in force")
        async with pg_server.connect(mark) as connection:
            await connection.execute(f"SET SESSION AUTHORIZATION {mark}_bot; SET search_path = tandem")
            await fit_to_run(connection)
    finally:
        await pg_server.drop_database(mark)
        async with pg_server.connect() as connection:
            await connection.execute(f"DROP OWNED BY {mark}_operator")
            await connection.execute(f"DROP ROLE {mark}_owner, {mark}_bot, {mark}_operator")


def test_what_no_test_types_still_stands_on_a_page() -> None:
    lines = {line for fence in all_fences("sh") for line in fence.text.splitlines()}
    assert set(UNTYPED) <= lines | {code for page in PAGES for code in codes(page)}
    (project,) = [fence for fence in all_fences("sh") if fence.marks.get("run") == "project"]
    assert set(project.text.splitlines()) <= {*PROJECT, *UNTYPED}
    assert (ROOT / "tests" / "foreign" / "javascript" / "package-lock.json").exists()


def test_no_command_is_shown_without_being_typed_here() -> None:
    lost = [str(fence) for fence in all_fences("sh") if fence.marks.get("run") not in {*ALONE, *INSIDE}]
    other = [f for page in PAGES for f in fences(page) if f.language != "sh" and COMMAND.search(f.text)]
    assert lost == []
    assert [str(fence) for fence in other] == []


def test_what_sentences_name_is_there_to_be_typed() -> None:
    makefile = (ROOT / "Makefile").read_text()
    told = {code for page in PAGES for code in codes(page)}
    targets = {found[1] for code in told if (found := re.match(r"make ([a-z]+)", code))}
    verbs = {found[1] for code in told if (found := re.search(r"python -m bot ([a-z]+)", code))}
    parser = (ROOT / "bot" / "__main__.py").read_text()
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
    assert [name for name in verbs if f'add_parser("{name}"' not in parser] == []
