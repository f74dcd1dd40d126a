-- The doors' verbs: one call, one transaction, one round trip. Each answers jsonb with a `code`.
-- SECURITY DEFINER: the bot's role may call these and read; it writes no table of promises by itself.

-- The one way a run moves: its row is locked, the event written, seq raised.
CREATE OR REPLACE FUNCTION tell(
  p_run bigint, p_kind text, p_signal text, p_actor text, p_body jsonb,
  p_step text DEFAULT NULL, p_way text DEFAULT NULL, p_attempt integer DEFAULT NULL, p_mark text DEFAULT NULL,
  p_deadline timestamptz DEFAULT NULL
) RETURNS runs LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_state text; v_now timestamptz := tandem.clock(); v_end boolean;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = p_run FOR NO KEY UPDATE;
  v_state := v_run.state;
  IF p_signal IS NOT NULL THEN
    SELECT lands INTO v_state FROM moves WHERE at = v_run.state AND signal = p_signal;
    IF v_state IS NULL THEN
      RAISE EXCEPTION 'a run that is % takes no %', v_run.state, p_signal USING ERRCODE = 'TD007';
    END IF;
  END IF;
  INSERT INTO events (run, seq, at, kind, state, actor, step, way, attempt, mark, deadline, fence, body, hash)
    VALUES (p_run, v_run.seq + 1, v_now, p_kind, v_state, p_actor, p_step, p_way, p_attempt, p_mark, p_deadline,
            v_run.fence, coalesce(p_body, '{}'), '');
  IF v_state IS DISTINCT FROM v_run.state THEN
    v_end := v_state IN ('succeeded', 'failed', 'undone', 'refused', 'denied', 'expired', 'superseded', 'cancelled');
    UPDATE runs SET seq = seq + 1, state = v_state, moved_at = v_now,
        ended_at = CASE WHEN v_end THEN v_now END,
        worker = CASE WHEN v_end OR v_state IN ('waiting', 'in_doubt', 'awaiting_approval') THEN NULL ELSE worker END,
        due = CASE WHEN v_end OR v_state IN ('in_doubt', 'awaiting_approval') THEN NULL
                   WHEN p_signal = 'approve' THEN v_now ELSE due END,
        due_since = CASE WHEN p_signal = 'approve' THEN v_now ELSE due_since END, claims = 0
      WHERE id = p_run RETURNING * INTO v_run;
    IF v_end THEN PERFORM ended(v_run); END IF;
  ELSE
    UPDATE runs SET seq = seq + 1, claims = 0 WHERE id = p_run RETURNING * INTO v_run;
  END IF;
  -- No condition on due: a claim not yet committed is waited for. Always another time than the claim gave, also where the
  -- claim is over: by that the poster sees that something happened.
  UPDATE threads SET due = least(due - interval '1 microsecond', v_now) WHERE run = p_run;
  RETURN v_run;
END $$;

-- What an end brings: secrets wiped, the root's locks freed, a waiting parent woken.
CREATE OR REPLACE FUNCTION ended(p_run runs) RETURNS void LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  DELETE FROM sealed WHERE run = p_run.id;
  IF NOT EXISTS (SELECT 1 FROM runs WHERE root = p_run.root AND ended_at IS NULL) THEN
    DELETE FROM locks WHERE root = p_run.root;  -- two that end at once see each other alive: then `sweep` frees them
  END IF;
  IF p_run.retries IS NOT NULL THEN PERFORM redraw_retried(p_run); END IF;
  IF p_run.parent IS NOT NULL AND NOT p_run.detached THEN
    UPDATE runs SET due = tandem.clock() WHERE id = p_run.parent AND ended_at IS NULL;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION person_of(p_team text, p_user text) RETURNS text LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT person FROM accounts JOIN people p USING (person) WHERE team = p_team AND slack_user = p_user AND p.active
$$;

-- Why a person's door takes nothing more now: {runs, runs_each} are reached. What waits for its time does not count.
CREATE OR REPLACE FUNCTION too_many(p_person text, p_team text, p_user text, p_limits jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_most integer := (p_limits ->> 'runs')::integer; v_each integer := (p_limits ->> 'runs_each')::integer; v_n integer;
BEGIN
  IF p_limits IS NULL THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('asks of ' || coalesce(p_person, p_team || '/' || p_user), 0));
  SELECT count(*) INTO v_n FROM runs WHERE ended_at IS NULL AND state <> 'waiting' AND parent IS NULL AND risk > 0
    AND requester IS NOT DISTINCT FROM p_person AND (p_person IS NOT NULL OR team = p_team AND slack_user = p_user);
  IF v_n >= v_each THEN RETURN jsonb_build_object('code', 'yours_are_many', 'most', v_each); END IF;
  SELECT count(*) INTO v_n FROM runs WHERE ended_at IS NULL AND state <> 'waiting' AND parent IS NULL AND risk > 0;
  IF v_n >= v_most - 16 THEN  -- near the bound one after the other, so that it holds; far from it nobody waits
    PERFORM pg_advisory_xact_lock(hashtextextended('asks of all', 0));
    SELECT count(*) INTO v_n FROM runs WHERE ended_at IS NULL AND state <> 'waiting' AND parent IS NULL AND risk > 0;
  END IF;
  RETURN CASE WHEN v_n >= v_most THEN jsonb_build_object('code', 'all_are_many', 'most', v_most) END;
