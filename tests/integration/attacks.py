"""Attacks on the bot's tables as raw SQL: what each tries, which guard refuses it, and how that guard is taken out."""
# ruff: noqa: E501  (SQL reads better whole)

from dataclasses import dataclass

FINGERPRINT = "(SELECT fingerprint FROM runs WHERE id = {run})"
DROP_ONE_RIGHT = "DROP INDEX slots_one_right"
DROP_SLOTS_UNIQUE = "ALTER TABLE slots DROP CONSTRAINT slots_run_queued_seq_person_key"


@dataclass(frozen=True)
class Cut:
    """A guard taken out: in the function's text this condition becomes that one."""

    function: str
    condition: str
    instead: str = "false"


@dataclass(frozen=True)
class Attack:
    """`scene` says how far the run has come; `before` is what the owner's config or the clock does; `act` the attack."""

    name: str
    scene: str
    act: str
    refused: str  # SQLSTATE
    guards: tuple[Cut | str, ...]  # without all of these the attack goes through
    before: str = ""


def event(kind: str, state: str, **columns: str) -> str:
    """The next event of the run, written by hand."""
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", {value}" for value in columns.values())
    return (
        f"INSERT INTO events (run, seq, at, kind, state, hash{names}) "
        f"SELECT id, seq + 1, clock(), '{kind}', '{state}', ''{values} FROM runs WHERE id = {{run}};"
    )


def begins(state: str, **columns: str) -> str:
    """Another run, which begins in that state."""
    names, values = ("".join(f", {one}" for one in of) for of in (columns, columns.values()))
    return (
        f"INSERT INTO runs (command, params, via, root, created_at, config, risk, state, seq, moved_at{names}) "
        f"VALUES ('test write', '{{{{}}}}', 'sql', 1, clock(), 'c1', 1, '{state}', 1, clock(){values}); "
        f"INSERT INTO events (run, seq, at, kind, state, hash) SELECT max(id), 1, clock(), 'asked', '{state}', '' FROM runs"
    )


def move(state: str, by: int = 1) -> str:
    return f"UPDATE runs SET seq = seq + {by}, state = '{state}' WHERE id = {{run}};"


def told(kind: str, state: str, **columns: str) -> str:
    """An event and its move."""
    return event(kind, state, **columns) + move(state)


def approval(person: str, user: str | None = None, fingerprint: str = FINGERPRINT) -> str:
    account = user or f"U0{person.upper()}"
    return told("approval", "awaiting_approval", actor=f"'{person}'") + (
        f"INSERT INTO approvals SELECT id, seq, {fingerprint}, '{person}', 'T0TEST', '{account}', clock() "
        "FROM runs WHERE id = {run};"
    )


def slot(number: int, person: str, grp: str = "dba", fingerprint: str = FINGERPRINT) -> str:
    return f"INSERT INTO slots SELECT id, {fingerprint}, seq + 1, {number}, '{grp}', '{person}' FROM runs WHERE id = {{run}};"


def question(sql: str) -> str:
    return f"INSERT INTO answers SELECT id, question_seq, {sql}, clock() FROM runs WHERE id = {{run}};"


QUEUES = told("approved", "queued")
NO_QUORUM = (Cut("wall_quorum", "v_missing > 0"), Cut("wall_quorum", "NOT suffices(p_run, v_people, '60 s')"))
STILL = Cut("wall_quorum_still", "v_queued IS NULL OR NOT suffices(p_run, v_people)")
NO_EVENT = Cut("wall_runs", "NOT FOUND OR v_event.state <> NEW.state")
ASKER = Cut("wall_approvals", "EXISTS (SELECT 1 FROM askers WHERE run = NEW.run AND person = NEW.person)")
PERSON = Cut("wall_approvals", "v_person IS DISTINCT FROM NEW.person")
STANDS = Cut(
    "wall_approvals", "v_run.state <> 'awaiting_approval' OR v_run.fingerprint IS DISTINCT FROM NEW.fingerprint"
)
EXPIRED = "UPDATE clock_shift SET by = '31 minutes'"
SECOND = "INSERT INTO accounts VALUES ('T0TEST', 'U0ANATOO', 'ana')"

