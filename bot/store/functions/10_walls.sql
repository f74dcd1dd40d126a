-- What must never happen, whoever writes: triggers that hold against every role but the owner's DDL.

CREATE OR REPLACE FUNCTION wall_runs() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_event events; v_new runs;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'planning' OR NEW.seq <> 1 OR NEW.plan IS NOT NULL OR NEW.worker IS NOT NULL THEN
      RAISE EXCEPTION 'a run begins in planning, without a plan' USING ERRCODE = 'TD001';
    END IF;
    PERFORM wall_schedule(NEW);
    IF NEW.retries IS NOT NULL THEN PERFORM wall_retry(NEW); END IF;
    RETURN NEW;
  END IF;
  IF (NEW.command, NEW.requester, NEW.team, NEW.slack_user, NEW.parent, NEW.parent_step, NEW.root, NEW.detached,
      NEW.created_at, NEW.look_only, NEW.config, NEW.schedule, NEW.slot, NEW.terms, NEW.about, NEW.retries)
     IS DISTINCT FROM
     (OLD.command, OLD.requester, OLD.team, OLD.slack_user, OLD.parent, OLD.parent_step, OLD.root, OLD.detached,
      OLD.created_at, OLD.look_only, OLD.config, OLD.schedule, OLD.slot, OLD.terms, OLD.about, OLD.retries) THEN
    RAISE EXCEPTION 'what a run is and who asked for it never changes' USING ERRCODE = 'TD002';
  END IF;
  IF OLD.ended_at IS NOT NULL THEN
    IF only_lapses(OLD, NEW) THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'a run that has ended never changes' USING ERRCODE = 'TD003';
  END IF;
  IF NEW.seq NOT IN (OLD.seq, OLD.seq + 1) THEN
    RAISE EXCEPTION 'seq is raised by one' USING ERRCODE = 'TD004';
  END IF;
  IF (NEW.plan, NEW.risk, NEW.environment, NEW.locks, NEW.kinds, NEW.start_by, NEW.resume_within)
     IS DISTINCT FROM
     (OLD.plan, OLD.risk, OLD.environment, OLD.locks, OLD.kinds, OLD.start_by, OLD.resume_within)
     AND NOT (OLD.state = 'planning' AND NEW.state <> 'planning' OR OLD.state = 'queued' AND NEW.state = 'awaiting_approval')
  THEN
    RAISE EXCEPTION 'a plan is made once and never changed in place' USING ERRCODE = 'TD005';
  END IF;
  IF OLD.state = 'planning' AND NEW.state IN ('awaiting_approval', 'queued')
     AND EXISTS (SELECT 1 FROM shown WHERE run = NEW.id AND fingerprint = fingerprint_of(NEW.plan)) THEN
    RAISE EXCEPTION 'a plan of before an amendment is none of after it' USING ERRCODE = 'TD005';
  END IF;
  IF OLD.state <> 'planning' AND NEW.plan = OLD.plan
     AND (NEW.risk, NEW.environment, NEW.locks) IS DISTINCT FROM (OLD.risk, OLD.environment, OLD.locks) THEN
    RAISE EXCEPTION 'an approval of one target is none of another' USING ERRCODE = 'TD005';
  END IF;
  IF NEW.params IS DISTINCT FROM OLD.params AND OLD.state <> 'planning' AND NEW.state <> 'planning' THEN
    RAISE EXCEPTION 'parameters change only by asking anew' USING ERRCODE = 'TD005';
  END IF;
  IF NEW.asked IS DISTINCT FROM OLD.asked AND NOT EXISTS (SELECT 1 FROM events WHERE run = NEW.id AND seq = NEW.seq
      AND kind = 'amended' AND body ->> 'what' = what_of(NEW.command, NEW.asked, NEW.reason)) THEN
    RAISE EXCEPTION 'what was asked for changes by an amendment alone' USING ERRCODE = 'TD002';
  END IF;
  IF NEW.question_seq IS DISTINCT FROM OLD.question_seq
     AND (OLD.state = 'in_doubt' OR NEW.question_seq IS DISTINCT FROM OLD.seq + 1) THEN
    RAISE EXCEPTION 'a question is a new one' USING ERRCODE = 'TD013';
  END IF;
  IF NEW.expires_at IS DISTINCT FROM OLD.expires_at AND NEW.state = 'awaiting_approval'
     AND OLD.state = 'awaiting_approval' AND OLD.expires_at <= tandem.clock() THEN
    RAISE EXCEPTION 'what has expired stays so' USING ERRCODE = 'TD014';
  END IF;
  IF NEW.wish IS DISTINCT FROM OLD.wish THEN
    SELECT * INTO v_event FROM events WHERE run = NEW.id AND seq = NEW.seq;
    PERFORM wall_word(OLD, 'cancel_wished', v_event);
  END IF;
  IF NEW.seq = OLD.seq THEN
    IF NEW.state <> OLD.state THEN RAISE EXCEPTION 'no move without its event' USING ERRCODE = 'TD006'; END IF;
    RETURN NEW;
  END IF;

  SELECT * INTO v_event FROM events WHERE run = NEW.id AND seq = NEW.seq;
  IF NOT FOUND OR v_event.state <> NEW.state THEN
    RAISE EXCEPTION 'no move without its event' USING ERRCODE = 'TD006';
  END IF;
  IF NEW.state = OLD.state THEN RETURN NEW; END IF;
  IF NOT EXISTS (SELECT 1 FROM moves WHERE at = OLD.state AND lands = NEW.state) THEN
    RAISE EXCEPTION 'no move leads from % to %', OLD.state, NEW.state USING ERRCODE = 'TD007';
  END IF;
  IF NEW.state IN ('cancelled', 'superseded') THEN PERFORM wall_word(OLD, NEW.state, v_event); END IF;
  IF OLD.state = 'awaiting_approval' AND NEW.state = 'planning' THEN PERFORM wall_word(OLD, 'amended', v_event); END IF;
  v_new := NEW;  -- generated columns are not computed yet in a BEFORE trigger
  v_new.tag := 'r' || NEW.id;
  v_new.fingerprint := fingerprint_of(NEW.plan);
  IF NEW.state = 'queued' AND OLD.state <> 'in_doubt' THEN PERFORM wall_quorum(v_new); END IF;
  IF OLD.state = 'queued' AND NEW.state = 'running' THEN PERFORM wall_quorum_still(v_new); END IF;
  IF OLD.state = 'in_doubt' AND NEW.state IN ('queued', 'running') THEN PERFORM wall_answer(OLD, v_new); END IF;
  RETURN NEW;
