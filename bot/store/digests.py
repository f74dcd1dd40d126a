"""Who was called for what, and the digest that joins what waits for somebody."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from bot.model import Record, State
from bot.store.views import BRIEF, brief_of
from bot.view import Brief

MANY = 3  # requests that wait for one person, from which on one message joins them
WITHIN = timedelta(minutes=30)  # all of them called for within so long
APART = timedelta(
    seconds=2
)  # between two edits of one digest, for each other digest there is: Slack has one limit for all
LONGEST = timedelta(minutes=1)  # nobody is called later than that, however many there are
LISTED = f"SELECT b.*, d.said FROM ({BRIEF}) b JOIN digest_of($1) d ON d.run = b.id ORDER BY b.expires_at, b.id"  # noqa: S608


class Digest(Record):
    """One person's, claimed for a while by pushing its due time ahead."""

    slack_user: str
    due: datetime
    channel: str | None
    ts: str | None
    posted_at: datetime | None
    number: int
    trying: bool
    news: bool  # somebody was called since it was last sent or edited
    tries: int
    sign: str  # of what it shows
    now: datetime


class Listed(Record):
    """One request of a digest. `said`: its person has approved it, and others have not yet."""

    brief: Brief
    said: bool

    @property
    def waits(self) -> bool:
        return self.brief.state is State.AWAITING and not self.said


class Digests:
    """Reads and writes of digests."""

    def __init__(
        self, pool: Any, many: int = MANY, within: timedelta = WITHIN, apart: timedelta = APART
    ) -> None:  # fmt: skip
        self.pool, self.many, self.within, self.apart = pool, many, within, apart

    async def call(self, run: int, users: Collection[str]) -> frozenset[str]:
        """Writes down that these accounts are called for a request; gives those whose digest calls them instead."""
        sql = "SELECT call_people($1, $2, $3, $4)"
        return frozenset(await self.pool.fetchval(sql, run, list(users), self.many, self.within))

    async def claim(self, hold: timedelta) -> list[Digest]:
        """Those that are due, or show what is so no longer, once each has rested; held by their due time."""
        rows = await self.pool.fetch(
            """UPDATE digests d SET due = clock() + $1::interval WHERE slack_user IN (
                 SELECT slack_user FROM digests
                 WHERE coalesce(shown_at, '-infinity')
                     <= clock() - least($2::interval * ((SELECT count(*) FROM digests) - 1), $3::interval)
                   AND (due <= clock() OR due = 'infinity' AND seen IS DISTINCT FROM digest_sign(slack_user))
                 ORDER BY due LIMIT 8 FOR UPDATE SKIP LOCKED)
               RETURNING slack_user, due, channel, ts, posted_at, number, trying, news, tries,
                 digest_sign(slack_user) AS sign, clock() AS now""",
            hold, self.apart, LONGEST,
        )  # fmt: skip
        return [Digest.model_validate(dict(row)) for row in rows]

    async def listed(self, slack_user: str) -> list[Listed]:
        """What it shows, by when each lapses."""
        rows = await self.pool.fetch(LISTED, slack_user)
        return [Listed(brief=brief_of(row), said=row["said"]) for row in rows]

    async def sending(self, slack_user: str) -> None:
        """Committed before a new message goes out: after a crash it is looked for before it is sent again."""
        sql = "UPDATE digests SET trying = true, number = number + 1 WHERE slack_user = $1 AND NOT trying"
        await self.pool.execute(sql, slack_user)

    async def sent(self, slack_user: str, channel: str, ts: str) -> None:
        await self.pool.execute(
            "UPDATE digests SET channel = $2, ts = $3, posted_at = clock(), trying = false, tries = 0 "
            "WHERE slack_user = $1",
            slack_user, channel, ts,
        )  # fmt: skip

    async def shows(self, digest: Digest) -> None:
        """The message shows what was read; it stays due where somebody was called meanwhile."""
        await self.pool.execute(
            "UPDATE digests SET seen = $3, shown_at = clock(), news = false, tries = 0, due = 'infinity' "
            "WHERE slack_user = $1 AND due = $2",
            digest.slack_user, digest.due, digest.sign,
        )  # fmt: skip

    async def close(self, digest: Digest) -> bool:
        """Nothing of it waits any more; False where somebody was called meanwhile."""
        return bool(await self.pool.fetchval("SELECT close_digest($1, $2)", digest.slack_user, digest.due))

    async def lost(self, slack_user: str) -> None:
        """Its message is gone or cannot be edited: the next one is a new one."""
        await self.pool.execute("UPDATE digests SET ts = NULL, due = clock() WHERE slack_user = $1", slack_user)

    async def failed(self, slack_user: str, after: timedelta) -> None:
        """Later again."""
        sql = "UPDATE digests SET due = clock() + $2, tries = tries + 1 WHERE slack_user = $1"
        await self.pool.execute(sql, slack_user, after)
