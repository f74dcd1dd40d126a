-- Functions that are told how long ago Slack may have been read.
DROP FUNCTION IF EXISTS tandem.in_group(tandem.runs, text, text);
DROP FUNCTION IF EXISTS tandem.counts(tandem.runs, text, text, text);
DROP FUNCTION IF EXISTS tandem.assign(tandem.runs, text[], text[], text[]);
DROP FUNCTION IF EXISTS tandem.suffices(tandem.runs, text[]);