END $$;

-- A door's first act. The same key, or within two minutes the same words by the same account, is the same run. `refused`:
-- why who asks may not, and who is called that may; such a run ends as it begins.
CREATE OR REPLACE FUNCTION ask(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_id bigint; v_answer jsonb; v_now timestamptz; v_person text; v_parent runs; v_key text := p ->> 'key';
  v_team text := p ->> 'team'; v_user text := p ->> 'user'; v_words text := p ->> 'words'; v_channel text := p ->> 'channel';
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('ask ' || coalesce(v_team, '') || coalesce(v_user, v_key), 0));
  SELECT answer INTO v_answer FROM dedupe WHERE key = v_key;
  IF FOUND THEN RETURN v_answer || '{"again": true}'; END IF;
  v_now := tandem.clock();
  IF v_words <> '' AND NOT coalesce((p ->> 'anew')::boolean, false) THEN
    SELECT jsonb_build_object('code', 'same_words', 'run', id, 'tag', tag, 'state', state, 'asked', created_at)
      INTO v_answer FROM runs
      WHERE team = v_team AND slack_user = v_user AND created_at > v_now - interval '2 minutes'
        AND hashtextextended(words, 0) = hashtextextended(v_words, 0) AND words = v_words AND channel IS NOT DISTINCT FROM v_channel AND risk > 0
        AND personal_same(id, p -> 'personal')
      ORDER BY created_at DESC LIMIT 1;
    IF FOUND THEN RETURN v_answer; END IF;
  END IF;
  v_person := person_of(v_team, v_user);
  v_answer := CASE WHEN p ? 'refused' THEN wished_lately(v_person, p) ELSE too_many(v_person, v_team, v_user, p -> 'limits') END;
  IF v_answer IS NULL AND p ? 'personal' THEN v_answer := personal_known(p -> 'personal'); END IF;
  IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  v_id := nextval('tandem.runs_id_seq');
  IF p ? 'parent' THEN SELECT * INTO v_parent FROM runs WHERE id = (p ->> 'parent')::bigint; END IF;
  INSERT INTO runs (id, command, params, asked, reason, words, requester, team, slack_user, via, channel, look_only,
      parent, parent_step, root, detached, schedule, slot, terms, created_at, config, environment, risk, state, seq, moved_at, due, due_since, about, retries)
    OVERRIDING SYSTEM VALUE
    VALUES (v_id, p ->> 'command', p -> 'params', p -> 'params', coalesce(p ->> 'reason', ''), coalesce(v_words, ''), v_person,
      v_team, v_user, p ->> 'via', v_channel,
      coalesce((p ->> 'look_only')::boolean, false),
      v_parent.id, p ->> 'parent_step',
      CASE WHEN (p ->> 'detached')::boolean THEN v_id ELSE coalesce(v_parent.root, v_id) END, coalesce((p ->> 'detached')::boolean, false),
      p ->> 'schedule', (p ->> 'slot')::timestamptz, p ->> 'terms', v_now, p ->> 'config', coalesce(p ->> 'environment', ''), (p ->> 'risk')::smallint, 'planning', 1, v_now, v_now, v_now,
      (SELECT id FROM runs WHERE id = (p ->> 'about')::bigint AND NOT look_only), (p ->> 'retries')::bigint);
  INSERT INTO events (run, seq, at, kind, state, actor, body, hash)
    VALUES (v_id, 1, v_now, 'asked', 'planning', v_person,
            jsonb_strip_nulls(jsonb_build_object('via', p ->> 'via', 'parent', v_parent.tag, 'schedule', p ->> 'schedule', 'source', p ->> 'source', 'retries', 'r' || (p ->> 'retries'),
              'what', what_of(p ->> 'command', p -> 'params', coalesce(p ->> 'reason', '')))), '');
  IF v_person IS NOT NULL THEN INSERT INTO askers VALUES (v_id, v_person); END IF;
  IF p ? 'retries' THEN
    INSERT INTO askers SELECT v_id, person FROM askers WHERE run = (p ->> 'retries')::bigint ON CONFLICT DO NOTHING;
    PERFORM redraw_retried(r) FROM runs r WHERE id = v_id;
  END IF;
  IF v_parent.id IS NOT NULL THEN
    INSERT INTO askers SELECT v_id, person FROM (
        SELECT person FROM askers WHERE run = v_parent.id
        UNION SELECT person FROM answers WHERE run = v_parent.id
        UNION SELECT actor FROM events WHERE run = v_parent.id AND kind = 'ticked') AS who
      WHERE person <> coalesce(v_person, '');
  END IF;
  IF p -> 'subjects' <> '[]' THEN
    INSERT INTO subjects SELECT v_id, s FROM jsonb_array_elements_text(p -> 'subjects') AS s
      WHERE EXISTS (SELECT 1 FROM people WHERE person = s);
  END IF;
  IF p ? 'tokens' THEN PERFORM personal_keep(v_id, v_parent.id, p); END IF;
  INSERT INTO threads (run, channel, due) VALUES (v_id, v_channel, v_now);
  IF p ? 'refused' THEN PERFORM tell(v_id, 'refused', 'refuse', NULL, p -> 'refused'); END IF;
  v_answer := jsonb_build_object('code', 'asked', 'run', v_id, 'tag', 'r' || v_id);
  INSERT INTO dedupe VALUES (v_key, v_id, v_answer, v_now);
  RETURN v_answer;
