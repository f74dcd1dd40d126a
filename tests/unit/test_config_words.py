"""Every word of config is obeyed or refused: none is taken and forgotten."""

import ast
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

import bot
from bot.policy import Beyond, Rule
from bot.process.compose import names
from config import schemas
from config.company import Company, Group, Limits, Person, Rotation, Schedule, Standing, Tandem
from config.faults import Fault
from config.load import load
from tests.unit.conftest import CATALOGUE, LOCAL, SAMPLE, company
from tests.unit.test_config_asks import schedule

Change = Callable[..., Company | tuple[Fault, ...]]
ROOT = Path(bot.__file__).parents[1]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Loads the sample company, in a folder with a space, with one file's words exchanged."""

    def changed(file: str, *edits: tuple[str, str]) -> Company | tuple[Fault, ...]:
        folder = shutil.copytree(SAMPLE, tmp_path / "my company", dirs_exist_ok=True)
        text = (folder / file).read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new, 1)
        (folder / file).write_text(text)
        return load(folder, CATALOGUE, LOCAL)

    return changed


@cache
def read_somewhere() -> frozenset[str]:
    """Every name that code reads as an attribute or a key, the database's functions included: a coarse net, by name."""
    files = [path for part in ("bot", "config", "handlers") for path in (ROOT / part).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    asked = (n.args[1] for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "getattr")
    names |= {str(arg.value) for arg in asked if isinstance(arg, ast.Constant)}
    keys = (n.slice for n in nodes if isinstance(n, ast.Subscript))
    sql = " ".join(path.read_text() for path in (ROOT / "bot").rglob("*.sql"))
    named = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return frozenset(names | named | set(re.findall(r"'(\w+)'", sql)))


RECORDS: list[type[BaseModel]] = [Tandem, Person, Group, Rotation, Rule, Beyond, Schedule, Standing, Limits]
RECORDS += [schemas.of_targets(table) for table in schemas.TARGETS]
RECORDS += [schemas.of_connector(name) for name in schemas.connectors() if name not in ("postgres", "vault", "http")]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_key_of_config_is_read_by_something(record: type[BaseModel]) -> None:
    assert record.model_fields.keys() - read_somewhere() == set()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('standing = { lasts = "90d" }', []),
        ('standing = { lasts = "90d", at_most = { rows = "many" } }', ["rows is no number"]),
    ],
)
def test_a_standing_approval_of_a_schedule_is_checked(change: Change, more: str, words: list[str]) -> None:
    found = change("schedules.toml", schedule("/ops db restore shop", more=more))
    faults = found if isinstance(found, tuple) else ()
    assert [word for fault in faults for word in words if word in str(fault)] == words
    assert len(faults) == len(words)


@pytest.mark.parametrize(
    ("file", "edit", "what", "instead"),
    [
        ("policy.toml", ('warn = "10m"', 'warn = "10m"\nbreak_glass = true'), "no break-glass", "Remove break_glass"),
        (
            "tandem.toml",
            ('fallback = "incidents"', 'fallback = "incidents"\nseverities = ["P0"]'),
            "severity",
            "Remove",
        ),
        (
            "policy.toml",
            ('warn = "10m"', 'warn = "10m"\nbeyond = [{ loses = "rows", more_than = 9, approve = ["dbas"] }]'),
            "'dbas', which there is not",
            "meant dba",
        ),
    ],
)
def test_a_word_that_nobody_would_obey_is_refused_with_its_line(
    change: Change, file: str, edit: tuple[str, str], what: str, instead: str
) -> None:
    found = change(file, edit)
    assert isinstance(found, tuple)
    assert [(f.file, what in f.what, instead in f.instead, f.line > 0) for f in found] == [(file, True, True, True)]


def test_a_file_of_thresholds_is_refused_because_nothing_watches_them(change: Change, tmp_path: Path) -> None:
    change("tandem.toml", ("", ""))
    folder = tmp_path / "my company"
    (folder / "thresholds.toml").write_text("")
    found = load(folder, CATALOGUE, LOCAL)
    assert isinstance(found, tuple)
    assert [f.what for f in found] == ["nothing watches thresholds in this version"]


def test_more_approvals_than_there_are_people_are_said(change: Change) -> None:
    more = 'warn = "10m"\nbeyond = [{ loses = "rows", more_than = 9, approve = ["lead", "lead"] }]'
    found = change("policy.toml", ('warn = "10m"', more))
    assert isinstance(found, tuple)
    assert "nobody could approve it" in found[0].what


@pytest.mark.parametrize(
    ("at", "called"),
    [
        ("2026-01-06T23:00:00+00:00", ["U0ANA"]),  # Ana is on call, however late it is for her
        ("2026-01-13T23:00:00+00:00", ["U0BEN", "U0BENPHONE"]),
        ("2026-01-20T12:00:00+00:00", ["U0CLEO"]),
    ],
)
def test_in_their_quiet_hours_people_are_called_only_where_it_is_their_turn(
    change: Change, at: str, called: list[str]
) -> None:
    quiet = 'zone = "Europe/Lisbon"\nquiet = ["22:00-07:00 Europe/Lisbon"]'
    found = company(change("people.toml", ('zone = "Europe/Lisbon"', quiet)))
    told = names(found, {}, datetime.fromisoformat(at))
    assert list(told.groups["engineers"].mentions) == called
    assert [account for person in told.on_call for account in told.accounts[person]] == called


def test_whoever_sleeps_is_not_called_where_nobody_of_the_group_is_on_call(change: Change) -> None:
    sleeps = 'zone = "Europe/London"\nquiet = ["22:00-07:00 Europe/London"]'
    awake = ('quiet = ["20:00-08:00 Europe/Stockholm"]', "quiet = []")
    found = company(change("people.toml", ('zone = "Europe/London"', sleeps), awake))
    night, noon = (datetime.fromisoformat(f"2026-01-06T{hour}:00:00+00:00") for hour in ("23", "12"))
    assert names(found, {}, night).groups["dba"].mentions == ("U0CLEO",)
    assert names(found, {}, noon).groups["dba"].mentions == ("U0BEN", "U0BENPHONE", "U0CLEO")


REMIND = '[{ after = "4m", whom = "lead" }, { after = "12m", whom = "on-call" }]'


@pytest.mark.parametrize(
    ("remind", "said"),
    [
        ('[{ after = "10m", whom = "leads" }]', "whom names the group 'leads', which there is not"),
        ('[{ after = "40m", whom = "lead" }]', "reminders come one after another, before the expiry"),
        ('[{ after = "9m", whom = "lead" }, { after = "9m", whom = "on-call" }]', "reminders come one after another"),
    ],
)
def test_a_reminder_that_could_not_come_is_refused_with_its_line(change: Change, remind: str, said: str) -> None:
    found = change("policy.toml", (REMIND, remind))
    assert not isinstance(found, Company)
    assert said in str(found[0])
