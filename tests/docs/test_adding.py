"""The examples of the two pages for authors: one new file is added, and all that the pages say follows from it."""

import importlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

import deploy.local.stage
from bot.discovery import deeds, load
from bot.effect import World
from bot.engine.attempts import Trying
from bot.help import OperationHelp, Reader, help_for
from bot.model import Risk, Way
from bot.policy import Policy, Rule, need
from bot.slack.asking import form_of
from deploy.imports import imports_of, is_allowed
from deploy.local.slack.client import Workspace, shown_text
from tests.databases import ROOT
from tests.docs.pages import named
from tests.docs.workspace import workspace

OPERATION = "handlers/ops/db/pause.py"
CONNECTOR = "bot/connectors/notices.py"
LINE = "/ops db pause shop lasting=1s"
PRODUCTION = Rule(operations=("*",), environments=("production",), ask=("engineers",), approve=("dba",))


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package "added" that holds the page's file and nothing else."""
    write(tmp_path, "added/ops/db/pause.py", named("python", OPERATION).text)
    write(tmp_path, "added/notices.py", named("python", CONNECTOR).text)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("added")
    for name in [name for name in sys.modules if name.partition(".")[0] == "added"]:
        del sys.modules[name]


def test_one_file_gives_a_command_a_form_help_and_a_place_in_the_policy(package: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "added" / "notices.py").unlink()
    loaded = load(package)
    assert loaded.faults == ()
    entry = loaded.catalogue.get("ops db pause")

    form = form_of(entry).view("draft", {"database": "shop"})
    assert [block["block_id"] for block in form["blocks"] if block["type"] == "input"][:3] == [
        "database",
        "lasting",
        "reason",
    ]
    page = help_for(
        ["ops", "db", "pause"], loaded.catalogue, Policy(rules=(PRODUCTION,)), ("production",),
        Reader(groups=frozenset({"engineers"})),
    )  # fmt: skip
    assert isinstance(page, OperationHelp)
    assert page.summary == "Keeps everybody out of a database for a while."
    assert page.usage == '/ops db pause <database> [lasting=…] reason="…"'
    assert [place.approve for place in page.here] == [("dba",)]
    assert need(Policy(), "ops db pause", "production", Risk.DESTRUCTIVE) is None, "what no rule names, nobody may"


def test_the_example_imports_what_a_handler_may() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (allowed,) = [contract["allowed"] for contract in contracts if contract.get("files") == ["handlers/**/*.py"]]
    read = list(imports_of(named("python", OPERATION).text, Path(OPERATION)))
    assert read
    assert [names[0] for _, names in read if not is_allowed(names, allowed)] == []


@pytest.mark.parametrize("name", [OPERATION, CONNECTOR])
@pytest.mark.parametrize("how", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_examples_are_in_the_house_style(name: str, how: list[str]) -> None:
    argv = [sys.executable, "-m", "ruff", *how, "--no-cache", "--stdin-filename", name, "-"]
    said = subprocess.run(argv, cwd=ROOT, input=named("python", name).text, capture_output=True, text=True, timeout=30)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture
def grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with the page's file added to its handlers, and nothing else changed."""
    tree = tmp_path / "project"
    tree.mkdir()
    for name in ("bot", "config", "deploy"):
        (tree / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "handlers", tree / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    write(tree, OPERATION, named("python", OPERATION).text)
    monkeypatch.setattr(deploy.local.stage, "ROOT", tree)
    return tree


async def test_one_file_gives_an_operation_that_two_people_run_in_slack_and_the_audit_holds(grown: Path) -> None:
    before = {path.relative_to(ROOT) for path in (ROOT / "handlers").rglob("*.py")}
    assert {path.relative_to(grown) for path in (grown / "handlers").rglob("*.py")} - before == {Path(OPERATION)}
    async with workspace() as stage:
        slack = stage.slack.workspace()
        assert "Keeps everybody out of a database" in await _only_for(slack, "ana", "/ops db pause help")
        await slack.command("ana", "incidents", "/ops db")
        assert "ops db pause" in str(await slack.wait_for_view("ana"))
        await slack.cancel("ana", everything=True)
        assert "only engineers may ask" in (await _only_for(slack, "dan", f"{LINE} reason=drill")).lower()
        await _asked_by_form(slack)
        await _approved(slack)
        await _audited(stage)
        await slack.close()


async def _only_for(slack: Workspace, person: str, line: str) -> str:
    """What only this person reads in answer."""
    seen = len(await slack.ephemerals(person))
    await slack.command(person, "incidents", line)
    return "\n".join(shown_text(one) for one in (await slack.ephemerals(person))[seen:])


async def _asked_by_form(slack: Workspace) -> None:
    """A line without a reason opens the form, with the values of the line in it."""
    await slack.command("ana", "incidents", LINE)
    form = await slack.wait_for_view("ana", title="ops db pause")
    assert "How long nobody gets in" in str(form)
    assert "'1s'" in str(form)
    assert (await slack.submit("ana", form, {"reason": "drill"})).ok


async def _approved(slack: Workspace) -> None:
    card = await slack.wait_for_message("ben", "incidents", text="1 approval needed, from database people")
    await slack.wait_for_message("ben", "incidents", text="Press Approve", thread_ts=str(card["ts"]))
    said = shown_text(card)
    assert "Keep everybody out of shop for 1s" in said
    assert "sessions, with what they have not committed" in said
    await slack.click("ana", card, "Approve")
    await slack.wait_for_ephemeral("ana", text="You asked for this yourself")
    await slack.click("ben", card, "Approve")
    end = "shop was closed for 1s and is open again"
    await slack.wait_for_message("ben", "incidents", text=end, thread_ts=str(card["ts"]), seconds=30)


async def _audited(stage: deploy.local.stage.Stage) -> None:
    status, said = await stage.bot.once("runs", "r1")
    assert status == 0, said
    assert "ops db pause succeeded" in said
    for told in ("approval ben", "step_done shut (do", "step_done rest (do", "step_done open (do", "ended"):
        assert told in said, said
    status, said = await stage.bot.once("audit", "verify")
    assert status == 0, said


async def test_one_file_gives_a_connector_whose_effects_are_found(package: ModuleType, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "added" / "ops")
    found = deeds(package)
    assert found.faults == ()
    kinds = {name.partition("@")[0].rpartition(".")[2]: kind for name, kind in found.classes.items()}
    assert set(kinds) == {"Publish", "TakeDown"}

    board = kinds["Publish"].connector(World(blocks={"folder": str(tmp_path)}))
    await board.open()
    on, at = await board.hands(None), Trying("r1", "publish", Way.DO, 1, timedelta(minutes=1))
    await kinds["Publish"](name="outage", text="We are on it.").do(on, at)
    assert await (await board.reads(None)).names() == ["outage"]
    for _ in range(2):
        await kinds["TakeDown"](name="outage").do(on, at)
    assert await (await board.reads(None)).names() == []
