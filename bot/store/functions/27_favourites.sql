-- A person keeps a form, filled in so, or lets one of theirs go. No event: no run changes by it, it decides nothing, and
-- what it opens is asked and judged like any other form.
CREATE OR REPLACE FUNCTION favour(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = tandem, pg_temp AS $$
DECLARE v_person text := person_of(p ->> 'team', p ->> 'user');
BEGIN
  IF v_person IS NULL THEN RETURN '{"code": "not_listed"}'; END IF;
  IF p ? 'gone' THEN
    DELETE FROM favourites WHERE person = v_person AND id = (p ->> 'gone')::bigint;
    RETURN '{"code": "done"}';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('favourites of ' || v_person, 0));
  IF (SELECT count(*) FROM favourites WHERE person = v_person) >= (p ->> 'most')::integer
     OR length(p ->> 'filled') > 4000 THEN
    RETURN '{"code": "many_favourites"}';
  END IF;
  INSERT INTO favourites (person, command, filled, channel, run, at)
    VALUES (v_person, p ->> 'command', p -> 'filled', p ->> 'channel', (p ->> 'run')::bigint, clock())
    ON CONFLICT (person, command, md5(filled::text)) DO UPDATE SET run = coalesce(excluded.run, favourites.run);
  RETURN '{"code": "done"}';
END $$;
