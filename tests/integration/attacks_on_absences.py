"""Attacks on what is decided in another's place, as raw SQL."""
# ruff: noqa: E501  (SQL reads better whole)

from tests.integration.attacks import DROP_ONE_RIGHT, NO_QUORUM, QUEUES, Attack, Cut, approval, slot

HANDED = (
    "ALTER TABLE delegations DISABLE TRIGGER wall; INSERT INTO delegations SELECT min(id), '%s', '%s', "
    "clock() - interval '1 h', clock() + interval '1 h', clock() FROM runs; "
    "ALTER TABLE delegations ENABLE ALWAYS TRIGGER wall; "
)  # whoever may disable triggers did so: the owner's config, not the bot
JOINS = "INSERT INTO members VALUES ('%s', '%s', '2020-01-01');"
EMIL_SEEN = (
    "INSERT INTO directory VALUES ('T0TEST', 'U0EMIL', true, '', clock()) "
    "ON CONFLICT (team, slack_user) DO UPDATE SET seen = clock(); "
)
RIGHTS = Cut("counts", "coalesce(p_right, p_person) IN (SELECT rights(p_run, p_person))", "true")


def for_another(number: int, person: str, stands_for: str, grp: str = "dba") -> str:
    return (
        f"INSERT INTO slots SELECT id, fingerprint, seq + 1, {number}, '{grp}', '{person}', '{stands_for}' "
        "FROM runs WHERE id = {run};"
    )


def handed(giver: str, taker: str, lasting: str = "1 h") -> str:
    return (
        f"INSERT INTO delegations SELECT {{run}}, '{giver}', '{taker}', t, t + interval '{lasting}', t "
        "FROM (SELECT now() + by AS t FROM clock_shift) AS c"
    )


ABSENCES = (
    Attack("somebody approves for another who handed nothing over", "awaiting",
           approval("emil") + for_another(1, "emil", "cleo") + QUEUES, "TD009", (RIGHTS, NO_QUORUM[1]), EMIL_SEEN),
    Attack("somebody approves by the asker's own right", "awaiting",
           approval("emil") + for_another(1, "emil", "ana") + QUEUES, "TD009",
           (Cut("rights", "NOT EXISTS (SELECT 1 FROM askers k WHERE k.run = p_run.id AND k.person = d.giver)", "true"),),
           EMIL_SEEN + HANDED % ("ana", "emil") + JOINS % ("dba", "ana")),
    Attack("somebody approves by the right of whom it is about", "subject",
           approval("emil") + for_another(1, "emil", "ben") + QUEUES, "TD009",
           (Cut("rights", "NOT EXISTS (SELECT 1 FROM subjects u WHERE u.run = p_run.id AND u.person = d.giver)", "true"),),
           EMIL_SEEN + HANDED % ("ben", "emil")),
    Attack("one right fills two slots", "two",
           approval("cleo") + approval("emil") + slot(1, "cleo") + for_another(2, "emil", "cleo", "security") + QUEUES,
           "23505", (DROP_ONE_RIGHT, NO_QUORUM[1]),
           EMIL_SEEN + HANDED % ("cleo", "emil") + JOINS % ("security", "cleo")),
    Attack("a word from before the absence counts for it", "awaiting",
           approval("emil").replace("clock() FROM", "clock() - interval '2 h' FROM") + for_another(1, "emil", "cleo")
           + QUEUES, "TD009", (Cut("rights", "a.at < d.starts"),), EMIL_SEEN + HANDED % ("cleo", "emil")),
    Attack("a word counts after its absence was over", "awaiting",
           approval("emil") + for_another(1, "emil", "cleo") + QUEUES, "TD009",
           (Cut("delegated", "d.ends > clock()", "true"),),
           HANDED % ("cleo", "emil") + "UPDATE runs SET expires_at = expires_at + interval '2 h' WHERE id = {run}; "
           "UPDATE clock_shift SET by = by + interval '61 min'; " + EMIL_SEEN),
    Attack("it is handed over in another's name", "handing", handed("cleo", "emil"), "TD052",
           (Cut("wall_delegations", "v_run.requester IS DISTINCT FROM NEW.giver"),
            Cut("wall_delegations", "EXISTS (SELECT 1 FROM askers WHERE run = NEW.run AND person <> NEW.giver)"),
            Cut("wall_delegations", "jsonb_build_object('giver', NEW.giver, 'taker', NEW.taker)", "'{}'"))),
    Attack("it is handed over by a run that says nothing of it", "running", handed("ana", "emil"), "TD052",
           (Cut("wall_delegations", "NOT planned_deed(v_run, 'tandem.Delegate@%', v_args)"),
            Cut("wall_delegations", "NEW.starts < NEW.at OR NEW.ends <= NEW.starts OR NEW.ends > NEW.starts + interval "
                                    "'31 days'\n     OR NOT EXISTS", "false AND NOT EXISTS"))),
    Attack("it is handed over for longer than was agreed", "handing", handed("ana", "emil", "2 h"), "TD054",
           (Cut("wall_delegations", "NEW.starts < NEW.at OR NEW.ends <= NEW.starts OR NEW.ends > NEW.starts + interval "
                                    "'31 days'\n     OR NOT EXISTS", "false AND NOT EXISTS"),)),
    Attack("it is handed over to a guest", "handing", handed("ana", "emil"), "TD053",
           (Cut("wall_delegations", "NEW.giver = NEW.taker OR NOT able(NEW.giver) OR NOT able(NEW.taker)"),),
           "INSERT INTO directory VALUES ('T0TEST', 'U0EMIL', false, 'a guest in Slack', clock())"),
    Attack("what was handed over is handed on", "handing", handed("ana", "emil"), "TD055",
           (Cut("wall_delegations", "NEW.giver IN (d.giver, d.taker) OR NEW.taker = d.giver"),), HANDED % ("cleo", "ana")),
    Attack("a third person ends an absence", "running",
           "INSERT INTO withdrawals SELECT run, {run}, clock() FROM delegations", "TD056",
           (Cut("wall_withdrawals", "v_run.requester IS NULL OR v_run.requester NOT IN (v_of.giver, v_of.taker)"),
            Cut("wall_withdrawals", "NOT planned_deed(v_run, 'tandem.EndDelegation@%', "
                                    "jsonb_build_object('delegation', 'r' || v_of.run))")), HANDED % ("cleo", "emil")),
)  # fmt: skip
