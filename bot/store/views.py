"""Reads a run with all that may be shown of it, and the lists that Home and `/ops runs` are made of."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot import codec
from bot.model import Event, Record, State
from bot.operation import Answer, Plan, Refusal
from bot.personal import TOKEN
from bot.personal import shown as without_values
from bot.standing import steps_of
from bot.store.personal import PersonalStore
from bot.store.store import RUN_COLUMNS, RunRow, event_row, run_row
from bot.view import ApprovalView, Brief, DelegationView, Favourite, FreezeView, Question, RunView, Usual, masked

DELEGATED = (
    "(SELECT jsonb_agg(jsonb_build_object('run', 'r' || run, 'giver', giver, 'taker', taker, 'until', ends) "
    "ORDER BY ends) FROM delegated())"
)
# One statement, so one snapshot: a row never stands beside events that are younger than it.
WHOLE = """
SELECT {columns}, clock() AS now,
  (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.seq) FROM events e WHERE e.run = r.id) AS events,
  (SELECT name FROM people WHERE person = r.requester) AS requester_name,
  ARRAY(SELECT person FROM askers WHERE run = r.id ORDER BY person) AS askers,
  ARRAY(SELECT person FROM subjects WHERE run = r.id ORDER BY person) AS subjects,
  EXISTS (SELECT 1 FROM shown s WHERE s.run = r.id AND s.fingerprint = r.fingerprint) AS shown,
  (SELECT jsonb_agg(jsonb_build_object('person', a.person, 'name', p.name, 'slack_user', a.slack_user, 'at', a.at,
      'stands_for', t.right, 'counts', coalesce(d.fit, true) AND (r.state <> 'awaiting_approval'
        OR a.person IN (SELECT c.person FROM approving(r) c)
          AND (t.right IS NULL OR t.right IN (SELECT rights(r, a.person))))) ORDER BY a.at)
   FROM approvals a JOIN people p USING (person) LEFT JOIN directory d USING (team, slack_user)
   JOIN events e ON e.run = a.run AND e.seq = a.seq
   LEFT JOIN LATERAL (SELECT s.person, s.stands_for FROM slots s WHERE s.run = a.run AND s.fingerprint = a.fingerprint
     AND s.person = a.person ORDER BY s.queued_seq DESC LIMIT 1) s ON true,
   LATERAL (SELECT CASE WHEN s.person IS NULL THEN e.body ->> 'for' ELSE s.stands_for END AS right) t
   WHERE a.run = r.id AND a.fingerprint = r.fingerprint) AS approvals,
  CASE WHEN r.state IN ('awaiting_approval', 'in_doubt') THEN {delegated} END AS delegations,
  (SELECT jsonb_agg(jsonb_build_array(p.name, n.choice) ORDER BY n.at)
   FROM latest_answers n JOIN people p USING (person)
   WHERE n.run = r.id AND n.question = r.question_seq) AS answers,
  (SELECT tag FROM runs h WHERE h.id = (SELECT root FROM locks WHERE name = ANY (r.locks) AND root <> r.root LIMIT 1))
    AS held_by,
  CASE WHEN r.state = 'awaiting_approval' THEN frozen(r) END AS freeze,
  ARRAY(SELECT o.tag FROM runs o WHERE o.state = 'awaiting_approval' AND o.id <> r.id AND o.locks && r.locks
        AND r.state = 'awaiting_approval' ORDER BY o.id) AS rivals,
  CASE WHEN r.worker IS NULL AND r.state IN ('queued', 'running', 'waiting') AND r.due < clock() - interval '3 s' THEN
    (SELECT count(*) FROM runs b WHERE b.worker IS NOT NULL AND b.ended_at IS NULL) ELSE 0 END AS behind,
  (SELECT tag FROM runs WHERE id = r.parent) AS parent_tag,
  (SELECT tag FROM runs WHERE id = r.retries) AS retries_tag,
  (SELECT tag FROM runs a WHERE a.retries = coalesce(r.retries, r.id) AND a.id > r.id
     AND (a.ended_at IS NULL OR a.state = 'succeeded') ORDER BY a.id DESC LIMIT 1) AS retried_by,
  (SELECT jsonb_build_object('tag', a.tag, 'command', a.command, 'title', i.title, 'channel', t.channel,
     'ts', t.root_ts)
   FROM runs a JOIN threads t ON t.run = a.id LEFT JOIN incidents i ON i.run = a.id WHERE a.id = r.about) AS within,
  ARRAY(SELECT token FROM personal_uses WHERE run = r.id) AS tokens,
  ARRAY(SELECT tag FROM runs WHERE parent = r.id ORDER BY id) AS children,
  ARRAY(SELECT substr(kind, 8) FROM messages WHERE run = r.id AND kind LIKE 'untold:%' ORDER BY 1) AS untold