END $$;

-- The slots written for this very move are complete, each by another person whose approval counts.
CREATE OR REPLACE FUNCTION wall_quorum(p_run runs) RETURNS void LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_needed text[] := demanded(p_run); v_missing integer; v_people text[]; v_standing bigint;
BEGIN
  IF p_run.plan IS NULL THEN RAISE EXCEPTION 'nothing runs without a plan' USING ERRCODE = 'TD008'; END IF;
  IF p_run.look_only THEN RAISE EXCEPTION 'a look never runs' USING ERRCODE = 'TD008'; END IF;
  SELECT count(*) INTO v_missing
    FROM unnest(v_needed) WITH ORDINALITY AS n(grp, slot)
    LEFT JOIN slots s ON s.run = p_run.id AND s.queued_seq = p_run.seq AND s.slot = n.slot
      AND s.grp = n.grp AND s.fingerprint = p_run.fingerprint
    WHERE s.person IS NULL OR NOT counts(p_run, s.person, n.grp, s.stands_for, '60 s');
  v_standing := standing_of(p_run);
  IF v_missing > 0 AND v_standing IS NULL THEN
    RAISE EXCEPTION '% of % approvals are missing for %', v_missing, cardinality(v_needed), p_run.tag
      USING ERRCODE = 'TD009';
  END IF;
  SELECT coalesce(array_agg(person), '{}') INTO v_people FROM slots WHERE run = p_run.id AND queued_seq = p_run.seq;
  IF v_standing IS NULL AND NOT suffices(p_run, v_people, '60 s') THEN
    RAISE EXCEPTION 'the approvals of % do not suffice under the config in force', p_run.tag USING ERRCODE = 'TD009';
  END IF;
  IF EXISTS (SELECT 1 FROM unnest(p_run.locks) AS name
             WHERE NOT EXISTS (SELECT 1 FROM locks l WHERE l.name = name.name AND l.root = p_run.root)) THEN
    RAISE EXCEPTION '% does not hold its locks', p_run.tag USING ERRCODE = 'TD031';
  END IF;
END $$;

