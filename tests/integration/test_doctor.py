"""The doctor on the local workspace: all well, and each thing that is usually wrong, with what mends it."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from bot.doctor.finding import Mark
from bot.doctor.ledger import fit_clock, fit_version
from bot.doctor.slack import SCOPES
from deploy.local.slack import Workspace
from deploy.local.stage import COMPANY, ROOT, Stage
from tests.scenario.played import apart, played
from tests.support.forked import typed
from tests.support.pooler import pgbouncer

LINE = re.compile(r"^([✓✗–]) ([^:]+): (.+)$")


@dataclass
class Line:
    mark: str
    said: str
    mend: str = ""


@dataclass
class Report:
    status: int
    text: str
    lines: dict[str, Line]

    @property
    def wrong(self) -> set[str]:
        return {what for what, line in self.lines.items() if line.mark == Mark.BAD}


class Clinic:
    """A stage that is well when a test begins; `doctor` examines it with whatever was changed."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def left(self) -> list[Path]:
        """The files of the vault and of the mailbox."""
        return [path for folder in ("vault", "mail") for path in sorted((self.stage.home / folder).rglob("*"))]

    async def leave_well(self) -> None:
        """Takes back whatever a test here does to the stage."""
        async with Workspace(self.stage.slack.url) as slack:
            await slack.set_app(scopes=sorted(SCOPES))
            await slack.archive_channel("releases", archived=False)
            await slack.set_channel("general", app_member=True)
        self.stage.services.breaks("web", None)
        await self.superuser("UPDATE tandem.clock_shift SET by = '0'")
        await self.superuser(
            "GRANT pg_monitor, pg_signal_backend TO tandem_operator; ALTER ROLE tandem_operator CREATEDB"
        )
        await self.superuser("DROP TABLE IF EXISTS secret", "shop")

    async def doctor(self, **environment: str) -> Report:
        """`python -m bot doctor` to its end. It tells no secret, and each bad line is followed by what mends it."""
        given = {**self.stage.bot._environment, **environment}
        told = await typed(["doctor"], {k: v for k, v in given.items() if v})
        text = told.out + told.err
        secrets = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SHOP_PASSWORD", "MAINTENANCE_TOKEN",
                   "TANDEM_SEAL_KEY", "TANDEM_PERSONAL_KEY", "TANDEM_VAULT_KEYSET", "DATABASE_URL",
                   "TANDEM_OWNER_URL")  # fmt: skip
        assert not [name for name in secrets if given.get(name) and given[name] in text]
        assert "Traceback" not in text
        return Report(told.status, text, _lines(text))

    async def superuser(self, sql: str, database: str = "tandem") -> None:
        async with self.stage.databases.server.connect(database) as conn:
            await conn.execute(sql)


def _lines(text: str) -> dict[str, Line]:
    found: dict[str, Line] = {}
    last = ""
    for row in text.splitlines():
        if match := LINE.match(row):
            last = match[2]
            found[last] = Line(match[1], match[3])
        elif row.startswith("    To mend it: "):
            found[last].mend = row.removeprefix("    To mend it: ")
    assert all(bool(line.mend) == (line.mark == Mark.BAD) for line in found.values()), text
    return found


@pytest.fixture
def transport() -> str:
    return "http"


@pytest.fixture
async def clinic(request: pytest.FixtureRequest, transport: str) -> AsyncIterator[Clinic]:
    """What is only looked at is a stage that others use too."""
    found = played(request.config, transport) if transport == "socket" else apart(request.config, "clinic")
    clinic = Clinic(found.stage)
    yield clinic
    await clinic.leave_well()


@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_on_a_workspace_as_it_should_be_every_line_is_good_and_nothing_is_left_behind(
    clinic: Clinic, transport: str
) -> None:
    before = clinic.left()
    report = await clinic.doctor()
    assert (report.status, report.wrong) == (0, set()), report.text
    assert report.text.endswith("All is well.\n")
    assert report.lines["Database proxy"].said == "none between"
    assert report.lines["Slack scopes"].said == f"all {len(SCOPES)}"
    assert report.lines["Socket Mode"].mark == (Mark.GOOD if transport == "socket" else Mark.NONE)
    assert clinic.left() == before


