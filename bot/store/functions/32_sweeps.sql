-- What the clock does, and what a worker looks at before it claims.

-- Puts a run in doubt that no worker holds, or whose worker must not go on.
CREATE OR REPLACE FUNCTION doubt_unheld(p_run runs, p_doubt text, p_choices jsonb) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_q jsonb := jsonb_build_object('doubt', p_doubt, 'choices', p_choices);
BEGIN
  UPDATE runs SET question = v_q, question_seq = p_run.seq + 1, worker = NULL, fence = fence + 1,
      warn_at = clock() + interval '15 min' WHERE id = p_run.id;
  PERFORM tell(p_run.id, 'doubt', 'doubt', NULL, v_q);
END $$;

-- The clock's part, each second on every replica: warn, expire, count again what waited for a lock or a fresh look.
CREATE OR REPLACE FUNCTION sweep() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_id bigint; v_run runs; v_count integer := 0; v_queued boolean;
BEGIN
  FOR v_run IN SELECT * FROM runs WHERE state = 'in_doubt' AND warn_at <= clock() FOR NO KEY UPDATE SKIP LOCKED LOOP
    UPDATE runs SET warn_at = clock() + interval '30 min' WHERE id = v_run.id;
    PERFORM tell(v_run.id, 'reminded', NULL, NULL, '{}');
    v_count := v_count + 1;
  END LOOP;
  FOR v_run IN SELECT * FROM runs WHERE state = 'awaiting_approval' AND (expires_at <= tandem.clock() OR warn_at <= tandem.clock())
      FOR NO KEY UPDATE SKIP LOCKED LOOP
    v_count := v_count + 1;
    IF v_run.expires_at <= tandem.clock() THEN
      PERFORM tell(v_run.id, 'expired', 'expire', NULL, coalesce(held_up(v_run), '{}'));
    ELSE
      UPDATE runs SET warn_at = NULL WHERE id = v_run.id;
      PERFORM tell(v_run.id, 'expiring', NULL, NULL, jsonb_build_object('at', v_run.expires_at));
    END IF;
  END LOOP;
  FOR v_run IN SELECT * FROM runs WHERE state = 'awaiting_approval' AND remind_at <= clock() AND expires_at > clock()
      FOR NO KEY UPDATE SKIP LOCKED LOOP
    CONTINUE WHEN held_up(v_run) IS NOT NULL;  -- nobody has anything to decide; later it may be so again
    UPDATE runs SET remind = remind - 0, remind_at = moved_at + (remind -> 1 ->> 'after')::interval WHERE id = v_run.id;
    PERFORM tell(v_run.id, 'called', NULL, NULL, v_run.remind -> 0);
    v_count := v_count + 1;
  END LOOP;
  FOR v_id IN SELECT r.id FROM runs r WHERE r.state = 'awaiting_approval' AND EXISTS (
      SELECT 1 FROM approvals a WHERE a.run = r.id AND a.fingerprint = r.fingerprint)
      ORDER BY r.id FOR NO KEY UPDATE OF r SKIP LOCKED LOOP
    BEGIN v_queued := (count_up(v_id) ->> 'queued')::boolean;
    EXCEPTION WHEN OTHERS THEN  -- where a wall refuses this one it lapses, and holds up nobody else
      IF SQLSTATE LIKE 'TD%' THEN v_queued := false; ELSE RAISE; END IF;
    END;
    EXIT WHEN v_queued;  -- one run's locks a transaction: no two sweeps wait in a circle
  END LOOP;
  FOR v_run IN SELECT * FROM runs r WHERE r.state = 'in_doubt' AND EXISTS (
      SELECT 1 FROM answers a WHERE a.run = r.id AND a.question = r.question_seq)
      ORDER BY r.id FOR NO KEY UPDATE OF r SKIP LOCKED LOOP
    IF count_answers(v_run) THEN v_count := v_count + 1; END IF;
  END LOOP;
  DELETE FROM locks l WHERE NOT EXISTS (SELECT 1 FROM runs WHERE root = l.root AND ended_at IS NULL);
  FOR v_run IN SELECT * FROM runs r WHERE r.state IN ('queued', 'running', 'waiting')
      AND r.due < tandem.clock() - interval '60 s' AND NOT EXISTS (
        SELECT 1 FROM workers w WHERE w.lease_until > clock_timestamp() AND r.kinds <@ w.kinds)
      AND EXISTS (SELECT 1 FROM workers w WHERE w.lease_until > clock_timestamp())
      FOR NO KEY UPDATE SKIP LOCKED LOOP
    PERFORM doubt_unheld(v_run, 'version', jsonb_build_array('again', 'stop'));
    v_count := v_count + 1;
  END LOOP;
  DELETE FROM workers w WHERE lease_until < clock_timestamp() - interval '1 day'
    AND NOT EXISTS (SELECT 1 FROM runs WHERE worker = w.id AND ended_at IS NULL);
  DELETE FROM dedupe WHERE at < tandem.clock() - interval '25 hours';
  DELETE FROM drafts WHERE at < tandem.clock() - interval '25 hours';
  RETURN v_count;
