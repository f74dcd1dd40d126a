"""The door of other systems: what config says is asked, by nobody; and nothing of a delivery gets any further."""

import asyncio
import gzip
import hmac
import io
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from bot.hooks import Hook
from bot.model import Risk, State
from bot.operation import Database
from bot.store.pool import open_pool
from bot.store.store import Doors
from bot.telemetry import start_logging
from bot.web import LIMIT
from config.company import Hook as Rule
from tests.scenario.door import Bot
from tests.scenario.ops.test.destroy import Params as Destroys
from tests.support.ops.test.write import Params as Writes
from tests.support.plugin import Home

KEY, OTHER_KEY = b"the key of one sender, in bytes", b"the key of another, also bytes"
CANARY = "c4n4ry"
RULE = Rule(
    run="/test write plain", channel="ops", reason="a sender says so", secret="X", signature="X-Signature",
    signs="{id}.{time}.{body}", time="X-Time", delivery="X-Id",
)  # fmt: skip
BODY_ONLY = Rule(run="-", channel="ops", reason="-", secret="X", signature="X-Hub-Signature-256", time="body:at")
# Everything that a sender may hope to choose.
CHOOSES = (
    "command", "operation", "params", "script", "database", "target", "channel", "reason", "risk", "environment", "via",
    "requester", "words", "thread_ts", "text", "source", "key",
)  # fmt: skip
PAYLOAD = json.dumps({**dict.fromkeys(CHOOSES, CANARY), "team": "T0TEST", "user": "U0ANA", "user_id": "U0ANA"}).encode()


class Sender:
    """Another system that knows a secret, or does not."""

    def __init__(self, bot: Bot, http: aiohttp.ClientSession) -> None:
        self.bot, self.http = bot, http

    async def now(self) -> datetime:
        now: datetime = await self.bot.home.pool.fetchval("SELECT clock()")
        return now

    async def signed(
        self, body: bytes = PAYLOAD, *, id: str = "d-1", ago: float = 0, key: bytes = KEY
    ) -> dict[str, str]:
        """The headers of a delivery that was sent so many seconds ago."""
        time = str(int((await self.now()).timestamp() - ago))
        digest = hmac.digest(key, f"{id}.{time}.".encode() + body, "sha256").hex()
        return {"X-Id": id, "X-Time": time, "X-Signature": f"sha256={digest}"}

    async def sends(
        self, headers: Mapping[str, str] | None = None, body: Any = PAYLOAD, source: str = "writes"
    ) -> tuple[int, str]:
        """What the bot answers."""
        given = await self.signed() if headers is None else headers
        async with self.http.post(f"{self.bot.site.address}/hooks/{source}", data=body, headers=given) as answer:
            assert set(answer.headers) == {"Content-Type", "Content-Length", "Date", "Server"}
            return answer.status, await answer.text()

    async def run(self) -> asyncpg.Record:
        """The only run."""
        (row,) = await self.bot.home.pool.fetch("SELECT * FROM runs")
        return row


def hooks(bot: Bot) -> dict[str, Hook]:
    """Two sources that write, one of them without an id, and one that destroys."""
    entry = bot.desk.catalogue.get
    writes = Hook("writes", RULE, KEY, entry("test write"), Writes(script="plain"), RULE.reason, bot.id("ops"))
    params = Destroys(database=Database(key="shop"), backup="b2")
    return {
        "writes": writes,
        "bare": replace(writes, source="bare", rule=BODY_ONLY),
        "other": replace(writes, source="other", key=OTHER_KEY),
        "destroys": replace(writes, source="destroys", entry=entry("test destroy"), params=params),
    }


@pytest.fixture
async def sender(bot: Bot) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession() as http:
        bot.hooks.update(hooks(bot))
        yield Sender(bot, http)


async def test_a_delivery_asks_for_what_config_says_whatever_it_holds(sender: Sender) -> None:
    status, tag = await sender.sends()
    row = await sender.run()
    assert (status, tag.strip()) == (202, row["tag"])
    assert (row["command"], row["params"], row["reason"]) == (
        "test write",
        {"script": "plain", "reason": ""},
        RULE.reason,
    )
    assert (row["channel"], row["via"], row["risk"]) == (sender.bot.id("ops"), "webhook", Risk.WRITE)
    assert (row["requester"], row["team"], row["slack_user"], row["words"]) == (None, None, None, "")
    assert await sender.bot.home.pool.fetchval("SELECT count(*) FROM askers") == 0
    asked = await sender.bot.home.pool.fetchval("SELECT body FROM events WHERE run = $1 AND seq = 1", row["id"])
    assert (asked.pop("via"), asked.pop("source"), list(asked)) == ("webhook", "writes", ["what"])
    await sender.bot.card("Asked by a webhook")


