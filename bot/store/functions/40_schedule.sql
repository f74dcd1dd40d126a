-- Cron: a slot is written once, whoever comes first, and never before the database's own clock has reached it.

CREATE OR REPLACE FUNCTION last_slot(p_schedule text, p_now timestamptz) RETURNS timestamptz LANGUAGE plpgsql
SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_last timestamptz;
BEGIN
  SELECT last_slot INTO v_last FROM schedules WHERE name = p_schedule;
  IF v_last IS NULL THEN  -- new: nothing before it was written down was ever due
    INSERT INTO schedules VALUES (p_schedule, least(p_now, clock())) ON CONFLICT DO NOTHING;
    SELECT last_slot INTO v_last FROM schedules WHERE name = p_schedule;
  END IF;
  RETURN v_last;
END $$;

CREATE OR REPLACE FUNCTION tick_schedule(p_schedule text, p_slot timestamptz, p_ask jsonb) RETURNS jsonb LANGUAGE plpgsql
SECURITY DEFINER SET search_path = tandem, pg_temp AS $$
DECLARE v_answer jsonb; v_last timestamptz := last_slot(p_schedule, clock());
BEGIN
  IF p_slot > clock() OR p_slot <= v_last OR p_slot <> date_trunc('minute', p_slot) THEN RETURN NULL; END IF;
  INSERT INTO ticks (schedule, slot, at) VALUES (p_schedule, p_slot, clock()) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN RETURN NULL; END IF;
  UPDATE schedules SET last_slot = greatest(last_slot, p_slot) WHERE name = p_schedule;
  v_answer := ask(p_ask || jsonb_build_object('schedule', p_schedule, 'slot', p_slot));
  RETURN v_answer;
END $$;
