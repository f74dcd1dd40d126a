-- By what somebody was called for a request: its thread (0), their digest's message of that number; NULL: not yet.
-- `seq`: of the event that called.
ALTER TABLE tandem.calls ADD COLUMN called_by integer DEFAULT 0, ADD COLUMN seq integer NOT NULL DEFAULT 0;

-- A digest is held as a thread is, and stays when nothing waits any more: so its numbers go on, and no message of an
-- earlier one is taken for it.
ALTER TABLE tandem.digests DROP COLUMN news, ADD COLUMN open boolean NOT NULL DEFAULT true,
  ADD COLUMN held_until timestamptz NOT NULL DEFAULT '-infinity', ADD COLUMN fence bigint NOT NULL DEFAULT 0,
  ADD COLUMN doubtful_at timestamptz,  -- a message's answer was lost then: it may be there twice
  ADD COLUMN unreached_at timestamptz;  -- Slack took no direct message for this account then
DROP FUNCTION IF EXISTS tandem.close_digest(text, timestamptz);
DROP FUNCTION IF EXISTS tandem.call_people(bigint, text[], integer, interval);

-- Who of an absence is told that it has begun or is over, where that came by itself. `due`: when to tell it, or until when
-- somebody is at it; infinity: told.
CREATE TABLE tandem.absence_notes (
  run bigint REFERENCES tandem.delegations, what text CHECK (what IN ('begins', 'ends')),
  person text REFERENCES tandem.people, due timestamptz NOT NULL, trying boolean NOT NULL DEFAULT false,
  tries integer NOT NULL DEFAULT 0, PRIMARY KEY (run, what, person)
);
CREATE INDEX absence_notes_due ON tandem.absence_notes (due);
