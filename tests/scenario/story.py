"""What people do and see in the running workspace, for scenario tests: through Slack alone, the ledger only read."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
from slack_sdk.web.async_client import AsyncWebClient

from bot.model import ENDS
from deploy.local.databases import more_orders
from deploy.local.slack import Outcome, Workspace
from deploy.local.slack.client import ControlRefused, shown_text
from deploy.local.stage import Stage
from tests.scenario.played import Played

T = TypeVar("T")
Json = dict[str, Any]
SOON, LONG = 30.0, 60.0  # seconds; nothing takes so long, and a machine that does much else may
BACK = (
    "ALTER TABLE tandem.withdrawals DISABLE TRIGGER wall; "
    "INSERT INTO tandem.withdrawals SELECT run, run, tandem.clock() FROM tandem.delegations ON CONFLICT DO NOTHING; "
    "ALTER TABLE tandem.withdrawals ENABLE ALWAYS TRIGGER wall"
)  # nobody is away any more
TYPE_AGAIN = "Type the database again"
JO = "5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11"  # a user of the shop's

# after a crash the thread is looked at once more, much later, for doubles
ALL_TOLD = """SELECT bool_and(t.due = 'infinity' OR t.doubtful_at IS NOT NULL AND t.held_until = '-infinity'
    AND (t.told_seq, t.card_seq) = (r.seq, r.seq)) FROM tandem.threads t JOIN tandem.runs r ON r.id = t.run"""


async def until(condition: Callable[[], Awaitable[T | None]], what: str, seconds: float = SOON) -> T:
    """Tries the condition until it gives something true. Raises TimeoutError, which says what did not come."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (found := await condition()):
        if loop.time() > end:
            raise TimeoutError(f"after {seconds:.0f} s there was still no {what}")
        await asyncio.sleep(0.01)
    return found


class Story:
    """One test's people in a workspace that other tests have used before."""

    def __init__(self, played: Played, slack: Workspace, ledger: asyncpg.Connection) -> None:
        self.played, self.slack, self.ledger = played, slack, ledger

    @property
    def stage(self) -> Stage:
        return self.played.stage

    async def types(self, person: str, line: str, channel: str = "incidents") -> Outcome:
        """A slash command, acknowledged in time."""
        ran = await self.slack.command(person, channel, line)
        assert ran.result == "acked", ran
        return ran

    async def told(self, person: str, line: str, channel: str = "incidents") -> str:
        """What only this person reads in answer to a line."""
        before = len(await self.slack.ephemerals(person, channel))
        await self.types(person, line, channel)
        seen = await self.slack.ephemerals(person, channel)
        return "\n".join(shown_text(one) for one in seen[before:])

    async def asks(self, person: str, line: str, channel: str = "incidents", **fields: str) -> "Run":
        """A run from a line and, where a form opens, from what is filled in."""
        before = await self.last()
        await self.types(person, line, channel)
        if view := await self.slack.view(person):
            done = await self.slack.submit(person, view, dict(fields))
            assert done.ok, done
        now = await self.last()
        assert now > before, f"{line} began no run"
        return Run(self, now, channel)

    async def restore(self, reason: str, *, backup: str = "", channel: str = "incidents") -> "Run":
        """A restore of the shop, from its first backup, that Ana asks for and that waits for its approval."""
        line = f'/ops db restore shop backup={backup or await self.first_backup()} reason="{reason}"'
        run = await self.asks("ana", line, channel, **{TYPE_AGAIN: "shop"})
        await run.can_be_approved()
        return run

    async def first_backup(self) -> str:
        """The verified one with which the workspace began."""
        sql = "SELECT params ->> 'name' FROM tandem.runs WHERE command = 'ops db backup' ORDER BY id LIMIT 1"
        return str(await self.ledger.fetchval(sql))

    async def last(self) -> int:
        return int(await self.ledger.fetchval("SELECT coalesce(max(id), 0) FROM tandem.runs"))

    async def move_clock(self, by: timedelta) -> None:
        """Time is an argument: the bot's clock goes on by so much; leases stay on the real one."""
        await self.ledger.execute("UPDATE tandem.clock_shift SET by = by + $1", by)

    # --- the shop ------------------------------------------------------------------------------------------------

    async def orders(self, database: str = "shop") -> int:
        async with self.stage.databases.server.connect(database) as conn:
            return int(await conn.fetchval("SELECT count(*) FROM orders"))

    async def kept_orders(self, database: str) -> int:
        """The orders in a database that was set aside, into which nobody is let."""
        await self.ledger.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
        try:
            return await self.orders(database)
        finally:
            await self.ledger.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")

    async def sells(self, count: int) -> None:
        await more_orders(self.stage.databases.shop_url, count)

    async def databases(self) -> set[str]:
        return {row[0] for row in await self.ledger.fetch("SELECT datname FROM pg_database")}

    @asynccontextmanager
    async def busy_shop(self) -> AsyncIterator[None]:
        """Somebody whose session Tandem may end holds a lock in the shop: a backup of it waits until they are done."""
        conn = await asyncpg.connect(self.stage.databases.shop_url)
        try:
            async with conn.transaction():
                await conn.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            await conn.close()

    async def public(self) -> bool:
        """Whether customers get in: no maintenance page, and the shop's door open."""
        maintained = any(self.stage.services.in_maintenance(key) for key in ("web", "api"))
        open_to = await self.ledger.fetchval("SELECT has_database_privilege('shop_app', 'shop', 'CONNECT')")
        limit = await self.ledger.fetchval("SELECT datconnlimit FROM pg_database WHERE datname = 'shop'")
        return not maintained and bool(open_to) and limit != 0

    # --- afterwards ----------------------------------------------------------------------------------------------

    async def leave_clean(self) -> None:
        """Ends what still runs, as people would, and takes back what the test did to the workspace."""
        await self.slack.clear_faults()
        for channel in ("incidents", "releases"):
            await self.slack.archive_channel(channel, archived=False)
        for person in ("ana", "ben", "cleo"):
            while await self.slack.view(person):
                await self.slack.cancel(person, everything=True)
        for row in await self.ledger.fetch("SELECT id FROM tandem.runs WHERE ended_at IS NULL ORDER BY id"):
            await Run(self, row["id"]).give_up()
        await self.move_clock(timedelta(minutes=1))  # whatever is to be tried again is tried now
        await until(self._all_told, "end of what the threads tell", LONG)
        await self.move_clock(timedelta(minutes=1))  # doubles are looked for now
        await until(self._quiet, "quiet in the threads", LONG)
        await self.ledger.execute("UPDATE tandem.freezes SET ends = least(ends, clock_timestamp())")
        await self.ledger.execute("UPDATE tandem.incidents SET ended = coalesce(ended, tandem.clock())")
        await self.ledger.execute(BACK)
        await self.ledger.execute("UPDATE tandem.clock_shift SET by = '0'")
        for name in await self.databases():
            if re.fullmatch(r"shop_r\d+_\w+", name):
                await self.stage.databases.server.drop_database(name)

    async def _all_told(self) -> bool:
        return await self.ledger.fetchval(ALL_TOLD) is not False

    async def _quiet(self) -> bool:
        return not await self.ledger.fetchval("SELECT EXISTS (SELECT 1 FROM tandem.threads WHERE due < 'infinity')")


