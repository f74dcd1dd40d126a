-- What the bot's own role may do: read everything, call the verbs, keep its letterbox. `{bot}` is filled in by migrate.
GRANT USAGE ON SCHEMA tandem TO {bot};
REVOKE ALL ON ALL TABLES IN SCHEMA tandem FROM {bot};  -- what an earlier version granted, or somebody by hand
GRANT SELECT ON ALL TABLES IN SCHEMA tandem TO {bot};
REVOKE SELECT ON personal_subjects, personal_values FROM {bot};  -- one value at a time, by the functions below
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tandem FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  clock(), able(text), delegated(), rights(runs, text), groups_of(text), needed(runs, text), needed_if(runs, text, boolean), more_slots(text, jsonb), frozen(runs), bound_of(jsonb), demanded(runs), in_group(runs, text, text, interval), deciders(runs), approving(runs), unfit(text, text), event_hash(events, text), what_of(text, jsonb, text), person_of(text, text),
  ask(jsonb), retry(jsonb), shown_at(bigint, text, text, text), approve(jsonb), count_up(bigint), say(jsonb), heed(jsonb),
  digest_of(text), digest_sign(text), call_people(bigint, integer, text[], integer, interval), close_digest(text, bigint, timestamptz),
  digest_sending(text, bigint, text, interval, bigint[], timestamptz[]), digest_unreached(text, bigint), claim_absence_notes(integer, interval, interval), favour(jsonb), answer(jsonb), tick(jsonb),
  enlist(uuid, interval, text, text[], integer), renew(uuid), retire(uuid), claim(uuid, integer, integer),
  drop_claim(bigint, uuid, bigint), release(bigint, uuid, bigint, timestamptz, timestamptz), note(bigint, uuid, bigint, jsonb), planned(bigint, uuid, bigint, jsonb),
  begin_run(bigint, uuid, bigint), started(bigint, uuid, bigint, text, text, integer, interval, jsonb),
  settled(bigint, uuid, bigint, text, text, integer, text, jsonb, bytea, jsonb), late(bigint, text, text, integer, jsonb, bigint),
  nudge(bigint, uuid, bigint, text, text, integer, jsonb), park(bigint, uuid, bigint, timestamptz, timestamptz, jsonb, jsonb), turned(bigint, uuid, bigint, text, text, text),
  doubted(bigint, uuid, bigint, jsonb), finished(bigint, uuid, bigint, text, jsonb),
  not_begun(bigint, uuid, bigint, text, jsonb), last_slot(text, timestamptz), tick_schedule(text, timestamptz, jsonb), sweep(), lapse(integer), come_home(), checkpoint_heads(),
  personal_masks(text[]), personal_under(), personal_value(bigint, uuid, bigint, text), personal_kept(text[], text), unmask(jsonb)
  TO {bot};
GRANT INSERT, UPDATE, DELETE ON directory, slack_members, drafts TO {bot};
GRANT UPDATE ON digests, absence_notes TO {bot};
GRANT INSERT, UPDATE ON threads, messages, progress_told, slack_waits TO {bot};
GRANT DELETE ON messages, progress_told TO {bot};
