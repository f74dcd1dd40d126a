-- Whose word a run needs, and whose counts.

CREATE OR REPLACE FUNCTION groups_of(p_person text) RETURNS SETOF text LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT grp FROM members WHERE person = p_person
  UNION SELECT grp FROM slack_members JOIN groups USING (grp) WHERE person = p_person AND slack IS NOT NULL
$$;

-- What a plan's loss comes to at most; NULL where nothing bounds it.
CREATE OR REPLACE FUNCTION bound_of(p_loss jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce((p_loss ->> 'at_most')::float8,
                  CASE WHEN NOT (p_loss ->> 'at_least')::boolean THEN (p_loss ->> 'now')::float8 END)
$$;

-- The slots that policy adds where the stored plan may lose more than a bound.
CREATE OR REPLACE FUNCTION more_slots(p_plan text, p_beyond jsonb) RETURNS text[] LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT coalesce(array_agg(grp), '{}') FROM jsonb_array_elements(p_beyond) AS b,
      jsonb_array_elements_text(b -> 'approve') AS grp
    WHERE EXISTS (SELECT 1 FROM jsonb_array_elements(p_plan::jsonb -> 'loses') AS l
      WHERE b ->> 'loses' IN (l ->> 'what', l ->> 'unit')
        AND NOT coalesce(bound_of(l) <= (b ->> 'more_than')::float8, false))
$$;

-- The slots a run needs under one config: none for reads; two people for what destroys, counting a human asker.
CREATE OR REPLACE FUNCTION needed_if(p_run runs, p_config text, p_human boolean) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_slots text[]; v_floor smallint; v_beyond jsonb;
BEGIN
  SELECT slots, beyond, floor INTO v_slots, v_beyond, v_floor FROM policy LEFT JOIN operations USING (command)
    WHERE config = p_config AND command = p_run.command AND environment = p_run.environment AND risk = p_run.risk;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no policy for % in %', p_run.command, p_run.environment USING ERRCODE = 'TD020';
  END IF;
  v_slots := v_slots || more_slots(p_run.plan, v_beyond);
  IF v_floor IS NULL OR p_run.risk < v_floor THEN
    RAISE EXCEPTION 'the risk of % is below its floor', p_run.command USING ERRCODE = 'TD021';
  END IF;
  IF p_run.risk >= 2 AND cardinality(v_slots) = 0 THEN
    RAISE EXCEPTION 'what destroys needs an approver' USING ERRCODE = 'TD022';
  END IF;
  IF p_run.risk >= 2 AND cardinality(v_slots) < 2 AND NOT p_human THEN
    v_slots := array_append(v_slots, v_slots[1]);
  END IF;
  RETURN v_slots;
END $$;

-- Whoever the run is about counts for nothing in it, not as its asker either.
CREATE OR REPLACE FUNCTION needed(p_run runs, p_config text) RETURNS text[] LANGUAGE sql STABLE
SET search_path = tandem, pg_temp AS $$
  SELECT needed_if(p_run, p_config, EXISTS (SELECT 1 FROM askers k WHERE k.run = p_run.id
    AND NOT EXISTS (SELECT 1 FROM subjects s WHERE s.run = k.run AND s.person = k.person)))
$$;

-- The slots under the config the run was asked under or the one in force, whichever asks for more people.
CREATE OR REPLACE FUNCTION demanded(p_run runs) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
DECLARE v_stored text[] := needed(p_run, p_run.config); v_current text[]; v_config text;
BEGIN
  SELECT config INTO v_config FROM applied;
  IF v_config = p_run.config THEN RETURN v_stored; END IF;
  v_current := needed(p_run, v_config);
  RETURN CASE WHEN cardinality(v_current) > cardinality(v_stored) THEN v_current ELSE v_stored END;
END $$;

-- The groups whose people decide about a run: of the config it was asked under and of the one in force.
CREATE OR REPLACE FUNCTION deciders(p_run runs) RETURNS text[] LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT grp), '{}') FROM policy p, unnest(p.slots || more_slots(p_run.plan, p.beyond)) AS grp
    WHERE p.command = p_run.command AND p.environment = p_run.environment AND p.risk = p_run.risk
      AND p.config IN (p_run.config, (SELECT config FROM applied))
