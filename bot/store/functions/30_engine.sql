-- The engine's verbs. Every write is fenced: only the worker that holds the run's claim, under that very fence.

-- What a long effect tells of itself: no event, no promise, only the card.
CREATE OR REPLACE FUNCTION note(p_run bigint, p_worker uuid, p_fence bigint, p_progress jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  UPDATE runs SET progress = progress || p_progress WHERE id = p_run;
  UPDATE threads SET due = least(due, tandem.clock() + interval '1 s') WHERE run = p_run;
  RETURN v_run.wish;
END $$;

-- The planner's word: propose, admit, answer, refuse, break; or differ, for a run that was queued.
CREATE OR REPLACE FUNCTION planned(p_run bigint, p_worker uuid, p_fence bigint, p jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_slots text[]; v_signal text := p ->> 'signal'; v_holder bigint; v_policy policy; v_body jsonb;
  v_amended boolean;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  v_body := coalesce(p -> 'body', '{}');
  IF v_signal IN ('refuse', 'break', 'answer') THEN
    UPDATE runs SET facts = p -> 'facts', planned_at = tandem.clock() WHERE id = p_run;
    PERFORM tell(p_run, CASE v_signal WHEN 'refuse' THEN 'refused' WHEN 'break' THEN 'broke' ELSE 'answered_read' END, v_signal, NULL, v_body);
    RETURN jsonb_build_object('code', v_signal);
  END IF;
  p := p || jsonb_build_object('plan', kept_plan(p_run, p ->> 'plan'));
  v_amended := v_run.state = 'planning' AND v_run.plan IS NOT NULL;
  -- The columns of a plan change only together with the move, so the policy is looked up on the row as it will be.
  v_run.environment := p ->> 'environment';
  v_run.risk := (p ->> 'risk')::smallint;
  v_run.plan := p ->> 'plan';
  v_slots := needed(v_run, v_run.config);
  IF v_signal IN ('propose', 'differ') AND NOT v_run.look_only AND v_run.config <> (SELECT config FROM applied) THEN
    BEGIN v_slots := demanded(v_run);
    EXCEPTION WHEN SQLSTATE 'TD020' OR SQLSTATE 'TD021' OR SQLSTATE 'TD022' THEN
      PERFORM tell(p_run, 'refused', 'refuse', NULL, jsonb_build_object('code', 'refused',
        'sentence', 'No rule in policy.toml allows it any more. Nothing was done; whoever keeps policy.toml can add one.'));
      RETURN '{"code": "refuse"}';
    END;
  END IF;
  SELECT * INTO v_policy FROM policy WHERE config = v_run.config AND command = v_run.command
    AND environment = v_run.environment AND risk = v_run.risk;
  v_body := v_body || CASE v_signal WHEN 'propose' THEN standing_told(v_run) ELSE standing_told(v_run) - 'standing' END;
  IF v_signal = 'propose' AND (cardinality(v_slots) = 0 OR v_body ? 'standing') AND NOT v_run.look_only THEN v_signal := 'admit'; END IF;
  v_run.locks := ARRAY(SELECT jsonb_array_elements_text(p -> 'locks'));
  IF v_signal = 'admit' THEN
    v_holder := take_locks(v_run);  -- who comes at the same moment is waited for
  ELSE
    SELECT root INTO v_holder FROM locks WHERE name = ANY (v_run.locks) AND root <> v_run.root LIMIT 1;
  END IF;
  -- What is amended while it waits may go on waiting; what is new is not begun behind another run, nor what waits for nobody.
  IF v_holder IS NOT NULL AND NOT v_run.look_only AND v_run.state = 'planning' AND NOT (v_amended AND v_signal = 'propose') THEN
    PERFORM tell(p_run, 'refused', 'refuse', NULL, jsonb_build_object('code', 'held', 'by', 'r' || v_holder));
    RETURN jsonb_build_object('code', 'held', 'by', 'r' || v_holder);
  END IF;
  PERFORM tell_planned(v_run, v_signal, p, v_policy, v_body || jsonb_build_object('slots', to_jsonb(v_slots)));
  RETURN jsonb_build_object('code', v_signal);
END $$;

CREATE OR REPLACE FUNCTION tell_planned(p_run runs, p_signal text, p jsonb, p_policy policy, p_body jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_now timestamptz := tandem.clock(); v_state text;
BEGIN
  SELECT lands INTO v_state FROM moves WHERE at = p_run.state AND signal = p_signal;
  IF v_state IS NULL THEN RAISE EXCEPTION 'a run that is % takes no %', p_run.state, p_signal USING ERRCODE = 'TD007'; END IF;
  INSERT INTO events (run, seq, at, kind, state, body, fence, hash)
    SELECT id, seq + 1, v_now, CASE p_signal WHEN 'admit' THEN 'admitted' WHEN 'differ' THEN 'differed' ELSE 'proposed' END,
           v_state, p_body || jsonb_build_object('plan', fingerprint_of(p ->> 'plan'),
             'what', what_of(command, coalesce(p -> 'params', params), reason)), fence, '' FROM runs WHERE id = p_run.id;
  UPDATE runs SET seq = seq + 1, state = v_state, moved_at = v_now, claims = 0,
      params = coalesce(p -> 'params', params), plan = p ->> 'plan', kinds = ARRAY(SELECT jsonb_array_elements_text(p -> 'kinds')), facts = p -> 'facts',
      long = coalesce((p ->> 'long')::boolean, false), planned_at = v_now, environment = p ->> 'environment', risk = (p ->> 'risk')::smallint, locks = p_run.locks,
      expires_at = v_now + p_policy.expires, warn_at = v_now + p_policy.expires - p_policy.warns,
      remind = coalesce(p_policy.remind, '[]'),
      remind_at = CASE WHEN NOT look_only THEN v_now + (p_policy.remind -> 0 ->> 'after')::interval END,
      start_by = (p ->> 'start_by')::interval, resume_within = (p ->> 'resume_within')::interval,
      due = CASE WHEN p_signal = 'admit' THEN v_now END, due_since = v_now,
      worker = CASE WHEN p_signal = 'admit' THEN worker END
    WHERE id = p_run.id;
  IF p_signal = 'differ' THEN DELETE FROM locks WHERE root = p_run.id; END IF;
  PERFORM personal_planned(p_run.id, p ->> 'plan');
  UPDATE threads SET due = least(due - interval '1 microsecond', v_now) WHERE run = p_run.id;
END $$;

-- The first step may start: people still count, no freeze is in force, and it is not too late.
CREATE OR REPLACE FUNCTION begin_run(p_run bigint, p_worker uuid, p_fence bigint) RETURNS jsonb LANGUAGE plpgsql
SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  IF v_run.start_by IS NOT NULL AND tandem.clock() > v_run.due_since + v_run.start_by THEN
    RETURN '{"code": "late"}';
  END IF;
  IF v_run.risk > 0 AND NOT EXISTS (SELECT 1 FROM shown WHERE run = p_run AND fingerprint = v_run.fingerprint) THEN
    RETURN '{"code": "not_shown"}';
  END IF;
  IF frozen(v_run) IS NOT NULL THEN RETURN '{"code": "frozen"}'; END IF;
  UPDATE runs SET due_since = tandem.clock() WHERE id = p_run;
  PERFORM tell(p_run, 'started', 'start', NULL, '{}');
  RETURN '{"code": "started"}';
EXCEPTION WHEN SQLSTATE 'TD009' OR SQLSTATE 'TD020' OR SQLSTATE 'TD021' OR SQLSTATE 'TD022' THEN
  RETURN '{"code": "unapproved"}';
END $$;

-- Commits *started* before an effect, unless a wish to cancel was committed before: then the run turns back first. Too
-- late since the step became due: not started, the caller asks; undo and closings (their body says so) are exempt.
CREATE OR REPLACE FUNCTION started(
  p_run bigint, p_worker uuid, p_fence bigint, p_step text, p_way text, p_attempt integer, p_timeout interval, p_body jsonb
) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_deadline timestamptz;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  IF p_way = 'do' AND v_run.heading = 'forth' AND v_run.wish IS NOT NULL THEN RETURN '{"code": "wished"}'; END IF;
  IF p_way = 'do' AND NOT p_body ? 'closes' AND v_run.heading = 'forth' AND v_run.resume_within IS NOT NULL
     AND tandem.clock() > v_run.due_since + v_run.resume_within THEN
    RETURN jsonb_build_object('code', 'late', 'since', v_run.due_since);
  END IF;
  v_deadline := clock_timestamp() + p_timeout;
  IF v_run.state = 'waiting' THEN v_run := tell(p_run, 'woke', 'wake', NULL, '{}'); END IF;
  PERFORM tell(p_run, 'step_started', NULL, NULL, p_body, p_step, p_way, p_attempt, 'started', v_deadline);
  UPDATE runs SET progress = progress - p_step WHERE id = p_run;
  RETURN jsonb_build_object('code', 'started', 'deadline', v_deadline);
END $$;

-- Commits how an attempt ended, with its result (sealed apart, if secret) and, for the bot's own records, the change itself.
CREATE OR REPLACE FUNCTION settled(
  p_run bigint, p_worker uuid, p_fence bigint, p_step text, p_way text, p_attempt integer, p_mark text, p_body jsonb,
  p_box bytea DEFAULT NULL, p_own jsonb DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_now timestamptz := tandem.clock();
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  IF v_run.state = 'waiting' THEN
    v_now := least(v_now, v_run.due);  -- what follows a wait became due when the wait was over, whoever was away then
    v_run := tell(p_run, 'woke', 'wake', NULL, '{}');
  END IF;
  IF p_own IS NOT NULL THEN p_body := p_body || jsonb_strip_nulls(jsonb_build_object('result', own(v_run, p_own))); END IF;
  IF p_box IS NOT NULL THEN INSERT INTO sealed VALUES (p_run, p_step, p_box) ON CONFLICT (run, name) DO UPDATE SET box = p_box; END IF;
  UPDATE runs SET due_since = CASE WHEN p_mark IN ('done', 'skipped', 'failed') OR p_body ? 'after' THEN v_now ELSE due_since END WHERE id = p_run;
  PERFORM tell(p_run, 'step_' || p_mark, NULL, NULL, p_body, p_step, p_way, p_attempt, p_mark);
END $$;

-- Evidence from an attempt that had lost its run; decides nothing. `p_fence`: under which claim it was begun. Whoever tells
-- it may not know whether its end was written then; where it was, there is nothing to add.
DROP FUNCTION IF EXISTS late(bigint, text, text, integer, jsonb);
CREATE OR REPLACE FUNCTION late(
  p_run bigint, p_step text, p_way text, p_attempt integer, p_body jsonb, p_fence bigint DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
BEGIN
  PERFORM 1 FROM runs WHERE id = p_run AND ended_at IS NULL FOR NO KEY UPDATE;
  IF FOUND AND NOT EXISTS (SELECT 1 FROM events WHERE run = p_run AND step = p_step AND way = p_way
      AND attempt = p_attempt AND (mark = 'late' OR mark <> 'started' AND fence = p_fence)) THEN PERFORM tell(p_run, 'step_late', NULL, NULL, p_body, p_step, p_way, p_attempt, 'late'); END IF;
END $$;

-- A task's nudge, or its coming back: told once under its number.
CREATE OR REPLACE FUNCTION nudge(
  p_run bigint, p_worker uuid, p_fence bigint, p_kind text, p_step text, p_number integer, p_body jsonb
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
BEGIN
  PERFORM held(p_run, p_worker, p_fence);
  IF p_kind IN ('nudge', 'recalled') AND NOT EXISTS (SELECT 1 FROM events WHERE run = p_run AND kind = p_kind
      AND step = p_step AND (body ->> 'number')::integer = p_number) THEN
    PERFORM tell(p_run, p_kind, NULL, NULL, p_body || jsonb_build_object('number', p_number), p_step);
  END IF;
END $$;

-- Parks a run: no worker until then.
CREATE OR REPLACE FUNCTION park(
  p_run bigint, p_worker uuid, p_fence bigint, p_due timestamptz, p_seen timestamptz, p_body jsonb, p_progress jsonb
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  UPDATE runs SET due = due_again(v_run, p_due, p_seen), progress = progress || coalesce(p_progress, '{}') WHERE id = p_run;
  IF v_run.state = 'running' THEN
    PERFORM tell(p_run, 'waiting', 'park', NULL, p_body);
  ELSE
    UPDATE runs SET worker = NULL, claims = 0 WHERE id = p_run;
    IF v_run.progress || coalesce(p_progress, '{}') <> v_run.progress THEN  -- only the card tells it
      UPDATE threads SET due = least(due - interval '1 microsecond', clock() + interval '1 s') WHERE run = p_run;
    END IF;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION cancel_children(p_run bigint) RETURNS void LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_child runs;
BEGIN
  FOR v_child IN SELECT * FROM runs WHERE parent = p_run AND NOT detached AND ended_at IS NULL FOR NO KEY UPDATE LOOP
    IF v_child.state IN ('planning', 'awaiting_approval', 'queued') THEN
      PERFORM tell(v_child.id, 'cancelled', 'cancel', NULL, '{"why": "parent"}');
    ELSIF v_child.wish IS NULL AND v_child.heading = 'forth' THEN
      PERFORM tell(v_child.id, 'cancel_wished', NULL, NULL, '{"why": "parent"}');
      UPDATE runs SET wish = 'cancel', due = CASE WHEN state = 'in_doubt' THEN due ELSE tandem.clock() END WHERE id = v_child.id;
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION turned(p_run bigint, p_worker uuid, p_fence bigint, p_heading text, p_why text, p_step text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  IF v_run.state = 'waiting' THEN v_run := tell(p_run, 'woke', 'wake', NULL, '{}'); END IF;
  UPDATE runs SET heading = p_heading, why = p_why, due_since = tandem.clock() WHERE id = p_run;
  PERFORM cancel_children(p_run);
  PERFORM tell(p_run, 'turned', NULL, NULL, jsonb_build_object('heading', p_heading, 'why', p_why, 'step', p_step));
END $$;

CREATE OR REPLACE FUNCTION doubted(p_run bigint, p_worker uuid, p_fence bigint, p_question jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  UPDATE runs SET question = p_question, question_seq = v_run.seq + 1, warn_at = clock() + interval '15 min'
    WHERE id = p_run;
  PERFORM tell(p_run, 'doubt', 'doubt', NULL, p_question);
END $$;

CREATE OR REPLACE FUNCTION finished(p_run bigint, p_worker uuid, p_fence bigint, p_signal text, p_body jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  IF v_run.state = 'waiting' THEN v_run := tell(p_run, 'woke', 'wake', NULL, '{}'); END IF;
  v_run := tell(p_run, 'ended', p_signal, NULL, p_body);
  RETURN v_run.state;
END $$;

-- A run that was queued and cannot start any more: nobody's word counts, or it is too late.
CREATE OR REPLACE FUNCTION not_begun(p_run bigint, p_worker uuid, p_fence bigint, p_signal text, p_body jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  v_run := held(p_run, p_worker, p_fence);
  PERFORM tell(p_run, CASE p_signal WHEN 'expire' THEN 'expired' ELSE 'refused' END, p_signal, NULL, p_body);
END $$;
