-- The one time that the bot's rules go by.

CREATE OR REPLACE FUNCTION clock() RETURNS timestamptz LANGUAGE sql STABLE SET search_path = tandem, pg_temp AS
$$ SELECT clock_timestamp() + by FROM clock_shift $$;
