"""What handlers may read of the bot's own tables."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.connectors.tandem import Absence, Change, Freeze, Given, Incident, Kept, Member, Terms
from bot.effect import Personal
from bot.personal import shown as without_values
from bot.policy import EVERYONE

STRETCHES = 100  # what a plot shows on a phone
LATELY = 50_000  # runs that are looked through at most


class Own:
    """The reads behind the Tandem connector."""

    def __init__(self, pool: Any, fresh: Callable[[Sequence[str]], Awaitable[None]] | None = None) -> None:
        """`fresh` sees to a fresh word of Slack's about people; without it they are as they were last read."""
        self.pool, self._fresh = pool, fresh

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
            """WITH seen AS (SELECT planned_at, (facts #>> $3)::float8 AS number FROM runs
                 WHERE id > (SELECT max(id) FROM runs) - $4 AND command = $1 AND params @> $2
                   AND planned_at > clock() - $5::interval AND jsonb_typeof(facts #> $3) = 'number'),
               edges AS (SELECT min(planned_at) AS first,
                 greatest((max(planned_at) - min(planned_at)) / $6, interval '1 ms') AS stretch FROM seen)
               SELECT DISTINCT ON (date_bin(stretch, planned_at, first)) planned_at, number FROM seen, edges
               ORDER BY date_bin(stretch, planned_at, first), number DESC""",
            command, dict(params), number.split("."), LATELY, lasting, float(STRETCHES),
        )  # fmt: skip
        return [(row["planned_at"], row["number"]) for row in rows]

    async def absences(self) -> Sequence[Absence]:
        """Every absence that is not over, those that have not begun included, by start."""
        rows = await self.pool.fetch(
            "SELECT 'r' || run AS run, giver, taker, starts, ends FROM delegations d WHERE ends > clock() "
            "AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.delegation = d.run) ORDER BY starts, run"
        )
        return [Absence.model_validate(dict(row)) for row in rows]

    async def members(self, *people: str) -> dict[str, Member]:
        """Those of these people who are active, by key."""
        if self._fresh is not None:
            await self._fresh(people)
        rows = await self.pool.fetch(
            """SELECT p.person, p.name, ARRAY(SELECT g FROM groups_of(p.person) AS g ORDER BY g) AS groups,
                 CASE WHEN able(p.person) THEN '' ELSE coalesce((SELECT d.why FROM accounts c
                   JOIN directory d USING (team, slack_user) WHERE c.person = p.person AND NOT d.fit LIMIT 1),
                   'of another organisation') END AS unfit
               FROM people p WHERE p.person = ANY ($1) AND p.active""",
            list(people),
        )
        return {row["person"]: _member(row) for row in rows}

    async def kept(self, values: Sequence[Personal], besides: str) -> Kept:
        """What is kept of those whom these values belong to, besides the runs of one command."""
        found = await self.pool.fetchval("SELECT personal_kept($1, $2)", [value.token for value in values], besides)
        return Kept.model_validate(found)

    async def given(self, run: str) -> Sequence[Personal]:
        """The personal values that a run was given."""
        sql = "SELECT token FROM personal_uses u JOIN runs r ON r.id = u.run WHERE r.tag = $1 ORDER BY token"
        return [Personal(row["token"]) for row in await self.pool.fetch(sql, run)]

    async def incidents(self) -> Sequence[Incident]:
        """Every incident that has not ended, by severity, then the oldest first."""
        rows = await self.pool.fetch(
            """SELECT r.tag AS name, i.title, i.severity, i.services, i.declared, r.channel,
                 coalesce(p.name, '') AS by_name
               FROM incidents i JOIN runs r ON r.id = i.run LEFT JOIN people p ON p.person = r.requester
               WHERE i.ended IS NULL ORDER BY i.severity, i.declared"""
        )
        return [Incident.model_validate(dict(row)) for row in rows]

    async def changes(self, lasting: timedelta) -> Sequence[Change]:
        """What changed anything and ended since then, the latest first."""
        rows = await self.pool.fetch(
            """SELECT r.tag AS run, r.plan::jsonb ->> 'sentence' AS sentence, r.command, r.ended_at AS ended, r.state,
                 coalesce(p.name, '') AS by_name
               FROM runs r LEFT JOIN people p ON p.person = r.requester
               WHERE r.risk > 0 AND r.ended_at > clock() - $1::interval
                 AND EXISTS (SELECT 1 FROM events e WHERE e.run = r.id AND e.kind = 'started')
               ORDER BY r.ended_at DESC LIMIT 100""",
            lasting,
        )
        return [Change.model_validate(without_values(dict(row), {})) for row in rows]

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.pool.fetchval("SELECT clock()")  # type: ignore[no-any-return]


def _terms(row: Any) -> Terms:
    given = Given(run=row["run"], people=tuple(row["people"]), until=row["until"]) if row["run"] else None
    known = {name: row[name] for name in ("schedule", "hash", "command", "lasts", "at_most")}
    return Terms(**known, given=given)


def _member(row: Any) -> Member:
    return Member(name=row["name"], groups=tuple(g for g in row["groups"] if g != EVERYONE), unfit=row["unfit"])