END $$;

-- Slack acknowledged a message that holds the whole plan.
CREATE OR REPLACE FUNCTION shown_at(p_run bigint, p_fingerprint text, p_channel text, p_ts text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = p_run FOR NO KEY UPDATE;
  IF v_run.fingerprint IS DISTINCT FROM p_fingerprint OR v_run.ended_at IS NOT NULL
     OR EXISTS (SELECT 1 FROM shown WHERE run = p_run AND fingerprint = p_fingerprint) THEN RETURN false; END IF;
  INSERT INTO shown VALUES (p_run, p_fingerprint, p_channel, p_ts, tandem.clock());
  UPDATE runs SET due = tandem.clock() WHERE id = p_run AND state = 'queued';
  PERFORM tell(p_run, 'shown', NULL, NULL, jsonb_build_object('channel', p_channel));
  RETURN true;
END $$;

-- One person's yes to one plan. Recorded as given; it counts once the person, and the Slack groups it rests on, were
-- read from Slack within 60 s.
CREATE OR REPLACE FUNCTION approve(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_code text; v_right text; v_counted jsonb; v_frozen jsonb;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  v_code := CASE
    WHEN v_run.id IS NULL THEN 'no_run'
    WHEN v_run.state <> 'awaiting_approval' THEN 'not_waiting'
    WHEN v_run.fingerprint IS DISTINCT FROM p ->> 'fingerprint' THEN 'other_plan'
    WHEN v_run.expires_at <= tandem.clock() THEN 'expired'
    WHEN v_person IS NULL THEN 'not_listed'
    WHEN EXISTS (SELECT 1 FROM askers WHERE run = v_run.id AND person = v_person) THEN 'asker'
    WHEN EXISTS (SELECT 1 FROM subjects WHERE run = v_run.id AND person = v_person) THEN 'subject'
    WHEN NOT EXISTS (SELECT 1 FROM shown WHERE run = v_run.id AND fingerprint = v_run.fingerprint) THEN 'not_shown'
    WHEN (SELECT config FROM applied) IS DISTINCT FROM p ->> 'config' THEN 'old_config'
  END;
  IF v_code IS NOT NULL THEN RETURN jsonb_build_object('code', v_code, 'state', v_run.state); END IF;
  v_right := decides_by(v_run, v_person);
  IF v_right IS NULL THEN
    RETURN jsonb_build_object('code', 'no_approver', 'slots', to_jsonb(deciders(v_run)));
  END IF;
  v_frozen := jsonb_strip_nulls(jsonb_build_object('frozen', frozen(v_run)));
  IF EXISTS (SELECT 1 FROM approvals WHERE run = v_run.id AND fingerprint = v_run.fingerprint AND person = v_person) THEN
    RETURN jsonb_build_object('code', 'already') || v_frozen || count_up(v_run.id);
  END IF;
  v_run := tell(v_run.id, 'approval', NULL, v_person, jsonb_build_object('plan', v_run.fingerprint) || v_frozen || CASE WHEN v_right = v_person THEN '{}'
    ELSE (SELECT jsonb_build_object('for', giver, 'until', ends, 'by', 'r' || run) FROM delegated()
          WHERE giver = v_right AND taker = v_person LIMIT 1) END);
  INSERT INTO approvals VALUES (v_run.id, v_run.seq, v_run.fingerprint, v_person, p ->> 'team', p ->> 'user', tandem.clock());
  v_counted := count_up(v_run.id);
  RETURN jsonb_build_object('code', 'recorded') || v_frozen || v_counted || CASE
    WHEN NOT (v_counted ->> 'queued')::boolean AND unfit(p ->> 'team', p ->> 'user') THEN '{"unfit": true}' ELSE '{}' END::jsonb;
END $$;

-- The verbs of people that need no counting: deny, cancel, supersede, amend, ask back, answer back.
CREATE OR REPLACE FUNCTION say(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_verb text := p ->> 'verb'; v_answer jsonb; v_other runs;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  SELECT answer INTO v_answer FROM dedupe WHERE key = p ->> 'key';
  IF FOUND THEN RETURN v_answer || '{"again": true}'; END IF;
  IF v_run.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF p ? 'fingerprint' AND v_run.fingerprint IS DISTINCT FROM p ->> 'fingerprint' THEN
    RETURN jsonb_build_object('code', 'other_plan', 'state', v_run.state);
  END IF;
  IF v_verb <> 'cancel' AND v_run.state <> 'awaiting_approval' OR v_run.ended_at IS NOT NULL THEN
    RETURN jsonb_build_object('code', 'not_waiting', 'state', v_run.state);
  END IF;
  IF v_verb IN ('cancel', 'supersede') AND NOT may_end(v_run, v_person) THEN RETURN '{"code": "no_approver"}'; END IF;
  CASE v_verb
  WHEN 'deny' THEN
    IF decides_by(v_run, v_person) IS NULL THEN
      RETURN jsonb_build_object('code', 'no_approver', 'slots', to_jsonb(deciders(v_run)));
    END IF;
    IF unfit(p ->> 'team', p ->> 'user') THEN RETURN '{"code": "unfit"}'; END IF;
    PERFORM tell(v_run.id, 'denied', 'deny', v_person, jsonb_build_object('text', p ->> 'text'));
  WHEN 'cancel' THEN
    IF v_run.state = 'in_doubt' THEN RETURN jsonb_build_object('code', 'in_doubt'); END IF;
    IF v_run.state IN ('running', 'waiting') THEN
      IF v_run.wish IS NOT NULL OR v_run.heading <> 'forth' THEN RETURN '{"code": "already"}'; END IF;
      PERFORM tell(v_run.id, 'cancel_wished', NULL, v_person, jsonb_build_object('text', p ->> 'text'));
      UPDATE runs SET wish = 'cancel', due = tandem.clock() WHERE id = v_run.id;
    ELSE
      PERFORM tell(v_run.id, 'cancelled', 'cancel', v_person, jsonb_build_object('text', p ->> 'text'));
    END IF;
  WHEN 'supersede' THEN
    SELECT * INTO v_other FROM runs WHERE id = (p ->> 'by')::bigint;
    IF v_other.id IS NULL OR v_other.ended_at IS NOT NULL OR NOT v_other.locks && v_run.locks OR v_other.id = v_run.id THEN
      RETURN '{"code": "not_related"}';
    END IF;
    PERFORM tell(v_run.id, 'superseded', 'supersede', v_person, jsonb_build_object('by', v_other.tag));
  WHEN 'amend' THEN
    IF v_run.retries IS NOT NULL THEN RETURN '{"code": "as_it_was"}'; END IF;
    IF NOT may_ask(v_person, v_run.command, coalesce(p ->> 'environment', v_run.environment)) THEN
      RETURN '{"code": "not_in_group"}';
    END IF;
    v_answer := personal_known(p -> 'personal');
    IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
    IF p ? 'tokens' THEN PERFORM personal_keep(v_run.id, NULL, p); END IF;
    INSERT INTO askers VALUES (v_run.id, v_person) ON CONFLICT DO NOTHING;
    INSERT INTO subjects SELECT v_run.id, s FROM jsonb_array_elements_text(coalesce(p -> 'subjects', '[]')) AS s
      WHERE EXISTS (SELECT 1 FROM people WHERE person = s) ON CONFLICT DO NOTHING;
    UPDATE runs SET due = tandem.clock(), due_since = tandem.clock() WHERE id = v_run.id;
    v_run := tell(v_run.id, 'amended', 'amend', v_person, jsonb_build_object('text', p ->> 'text',
      'what', what_of(v_run.command, p -> 'params', coalesce(p ->> 'reason', v_run.reason))));
    UPDATE runs SET params = p -> 'params', asked = p -> 'params', reason = coalesce(p ->> 'reason', reason) WHERE id = v_run.id;
  WHEN 'ask_back', 'answer_back' THEN
    PERFORM tell(v_run.id, v_verb, NULL, v_person, jsonb_build_object('text', p ->> 'text'));
  END CASE;
  v_answer := jsonb_build_object('code', 'done', 'run', v_run.id, 'tag', v_run.tag);
  IF p ? 'key' THEN INSERT INTO dedupe VALUES (p ->> 'key', v_run.id, v_answer, tandem.clock()) ON CONFLICT DO NOTHING; END IF;
  RETURN v_answer;
END $$;
