-- Workers: their leases, and the runs they claim under them.

-- `p_code`: of which version the worker is; one of before there were versions gives none.
CREATE OR REPLACE FUNCTION enlist(p_id uuid, p_lease interval, p_config text, p_kinds text[], p_code integer DEFAULT 1)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
BEGIN
  IF p_code < (SELECT code FROM applied) THEN
    RAISE EXCEPTION 'these tables are for a newer version of the bot' USING ERRCODE = 'TD042';
  END IF;
  INSERT INTO workers (id, lease_until, lease, config, kinds, code)
    VALUES (p_id, clock_timestamp() + p_lease, p_lease, p_config, p_kinds, p_code);
END $$;

-- The server's timeline at this moment: the checkpoint's is the old one for a while after a promotion.
CREATE OR REPLACE FUNCTION timeline() RETURNS bigint LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
$$;

-- False where the lease is already over, or the ledger has moved house since: the worker must stop what it does and enlist
-- anew.
CREATE OR REPLACE FUNCTION renew(p_id uuid) RETURNS boolean LANGUAGE sql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
  UPDATE workers SET lease_until = clock_timestamp() + lease WHERE id = p_id AND lease_until > clock_timestamp()
    AND NOT EXISTS (SELECT 1 FROM ledger_home h WHERE h.timeline <> timeline())
    RETURNING true
$$;

-- A worker that leaves in good order: what it held is due at once.
CREATE OR REPLACE FUNCTION retire(p_id uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
  UPDATE workers SET lease_until = clock_timestamp() WHERE id = p_id AND lease_until > clock_timestamp()
$$;

-- Due runs without a live lease; of those that may take long no more than p_long. After the database itself was away,
-- one whole lease passes before a take-over.
CREATE OR REPLACE FUNCTION claim(p_worker uuid, p_limit integer, p_long integer) RETURNS SETOF runs LANGUAGE plpgsql
SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_me workers; v_long boolean; v_taken integer;
BEGIN
  SELECT * INTO v_me FROM workers WHERE id = p_worker AND lease_until > clock_timestamp();
  IF NOT FOUND THEN RAISE EXCEPTION 'this worker has no lease' USING ERRCODE = 'TD040'; END IF;
  FOREACH v_long IN ARRAY ARRAY[true, false] LOOP
    RETURN QUERY UPDATE runs SET worker = p_worker, fence = runs.fence + 1, claims = runs.claims + 1
      WHERE id IN (
        SELECT r.id FROM runs r LEFT JOIN workers w ON w.id = r.worker
          WHERE r.state IN ('planning', 'queued', 'running', 'waiting') AND r.due <= tandem.clock()
            AND (r.worker IS NULL
                 OR w.lease_until < clock_timestamp() AND clock_timestamp() > pg_postmaster_start_time() + w.lease)
            AND r.kinds <@ v_me.kinds AND r.long = v_long
            -- What was asked under another config is planned by a worker of that config, as long as one lives: only that
            -- one is sure to know the operation.
            AND (r.state <> 'planning' OR r.config = v_me.config OR NOT EXISTS (
              SELECT 1 FROM workers o WHERE o.config = r.config AND o.lease_until > clock_timestamp()))
          ORDER BY r.due LIMIT CASE WHEN v_long THEN least(p_limit, p_long) ELSE p_limit END
          FOR NO KEY UPDATE OF r SKIP LOCKED)
      RETURNING *;
    GET DIAGNOSTICS v_taken = ROW_COUNT;
    p_limit := p_limit - v_taken;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION held(p_run bigint, p_worker uuid, p_fence bigint) RETURNS runs LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = p_run FOR NO KEY UPDATE;
  IF p_worker IS NULL OR v_run.worker IS DISTINCT FROM p_worker OR v_run.fence IS DISTINCT FROM p_fence
     OR v_run.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'run % is no longer held by this worker', p_run USING ERRCODE = 'TD041';
  END IF;
  RETURN v_run;
END $$;

-- When a run is due that its worker lets go: at once where anything made it due since the worker read it (`p_seen`: the due
-- time it read then), such as a tick, a wish or a called run's end, whatever it worked out before.
CREATE OR REPLACE FUNCTION due_again(p_run runs, p_due timestamptz, p_seen timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT CASE WHEN p_run.due IS DISTINCT FROM p_seen OR p_run.wish IS NOT NULL AND p_run.heading = 'forth'
      OR p_run.state = 'queued' AND EXISTS (SELECT 1 FROM shown WHERE run = p_run.id AND fingerprint = p_run.fingerprint)
    THEN least(p_due, clock()) ELSE p_due END
$$;

-- Gives a claim back; the run is due again at that time (NULL: only people and other runs move it).
CREATE OR REPLACE FUNCTION release(p_run bigint, p_worker uuid, p_fence bigint, p_due timestamptz, p_seen timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  UPDATE runs SET worker = NULL, claims = 0, due = due_again(v_run, p_due, p_seen) WHERE id = p_run;
END $$;

-- Gives a claim back that came to nothing: unlike a release it goes on being counted.
CREATE OR REPLACE FUNCTION drop_claim(p_run bigint, p_worker uuid, p_fence bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
BEGIN
  PERFORM held(p_run, p_worker, p_fence);
  UPDATE runs SET worker = NULL, due = tandem.clock() + interval '1 s' * claims WHERE id = p_run;
END $$;
