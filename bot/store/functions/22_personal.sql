-- Personal values: kept in the transaction of their ask, opened for the run that uses them, erased for good.

-- Every way in which a value that a door keeps may be found, the one under its present key first.
CREATE OR REPLACE FUNCTION personal_lookups(p_kept jsonb) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_array_elements_text(coalesce(p_kept -> 'lookups', jsonb_build_array(p_kept -> 'lookup')))
$$;

CREATE OR REPLACE FUNCTION personal_subject(p_kept jsonb) RETURNS personal_subjects LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT * FROM personal_subjects WHERE lookup IN (SELECT decode(l, 'base64') FROM personal_lookups(p_kept) AS l) LIMIT 1
$$;

-- Whether these keys are too few: the newest of all, or one under which something is kept, is not among them.
CREATE OR REPLACE FUNCTION personal_lacks(p_held bytea[]) RETURNS boolean LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM personal_home h WHERE h.mark <> ALL (p_held)
    AND (h.n = (SELECT max(n) FROM personal_home) OR EXISTS (SELECT 1 FROM personal_subjects s WHERE s.mark = h.mark)))
$$;

-- How many values are kept under each key that ever was one.
CREATE OR REPLACE FUNCTION personal_under() RETURNS TABLE (mark bytea, newest boolean, kept bigint) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
  SELECT h.mark, h.n = max(h.n) OVER (), (SELECT count(*) FROM personal_subjects s JOIN personal_values v ON v.subject = s.id
    WHERE s.mark = h.mark) FROM personal_home h ORDER BY h.n
$$;

-- {"code": "other_key"} where this door lacks a key that something is kept under; {"code": "subjects"} where it
-- sealed under another key than the one its subject has: it seals anew and asks again.
-- From here to the commit no other transaction keeps or erases anything of these subjects.
CREATE OR REPLACE FUNCTION personal_known(p_kept jsonb) RETURNS jsonb LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_lookup text; v_k jsonb; v_known jsonb := '[]'; v_found personal_subjects; v_held bytea[];
BEGIN
  IF coalesce(p_kept, '[]') = '[]' THEN RETURN NULL; END IF;
  v_held := ARRAY(SELECT decode(mark, 'base64') FROM
    jsonb_array_elements_text(coalesce(p_kept -> 0 -> 'held', jsonb_build_array(p_kept -> 0 -> 'mark'))) AS mark);
  IF NOT EXISTS (SELECT 1 FROM personal_home WHERE mark = v_held[1]) THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('personal keys', 0));
    IF NOT personal_lacks(v_held) THEN INSERT INTO personal_home (mark) VALUES (v_held[1]) ON CONFLICT DO NOTHING; END IF;
  END IF;
  IF personal_lacks(v_held) THEN RETURN '{"code": "other_key"}'; END IF;
  FOR v_lookup IN SELECT DISTINCT l FROM jsonb_array_elements(p_kept) AS k, personal_lookups(k) AS l ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('personal ' || v_lookup, 0));
  END LOOP;
  FOR v_lookup, v_k IN SELECT DISTINCT ON (first) first, k FROM jsonb_array_elements(p_kept) AS k,
      LATERAL (SELECT l AS first FROM personal_lookups(k) AS l LIMIT 1) AS f LOOP
    v_found := personal_subject(v_k);
    IF v_found.id IS NOT NULL AND v_found.id <> (v_k ->> 'subject')::uuid THEN
      v_known := v_known || jsonb_build_object('lookup', v_lookup, 'subject', v_found.id, 'mark', translate(encode(v_found.mark, 'base64'), E'\n', ''),
        'found', translate(encode(v_found.lookup, 'base64'), E'\n', ''), 'key', translate(encode(v_found.key, 'base64'), E'\n', ''));
    ELSIF v_found.id IS NULL AND EXISTS (SELECT 1 FROM erasures WHERE subject = (v_k ->> 'subject')::uuid) THEN
      v_known := v_known || jsonb_build_object('lookup', v_lookup);
    END IF;
  END LOOP;
  RETURN CASE WHEN v_known <> '[]' THEN jsonb_build_object('code', 'subjects', 'known', v_known) END;
END $$;

