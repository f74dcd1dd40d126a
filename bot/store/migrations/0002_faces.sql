-- How long the same took before: the last runs of a command that went through.
CREATE INDEX runs_through ON tandem.runs (command, id) WHERE state = 'succeeded' AND risk > 0;

-- Whom to call while nobody decides: what policy says, and what of it is still ahead of a request.
ALTER TABLE tandem.policy ADD COLUMN remind jsonb NOT NULL DEFAULT '[]';
ALTER TABLE tandem.runs ADD COLUMN remind jsonb NOT NULL DEFAULT '[]', ADD COLUMN remind_at timestamptz;
CREATE INDEX runs_remind ON tandem.runs (remind_at) WHERE state = 'awaiting_approval';
