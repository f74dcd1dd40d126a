-- Standing approvals: two people agree once to what a schedule will do, within bounds and for a limited time.

-- What a run says of its schedule is so: its slot was ticked, nobody asked, and its terms are those of config.
CREATE OR REPLACE FUNCTION wall_schedule(p_run runs) RETURNS void LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  IF p_run.terms IS NULL AND p_run.schedule IS NULL THEN RETURN; END IF;
  IF p_run.requester IS NOT NULL OR p_run.slack_user IS NOT NULL OR p_run.parent IS NOT NULL OR p_run.slot IS NULL
     OR NOT EXISTS (SELECT 1 FROM ticks WHERE schedule = p_run.schedule AND slot = p_run.slot) THEN
    RAISE EXCEPTION 'no schedule asked for this' USING ERRCODE = 'TD050';
  END IF;
  IF p_run.terms IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM terms WHERE schedule = p_run.schedule AND hash = p_run.terms AND command = p_run.command
        AND params = p_run.params AND environment = p_run.environment) THEN
    RAISE EXCEPTION 'these are not the terms of %', p_run.schedule USING ERRCODE = 'TD050';
  END IF;
END $$;

-- Whether everything that a plan loses is bounded, and within what the terms allow.
CREATE OR REPLACE FUNCTION within_bounds(p_plan text, p_at_most jsonb) RETURNS boolean LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT coalesce(bool_and(coalesce(bound_of(l) <= (p_at_most ->> (l ->> 'what'))::float8, false)), true)
    FROM jsonb_array_elements(p_plan::jsonb -> 'loses') AS l
$$;

-- The people who gave a standing approval and whose word still counts for a run; Slack was read lately.
CREATE OR REPLACE FUNCTION standing_people(p_standing bigint, p_run runs) RETURNS text[] LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT s.person), '{}') FROM runs g JOIN slots s ON s.run = g.id
    WHERE g.id = p_standing AND counts(g, s.person, s.grp, s.stands_for, '15 min')
      AND NOT EXISTS (SELECT 1 FROM subjects u WHERE u.run = p_run.id AND u.person IN (s.person, g.requester))
      AND EXISTS (SELECT 1 FROM approvals a JOIN directory d USING (team, slack_user)
                  WHERE a.run = g.id AND a.person = s.person AND d.fit AND d.seen >= clock() - interval '15 min')
$$;

-- The standing approval under which a scheduled run may go, or NULL. It is of the schedule's very terms as they are now,
-- not over, not ended, its bounds hold for this plan, and its people would still suffice: one asked for it, the others
-- fill the slots that the run itself needs, under both configs.
CREATE OR REPLACE FUNCTION standing_of(p_run runs) RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_found standings; v_grant runs; v_people text[]; v_terms terms;
BEGIN
  IF p_run.terms IS NULL OR p_run.plan IS NULL OR EXISTS (SELECT 1 FROM askers WHERE run = p_run.id) THEN RETURN NULL; END IF;
  SELECT * INTO v_terms FROM terms WHERE schedule = p_run.schedule AND hash = p_run.terms AND environment = p_run.environment;
  IF NOT FOUND OR NOT within_bounds(p_run.plan, v_terms.at_most) THEN RETURN NULL; END IF;
  FOR v_found IN SELECT * FROM standings s WHERE s.schedule = p_run.schedule AND s.terms = p_run.terms
      AND s.until > clock() AND NOT EXISTS (SELECT 1 FROM revocations WHERE standing = s.run) ORDER BY s.until DESC LOOP
    SELECT * INTO v_grant FROM runs WHERE id = v_found.run;
    v_people := standing_people(v_found.run, p_run);
    IF EXISTS (SELECT 1 FROM people WHERE person = v_grant.requester AND active) AND cardinality(v_people) > 0
       AND assign(v_grant, needed_if(p_run, p_run.config, true), v_people, '15 min') IS NOT NULL
       AND (SELECT assign(v_grant, needed_if(p_run, config, true), v_people, '15 min') FROM applied) IS NOT NULL THEN
      RETURN v_found.run;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- What a run's events say of the standing approval it goes under, or why it goes under none.
CREATE OR REPLACE FUNCTION standing_told(p_run runs) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
DECLARE v_standing bigint := standing_of(p_run); v_why text;
BEGIN
  IF p_run.terms IS NULL THEN RETURN '{}'; END IF;
  IF v_standing IS NOT NULL THEN
    RETURN (SELECT jsonb_build_object('standing', jsonb_build_object('run', 'r' || s.run, 'until', s.until,
        'people', to_jsonb(array_prepend(g.requester, standing_people(s.run, p_run)))))
      FROM standings s JOIN runs g ON g.id = s.run WHERE s.run = v_standing);
  END IF;
  SELECT CASE
      WHEN NOT EXISTS (SELECT 1 FROM standings WHERE schedule = p_run.schedule) THEN 'none was given yet'
      WHEN NOT within_bounds(p_run.plan, t.at_most) THEN 'this plan may lose more than its bounds'
      WHEN NOT EXISTS (SELECT 1 FROM standings WHERE schedule = t.schedule AND terms = t.hash) THEN 'the schedule was changed since'
      WHEN EXISTS (SELECT 1 FROM standings s JOIN revocations r ON r.standing = s.run WHERE s.schedule = t.schedule
                   AND s.terms = t.hash AND s.until > clock()) THEN 'it was ended'
      WHEN NOT EXISTS (SELECT 1 FROM standings WHERE schedule = t.schedule AND terms = t.hash AND until > clock()) THEN 'its time is over'
      ELSE 'the people who gave it do not suffice any more' END
    INTO v_why FROM terms t WHERE t.schedule = p_run.schedule;
  RETURN jsonb_build_object('no_standing', coalesce(v_why, 'the schedule was changed since'));
END $$;

-- A standing approval is what the plan says that two people have just agreed to, and lasts no longer than config allows.
CREATE OR REPLACE FUNCTION wall_standings() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  IF v_run.state NOT IN ('running', 'waiting') OR v_run.risk < 2 OR v_run.requester IS NULL
     OR NOT EXISTS (SELECT 1 FROM slots WHERE run = NEW.run AND fingerprint = v_run.fingerprint)
     OR NOT EXISTS (
       SELECT 1 FROM jsonb_array_elements(v_run.plan::jsonb -> 'steps') AS s
       WHERE s -> 'does' ->> 'kind' LIKE 'tandem.GrantStanding@%' AND s -> 'does' -> 'args' ->> 'schedule' = NEW.schedule
         AND s -> 'does' -> 'args' ->> 'terms' = NEW.terms) THEN
    RAISE EXCEPTION 'nobody agreed to this standing approval' USING ERRCODE = 'TD051';
  END IF;
  IF NEW.until > clock() + coalesce((SELECT lasts FROM terms WHERE schedule = NEW.schedule AND hash = NEW.terms), '0') THEN
    RAISE EXCEPTION 'a standing approval lasts no longer than config says' USING ERRCODE = 'TD051';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS wall ON standings;
CREATE TRIGGER wall BEFORE INSERT ON standings FOR EACH ROW EXECUTE FUNCTION wall_standings();
ALTER TABLE standings ENABLE ALWAYS TRIGGER wall;