$$;

-- Who joined after the ask does not count, on-call rotas excepted. `p_within`: how long ago Slack may have been read at
-- most, in this and whatever passes it on; NULL: as it was last read.
CREATE OR REPLACE FUNCTION in_group(p_run runs, p_person text, p_grp text, p_within interval DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT EXISTS (
    SELECT 1 FROM members m JOIN groups g USING (grp)
    WHERE m.grp = p_grp AND m.person = p_person AND (g.rota OR m.since <= p_run.created_at)
    UNION ALL
    SELECT 1 FROM slack_members m JOIN groups g USING (grp)
    WHERE m.grp = p_grp AND m.person = p_person AND g.slack IS NOT NULL AND (g.rota OR m.since <= p_run.created_at)
      AND (p_within IS NULL OR m.seen >= clock() - p_within))
$$;

-- Whether a person's approval of this very plan counts for a group now, by their own right or by another's whom they
-- stand in for. On-call rotas may change after the ask.
CREATE OR REPLACE FUNCTION counts(
  p_run runs, p_person text, p_grp text, p_right text, p_within interval DEFAULT NULL
) RETURNS boolean LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM approving(p_run) a WHERE a.person = p_person AND a.fit
      AND (p_within IS NULL OR a.seen >= clock() - p_within))
    AND coalesce(p_right, p_person) IN (SELECT rights(p_run, p_person))
    AND in_group(p_run, coalesce(p_right, p_person), p_grp, p_within)
$$;

-- A matching of people to slots, each person once and each person's right once: "person/whose right" in the slots'
-- order, or NULL where there is none. `p_used`: the rights that earlier slots took.
CREATE OR REPLACE FUNCTION assign(
  p_run runs, p_slots text[], p_people text[], p_within interval DEFAULT NULL, p_used text[] DEFAULT '{}'
) RETURNS text[] LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
DECLARE v_person text; v_right text; v_rest text[];
BEGIN
  IF cardinality(p_slots) = 0 THEN RETURN '{}'; END IF;
  FOREACH v_person IN ARRAY p_people LOOP
    FOR v_right IN SELECT rights(p_run, v_person) LOOP
      CONTINUE WHEN v_right = ANY (p_used) OR NOT in_group(p_run, v_right, p_slots[1], p_within);
      v_rest := assign(p_run, p_slots[2:], array_remove(p_people, v_person), p_within, p_used || v_right);
      IF v_rest IS NOT NULL THEN RETURN (v_person || '/' || v_right) || v_rest; END IF;
    END LOOP;
  END LOOP;
  RETURN NULL;
END $$;

-- Whether these people fill the slots of both configs.
CREATE OR REPLACE FUNCTION suffices(p_run runs, p_people text[], p_within interval DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
DECLARE v_config text;
BEGIN
  IF assign(p_run, needed(p_run, p_run.config), p_people, p_within) IS NULL THEN RETURN false; END IF;
  SELECT config INTO v_config FROM applied;
  IF v_config = p_run.config THEN RETURN true; END IF;
  RETURN assign(p_run, needed(p_run, v_config), p_people, p_within) IS NOT NULL;
END $$;

-- The Slack groups by which somebody who said yes would count, had Slack been read within a minute.
CREATE OR REPLACE FUNCTION late_groups(p_run runs, p_people text[]) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM slack_members WHERE seen < clock() - interval '60 s') THEN RETURN '{}'; END IF;
  RETURN ARRAY(SELECT DISTINCT m.grp FROM unnest(p_people) AS person, rights(p_run, person) AS whose,
      slack_members m JOIN groups g USING (grp)
    WHERE m.person = whose AND m.grp = ANY (deciders(p_run)) AND m.seen < clock() - interval '60 s'
      AND in_group(p_run, whose, m.grp) ORDER BY m.grp);
END $$;
