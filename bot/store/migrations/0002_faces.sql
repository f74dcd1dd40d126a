-- How long the same took before: the last runs of a command that went through.
CREATE INDEX runs_through ON tandem.runs (command, id) WHERE state = 'succeeded' AND risk > 0;
