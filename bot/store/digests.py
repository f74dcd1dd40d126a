"""Who was called for what, and the digest that joins what waits for somebody."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.model import Record, State
from bot.store.pool import HELD_LONGER, LostHold
from bot.store.views import BRIEF, brief_of
from bot.view import Brief

MANY = 3  # requests that wait for one person, from which on one message joins them
WITHIN = timedelta(minutes=30)  # all of them called for within so long
APART = timedelta(
    seconds=2
)  # between two edits of one digest, for each other digest there is: Slack has one limit for all
LONGEST = timedelta(minutes=1)  # nobody is called later than that, however many there are
LISTED = f"""SELECT b.*, d.said, c.at AS called_at, c.called_by FROM ({BRIEF}) b JOIN digest_of($1) d ON d.run = b.id
  JOIN calls c ON c.run = b.id AND c.slack_user = $1 ORDER BY b.expires_at, b.id"""  # noqa: S608


class LostDigest(LostHold):
    """The hold on a digest was over and another poster has it: this one sends nothing more of it."""


class Digest(Record):
    """One person's, held by one poster: every write names the hold by its fence, and a lost one is refused."""

    slack_user: str
    due: datetime
    channel: str | None
    ts: str | None
    posted_at: datetime | None
    number: int  # of the last message that was sent, or is being sent
    trying: bool  # that message may be there already
    open: bool
    doubtful_at: datetime | None
    tries: int
    fence: int
    sign: str  # of what it shows
    now: datetime


class Listed(Record):
    """One request of a digest. `said`: its person has approved it, and others have not yet."""

    brief: Brief
    said: bool
    called_at: datetime
    called_by: int | None  # 0: its thread; the number of a digest's message; None: nothing yet

    @property
    def waits(self) -> bool:
        return self.brief.state is State.AWAITING and not self.said


class Digests:
    """Reads and writes of digests."""

    def __init__(
        self, pool: Any, many: int = MANY, within: timedelta = WITHIN, apart: timedelta = APART
    ) -> None:  # fmt: skip
        self.pool, self.many, self.within, self.apart = pool, many, within, apart

    async def call(self, run: int, seq: int, users: Collection[str]) -> frozenset[str]:
        """Writes down that the event calls these accounts for a request; gives those whose digest calls them instead.

        Said again of the same event, it changes nothing and is answered alike.
        """
        sql = "SELECT call_people($1, $2, $3, $4, $5)"
        return frozenset(await self.pool.fetchval(sql, run, seq, list(users), self.many, self.within))

    async def claim(self, limit: int, hold: timedelta, double_after: timedelta) -> list[Digest]:
        """Those that are due, or show what is so no longer, once each has rested; a dead poster's after its hold.

        Those of which an answer was lost are due once more, so long after.
        """
        rows = await self.pool.fetch(
            """UPDATE digests d SET held_until = clock_timestamp() + $1::interval, fence = fence + 1,
                 doubtful_at = CASE WHEN held_until > '-infinity' THEN clock() ELSE doubtful_at END
               WHERE slack_user IN (
                 SELECT slack_user FROM digests
                 WHERE held_until <= clock_timestamp() AND coalesce(shown_at, '-infinity')
                     <= clock() - least($2::interval * ((SELECT count(*) FROM digests WHERE open) - 1), $3::interval)
                   AND (due <= clock() OR tries = 0 AND (doubtful_at <= clock() - $5::interval
                        OR open AND seen IS DISTINCT FROM digest_sign(slack_user)))
                 ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED)
               RETURNING slack_user, due, channel, ts, posted_at, number, trying, open, doubtful_at, tries, fence,
                 digest_sign(slack_user) AS sign, clock() AS now""",
            hold, self.apart, LONGEST, limit, double_after,
        )  # fmt: skip
        return [Digest.model_validate(dict(row)) for row in rows]

    async def listed(self, slack_user: str) -> list[Listed]:
        """What it shows, by when each lapses."""
        rows = await self.pool.fetch(LISTED, slack_user)
        own = ("said", "called_at", "called_by")
        return [Listed(brief=brief_of(row), **{name: row[name] for name in own}) for row in rows]

    async def renew(self, digest: Digest, hold: timedelta) -> None:
        """Holds it for so long from now. Raises LostDigest."""
        await self._write(digest, HELD_LONGER, hold)

    async def _write(self, digest: Digest, change: str, *values: Any) -> None:
        """One change of a digest that is still held; its values begin at $3. Raises LostDigest."""
        sql = f"UPDATE digests SET {change} WHERE slack_user = $1 AND fence = $2"  # noqa: S608  changes of our own
        if await self.pool.execute(sql, digest.slack_user, digest.fence, *values) == "UPDATE 0":
            raise LostDigest

    async def sending(self, digest: Digest, channel: str, hold: timedelta, calls: Sequence[Listed]) -> None:
        """Committed before a new message goes out: after a crash it is looked for before it is sent again."""
        runs, ats = [one.brief.id for one in calls], [one.called_at for one in calls]
        sql = "SELECT digest_sending($1, $2, $3, $4, $5, $6)"
        if not await self.pool.fetchval(sql, digest.slack_user, digest.fence, channel, hold, runs, ats):
            raise LostDigest

    async def sent(self, digest: Digest, ts: str) -> None:
        """The newest message stands there."""
        await self._write(digest, "ts = $3, posted_at = clock(), trying = false, tries = 0", ts)

    async def shows(self, digest: Digest, again: timedelta | None) -> None:
        """The message shows what was read; let go. It is due so long after it was sent, and at once where somebody was
        called meanwhile.
        """
        await self._write(
            digest,
            "seen = $3, shown_at = clock(), tries = 0, held_until = '-infinity', "
            "due = CASE WHEN due <> $4 THEN due ELSE coalesce(posted_at + $5::interval, 'infinity') END",
            digest.sign, digest.due, again,
        )  # fmt: skip

    async def single(self, digest: Digest) -> None:
        """No message of it is there twice any more."""
        await self._write(digest, "doubtful_at = NULL")

    async def release(self, digest: Digest) -> None:
        """Let go, as it is."""
        await self._write(digest, "held_until = '-infinity'")

    async def close(self, digest: Digest) -> None:
        """Nothing of it waits any more; it is only let go where somebody was called meanwhile."""
        sql = "SELECT close_digest($1, $2, $3)"
        if not await self.pool.fetchval(sql, digest.slack_user, digest.fence, digest.due):
            await self.release(digest)

    async def unreached(self, digest: Digest) -> None:
        """Slack takes no message for that account: the threads call it, for what waits already too."""
        await self.pool.execute("SELECT digest_unreached($1, $2)", digest.slack_user, digest.fence)

    async def lost(self, digest: Digest) -> None:
        """Its message is gone or cannot be edited, or its channel is not known: the next one is a new one."""
        await self._write(digest, "ts = NULL, channel = NULL, due = clock(), held_until = '-infinity'")

    async def failed(self, digest: Digest, after: timedelta) -> None:
        """Later again."""
        await self._write(digest, "due = clock() + $3, tries = tries + 1, held_until = '-infinity'", after)

    async def unanswered(self, digest: Digest, after: timedelta) -> None:
        """Whether a message went out is not known: looked for before it is sent again, and for a double later."""
        change = "due = clock() + $3, tries = tries + 1, held_until = '-infinity', doubtful_at = clock()"
        await self._write(digest, change, after)
