"""Checks that the ledger is the one that was written: every run's chain, every checkpoint, every approval's event."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

# Each statement gives (run's tag or a checkpoint's time, what is wrong).
CHECKS = (
    """SELECT r.tag, 'event ' || x.seq || ' is not the one that was written' FROM (
         SELECT e, e.run, e.seq, e.hash, lag(e.hash) OVER (PARTITION BY e.run ORDER BY e.seq) AS before FROM events e) x
       JOIN runs r ON r.id = x.run WHERE x.hash <> event_hash(x.e, coalesce(x.before, '')) ORDER BY r.id, x.seq""",
    """SELECT r.tag, 'it has ' || count(e.seq) || ' of ' || r.seq || ' events' FROM runs r
       LEFT JOIN events e ON e.run = r.id GROUP BY r.id
       HAVING count(e.seq) <> r.seq OR min(e.seq) <> 1 OR max(e.seq) <> r.seq ORDER BY r.id""",
    """SELECT r.tag, 'it is ' || r.state || ', its last event says ' || e.state FROM runs r
       JOIN events e ON e.run = r.id AND e.seq = r.seq WHERE e.state <> r.state ORDER BY r.id""",
    """SELECT coalesce(r.tag, 'r' || a.run), 'approval ' || a.seq || ' by ' || a.person || ' has no event of its own'
       FROM approvals a LEFT JOIN runs r ON r.id = a.run
       LEFT JOIN events e ON e.run = a.run AND e.seq = a.seq AND e.kind = 'approval' AND e.actor = a.person
       WHERE e.run IS NULL ORDER BY a.run, a.seq""",
    """SELECT coalesce(r.tag, 'r' || e.run), 'approval ' || e.seq || ' by ' || e.actor || ' is gone'
       FROM events e LEFT JOIN runs r ON r.id = e.run LEFT JOIN approvals a ON a.run = e.run AND a.seq = e.seq
       WHERE e.kind = 'approval' AND a.run IS NULL ORDER BY e.run, e.seq""",
    """SELECT r.tag, 'what was asked for is not what its event ' || e.seq || ' says' FROM runs r JOIN LATERAL (
         SELECT seq, body ->> 'what' AS what FROM events WHERE run = r.id AND body ? 'what'
         ORDER BY seq DESC LIMIT 1) e ON true
       WHERE e.what <> what_of(r.command, r.params, r.reason) ORDER BY r.id""",
    """SELECT r.tag, 'what would be asked again is not what its event ' || e.seq || ' says' FROM runs r JOIN LATERAL (
         SELECT seq, body ->> 'what' AS what FROM events
         WHERE run = r.id AND kind IN ('asked', 'amended') AND body ? 'what' ORDER BY seq DESC LIMIT 1) e ON true
       WHERE r.asked IS NOT NULL AND e.what <> what_of(r.command, r.asked, r.reason) ORDER BY r.id""",
    """SELECT r.tag, 'its plan is not the one of its event ' || e.seq FROM runs r JOIN LATERAL (
         SELECT seq, body ->> 'plan' AS plan FROM events
         WHERE run = r.id AND kind IN ('proposed', 'admitted', 'differed') AND body ? 'plan'
         ORDER BY seq DESC LIMIT 1) e ON true
       WHERE r.fingerprint IS DISTINCT FROM e.plan ORDER BY r.id""",
    """SELECT 'r' || a.run, 'approval ' || a.seq || ' by ' || a.person || ' is of another plan than its event says'
       FROM approvals a JOIN events e ON e.run = a.run AND e.seq = a.seq
       WHERE e.body ? 'plan' AND e.body ->> 'plan' <> a.fingerprint ORDER BY a.run, a.seq""",
    """SELECT 'r' || s.run, 'slot ' || s.slot || ' for ' || s.person || ' is not what its event says'
       FROM slots s LEFT JOIN events e ON e.run = s.run AND e.seq = s.queued_seq AND e.kind = 'approved'
       WHERE e.run IS NULL OR NOT e.body -> 'by' ? s.person OR e.body ? 'plan' AND e.body ->> 'plan' <> s.fingerprint
       ORDER BY s.run, s.slot""",
    """SELECT coalesce(r.tag, 'r' || h.run), 'event ' || h.seq || ' stood in a checkpoint and is gone' FROM heads h
       LEFT JOIN runs r ON r.id = h.run LEFT JOIN events e ON e.run = h.run AND e.seq = h.seq
       WHERE e.run IS NULL ORDER BY h.run, h.seq""",
    """WITH parts AS (
         SELECT c.at, c.digest, lag(c.digest) OVER (ORDER BY c.at) AS before, coalesce((
           SELECT string_agg(h.run || ':' || h.seq || ':' || coalesce(e.hash, ''), E'\n' ORDER BY h.run) FROM heads h
           LEFT JOIN events e ON e.run = h.run AND e.seq = h.seq WHERE h.at = c.at), '') AS list FROM checkpoints c)
       SELECT 'checkpoint ' || at, 'it does not fit the events it was made of' FROM parts
       WHERE digest <> encode(sha256(convert_to(coalesce(before, '') || E'\n' || list, 'UTF8')), 'hex') ORDER BY at""",
)


async def checkpoints(pool: Any) -> list[tuple[datetime, str]]:
    """Every checkpoint (minute, digest), the oldest first: what is to be kept elsewhere."""
    return [(row["at"], row["digest"]) for row in await pool.fetch("SELECT at, digest FROM checkpoints ORDER BY at")]


async def verify(pool: Any, kept: Sequence[tuple[datetime, str]] = ()) -> list[str]:
    """Every fault found, in words; empty where the ledger is whole.

    `kept` are checkpoints (minute, digest) that were kept elsewhere: only against them is a change found that somebody
    made with the owner's rights, hashes and checkpoints and all.
    """
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        found = [f"{what}: {fault}" for check in CHECKS for what, fault in await conn.fetch(check)]
        stands = dict(await conn.fetch("SELECT at, digest FROM checkpoints"))
    return found + [
        f"checkpoint {at}: it is not the one kept elsewhere" for at, digest in kept if stands.get(at) != digest
    ]
