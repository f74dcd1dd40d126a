-- Calls of people, and the digests that join them.

-- A person's requests as a digest shows them: the run, its state, whether that person has said yes.
CREATE OR REPLACE FUNCTION digest_of(p_user text) RETURNS TABLE (run bigint, state text, said boolean) LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT r.id, r.state, EXISTS (SELECT 1 FROM approvals a JOIN accounts c ON c.person = a.person
      WHERE a.run = r.id AND a.fingerprint = r.fingerprint AND c.slack_user = p_user)
    FROM calls c JOIN runs r ON r.id = c.run WHERE c.slack_user = p_user ORDER BY r.expires_at, r.id
$$;

CREATE OR REPLACE FUNCTION digest_sign(p_user text) RETURNS text LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT coalesce(string_agg(run || ':' || state || ':' || said, ' '), '') FROM digest_of(p_user)
$$;

-- Writes down that these people are called for a request; gives those of them who have so many waiting, all called
-- within that time, that one message joins them: they are not called apart. Whom no message reached lately is called apart.
CREATE OR REPLACE FUNCTION call_people(p_run bigint, p_seq integer, p_users text[], p_most integer, p_within interval)
RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_user text; v_of digests; v_call calls; v_joined text[] := '{}';
BEGIN
  FOR v_user IN SELECT u FROM unnest(p_users) AS u ORDER BY u LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('digest of ' || v_user, 0));
    SELECT * INTO v_call FROM calls WHERE slack_user = v_user AND run = p_run AND seq >= p_seq;
    IF FOUND THEN  -- a reply that is sent again: whom it calls was settled
      IF v_call.called_by IS DISTINCT FROM 0 THEN v_joined := v_joined || v_user; END IF;
      CONTINUE;
    END IF;
    INSERT INTO calls (slack_user, run, at, seq) VALUES (v_user, p_run, clock(), p_seq)
      ON CONFLICT (slack_user, run) DO UPDATE SET at = clock(), called_by = 0, seq = p_seq;
    v_of := NULL;
    SELECT * INTO v_of FROM digests WHERE slack_user = v_user;
    IF coalesce(v_of.unreached_at < clock() - interval '1 day', true) AND (coalesce(v_of.open, false) OR p_most <= (
        SELECT count(*) FROM calls c JOIN digest_of(v_user) d ON d.run = c.run WHERE c.slack_user = v_user
          AND d.state = 'awaiting_approval' AND NOT d.said AND c.at > clock() - p_within)) THEN
      UPDATE calls SET called_by = NULL WHERE slack_user = v_user AND run = p_run;
      DELETE FROM calls c USING runs r WHERE c.slack_user = v_user AND r.id = c.run
        AND r.state <> 'awaiting_approval' AND r.moved_at < clock() - interval '1 hour';  -- decided long ago
      INSERT INTO digests AS d (slack_user, due) VALUES (v_user, clock())
        ON CONFLICT (slack_user) DO UPDATE SET due = clock(), open = true, unreached_at = NULL,
          ts = CASE WHEN d.open THEN d.ts END, posted_at = CASE WHEN d.open THEN d.posted_at END,
          seen = CASE WHEN d.open THEN d.seen END, shown_at = CASE WHEN d.open THEN d.shown_at END;
      v_joined := v_joined || v_user;
    ELSE
      DELETE FROM calls c WHERE c.slack_user = v_user AND NOT EXISTS (
        SELECT 1 FROM runs WHERE id = c.run AND state = 'awaiting_approval');
    END IF;
  END LOOP;
  RETURN v_joined;
END $$;

-- Committed before a new message goes out, which calls for what was read, as far as nobody was called for that again
-- meanwhile. False where the hold is lost.
CREATE OR REPLACE FUNCTION digest_sending(
  p_user text, p_fence bigint, p_channel text, p_hold interval, p_runs bigint[], p_ats timestamptz[]
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_number integer;
BEGIN
  UPDATE digests SET number = number + CASE WHEN trying THEN 0 ELSE 1 END, trying = true, channel = p_channel,
      held_until = clock_timestamp() + p_hold WHERE slack_user = p_user AND fence = p_fence RETURNING number INTO v_number;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE calls c SET called_by = v_number FROM unnest(p_runs, p_ats) AS u(run, at)
    WHERE c.slack_user = p_user AND c.run = u.run AND c.at = u.at AND c.called_by IS NULL;
  RETURN true;
END $$;

-- All of it is decided: the digest is closed, unless somebody was called meanwhile. A message that was being sent may
-- yet come, and is looked for.
CREATE OR REPLACE FUNCTION close_digest(p_user text, p_fence bigint, p_due timestamptz) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('digest of ' || p_user, 0));
  UPDATE digests SET open = false, due = 'infinity', held_until = '-infinity', tries = 0,
      doubtful_at = CASE WHEN trying THEN clock() ELSE doubtful_at END, trying = false
    WHERE slack_user = p_user AND fence = p_fence AND due = p_due;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM calls WHERE slack_user = p_user;
  RETURN true;
END $$;

-- Slack takes no direct message for this account: whoever was to be called by one is called in the threads after all,
-- and for a day is not joined again.
CREATE OR REPLACE FUNCTION digest_unreached(p_user text, p_fence bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_id bigint; v_of digests;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('digest of ' || p_user, 0));
  SELECT * INTO v_of FROM digests WHERE slack_user = p_user AND fence = p_fence;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE digests SET open = false, due = 'infinity', held_until = '-infinity', tries = 0, trying = false,
      unreached_at = clock() WHERE slack_user = p_user;
  FOR v_id IN SELECT r.id FROM calls c JOIN digest_of(p_user) d ON d.run = c.run JOIN runs r ON r.id = c.run
      WHERE c.slack_user = p_user AND (c.called_by IS NULL OR v_of.trying AND c.called_by = v_of.number)
        AND r.state = 'awaiting_approval' AND NOT d.said ORDER BY r.id LOOP
    PERFORM 1 FROM runs WHERE id = v_id AND state = 'awaiting_approval' FOR NO KEY UPDATE;
    IF FOUND THEN PERFORM tell(v_id, 'called_apart', NULL, NULL, jsonb_build_object('slack_user', p_user)); END IF;
  END LOOP;
  DELETE FROM calls WHERE slack_user = p_user;
END $$;
