-- Functions that take another argument now, and indexes for what is looked up in every round, sweep and card.
DROP FUNCTION IF EXISTS tandem.release(bigint, uuid, bigint, timestamptz, jsonb);
DROP FUNCTION IF EXISTS tandem.park(bigint, uuid, bigint, timestamptz, jsonb, jsonb);
CREATE INDEX runs_children ON tandem.runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_in_doubt ON tandem.runs (warn_at) WHERE state = 'in_doubt';
CREATE INDEX runs_ended ON tandem.runs (ended_at);
CREATE INDEX drafts_at ON tandem.drafts (at);