async def test_everything_wrong_at_once_is_told_at_once(clinic: Clinic, tmp_path: Path) -> None:
    async with Workspace(clinic.stage.slack.url) as slack:
        await slack.set_app(scopes=sorted(SCOPES - {"usergroups:read", "im:write"}))
        await slack.archive_channel("releases")
        await slack.set_channel("general", app_member=False)
    clinic.stage.services.breaks("web", 503)
    await clinic.superuser("UPDATE tandem.clock_shift SET by = '3 days'")
    crowded = tmp_path / "no-folder"
    crowded.write_text("a file")
    report = await clinic.doctor(
        SLACK_APP_TOKEN="xapp-wr0ng", SHOP_PASSWORD="wr0ng", VAULT_FOLDER=str(crowded), MAIL_PORT="1",
        TANDEM_SEAL_KEY="", TANDEM_PERSONAL_KEY="", MAINTENANCE_TOKEN="",
    )  # fmt: skip
    assert report.status == 1
    assert "wr0ng" not in report.text
    said = {what: report.lines[what].said for what in report.wrong}
    assert said["Slack scopes"] == "missing im:write, usergroups:read"
    assert said["Channel releases"] == "it is archived"
    assert said["Channel general"] == "the bot is not in it and cannot post"
    assert report.lines["Channel general"].mend == "type /invite @tandem in #general."
    assert said["Socket Mode"] == "Slack answers invalid_auth"
    assert said["Database shop"] == "the server of shop does not accept Tandem's user or password (28P01)"
    assert said["Vault main"] == "it cannot be written to or read (NotADirectoryError)"
    assert said["Mail"].startswith("the mail server cannot be talked to (")
    assert said["Clock shift"] == "the bot's time is moved by 3 days, 0:00:00; that is for tests"
    assert said["Sealing key"] == "TANDEM_SEAL_KEY is not set"
    assert said["Personal key"] == "TANDEM_PERSONAL_KEY is not set, so these are refused: /ops personal erase"
    assert "MAINTENANCE_TOKEN" in said["Service api"]
    assert report.wrong == {
        "Slack scopes", "Channel releases", "Channel general", "Socket Mode", "Database shop", "Database shop-staging",
        "Vault main", "Mail", "Clock shift", "Sealing key", "Personal key", "Service web", "Service api",
    }  # fmt: skip
    assert report.text.endswith(f"13 of {len(report.lines)} need mending.\n")


async def test_a_service_that_is_ill_and_a_keyset_that_is_none(clinic: Clinic) -> None:
    clinic.stage.services.breaks("web", 503)
    report = await clinic.doctor(TANDEM_VAULT_KEYSET="no keyset")
    assert report.wrong == {"Service web", "Vault main"}
    assert "HTTP: answers 503" in report.lines["Service web"].said
    assert report.lines["Vault main"].said.startswith("the vault's keyset is none")


async def test_another_key_for_personal_values_than_the_one_they_are_kept_under(clinic: Clinic) -> None:
    await clinic.superuser("INSERT INTO tandem.personal_home (mark) VALUES ('\\x00')")
    try:
        report = await clinic.doctor()
    finally:
        await clinic.superuser(
            "ALTER TABLE tandem.personal_home DISABLE TRIGGER append_only; DELETE FROM tandem.personal_home; "
            "ALTER TABLE tandem.personal_home ENABLE ALWAYS TRIGGER append_only"
        )
    assert report.wrong == {"Personal values"}
    assert "is another than the one under which" in report.lines["Personal values"].said


async def test_slack_tokens_that_slack_does_not_take_or_that_are_missing(clinic: Clinic) -> None:
    wrong, away, none = await asyncio.gather(
        clinic.doctor(SLACK_BOT_TOKEN="xoxb-wr0ng"),
        clinic.doctor(SLACK_API_URL="http://127.0.0.1:1/api/"),
        clinic.doctor(SLACK_BOT_TOKEN="", SLACK_SIGNING_SECRET=""),
    )
    assert wrong.lines["Slack token"].said == "Slack answers invalid_auth"
    assert away.lines["Slack token"].said.startswith("Slack cannot be reached (")
    assert none.wrong == {"Slack token", "Slack's payloads"}
    assert "SLACK_SIGNING_SECRET" in none.lines["Slack's payloads"].mend


