-- Whose word ends or changes a request is judged in the database too: it has to know who may ask.
ALTER TABLE tandem.policy ADD COLUMN ask text[] NOT NULL DEFAULT '{}';

-- What a request waits for may be a freeze besides a run: the function gives more than a tag.
DROP FUNCTION IF EXISTS tandem.held_up(tandem.runs);

-- How long personal values are kept after every run that uses them has ended; NULL: until somebody has them erased.
ALTER TABLE tandem.applied ADD COLUMN personal_for interval;
CREATE INDEX personal_values_run ON tandem.personal_values (run) WHERE erased_by IS NULL;