APPROVALS = (
    Attack("the asker approves", "awaiting", approval("ana"), "TD016", (ASKER,)),
    Attack("the asker approves from a second account", "awaiting", approval("ana", "U0ANATOO"), "TD016", (ASKER,), SECOND),
    Attack("the asker's second account says it is ben", "awaiting", approval("ben", "U0ANATOO"), "TD012", (PERSON,), SECOND),
    Attack("a stranger's account says it is ben", "awaiting", approval("ben", "U0STRANGER"), "TD012", (PERSON,)),
    Attack(
        "somebody who left approves", "awaiting", approval("ben"), "TD012", (PERSON,),
        "UPDATE people SET active = false WHERE person = 'ben'",
    ),
    Attack(
        "whom the run is about approves", "subject", approval("ben"), "TD016",
        (Cut("wall_approvals", "EXISTS (SELECT 1 FROM subjects WHERE run = NEW.run AND person = NEW.person)"),),
    ),
    Attack("a forged fingerprint is approved", "awaiting", approval("ben", None, "'f00d'"), "TD013",
           (STANDS, Cut("wall_approvals", "NOT EXISTS (SELECT 1 FROM shown WHERE run = NEW.run AND "
                                          "fingerprint = NEW.fingerprint)"))),
    Attack(
        "a plan that was not shown is approved", "unshown", approval("ben"), "TD015",
        (Cut("wall_approvals", "NOT EXISTS (SELECT 1 FROM shown WHERE run = NEW.run AND fingerprint = NEW.fingerprint)"),),
    ),
    Attack("an expired request is approved", "awaiting", approval("ben"), "TD014",
           (Cut("wall_approvals", "v_run.expires_at <= tandem.clock()"),), EXPIRED),
    Attack("an expired request is given more time", "awaiting",
           "UPDATE runs SET expires_at = expires_at + interval '1 h' WHERE id = {run}", "TD014",
           (Cut("wall_runs", "OLD.expires_at <= tandem.clock()"),), EXPIRED),
    Attack("one person's approval is recorded twice", "awaiting", approval("ben") + approval("ben"), "23505",
           ("ALTER TABLE approvals DROP CONSTRAINT approvals_run_fingerprint_person_key",)),
    Attack(
        "one person fills two slots", "two",
        approval("ben") + slot(1, "ben") + slot(2, "ben", "security") + QUEUES, "23505",
        (DROP_SLOTS_UNIQUE, DROP_ONE_RIGHT, Cut("wall_quorum", "NOT suffices(p_run, v_people, '60 s')")),
    ),
    Attack("it is queued without any slot", "awaiting", approval("ben") + QUEUES, "TD009", NO_QUORUM),
    Attack("it is queued with one slot of two", "two",
           approval("ben") + slot(1, "ben") + QUEUES, "TD009", NO_QUORUM),
    Attack("it is queued with slots that nobody approved", "awaiting", slot(1, "ben") + QUEUES,
           "TD009", (NO_QUORUM[0],)),
    Attack("it is queued with the slots of another plan", "awaiting",
           approval("ben") + slot(1, "ben", "dba", "'f00d'") + QUEUES, "TD009", (NO_QUORUM[0],)),
    Attack("it is queued by somebody outside the group", "awaiting",
           approval("emil") + slot(1, "emil") + QUEUES, "TD009", NO_QUORUM),
    Attack("it is queued by whom Slack has deactivated", "awaiting",
           approval("ben") + slot(1, "ben") + QUEUES, "TD009",
           (Cut("counts", "AND a.fit", ""),),
           "UPDATE directory SET fit = false WHERE slack_user = 'U0BEN'"),
    Attack("it is queued by whom Slack was not asked about lately", "awaiting",
           approval("ben") + slot(1, "ben") + QUEUES, "TD009",
           (Cut("counts", "(p_within IS NULL OR a.seen >= clock() - p_within)", "true"),),
           "UPDATE directory SET seen = clock() - interval '61 s' WHERE slack_user = 'U0BEN'"),
    Attack("it is queued by one of a group that Slack was not asked about lately", "awaiting",
           approval("ben") + slot(1, "ben") + QUEUES, "TD009",
           (Cut("in_group", "(p_within IS NULL OR m.seen >= clock() - p_within)", "true"),),
           "DELETE FROM members WHERE grp = 'dba'; UPDATE groups SET slack = 'S1' WHERE grp = 'dba'; "
           "INSERT INTO slack_members VALUES ('dba', 'ben', '2020-01-01', clock() - interval '61 s')"),
    Attack("it is queued on the old policy, the new one wants another group", "awaiting",
           approval("ben") + slot(1, "ben") + QUEUES, "TD009",
           (Cut("wall_quorum", "NOT suffices(p_run, v_people, '60 s')"),),
           "INSERT INTO policy SELECT 'c2', command, environment, risk, '{{lead}}', expires, warns FROM policy "
           "WHERE config = 'c1'; UPDATE applied SET config = 'c2'"),
    Attack("it is queued without its locks", "locked",
           approval("ben") + slot(1, "ben") + QUEUES, "TD031",
           (Cut("wall_quorum", "EXISTS (SELECT 1 FROM unnest(p_run.locks) AS name\n             WHERE NOT EXISTS "
                               "(SELECT 1 FROM locks l WHERE l.name = name.name AND l.root = p_run.root))"),)),
)  # fmt: skip

