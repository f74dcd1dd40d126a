-- The bot's own records, changed in the transaction of their ledger row; what a change came to, where it has a result.
DROP FUNCTION IF EXISTS own(runs, jsonb);
CREATE FUNCTION own(p_run runs, p_own jsonb) RETURNS jsonb LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_now timestamptz := clock(); v_begins timestamptz;
BEGIN
  CASE p_own ->> 'record'
  WHEN 'AddFreeze' THEN
    INSERT INTO freezes VALUES (p_own ->> 'name', ARRAY(SELECT jsonb_array_elements_text(p_own -> 'services')),
      tandem.clock() + (p_own ->> 'starts_in')::interval,
      tandem.clock() + (p_own ->> 'starts_in')::interval + (p_own ->> 'lasting')::interval,
      p_own ->> 'reason', p_run.requester, p_run.id)
      ON CONFLICT (name) DO NOTHING;
  WHEN 'EndFreeze' THEN
    UPDATE freezes SET ends = least(ends, tandem.clock()) WHERE name = p_own ->> 'name';
  WHEN 'GrantStanding' THEN
    INSERT INTO standings VALUES (p_run.id, p_own ->> 'schedule', p_own ->> 'terms', clock(),
      clock() + coalesce((SELECT lasts FROM terms WHERE schedule = p_own ->> 'schedule' AND hash = p_own ->> 'terms'), '0'))
      ON CONFLICT DO NOTHING;
  WHEN 'RevokeStanding' THEN
    INSERT INTO revocations SELECT run, p_run.id, clock() FROM standings WHERE schedule = p_own ->> 'schedule'
      ON CONFLICT DO NOTHING;
  WHEN 'Delegate' THEN
    v_begins := coalesce((p_own ->> 'starts')::timestamptz, v_now);
    INSERT INTO delegations VALUES (p_run.id, p_own ->> 'giver', p_own ->> 'taker', greatest(v_begins, v_now),
      v_begins + (p_own ->> 'lasting')::interval, v_now) ON CONFLICT DO NOTHING;
  WHEN 'EndDelegation' THEN
    INSERT INTO withdrawals SELECT run, p_run.id, clock() FROM delegations WHERE 'r' || run = p_own ->> 'delegation'
      ON CONFLICT DO NOTHING;
  WHEN 'DeclareIncident' THEN
    INSERT INTO incidents VALUES (p_run.id, p_own ->> 'title', p_own ->> 'severity',
      ARRAY(SELECT jsonb_array_elements_text(p_own -> 'services')), v_now) ON CONFLICT DO NOTHING;
  WHEN 'EndIncident' THEN
    UPDATE incidents SET ended = v_now, ended_by = p_run.id WHERE 'r' || run = p_own ->> 'incident' AND ended IS NULL;
  WHEN 'ErasePersonal' THEN
    RETURN personal_erase(p_run, ARRAY(SELECT jsonb_array_elements_text(p_own -> 'values')), (p_own ->> 'at_most')::integer);
  WHEN 'Nothing' THEN NULL;
  END CASE;
  RETURN NULL;
END $$;
