-- Who may end or change a request, and the wall behind it. Judged by the groups as they are now: to stop is never the
-- dangerous act, so whoever joined after the ask may too.

-- Whether policy lets somebody ask for this now; NULL as the environment: in any.
CREATE OR REPLACE FUNCTION may_ask(p_person text, p_command text, p_environment text) RETURNS boolean LANGUAGE plpgsql
STABLE SET search_path = tandem, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM policy p JOIN operations o USING (command)
    WHERE p.config = (SELECT config FROM applied) AND p.command = p_command AND p.risk = o.floor
      AND (p_environment IS NULL OR p.environment = p_environment) AND p.ask && ARRAY(SELECT groups_of(p_person)));
END $$;

-- Whoever asked, could ask for it, or could approve it, by their own right or another's.
CREATE OR REPLACE FUNCTION may_end(p_run runs, p_person text) RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_groups text[];
BEGIN
  IF EXISTS (SELECT 1 FROM askers WHERE run = p_run.id AND person = p_person) THEN RETURN true; END IF;
  v_groups := ARRAY(SELECT groups_of(whose) FROM rights(p_run, p_person) AS whose);
  RETURN deciders(p_run) && v_groups OR EXISTS (SELECT 1 FROM policy p
    WHERE p.config = (SELECT config FROM applied) AND p.command = p_run.command AND p.environment = p_run.environment
      AND p.risk = p_run.risk AND p.ask && v_groups);
END $$;

-- Whether nobody's word is needed: what called this run turned back, or the ledger is not where it was.
CREATE OR REPLACE FUNCTION stops_by_itself(p_run runs, p_why text) RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
BEGIN
  RETURN CASE p_why
    WHEN 'parent' THEN EXISTS (SELECT 1 FROM runs WHERE id = p_run.parent AND heading <> 'forth' AND NOT p_run.detached)
    WHEN 'ledger' THEN EXISTS (SELECT 1 FROM ledger_home WHERE timeline <> timeline()
                               OR system <> (SELECT system_identifier::text FROM pg_control_system()))
    ELSE false END;
END $$;

-- A run ends cancelled or replaced, or its request is changed, by the word of who may; what is under way, by a wish.
CREATE OR REPLACE FUNCTION wall_word(p_old runs, p_kind text, p_event events) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
BEGIN
  IF NOT coalesce(CASE
      WHEN p_kind = 'cancelled' AND p_old.state = 'running' THEN p_old.wish = 'cancel'
      WHEN p_event.kind <> p_kind THEN false
      WHEN p_kind = 'amended' THEN may_ask(p_event.actor, p_old.command, NULL)
        AND EXISTS (SELECT 1 FROM askers WHERE run = p_old.id AND person = p_event.actor)
      WHEN p_event.actor IS NULL THEN p_kind <> 'superseded' AND stops_by_itself(p_old, p_event.body ->> 'why')
      ELSE may_end(p_old, p_event.actor) END, false) THEN
    RAISE EXCEPTION '% was neither asked for nor decided about by who says so', p_old.tag USING ERRCODE = 'TD019';
  END IF;
END $$;