async def test_nothing_of_a_delivery_is_kept_logged_or_told(sender: Sender, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    strange = {**await sender.signed(PAYLOAD, id=f"d-{CANARY}"), "User-Agent": CANARY}
    assert (await sender.sends(strange))[0] == 202
    assert (await sender.sends({**strange, "X-Id": f"e-{CANARY}"}))[0] == 401
    assert (await sender.sends(strange, source=CANARY))[0] == 401
    assert (await sender.sends(await sender.signed(id="d-2"), source=f"writes%0A{CANARY}"))[0] == 401
    await sender.bot.card("plain went through")
    sql = "SELECT relname FROM pg_class WHERE relnamespace = 'tandem'::regnamespace AND relkind = 'r'"
    tables = await sender.bot.home.own.fetch(sql)
    assert len(tables) > 20
    for (table,) in tables:
        rows = await sender.bot.home.own.fetch(f"SELECT t::text FROM {table} t")
        assert not [row for (row,) in rows if CANARY in row], table
    said = "".join(capsys.readouterr())
    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line["source"], line.get("code")) for line in lines if "source" in line] == [
        ("writes", None),
        ("writes", "signature"),
    ]
    assert CANARY not in said
    assert CANARY not in json.dumps(await sender.bot.slack.log(kind="api"))
    logging.getLogger("tandem").setLevel(logging.NOTSET)


async def test_what_destroys_and_has_no_asker_waits_for_two_people(sender: Sender) -> None:
    assert (await sender.sends(source="destroys"))[0] == 202
    card = await sender.bot.card("Waiting for approval")
    await sender.bot.told(card, "Press Approve, Deny or Ask back")
    await sender.bot.slack.click("ben", card, "Approve")
    await sender.bot.told(card, "Ben approved")
    assert (await sender.run())["state"] == State.AWAITING
    await sender.bot.slack.click("ben", await sender.bot.card("Waiting for approval"), "Approve")
    assert (await sender.run())["state"] == State.AWAITING
    await sender.bot.slack.click("cleo", await sender.bot.card("Waiting for approval"), "Approve")
    await sender.bot.told(card, "shop is back")


async def test_whoever_is_not_believed_learns_nothing_of_why(sender: Sender) -> None:
    good = await sender.signed()
    later = str(int(good["X-Time"]) + 1)
    tries: dict[str, dict[str, Any]] = {
        "not signed": {"headers": {}},
        "signed with another secret": {"headers": await sender.signed(key=OTHER_KEY)},
        "another source's, with its secret": {"headers": good, "source": "other"},
        "no source": {"headers": good, "source": "nowhere"},
        "no source, and not signed": {"headers": {}, "source": "nowhere"},
        "one byte more": {"headers": good, "body": PAYLOAD + b" "},
        "another time": {"headers": {**good, "X-Time": later}},
        "another id": {"headers": {**good, "X-Id": "d-2"}},
        "no signature at all": {"headers": {**good, "X-Signature": ""}},
        "too old": {"headers": await sender.signed(ago=5 * 60 + 2)},
        "from a time to come": {"headers": await sender.signed(ago=-90)},
        "packed": {"headers": {**good, "Content-Encoding": "gzip"}, "body": gzip.compress(PAYLOAD)},
        "a sender without a time": {"headers": {"X-Hub-Signature-256": hmac.digest(KEY, PAYLOAD, "sha256").hex()},
                                    "source": "bare"},
    }  # fmt: skip
    for what, one in tries.items():
        assert await sender.sends(**one) == (401, "refused\n"), what
    assert await sender.bot.asked() == 0
    assert (await sender.sends(good))[0] == 202