-- The same people still count when the first step starts.
CREATE OR REPLACE FUNCTION wall_quorum_still(p_run runs) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_queued integer; v_people text[];
BEGIN
  IF p_run.risk > 0 AND NOT EXISTS (SELECT 1 FROM shown WHERE run = p_run.id AND fingerprint = p_run.fingerprint) THEN
    RAISE EXCEPTION 'nothing runs that was not shown' USING ERRCODE = 'TD015';
  END IF;
  IF standing_of(p_run) IS NOT NULL THEN RETURN; END IF;
  SELECT max(seq) INTO v_queued FROM events WHERE run = p_run.id AND state = 'queued' AND kind IN ('approved', 'admitted');
  SELECT coalesce(array_agg(person) FILTER (WHERE counts(p_run, person, grp, stands_for)), '{}') INTO v_people
    FROM slots WHERE run = p_run.id AND queued_seq = v_queued AND fingerprint = p_run.fingerprint;
  IF v_queued IS NULL OR NOT suffices(p_run, v_people) THEN
    RAISE EXCEPTION 'an approval of % counts no longer', p_run.tag USING ERRCODE = 'TD009';
  END IF;
END $$;

-- An answer after which an effect may run needs the run's quorum, of the same people as its approvals, read from Slack as
-- lately; Stop needs one person, and so does every answer in a run that needed no approval.
CREATE OR REPLACE FUNCTION wall_answer(p_old runs, p_new runs) RETURNS void LANGUAGE plpgsql
SET search_path = tandem, pg_temp AS $$
DECLARE v_choice text;
BEGIN
  SELECT body ->> 'choice' INTO v_choice FROM events WHERE run = p_new.id AND seq = p_new.seq AND kind = 'answered';
  IF v_choice IS NULL OR NOT answered(p_old, v_choice) THEN
    RAISE EXCEPTION 'an answer needs the quorum of the run' USING ERRCODE = 'TD011';
  END IF;
  IF (p_new.state = 'queued') <> (v_choice <> 'stop' AND NOT begun(p_new.id)) THEN
    RAISE EXCEPTION 'what has not begun is looked at once more before it starts' USING ERRCODE = 'TD007';
  END IF;
  IF p_new.state = 'queued' THEN PERFORM wall_quorum_still(p_new); END IF;
END $$;

-- Whether a run's first step was ever free to start.
CREATE OR REPLACE FUNCTION begun(p_run bigint) RETURNS boolean LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM events WHERE run = p_run AND kind = 'started')
$$;

CREATE OR REPLACE FUNCTION answered(p_run runs, p_choice text) RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = tandem, pg_temp AS $$
BEGIN
  IF p_choice = 'stop' OR demanded(p_run) = '{}' THEN
    RETURN EXISTS (SELECT 1 FROM latest_answers
      WHERE run = p_run.id AND question = p_run.question_seq AND choice = p_choice);
  END IF;
  RETURN suffices(p_run, ARRAY(SELECT person FROM answering(p_run, p_choice)
    WHERE fit AND seen >= clock() - interval '60 s' ORDER BY at), '60 s');
END $$;

DROP TRIGGER IF EXISTS wall ON runs;
CREATE TRIGGER wall BEFORE INSERT OR UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION wall_runs();

-- A body that is bound where it is made needs no search_path, so it is no call: it becomes part of what calls it.
CREATE OR REPLACE FUNCTION event_hash(p_event events, p_before text) RETURNS text LANGUAGE sql STABLE
  RETURN encode(sha256(convert_to(jsonb_build_array(p_before, p_event.run, p_event.seq,
    extract(epoch FROM p_event.at), p_event.kind, p_event.state, p_event.actor, p_event.step, p_event.way,
    p_event.attempt, p_event.mark, extract(epoch FROM p_event.deadline), p_event.fence, p_event.body)::text,
    'UTF8')), 'hex');

-- What was asked for, for the chain: whoever changes it afterwards, with whatever rights, contradicts an event.
CREATE OR REPLACE FUNCTION what_of(p_command text, p_params jsonb, p_reason text) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN encode(sha256(convert_to(jsonb_build_array(p_command, p_params, p_reason)::text, 'UTF8')), 'hex');

