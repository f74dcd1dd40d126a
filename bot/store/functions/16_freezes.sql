-- The freeze that keeps a run from starting now, of several the one that lasts longest: {name, until}, else NULL. A plan
-- that an earlier version made says only by its locks what it changes.
CREATE OR REPLACE FUNCTION frozen(p_run runs) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = tandem, pg_temp AS $$
DECLARE v_changes text[]; v_upon jsonb;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM freezes WHERE starts <= clock() AND ends > clock()) THEN RETURN NULL; END IF;
  v_upon := p_run.plan::jsonb -> 'upon';
  v_changes := CASE WHEN v_upon ? 'changes' THEN ARRAY(SELECT jsonb_array_elements_text(v_upon -> 'changes'))
    ELSE ARRAY(SELECT substr(name, 8) FROM unnest(p_run.locks) AS name WHERE name LIKE 'deploy/%') END;
  RETURN (SELECT jsonb_build_object('name', name, 'until', ends) FROM freezes
    WHERE starts <= clock() AND ends > clock() AND v_changes <> '{}' AND (services && v_changes OR '*' = ANY (services))
    ORDER BY ends DESC, name LIMIT 1);
END $$;
