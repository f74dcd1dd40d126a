-- What a run was asked for, beside what the planner made of it (`latest` becomes a name): by this it is asked again. NULL
-- in rows that are older than this.
ALTER TABLE tandem.runs ADD COLUMN asked jsonb;
