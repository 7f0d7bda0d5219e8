-- Messages that callers leave are recordings: by a grant, in their region's store, under their key, hold, retention and audit.
-- 'conduct': told that a message is recorded after the tone, and spoke.
alter table recording_consents drop constraint recording_consents_method_check;
alter table recording_consents add constraint recording_consents_method_check
  check (method in ('notRequired', 'notice', 'key', 'speech', 'silence', 'agent', 'conduct'));

alter table recordings add column kind text not null default 'call' check (kind in ('call', 'voicemail'));

-- Messages from before have a sealed file of their own instead. `from_ms`: where the message begins in its recording.
alter table voicemails
  add column recording_id text unique references recordings (id),
  add column from_ms integer check (from_ms >= 0),
  alter column file drop not null,
  alter column sealed_key drop not null,
  add constraint voicemails_audio_check
    check (recording_id is not null and from_ms is not null or file is not null and sealed_key is not null);
create index voicemails_call_idx on voicemails (call_id);

-- Calls that must be recorded and are not, for whoever supervises them.
create index call_events_must_record_idx on call_events (at)
  where kind = 'recordingTrouble' and data ->> 'mustRecord' = 'goesOn';

-- Calls of campaigns are found by their campaign.
insert into search_queue (call_id)
  select cdrs.call_id from cdrs join campaign_attempts on campaign_attempts.id = cdrs.call_id where cdrs.state = 'ended'
  on conflict (call_id) do nothing;
