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
-- within that time, that one message joins them: they are not called apart.
CREATE OR REPLACE FUNCTION call_people(p_run bigint, p_users text[], p_most integer, p_within interval) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_user text; v_joined text[] := '{}';
BEGIN
  FOR v_user IN SELECT u FROM unnest(p_users) AS u ORDER BY u LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('digest of ' || v_user, 0));
    INSERT INTO calls VALUES (v_user, p_run, clock()) ON CONFLICT (slack_user, run) DO UPDATE SET at = clock();
    IF EXISTS (SELECT 1 FROM digests WHERE slack_user = v_user) OR p_most <= (
        SELECT count(*) FROM calls c JOIN digest_of(v_user) d ON d.run = c.run WHERE c.slack_user = v_user
          AND d.state = 'awaiting_approval' AND NOT d.said AND c.at > clock() - p_within) THEN
      DELETE FROM calls c USING runs r WHERE c.slack_user = v_user AND r.id = c.run
        AND r.state <> 'awaiting_approval' AND r.moved_at < clock() - interval '1 hour';  -- decided long ago
      INSERT INTO digests (slack_user, due) VALUES (v_user, clock())
        ON CONFLICT (slack_user) DO UPDATE SET due = clock(), news = true;
      v_joined := v_joined || v_user;
    ELSE
      DELETE FROM calls c WHERE c.slack_user = v_user AND NOT EXISTS (
        SELECT 1 FROM runs WHERE id = c.run AND state = 'awaiting_approval');
    END IF;
  END LOOP;
  RETURN v_joined;
END $$;

-- All of it is decided: the digest is closed, unless somebody was called meanwhile.
CREATE OR REPLACE FUNCTION close_digest(p_user text, p_due timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('digest of ' || p_user, 0));
  DELETE FROM digests WHERE slack_user = p_user AND due = p_due;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM calls WHERE slack_user = p_user;
  RETURN true;
END $$;