ASKED = Cut(
    "wall_runs",
    "NEW.asked IS DISTINCT FROM OLD.asked AND NOT EXISTS (SELECT 1 FROM events WHERE run = NEW.id "
    "AND seq = NEW.seq\n      AND kind = 'amended' AND body ->> 'what' = what_of(NEW.command, "
    "NEW.asked, NEW.reason))",
)
UNSEEN = Cut("wall_answer", "(p_new.state = 'queued') <> (v_choice <> 'stop' AND NOT begun(p_new.id))")
MOVES = (
    Attack("it runs without being queued", "awaiting", told("started", "running"), "TD007",
           (Cut("wall_runs", "NOT EXISTS (SELECT 1 FROM moves WHERE at = OLD.state AND lands = NEW.state)"),)),
    Attack("it is denied without a word", "awaiting", "UPDATE runs SET state = 'denied' WHERE id = {run}", "TD006",
           (Cut("wall_runs", "NEW.seq = OLD.seq"), NO_EVENT)),
    Attack("its event tells another end", "awaiting", event("expired", "expired") + move("denied"), "TD006", (NO_EVENT,)),
    Attack("its event tells a move that was none", "awaiting", event("approved", "queued") + move("awaiting_approval"),
           "TD006", (NO_EVENT,)),
    Attack("its seq jumps", "awaiting", event("denied", "denied") + move("denied", 2), "TD004",
           (Cut("wall_runs", "NEW.seq NOT IN (OLD.seq, OLD.seq + 1)"), NO_EVENT,
            "ALTER TABLE runs DROP CONSTRAINT runs_id_seq_fkey")),
    Attack("an event leaves a gap", "awaiting", event("denied", "denied").replace("seq + 1", "seq + 2"), "TD004",
           (Cut("wall_events", "NEW.seq <> v_seq + 1 AND NOT (NEW.seq = 1 AND v_seq = 1) OR NEW.seq > 1 AND "
                               "v_before IS NULL"), "DROP TRIGGER taken ON events")),
    Attack("an event raises no seq", "awaiting", event("denied", "denied"), "TD004", ("DROP TRIGGER taken ON events",)),
    Attack("the plan is changed in place", "awaiting", "UPDATE runs SET plan = '{{}}' WHERE id = {run}", "TD005",
           (Cut("wall_runs", "(NEW.plan, NEW.risk, NEW.environment, NEW.locks, NEW.kinds, NEW.start_by, "
                             "NEW.resume_within)", "(NEW.risk)"),
            Cut("wall_runs", "(OLD.plan, OLD.risk, OLD.environment, OLD.locks, OLD.kinds, OLD.start_by, "
                             "OLD.resume_within)", "(NEW.risk)"))),
    Attack("the parameters are changed in place", "awaiting",
           "UPDATE runs SET params = '{{\"n\": 9}}' WHERE id = {run}", "TD005",
           (Cut("wall_runs", "NEW.params IS DISTINCT FROM OLD.params AND OLD.state <> 'planning' AND "
                             "NEW.state <> 'planning'"),)),
    Attack("what would be asked again is changed in place", "awaiting",
           "UPDATE runs SET asked = '{{\"n\": 9}}' WHERE id = {run}", "TD002", (ASKED,)),
    Attack("what would be asked again is another thing than an amendment said", "awaiting",
           told("amended", "planning", actor="'ana'", body="'{{\"what\": \"f00d\"}}'") +
           "UPDATE runs SET asked = '{{\"n\": 9}}' WHERE id = {run}", "TD002", (ASKED,)),
    Attack("the asker is changed", "awaiting", "UPDATE runs SET requester = 'dora' WHERE id = {run}", "TD002",
           (Cut("wall_runs", "(NEW.command, NEW.requester,", "(NEW.command, OLD.requester,"),)),
    Attack("the config it was asked under is changed", "awaiting", "UPDATE runs SET config = 'c0' WHERE id = {run}",
           "TD002", (Cut("wall_runs", "NEW.look_only, NEW.config,", "NEW.look_only, OLD.config,"),)),
    Attack("it becomes another try of a run", "awaiting", "UPDATE runs SET retries = {run} WHERE id = {run}", "TD002",
           (Cut("wall_runs", "NEW.terms, NEW.about, NEW.retries)", "NEW.terms, NEW.about, OLD.retries)"),)),
    Attack("it calls itself another try of one that never went on", "awaiting", begins("planning", retries="{run}"), "TD023",
           (Cut("wall_runs", "NEW.retries IS NOT NULL"),)),
    Attack("an ended run is changed", "ended", "UPDATE runs SET reason = 'better' WHERE id = {run}", "TD003",
           (Cut("wall_runs", "OLD.ended_at IS NOT NULL"),)),
    Attack("a run begins queued", "awaiting", begins("queued"),
           "TD001", (Cut("wall_runs", "NEW.state <> 'planning' OR NEW.seq <> 1 OR NEW.plan IS NOT NULL OR NEW.worker "
                                      "IS NOT NULL"),)),
    Attack("it is queued without a plan", "planning", told("admitted", "queued"), "TD008",
           (Cut("wall_quorum", "p_run.plan IS NULL"),)),
    Attack("a look runs", "look", QUEUES, "TD008",
           (Cut("wall_quorum", "p_run.look_only"), *NO_QUORUM)),
    Attack("what destroys is asked of nobody", "awaiting", QUEUES, "TD022",
           (Cut("needed_if", "p_run.risk >= 2 AND cardinality(v_slots) = 0"),),
           "UPDATE policy SET slots = '{{}}' WHERE command = 'test destroy'"),
    Attack("its risk is told below its floor", "planning",
           event("admitted", "queued") + "UPDATE runs SET seq = seq + 1, state = 'queued', plan = '{{}}', risk = 0 "
           "WHERE id = {run};", "TD021", (Cut("needed_if", "v_floor IS NULL OR p_run.risk < v_floor"),),
           "INSERT INTO policy VALUES ('c1', 'test write', '', 0, '{{}}', '1 h', '1 h')"),
)  # fmt: skip

