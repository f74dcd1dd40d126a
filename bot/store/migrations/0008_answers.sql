-- A person may answer a doubt again while it stands: every answer is kept, the latest of each person counts.
ALTER TABLE tandem.answers ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY,
  DROP CONSTRAINT answers_pkey, ADD PRIMARY KEY (run, question, person, seq);
CREATE VIEW tandem.latest_answers AS SELECT DISTINCT ON (run, question, person) * FROM tandem.answers
  ORDER BY run, question, person, seq DESC;
