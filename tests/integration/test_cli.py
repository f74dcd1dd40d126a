"""Each command for real: a process of its own, a real database, the usual mistakes, and what is told to type next."""

import asyncio
import base64
import os
import pwd
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import asyncpg
import pytest

from bot.process import opening
from bot.process.compose import Ground, Unfit
from bot.store.pool import DOOR_TIMEOUT, open_pool
from deploy.local.slack import SlackServer
from tests.conftest import MakeDatabase
from tests.scenario.door import workspace
from tests.scenario.story import until
from tests.support.company import BOT, OWNER, PASSWORD, TEMPLATE, as_role
from tests.support.forked import Told, typed
from tests.support.plugin import Home

ROOT = Path(__file__).parents[2]
COMPANY = ROOT / "deploy" / "local" / "company"
LOGIN = pwd.getpwuid(os.getuid()).pw_name
SAMPLE = {  # what the sample company's config takes from the environment; nothing listens there
    "SHOP_HOST": "127.0.0.1", "SHOP_PORT": "1", "SHOP_PASSWORD": "x", "VAULT_FOLDER": "/nonexistent", "MAIL_PORT": "1",
    "WEB_URL": "http://127.0.0.1:1", "API_URL": "http://127.0.0.1:1", "PAYMENTS_STATUS_URL": "http://127.0.0.1:1",
}  # fmt: skip


HOOK = """
[hooks.grafana]
run = "/ops health"
channel = "incidents"
reason = "an alert"
secret = "GRAFANA_HOOK_SECRET"
signature = "X-Grafana-Alerting-Signature"
signs = "{time}:{body}"
time = "X-Grafana-Alerting-Timestamp"
"""


@dataclass
class Shell:
    """Types commands with an environment of its own."""

    environment: dict[str, str]
    superuser: str = ""
    secrets: list[str] = field(default_factory=lambda: [PASSWORD])

    async def type(self, *words: str, **environment: str) -> Told:
        """One command to its end. Whatever it says, there is no secret and no traceback in it."""
        given = {k: v for k, v in {**self.environment, **environment}.items() if v}
        told = await typed(words, given)
        assert "Traceback" not in told.err
        assert not [secret for secret in self.secrets if secret in told.out + told.err]
        return told


@pytest.fixture
async def shell(make_database: MakeDatabase, tmp_path: Path) -> Shell:
    """A shell whose database is empty but for its owner, and whose config is the sample company's."""
    await make_database(TEMPLATE)  # makes the two roles
    url = await make_database(None)
    conn = await asyncpg.connect(url)
    await conn.execute(f'ALTER DATABASE "{await conn.fetchval("SELECT current_database()")}" OWNER TO {OWNER}')
    await conn.close()
    folder = tmp_path / "company"
    shutil.copytree(COMPANY, folder)
    people = folder / "people.toml"
    people.write_text(people.read_text().replace("[people.ana]\nname", f'[people.ana]\nlogin = "{LOGIN}"\nname'))
    return Shell(
        {
            **SAMPLE, "PATH": "/usr/bin", "TANDEM_CONFIG": str(folder),
            "DATABASE_URL": as_role(url, BOT), "TANDEM_OWNER_URL": as_role(url, OWNER),
            "TANDEM_SEAL_KEY": base64.b64encode(b"k" * 32).decode(), "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": "s1gning-s3cret", "SLACK_API_URL": "http://127.0.0.1:1/api/",
        },
        superuser=url,
        secrets=[PASSWORD, "s1gning-s3cret", "xoxb-1"],
    )  # fmt: skip