END $$;

-- The ledger's home is not the one it was, or went back in time: before anything is claimed, every run under way is in doubt,
-- and what had not begun by this ledger ends, for it may have gone on in what was lost. Reads may be done again.
CREATE OR REPLACE FUNCTION come_home() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_system text; v_timeline bigint; v_known ledger_home; v_run runs; v_count integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger home', 0));
  SELECT system_identifier::text INTO v_system FROM pg_control_system();
  v_timeline := timeline();
  SELECT * INTO v_known FROM ledger_home;
  IF NOT FOUND THEN INSERT INTO ledger_home VALUES (true, v_system, v_timeline); RETURN 0; END IF;
  IF v_known.system = v_system AND v_known.timeline = v_timeline THEN RETURN 0; END IF;
  FOR v_run IN SELECT * FROM runs WHERE state IN ('queued', 'running', 'waiting') FOR NO KEY UPDATE LOOP
    PERFORM doubt_unheld(v_run, 'ledger', jsonb_build_array('again', 'stop'));
    v_count := v_count + 1;
  END LOOP;
  FOR v_run IN SELECT * FROM runs WHERE state IN ('planning', 'awaiting_approval') AND risk > 0 AND NOT look_only
      FOR NO KEY UPDATE LOOP
    PERFORM tell(v_run.id, 'cancelled', 'cancel', NULL, '{"why": "ledger"}');
    v_count := v_count + 1;
  END LOOP;
  UPDATE ledger_home SET system = v_system, timeline = v_timeline;
  RETURN v_count;
END $$;

-- Each minute: the heads that moved since the last time, and a digest over them and the digest before; kept elsewhere
-- as well, it proves what stood here.
CREATE OR REPLACE FUNCTION checkpoint_heads() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_before text; v_last timestamptz; v_digest text; v_runs bigint[]; v_seqs integer[]; v_list text;
  v_minute timestamptz := date_trunc('minute', clock_timestamp());
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('checkpoint', 0));
  SELECT at, digest INTO v_last, v_before FROM checkpoints ORDER BY at DESC LIMIT 1;
  IF v_last >= v_minute THEN RETURN v_before; END IF;
  SELECT coalesce(array_agg(r.id ORDER BY r.id), '{}'), coalesce(array_agg(r.seq ORDER BY r.id), '{}'),
         coalesce(string_agg(r.id || ':' || r.seq || ':' || e.hash, E'\n' ORDER BY r.id), '')
    INTO v_runs, v_seqs, v_list FROM runs r JOIN events e ON e.run = r.id AND e.seq = r.seq
    WHERE (r.ended_at IS NULL OR r.ended_at >= coalesce(v_last, '-infinity') - interval '10 min'  -- older ones stand there
        OR r.id IN (SELECT run FROM events WHERE at >= v_last - interval '10 min' AND kind = 'lapsed'))
      AND NOT EXISTS (SELECT 1 FROM heads h WHERE h.run = r.id AND h.seq = r.seq);
  v_digest := encode(sha256(convert_to(coalesce(v_before, '') || E'\n' || v_list, 'UTF8')), 'hex');
  INSERT INTO checkpoints VALUES (v_minute, cardinality(v_runs), v_digest);
  INSERT INTO heads SELECT v_minute, r, s FROM unnest(v_runs, v_seqs) AS u(r, s);
  RETURN v_digest;
END $$;