FROM runs r""".replace("{columns}", ", ".join(f"r.{name}" for name in RUN_COLUMNS.split(", "))).replace(
    "{delegated}", DELEGATED
)

BRIEF = """
SELECT r.id, r.tag, r.command, r.params, r.state, r.risk, coalesce(p.name, '') AS requester_name, r.via, r.reason,
  coalesce(t.channel, r.channel) AS channel, t.card_ts, r.moved_at, r.expires_at, r.fingerprint,
  CASE WHEN r.state = 'awaiting_approval' THEN (SELECT e.body -> 'changes' FROM events e
    WHERE e.run = r.id AND e.kind IN ('proposed', 'differed') ORDER BY e.seq DESC LIMIT 1) END AS changes,
  CASE WHEN r.state = 'waiting' THEN (SELECT (e.body ->> 'until')::timestamptz FROM events e
    WHERE e.run = r.id AND e.kind = 'waiting' ORDER BY e.seq DESC LIMIT 1) END AS until
FROM runs r LEFT JOIN people p ON p.person = r.requester LEFT JOIN threads t ON t.run = r.id
"""
AWAITING = f"""
SELECT b.*, needed(r, r.config) AS slots,
  ARRAY(SELECT person FROM askers WHERE run = r.id UNION SELECT person FROM subjects WHERE run = r.id) AS barred,
  (SELECT coalesce(jsonb_object_agg(a.person, coalesce(e.body ->> 'for', a.person)), '{{}}')
   FROM approvals a JOIN events e USING (run, seq) WHERE a.run = r.id AND a.fingerprint = r.fingerprint) AS approved
FROM ({BRIEF} WHERE r.state = 'awaiting_approval') b JOIN runs r USING (id) ORDER BY b.expires_at
"""  # noqa: S608  statements of our own
# The same command on the same locks; what was skipped or tried again says nothing of how long it takes.
USUAL = """
WITH past AS (
  SELECT r.id, r.ended_at - e.at AS took FROM runs r JOIN events e ON e.run = r.id AND e.kind = 'started'
  WHERE r.command = $1 AND r.locks = $2 AND r.state = 'succeeded' AND r.risk > 0 AND r.id <> $3
  ORDER BY r.id DESC LIMIT 5
), steps AS (
  SELECT d.step, percentile_disc(0.5) WITHIN GROUP (ORDER BY d.at - s.at) AS took
  FROM past JOIN events s ON s.run = past.id AND s.mark = 'started' AND s.way = 'do'
    JOIN events d ON d.run = past.id AND d.step = s.step AND d.way = 'do' AND d.attempt = s.attempt AND d.mark = 'done'
  GROUP BY d.step
)
SELECT count(*) AS runs, percentile_disc(0.5) WITHIN GROUP (ORDER BY took) AS took,
  (SELECT coalesce(jsonb_object_agg(step, extract(epoch FROM took)), '{}') FROM steps) AS steps
