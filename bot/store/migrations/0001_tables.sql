-- The bot's own tables. Owner-written: what config says. Append-only: events, approvals, slots, shown, answers, askers.

CREATE TABLE clock_shift (one boolean PRIMARY KEY DEFAULT true CHECK (one), by interval NOT NULL DEFAULT '0');
INSERT INTO clock_shift DEFAULT VALUES;

-- Config, applied by `migrate` as the owner; the bot's role reads it.
CREATE TABLE moves (at text, signal text NOT NULL, lands text NOT NULL, UNIQUE NULLS NOT DISTINCT (at, signal));
CREATE TABLE applied (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), config text NOT NULL, at timestamptz NOT NULL, code integer NOT NULL
);
CREATE TABLE people (person text PRIMARY KEY, name text NOT NULL, active boolean NOT NULL DEFAULT true);
CREATE TABLE accounts (
  team text, slack_user text, person text NOT NULL REFERENCES people, PRIMARY KEY (team, slack_user)
);
CREATE TABLE groups (grp text PRIMARY KEY, slack text, rota boolean NOT NULL DEFAULT false);
CREATE TABLE members (
  grp text REFERENCES groups, person text REFERENCES people, since timestamptz NOT NULL, PRIMARY KEY (grp, person)
);
CREATE TABLE operations (command text PRIMARY KEY, floor smallint NOT NULL);
CREATE TABLE policy (
  config text, command text, environment text, risk smallint,
  slots text[] NOT NULL, expires interval NOT NULL, warns interval NOT NULL, beyond jsonb NOT NULL DEFAULT '[]',
  PRIMARY KEY (config, command, environment, risk)
);

-- What was read from Slack, and when; written by the bot.
CREATE TABLE directory (
  team text, slack_user text, fit boolean NOT NULL, why text NOT NULL DEFAULT '', seen timestamptz NOT NULL,
  PRIMARY KEY (team, slack_user)
);
CREATE TABLE slack_members (grp text, person text, since timestamptz NOT NULL, seen timestamptz NOT NULL,
  PRIMARY KEY (grp, person));

