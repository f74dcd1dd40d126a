-- Who tells a thread holds it until then, on the database's own clock; each hold has a number, and a lost one writes nothing.
ALTER TABLE tandem.threads ADD COLUMN held_until timestamptz NOT NULL DEFAULT '-infinity',
  ADD COLUMN fence bigint NOT NULL DEFAULT 0;
