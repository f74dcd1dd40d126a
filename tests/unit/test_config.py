"""Config: read whole, all faults at once, each with its line and what to write instead."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.catalogue import Catalogue
from bot.model import Risk
from bot.policy import need
from bot.process.compose import applied as as_migrated
from config.applied import applied, config_hash
from config.company import Company
from config.documents import MARK, NAMES
from config.faults import Fault
from config.load import load
from config.scaffold import scaffold
from tests.unit.conftest import CATALOGUE, LOCAL, NAMED, SAMPLE, Change, company, line_of


def test_the_sample_company_is_sound(change: Change) -> None:
    sample = company(change())
    assert sample.name == "Marrow & Pine"
    assert sample.person_of("T0TANDEM", "U0BENPHONE") == "ben"
    assert sample.person_of("T0OTHER", "U0BEN") is None
    assert sample.environment("database", "shop-staging") == "staging"
    assert sample.settings("database", "shop").port == 5433
    assert sample.groups_of()["dan"] == {"everyone"}
    assert sample.groups_of({"dba": frozenset({"dan"})})["dan"] == {"everyone", "dba"}
    assert sample.channel_key("C0RELEASES") == "releases"
    assert sample.known().accounts["U0CLEO"] == "cleo"


def test_somebody_who_left_is_nobody(change: Change) -> None:
    sample = company(change("people.toml", ('zone = "Europe/Rome"', "active = false")))
    assert sample.person_of("T0TANDEM", "U0DAN") is None
    assert "dan" not in {*sample.groups_of(), *sample.known().targets["person"], *sample.groups["everyone"].members}
    assert "U0DAN" not in sample.known().accounts


def test_a_user_id_that_two_teams_share_means_our_own_teams_person(change: Change) -> None:
    sample = company(change("people.toml", ("T0SAWMILL/U0EVE", "T0SAWMILL/U0ANA")))
    assert sample.known().accounts["U0ANA"] == "ana"
    assert sample.person_of("T0SAWMILL", "U0ANA") == "eve"


def test_the_rotation_says_whose_turn_it_is(change: Change) -> None:
    sample = company(change())
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    turns = [sample.on_call(start + timedelta(days=days)) for days in (0, 6.99, 7, 21, -1)]
    assert turns == [("ana",), ("ana",), ("ben",), ("ana",), ("cleo",)]


def test_a_target_that_is_not_there_is_a_lookup_error_that_names_those_there_are(change: Change) -> None:
    with pytest.raises(LookupError, match="it has shop, shop-staging"):
        company(change()).settings("database", "shopp")


EVERYONE = '[groups.everyone]\nmembers = ["ana"]'
CASES: list[tuple[str, tuple[str, str], str, str, str]] = [
    ("people.toml", ('zone = "Europe/Lisbon"', 'zoen = "Europe/Lisbon"'), "zoen", "no key 'zoen'", "meant zone"),
    ("people.toml", ('"Europe/Lisbon"', '"Europe/Lissabon"'), "Lissabon", "no time zone", "Europe/Vienna"),
    ("people.toml", ('"T0TANDEM/U0ANA"', '"ana@example.com"'), "ana@", "it is no account", "T0123ABC/U0123ANA"),
    ("people.toml", ("[people.ana]", "[people.Ana]"), "people.Ana", "no name for it", "small letters"),
    ("people.toml", ('"T0TANDEM/U0CLEO"', '"T0TANDEM/U0BEN"'), '"T0TANDEM/U0BEN"]', "listed under ben", "one person"),
    ("people.toml", ('members = ["ben", "cleo"]', 'members = ["ben", "cleoo"]'), "cleoo", "'cleoo'", "meant cleo"),
    ("people.toml", ('members = ["ben", "cleo"]', "members = []"), "groups.dba", "it has nobody", "members"),
    ("people.toml", ("rota = true\n", ""), "groups.on-call", "needs its people", "rota = true"),
    ("people.toml", ('name = "Ana Duarte"\n', ""), "people.ana", "'name' is missing", "Add name"),
    ("people.toml", ("", EVERYONE), "groups.everyone", "means the whole roster", "another one"),
    ("policy.toml", ('approve = ["dba"]', 'approve = ["dbas"]'), "dbas", "'dbas'", "meant dba"),
    ("policy.toml", ('"releases"]', '"relaeses"]'), "relaeses", "'relaeses'", "meant releases"),
    ("policy.toml", ('["production"]', '["prodction"]'), "prodction", "none of the env", "meant production"),
    ("policy.toml", ('["destructive"]', '["destructiv"]'), "destructiv", "is no risk", "read, write or destructive"),
    ("policy.toml", ('expires = "30m"', 'expires = "30"'), 'expires = "30"', "no unit", "30m"),
    ("policy.toml", ('warn = "10m"', 'warn = "40m"'), "[[rule]]", "warning comes before", "less than 30m"),
    ("policy.toml", ('approve = ["dba"]\n', ""), "[[rule]]", "names no approver", "Add approve"),
    ("policy.toml", ('["*"]', '["ops db restor"]'), "restor", "matches no operation", "meant ops db restore"),
    ("policy.toml", ('approve = ["dba"]', 'approve = ["dba", "dba"]'), "[[rule]]", "if ben asks", "Add people to dba"),
    (
        "policy.toml",
        ("# Whatever", '[[rule]]\noperations = ["ops db restore"]\nrisks = ["write"]\n# W'),
        "restore",
        "",
        "",
    ),
    ("services.toml", ('database = "shop_staging"', 'database = "shop"'), "shop-staging", "one database", "shop"),
    ("services.toml", ('database = "shop_staging"', 'database = "tandem"'), "shop-staging", "own database", "Remove"),
    ("services.toml", ('services = ["web", "api"]', 'services = ["web", "apy"]'), "apy", "'apy'", "meant api"),
    ("services.toml", ('port = "env:SHOP_PORT"', 'prot = "env:SHOP_PORT"'), "prot", "no key 'prot'", "meant port"),
    ("services.toml", ('"env:WEB_URL"', '"env:WEB_URI"'), "WEB_URI", "WEB_URI is not set", "Set WEB_URI"),
    (
        "services.toml",
        ('vault = "main"', 'vault = "main"\nlongest = "8d"'),
        "longest",
        "longest is too large",
        "at most 7 days",
    ),
    ("services.toml", ("[databases.shop]", "[database.shop]"), "database.shop", "no key 'database'", "meant databases"),
    (
        "tandem.toml",
        ('fallback = "incidents"', 'fallback = "incident"'),
        "fallback",
        "the channel 'incident'",
        "meant incidents",
    ),
    ("tandem.toml", ("runs = 200", "runs = 0"), "runs = 0", "runs is too small", "at least 1"),
    ("tandem.toml", ("runs = 200", 'runs = "many"'), "many", "runs is no whole number", "e.g. 8"),
    ("tandem.toml", ('"T0TANDEM"', '"marrow"'), "marrow", "no id of a Slack team", "T0123ABC"),
    ("tandem.toml", ('"C0RELEASES"', '"#releases"'), "#releases", "no id of a Slack channel", "its About"),
    (
        "tandem.toml",
        ('["staging", "production"]', '["Staging", "production"]'),
        "Staging",
        "is no key",
        "small letters",
    ),
    ("tandem.toml", ('tls = "none"', 'tls = "ssl"'), "ssl", "tls is none of the words", "'start', 'whole' or 'none'"),
    ("tandem.toml", ('"Marrow & Pine <help@', '"help at '), "help at", "no mail address", "help@company.example"),
    ("services.toml", ('port = "env:SHOP_PORT"', "port = 99999"), "99999", "port is too large", "at most 65535"),
    ("services.toml", ('host = "env:SHOP_HOST"', 'host = ""'), "host", "host is empty", "something"),
    ("services.toml", ('vault = "main"', 'vault = "main"\nrpo = 24'), "rpo", "'24' has no unit", "24h"),
    ("services.toml", ('"SHOP_PASSWORD"', '"hunter2!"'), "hunter2", "no name of a secret", "SHOP_PASSWORD"),
    ("services.toml", ('"env:WEB_URL"', '"www.example.com"'), "www.", "it is no address", "https://"),
    (
        "services.toml",
        ('maintenance_token = "MAINTENANCE_TOKEN"\n', ""),
        "services.web",
        "no token",
        "maintenance_token",
    ),
    (
        "services.toml",
        ('folder = "env:VAULT_FOLDER"\n', ""),
        "vaults.main",
        "main: a vault has either",
        "one of the two",
    ),
    ("services.toml", ('services = ["web", "api"]', 'services = "web"'), "services =", "services is no list", "a list"),
    ("people.toml", ("09:00:00Z", "09:00:00"), "since", "since has no time zone", "Z is UTC"),
    ("people.toml", ('name = "Ana Duarte"', "name = 'Ana Duarte"), "'Ana", "is no TOML", "Mend that line"),
    ("policy.toml", ("[[rule]]", "[[rules]]"), "rules", "no key 'rules'", "meant rule"),
    ("tandem.toml", ("", "[connectors.mial]\nx = 1"), "mial", "no connector 'mial'", "meant mail"),
    ("tandem.toml", ("slots = 8", "slots = "), "slots =", "is no TOML", "Mend that line"),
]


@pytest.mark.parametrize(("file", "changed", "line", "what", "instead"), CASES, ids=lambda v: str(v)[:40])
def test_each_fault_has_its_line_and_what_to_write_instead(
    change: Change, tmp_path: Path, file: str, changed: tuple[str, str], line: str, what: str, instead: str
) -> None:
    found = change(file, changed)
    if not what:  # a rule that never decides
        what, instead = "never decides", "Move it up"
        line = "[[rule]]"
    assert isinstance(found, tuple), "nothing was found wrong"
    told = [f for f in found if what in f.what and instead in f.instead]
    assert told, "\n".join(map(str, found))
    assert told[0].file == file
    text = (tmp_path / "company" / file).read_text().splitlines()[told[0].line - 1]
    assert line in text
    assert len(found) == 1, "\n".join(map(str, found))


def test_all_faults_of_all_files_are_told_at_once(change: Change) -> None:
    change("people.toml", ("zone", "zoen"), ("rota = true", "rota = 5"))
    change("tandem.toml", ("slots = 8", "slots = "))
    found = change("policy.toml", ("ask = [", "aks = ["))
    assert isinstance(found, tuple)
    assert {fault.file for fault in found} == {"people.toml", "tandem.toml", "policy.toml"}
    assert len(found) == 4


def test_a_key_that_nobody_knows_hides_no_other_fault(change: Change) -> None:
    typo = ('zone = "Europe/Lisbon"', 'zone = "Europe/Lisbon"\nhobbies = "sailing"')
    found = change("people.toml", typo, ('members = ["ben", "cleo"]', 'members = ["ben", "clio"]'))
    assert not isinstance(found, Company)
    said = [str(fault) for fault in found]
    assert any("there is no key 'hobbies' here" in one for one in said)
    assert any("'clio'" in one and "cleo" in one for one in said), said


def test_unset_variables_are_each_told_once(change: Change) -> None:
    found = load(SAMPLE, CATALOGUE, {})
    assert isinstance(found, tuple)
    assert len(found) == len({(f.file, f.line) for f in found}) == len(NAMED)
    first = next(f for f in found if "SHOP_HOST" in f.what)
    assert (first.file, first.line) == ("services.toml", line_of("services.toml", "env:SHOP_HOST"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://x:y@localhost:5433/shop",
        "postgresql:///shop?host=/run/pg&port=5433",
        "postgresql://x@db.example.com:5432,LOCALHOST:5433/shop",
        "postgresql://[::1]:5433/shop?sslmode=require",
        "postgresql://shop@127.0.0.1:5433",
    ],
)
def test_the_bots_own_database_is_no_target_however_it_is_written(change: Change, url: str) -> None:
    found = change(DATABASE_URL=url)
    assert isinstance(found, tuple)
    assert "own database" in found[0].what


@pytest.mark.parametrize("url", ["", "postgresql://h:port/x", "nonsense"])
def test_a_url_that_says_nothing_is_left_to_the_check_of_the_settings(change: Change, url: str) -> None:
    assert company(change(DATABASE_URL=url))


def test_the_bots_own_database_may_be_named_by_a_file(change: Change, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://x@localhost:5433/shop")
    found = change(DATABASE_URL="", DATABASE_URL_FILE=str(tmp_path / "url"))
    assert isinstance(found, tuple)
    assert "own database" in found[0].what


def test_a_folder_or_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    nowhere = load(tmp_path / "no", None, {})
    assert isinstance(nowhere, tuple)
    assert "python -m bot init" in nowhere[0].instead
    empty = load(tmp_path, None, {})
    assert isinstance(empty, tuple)
    assert [f.file for f in empty] == ["people.toml", "policy.toml", "services.toml", "tandem.toml"]


def test_a_channel_that_an_operation_tells_and_config_does_not_name_is_said(change: Change, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text('Plan(sentence="…", steps=(Step(tells="Deploy"),), tells=("releases", "relaeses"))')
    entry = next(iter(CATALOGUE.entries.values()))
    change()
    found = load(tmp_path / "company", Catalogue([replace(entry, path=tmp_path / "x.py")]), LOCAL)
    assert isinstance(found, tuple)
    told = [f for f in found if "tells the channel" in f.what]
    assert [(f.file, f.line, "'relaeses'" in f.what) for f in told] == [
        ("tandem.toml", line_of("tandem.toml", "[channels]"), True)
    ]


def test_a_file_that_nobody_reads_is_said(change: Change, tmp_path: Path) -> None:
    (tmp_path / "company" / "polices.toml").write_text("")
    found = change()
    assert isinstance(found, tuple)
    assert [f.file for f in found] == ["polices.toml"]


def test_members_of_a_slack_group_are_known_to_slack_only(change: Change) -> None:
    sample = company(change("people.toml", ('members = ["ben", "cleo"]', 'slack = "S0DBA"')))
    assert sample.groups["dba"].slack == "S0DBA"


def test_people_without_an_account_approve_nothing(change: Change) -> None:
    found = change("people.toml", ('accounts = ["T0TANDEM/U0CLEO"]', "accounts = []"))
    assert isinstance(found, tuple)
    assert "if ben asks, nobody could approve" in found[0].what


def test_the_rows_for_the_database_are_what_config_says(change: Change) -> None:
    rows = applied(company(change()), CATALOGUE.floors)
    assert ("T0TANDEM", "U0BENPHONE", "ben") in rows.accounts
    assert ("everyone", "dan") in rows.members
    assert ("on-call", None, True) in rows.groups
    production = [r for r in rows.policy if (r.command, r.environment) == ("ops db restore", "production")]
    assert [(r.risk, r.slots, r.expires) for r in production] == [(Risk.DESTRUCTIVE, ("dba",), timedelta(minutes=30))]


@pytest.mark.parametrize(("days", "kept"), [("days = 30", timedelta(days=30)), ("days = 0", None), ("", None)])
def test_how_long_personal_values_are_kept_is_applied_and_hashed(
    change: Change, days: str, kept: timedelta | None
) -> None:
    first = company(change())
    changed = company(change("tandem.toml", ("days = 90", days)))
    assert as_migrated(first, CATALOGUE).personal_for == timedelta(days=90)
    assert as_migrated(changed, CATALOGUE).personal_for == kept
    assert config_hash(changed, CATALOGUE.floors) != config_hash(first, CATALOGUE.floors)


def test_who_may_ask_goes_with_the_policy(change: Change) -> None:
    rows = as_migrated(company(change()), CATALOGUE).policy
    (asks,) = {row[8] for row in rows if row[:2] == ("ops db restore", "production")}
    assert asks == ("engineers",)


def test_the_hash_changes_with_people_policy_and_operations_only(change: Change) -> None:
    def hashed(found: Company | tuple[Fault, ...]) -> str:
        return config_hash(company(found), CATALOGUE.floors)

    first = hashed(change())
    assert hashed(change("services.toml", ('version = "/version"', 'version = "/v"'))) == first
    assert hashed(change("policy.toml", ("# The first rule", "# First rule"))) == first
    assert config_hash(company(change()), {**CATALOGUE.floors, "ops db size": Risk.WRITE}) != first
    later = [
        hashed(change("policy.toml", ('expires = "30m"', 'expires = "31m"'))),
        hashed(
            change(
                "policy.toml",
                ('warn = "10m"', 'warn = "10m"\nbeyond = [{ loses = "rows", more_than = 9, approve = ["engineers"] }]'),
            )
        ),
        hashed(change("people.toml", (', "T0TANDEM/U0BENPHONE"', ""))),
        hashed(change("people.toml", ("rota = true", 'rota = true\nslack = "S0ONCALL"'))),
        hashed(change("people.toml", ('zone = "Europe/Rome"', 'zone = "Europe/Rome"\nactive = false'))),
    ]
    assert len({first, *later}) == 6


def test_the_starting_folder_is_sound_once_its_marks_are_filled_in(tmp_path: Path) -> None:
    marks = scaffold(tmp_path / "mine")
    assert len(marks) == 11
    found = load(tmp_path / "mine", CATALOGUE, {})
    assert isinstance(found, tuple)
    assert sorted(f"{f.file}:{f.line}" for f in found) == sorted(":".join(mark.split(":")[:2]) for mark in marks)
    assert all("still to be written" in f.what for f in found)
    values: dict[str, list[str]] = {
        "tandem.toml": ["Acme", "T0ACME", "C0INC", "C0REL"],
        "services.toml": ["db.example.com"],
        "people.toml": ["Jo", "T0ACME/U0JO", "Li", "T0ACME/U0LI", "Ed", "T0ACME/U0ED"],
    }
    for name, given in values.items():
        path = tmp_path / "mine" / name
        lines, left = path.read_text().splitlines(), iter(given)
        path.write_text("\n".join(_filled(line, left) if MARK in line and line[0] != "#" else line for line in lines))
    mine = company(load(tmp_path / "mine", CATALOGUE, {}))
    wanted = need(mine.policy, "ops db restore", "production", Risk.DESTRUCTIVE)
    assert wanted is not None
    assert wanted.slots == ("approvers",)


def _filled(line: str, values: Any) -> str:
    before, _, rest = line.partition('"')
    return f'{before}"{next(values)}"{rest.partition(chr(34))[2]}'


def test_the_scaffold_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text("mine")
    with pytest.raises(FileExistsError, match="name another folder"):
        scaffold(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["people.toml"]
    assert set(NAMES) == {p.name for p in (Path(scaffold.__code__.co_filename).parent / "starter").iterdir()}