-- Keeps what a run was given, and notes every token that it uses. A called run is given those of its parent alone.
CREATE OR REPLACE FUNCTION personal_keep(p_run bigint, p_parent bigint, p jsonb) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
BEGIN
  INSERT INTO personal_subjects SELECT DISTINCT ON (k ->> 'subject') (k ->> 'subject')::uuid, decode(k ->> 'lookup', 'base64'),
      decode(k ->> 'key', 'base64'), clock(), decode(k ->> 'mark', 'base64') FROM jsonb_array_elements(coalesce(p -> 'personal', '[]')) AS k
    ON CONFLICT (id) DO NOTHING;
  INSERT INTO personal_values SELECT k ->> 'token', p_run, (k ->> 'subject')::uuid, decode(k ->> 'value', 'base64'),
      decode(k ->> 'mask', 'base64'), clock() FROM jsonb_array_elements(coalesce(p -> 'personal', '[]')) AS k;
  IF p_parent IS NOT NULL AND EXISTS (SELECT 1 FROM jsonb_array_elements_text(p -> 'tokens') AS t
      WHERE NOT EXISTS (SELECT 1 FROM personal_uses WHERE run = p_parent AND token = t)) THEN
    RAISE EXCEPTION 'a called run is given its parent''s values alone' USING ERRCODE = 'TD062';
  END IF;
  INSERT INTO personal_uses SELECT p_run, t FROM jsonb_array_elements_text(p -> 'tokens') AS t ON CONFLICT DO NOTHING;
END $$;

-- The steps of a plan may name values of other runs: it uses them as well. Not what people typed beside them.
CREATE OR REPLACE FUNCTION personal_planned(p_run bigint, p_plan text) RETURNS void LANGUAGE sql
SET search_path = tandem, pg_temp AS $$
  INSERT INTO personal_uses SELECT p_run, token FROM personal_values
    WHERE token = ANY (ARRAY(
      SELECT m[1] FROM regexp_matches((p_plan::jsonb -> 'steps')::text, '"(p-[0-9a-f]{32})"', 'g') AS m))
    ON CONFLICT DO NOTHING
$$;

-- Whether a run was given the same personal values, whoever typed them however.
CREATE OR REPLACE FUNCTION personal_same(p_run bigint, p_kept jsonb) RETURNS boolean LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT p_kept IS NULL OR ARRAY(SELECT v.subject FROM personal_uses u JOIN personal_values v USING (token)
      WHERE u.run = p_run AND v.subject IS NOT NULL ORDER BY 1)
    = ARRAY(SELECT (personal_subject(k)).id FROM jsonb_array_elements(p_kept) AS k ORDER BY 1)
$$;

-- What tokens are shown as: sealed, with the key that opens them; of an erased one, by which run it was.
CREATE OR REPLACE FUNCTION personal_masks(p_tokens text[]) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
  SELECT jsonb_agg(jsonb_build_object('token', v.token, 'subject', v.subject, 'erased', 'r' || v.erased_by,
      'mark', translate(encode(s.mark, 'base64'), E'\n', ''), 'key', translate(encode(s.key, 'base64'), E'\n', ''), 'box', translate(encode(v.mask, 'base64'), E'\n', '')))
    FROM personal_values v LEFT JOIN personal_subjects s ON s.id = v.subject WHERE v.token = ANY (p_tokens)
$$;

