-- Forms that a person opens often, filled in as they keep them. No state of any run, and nobody else sees them.
CREATE TABLE tandem.favourites (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person text NOT NULL REFERENCES tandem.people, command text NOT NULL,
  filled jsonb NOT NULL, channel text, run bigint REFERENCES tandem.runs, at timestamptz NOT NULL
);
CREATE UNIQUE INDEX favourites_once ON tandem.favourites (person, command, md5(filled::text));
