"""The threads' cursors and the messages that were sent: what the poster needs to tell each event once."""

from datetime import datetime, timedelta
from typing import Any

from bot.model import Record
from bot.store.pool import HELD_LONGER, LostHold


class LostThread(LostHold):
    """The hold on a thread was over and another poster has it: this one tells nothing more of it."""


class Letter(Record):
    """One run's thread, held by one poster: every write names the hold by its fence, and a lost one is refused."""

    run: int
    due: datetime
    channel: str | None
    root_ts: str | None
    card_ts: str | None
    card_seq: int
    told_seq: int
    tries: int
    trouble: str | None
    doubtful_at: datetime | None
    fence: int


COLUMNS = ", ".join(f"threads.{name}" for name in Letter.model_fields)
# While Slack wants nothing sent to a place, no thread that is told there is taken up. For a while after that they go
# one at a time, the most urgent first, also where that one is due only in a moment because Slack would not take it; a
# question waits for no other.
CLAIM = f"""
WITH waits AS MATERIALIZED (
  SELECT place, until > clock_timestamp() AS on FROM slack_waits WHERE until > clock_timestamp() - interval '10 s'
), soon AS MATERIALIZED (
  SELECT t.run, t.channel, t.due, t.held_until, CASE WHEN r.state = 'in_doubt' THEN 0 WHEN r.ended_at IS NOT NULL THEN 1
      WHEN r.state = 'awaiting_approval' THEN 2 ELSE 3 END AS after
    FROM threads t JOIN runs r ON r.id = t.run WHERE t.due <= clock() + $2
)
UPDATE threads SET due = clock() + $2, held_until = clock_timestamp() + $2, fence = fence + 1,
    doubtful_at = CASE WHEN held_until > '-infinity' THEN clock() ELSE doubtful_at END
  WHERE run IN (
    SELECT t.run FROM threads t JOIN soon s ON s.run = t.run
    WHERE t.due <= clock() AND t.held_until <= clock_timestamp() AND (NOT $3 OR s.after = 0)
      AND NOT EXISTS (SELECT 1 FROM waits w WHERE w.place IN ('', t.channel) AND (w.on OR s.after > 0 AND EXISTS (
        SELECT 1 FROM soon o WHERE w.place IN ('', o.channel) AND o.run <> s.run
          AND (o.held_until > clock_timestamp() OR (o.after, o.due, o.run) < (s.after, s.due, s.run)))))
    ORDER BY s.after, t.due LIMIT $1 FOR UPDATE OF t SKIP LOCKED)
  RETURNING {COLUMNS}"""  # noqa: S608  columns of our own