async def test_from_an_empty_database_to_a_run_and_its_events(shell: Shell) -> None:
    empty, nothing = await asyncio.gather(shell.type("runs"), shell.type("run"))
    assert (empty.status, empty.words) == (1, ["the database is empty: type `python -m bot migrate` first"])
    assert (nothing.status, nothing.words) == (empty.status, empty.words)

    migrated = await shell.type("migrate")
    assert migrated.status == 0, migrated.err
    assert "applied 0001_tables.sql" in migrated.out
    assert "is in force" in migrated.out

    asked = await shell.type("ask", '/ops db backup shop reason="a drill"')
    assert (asked.status, asked.out) == (0, "Asked: r1. `python -m bot runs r1` tells how it goes.\n"), asked.err

    again, one, none = await asyncio.gather(shell.type("migrate"), shell.type("runs", "r1"), shell.type("runs", "r99"))
    assert (again.status, again.out.count("applied")) == (0, 0)
    assert one.status == 0
    assert one.out.splitlines()[0].startswith("r1 ops db backup planning")
    assert one.out.splitlines()[1].split()[-2:] == ["asked", "ana"]
    assert (none.status, none.words) == (1, ["There is no run r99; `python -m bot runs` lists the live ones."])

    listed, chain = await asyncio.gather(shell.type("runs"), shell.type("audit", "verify"))
    assert listed.out.split() == ["r1", "planning", "ops", "db", "backup", "shop", "Ana", "Duarte:", "a", "drill"]
    assert (chain.status, chain.out) == (0, "Every chain and every checkpoint fits.\n"), chain.err

    found, nothing = await asyncio.gather(shell.type("runs", "shop", "backup"), shell.type("runs", "api"))
    assert (found.out, nothing.out) == (listed.out, "")


async def test_an_event_that_was_changed_by_the_superuser_is_found_by_the_audit(shell: Shell, tmp_path: Path) -> None:
    """And a checkpoint that is another one than was kept elsewhere."""
    assert (await shell.type("migrate")).status == 0
    assert (await shell.type("ask", '/ops db backup shop reason="a drill"')).status == 0
    conn = await asyncpg.connect(shell.superuser)
    try:
        await conn.execute("SELECT tandem.checkpoint_heads()")
        printed = await shell.type("audit", "checkpoints")
        assert re.fullmatch(r"\S+\+00:00 [0-9a-f]{64}\n", printed.out), printed
        (tmp_path / "kept").write_text(printed.out[:-3] + "".join("1" if c == "0" else "0" for c in printed.out[-3:-1]))
        (tmp_path / "none").write_text("a list\n")
        kept, none = await asyncio.gather(
            *(shell.type("audit", "verify", "--against", str(tmp_path / name)) for name in ("kept", "none"))
        )
        assert (kept.status, len(kept.words), "not the one kept elsewhere" in kept.err) == (1, 1, True)
        assert (none.status, "python -m bot audit checkpoints > FILE" in none.err) == (1, True)
        await conn.execute("ALTER TABLE tandem.events DISABLE TRIGGER ALL")
        await conn.execute('UPDATE tandem.events SET body = body || \'{"via": "slack"}\' WHERE run = 1 AND seq = 1')
    finally:
        await conn.close()
    chain = await shell.type("audit", "verify")
    assert chain.status == 1
    assert "r1" in " ".join(chain.words)


