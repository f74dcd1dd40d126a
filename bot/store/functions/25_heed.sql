-- What people tell of themselves that moves nothing: that they have looked at a plan, that they want to hear of the end.
-- Each is told once for a person (and, of a look, for each plan); an event, so that the audit has it too. And that they
-- ask those who decide to look at it.
CREATE OR REPLACE FUNCTION heed(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_kind text := p ->> 'kind'; v_body jsonb;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  IF v_run.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF v_kind NOT IN ('looked', 'followed', 'called_in') THEN
    RAISE EXCEPTION 'nobody heeds by %', v_kind USING ERRCODE = 'TD013';
  END IF;
  IF v_run.ended_at IS NOT NULL
     OR v_kind IN ('looked', 'called_in') AND v_run.state NOT IN ('awaiting_approval', 'in_doubt') THEN
    RETURN jsonb_build_object('code', 'not_waiting', 'state', v_run.state);
  END IF;
  IF v_kind = 'called_in' THEN RETURN call_in(v_run, v_person, p); END IF;
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

-- Who could decide is called in the run's thread, by somebody who may not: each of them once in ten minutes about one
-- plan, and about one question. Who was called already is not called again, whoever asks.
CREATE OR REPLACE FUNCTION call_in(p_run runs, p_person text, p jsonb) RETURNS jsonb LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_whom jsonb; v_last events;
  v_about jsonb := jsonb_strip_nulls(jsonb_build_object('plan', p_run.fingerprint, 'question',
    CASE WHEN p_run.state = 'in_doubt' THEN p_run.question_seq END));
BEGIN
  IF p_run.fingerprint IS DISTINCT FROM p ->> 'fingerprint' THEN
    RETURN jsonb_build_object('code', 'other_plan', 'state', p_run.state);
  END IF;
  IF p_run.look_only THEN RETURN jsonb_build_object('code', 'not_waiting', 'state', p_run.state); END IF;
  IF p_run.state = 'awaiting_approval' AND p_run.expires_at <= clock() THEN RETURN '{"code": "expired"}'; END IF;
  SELECT coalesce(jsonb_agg(w ORDER BY n), '[]') INTO v_whom
    FROM jsonb_array_elements_text(p -> 'whom') WITH ORDINALITY AS u(w, n) WHERE NOT EXISTS (
      SELECT 1 FROM events WHERE run = p_run.id AND kind = 'called_in' AND body @> v_about AND body -> 'whom' ? w
        AND at > clock() - interval '10 minutes');
  IF v_whom = '[]' THEN
    SELECT * INTO v_last FROM events WHERE run = p_run.id AND kind = 'called_in' AND body @> v_about
      ORDER BY seq DESC LIMIT 1;
    RETURN jsonb_build_object('code', 'called_before', 'tag', p_run.tag, 'whom', p -> 'whom',
      'ago', extract(epoch FROM clock() - v_last.at), 'by', (SELECT name FROM people WHERE person = v_last.actor));
  END IF;
  PERFORM tell(p_run.id, 'called_in', NULL, p_person,
    v_about || jsonb_build_object('whom', v_whom, 'more', p -> 'more', 'spared', p -> 'spared'));
  RETURN jsonb_build_object('code', 'done', 'tag', p_run.tag, 'whom', v_whom);
END $$;

-- Why a person's wish that others ask for something calls nobody now: they had the same within ten minutes, or many.
CREATE OR REPLACE FUNCTION wished_lately(p_person text, p jsonb) RETURNS jsonb LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_answer jsonb; v_many integer;
BEGIN
  IF p_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('asks of ' || p_person, 0));
  WITH lately AS MATERIALIZED (
    SELECT r.tag, r.command, r.asked, e.at, e.body FROM events e JOIN runs r ON r.id = e.run
      WHERE e.at > clock() - interval '10 minutes' AND e.kind = 'refused' AND e.body ? 'whom' AND r.requester = p_person
  )
  SELECT (SELECT count(*) FROM lately), (SELECT jsonb_build_object('code', 'called_before', 'tag', tag,
      'whom', body -> 'whom', 'ago', extract(epoch FROM clock() - at),
      'by', (SELECT name FROM people WHERE person = p_person)) FROM lately
    WHERE command = p ->> 'command' AND asked - 'reason' = (p -> 'params') - 'reason' ORDER BY at DESC LIMIT 1)
    INTO v_many, v_answer;
  RETURN coalesce(v_answer, CASE WHEN v_many >= 5 THEN '{"code": "calls_are_many"}'::jsonb END);
END $$;
