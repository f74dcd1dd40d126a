-- An absence: the giver's right to approve is the taker's as well, for a while. Given by a run, ended early by another.
CREATE TABLE tandem.delegations (
  run bigint PRIMARY KEY REFERENCES tandem.runs, giver text NOT NULL REFERENCES tandem.people,
  taker text NOT NULL REFERENCES tandem.people, starts timestamptz NOT NULL, ends timestamptz NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX delegations_taker ON tandem.delegations (taker, ends);
CREATE TABLE tandem.withdrawals (
  delegation bigint PRIMARY KEY REFERENCES tandem.delegations, run bigint REFERENCES tandem.runs, at timestamptz NOT NULL
);

-- The house's own team: nobody of another organisation hands over or stands in.
ALTER TABLE tandem.applied ADD COLUMN team text NOT NULL DEFAULT '';

-- Whose right fills a slot, where it is not the person's own; one person's right fills no two of a run's slots.
ALTER TABLE tandem.slots ADD COLUMN stands_for text REFERENCES tandem.people;
CREATE UNIQUE INDEX slots_one_right ON tandem.slots (run, queued_seq, coalesce(stands_for, person));
DROP FUNCTION IF EXISTS tandem.counts(tandem.runs, text, text);
DROP FUNCTION IF EXISTS tandem.assign(tandem.runs, text[], text[]);
