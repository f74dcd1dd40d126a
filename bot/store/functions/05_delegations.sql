-- Whose approvals count; absences: whose right a person may use, and the walls around what was handed over.

-- Whether Slack called this account deactivated, a guest or a bot when it was last read.
CREATE OR REPLACE FUNCTION unfit(p_team text, p_user text) RETURNS boolean LANGUAGE sql STABLE
  RETURN EXISTS (SELECT 1 FROM tandem.directory WHERE team = p_team AND slack_user = p_user AND NOT fit);

-- Whose approvals of this very plan, shown, count for anything: still that person's account, who neither asked nor is
-- whom it is about. `fit` and `seen`: what Slack said of the account, and when (NULL: it never did).
CREATE OR REPLACE FUNCTION approving(p_run runs) RETURNS TABLE (person text, at timestamptz, fit boolean, seen timestamptz)
LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$  -- not in SQL: its plan is kept
BEGIN
  RETURN QUERY SELECT a.person, a.at, coalesce(d.fit, true), d.seen
    FROM approvals a JOIN accounts c ON c.team = a.team AND c.slack_user = a.slack_user AND c.person = a.person
    JOIN people p ON p.person = a.person AND p.active
    JOIN shown s ON s.run = a.run AND s.fingerprint = a.fingerprint
    LEFT JOIN directory d ON d.team = a.team AND d.slack_user = a.slack_user
    WHERE a.run = p_run.id AND a.fingerprint = p_run.fingerprint
      AND NOT EXISTS (SELECT 1 FROM askers k WHERE k.run = a.run AND k.person = a.person)
      AND NOT EXISTS (SELECT 1 FROM subjects u WHERE u.run = a.run AND u.person = a.person);
END $$;

-- A plan's text as it is kept. One that was made after an amendment names it, in its place among the sorted keys: so it has
-- a fingerprint of its own, is shown anew and approved anew, also where all else is as it was.
CREATE OR REPLACE FUNCTION kept_plan(p_run bigint, p_plan text) RETURNS text LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT coalesce('{"amended":' || max(seq) || ',' || regexp_replace(p_plan, '^\{("amended":\d+,)?', ''), p_plan)
    FROM events WHERE run = p_run AND kind = 'amended'
$$;

-- Whose latest answers to the standing question are this one, and might count; as `approving`.
CREATE OR REPLACE FUNCTION answering(p_run runs, p_choice text) RETURNS TABLE (person text, at timestamptz, fit boolean, seen timestamptz)
LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT a.person, a.at, coalesce(d.fit, true), d.seen
    FROM latest_answers a JOIN accounts c ON c.team = a.team AND c.slack_user = a.slack_user AND c.person = a.person
    JOIN people p ON p.person = a.person AND p.active
    LEFT JOIN directory d ON d.team = a.team AND d.slack_user = a.slack_user
    WHERE a.run = p_run.id AND a.question = p_run.question_seq AND a.choice = p_choice
      AND NOT EXISTS (SELECT 1 FROM askers k WHERE k.run = a.run AND k.person = a.person)
      AND NOT EXISTS (SELECT 1 FROM subjects u WHERE u.run = a.run AND u.person = a.person);
END $$;

-- Of the roster with an account in the house's own team, which Slack did not call deactivated, a guest or a bot.
CREATE OR REPLACE FUNCTION able(p_person text) RETURNS boolean LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM people p JOIN accounts c ON c.person = p.person JOIN applied h ON h.team = c.team
    LEFT JOIN directory d ON d.team = c.team AND d.slack_user = c.slack_user
    WHERE p.person = p_person AND p.active AND coalesce(d.fit, true))
$$;

-- What is handed over at this moment.
CREATE OR REPLACE FUNCTION delegated() RETURNS SETOF delegations LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT * FROM delegations d WHERE d.starts <= clock() AND d.ends > clock()
    AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.delegation = d.run) AND able(d.giver) AND able(d.taker);
END $$;

-- Whose right a person may use for a run: their own, and that of each whom they stand in for now. Never that of who
-- asked or whom it is about, and never for a word that was given before the absence began.
CREATE OR REPLACE FUNCTION rights(p_run runs, p_person text) RETURNS SETOF text LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
BEGIN
  RETURN NEXT p_person;
  RETURN QUERY SELECT d.giver FROM delegated() d WHERE d.taker = p_person
    AND NOT EXISTS (SELECT 1 FROM askers k WHERE k.run = p_run.id AND k.person = d.giver)
    AND NOT EXISTS (SELECT 1 FROM subjects u WHERE u.run = p_run.id AND u.person = d.giver)
    AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.run = p_run.id AND a.fingerprint = p_run.fingerprint
                    AND a.person = p_person AND a.at < d.starts)
    AND NOT EXISTS (SELECT 1 FROM latest_answers n WHERE n.run = p_run.id AND n.question = p_run.question_seq
                    AND n.person = p_person AND n.at < d.starts)
    ORDER BY d.ends, d.giver;
END $$;

-- By whose right somebody decides about a run, NULL where they do not: their own before another's.
CREATE OR REPLACE FUNCTION decides_by(p_run runs, p_person text) RETURNS text LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_right text; v_deciders text[] := deciders(p_run);
BEGIN
  FOR v_right IN SELECT rights(p_run, p_person) LOOP
    IF EXISTS (SELECT 1 FROM unnest(v_deciders) AS grp WHERE in_group(p_run, v_right, grp)) THEN RETURN v_right; END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- Whether a step of a run's plan is this very deed.
