-- Who was called for which request, and the one message that joins what waits for somebody. No state of any run: what
-- a digest shows is read from the runs, and losing these rows loses no more than a message.
CREATE TABLE tandem.calls (
  slack_user text, run bigint REFERENCES tandem.runs, at timestamptz NOT NULL, PRIMARY KEY (slack_user, run)
);
CREATE TABLE tandem.digests (
  slack_user text PRIMARY KEY, channel text, ts text, posted_at timestamptz, number integer NOT NULL DEFAULT 0,
  trying boolean NOT NULL DEFAULT false,  -- the message of this number may be there already
  news boolean NOT NULL DEFAULT true, seen text, shown_at timestamptz, due timestamptz NOT NULL,
  tries integer NOT NULL DEFAULT 0
);
