"""The threads' cursors and the messages that were sent: what the poster needs to tell each event once."""

from datetime import datetime, timedelta
from typing import Any

from bot.model import Record


class Letter(Record):
    """One run's thread, claimed for a while by pushing its due time ahead."""

    run: int
    due: datetime
    channel: str | None
    root_ts: str | None
    card_ts: str | None
    card_seq: int
    told_seq: int
    tries: int
    trouble: str | None
    doubtful_at: datetime | None = None


COLUMNS = ", ".join(Letter.model_fields)


class Letterbox:
    """Reads and writes of threads and messages."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def claim(self, limit: int, hold: timedelta) -> list[Letter]:
        """Threads that are due, the most urgent first; held by their due time, so a dead poster's come back."""
        rows = await self.pool.fetch(
            f"""UPDATE threads SET due = clock() + $2 WHERE run IN (
                SELECT t.run FROM threads t JOIN runs r ON r.id = t.run WHERE t.due <= clock()
                ORDER BY (r.state = 'in_doubt') DESC, (r.ended_at IS NOT NULL) DESC,
                         (r.state = 'awaiting_approval') DESC, t.due
                LIMIT $1 FOR UPDATE OF t SKIP LOCKED) RETURNING {COLUMNS}""",  # noqa: S608  columns of our own
            limit,
            hold,
        )
        return [Letter.model_validate(dict(r)) for r in rows]

    async def may_tell_progress(self, most: int) -> bool:
        """Whether this minute has room for one more edit that tells nothing but progress; counts it."""
        sql = """INSERT INTO progress_told AS t VALUES (date_trunc('minute', clock()), 1)
            ON CONFLICT (minute) DO UPDATE SET edits = t.edits + 1 WHERE t.edits < $1 RETURNING t.edits"""
        edits = await self.pool.fetchval(sql, most)
        if edits == 1:
            await self.pool.execute("DELETE FROM progress_told WHERE minute < clock() - interval '1 hour'")
        return edits is not None

    async def sending(self, run: int, kind: str | None) -> None:
        """Committed before a message goes out: after a crash it is looked for before it is sent again."""
        await self.pool.execute("UPDATE threads SET trouble = $2 WHERE run = $1", run, kind)

    async def sent_card(self, run: int, channel: str, ts: str, seq: int, root_ts: str | None) -> None:
        """The card stands there, and shows everything up to seq."""
        await self.pool.execute(
            "UPDATE threads SET channel = $2, card_ts = $3, root_ts = coalesce($5, root_ts, $3), card_seq = $4, "
            "trouble = NULL, tries = 0 WHERE run = $1",
            run, channel, ts, seq, root_ts,
        )  # fmt: skip
        await self._kept(run, channel, ts, "card", 0, seq)

    async def told(self, run: int, channel: str, ts: str | None, kind: str, first: int, last: int) -> None:
        """Events up to `last` were told; ts None: there was nothing to say of them."""
        await self.pool.execute(
            "UPDATE threads SET told_seq = $2, trouble = NULL, tries = 0 WHERE run = $1 AND told_seq < $2", run, last
        )
        if ts is not None:
            await self._kept(run, channel, ts, kind, first, last)

    async def told_elsewhere(self, run: int, channel: str, seq: int) -> bool:
        """Whether that channel was told of this event already."""
        sql = "SELECT true FROM messages WHERE run = $1 AND channel = $2 AND kind = 'elsewhere' AND from_seq = $3"
        return bool(await self.pool.fetchval(sql, run, channel, seq))

    async def elsewhere(self, run: int, channel: str, ts: str, seq: int) -> None:
        """A channel beside the run's own was told of this event."""
        await self._kept(run, channel, ts, "elsewhere", seq, seq)

    async def _kept(self, run: int, channel: str, ts: str, kind: str, first: int, last: int) -> None:
        await self.pool.execute(
            "INSERT INTO messages VALUES ($1, $2, $3, $4, $5, $6, clock()) ON CONFLICT (channel, ts) DO NOTHING",
            run, channel, ts, kind, first, last,
        )  # fmt: skip

    async def again(self, letter: Letter, after: timedelta | None) -> None:
        """Due again after a while, or never; left as it is where something happened since the thread was claimed.

        The due time that claiming gave is compared, not the run's seq: an event that commits while this waits for the
        thread's row would be seen by its new due time, but not by its seq, which is read before the wait.
        """
        await self.pool.execute(
            "UPDATE threads SET due = CASE WHEN $3::interval IS NULL THEN 'infinity' ELSE clock() + $3 END "
            "WHERE run = $1 AND due = $2",
            letter.run, letter.due, after,
        )  # fmt: skip

    async def failed(self, run: int, after: timedelta) -> None:
        """Sending failed; later again."""
        await self.pool.execute("UPDATE threads SET due = clock() + $2, tries = tries + 1 WHERE run = $1", run, after)

    async def unanswered(self, run: int, after: timedelta) -> None:
        """Whether a message went out is not known: looked for before it is sent again, and for a double later."""
        await self.pool.execute(
            "UPDATE threads SET due = clock() + $2, tries = tries + 1, doubtful_at = clock() WHERE run = $1", run, after
        )

    async def single(self, run: int) -> None:
        """No message of this thread is there twice any more."""
        await self.pool.execute("UPDATE threads SET doubtful_at = NULL WHERE run = $1", run)

    async def lost_card(self, run: int) -> None:
        """The card is gone or cannot be edited any more: the next one is a new one."""
        await self.pool.execute("UPDATE threads SET card_ts = NULL, card_seq = 0 WHERE run = $1", run)

    async def moved(self, run: int, channel: str) -> None:
        """Another place, because the first one takes no messages."""
        await self.pool.execute(
            "UPDATE threads SET channel = $2, card_ts = NULL, root_ts = NULL, card_seq = 0 WHERE run = $1", run, channel
        )

    async def shown(self, run: int, fingerprint: str, channel: str, ts: str) -> bool:
        """Slack acknowledged a message that holds the whole plan."""
        sql = "SELECT shown_at($1, $2, $3, $4)"
        return bool(await self.pool.fetchval(sql, run, fingerprint, channel, ts))
