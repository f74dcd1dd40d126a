-- What approvals come to: the slots they fill, and the locks a run then takes.

-- Whose approval of the present plan counts now; `stale`: some were not read from Slack lately.
CREATE OR REPLACE FUNCTION counted(p_run runs, OUT people text[], OUT stale boolean) LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_now timestamptz := tandem.clock();
BEGIN
  SELECT coalesce(array_agg(person ORDER BY at) FILTER (WHERE fit AND seen >= v_now - interval '60 s'), '{}'),
         coalesce(bool_or(seen IS NULL OR seen < v_now - interval '60 s'), false)
    INTO people, stale FROM approving(p_run);
END $$;

-- Who of these people fills which slot, by whose right; NULL where one stays empty.
CREATE OR REPLACE FUNCTION filling(p_run runs, p_slots text[], p_people text[]) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_who text[] := assign(p_run, p_slots, p_people, '60 s');
BEGIN
  IF v_who IS NULL OR (SELECT config FROM applied) = p_run.config THEN RETURN v_who; END IF;
  RETURN CASE WHEN suffices(p_run, ARRAY(SELECT split_part(w, '/', 1) FROM unnest(v_who) AS w), '60 s') THEN v_who END;
END $$;

-- All that a request waits for: a freeze's end (`frozen`), another run's lock (`held_by`: its tag); NULL where anything
-- else is lacking.
CREATE OR REPLACE FUNCTION held_up(p_run runs) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
DECLARE v_waits jsonb;
BEGIN
  v_waits := jsonb_strip_nulls(jsonb_build_object('frozen', frozen(p_run), 'held_by',
    (SELECT 'r' || root FROM locks WHERE name = ANY (p_run.locks) AND root <> p_run.root LIMIT 1)));
  IF v_waits = '{}' OR p_run.look_only THEN RETURN NULL; END IF;
  RETURN CASE WHEN filling(p_run, demanded(p_run), (SELECT people FROM counted(p_run))) IS NOT NULL THEN v_waits END;
EXCEPTION WHEN SQLSTATE 'TD020' OR SQLSTATE 'TD021' OR SQLSTATE 'TD022' THEN
  RETURN NULL;
END $$;

-- Counts the approvals again and queues the run if every slot is filled, no freeze is in force and its locks are free.
CREATE OR REPLACE FUNCTION count_up(p_run bigint) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_slots text[]; v_people text[]; v_who text[]; v_stale boolean; v_late text[];
  v_holder bigint; v_frozen jsonb;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = p_run FOR NO KEY UPDATE;
  -- The clock is read once the row is ours, however long that took.
  IF v_run.state <> 'awaiting_approval' OR v_run.look_only OR v_run.expires_at <= tandem.clock() THEN
    RETURN jsonb_build_object('queued', false);
  END IF;
  v_slots := demanded(v_run);
  SELECT people, stale INTO v_people, v_stale FROM counted(v_run);
  v_who := filling(v_run, v_slots, v_people);
  IF v_who IS NULL THEN
    v_late := late_groups(v_run, ARRAY(SELECT person FROM approving(v_run) WHERE fit));
    RETURN jsonb_build_object('queued', false, 'stale', v_stale OR v_late <> '{}', 'have', cardinality(v_people),
      'need', cardinality(v_slots)) || CASE WHEN v_late = '{}' THEN '{}' ELSE jsonb_build_object('late', v_late) END;
  END IF;
  v_frozen := frozen(v_run);
  IF v_frozen IS NOT NULL THEN RETURN jsonb_build_object('queued', false, 'frozen', v_frozen); END IF;
  v_holder := take_locks(v_run);
  IF v_holder IS NOT NULL THEN
    RETURN jsonb_build_object('queued', false, 'held_by', 'r' || v_holder);
  END IF;
  INSERT INTO slots SELECT p_run, v_run.fingerprint, v_run.seq + 1, n, v_slots[n], split_part(v_who[n], '/', 1),
      nullif(split_part(v_who[n], '/', 2), split_part(v_who[n], '/', 1)) FROM generate_subscripts(v_slots, 1) AS n;
  PERFORM tell(p_run, 'approved', 'approve', NULL, jsonb_strip_nulls(jsonb_build_object('plan', v_run.fingerprint,
    'by', (SELECT jsonb_agg(person ORDER BY slot) FROM slots WHERE run = p_run AND queued_seq = v_run.seq + 1),
    'for', (SELECT jsonb_object_agg(person, stands_for) FROM slots
            WHERE run = p_run AND queued_seq = v_run.seq + 1 AND stands_for IS NOT NULL))));
  RETURN jsonb_build_object('queued', true);
EXCEPTION
  WHEN SQLSTATE 'TD020' OR SQLSTATE 'TD021' OR SQLSTATE 'TD022' THEN  -- the config in force allows it no more
    RETURN jsonb_build_object('queued', false, 'policy', SQLERRM);
  WHEN SQLSTATE 'TD009' THEN  -- the wall looked a moment later, and something had changed: the next sweep counts again
    RETURN jsonb_build_object('queued', false, 'moment', true);
END $$;

-- All of a run's locks together, owned by its root; the root that holds one of them, or NULL when all are taken.
CREATE OR REPLACE FUNCTION take_locks(p_run runs) RETURNS bigint LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_holder bigint;
BEGIN
  IF cardinality(p_run.locks) = 0 THEN RETURN NULL; END IF;
  INSERT INTO locks SELECT name, p_run.root, tandem.clock() FROM unnest(p_run.locks) AS name ORDER BY name
    ON CONFLICT DO NOTHING;
  SELECT root INTO v_holder FROM locks WHERE name = ANY (p_run.locks) AND root <> p_run.root LIMIT 1;
  IF v_holder IS NOT NULL THEN RAISE EXCEPTION 'held' USING ERRCODE = 'TD030'; END IF;
  RETURN NULL;
EXCEPTION WHEN SQLSTATE 'TD030' THEN  -- what was inserted here is rolled back with this block
  RETURN v_holder;
END $$;
