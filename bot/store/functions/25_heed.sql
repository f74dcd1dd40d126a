-- What people tell of themselves that moves nothing: that they have looked at a plan, that they want to hear of the end.
-- Each is told once for a person (and, of a look, for each plan); an event, so that the audit has it too.
CREATE OR REPLACE FUNCTION heed(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_kind text := p ->> 'kind'; v_body jsonb;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  IF v_run.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF v_kind NOT IN ('looked', 'followed') THEN RAISE EXCEPTION 'nobody heeds by %', v_kind USING ERRCODE = 'TD013'; END IF;
  IF v_run.ended_at IS NOT NULL OR v_kind = 'looked' AND v_run.state NOT IN ('awaiting_approval', 'in_doubt') THEN
    RETURN jsonb_build_object('code', 'not_waiting', 'state', v_run.state);
  END IF;
  v_body := CASE v_kind WHEN 'looked' THEN jsonb_build_object('plan', v_run.fingerprint)
                        ELSE jsonb_build_object('slack_user', p ->> 'user') END;
  IF v_kind = 'looked' AND EXISTS (SELECT 1 FROM askers WHERE run = v_run.id AND person = v_person)
     OR v_kind = 'followed' AND v_run.slack_user = p ->> 'user'
     OR EXISTS (SELECT 1 FROM events WHERE run = v_run.id AND kind = v_kind AND actor = v_person AND body @> v_body) THEN
    RETURN '{"code": "already"}';
  END IF;
  PERFORM tell(v_run.id, v_kind, NULL, v_person, v_body);
  RETURN '{"code": "done"}';
END $$;
