-- Personal values. Events and plans hold tokens; what they stand for lies here, sealed under a key for each subject.
-- A subject's row is all there is of its key: without it, every value and mask of that subject is noise.
CREATE TABLE tandem.personal_subjects (
  id uuid PRIMARY KEY, lookup bytea NOT NULL UNIQUE, key bytea NOT NULL, at timestamptz NOT NULL
);
-- run: where it was typed. Erased: its subject, its value and its mask are gone, the token stays as one that says so.
CREATE TABLE tandem.personal_values (
  token text PRIMARY KEY CHECK (token ~ '^p-[0-9a-f]{32}$'), run bigint NOT NULL REFERENCES tandem.runs,
  subject uuid REFERENCES tandem.personal_subjects, value bytea, mask bytea, at timestamptz NOT NULL,
  erased_by bigint REFERENCES tandem.runs,
  CHECK (num_nulls(subject, value, mask) = CASE WHEN erased_by IS NULL THEN 0 ELSE 3 END)
);
CREATE INDEX personal_values_subject ON tandem.personal_values (subject);
CREATE TABLE tandem.personal_uses (
  run bigint REFERENCES tandem.runs, token text REFERENCES tandem.personal_values, PRIMARY KEY (run, token)
);
CREATE INDEX personal_uses_token ON tandem.personal_uses (token);
CREATE TABLE tandem.erasures (
  subject uuid PRIMARY KEY, run bigint NOT NULL REFERENCES tandem.runs, at timestamptz NOT NULL
);
-- Under which TANDEM_PERSONAL_KEY all of this is kept: another one would find nobody, and say that nothing is kept.
CREATE TABLE tandem.personal_home (one boolean PRIMARY KEY DEFAULT true CHECK (one), mark bytea NOT NULL);
