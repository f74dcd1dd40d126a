-- Whose word ends or changes a request is judged in the database too: it has to know who may ask.
ALTER TABLE tandem.policy ADD COLUMN ask text[] NOT NULL DEFAULT '{}';
