-- Until when Slack wants nothing sent: to a channel, or (the empty name) whatever it is. Of all copies of the bot together,
-- so that the next call is the most urgent one's. Losing these rows loses no more than a second.
CREATE TABLE tandem.slack_waits (place text PRIMARY KEY, until timestamptz NOT NULL);
