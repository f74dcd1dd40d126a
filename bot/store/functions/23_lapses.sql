-- Personal values are kept for as long as config says after the last run that uses them has ended; then they are erased,
-- each run's with an event of its own: the one thing that still happens to a run that has ended.

-- Whether nobody needs a value any more.
CREATE OR REPLACE FUNCTION lapsed(p_token text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
DECLARE v_before timestamptz := clock() - (SELECT personal_for FROM applied);
BEGIN
  RETURN v_before IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM (SELECT run FROM personal_uses WHERE token = p_token UNION SELECT run FROM personal_values WHERE token = p_token) u
      JOIN runs r ON r.id = u.run WHERE r.ended_at IS NULL OR r.ended_at > v_before);
END $$;

-- Erases what has lapsed, of so many runs at most; how many that were. Whom a door or an erasure is at now comes later.
CREATE OR REPLACE FUNCTION lapse(p_most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_before timestamptz := clock() - (SELECT personal_for FROM applied); v_run bigint; v_count integer := 0;
BEGIN
  IF v_before IS NULL THEN RETURN 0; END IF;
  FOR v_run IN SELECT DISTINCT v.run FROM personal_values v JOIN runs r ON r.id = v.run
      WHERE v.erased_by IS NULL AND r.ended_at <= v_before AND lapsed(v.token) ORDER BY 1 LIMIT p_most LOOP
    IF lapse_of(v_run) THEN v_count := v_count + 1; END IF;
  END LOOP;
  RETURN v_count;
END $$;

CREATE OR REPLACE FUNCTION lapse_of(p_run bigint) RETURNS boolean LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_tokens text[]; v_subjects uuid[];
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = p_run FOR NO KEY UPDATE SKIP LOCKED;
  IF v_run.id IS NULL OR EXISTS (
      SELECT 1 FROM personal_values v JOIN personal_subjects s ON s.id = v.subject WHERE v.run = p_run AND NOT
        pg_try_advisory_xact_lock(hashtextextended('personal ' || translate(encode(s.lookup, 'base64'), E'\n', ''), 0))) THEN
    RETURN false;
  END IF;
  v_tokens := ARRAY(SELECT token FROM personal_values WHERE run = p_run AND erased_by IS NULL AND lapsed(token));
  IF v_tokens = '{}' THEN RETURN false; END IF;
  v_subjects := ARRAY(SELECT DISTINCT subject FROM personal_values WHERE token = ANY (v_tokens));
  INSERT INTO events (run, seq, at, kind, state, fence, body, hash) VALUES (p_run, v_run.seq + 1, clock(), 'lapsed', v_run.state,
    v_run.fence, jsonb_build_object('values', cardinality(v_tokens), 'after', (SELECT personal_for FROM applied)), '');
  UPDATE runs SET seq = seq + 1 WHERE id = p_run;
  UPDATE personal_values SET subject = NULL, value = NULL, mask = NULL, erased_by = p_run WHERE token = ANY (v_tokens);
  v_subjects := ARRAY(SELECT s FROM unnest(v_subjects) AS s WHERE NOT EXISTS (SELECT 1 FROM personal_values WHERE subject = s));
  INSERT INTO erasures SELECT s, p_run, clock() FROM unnest(v_subjects) AS s;
  DELETE FROM personal_subjects WHERE id = ANY (v_subjects);
  RETURN true;
END $$;

-- What an ended run is told of: that values of it have lapsed, where some have.
CREATE OR REPLACE FUNCTION wall_lapse(p_run bigint) RETURNS void LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM personal_values WHERE run = p_run AND erased_by IS NULL AND lapsed(token)) THEN
    RAISE EXCEPTION 'nothing of r% has lapsed', p_run USING ERRCODE = 'TD061';
  END IF;
END $$;

-- Whether this very change of an ended run only counts the event of its lapse.
CREATE OR REPLACE FUNCTION only_lapses(p_old runs, p_new runs) RETURNS boolean LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT p_new.seq = p_old.seq + 1
    AND to_jsonb(p_new) - '{seq,tag,fingerprint}'::text[] = to_jsonb(p_old) - '{seq,tag,fingerprint}'::text[]
    AND EXISTS (SELECT 1 FROM events WHERE run = p_new.id AND seq = p_new.seq AND kind = 'lapsed' AND state = p_new.state)
$$;