async def test_what_the_asker_typed_wrong_is_told_with_what_to_type(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    people = Path(shell.environment["TANDEM_CONFIG"]) / "people.toml"
    known = people.read_text()
    people.write_text(known.replace(f'login = "{LOGIN}"', 'login = "mallory"'))
    nobody = await shell.type("ask", '/ops db backup shop reason="x"')
    people.write_text(re.sub(rf'(login = "{LOGIN}"(?:.*\n)*?)accounts = .*\n', r"\1", known, count=1))
    await shell.type("migrate")
    faceless = await shell.type("ask", '/ops db backup shop reason="x"')
    people.write_text(known)
    await shell.type("migrate")
    unknown, silent, channel = await asyncio.gather(
        shell.type("ask", "/ops db bakup shop"),
        shell.type("ask", "/ops db backup shop"),
        shell.type("ask", '/ops db backup shop reason="x"', "--channel", "nowhere"),
    )
    assert (unknown.status, silent.status, nobody.status, channel.status) == (1, 1, 1, 1)
    assert "did you mean ops db backup?" in unknown.words[0]
    assert silent.words == ['It changes something, so it needs a reason: add reason="why" to the line.']
    assert nobody.words == [
        f'Nobody in people.toml has login = "{LOGIN}", so you asked as nobody. Add it there, then migrate.'
    ]
    assert faceless.words == [
        f'people.toml has login = "{LOGIN}" without accounts, so you asked as nobody. Add one, then migrate.'
    ]
    assert channel.words == ["config has no channel nowhere: name one of general, incidents, releases"]
    assert (await shell.type("runs")).out == ""


async def test_a_personal_value_is_kept_sealed_or_not_at_all(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    line = '/ops personal erase canary@customers.example reason="a drill"'
    checked, refused = await asyncio.gather(shell.type("check"), shell.type("ask", line))
    assert (
        "TANDEM_PERSONAL_KEY is not set here. Where the bot runs without it, it refuses /ops personal erase."
        in checked.out
    )
    assert refused.status == 1
    assert "TANDEM_PERSONAL_KEY is not set, so no personal value can be kept" in refused.err
    shell.environment["TANDEM_PERSONAL_KEY"] = base64.b64encode(b"p" * 32).decode()
    asked = await shell.type("ask", line)
    assert asked.out.startswith("Asked: r1."), asked.err
    conn = await asyncpg.connect(shell.superuser)
    try:
        tables = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'tandem'")
        rows = [row[0] for (t,) in tables for row in await conn.fetch(f"SELECT t::text FROM tandem.{t} t")]
    finally:
        await conn.close()
    assert [row for row in rows if "•••" in row], "the line that was typed is kept without the value"
    assert not [row for row in rows if "canary" in row or b"canary".hex() in row]
    assert "canary" not in checked.out + refused.err + asked.out + asked.err


async def test_nobody_asks_as_another_by_setting_a_variable(shell: Shell) -> None:
    people = Path(shell.environment["TANDEM_CONFIG"]) / "people.toml"
    people.write_text(people.read_text().replace("[people.ben]\nname", '[people.ben]\nlogin = "ben"\nname'))
    assert (await shell.type("migrate")).status == 0
    others = {"LOGNAME": "ben", "USER": "ben", "LNAME": "ben", "USERNAME": "ben", "SUDO_USER": "ben"}
    assert (await shell.type("ask", '/ops db restore shop reason="x"', **others)).status == 0
    assert "asked ana" in (await shell.type("runs", "r1")).out


async def test_the_command_line_has_no_word_for_yes_no_or_an_answer(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    assert (await shell.type("ask", '/ops db restore shop reason="x"')).status == 0
    verbs = ("approve", "deny", "answer", "tick", "cancel", "supersede", "amend", "say")
    for told in await asyncio.gather(*(shell.type(verb, "r1") for verb in verbs)):
        assert (told.status, told.out) == (2, "")
    for line in ("/approve r1", "/ops approve r1", "/ops db approve shop"):
        told = await shell.type("ask", line)
        assert told.status == 1
        assert told.words[0].startswith("there is no operation in")
    listed = await shell.type("--help")
    offered = set(re.findall(r"^    (\w+)  ", listed.out, re.MULTILINE))
    assert offered == {"run", "init", "check", "doctor", "migrate", "runs", "audit", "ask"}
    conn = await asyncpg.connect(shell.superuser)
    try:
        kinds = [row["kind"] for row in await conn.fetch("SELECT kind FROM tandem.events ORDER BY run, seq")]
    finally:
        await conn.close()
    assert kinds == ["asked"]


@pytest.mark.parametrize("verb", ["run", "doctor"])
@pytest.mark.parametrize(("secret", "why"), [("", "GRAFANA_HOOK_SECRET is not set"), ("sh0rt-w0rd", "fewer than 16")])
async def test_a_hook_without_a_secret_that_is_one_is_said_and_nothing_listens(
    shell: Shell, verb: str, secret: str, why: str
) -> None:
    (Path(shell.environment["TANDEM_CONFIG"]) / "hooks.toml").write_text(HOOK)
    assert (await shell.type("migrate")).status == 0
    shell.secrets.append("sh0rt-w0rd")
    told = await shell.type(verb, GRAFANA_HOOK_SECRET=secret)
    assert told.status == 1
    said = told.words if verb == "run" else told.out.splitlines()
    assert [line for line in said if why in line], told
    if verb == "doctor":
        mended = await shell.type(verb, GRAFANA_HOOK_SECRET="l0ng-enough-t0-be-one")
        assert "✓ Hook grafana: its secret is set" in mended.out


async def test_a_config_that_differs_from_what_was_applied_asks_for_migrate(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    policy = Path(shell.environment["TANDEM_CONFIG"]) / "policy.toml"
    policy.write_text(policy.read_text().replace('expires = "1h"', 'expires = "2h"'))
    for told in await asyncio.gather(shell.type("run"), shell.type("ask", '/ops db backup shop reason="x"')):
        assert told.status == 1
        assert told.words == [
            "people, policy or operations differ from what the database holds: type `python -m bot migrate`"
        ]
    assert (await shell.type("migrate")).status == 0
    assert (await shell.type("ask", '/ops db backup shop reason="x"')).status == 0


async def test_a_wrong_address_a_wrong_password_and_none_at_all(shell: Shell) -> None:
    wrong = shell.environment["DATABASE_URL"].replace(PASSWORD, "an0ther-w0rd")
    gone = as_role(shell.superuser, BOT).rpartition("/")[0] + "/nowhere"
    shell.secrets.append("an0ther-w0rd")
    unset, refused, nowhere, dead, odd, owner = await asyncio.gather(
        shell.type("runs", DATABASE_URL=""),
        shell.type("run", DATABASE_URL=wrong),
        shell.type("ask", '/ops db backup shop reason="x"', DATABASE_URL=gone),
        shell.type("audit", "verify", DATABASE_URL=f"postgresql://{BOT}:{PASSWORD}@127.0.0.1:1/tandem"),
        shell.type("runs", DATABASE_URL=f"postgres-{PASSWORD}"),
        shell.type("migrate", TANDEM_OWNER_URL=wrong),
    )
    assert {told.status for told in (unset, refused, nowhere, dead, odd, owner)} == {1}
    assert unset.words == [
        "the secret DATABASE_URL is not set; set DATABASE_URL, or DATABASE_URL_FILE to a file that holds it"
    ]
    assert refused.words[0].startswith("DATABASE_URL: the server does not accept that user or password (28P01);")
    assert nowhere.words[0].startswith("DATABASE_URL: the server has no such database (3D000); create it")
    assert dead.words[0].startswith("DATABASE_URL: the server cannot be reached (ConnectionRefusedError)")
    assert odd.words[0].startswith("DATABASE_URL: that is no address of a PostgreSQL server; write postgresql://")
    assert owner.words[0].startswith("TANDEM_OWNER_URL: the server does not accept that user or password (28P01);")


async def test_who_types_an_ask_waits_longer_for_the_database_than_slack_would(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    holds, sees = await asyncpg.connect(shell.superuser), await asyncpg.connect(shell.superuser)
    late = (
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
        "AND clock_timestamp() - query_start > make_interval(secs => $1))"
    )
    try:
        await holds.execute("BEGIN; LOCK TABLE tandem.dedupe IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(shell.type("ask", '/ops db backup shop reason="a drill"'))

        async def waits() -> bool:
            return asking.done() or bool(await sees.fetchval(late, DOOR_TIMEOUT + 0.5))

        await until(waits, "ask that waits longer than a door does")
        await holds.execute("ROLLBACK")
        told = await asking
    finally:
        await holds.close()
        await sees.close()
    assert (told.status, told.out[:10]) == (0, "Asked: r1."), told.err


async def test_a_database_that_does_not_answer_is_told_in_words(home: Home) -> None:
    pool, holds = await open_pool(home.bot, size=1, door=True, within=0.5), await asyncpg.connect(home.superuser)
    try:
        await holds.execute("BEGIN; LOCK TABLE tandem.applied IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unfit, match=r"the database does not answer in time \(LockNotAvailableError\); see what"):
            await opening.fit(cast(Ground, None), pool)  # it does not come to the config
    finally:
        await holds.close()
        await pool.close()


async def test_a_superuser_an_owner_or_one_role_for_both_is_refused(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    owner = shell.environment["TANDEM_OWNER_URL"]
    great, owning, same = await asyncio.gather(
        shell.type("run", DATABASE_URL=shell.superuser),
        shell.type("ask", '/ops db backup shop reason="x"', DATABASE_URL=owner),
        shell.type("migrate", DATABASE_URL=owner),
    )
    assert {told.status for told in (great, owning, same)} == {1}
    assert great.words == ["DATABASE_URL names a superuser: use the bot's own role, and the owner's only for migrate"]
    assert owning.words[0].startswith("DATABASE_URL names the owner of the tables")
    assert same.words == ["DATABASE_URL and TANDEM_OWNER_URL must be two roles, and the bot's no superuser"]


async def test_run_says_what_slack_lacks_before_anything_listens(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    unset, unsigned, sentry = await asyncio.gather(
        shell.type("run", SLACK_BOT_TOKEN=""),
        shell.type("run", SLACK_SIGNING_SECRET=""),
        shell.type("run", SENTRY_DSN="https://x"),
    )
    assert {told.status for told in (unset, unsigned, sentry)} == {1}
    assert "SLACK_BOT_TOKEN is not set" in unset.words[0]
    assert "SLACK_SIGNING_SECRET is not set" in unsigned.words[0]
    assert sentry.words[0].startswith("SENTRY_DSN is no DSN")


async def test_a_token_that_slack_does_not_take_starts_nothing(shell: Shell) -> None:
    assert (await shell.type("migrate")).status == 0
    server = SlackServer(workspace(socket=False), limits=False)
    await server.start()
    try:
        refused = await shell.type("run", SLACK_API_URL=server.api_url, SLACK_BOT_TOKEN="xoxb-wrong")
    finally:
        await server.stop()
    assert refused.status == 1
    assert refused.words == ["SLACK_BOT_TOKEN: Slack answers invalid_auth; write the Bot User OAuth Token of the app"]


async def test_a_policy_in_which_nobody_could_ever_approve_starts_nothing_and_is_not_applied(shell: Shell) -> None:
    """Of two database people one is gone: what the other asks for could never be approved."""
    assert (await shell.type("migrate")).status == 0
    people = Path(shell.environment["TANDEM_CONFIG"]) / "people.toml"
    fine = people.read_text()
    people.write_text(fine.replace('members = ["ben", "cleo"]', 'members = ["ben"]'))
    checked, ran, migrated = await asyncio.gather(*(shell.type(verb) for verb in ("check", "run", "migrate")))
    assert [told.status for told in (checked, ran, migrated)] == [1, 1, 1]
    assert ran.words == checked.words == migrated.words
    [word] = ran.words
    assert re.match(r"policy\.toml:\d+: .*if ben asks, nobody could approve it: it takes 1 other people from dba", word)
    people.write_text(fine)
    refused = await shell.type("run", SLACK_BOT_TOKEN="")
    assert "SLACK_BOT_TOKEN is not set" in refused.words[0], "with the people of before it comes further"


async def test_check_reads_the_config_without_any_database(shell: Shell) -> None:
    fine, broken, usage = await asyncio.gather(
        shell.type("check", DATABASE_URL="", TANDEM_OWNER_URL="", SLACK_BOT_TOKEN=""),
        shell.type("check", TANDEM_CONFIG="/nonexistent"),
        shell.type("chek"),
    )
    assert fine.status == 0
    assert fine.out.startswith("Marrow & Pine: ")
    assert broken.status == 1
    assert broken.words
    assert usage.status == 2


async def test_what_is_wrong_with_the_environment_hides_nothing_that_is_wrong_with_the_files(shell: Shell) -> None:
    file = Path(shell.environment["TANDEM_CONFIG"]) / "people.toml"
    file.write_text(file.read_text().replace("zone = ", "zoen = ", 1))
    told = await shell.type("check", PORT="seven", SLACK_BOT_TOKEN_FILE="/nonexistent", SLACK_BOT_TOKEN="")
    assert told.status == 1
    assert [word.partition(":")[0] for word in told.words] == ["environment", "environment", "people.toml"]


async def test_init_writes_a_folder_once_and_says_what_to_fill_in(shell: Shell, tmp_path: Path) -> None:
    made = await shell.type("init", str(tmp_path / "new"))
    assert made.status == 0
    assert "people.toml:" in made.out
    again = await shell.type("init", str(tmp_path / "new"))
    assert again.status == 1
    assert "already" in again.words[0]