-- Events: in order, chained, and only with the run's row locked. A step starts only in a run that runs, and ends only
-- where it was started.
CREATE OR REPLACE FUNCTION wall_events() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_seq integer; v_state text; v_before text;
BEGIN
  SELECT seq, state INTO v_seq, v_state FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  IF NEW.seq > 1 THEN
    SELECT hash INTO v_before FROM events WHERE run = NEW.run AND seq = NEW.seq - 1;
  END IF;
  IF NEW.seq <> v_seq + 1 AND NOT (NEW.seq = 1 AND v_seq = 1) OR NEW.seq > 1 AND v_before IS NULL THEN
    RAISE EXCEPTION 'events go by one' USING ERRCODE = 'TD004';
  END IF;
  IF NEW.mark = 'started' AND v_state <> 'running' OR NEW.mark <> 'late' AND v_state NOT IN ('running', 'waiting') THEN
    RAISE EXCEPTION 'no step moves in a run that is %', v_state USING ERRCODE = 'TD018';
  END IF;
  IF NEW.mark NOT IN ('started', 'late') AND NOT EXISTS (
      SELECT 1 FROM events WHERE run = NEW.run AND step = NEW.step AND way = NEW.way AND attempt = NEW.attempt
        AND mark = 'started') THEN
    RAISE EXCEPTION 'nothing ends that was not started' USING ERRCODE = 'TD018';
  END IF;
  IF NEW.kind = 'lapsed' THEN PERFORM wall_lapse(NEW.run); END IF;
  NEW.hash := event_hash(NEW, coalesce(v_before, ''));
  RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS wall ON events;
CREATE TRIGGER wall BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION wall_events();

CREATE OR REPLACE FUNCTION wall_event_taken() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM runs WHERE id = NEW.run AND seq >= NEW.seq) THEN
    RAISE EXCEPTION 'an event raises the seq of its run' USING ERRCODE = 'TD004';
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS taken ON events;
CREATE CONSTRAINT TRIGGER taken AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION wall_event_taken();

-- Approvals: of the plan that stands, that was shown, by a person of the roster who did not ask.
CREATE OR REPLACE FUNCTION wall_approvals() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text;
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  SELECT a.person INTO v_person FROM accounts a JOIN people p USING (person)
    WHERE a.team = NEW.team AND a.slack_user = NEW.slack_user AND p.active;
  IF v_person IS DISTINCT FROM NEW.person THEN
    RAISE EXCEPTION 'that account is not this person of the roster' USING ERRCODE = 'TD012';
  END IF;
  IF v_run.state <> 'awaiting_approval' OR v_run.fingerprint IS DISTINCT FROM NEW.fingerprint THEN
    RAISE EXCEPTION 'only the plan that stands can be approved' USING ERRCODE = 'TD013';
  END IF;
  IF v_run.expires_at <= tandem.clock() THEN
    RAISE EXCEPTION 'the request has expired' USING ERRCODE = 'TD014';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM shown WHERE run = NEW.run AND fingerprint = NEW.fingerprint) THEN
    RAISE EXCEPTION 'a plan that was not shown cannot be approved' USING ERRCODE = 'TD015';
  END IF;
  IF EXISTS (SELECT 1 FROM askers WHERE run = NEW.run AND person = NEW.person)
     OR EXISTS (SELECT 1 FROM subjects WHERE run = NEW.run AND person = NEW.person) THEN
    RAISE EXCEPTION 'no asker approves' USING ERRCODE = 'TD016';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS wall ON approvals;
CREATE TRIGGER wall BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION wall_approvals();

CREATE OR REPLACE FUNCTION wall_answers() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
DECLARE v_run runs; v_person text; v_needed text[];
BEGIN
  SELECT * INTO v_run FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
  SELECT a.person INTO v_person FROM accounts a JOIN people p USING (person)
    WHERE a.team = NEW.team AND a.slack_user = NEW.slack_user AND p.active;
  IF v_person IS DISTINCT FROM NEW.person THEN
    RAISE EXCEPTION 'that account is not this person of the roster' USING ERRCODE = 'TD012';
  END IF;
  IF v_run.state <> 'in_doubt' OR v_run.question_seq IS DISTINCT FROM NEW.question THEN
    RAISE EXCEPTION 'that question no longer stands' USING ERRCODE = 'TD013';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS wall ON answers;
CREATE TRIGGER wall BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION wall_answers();

-- Append-only, whoever asks.
CREATE OR REPLACE FUNCTION wall_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = tandem, pg_temp AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'TD017'; END $$;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['events', 'approvals', 'slots', 'shown', 'answers', 'askers', 'subjects', 'ticks',
                           'standings', 'revocations', 'delegations', 'withdrawals',
                           'checkpoints', 'heads'] LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS append_only ON tandem.%I', t);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tandem.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION tandem.wall_append_only()', t);
  END LOOP;
END $$;

-- Also where session_replication_role says "replica": that setting would switch ordinary triggers off.
DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT tgname, tgrelid::regclass AS of FROM pg_trigger WHERE NOT tgisinternal
      AND tgname IN ('wall', 'taken', 'append_only') AND tgrelid IN (
        SELECT c.oid FROM pg_class c WHERE relnamespace = 'tandem'::regnamespace) LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.of, t.tgname);
  END LOOP;
END $$;
