-- What failed in a run that went on to its end, tried again: a run of its own, of the same words, asked by who says so.

CREATE OR REPLACE FUNCTION retry(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_of runs; v_answer jsonb; v_person text := person_of(p ->> 'team', p ->> 'user'); v_tokens jsonb; v_key text;
BEGIN
  SELECT * INTO v_of FROM runs WHERE id = (SELECT coalesce(retries, id) FROM runs WHERE id = (p ->> 'run')::bigint)
    FOR NO KEY UPDATE;
  -- The same press is the same run, until that came to nothing: then it is meant anew.
  v_key := (p ->> 'key') || ':' || (SELECT count(*) FROM runs WHERE retries = v_of.id AND ended_at IS NOT NULL AND state <> 'succeeded');
  SELECT answer INTO v_answer FROM dedupe WHERE key = v_key;
  IF FOUND THEN RETURN v_answer || '{"again": true}'; END IF;
  IF v_of.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF NOT retriable(v_of) THEN RETURN '{"code": "nothing_failed"}'; END IF;
  IF NOT may_ask(v_person, v_of.command, v_of.environment) THEN RETURN '{"code": "not_in_group"}'; END IF;
  SELECT jsonb_build_object('code', 'retried', 'run', id, 'tag', tag) INTO v_answer
    FROM runs WHERE retries = v_of.id AND ended_at IS NULL;
  IF FOUND THEN RETURN v_answer; END IF;
  SELECT jsonb_agg(token) INTO v_tokens FROM personal_uses WHERE run = v_of.id;
  RETURN ask(p || jsonb_build_object('key', v_key, 'retries', v_of.id, 'about', p -> 'run', 'command', v_of.command,
    'params', v_of.params, 'reason', v_of.reason, 'environment', v_of.environment,
    'subjects', (SELECT coalesce(jsonb_agg(person), '[]') FROM subjects WHERE run = v_of.id))
    || CASE WHEN v_tokens IS NULL THEN '{}' ELSE jsonb_build_object('tokens', v_tokens) END);
END $$;

-- Whether a run went on to its end by its own plan, so that something of it may be tried again.
CREATE OR REPLACE FUNCTION retriable(p_run runs) RETURNS boolean LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT p_run.state = 'succeeded' AND p_run.plan IS NOT NULL AND NOT p_run.look_only AND p_run.retries IS NULL
$$;

-- Another run's words, unchanged: whoever asks anew for anything else asks for a run like any other.
CREATE OR REPLACE FUNCTION wall_retry(p_run runs) RETURNS void LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = p_run.retries AND retriable(r)
      AND (r.command, r.params, r.reason) = (p_run.command, p_run.params, p_run.reason)) THEN
    RAISE EXCEPTION 'what is tried again is what failed in a run that went on' USING ERRCODE = 'TD023';
  END IF;
END $$;

-- The cards that offer to try it again, drawn anew: one of them offers it at a time, and none while it is tried.
-- Another number each time: a poster that draws such a card just now sees that its drawing is old already.
CREATE OR REPLACE FUNCTION redraw_retried(p_run runs) RETURNS void LANGUAGE sql SET search_path = tandem, pg_temp AS $$
  UPDATE threads SET card_seq = least(card_seq, 0) - 1, due = least(due - interval '1 microsecond', tandem.clock())
    WHERE run IN (SELECT id FROM runs WHERE p_run.retries IN (id, retries) AND id <> p_run.id AND ended_at IS NOT NULL)
$$;
