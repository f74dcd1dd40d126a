-- Answers to a doubt, once they are recorded: whom they wait for, and what counts them.

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
