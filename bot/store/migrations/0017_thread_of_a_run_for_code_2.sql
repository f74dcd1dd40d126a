-- Nobody ever wrote a value here; a run's thread stands in `threads`.
ALTER TABLE tandem.runs DROP COLUMN thread_ts;