async def test_what_is_slacks_own_trouble_is_not_told_as_configs(clinic: Clinic) -> None:
    async with Workspace(clinic.stage.slack.url) as slack:
        for method in ("conversations.info", "apps.connections.open"):
            await slack.fault(method, "error", code="ratelimited", times=20)
        report = await clinic.doctor()
        await slack.clear_faults()
    assert {"Channel incidents", "Channel releases", "Channel general"} <= report.wrong
    for what in report.wrong:
        assert report.lines[what].said == "Slack answers ratelimited"
        assert report.lines[what].mend.startswith("that is Slack's trouble")


async def test_a_maintenance_token_that_the_service_does_not_take_and_a_relay_without_tls(
    clinic: Clinic, tmp_path: Path
) -> None:
    folder = shutil.copytree(COMPANY, tmp_path / "company")
    text = (folder / "tandem.toml").read_text()
    (folder / "tandem.toml").write_text(text.replace('tls = "none"', 'tls = "start"'))
    report = await clinic.doctor(MAINTENANCE_TOKEN="wr0ng", TANDEM_CONFIG=str(folder), SHOP_PORT="1")
    assert report.lines["Service web"].said == "web's maintenance switch answered 401"
    assert "maintenance_token" in report.lines["Service web"].mend
    assert report.lines["Mail"].said == "the mail server does not offer TLS on that port"
    shop = report.lines["Database shop"]
    assert shop.said == "the server of database shop cannot be reached: it refuses connections"
    assert shop.mend == "see whether it runs, and look at host and port of databases.shop in services.toml."


async def test_the_bots_database_held_by_the_wrong_role_empty_or_away(clinic: Clinic) -> None:
    databases = clinic.stage.databases
    server, password = databases.server, clinic.stage.words.of("tandem_bot")
    owner, great, empty, away, refused, unset = await asyncio.gather(
        clinic.doctor(DATABASE_URL=databases.owner_url),
        clinic.doctor(DATABASE_URL=server.dsn("tandem")),
        clinic.doctor(DATABASE_URL=server.dsn("postgres", "tandem_bot", password)),
        clinic.doctor(DATABASE_URL="postgresql://u:p@127.0.0.1:1/x"),
        clinic.doctor(DATABASE_URL=server.dsn("tandem", "tandem_bot", "wr0ng")),
        clinic.doctor(DATABASE_URL=""),
    )
    assert owner.lines["Bot's role"].said.startswith("DATABASE_URL names the owner of the tables")
    assert great.lines["Bot's role"].said == "DATABASE_URL names a superuser"
    assert (empty.lines["Schema"].said, empty.wrong) == ("the database is empty", {"Schema"})
    assert empty.lines["Schema"].mend == "type `python -m bot migrate`."
    assert away.lines["Bot's database"].said == "the server cannot be reached (ConnectionRefusedError)"
    assert refused.lines["Bot's database"].said == "the server does not accept that user or password (28P01)"
    assert unset.lines["Bot's database"].said == "DATABASE_URL is not set"
    assert {report.status for report in (owner, great, empty, away, refused, unset)} == {1}


async def test_a_policy_that_was_not_applied(clinic: Clinic, tmp_path: Path) -> None:
    folder = tmp_path / "company"
    shutil.copytree(COMPANY, folder)
    policy = folder / "policy.toml"
    policy.write_text(policy.read_text().replace('expires = "1h"', 'expires = "2h"'))
    report = await clinic.doctor(TANDEM_CONFIG=str(folder))
    assert report.wrong == {"Policy"}


async def test_two_keys_for_one_database_and_a_key_for_the_bots_own(clinic: Clinic, tmp_path: Path) -> None:
    folder = tmp_path / "company"
    shutil.copytree(COMPANY, folder)
    block = '\n[databases.{}]\nhost = "127.1"\nport = "env:SHOP_PORT"\ndatabase = "{}"\nuser = "tandem_operator"\n'
    with (folder / "services.toml").open("a") as file:
        for key, database in (("again", "shop"), ("own", "tandem")):
            file.write(block.format(key, database) + 'password_env = "SHOP_PASSWORD"\nenvironment = "production"\n')
    report = await clinic.doctor(TANDEM_CONFIG=str(folder))
    assert report.lines["One key each"].said in ("shop and again are one database", "again and shop are one database")
    assert report.lines["Not the bot's own"].said == "own is the bot's own database"