FROM past
"""
SAME = (RunView.model_fields.keys() & RunRow.model_fields.keys()) - {"plan", "question", "parent", "retries"}
LISTS: Mapping[str, str] = {
    "live": "WHERE r.ended_at IS NULL AND r.risk > 0 AND NOT r.look_only ORDER BY r.id DESC LIMIT $1",
    "lately": "WHERE r.ended_at > clock() - interval '2 days' AND r.state IN ('failed', 'undone') "
    "AND r.risk > 0 ORDER BY r.ended_at DESC LIMIT $1",
    "doubt": "WHERE r.state = 'in_doubt' ORDER BY r.moved_at LIMIT $1",
}
# Each of the words begins a word of the command, of who asked, of what it was asked for, or the name of what it locks.
FOUND = """WHERE (r.ended_at IS NULL OR r.ended_at > clock() - interval '2 days') AND r.risk > 0 AND NOT r.look_only
  AND NOT EXISTS (SELECT 1 FROM unnest($2::text[]) AS w WHERE NOT EXISTS (
    SELECT 1 FROM (SELECT regexp_split_to_table(concat_ws(' ', r.command, p.name, r.requester), ' ') AS said
      UNION ALL SELECT substr(l, strpos(l, '/') + 1) FROM unnest(r.locks) AS l
      UNION ALL SELECT v #>> '{}' FROM jsonb_path_query(r.params - 'reason', '$.**') AS v
        WHERE jsonb_typeof(v) = 'string') AS s
    WHERE starts_with(lower(s.said), w))) ORDER BY r.id DESC LIMIT $1"""
# What somebody asked for, each thing once; looked for among the newest runs only.
MINE = """WHERE r.id IN (
  SELECT max(id) FROM (
    SELECT id, command, coalesce(asked, params) - 'reason' AS filled FROM runs
    WHERE requester = $2 AND parent IS NULL AND NOT look_only AND id > (SELECT max(id) FROM runs) - 50000
    ORDER BY id DESC LIMIT 200) AS own
  GROUP BY command, filled) ORDER BY r.id DESC LIMIT $1"""


class Awaiting(Record):
    """An ask that waits, with what decides who may approve it."""

    brief: Brief
    slots: tuple[str, ...]
    barred: tuple[str, ...]  # who asked, and whom it is about: their word counts for nothing in it
    approved: Mapping[str, str]  # who has, by whose right


class Views:
    """Reads only; any number of these may share a pool."""

    def __init__(self, pool: Any, deeds: Mapping[str, type[Any]], kept: PersonalStore | None = None) -> None:
        """Without `kept`, not even the masks of personal values are shown."""
        self.pool, self.deeds, self.kept = pool, deeds, kept or PersonalStore(pool, None)

    async def run(self, run: int | str) -> RunView | None:
        """By id or by tag ("r142"); None where there is none."""
        column = "id" if isinstance(run, int) else "tag"
        found = await self.pool.fetchrow(f"{WHOLE} WHERE r.{column} = $1", run)
        if found is None:
            return None
        row = run_row(found)
        view = run_view(row, found, [event_row(e) for e in found["events"]], self.deeds)
        if tokens := {*found["tokens"], *TOKEN.findall(row.plan or _looked_at(view.events) or "")}:
            view = masked(view, await self.kept.masks_of(sorted(tokens)))
        return view.model_copy(update={"usual": await self.usual(row)}) if view.steps and not row.ended_at else view

    async def run_of_thread(self, channel: str, ts: str) -> int | None:
        """The run whose thread begins with that message; a look that is one person's alone has none."""
        sql = (
            "SELECT t.run FROM threads t JOIN runs r ON r.id = t.run "
            "WHERE t.channel = $1 AND t.root_ts = $2 AND NOT r.look_only"
        )
        found: int | None = await self.pool.fetchval(sql, channel, ts)
        return found

    async def usual(self, row: RunRow) -> Usual | None:
        """How long the same took before; None where it never went through."""
        found = await self.pool.fetchrow(USUAL, row.command, list(row.locks), row.id)
        if not found["runs"]:
            return None
        steps = {name: timedelta(seconds=float(took)) for name, took in found["steps"].items()}
        return Usual(runs=found["runs"], took=found["took"], steps=steps)

    async def briefs(self, which: str, limit: int = 20) -> list[Brief]:
        """One of LISTS, newest first."""
        return [brief_of(r) for r in await self.pool.fetch(BRIEF + LISTS[which], limit)]

    async def brief(self, tag: str) -> Brief | None:
        """One run by its short name, "r142"."""
        row = await self.pool.fetchrow(f"{BRIEF} WHERE r.tag = $1", tag)
        return brief_of(row) if row else None

    async def found(self, words: Sequence[str], limit: int = 50) -> list[Brief]:
        """Live runs and those that ended in the last two days, newest first: by target, words of a command, person."""
        return [brief_of(r) for r in await self.pool.fetch(BRIEF + FOUND, limit, [word.lower() for word in words])]

    async def mine(self, person: str, limit: int = 10) -> list[Brief]:
        return [brief_of(r) for r in await self.pool.fetch(BRIEF + MINE, limit, person)]

    async def favourites(self, person: str) -> list[Favourite]:
        """The forms that somebody keeps, in the order in which they did."""
        sql = "SELECT id, command, filled AS values, channel, run FROM favourites WHERE person = $1 ORDER BY id"
        return [Favourite.model_validate(dict(row)) for row in await self.pool.fetch(sql, person)]

    async def delegations(self) -> tuple[DelegationView, ...]:
        """Whose right to approve is another's as well at this moment."""
        found = await self.pool.fetchval(f"SELECT {DELEGATED}")
        return tuple(DelegationView.model_validate(one) for one in found or ())

    async def awaiting(self) -> list[Awaiting]:
        """Every ask that waits for approval."""
        sql = AWAITING
        return [
            Awaiting(brief=brief_of(r), slots=r["slots"], barred=r["barred"], approved=r["approved"])
            for r in await self.pool.fetch(sql)
        ]