ENDS = Cut("wall_runs", "NEW.state IN ('cancelled', 'superseded')")
AMENDS = Cut("wall_runs", "OLD.state = 'awaiting_approval' AND NEW.state = 'planning'")
WISHES = Cut("wall_runs", "NEW.wish IS DISTINCT FROM OLD.wish")
WISH = "UPDATE runs SET wish = 'cancel' WHERE id = {run};"
WORDS = (
    Attack("a stranger cancels it", "awaiting", told("cancelled", "cancelled", actor="'emil'"), "TD019", (ENDS,)),
    Attack("nobody cancels it", "awaiting", told("cancelled", "cancelled"), "TD019", (ENDS,)),
    Attack("it is cancelled for a run that it has not", "queued",
           told("cancelled", "cancelled", body="'{{\"why\": \"parent\"}}'"), "TD019", (ENDS,)),
    Attack("it is cancelled for a ledger that is where it was", "queued",
           told("cancelled", "cancelled", body="'{{\"why\": \"ledger\"}}'"), "TD019", (ENDS,)),
    Attack("its cancel tells of something else", "awaiting", told("looked", "cancelled", actor="'ana'"), "TD019",
           (Cut("wall_word", "p_event.kind <> p_kind"),)),
    Attack("a stranger has it replaced", "awaiting", told("superseded", "superseded", actor="'emil'"), "TD019", (ENDS,)),
    Attack("it is replaced for a run that it has not", "awaiting",
           told("superseded", "superseded", body="'{{\"why\": \"parent\"}}'"), "TD019", (ENDS,)),
    Attack("somebody who may not ask changes it", "awaiting",
           "INSERT INTO askers VALUES ({run}, 'emil');" + told("amended", "planning", actor="'emil'"), "TD019", (AMENDS,)),
    Attack("who changes it stays free to approve it", "awaiting", told("amended", "planning", actor="'ben'"), "TD019",
           (Cut("wall_word", "EXISTS (SELECT 1 FROM askers WHERE run = p_old.id AND person = p_event.actor)", "true"),)),
    Attack("what runs is called cancelled though nobody wished it", "running", told("ended", "cancelled"), "TD019",
           (Cut("wall_word", "p_old.wish = 'cancel'", "true"),)),
    Attack("a stranger wishes it cancelled", "running", told("cancel_wished", "running", actor="'emil'") + WISH, "TD019",
           (WISHES,)),
    Attack("it is wished cancelled without a word", "running", WISH, "TD019", (WISHES,)),
)  # fmt: skip

