"""A canary in every secret, vendor's answer, exception and address: the machine works on, and no copy of it stays.

What people type as a reason is meant to be shown, and is no canary here.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP

from deploy.local.ports import kept_port
from deploy.local.slack import Workspace
from deploy.local.stage import Stage
from tests.databases import SessionServer
from tests.scenario.played import Played
from tests.scenario.story import Run, Story, until
from tests.support.ingest import Ingest, ingesting

CANARY = "c4n4ry"
TYPED = "typ3d-c4n4ry@customers.example"  # refused at the door, so only Slack itself has it
PERSON = "p3rs0n-c4n4ry@customers.example"  # given to an operation that takes a personal value, by every door
JO, KIM = "5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11", "9c1f0b52-7c54-4d0e-8f5c-0a6a3e1d2b22"
ADDRESSES = ("jo@customers.example", "kim@customers.example", "lou@customers.example")
SECRETS = (
    "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "TANDEM_SEAL_KEY", "TANDEM_PERSONAL_KEY", "TANDEM_VAULT_KEYSET",
    "SHOP_PASSWORD", "MAINTENANCE_TOKEN", "DATABASE_URL", "TANDEM_OWNER_URL", "SENTRY_DSN",
)  # fmt: skip
# What a database says when it refuses: the row itself, in message, detail, hint and context.
RAISES = """
CREATE OR REPLACE FUNCTION {schema}.canary() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'c4n4ry in the message: %', NEW USING DETAIL = 'c4n4ry in the detail', HINT = 'c4n4ry in the hint';
END $$;
CREATE TRIGGER canary BEFORE INSERT ON {schema}.{table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {schema}.canary()
"""


class Vendors:
    """A company's services and relay that tell canaries wherever one may tell anything."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refused = 0
        self.url, self.mail_port = "", 0

    async def start(self, stack: AsyncExitStack) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="mail.test", loop=loop), "127.0.0.1", 0)
        stack.callback(server.close)
        self.mail_port = server.sockets[0].getsockname()[1]

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        said = f"{CANARY} in a body: postgres://u:{CANARY}@h/db"
        body = {"status": said, "version": said, "on": said, "error": said, "database": {"status": said, "name": said}}
        status = 500 if request.path.endswith("/health") else 200
        return web.json_response(body, status=status, reason=f"{CANARY} reason", headers={"X-Error": said})

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.refused += 1
        return f"550 5.7.1 {CANARY}: {envelope.rcpt_tos[0]} is not wanted here"


class Caged(Stage):
    """The local workspace with those vendors, Sentry and metrics."""

    def __init__(self, home: Path, vendors: Vendors, dsn: str, metrics_port: int) -> None:
        super().__init__(home, keep=False, orders=100)
        self.vendors, self.dsn, self.metrics_port = vendors, dsn, metrics_port

    def _environment(self, mail_port: int) -> Mapping[str, str]:
        more = {
            "WEB_URL": f"{self.vendors.url}/web", "API_URL": f"{self.vendors.url}/api",
            "PAYMENTS_STATUS_URL": f"{self.vendors.url}/status", "MAIL_PORT": str(self.vendors.mail_port),
            "SENTRY_DSN": self.dsn, "METRICS_PORT": str(self.metrics_port),
        }  # fmt: skip
        return {**super()._environment(mail_port), **more}


class Cage:
    """Everything that runs, and everywhere a canary could have flown to."""

    def __init__(self, stage: Caged, story: Story, ingest: Ingest) -> None:
        self.stage, self.story, self.ingest, self.vendors = stage, story, ingest, stage.vendors

    async def raises(self, database: str, table: str, when: str = "true") -> None:
        schema, _, name = table.partition(".")
        async with self.stage.databases.server.connect(database) as conn:
            await conn.execute(RAISES.format(schema=schema, table=name, when=when))

    async def settled(self, line: str, approve: bool = False) -> Run:
        """A run to its end, approved where it has to be."""
        run = await self.story.asks("ana", line)
        if approve:
            await run.can_be_approved()
            await run.press("ben", "Approve")
        await run.settles()
        return run

    async def told_a_person(self) -> None:
        """A person's value by a line, a form and lines that are wrong; then the second request erases it."""
        story = self.story
        waits = await story.asks("ana", f'/ops personal erase {PERSON} reason="a drill"')
        await waits.can_be_approved()
        for words in (
            f"ersae {PERSON}",
            f"erase {PERSON} r1 {PERSON}",
            f"erase valeu={PERSON}",
            f"erase {PERSON} runs=r1",
        ):
            await story.told("ana", f"/ops personal {words}")
        erases = await story.asks("ana", f"/ops personal erase {PERSON}", value=PERSON.upper(), reason="a drill")
        await erases.can_be_approved()
        sealed = "SELECT count(*) FROM tandem.personal_values WHERE value IS NOT NULL"
        assert await story.ledger.fetchval(sealed) == 2
        await erases.press("ben", "Approve")
        await erases.settles()
        assert await erases.state() == "succeeded"
        assert await story.ledger.fetchval(sealed) == 0

    async def told_sentry(self) -> bool:
        """The listener's failure and the engine's; the SDK sends from a thread of its own."""
        return len(self.ingest.bodies) >= 2

    async def places(self) -> dict[str, str]:
        """All text that the bot left anywhere, by place."""
        await until(self.story._all_told, "quiet in the threads")
        metrics = await until(self._metrics, "figure of the last run", 20)
        calls = await self.story.slack.log(kind="api")
        deliveries = await self.story.slack.log(kind="delivery")  # `request` is what Slack itself had from people
        return {
            "the bot's database": await self._database(),
            "its log": (self.stage.home / "bot.log").read_text(),
            "Sentry": "".join(self.ingest.bodies),
            "what it told Slack": json.dumps(calls + [one["answer"] for one in deliveries]),
            "the metrics": metrics,
        }

    async def _metrics(self) -> str | None:
        """The metrics once they count the last run; the ledger is looked at every few seconds."""
        url = f"http://127.0.0.1:{self.stage.metrics_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            text = await answer.text()
        return text if 'tandem_runs_ended_total{command="ops user unban"' in text else None

    async def _database(self) -> str:
        async with self.stage.databases.server.connect("tandem") as conn:
            tables = await conn.fetch(
                "SELECT quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class c JOIN pg_namespace n "
                "ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'm') AND nspname NOT LIKE 'pg\\_%' "
                "AND nspname <> 'information_schema'"
            )
            assert len(tables) > 20
            return "\n".join([row[0] for (t,) in tables for row in await conn.fetch(f"SELECT t::text FROM {t} t")])


