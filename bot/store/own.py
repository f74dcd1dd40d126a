"""What handlers may read of the bot's own tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.connectors.tandem import Freeze, Given, Terms

STRETCHES = 100  # what a plot shows on a phone
LATELY = 50_000  # runs that are looked through at most


class Own:
    """The reads behind the Tandem connector."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def freezes(self) -> Sequence[Freeze]:
        """Every freeze that has not ended, by start."""
        rows = await self.pool.fetch(
            "SELECT f.name, f.services, f.starts, f.ends, f.reason, f.by, coalesce(p.name, '') AS by_name "
            "FROM freezes f LEFT JOIN people p ON p.person = f.by WHERE f.ends > clock() ORDER BY f.starts"
        )
        return [Freeze.model_validate(dict(row)) for row in rows]

    async def terms(self) -> Sequence[Terms]:
        """Every schedule that may have a standing approval, by key, with the one that is in force."""
        rows = await self.pool.fetch(
            """SELECT t.schedule, t.hash, t.command, t.lasts, t.at_most, g.tag AS run, s.until,
                 ARRAY(SELECT DISTINCT person FROM slots WHERE run = s.run) || g.requester AS people
               FROM terms t LEFT JOIN LATERAL (
                 SELECT * FROM standings s WHERE s.schedule = t.schedule AND s.terms = t.hash AND s.until > clock()
                   AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.standing = s.run)
                 ORDER BY s.until DESC LIMIT 1) s ON true LEFT JOIN runs g ON g.id = s.run ORDER BY t.schedule"""
        )
        return [_terms(row) for row in rows]

    async def seen(
        self, command: str, params: Mapping[str, str], number: str, lasting: timedelta
    ) -> Sequence[tuple[datetime, float]]:
        """The number that earlier looks stored under that path of their facts: the highest of each stretch."""
        rows = await self.pool.fetch(
            """SELECT DISTINCT ON (date_bin($4, planned_at, 'epoch')) planned_at, (facts #>> $3)::float8 AS number
               FROM runs WHERE id > (SELECT max(id) FROM runs) - $5 AND command = $1 AND params @> $2
                 AND planned_at > clock() - $6::interval AND jsonb_typeof(facts #> $3) = 'number'
               ORDER BY date_bin($4, planned_at, 'epoch'), number DESC""",
            command, dict(params), number.split("."), lasting / STRETCHES, LATELY, lasting,
        )  # fmt: skip
        return [(row["planned_at"], row["number"]) for row in rows]

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.pool.fetchval("SELECT clock()")  # type: ignore[no-any-return]


def _terms(row: Any) -> Terms:
    given = Given(run=row["run"], people=tuple(row["people"]), until=row["until"]) if row["run"] else None
    known = {name: row[name] for name in ("schedule", "hash", "command", "lasts", "at_most")}
    return Terms(**known, given=given)
