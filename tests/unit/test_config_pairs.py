"""One mistake hides no other and is told as one: a value that cannot be read beside a name that names nothing."""

from pathlib import Path

import pytest

from config.company import Company
from config.faults import Fault
from config.load import load
from tests.unit.conftest import CATALOGUE, LOCAL, SAMPLE
from tests.unit.test_config import CASES, EVERYONE
from tests.unit.test_config_asks import hook, schedule

TEXTS = {path.name: path.read_text() for path in SAMPLE.iterdir()} | {"hooks.toml": ""}
Edit = tuple[str, str, str]  # file, old text ("": at its end), new text

MEANS = (  # of the cases of test_config: what is said of a name, of an identity, or of who could approve
    *("listed under ben", "'cleoo'", "'dbas'", "'relaeses'", "none of the env", "names no approver", ""),
    *("matches no operation", "if ben asks", "one database", "own database", "'apy'", "the channel 'incident'"),
)
NIGHTLY = schedule("/ops db restore shop", more='standing = { lasts = "900d" }')[1]
SHAPES = {f"{file}: {new[:40]}": (file, old, new) for file, (old, new), _, what, _ in CASES if what not in MEANS}
SHAPES |= {
    "policy.toml: break_glass": ("policy.toml", 'warn = "10m"', 'warn = "10m"\nbreak_glass = true'),
    "policy.toml: remind": (
        "policy.toml",
        'expires = "1h"',
        'expires = "1h"\nremind = [{ after = "2h", whom = "dba" }]',
    ),
    "schedules.toml: cron": ("schedules.toml", 'cron = "0 2 * * *"', 'cron = "0 2 * *"'),
    "schedules.toml: zone": ("schedules.toml", 'zone = "UTC"', 'zone = "Mars"'),
    "schedules.toml: standing": ("schedules.toml", "", NIGHTLY.replace("nightly]", "yearly]")),
    "hooks.toml: time": ("hooks.toml", "", hook(more='time = "X-Time"')[1].replace("grafana", "github")),
    "services.toml: no TOML": ("services.toml", 'port = "env:SHOP_PORT"', "port = "),
    "people.toml: no TOML": ("people.toml", "rota = true", "rota ="),
}
MEANINGS: dict[str, tuple[Edit, str]] = {
    what or "never decides": ((file, *edit), what or "never decides")
    for file, edit, _, what, _ in CASES
    if what in MEANS
}
MEANINGS |= {
    "reminder": (
        ("policy.toml", '{ after = "4m", whom = "lead" }', '{ after = "4m", whom = "leads" }'),
        "'leads'",
    ),
    "operation": (("schedules.toml", *schedule("/ops db bakup shop")), "did you mean `ops db backup`"),
    "target": (("schedules.toml", *schedule("/ops db backup shopp")), "no database `shopp`"),
    "never comes": (("schedules.toml", *schedule(cron="0 2 31 2 *")), "never comes round"),
    "hook's channel": (("hooks.toml", *hook(channel="incident")), "channel names the channel 'incident'"),
    "hook's line": (("hooks.toml", *hook("/ops db")), "no whole line"),
}
APPROVALS = {"names no approver", "if ben asks", "never decides"}
# What rests on something that cannot be read is not told: nobody could say whether it is so.
SILENT = {
    'people.toml: "ana@example.com"': APPROVALS,
    "people.toml: [people.Ana]": APPROVALS,
    "people.toml: members = []": APPROVALS,
    f"people.toml: {EVERYONE}": APPROVALS,
    'policy.toml: ["destructiv"]': APPROVALS,
    'services.toml: prot = "env:SHOP_PORT"': {"one database"},
    "services.toml: [database.shop]": {"one database"},
    "services.toml: port = 99999": {"one database"},
    'services.toml: host = ""': {"one database"},
    'tandem.toml: ["Staging", "production"]': APPROVALS | {"none of the env"},
    "people.toml: name = 'Ana Duarte": APPROVALS | {"listed under ben", "'cleoo'", "'dbas'", "reminder"},
    "policy.toml: [[rules]]": APPROVALS | {"if ben asks"},
    "services.toml: no TOML": {"one database", "own database", "'apy'", "target"},
    "people.toml: no TOML": APPROVALS | {"listed under ben", "'cleoo'", "'dbas'", "reminder"},
    "tandem.toml: slots = ": APPROVALS | {"the channel 'incident'", "'relaeses'", "none of the env", "hook's channel"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_pair_of_mistakes_is_told_and_nothing_else(tmp_path: Path, shape: str) -> None:
    alone = told(tmp_path, SHAPES[shape])
    assert alone is not None
    [first] = alone
    for name, (edit, what) in MEANINGS.items():
        pair = told(tmp_path, SHAPES[shape], edit)
        if pair is None:
            continue
        rest = [one for one in pair if one.what != first.what]
        assert len(pair) - len(rest) == 1, f"{name}: {pair}"
        if name in SILENT.get(shape, ()):
            assert rest == [], f"{name}: {pair}"
        else:
            assert [(one.file, what in one.what, one.line > 0) for one in rest] == [(edit[0], True, True)], name


def told(folder: Path, *edits: Edit) -> list[Fault] | None:
    """What is wrong with the sample where these mistakes are made; None where they cannot be made at once."""
    texts = dict(TEXTS)
    for file, old, new in edits:
        text = texts[file]
        if old not in text:
            return None
        texts[file] = text.replace(old, new, 1) if old else f"{text}\n{new}\n"
    for name, text in texts.items():
        (folder / name).write_text(text)
    found = load(folder, CATALOGUE, LOCAL)
    assert not isinstance(found, Company)
    return list(found)


def test_two_mistakes_in_one_rule_are_both_told(tmp_path: Path) -> None:
    late, group = (
        ("policy.toml", 'warn = "10m"', 'warn = "40m"'),
        ("policy.toml", 'approve = ["dba"]', 'approve = ["dbas"]'),
    )
    assert {one.instead for one in told(tmp_path, late, group) or ()} == {
        "Write less than 30m",
        "You may have meant dba",
    }
