-- Whose word ends or changes a request is judged in the database too: it has to know who may ask.
ALTER TABLE tandem.policy ADD COLUMN ask text[] NOT NULL DEFAULT '{}';

-- What a request waits for may be a freeze besides a run: the function gives more than a tag.
DROP FUNCTION IF EXISTS tandem.held_up(tandem.runs);
