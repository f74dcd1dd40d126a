-- Tasks: what a person does, and says that it is done.

-- A person ticks off a task. Who may stands in the event that started it, not in what the caller says.
CREATE OR REPLACE FUNCTION tick(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_last events; v_who text;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = (p ->> 'run')::bigint FOR NO KEY UPDATE;
  v_person := person_of(p ->> 'team', p ->> 'user');
  IF v_run.id IS NULL THEN RETURN '{"code": "no_run"}'; END IF;
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  SELECT * INTO v_last FROM events WHERE run = v_run.id AND step = p ->> 'step' AND way = 'do' AND mark IS NOT NULL
    ORDER BY seq DESC LIMIT 1;
  IF v_last.mark = 'done' AND v_run.heading = 'forth' THEN  -- ticked before: it may have come back since
    SELECT * INTO v_last FROM events WHERE run = v_run.id AND step = p ->> 'step' AND kind IN ('ticked', 'recalled')
      ORDER BY seq DESC LIMIT 1;
  END IF;
  IF v_run.state NOT IN ('waiting', 'running') OR NOT coalesce(v_last.mark = 'started' OR v_last.kind = 'recalled', false)
     OR NOT v_last.body ? 'who' THEN
    RETURN jsonb_build_object('code', 'not_waiting', 'state', v_run.state);
  END IF;
  v_who := v_last.body ->> 'who';
  IF v_who = 'requester' AND v_run.requester IS DISTINCT FROM v_person
     OR v_who = 'another' AND EXISTS (SELECT 1 FROM askers WHERE run = v_run.id AND person = v_person)
     OR v_who NOT IN ('requester', 'another') AND NOT in_group(v_run, v_person, v_who) THEN
    RETURN jsonb_build_object('code', 'not_yours', 'who', v_who);
  END IF;
  IF v_last.body ->> 'reveals' IS NOT NULL THEN RETURN reveal(v_run, v_last, v_person, (p ->> 'shown')::boolean); END IF;
  UPDATE runs SET due = tandem.clock(), due_since = CASE WHEN v_last.kind = 'recalled' THEN due_since ELSE tandem.clock() END
    WHERE id = v_run.id;
  IF v_last.kind = 'recalled' THEN  -- its step was done at the first tick; this one only sets its clock anew
    PERFORM tell(v_run.id, 'ticked', NULL, v_person, '{"again": true}', v_last.step);
  ELSE
    PERFORM tell(v_run.id, 'ticked', NULL, v_person, '{}', v_last.step, 'do', v_last.attempt, 'done');
  END IF;
  RETURN '{"code": "done"}';
END $$;

-- A secret for one person's eyes, in two calls. The first wipes it, before anybody sees it, and gives it out: once, and
-- for ten minutes only. The second says whether it was shown; until then, and if it was not, the step is not done.
CREATE OR REPLACE FUNCTION reveal(p_run runs, p_task events, p_person text, p_shown boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_box bytea; v_of text := p_task.body ->> 'reveals';
BEGIN
  IF p_shown IS NULL THEN
    DELETE FROM sealed WHERE run = p_run.id AND name = v_of RETURNING box INTO v_box;
    IF v_box IS NULL OR tandem.clock() > p_task.at + interval '10 minutes' THEN RETURN '{"code": "gone"}'; END IF;
    PERFORM tell(p_run.id, 'revealed', NULL, p_person, jsonb_build_object('attempt', p_task.attempt), p_task.step);
    RETURN jsonb_build_object('code', 'done', 'box', encode(v_box, 'base64'), 'of', v_of);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM events WHERE run = p_run.id AND kind = 'revealed' AND step = p_task.step
                 AND actor = p_person AND (body ->> 'attempt')::integer = p_task.attempt) THEN
    RETURN '{"code": "gone"}';
  END IF;
  UPDATE runs SET due = tandem.clock(), due_since = tandem.clock() WHERE id = p_run.id;
  PERFORM tell(p_run.id, CASE WHEN p_shown THEN 'ticked' ELSE 'step_failed' END, NULL, p_person,
    CASE WHEN p_shown THEN '{}' ELSE '{"why": "it could not be shown, and is wiped"}' END::jsonb,
    p_task.step, 'do', p_task.attempt, CASE WHEN p_shown THEN 'done' ELSE 'failed' END);
  RETURN '{"code": "done"}';
END $$;