CREATE OR REPLACE FUNCTION planned_deed(p_run runs, p_kind text, p_args jsonb) RETURNS boolean LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM jsonb_array_elements(p_run.plan::jsonb -> 'steps') AS s
    WHERE s -> 'does' ->> 'kind' LIKE p_kind AND s -> 'does' -> 'args' @> p_args)
$$;

-- Only who goes away hands over, as a second person agreed; for no longer than was agreed; and nobody hands on.
CREATE OR REPLACE FUNCTION wall_delegations() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_args jsonb := jsonb_build_object('giver', NEW.giver, 'taker', NEW.taker);
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  IF v_run.state NOT IN ('running', 'waiting') OR v_run.risk < 2 OR v_run.requester IS DISTINCT FROM NEW.giver
     OR EXISTS (SELECT 1 FROM askers WHERE run = NEW.run AND person <> NEW.giver)
     OR NOT EXISTS (SELECT 1 FROM slots WHERE run = NEW.run AND fingerprint = v_run.fingerprint)
     OR NOT planned_deed(v_run, 'tandem.Delegate@%', v_args) THEN
    RAISE EXCEPTION 'nobody agreed to this delegation' USING ERRCODE = 'TD052';
  END IF;
  IF NEW.giver = NEW.taker OR NOT able(NEW.giver) OR NOT able(NEW.taker) THEN
    RAISE EXCEPTION 'an absence is between two people of the house' USING ERRCODE = 'TD053';
  END IF;
  IF NEW.starts < NEW.at OR NEW.ends <= NEW.starts OR NEW.ends > NEW.starts + interval '31 days'
     OR NOT EXISTS (SELECT 1 FROM jsonb_array_elements(v_run.plan::jsonb -> 'steps') AS s
       WHERE s -> 'does' -> 'args' @> v_args AND NEW.ends <= (s -> 'does' -> 'args' ->> 'lasting')::interval
         + coalesce((s -> 'does' -> 'args' ->> 'starts')::timestamptz, clock())) THEN
    RAISE EXCEPTION 'an absence lasts no longer than was agreed' USING ERRCODE = 'TD054';
  END IF;
  IF EXISTS (SELECT 1 FROM delegations d WHERE d.run <> NEW.run AND d.starts < NEW.ends AND d.ends > NEW.starts
      AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.delegation = d.run)
      AND (NEW.giver IN (d.giver, d.taker) OR NEW.taker = d.giver)) THEN
    RAISE EXCEPTION 'what was handed over is not handed on' USING ERRCODE = 'TD055';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS wall ON delegations;
CREATE TRIGGER wall BEFORE INSERT ON delegations FOR EACH ROW EXECUTE FUNCTION wall_delegations();

-- Ended early by one of the two, or on the way back of the run that gave it.
CREATE OR REPLACE FUNCTION wall_withdrawals() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_of delegations;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  SELECT * INTO v_of FROM delegations WHERE run = NEW.delegation;
  IF v_run.id IS NULL OR v_run.state NOT IN ('running', 'waiting') OR v_run.id <> v_of.run AND (
       v_run.requester IS NULL OR v_run.requester NOT IN (v_of.giver, v_of.taker)
       OR NOT planned_deed(v_run, 'tandem.EndDelegation@%', jsonb_build_object('delegation', 'r' || v_of.run))) THEN
    RAISE EXCEPTION 'only one of the two ends an absence' USING ERRCODE = 'TD056';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS wall ON withdrawals;
CREATE TRIGGER wall BEFORE INSERT ON withdrawals FOR EACH ROW EXECUTE FUNCTION wall_withdrawals();

-- Takes up what the two of an absence are to be told: that it has begun or is over, where that came by itself and is no news
-- of days ago; what people did has told it. `over`: it was ended since, so there is nothing to tell any more.
CREATE OR REPLACE FUNCTION claim_absence_notes(p_limit integer, p_hold interval, p_news interval) RETURNS TABLE (
  run bigint, what text, person text, giver text, taker text, starts timestamptz, ends timestamptz, due timestamptz,
  trying boolean, tries integer, over boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO absence_notes (run, what, person, due)
    SELECT d.run, m.what, p.person, m.at FROM delegations d
      CROSS JOIN LATERAL (VALUES ('begins', d.starts), ('ends', d.ends)) AS m(what, at)
      CROSS JOIN LATERAL (VALUES (d.giver), (d.taker)) AS p(person)
      WHERE m.at <= clock() AND m.at > clock() - p_news AND (m.what = 'ends' OR d.starts > d.at)
        AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.delegation = d.run)
    ON CONFLICT DO NOTHING;
  RETURN QUERY UPDATE absence_notes n SET due = clock() + p_hold FROM delegations d
    WHERE d.run = n.run AND (n.run, n.what, n.person) IN (
      SELECT run, what, person FROM absence_notes WHERE due <= clock() ORDER BY due LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING n.run, n.what, n.person, d.giver, d.taker, d.starts, d.ends, n.due, n.trying, n.tries,
      n.what = 'begins' AND d.ends <= clock() OR CASE n.what WHEN 'begins' THEN d.starts ELSE d.ends END <= clock() - p_news
        OR EXISTS (SELECT 1 FROM withdrawals w WHERE w.delegation = d.run);
END $$;