-- A value for the worker that holds a run which uses it, and for nobody else.
CREATE OR REPLACE FUNCTION personal_value(p_run bigint, p_worker uuid, p_fence bigint, p_token text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_found jsonb;
BEGIN
  PERFORM held(p_run, p_worker, p_fence);
  SELECT personal_box(v) INTO v_found FROM personal_values v JOIN personal_uses USING (token)
    WHERE personal_uses.run = p_run AND v.token = p_token;
  RETURN coalesce(v_found, '{"code": "none"}');
END $$;

CREATE OR REPLACE FUNCTION personal_box(p_value personal_values) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT CASE WHEN p_value.erased_by IS NOT NULL THEN jsonb_build_object('code', 'erased', 'by', 'r' || p_value.erased_by,
      'age', EXISTS (SELECT 1 FROM events WHERE run = p_value.erased_by AND kind = 'lapsed'))
    ELSE jsonb_build_object('code', 'kept', 'token', p_value.token, 'subject', p_value.subject,
      'box', translate(encode(p_value.value, 'base64'), E'\n', '')) || (
        SELECT jsonb_build_object('key', translate(encode(key, 'base64'), E'\n', ''), 'mark', translate(encode(mark, 'base64'), E'\n', ''))
        FROM personal_subjects WHERE id = p_value.subject) END
$$;

-- A person looks at whole values: those who may decide about the run, and of what they typed themselves its askers.
-- The event is there before anything is shown. A run that has ended shows them to nobody.
CREATE OR REPLACE FUNCTION unmask(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_decides boolean; v_values jsonb;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  IF v_run.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF v_run.ended_at IS NOT NULL THEN RETURN jsonb_build_object('code', 'masked_for_good', 'state', v_run.state); END IF;
  IF EXISTS (SELECT 1 FROM subjects WHERE run = v_run.id AND person = v_person) THEN RETURN '{"code": "subject"}'; END IF;
  IF unfit(p ->> 'team', p ->> 'user') THEN RETURN '{"code": "unfit"}'; END IF;
  v_decides := decides_by(v_run, v_person) IS NOT NULL;
  SELECT jsonb_agg(personal_box(v)) INTO v_values FROM personal_uses u JOIN personal_values v USING (token)
    WHERE u.run = v_run.id AND v.erased_by IS NULL
      AND (v_decides OR EXISTS (SELECT 1 FROM askers k WHERE k.run = v.run AND k.person = v_person));
  IF v_values IS NULL THEN
    RETURN jsonb_build_object('code', CASE WHEN v_decides THEN 'erased' ELSE 'no_approver' END);
  END IF;
  PERFORM tell(v_run.id, 'unmasked', NULL, v_person, '{}');
  RETURN jsonb_build_object('code', 'done', 'values', v_values);
END $$;

-- What is kept of the subjects that these tokens belong to: how many values, in which runs, and which of those still need
-- them. Requests to erase are not counted: they are no more than a run's own.
CREATE OR REPLACE FUNCTION personal_kept(p_tokens text[], p_command text) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
  WITH whom AS (SELECT DISTINCT subject FROM personal_values WHERE token = ANY (p_tokens) AND subject IS NOT NULL),
  uses AS (SELECT r.tag, v.token, r.ended_at FROM whom JOIN personal_values v USING (subject) JOIN personal_uses u USING (token)
    JOIN runs r ON r.id = u.run WHERE r.command <> p_command)
  SELECT jsonb_build_object('at_most', count(*), 'values', count(DISTINCT token), 'people', (SELECT count(*) FROM whom),
      'runs', coalesce(jsonb_agg(DISTINCT tag), '[]'),
      'live', coalesce(jsonb_agg(DISTINCT tag) FILTER (WHERE ended_at IS NULL), '[]')) FROM uses
$$;

-- The erasure: each subject's key is destroyed, and with it value and mask of every token. What was not shown is not
-- erased: more uses than the approved plan knew of are refused.
CREATE OR REPLACE FUNCTION personal_erase(p_run runs, p_tokens text[], p_at_most integer) RETURNS jsonb LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_lookup text; v_subjects uuid[]; v_uses integer; v_values integer; v_runs integer;
BEGIN
  FOR v_lookup IN SELECT DISTINCT translate(encode(s.lookup, 'base64'), E'\n', '') FROM personal_values v
      JOIN personal_subjects s ON s.id = v.subject WHERE v.token = ANY (p_tokens) ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('personal ' || v_lookup, 0));
  END LOOP;
  v_subjects := ARRAY(SELECT DISTINCT subject FROM personal_values WHERE token = ANY (p_tokens) AND subject IS NOT NULL);
  SELECT count(*) FILTER (WHERE r.command <> p_run.command), count(DISTINCT token), count(DISTINCT r.id) INTO v_uses, v_values, v_runs
    FROM personal_values v JOIN personal_uses u USING (token) JOIN runs r ON r.id = u.run WHERE v.subject = ANY (v_subjects);
  IF v_uses > p_at_most THEN
    RAISE EXCEPTION 'another run was given this since the plan was made: nothing was erased; ask anew' USING ERRCODE = 'TD060';
  END IF;
  INSERT INTO erasures SELECT s, p_run.id, clock() FROM unnest(v_subjects) AS s;
  UPDATE personal_values SET subject = NULL, value = NULL, mask = NULL, erased_by = p_run.id WHERE subject = ANY (v_subjects);
  DELETE FROM personal_subjects WHERE id = ANY (v_subjects);
  RETURN jsonb_build_object('values', v_values, 'runs', v_runs);
END $$;

-- What is erased stays so, and no key goes without the erasure that two people agreed to; whoever writes.
CREATE OR REPLACE FUNCTION wall_personal_values() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.erased_by IS NULL THEN RETURN NEW; END IF;
  IF TG_OP = 'UPDATE' AND OLD.erased_by IS NULL AND NEW.erased_by IS NOT NULL
     AND (NEW.token, NEW.run, NEW.at) = (OLD.token, OLD.run, OLD.at)
     AND (EXISTS (SELECT 1 FROM erasures WHERE subject = OLD.subject AND run = NEW.erased_by)
          OR NEW.erased_by = OLD.run AND lapsed(OLD.token) AND EXISTS (
            SELECT 1 FROM runs r JOIN events e ON e.run = r.id AND e.seq = r.seq WHERE r.id = OLD.run AND e.kind = 'lapsed')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a personal value changes by its erasure alone' USING ERRCODE = 'TD061';
END $$;
CREATE OR REPLACE FUNCTION wall_personal_subjects() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NOT EXISTS (SELECT 1 FROM erasures WHERE subject = NEW.id) THEN RETURN NEW; END IF;
  IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM erasures WHERE subject = OLD.id) THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'a subject''s key is made once, and goes by its erasure alone' USING ERRCODE = 'TD061';
END $$;
CREATE OR REPLACE FUNCTION wall_erasures() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  IF NOT EXISTS (SELECT 1 FROM personal_values WHERE subject = NEW.subject) THEN RETURN NEW; END IF;  -- all of it has lapsed
  IF v_run.state NOT IN ('running', 'waiting') OR v_run.risk < 2
     OR NOT EXISTS (SELECT 1 FROM slots WHERE run = NEW.run AND fingerprint = v_run.fingerprint)
     OR NOT EXISTS (
       SELECT 1 FROM jsonb_array_elements(v_run.plan::jsonb -> 'steps') AS s, personal_values v
       WHERE s -> 'does' ->> 'kind' LIKE 'tandem.ErasePersonal@%' AND s -> 'does' -> 'args' -> 'values' ? v.token
         AND v.subject = NEW.subject) THEN
    RAISE EXCEPTION 'nobody agreed to this erasure' USING ERRCODE = 'TD061';
  END IF;
  RETURN NEW;
END $$;
DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT * FROM (VALUES
      ('personal_values', 'wall', 'BEFORE INSERT OR UPDATE OR DELETE', 'ROW', 'wall_personal_values'),
      ('personal_values', 'append_only', 'BEFORE TRUNCATE', 'STATEMENT', 'wall_append_only'),
      ('personal_subjects', 'wall', 'BEFORE INSERT OR UPDATE OR DELETE', 'ROW', 'wall_personal_subjects'),
      ('personal_subjects', 'append_only', 'BEFORE TRUNCATE', 'STATEMENT', 'wall_append_only'),
      ('personal_home', 'append_only', 'BEFORE UPDATE OR DELETE OR TRUNCATE', 'STATEMENT', 'wall_append_only'),
      ('personal_uses', 'append_only', 'BEFORE UPDATE OR DELETE OR TRUNCATE', 'STATEMENT', 'wall_append_only'),
      ('erasures', 'wall', 'BEFORE INSERT', 'ROW', 'wall_erasures'),
      ('erasures', 'append_only', 'BEFORE UPDATE OR DELETE OR TRUNCATE', 'STATEMENT', 'wall_append_only'))
      AS w(of, name, at, each, does) LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON tandem.%I FOR EACH %s EXECUTE FUNCTION tandem.%I()',
                   t.name, t.at, t.of, t.each, t.does);
    EXECUTE format('ALTER TABLE tandem.%I ENABLE ALWAYS TRIGGER %I', t.of, t.name);
  END LOOP;
END $$;