class Letterbox:
    """Reads and writes of threads and messages."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def claim(self, limit: int, hold: timedelta, questions: bool = False) -> list[Letter]:
        """Threads that are due and nobody's, the most urgent first; a dead poster's once its hold is over.

        What that one was sending may yet arrive, as a double or over a newer card: that is looked at later.
        `questions`: only of runs that stopped and ask.
        """
        rows = await self.pool.fetch(CLAIM, limit, hold, questions)
        return [Letter.model_validate(dict(r)) for r in rows]

    async def renew(self, letter: Letter, hold: timedelta) -> None:
        """Holds it for so long from now. Raises LostThread."""
        await self._write(letter, HELD_LONGER, hold)

    async def _write(self, letter: Letter, change: str, *values: Any) -> None:
        """One change of a thread that is still held; its values begin at $3. Raises LostThread."""
        sql = f"UPDATE threads SET {change} WHERE run = $1 AND fence = $2"  # noqa: S608  changes of our own
        if await self.pool.execute(sql, letter.run, letter.fence, *values) == "UPDATE 0":
            raise LostThread

    async def may_tell_progress(self, most: int) -> bool:
        """Whether this minute has room for one more edit that tells nothing but progress; counts it."""
        sql = """INSERT INTO progress_told AS t VALUES (date_trunc('minute', clock()), 1)
            ON CONFLICT (minute) DO UPDATE SET edits = t.edits + 1 WHERE t.edits < $1 RETURNING t.edits"""
        edits = await self.pool.fetchval(sql, most)
        if edits == 1:
            await self.pool.execute("DELETE FROM progress_told WHERE minute < clock() - interval '1 hour'")
        return edits is not None

    async def sending(self, letter: Letter, kind: str, hold: timedelta) -> None:
        """Committed before a message goes out: after a crash it is looked for before it is sent again."""
        await self._write(letter, "trouble = $3, held_until = clock_timestamp() + $4::interval", kind, hold)

    async def sent_card(self, letter: Letter, channel: str, ts: str, seq: int) -> None:
        """The card stands there, and shows everything up to seq, unless it was to be drawn anew meanwhile."""
        await self._write(
            letter,
            "channel = $3, card_ts = $4, root_ts = coalesce(root_ts, $4), trouble = NULL, tries = 0, "
            "card_seq = CASE WHEN card_seq < 0 AND card_seq <> $6 THEN card_seq ELSE $5 END",
            channel, ts, seq, letter.card_seq,
        )  # fmt: skip
        await self._kept(letter.run, channel, ts, "card", 0, seq)

    async def told(self, letter: Letter, channel: str, ts: str | None, kind: str, first: int, last: int) -> None:
        """Events up to `last` were told; ts None: there was nothing to say of them."""
        await self._write(letter, "told_seq = greatest(told_seq, $3), trouble = NULL, tries = 0", last)
        if ts is not None:
            await self._kept(letter.run, channel, ts, kind, first, last)

    async def told_elsewhere(self, run: int, channel: str, kind: str, seq: int) -> bool:
        """Whether that channel, or the thread in it, was told of this event already."""
        sql = "SELECT true FROM messages WHERE run = $1 AND channel = $2 AND kind = $3 AND from_seq = $4"
        return bool(await self.pool.fetchval(sql, run, channel, kind, seq))

    async def elsewhere(self, run: int, channel: str, ts: str, kind: str, seq: int) -> None:
        """A place beside the run's own thread was told of this event."""
        await self._kept(run, channel, ts, kind, seq, seq)

    async def thread_of(self, run: int) -> tuple[str, str] | None:
        """Channel and first message of a run's thread; None where it has none, or is one person's alone."""
        sql = (
            "SELECT t.channel, t.root_ts FROM threads t JOIN runs r ON r.id = t.run "
            "WHERE t.run = $1 AND t.root_ts IS NOT NULL AND t.channel IS NOT NULL AND NOT r.look_only"
        )
        found = await self.pool.fetchrow(sql, run)
        return (found["channel"], found["root_ts"]) if found else None

    async def said(self, run: int, kind: str) -> bool:
        """Whether the run's thread has a message of that kind."""
        sql = "SELECT true FROM messages WHERE run = $1 AND kind = $2 LIMIT 1"
        return bool(await self.pool.fetchval(sql, run, kind))

    async def cards(self, run: int) -> set[str]:
        """The cards of a run that were sent for certain, or given up."""
        rows = await self.pool.fetch("SELECT ts FROM messages WHERE run = $1 AND kind = 'card'", run)
        return {row["ts"] for row in rows}

    async def says(self, run: int, kind: str, channel: str, ts: str) -> None:
        """A message of that kind, which tells no event, stands in the run's thread."""
        await self._kept(run, channel, ts, kind, 0, 0)

    async def _kept(self, run: int, channel: str, ts: str, kind: str, first: int, last: int) -> None:
        await self.pool.execute(
            "INSERT INTO messages VALUES ($1, $2, $3, $4, $5, $6, clock()) ON CONFLICT (channel, ts) DO NOTHING",
            run, channel, ts, kind, first, last,
        )  # fmt: skip

    async def again(self, letter: Letter, after: timedelta | None) -> None:
        """Let go; due again after a while, or never, or at once where something happened since the thread was claimed.

        The due time that claiming gave is compared, not the run's seq: an event that commits while this waits for the
        thread's row would be seen by its new due time, but not by its seq, which is read before the wait.
        """
        change = "CASE WHEN due <> $3 THEN due WHEN $4::interval IS NULL THEN 'infinity' ELSE clock() + $4 END"
        await self._write(letter, f"held_until = '-infinity', due = {change}", letter.due, after)

    async def failed(self, letter: Letter, after: timedelta) -> None:
        """Sending failed; let go, later again."""
        change = "held_until = '-infinity', due = clock() + $3, tries = tries + 1"
        await self._write(letter, change, after)

    async def limited(self, letter: Letter, after: timedelta, place: str | None, posting: bool) -> None:
        """Slack has had enough for so long; let go, later again, and until then every copy leaves `place` in peace.

        `place`: a channel, "" for all of them, None where it was no message. `posting`: what would have been a message
        surely is none.
        """
        if place is not None:
            await self.pool.execute(
                "INSERT INTO slack_waits AS w VALUES ($1, clock_timestamp() + $2) "
                "ON CONFLICT (place) DO UPDATE SET until = greatest(w.until, excluded.until)", place, after,
            )  # fmt: skip
        if posting:
            await self._write(letter, "trouble = NULL")
        await self.failed(letter, after)

    async def unanswered(self, letter: Letter, after: timedelta) -> None:
        """Whether a message went out is not known: looked for before it is sent again, and for a double later."""
        change = "held_until = '-infinity', due = clock() + $3, tries = tries + 1, doubtful_at = clock()"
        await self._write(letter, change, after)

    async def single(self, letter: Letter) -> None:
        """No message of this thread is there twice any more."""
        await self._write(letter, "doubtful_at = NULL")

    async def lost_card(self, letter: Letter) -> None:
        """The card is gone or cannot be edited any more: the next one is a new one."""
        await self._write(letter, "card_ts = NULL, card_seq = 0")

    async def moved(self, letter: Letter, channel: str) -> None:
        """Another place, because the first one takes no messages."""
        await self._write(letter, "channel = $3, card_ts = NULL, root_ts = NULL, card_seq = 0", channel)

    async def shown(self, run: int, fingerprint: str, channel: str, ts: str) -> bool:
        """Slack acknowledged a message that holds the whole plan."""
        sql = "SELECT shown_at($1, $2, $3, $4)"
        return bool(await self.pool.fetchval(sql, run, fingerprint, channel, ts))
