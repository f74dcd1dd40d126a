"""Counts and durations of the ledger, added up by the database; their names are from code and config only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.model import ENDS, Record

# Upper bounds of the histograms' buckets, in seconds.
PLANNING = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
APPROVAL = (10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0)
STEP = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 10800.0)

# `p` is the event before, so a state that differs is a move. A transaction that commits later than two seconds after
# its event's time is not counted: a figure, no promise.
TOLD = """
WITH told AS (
  SELECT e.*, r.command, r.via, p.state AS was FROM events e JOIN runs r ON r.id = e.run
  LEFT JOIN events p ON p.run = e.run AND p.seq = e.seq - 1 WHERE e.at >= $1 AND e.at < $2
), lasted AS (
  SELECT 'planning' AS what, command, state AS label, at - (
      SELECT max(b.at) FROM events b WHERE b.run = t.run AND b.seq < t.seq) AS span, $3::float8[] AS bounds
    FROM told t WHERE was = 'planning' AND state <> was
  UNION ALL
  SELECT 'approval', command, state, at - (
      SELECT max(b.at) FROM events b WHERE b.run = t.run AND b.seq < t.seq AND b.kind IN ('proposed', 'differed')), $4
    FROM told t WHERE was = 'awaiting_approval' AND state <> was
  UNION ALL
  SELECT 'step', command, mark, at - (
      SELECT b.at FROM events b WHERE b.run = t.run AND b.step = t.step AND b.way = t.way AND b.attempt = t.attempt
        AND b.mark = 'started'), $5
    FROM told t WHERE mark IN ('done', 'not_done', 'failed', 'unknown', 'again')
)
SELECT what, command, label, width_bucket(extract(epoch FROM span)::float8, bounds) AS bucket, count(*) AS count,
    sum(extract(epoch FROM span))::float8 AS seconds
  FROM lasted WHERE span IS NOT NULL GROUP BY 1, 2, 3, 4
UNION ALL SELECT 'asked', command, via, 0, count(*), 0 FROM told WHERE was IS NULL GROUP BY 2, 3
UNION ALL SELECT 'ended', command, state, 0, count(*), 0 FROM told WHERE state = ANY ($6) AND was <> state GROUP BY 2, 3
"""
NOW = """
SELECT (SELECT jsonb_object_agg(state, n) FROM (
      SELECT state, count(*) AS n FROM runs WHERE ended_at IS NULL GROUP BY state) AS live) AS live,
  (SELECT extract(epoch FROM max(clock() - moved_at))::float8 FROM runs WHERE state = 'awaiting_approval') AS awaiting,
  (SELECT extract(epoch FROM max(clock() - moved_at))::float8 FROM runs WHERE state = 'in_doubt') AS in_doubt,
  (SELECT extract(epoch FROM max(clock() - e.at))::float8 FROM threads t
     JOIN events e ON e.run = t.run AND e.seq = t.told_seq + 1 WHERE t.due < 'infinity') AS untold
"""


class Figure(Record):
    """So many of one kind whose duration fell into one bucket; counters have the bucket 0 and no seconds."""

    what: str  # planning, approval, step, asked, ended
    command: str
    label: str  # the state or mark that it came to; for `asked` the door
    bucket: int
    count: int
    seconds: float


class Present(Record):
    """How things stand: live runs by state, and the greatest ages in seconds."""

    live: Mapping[str, int]
    awaiting: float
    in_doubt: float
    untold: float


class Figures:
    """Reads of the ledger for the metrics; each event is counted once by each reader."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self._after: datetime | None = None

    async def added(self, settled: float = 2.0) -> Sequence[Figure]:
        """What happened since the last call, up to `settled` seconds ago; the first call only begins."""
        till = await self.pool.fetchval("SELECT clock() - make_interval(secs => $1)", settled)
        after, self._after = self._after, till
        if after is None:
            return ()
        ends = [str(end) for end in ENDS]
        bounds = [list(each) for each in (PLANNING, APPROVAL, STEP)]
        try:
            rows = await self.pool.fetch(TOLD, after, till, *bounds, ends)
        except BaseException:
            self._after = after
            raise
        return [Figure.model_validate(dict(row)) for row in rows]

    async def present(self) -> Present:
        row = await self.pool.fetchrow(NOW)
        return Present(
            live=row["live"] or {},
            awaiting=row["awaiting"] or 0.0,
            in_doubt=row["in_doubt"] or 0.0,
            untold=row["untold"] or 0.0,
        )