@pytest.mark.skipif(sys.platform != "linux", reason="this test needs Linux")
async def test_a_name_that_only_a_proxy_knows(clinic: Clinic, tmp_path: Path) -> None:
    folder = tmp_path / "company"
    shutil.copytree(COMPANY, folder)
    known = "client_connection_check_interval,idle_session_timeout,row_security,default_transaction_read_only"
    times = "statement_timeout,lock_timeout,idle_in_transaction_session_timeout"
    async with pgbouncer(clinic.stage.databases.shop_url, "session", f"{known},{times}") as through:
        lines = ("[databases.alias]", 'host = "127.0.0.1"', f"port = {urlsplit(through).port}", 'database = "pooled"')
        more = ('user = "any"', 'maintenance_database = "pooled"', 'environment = "staging"')
        with (folder / "services.toml").open("a") as file:
            file.write("\n".join(("", *lines, *more, "")))
        report = await clinic.doctor(TANDEM_CONFIG=str(folder))
    assert report.lines["Name of alias"].said.startswith("a proxy calls it pooled, its server shop")
    assert report.lines["Name of alias"].mend == 'write database = "shop" in services.toml.'


async def test_a_role_that_lacks_what_its_operations_need_and_a_dump_that_is_too_old(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.superuser(
        "REVOKE pg_monitor, pg_signal_backend FROM tandem_operator; ALTER ROLE tandem_operator NOCREATEDB"
    )
    await clinic.superuser("CREATE TABLE secret (x int)", "shop")
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("pg_dump", "pg_restore"):
        script = folder / program
        script.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) 14.9'\n")
        script.chmod(0o755)
    report = await clinic.doctor(TANDEM_PG_BIN=str(folder))
    shop = report.lines["Database shop"]
    assert shop.mark == Mark.BAD
    for lack in ("see all sessions", "end sessions", "read 1 of its tables", "create a database"):
        assert lack in shop.said
    assert "GRANT pg_signal_backend TO tandem_operator" in shop.mend
    assert "read" not in report.lines["Database shop-staging"].said
    assert report.lines["pg_dump for shop"].said.startswith("no pg_dump of PostgreSQL ")


@pytest.mark.skipif(sys.platform != "linux", reason="this test needs Linux")
async def test_a_proxy_that_pools_transactions_is_found_and_one_that_pools_sessions_is_told(clinic: Clinic) -> None:
    url = clinic.stage.databases.bot_url
    known = "search_path,jit,extra_float_digits"
    async with (
        pgbouncer(url, "transaction", known) as transactions,
        pgbouncer(url, "transaction", "extra_float_digits") as strict,
        pgbouncer(url, "session", known) as sessions,
    ):
        pooled, refused, whole = await asyncio.gather(
            clinic.doctor(DATABASE_URL=transactions),
            clinic.doctor(DATABASE_URL=strict),
            clinic.doctor(DATABASE_URL=sessions),
        )
    assert pooled.wrong == {"Database proxy"}
    assert "pools transactions" in pooled.lines["Database proxy"].said
    assert refused.lines["Database proxy"].said == "one stands between and refuses the session's settings"
    assert whole.lines["Database proxy"].said == "one stands between and drops the session's settings"
    assert "DATABASE_URL" in pooled.lines["Database proxy"].mend


def test_the_scopes_are_those_of_the_apps_manifest() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text())
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == SCOPES


@pytest.mark.parametrize(("off", "mark"), [(0.0, "✓"), (1.9, "✓"), (-1.9, "✓"), (2.1, "✗"), (-86400, "✗")])
def test_a_clock_more_than_two_seconds_off_is_bad(off: float, mark: str) -> None:
    assert fit_clock(off).mark == mark


@pytest.mark.parametrize(("major", "mark"), [(16, "✗"), (17, "✓"), (18, "✓")])
def test_a_server_before_17_is_bad(major: int, mark: str) -> None:
    assert fit_version(major, 1).mark == mark
