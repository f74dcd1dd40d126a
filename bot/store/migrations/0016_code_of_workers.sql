-- Which version of the code a copy of the bot is, so that nothing is taken away that a live one still names. A copy that is
-- older than this says none, and is of the first.
ALTER TABLE tandem.workers ADD COLUMN code integer NOT NULL DEFAULT 1;
DROP FUNCTION IF EXISTS tandem.enlist(uuid, interval, text, text[]);