@asynccontextmanager
async def people(played: Played) -> AsyncIterator[Story]:
    """The people of the sample company, in a workspace that is left clean."""
    ledger = await asyncpg.connect(played.stage.databases.server.dsn("tandem"))
    try:
        async with Workspace(played.stage.slack.url) as slack:
            await slack.limits(False)
            story = Story(played, slack, ledger)
            yield story
            await story.leave_clean()
    finally:
        await ledger.close()


class Run:
    """One run as people meet it: its card, its thread, its buttons."""

    def __init__(self, story: Story, id: int, channel: str = "incidents") -> None:
        self.story, self.id, self.tag, self.channel = story, id, f"r{id}", channel
        self.slack = story.slack

    async def row(self) -> asyncpg.Record:
        row = await self.story.ledger.fetchrow("SELECT * FROM tandem.runs WHERE id = $1", self.id)
        assert row is not None
        return row

    async def events(self) -> list[asyncpg.Record]:
        sql = "SELECT seq, kind, step, way, attempt, mark, actor, body FROM tandem.events WHERE run = $1 ORDER BY seq"
        return list(await self.story.ledger.fetch(sql, self.id))

    async def state(self) -> str:
        return str((await self.row())["state"])

    async def cards(self, person: str = "cleo") -> list[Json]:
        """Every card of this run in its channel, oldest first; there should be one."""
        seen = await self.slack.messages(person, self.channel)
        return [one for one in seen if re.search(rf"Asked by .* · {self.tag}\b", shown_text(one))]

    async def card(self) -> Json:
        """The run's card, which is the newest."""

        async def look() -> Json | None:
            found = await self.cards()
            return found[-1] if found else None

        return await self.slack.wait_for(look, what=f"card of {self.tag}")

    async def shows(self, *texts: str, seconds: float = SOON) -> str:
        """The card's words, buttons included, once they contain all of these."""

        async def look() -> str | None:
            found = await self.cards()
            said = f"{shown_text(found[-1])}\n{json.dumps(labels(found[-1]))}" if found else ""
            return said if found and all(text in said for text in texts) else None

        return await self.slack.wait_for(look, seconds=seconds, what=f"card of {self.tag} with {texts}")

    async def thread(self) -> list[str]:
        """The replies, oldest first."""
        card = await self.card()
        root = card.get("thread_ts") or card["ts"]
        return [shown_text(one) for one in (await self.slack.thread("cleo", self.channel, str(root)))[1:]]

    async def tells(self, text: str, seconds: float = SOON) -> str:
        """The reply that contains this."""

        async def look() -> str | None:
            return next((one for one in reversed(await self.thread()) if text in one), None)

        return await self.slack.wait_for(look, seconds=seconds, what=f"reply in {self.tag} with {text!r}")

    async def can_be_approved(self) -> None:
        """Until the card stands in Slack, and the ledger knows of it."""
        await self.shows("Approve")
        sql = "SELECT true FROM tandem.shown s JOIN tandem.runs r ON r.id = s.run AND r.fingerprint = s.fingerprint "

        async def shown() -> bool:
            return bool(await self.story.ledger.fetchval(sql + "WHERE r.id = $1", self.id))

        await until(shown, f"word that {self.tag} was shown")

    async def copy_of_card(self) -> Json:
        """The card as it is now, kept as another message of the bot, elsewhere: its buttons grow old."""
        card, bot = await self.card(), self.story.stage.slack.app()
        client = AsyncWebClient(token=bot.bot_token, base_url=self.story.stage.slack.api_url)
        sent = await client.chat_postMessage(channel="C0RELEASES", text="a copy", blocks=card["blocks"])
        return {"channel": "releases", "ts": sent["ts"]}

    async def press(self, person: str, label: str, card: Json | None = None, **words: str) -> None:
        """Presses a button of the card; fills in the modal that opens where `words` are given."""
        done = await self.slack.click(person, card or await self.card(), label)
        assert done.result == "acked", done
        if words:
            sent = await self.slack.submit(person, await self.slack.wait_for_view(person), dict(words))
            assert sent.ok, sent

    async def refuses(self, person: str, label: str, text: str, card: Json | None = None) -> str:
        """Presses a button of the card; what this person alone then reads, with that text in it."""
        before = {one["ts"] for one in await self._alone(person)}
        await self.press(person, label, card)

        async def told() -> str | None:
            seen = [shown_text(one) for one in await self._alone(person) if one["ts"] not in before]
            return next((said for said in seen if text in said), None)

        return await self.slack.wait_for(told, what=f"words to {person} with {text!r}")

    async def _alone(self, person: str) -> list[Json]:
        """What only this person reads: in a channel or, where that took too long, directly."""
        seen = await self.slack.ephemerals(person)
        with suppress(ControlRefused):  # of another organisation, they have no direct messages here
            seen += await self.slack.messages(person, "@tandem")
        return seen

    async def reaches(self, step: str, mark: str = "started") -> None:
        """Until the ledger says so of that step."""
        sql = "SELECT EXISTS (SELECT 1 FROM tandem.events WHERE run = $1 AND step = $2 AND mark = $3)"

        async def there() -> bool:
            return bool(await self.story.ledger.fetchval(sql, self.id, step, mark))

        await until(there, f"{step} {mark} in {self.tag}")

    async def settles(self) -> str:
        """The state it ends in."""

        async def over() -> str | None:
            state = await self.state()
            return state if state in set(ENDS) else None

        return await until(over, f"end of {self.tag}", LONG)

    async def ends(self, state: str = "succeeded", seconds: float = LONG) -> None:
        """Until it has ended so, and all of it was told."""

        async def over() -> bool:
            return await self.state() in set(ENDS) and bool(
                await self.story.ledger.fetchval(f"{ALL_TOLD} WHERE r.id = $1", self.id)
            )

        await until(over, f"end of {self.tag} ({await self.state()})", seconds)
        assert await self.state() == state, [dict(event) for event in await self.events()]

    async def give_up(self) -> None:
        """Ends it whatever became of its card: the same verbs as the buttons', called in the database."""
        row = await self.row()
        word: Json = {"run": self.id, "team": row["team"], "user": row["slack_user"]}
        if row["state"] == "in_doubt":
            said, word = "answer", word | {"question": row["question_seq"], "choice": "stop"}
        else:
            said, word = "say", word | {"verb": "cancel", "text": "the test is over"}
        await self.story.ledger.execute(f"SELECT tandem.{said}($1)", json.dumps(word))
        await self.settles()


def labels(message: Mapping[str, Any]) -> list[str]:
    """The buttons of a message."""
    rows = [block["elements"] for block in message.get("blocks", ()) if block["type"] == "actions"]
    pressed = [element for row in rows for element in row]
    return [one["text"]["text"] for element in pressed for one in element.get("options", [element])]


def steps_told(events: list[asyncpg.Record]) -> list[str]:
    """The steps in the order in which they were done."""
    return [event["step"] for event in events if event["mark"] == "done"]
