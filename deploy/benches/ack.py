"""The ack with its commit: Bolt as it comes, Bolt that commits one row, and the bot, in one run on one PostgreSQL."""

from collections.abc import Callable, Sequence
from itertools import cycle
from statistics import median, quantiles

import asyncpg
from pydantic import BaseModel

from deploy.benches import bodies
from deploy.benches.place import Place, account
from deploy.benches.post import Job, Lane, Saw, Seen, post, settled
from deploy.benches.rivals import rival

AT_ONCE = 16
FLOOR_TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (key text PRIMARY KEY, body text NOT NULL)"
ROWS = """
SELECT (SELECT count(*) FROM bench_floor) AS floor, (SELECT count(*) FROM tandem.runs) AS runs,
       (SELECT count(*) FROM tandem.approvals) AS approvals
"""
SHOWN = """
SELECT r.id, r.fingerprint, s.channel, s.ts FROM tandem.runs r JOIN tandem.shown s ON s.run = r.id
WHERE r.state = 'awaiting_approval' ORDER BY r.id
"""
WRITERS = {"floor": ("floor",), "runs": ("read", "change"), "approvals": ("approve",)}
CONTESTANTS = ("default", "floor", "read", "change", "approve")


class Times(BaseModel):
    """Milliseconds to the answer, and answers a second."""

    p50: float
    p99: float
    per_second: float


class Acks(BaseModel):
    """By contestant: one request at a time while nothing else is under way; and the middle of rounds of sixteen."""

    commit_delay: int  # microseconds, PostgreSQL's setting
    alone: dict[str, Times]
    busy: dict[str, Times]


class NotCounted(Exception):
    """Something was acknowledged and not recorded, or the reverse: the times would mean nothing."""


class Contest:
    """The three doors, open, and a superuser's connection that counts what they wrote."""

    def __init__(self, place: Place, urls: dict[str, str], database: asyncpg.Connection) -> None:
        self.place, self.urls, self.database = place, urls, database

    async def run(self, names: Sequence[str], many: int, at_once: int) -> Saw:
        """So many requests to each. Raises NotCounted."""
        lanes = [await self._lane(name, many) for name in names]
        await settled(self.database)
        await self._read_from_slack()
        before = await self._rows()
        saw = await post(Job(lanes=lanes, at_once=at_once, settles=self.place.databases.server.dsn("tandem")))
        after = await self._rows()
        for table, writers in WRITERS.items():
            expected, found = many * len({*writers} & {*names}), after[table] - before[table]
            if found != expected:
                raise NotCounted(f"{expected} rows of {table} were acknowledged, and there are {found}")
        return saw

    async def _rows(self) -> dict[str, int]:
        return dict((await self.database.fetch(ROWS))[0])

    async def _lane(self, name: str, many: int) -> Lane:
        slack = self.place.slack
        if name == "approve":
            asked = self._asks("change", many, bodies.change)
            await post(Job(lanes=[asked], at_once=AT_ONCE))
            await settled(self.database)
            shown = (await self.database.fetch(SHOWN))[-many:]
            people = cycle(self.place.approvers)
            return self._door(name, [bodies.approve(slack, next(people), dict(row)) for row in shown])
        return self._asks(name, many, bodies.change if name == "change" else lambda: bodies.READ)

    def _asks(self, name: str, many: int, words: Callable[[], str]) -> Lane:
        people = cycle(self.place.askers)
        return self._door(name, [bodies.command(self.place.slack, next(people), words()) for _ in range(many)])

    def _door(self, name: str, sent: list[str]) -> Lane:
        return Lane(name=name, url=self.urls.get(name, self.place.door), secret=self.place.secret, bodies=sent)

    async def _read_from_slack(self) -> None:
        """As if Slack had just been asked about the approvers, as every 20 s: a first click would wait for it."""
        await self.database.executemany(
            "INSERT INTO tandem.directory VALUES ($1, $2, true, '', now()) "
            "ON CONFLICT (team, slack_user) DO UPDATE SET seen = now()",
            [(self.place.slack.state.team.id, account(person)) for person in self.place.approvers],
        )


async def measure(place: Place, commit_delay: int, many: int, rounds: int) -> Acks:
    """`many` requests one at a time, then `rounds` of as many with sixteen at once; every contestant in each round."""
    server, secret = place.databases.server, place.secret
    async with server.connect("tandem") as database:
        await database.execute(FLOOR_TABLE)
        await database.execute("GRANT INSERT ON bench_floor TO tandem_bot")
        await database.execute(f"ALTER SYSTEM SET commit_delay = {commit_delay}")
        await database.execute("SELECT pg_reload_conf()")
        async with rival("default", secret) as default, rival("floor", secret, place.databases.bot_url) as floor:
            contest = Contest(place, {"default": default, "floor": floor}, database)
            await contest.run(CONTESTANTS, max(10, many // 10), 1)
            await contest.run(CONTESTANTS, 2 * AT_ONCE, AT_ONCE)
            alone = await contest.run(CONTESTANTS, many, 1)
            busy = [await contest.run(CONTESTANTS, many, AT_ONCE) for _ in range(rounds)]
    return Acks(
        commit_delay=commit_delay,
        alone={name: times(seen) for name, seen in alone.lanes.items()},
        busy={name: _middle([times(saw.lanes[name]) for saw in busy]) for name in CONTESTANTS},
    )


def times(seen: Seen) -> Times:
    """Percentiles of one lane."""
    percentiles = quantiles(seen.seconds, n=100)
    return Times(p50=percentiles[49] * 1000, p99=percentiles[98] * 1000, per_second=len(seen.seconds) / seen.elapsed)


def _middle(rounds: Sequence[Times]) -> Times:
    return Times(
        p50=median(r.p50 for r in rounds),
        p99=median(r.p99 for r in rounds),
        per_second=median(r.per_second for r in rounds),
    )
