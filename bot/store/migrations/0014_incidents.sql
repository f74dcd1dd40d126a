-- Something that is wrong now, and until when it was. It is known by the run that declared it, whose thread is its own.
CREATE TABLE tandem.incidents (
  run bigint PRIMARY KEY REFERENCES tandem.runs, title text NOT NULL, severity text NOT NULL, services text[] NOT NULL,
  declared timestamptz NOT NULL, ended timestamptz, ended_by bigint REFERENCES tandem.runs
);
CREATE INDEX incidents_open ON tandem.incidents (declared) WHERE ended IS NULL;
CREATE INDEX runs_changed ON tandem.runs (ended_at) WHERE risk > 0 AND ended_at IS NOT NULL;

-- The run in whose thread somebody began this one: that thread is told of it.
CREATE INDEX threads_place ON tandem.threads (channel, root_ts);
ALTER TABLE tandem.runs ADD COLUMN about bigint REFERENCES tandem.runs;
