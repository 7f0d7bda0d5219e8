-- Recordings are turned into text by whichever recogniser may hear them: one job for each recording.
delete from transcription_jobs as twice using transcription_jobs as one
  where twice.recording_id = one.recording_id and twice.id > one.id;
alter table transcription_jobs drop constraint transcription_jobs_recording_id_provider_key;
-- Who heard it; null until somebody has.
alter table transcription_jobs alter column provider drop not null;
alter table transcription_jobs add constraint transcription_jobs_recording_id_key unique (recording_id);
-- Why the last attempt came to nothing, as programs read it.
alter table transcription_jobs add column code text;
create index transcription_jobs_call_idx on transcription_jobs (call_id);

-- Where the sound was processed; null where it did not leave our machines, or where an importer does not say.
alter table transcripts add column region text;