async def test_the_window_is_the_databases_time_and_a_delivery_cannot_outlive_the_memory_of_it(sender: Sender) -> None:
    first = await sender.signed()
    assert (await sender.sends(first))[0] == 202
    await sender.bot.move_clock(timedelta(minutes=6))
    assert await sender.sends(first) == (401, "refused\n")
    assert (await sender.sends(await sender.signed(id="d-2", ago=4 * 60)))[0] == 202
    await sender.bot.move_clock(timedelta(hours=26))
    await sender.bot.home.ledger.sweep()
    assert await sender.bot.home.pool.fetchval("SELECT count(*) FROM dedupe") == 0
    assert await sender.sends(first) == (401, "refused\n")
    assert await sender.bot.asked() == 2
    widest = Rule.model_fields["window"].metadata
    assert any(getattr(bound, "le", None) == timedelta(hours=24) for bound in widest)  # dedupe keeps 25


async def test_what_was_captured_is_found_again_for_as_long_as_the_widest_window_lets_it_in(sender: Sender) -> None:
    widest = Rule.model_validate({**RULE.model_dump(), "window": "24h"})
    sender.bot.hooks["writes"] = replace(sender.bot.hooks["writes"], rule=widest)
    captured = await sender.signed()
    first = await sender.sends(captured)
    await sender.bot.move_clock(timedelta(hours=23, minutes=59))
    await sender.bot.home.ledger.sweep()
    assert await sender.sends(captured) == first
    assert await sender.bot.asked() == 1


async def test_a_delivery_that_comes_again_is_the_same_run_also_on_two_replicas_at_once(
    sender: Sender, home: Home, tmp_path: Path
) -> None:
    (tmp_path / "two").mkdir()
    async with Bot(home, tmp_path / "two") as second:
        second.hooks.update(hooks(second))
        other, headers = Sender(second, sender.http), await sender.signed()
        answers = await asyncio.gather(*(one.sends(headers) for one in (sender, other) * 4))
    assert len(set(answers)) == 1
    assert answers[0][0] == 202
    assert await sender.sends(await sender.signed(ago=10)) == answers[0]  # sent again later, under its own id
    assert await sender.bot.asked() == 1
    assert (await sender.sends(await sender.signed(id="d-2")))[1] != answers[0][1]


async def test_an_id_that_nobody_signed_makes_no_second_run_of_one_delivery(sender: Sender) -> None:
    body = json.dumps({"at": (await sender.now()).astimezone(UTC).isoformat()}).encode()
    for id in ("72d3162e", "fresh-one"):
        headers = {"X-Hub-Signature-256": f"sha256={hmac.digest(KEY, body, 'sha256').hex()}", "X-GitHub-Delivery": id}
        assert (await sender.sends(headers, body, "bare"))[0] == 202
    assert await sender.bot.asked() == 1


async def test_a_source_cannot_use_up_the_ids_of_another(sender: Sender) -> None:
    assert (await sender.sends())[0] == 202
    assert (await sender.sends(await sender.signed(key=OTHER_KEY), source="other"))[0] == 202
    assert await sender.bot.asked() == 2


@pytest.mark.parametrize("source", ["writes", "nowhere"])
async def test_a_body_beyond_the_bound_is_refused_before_anything_is_looked_at(sender: Sender, source: str) -> None:
    large = b"x" * (LIMIT + 1)
    headers = await sender.signed(large)

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * (LIMIT // 16)

    for body in (io.BytesIO(large), in_pieces()):
        assert (await sender.sends(headers, body, source))[0] == 413
    assert await sender.bot.asked() == 0


async def test_only_a_post_is_a_delivery(sender: Sender) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        for source in ("writes", "nowhere"):
            async with sender.http.request(method, f"{sender.bot.site.address}/hooks/{source}") as answer:
                assert answer.status == 405


async def test_behind_a_stalled_database_the_sender_is_told_to_send_again_and_then_there_is_one_run(
    home: Home, tmp_path: Path
) -> None:
    pool = await open_pool(home.bot, size=2, door=True)
    stall = await asyncpg.connect(home.superuser)
    async with Bot(home, tmp_path, doors=Doors(pool)) as bot, aiohttp.ClientSession() as http:
        bot.hooks.update(hooks(bot))
        sender = Sender(bot, http)
        headers = await sender.signed()
        await stall.execute("BEGIN; LOCK TABLE tandem.dedupe IN ACCESS EXCLUSIVE MODE")
        assert await sender.sends(headers) == (503, "not recorded; send it again\n")
        await stall.execute("ROLLBACK")
        assert (await sender.sends(headers))[0] == 202
        assert await bot.asked() == 1
    await stall.close()
    await pool.close()