def brief_of(row: Any) -> Brief:
    """A row of BRIEF."""
    columns = Brief.model_fields.keys() - {"link"}
    hidden = {"params": without_values(row["params"], {}), "changes": without_values(row["changes"] or [], {})}
    return Brief.model_validate({n: row[n] for n in columns} | hidden)


def run_view(row: RunRow, extras: Any, events: Sequence[Event], deeds: Mapping[str, type[Any]]) -> RunView:
    """Assembles what was read. A plan this process cannot load any more is shown by its sentence alone."""
    plan = _plan(row.plan or _looked_at(events), deeds)
    return RunView(
        **{name: getattr(row, name) for name in SAME},
        given=row.params if row.asked is None else row.asked,
        requester_name=extras["requester_name"] or "",
        now=extras["now"],
        plan=plan,
        shown=extras["shown"],
        slots=_slots(events),
        approvals=tuple(ApprovalView.model_validate(a) for a in extras["approvals"] or ()),
        askers=tuple(extras["askers"]),
        subjects=tuple(extras["subjects"]),
        delegations=tuple(DelegationView.model_validate(one) for one in extras["delegations"] or ()),
        standing=_said(events, "standing"),
        no_standing=_said(events, "no_standing") or "",
        steps=steps_of(plan, events, row.state, row.heading, row.progress) if plan else (),
        question=_question(row, extras["answers"] or (), _slots(events)),
        refusal=_refusal(events),
        answer=_answer(events),
        held_by=extras["held_by"],
        freeze=FreezeView.model_validate(extras["freeze"]) if extras["freeze"] else None,
        behind=extras["behind"],
        rivals=tuple(extras["rivals"]),
        within=extras["within"],
        parent=extras["parent_tag"],
        retries=extras["retries_tag"],
        retried_by=extras["retried_by"],
        children=tuple(extras["children"]),
        events=tuple(events),
        untold=tuple(extras["untold"]),
    )  # fmt: skip


def _plan(text: str | None, deeds: Mapping[str, type[Any]]) -> Plan | None:
    if text is None:
        return None
    try:
        return codec.decode_plan(text, deeds)
    except codec.UnknownDeed:
        return Plan(sentence=json.loads(text)["sentence"])


def _looked_at(events: Sequence[Event]) -> str | None:
    """The plan of a look: it was told, and is no run's."""
    return next((str(e.body["look"]) for e in events if "look" in e.body), None)


def _slots(events: Sequence[Event]) -> tuple[str, ...]:
    found = [e.body["slots"] for e in events if "slots" in e.body]
    return tuple(found[-1]) if found else ()


def _said(events: Sequence[Event], word: str) -> Any:
    """What the last plan's event says under that word."""
    planned = [e.body for e in events if e.kind in ("proposed", "admitted", "differed")]
    return planned[-1].get(word) if planned else None


def _question(row: RunRow, answers: Sequence[Any], slots: Sequence[str]) -> Question | None:
    if row.state is not State.IN_DOUBT or row.question is None or row.question_seq is None:
        return None
    given = tuple((name, choice) for name, choice in answers)
    return Question.model_validate(
        {**row.question, "seq": row.question_seq, "answers": given, "need": max(1, len(slots))}
    )


def _refusal(events: Sequence[Event]) -> Refusal | None:
    body = next((e.body for e in reversed(events) if e.kind == "refused"), None)
    if body is None:
        return None
    known = {name: body[name] for name in Refusal.model_fields if name in body}
    if "sentence" not in known:
        known["sentence"] = f"{body.get('by', 'another run')} works on the same target; wait for it or cancel it"
    return Refusal.model_validate({"code": "refused", **known})


def _answer(events: Sequence[Event]) -> Answer | None:
    body = next((e.body["answer"] for e in reversed(events) if "answer" in e.body), None)
    return Answer.model_validate(body) if body else None