@pytest.fixture
async def cage() -> AsyncIterator[Cage]:
    place = SessionServer()
    try:
        async with AsyncExitStack() as stack:
            ingest = await stack.enter_async_context(ingesting())
            vendors = Vendors()
            await vendors.start(stack)
            stage = Caged(place.home, vendors, ingest.dsn, stack.enter_context(kept_port()))
            stack.push_async_callback(stage.stop)
            await stage.start()
            slack = await stack.enter_async_context(Workspace(stage.slack.url))
            await slack.limits(False)
            ledger = await asyncpg.connect(stage.databases.server.dsn("tandem"))
            stack.push_async_callback(ledger.close)
            yield Cage(stage, Story(cast(Played, SimpleNamespace(stage=stage)), slack, ledger), ingest)
    finally:
        place.close()


async def test_no_canary_stays_in_database_log_sentry_slack_or_metrics(cage: Cage) -> None:
    story = cage.story
    await story.types("ana", "/ops health")
    backup = await cage.settled('/ops db backup shop reason="a drill"')
    assert await backup.state() == "succeeded"

    # a person's value, and its erasure
    await cage.told_a_person()

    # a mail server's refusal, and a database's with the whole row in it
    mailed = await cage.settled(f'/ops user ban shop {KIM} reason="spam"', approve=True)
    await cage.raises("shop", "public.audit_logs")
    banned = await cage.settled(f'/ops user ban shop {JO} reason="spam"', approve=True)
    assert "550" in str(await mailed.events())
    assert "P0001" in str(await banned.events())

    # the bot's own database breaks a listener, and the engine in the middle of a run
    await cage.raises("tandem", "tandem.drafts")
    await story.told("ana", '/ops db restore shop reason="a drill"')
    await cage.raises("tandem", "tandem.events", "NEW.kind = 'admitted'")
    broken = await cage.settled(f'/ops user unban shop {KIM} reason="a drill"')
    assert await broken.state() == "failed"

    # what looks like an address is refused at the door
    refused = await story.told("ana", f'/ops db backup shop reason="asked by {TYPED}"')
    assert "a mail address" in refused

    await until(cage.told_sentry, "two envelopes")
    assert {path.split("/")[1] for path in cage.vendors.asked} >= {"web", "api"}
    assert cage.vendors.refused == 1
    places = await cage.places()
    _told_by_class_only(places, cage.ingest)
    environment = cage.stage.bot._environment
    secrets = [environment[name] for name in SECRETS]
    words = [path.read_text() for path in cage.stage.words._folder.iterdir()]
    assert len(words) >= 6
    for canary in (CANARY, TYPED, PERSON, PERSON.upper(), PERSON.encode().hex(), *ADDRESSES, *secrets, *words):
        assert [place for place, text in places.items() if canary in text] == [], canary[:8]
    for name, held in places.items():
        assert not [word for word in digests(PERSON) if word in held], name
    stored = b"".join(path.read_bytes() for path in (cage.stage.home / "vault").rglob("*") if path.is_file())
    assert len(stored) > 1000
    assert not [address for address in ADDRESSES if address.encode() in stored]


def digests(value: str) -> list[str]:
    """What whoever guesses the value can compute without any key, as it might be written."""
    made = [hashlib.new(name, value.encode()) for name in ("md5", "sha1", "sha256", "sha512", "blake2b")]
    return [text for d in made for text in (d.hexdigest(), base64.b64encode(d.digest()).decode())]


def _told_by_class_only(places: Mapping[str, str], ingest: Ingest) -> None:
    """The failures were seen: it is not silence that keeps the canaries in."""
    lines = [json.loads(line) for line in places["its log"].splitlines()]
    told = {(line.get("said"), line.get("error")) for line in lines}
    assert ("a listener failed", "RaiseError") in told
    assert ("the engine broke off", "RaiseError") in told
    assert all(line["run"].startswith("r") for line in lines if line.get("said") == "the engine broke off")
    kinds = {value["type"] for event in ingest.events() for value in event["exception"]["values"]}
    assert kinds == {"RaiseError"}
    assert 'tandem_runs_ended_total{command="ops db backup",state="succeeded"} 1.0' in places["the metrics"]
    assert "ops user ban" in places["the bot's database"]
    assert "chat.postMessage" in places["what it told Slack"]
    assert "Nothing was asked" in places["what it told Slack"]
