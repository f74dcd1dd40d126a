"""What the pages say of files, settings and libraries is so."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

import handlers
from bot.discovery import load
from bot.engine.holds import deployed
from bot.metrics import Metrics
from bot.model import Risk
from bot.policy import Beyond, Rule
from config import schemas
from config.company import Group, Hook, Limits, Person, Schedule, Standing, Tandem
from config.load import FILES
from config.settings import SECRETS, Settings
from tests.databases import ROOT
from tests.docs.pages import PAGES, all_fences, anchors, codes, links, table

DECISIONS = ROOT / "docs" / "decisions" / "README.md"
OPERATORS = ROOT / "docs" / "operators.md"
PICTURE_LIMIT = 150_000  # bytes


def _id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_picture_is_small_and_shown_somewhere() -> None:
    pictures = set((ROOT / "docs" / "images").glob("*.png"))
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page) if link.endswith(".png")}
    assert pictures == shown
    assert {path.name: path.stat().st_size for path in pictures if path.stat().st_size > PICTURE_LIMIT} == {}


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        ahead += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if ".md" in link]
    assert [_id(page) for page in PAGES if page not in reached] == []


def _wanted() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_every_library_has_a_decision() -> None:
    rows = {row[0]: row[2] for row in table(DECISIONS, "library")}
    assert set(rows) == _wanted(), "docs/decisions/README.md and pyproject.toml name other libraries"
    for library, decision in rows.items():
        page = DECISIONS.parent / decision.partition("(")[2].removesuffix(")")
        assert f"`{library}`" in page.read_text(), f"{page.name} does not speak of {library}"


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    files = sorted(path.name for path in DECISIONS.parent.glob("0*.md"))
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    assert [link for link in links(DECISIONS) if re.match("0", link)][: len(files)] == files


def test_every_setting_of_the_environment_is_explained() -> None:
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    names = {name for alias in aliases for name in getattr(alias, "choices", [alias])}
    told = {name for row in table(OPERATORS, "variable") for name in re.findall(r"`(\w+)`", row[0])}
    secret = {re.findall(r"`(\w+)`", row[0])[0] for row in table(OPERATORS, "variable") if row[1] == "yes"}
    assert names | {"TANDEM_VAULT_KEYSET", "HTTPS_PROXY", "NO_PROXY"} == told
    assert secret == SECRETS | {"TANDEM_VAULT_KEYSET"}


def test_every_key_of_config_is_explained() -> None:
    records: list[type[BaseModel]] = [Tandem, Person, Group, Rule, Beyond, Schedule, Standing, Hook, Limits]
    records += [schemas.of_targets(name) for name in schemas.TARGETS]
    records += [schemas.of_connector("mail")]
    told = set(codes(OPERATORS))
    missing = [f"{record.__name__}.{key}" for record in records for key in record.model_fields if key not in told]
    assert missing == []


@pytest.mark.parametrize("fence", all_fences("toml"), ids=str)
def test_every_piece_of_config_is_what_its_file_takes(fence) -> None:
    data = tomllib.loads(fence.text)
    read = FILES[fence.marks["file"]].model_validate(data)
    for name in schemas.TARGETS if fence.marks["file"] == "services.toml" else ():
        for block in getattr(read, name).values():
            schemas.of_targets(name).model_validate(dict(block))
    for name, block in getattr(read, "connectors", {}).items():
        schemas.of_connector(name).model_validate(dict(block))


def test_every_metric_is_explained_and_every_explained_one_is_there() -> None:
    kinds = [metric for metric in Metrics().registry.collect() if metric.name.startswith("tandem_")]
    there = {f"{kind.name}_total" if kind.type == "counter" else kind.name for kind in kinds}  # as Prometheus sees them
    assert {re.findall(r"`(\w+)`", row[0])[0] for row in table(OPERATORS, "metric")} == there


def test_whether_a_freeze_refuses_it_is_explained_for_every_operation_that_changes_anything() -> None:
    rows = table(ROOT / "docs" / "users.md", "refused")
    refused, goes_on = (set(re.findall(r"`/([a-z -]+)`", " ".join(row[side] for row in rows))) for side in (0, 1))
    entries = load(handlers).catalogue.entries.values()
    changing = {e.command: e.operation for e in entries if e.risk is not Risk.READ or e.may_rise}
    kept = {command for command, one in changing.items() if one.changes or deployed(one.locks)}
    assert (refused, goes_on) == (kept, changing.keys() - kept)


def test_the_changelog_keeps_the_form() -> None:
    heads = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}", head) for head in heads[1:])
