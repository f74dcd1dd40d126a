-- The run of which this one tries again what failed; of these one at a time.
ALTER TABLE tandem.runs ADD COLUMN retries bigint REFERENCES tandem.runs;
CREATE INDEX runs_retries ON tandem.runs (retries) WHERE retries IS NOT NULL;
CREATE UNIQUE INDEX runs_retrying ON tandem.runs (retries) WHERE retries IS NOT NULL AND ended_at IS NULL;