CREATE TABLE workers (
  id uuid PRIMARY KEY, lease_until timestamptz NOT NULL, lease interval NOT NULL, config text NOT NULL,
  kinds text[] NOT NULL, started timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- convert_to is only STABLE because encodings may differ between databases; `migrate` refuses any but UTF8.
-- Not in SQL: each write of a run would read the body again, to see whether it can take the place of the call.
CREATE FUNCTION fingerprint_of(p_plan text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS
$$ BEGIN RETURN encode(sha256(convert_to(p_plan, 'UTF8')), 'hex'); END $$;

CREATE TABLE runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tag text GENERATED ALWAYS AS ('r' || id::text) STORED,
  command text NOT NULL, params jsonb NOT NULL, reason text NOT NULL DEFAULT '', words text NOT NULL DEFAULT '',
  requester text REFERENCES people, team text, slack_user text, via text NOT NULL,
  channel text, thread_ts text, look_only boolean NOT NULL DEFAULT false,
  parent bigint REFERENCES runs, parent_step text, root bigint NOT NULL, detached boolean NOT NULL DEFAULT false,
  schedule text, slot timestamptz, terms text, UNIQUE (schedule, slot),
  created_at timestamptz NOT NULL,
  config text NOT NULL, environment text NOT NULL DEFAULT '', risk smallint NOT NULL,
  state text NOT NULL, seq integer NOT NULL, moved_at timestamptz NOT NULL, ended_at timestamptz,
  plan text, fingerprint text GENERATED ALWAYS AS (tandem.fingerprint_of(plan)) STORED,
  kinds text[] NOT NULL DEFAULT '{}', planned_at timestamptz, facts jsonb,
  locks text[] NOT NULL DEFAULT '{}', long boolean NOT NULL DEFAULT false,
  expires_at timestamptz, warn_at timestamptz, start_by interval, resume_within interval,
  heading text NOT NULL DEFAULT 'forth', why text NOT NULL DEFAULT '',
  wish text, question jsonb, question_seq integer,
  due timestamptz, due_since timestamptz, progress jsonb NOT NULL DEFAULT '{}',
  worker uuid, fence bigint NOT NULL DEFAULT 0, claims integer NOT NULL DEFAULT 0
);
CREATE INDEX runs_due ON runs (due) WHERE state IN ('planning', 'queued', 'running', 'waiting');
CREATE INDEX runs_asked ON runs (expires_at) WHERE state = 'awaiting_approval';
CREATE INDEX runs_words ON runs (team, slack_user, hashtextextended(words, 0), created_at) WHERE risk > 0;
CREATE INDEX runs_root ON runs (root);
CREATE INDEX runs_live ON runs (id) WHERE ended_at IS NULL;
CREATE INDEX runs_busy ON runs (requester) WHERE ended_at IS NULL AND state <> 'waiting' AND parent IS NULL AND risk > 0;

CREATE TABLE events (
  run bigint NOT NULL REFERENCES runs, seq integer NOT NULL, at timestamptz NOT NULL, kind text NOT NULL,
  state text NOT NULL, actor text, step text, way text, attempt integer, mark text, deadline timestamptz,
  fence bigint NOT NULL DEFAULT 0, body jsonb NOT NULL DEFAULT '{}', hash text NOT NULL, PRIMARY KEY (run, seq)
);
ALTER TABLE runs ADD FOREIGN KEY (id, seq) REFERENCES events (run, seq) DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX events_one_mark ON events (run, step, way, attempt, mark)
  WHERE mark IN ('started', 'done', 'not_done', 'failed', 'again', 'skipped');
CREATE UNIQUE INDEX events_done_once ON events (run, step, way) WHERE mark = 'done' AND way IN ('do', 'undo');
CREATE INDEX events_at ON events (at);

CREATE TABLE askers (run bigint REFERENCES runs, person text REFERENCES people, PRIMARY KEY (run, person));
CREATE TABLE subjects (run bigint REFERENCES runs, person text REFERENCES people, PRIMARY KEY (run, person));
CREATE TABLE shown (
  run bigint REFERENCES runs, fingerprint text, channel text NOT NULL, ts text NOT NULL, at timestamptz NOT NULL,
  PRIMARY KEY (run, fingerprint)
);
CREATE TABLE approvals (
  run bigint, seq integer, fingerprint text NOT NULL, person text NOT NULL REFERENCES people,
  team text NOT NULL, slack_user text NOT NULL, at timestamptz NOT NULL,
  PRIMARY KEY (run, seq), UNIQUE (run, fingerprint, person), FOREIGN KEY (run, seq) REFERENCES events (run, seq)
);
CREATE TABLE slots (
  run bigint REFERENCES runs, fingerprint text, queued_seq integer, slot integer, grp text NOT NULL,
  person text NOT NULL REFERENCES people,
  PRIMARY KEY (run, queued_seq, slot), UNIQUE (run, queued_seq, person)
);
CREATE TABLE answers (
  run bigint, question integer, person text NOT NULL REFERENCES people, choice text NOT NULL,
  team text NOT NULL, slack_user text NOT NULL, at timestamptz NOT NULL,
  PRIMARY KEY (run, question, person), FOREIGN KEY (run, question) REFERENCES events (run, seq)
);
CREATE TABLE locks (name text PRIMARY KEY, root bigint NOT NULL REFERENCES runs, at timestamptz NOT NULL);
CREATE TABLE sealed (run bigint REFERENCES runs, name text, box bytea NOT NULL, PRIMARY KEY (run, name));

-- Doors.
CREATE TABLE dedupe (key text PRIMARY KEY, run bigint, answer jsonb NOT NULL, at timestamptz NOT NULL);
CREATE INDEX dedupe_at ON dedupe (at);
CREATE TABLE drafts (
  id uuid PRIMARY KEY, team text NOT NULL, slack_user text NOT NULL, command text NOT NULL, channel text,
  body jsonb NOT NULL, run bigint, at timestamptz NOT NULL
);

-- The thread: a projection of the events, with its cursor.
CREATE TABLE threads (
  run bigint PRIMARY KEY REFERENCES runs, channel text, root_ts text, card_ts text,
  card_seq integer NOT NULL DEFAULT 0, told_seq integer NOT NULL DEFAULT 0, due timestamptz NOT NULL,
  worker uuid, tries integer NOT NULL DEFAULT 0, trouble text,
  doubtful_at timestamptz  -- a message's answer was lost then: it may be there twice
);
CREATE INDEX threads_due ON threads (due);
CREATE TABLE messages (
  run bigint REFERENCES runs, channel text, ts text, kind text NOT NULL, from_seq integer NOT NULL,
  to_seq integer NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (channel, ts)
);
CREATE INDEX messages_run ON messages (run);

CREATE TABLE progress_told (minute timestamptz PRIMARY KEY, edits integer NOT NULL);  -- of all replicas together

CREATE TABLE freezes (
  name text PRIMARY KEY, services text[] NOT NULL, starts timestamptz NOT NULL, ends timestamptz NOT NULL,
  reason text NOT NULL, by text, run bigint REFERENCES runs
);
-- Standing approvals. What config says of a schedule that has one, owner-written; who gave it, who ended it, append-only.
CREATE TABLE terms (
  schedule text PRIMARY KEY, command text NOT NULL, params jsonb NOT NULL, environment text NOT NULL, lasts interval NOT NULL,
  at_most jsonb NOT NULL, hash text NOT NULL  -- over all of this and the times
);
CREATE TABLE standings (
  run bigint PRIMARY KEY REFERENCES runs, schedule text NOT NULL, terms text NOT NULL, at timestamptz NOT NULL,
  until timestamptz NOT NULL
);
CREATE INDEX standings_schedule ON standings (schedule, until);
CREATE TABLE revocations (standing bigint PRIMARY KEY REFERENCES standings, run bigint REFERENCES runs, at timestamptz NOT NULL);
CREATE TABLE schedules (name text PRIMARY KEY, last_slot timestamptz NOT NULL);
CREATE TABLE ticks (schedule text, slot timestamptz, run bigint, at timestamptz NOT NULL, PRIMARY KEY (schedule, slot));
CREATE TABLE checkpoints (at timestamptz PRIMARY KEY, runs bigint NOT NULL, digest text NOT NULL);
CREATE TABLE heads (  -- each checkpoint's part: the runs that had moved since the one before
  at timestamptz REFERENCES checkpoints, run bigint REFERENCES runs, seq integer NOT NULL, PRIMARY KEY (run, seq)
);
CREATE TABLE ledger_home (one boolean PRIMARY KEY DEFAULT true CHECK (one), system text NOT NULL, timeline bigint NOT NULL);