RUNNING = (
    Attack("it starts unshown", "admitted", told("started", "running"), "TD015",
           (Cut("wall_quorum_still", "p_run.risk > 0 AND NOT EXISTS (SELECT 1 FROM shown WHERE run = p_run.id AND "
                                     "fingerprint = p_run.fingerprint)"),)),
    Attack("an approval of before an amendment is taken for one of after it", "awaiting",
           approval("ben") + told("amended", "planning", actor="'ana'") + told("proposed", "awaiting_approval") +
           slot(1, "ben") + QUEUES, "TD005", (Cut("wall_runs", "EXISTS (SELECT 1 FROM shown WHERE run = NEW.id AND "
           "fingerprint = fingerprint_of(NEW.plan))"),)),
    Attack("an approval of one target is taken for another", "queued",
           event("differed", "awaiting_approval") + "UPDATE runs SET seq = seq + 1, state = 'awaiting_approval', "
           "locks = '{{else}}' WHERE id = {run};", "TD005", (Cut("wall_runs", "OLD.state <> 'planning' AND NEW.plan = "
           "OLD.plan\n     AND (NEW.risk, NEW.environment, NEW.locks) IS DISTINCT FROM (OLD.risk, OLD.environment, "
           "OLD.locks)"),)),
    Attack("it starts though its approver has left", "queued", told("started", "running"), "TD009", (STILL,),
           "UPDATE people SET active = false WHERE person = 'ben'"),
    Attack("it starts though the config in force wants more people", "queued", told("started", "running"), "TD009",
           (STILL,), "INSERT INTO policy SELECT 'c2', command, environment, risk, '{{dba,security}}', expires, warns "
           "FROM policy WHERE config = 'c1'; UPDATE applied SET config = 'c2'"),
    Attack("a step starts before the run does", "queued",
           told("step_started", "queued", step="'a'", way="'do'", attempt="1", mark="'started'"), "TD018",
           (Cut("wall_events", "NEW.mark = 'started' AND v_state <> 'running' OR NEW.mark <> 'late' AND v_state NOT IN "
                               "('running', 'waiting')"),)),
    Attack("a step is done that was not started", "running",
           told("step_done", "running", step="'b'", way="'do'", attempt="1", mark="'done'"), "TD018",
           (Cut("wall_events", "NEW.mark NOT IN ('started', 'late') AND NOT EXISTS (\n      SELECT 1 FROM events WHERE "
                               "run = NEW.run AND step = NEW.step AND way = NEW.way AND attempt = NEW.attempt\n        "
                               "AND mark = 'started')"),)),
    Attack("a step is done twice", "running",
           told("step_done", "running", step="'a'", way="'do'", attempt="1", mark="'done'") * 2, "23505",
           ("DROP INDEX events_one_mark", "DROP INDEX events_done_once")),
    Attack("a doubt is answered by nobody", "doubt",
           told("answered", "running", body="'{{\"choice\": \"again\"}}'"), "TD011",
           (Cut("wall_answer", "v_choice IS NULL OR NOT answered(p_old, v_choice)"),)),
    Attack("what had not begun goes on from a doubt without a second look", "asks",
           question("'ben', 'again', 'T0TEST', 'U0BEN'") + told("answered", "running", body="'{{\"choice\": \"again\"}}'"),
           "TD007", (UNSEEN,)),
    Attack("a doubt is answered by its asker", "doubt",
           question("'ana', 'again', 'T0TEST', 'U0ANA'") + told("answered", "running", body="'{{\"choice\": \"again\"}}'"),
           "TD011", (Cut("answering", "SELECT 1 FROM askers k WHERE k.run = a.run AND k.person = a.person",
                         "SELECT 1 WHERE false"), Cut("in_group", "m.person = p_person AND (g.rota", "(g.rota"))),
    Attack("a doubt is answered by whom Slack was not asked about lately", "doubt",
           question("'ben', 'again', 'T0TEST', 'U0BEN'") + told("answered", "running", body="'{{\"choice\": \"again\"}}'"),
           "TD011", (Cut("answered", "AND seen >= clock() - interval '60 s'", ""),),
           "UPDATE directory SET seen = clock() - interval '61 s' WHERE slack_user = 'U0BEN'"),
    Attack("an answer to one thing is taken for another", "doubt",
           question("'ben', 'stop', 'T0TEST', 'U0BEN'") + told("answered", "running", body="'{{\"choice\": \"again\"}}'"),
           "TD011", (Cut("answering", "AND a.choice = p_choice", ""),)),
    Attack("an answer is given in another's name", "doubt", question("'ben', 'again', 'T0TEST', 'U0ANA'"), "TD012",
           (Cut("wall_answers", "v_person IS DISTINCT FROM NEW.person"),)),
    Attack("an answer goes to another question", "doubt",
           "INSERT INTO answers VALUES ({run}, 1, 'ben', 'again', 'T0TEST', 'U0BEN', clock())", "TD013",
           (Cut("wall_answers", "v_run.state <> 'in_doubt' OR v_run.question_seq IS DISTINCT FROM NEW.question"),)),
    Attack("a question is put in another's place", "doubt", "UPDATE runs SET question_seq = 1 WHERE id = {run}", "TD013",
           (Cut("wall_runs", "NEW.question_seq IS DISTINCT FROM OLD.question_seq"),)),
    Attack("the walls are switched off as if this were a replica", "awaiting",
           "SET LOCAL session_replication_role = replica;" + approval("ana"), "TD016",
           ("ALTER TABLE approvals ENABLE TRIGGER wall",)),
)  # fmt: skip

