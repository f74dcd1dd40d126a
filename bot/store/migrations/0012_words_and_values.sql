-- Whose word ends or changes a request is judged in the database too: it has to know who may ask.
ALTER TABLE tandem.policy ADD COLUMN ask text[] NOT NULL DEFAULT '{}';

-- What a request waits for may be a freeze besides a run: the function gives more than a tag.
DROP FUNCTION IF EXISTS tandem.held_up(tandem.runs);

-- How long personal values are kept after every run that uses them has ended; NULL: until somebody has them erased.
ALTER TABLE tandem.applied ADD COLUMN personal_for interval;
CREATE INDEX personal_values_run ON tandem.personal_values (run) WHERE erased_by IS NULL;

-- TANDEM_PERSONAL_KEY may be changed: each subject says under which key it is kept, and the list of keys under which any
-- ever was has more than one row. The column `one` means nothing any more.
ALTER TABLE tandem.personal_home DROP CONSTRAINT personal_home_pkey, ADD PRIMARY KEY (mark),
  ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;
DO $$
BEGIN
  EXECUTE format('ALTER TABLE tandem.personal_subjects ADD COLUMN mark bytea NOT NULL DEFAULT %L',
                 coalesce((SELECT mark FROM tandem.personal_home), ''));
END $$;
ALTER TABLE tandem.personal_subjects ALTER COLUMN mark DROP DEFAULT;
CREATE INDEX personal_subjects_mark ON tandem.personal_subjects (mark);
