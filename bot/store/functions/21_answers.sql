-- Answers to a doubt: how they are recorded, whom they wait for, and what counts them.

-- One person's answer to a doubt; with the quorum the run goes on. Recorded as given; as an approval it counts once the
-- person, and the Slack groups it rests on, were read from Slack within 60 s.
CREATE OR REPLACE FUNCTION answer(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_choice text := p ->> 'choice'; v_slots text[]; v_before text;
  v_more jsonb := '{}';
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  IF v_run.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF v_run.state <> 'in_doubt' OR v_run.question_seq IS DISTINCT FROM (p ->> 'question')::integer THEN
    RETURN jsonb_build_object('code', 'not_waiting', 'state', v_run.state);
  END IF;
  IF NOT v_run.question -> 'choices' ? v_choice THEN RETURN '{"code": "no_choice"}'; END IF;
  v_slots := CASE WHEN v_choice = 'stop' THEN '{}' ELSE demanded(v_run) END;
  IF v_choice <> 'stop' AND cardinality(v_slots) > 0 THEN
    IF EXISTS (SELECT 1 FROM askers WHERE run = v_run.id AND person = v_person) THEN RETURN '{"code": "asker"}'; END IF;
    IF EXISTS (SELECT 1 FROM subjects WHERE run = v_run.id AND person = v_person) THEN RETURN '{"code": "subject"}'; END IF;
    IF decides_by(v_run, v_person) IS NULL THEN
      RETURN jsonb_build_object('code', 'no_approver', 'slots', to_jsonb(deciders(v_run)));
    END IF;
    IF unfit(p ->> 'team', p ->> 'user') THEN RETURN '{"code": "unfit"}'; END IF;
  END IF;
  SELECT choice INTO v_before FROM latest_answers
    WHERE run = v_run.id AND question = v_run.question_seq AND person = v_person;
  IF v_before IS DISTINCT FROM v_choice THEN
    INSERT INTO answers VALUES (v_run.id, v_run.question_seq, v_person, v_choice, p ->> 'team', p ->> 'user', tandem.clock());
  END IF;
  IF NOT answered(v_run, v_choice) THEN
    IF v_slots <> '{}' THEN v_more := unheard(v_run, v_choice); END IF;
    IF v_before = v_choice THEN RETURN '{"code": "already"}' || v_more; END IF;
    PERFORM tell(v_run.id, 'answer', NULL, v_person,
      jsonb_strip_nulls(jsonb_build_object('choice', v_choice, 'before', v_before, 'stale', CASE
        WHEN v_more <> '{}' AND suffices(v_run, ARRAY(SELECT person FROM answering(v_run, v_choice) WHERE fit)) THEN true END)));
    RETURN jsonb_build_object('code', CASE WHEN v_before IS NULL THEN 'recorded' ELSE 'changed' END, 'need', cardinality(v_slots)) || v_more;
  END IF;
  PERFORM go_on(v_run, v_choice, v_person);
  RETURN jsonb_build_object('code', 'answered', 'choice', v_choice);
EXCEPTION WHEN SQLSTATE 'TD009' OR SQLSTATE 'TD011' OR SQLSTATE 'TD015' OR SQLSTATE 'TD020' OR SQLSTATE 'TD021' OR SQLSTATE 'TD022' THEN  -- it had not begun, and what it was approved by counts no more
  RETURN CASE WHEN SQLSTATE = 'TD011' THEN '{"code": "moment"}' ELSE '{"code": "unapproved"}' END;
END $$;

-- What an answer means for the ledger and the heading.
CREATE OR REPLACE FUNCTION apply_answer(p_run runs, p_q jsonb, p_choice text, p_person text) RETURNS void
LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_step text := p_q ->> 'step'; v_way text := p_q ->> 'way'; v_attempt integer := (p_q ->> 'attempt')::integer;
  v_past jsonb;
BEGIN
  IF p_choice = 'stop' THEN
    UPDATE runs SET heading = 'stop', why = 'stopped', question = NULL WHERE id = p_run.id;
    PERFORM cancel_children(p_run.id);
  ELSIF p_choice = 'back' THEN
    UPDATE runs SET heading = 'back', why = 'failed', question = NULL WHERE id = p_run.id;
    PERFORM cancel_children(p_run.id);
  ELSE
    UPDATE runs SET question = NULL WHERE id = p_run.id;
    IF v_step IS NOT NULL AND p_q ->> 'doubt' IN ('effect', 'failed', 'closing', 'blind') THEN
      -- Of a sweep one item is in doubt: what happened is that item, and the sweep goes on behind it.
      v_past := CASE WHEN p_choice = 'happened' THEN p_q -> 'past' END;
      PERFORM tell(p_run.id, 'resolved', NULL, p_person,
        jsonb_build_object('choice', p_choice) || coalesce(v_past, '{}'), v_step, v_way, v_attempt,
        CASE WHEN v_past IS NOT NULL THEN 'again'
             WHEN p_choice = 'happened' AND (p_q ->> 'probes')::boolean THEN 'unknown'  -- the engine looks before it counts
             WHEN p_choice = 'happened' THEN 'done'
             WHEN p_choice = 'skip' THEN 'skipped' ELSE 'again' END);
    END IF;
  END IF;
END $$;

-- Of whom Slack has to be read before this answer may count: `stale` and, of groups, `late`; empty where of nobody.
CREATE OR REPLACE FUNCTION unheard(p_run runs, p_choice text) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_late text[] := late_groups(p_run, ARRAY(SELECT person FROM answering(p_run, p_choice) WHERE fit));
BEGIN
  IF v_late <> '{}' THEN RETURN jsonb_build_object('stale', true, 'late', v_late); END IF;
  RETURN CASE WHEN EXISTS (SELECT 1 FROM answering(p_run, p_choice)
    WHERE seen IS NULL OR seen < clock() - interval '60 s') THEN '{"stale": true}' ELSE '{}' END::jsonb;
END $$;

-- The run goes on as its people answered; `p_person`: the last of them.
CREATE OR REPLACE FUNCTION go_on(p_run runs, p_choice text, p_person text) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs;
BEGIN
  UPDATE runs SET due = tandem.clock(), due_since = tandem.clock() WHERE id = p_run.id;
  v_run := tell(p_run.id, 'answered', CASE WHEN p_choice = 'stop' OR begun(p_run.id) THEN 'resume' ELSE 'return' END, p_person,
    jsonb_build_object('choice', p_choice, 'doubt', p_run.question ->> 'doubt'));
  PERFORM apply_answer(v_run, p_run.question, p_choice, p_person);
END $$;

-- Counts the answers to a doubt again, the earliest first: Slack may have been read meanwhile of who gave them.
CREATE OR REPLACE FUNCTION count_answers(p_run runs) RETURNS boolean LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_choice text; v_last text;
BEGIN
  FOR v_choice, v_last IN SELECT choice, (array_agg(person ORDER BY at DESC))[1] FROM latest_answers
      WHERE run = p_run.id AND question = p_run.question_seq GROUP BY choice ORDER BY min(at) LOOP
    IF answered(p_run, v_choice) THEN
      PERFORM go_on(p_run, v_choice, v_last);
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
EXCEPTION WHEN OTHERS THEN  -- where a wall refuses it the question stands, and holds up nobody else
  IF SQLSTATE LIKE 'TD%' THEN RETURN false; ELSE RAISE; END IF;
END $$;