APPEND_ONLY = (
    "delegations",
    "withdrawals",
    "standings",
    "events",
    "approvals",
    "slots",
    "shown",
    "answers",
    "askers",
    "subjects",
    "ticks",
    "checkpoints",
    "heads",
)
HANGING = ("revocations", "personal_values", "personal_uses", "erasures")
REWRITES = tuple(
    Attack(f"{table}: {sql.split()[0].lower()}", "awaiting", sql.format(table=table), "TD017",
           (f"DROP TRIGGER append_only ON {table}",))
    for table in APPEND_ONLY
    for sql in (
        "DELETE FROM {table} WHERE false",
        "UPDATE {table} SET (run) = (SELECT run) WHERE false" if table not in ("ticks", "checkpoints", "heads")
        else "UPDATE {table} SET (at) = (SELECT at) WHERE false",
        "TRUNCATE {table} CASCADE",
    )
    if not sql.startswith("TRUNCATE") or table in ("slots", "ticks", "heads")  # the others: by their cascades, below
) + tuple(
    Attack(f"{table}: truncate with all that hangs on it", "awaiting", f"TRUNCATE {table} CASCADE", "TD017",
           tuple(f"DROP TRIGGER append_only ON {t}" for t in (*APPEND_ONLY, *HANGING)))
    for table in ("runs", "events", "people", "checkpoints")
)  # fmt: skip

ATTACKS = APPROVALS + MOVES + WORDS + RUNNING + REWRITES
