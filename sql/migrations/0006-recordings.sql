-- Who was asked whether a call may be recorded, what they were told, and what they said: append-only.

create table recording_consents (
  id             text primary key,
  call_id        text not null,
  -- 'customer', or whoever joined later.
  party          text not null default 'customer',
  result         text not null check (result in ('granted', 'refused', 'withdrawn')),
  -- What the law of the call's places asked for: one_party, notice, notice_object, all_party or opt_in.
  policy         text not null,
  method         text not null check (method in ('notRequired', 'notice', 'key', 'speech', 'silence', 'agent')),
  -- Hash of what was said to the party, so that the wording can be proven; null when nothing had to be said.
  prompt_version text,
  language       text,
  jurisdictions  text[] not null,
  -- The rules that gave the policy, with their sources.
  reasons        jsonb not null default '[]',
  -- For a withdrawal: the consent that it ends.
  withdraws      text references recording_consents (id),
  at             timestamptz not null default now()
);
create index recording_consents_call_id_idx on recording_consents (call_id, at);
create trigger recording_consents_append_only before update or delete on recording_consents
  for each row execute function refuse_change();

-- The wordings behind prompt versions.
create table recording_prompts (
  version  text primary key,
  language text not null,
  prompts  jsonb not null,
  first_used_at timestamptz not null default now()
);

create table recordings (
  id               text primary key,
  call_id          text not null,
  consent_id       text not null references recording_consents (id),
  -- spooled: on the disk of the control plane that recorded it, until its store takes it. erased: a tombstone.
  state            text not null check (state in ('spooled', 'stored', 'erased')),
  store            text not null,
  object_key       text not null,
  control_plane_id text not null,
  -- The data key, wrapped by a key of this version; both null once erased.
  key_version      text,
  wrapped_key      text,
  sha256           text,
  bytes            bigint,
  index_offset     bigint,
  -- When the customer's leg was answered: where the timeline begins.
  answered_at      timestamptz not null,
  duration_ms      integer not null,
  language         text,
  gaps             jsonb not null default '[]',
  legal_hold       text,
  -- What the last check found wrong; null when all is well.
  problem          jsonb,
  checked_at       timestamptz,
  erased_at        timestamptz,
  erased_by        text,
  erase_reason     text,
  created_at       timestamptz not null default now(),
  check ((state = 'erased') = (erased_at is not null)),
  check (state <> 'erased' or wrapped_key is null)
);
create index recordings_answered_at_idx on recordings (answered_at);
create index recordings_call_id_idx on recordings (call_id);
create index recordings_key_version_idx on recordings (key_version) where wrapped_key is not null;
create index recordings_checked_at_idx on recordings (checked_at nulls first) where state = 'stored';
create index recordings_spooled_idx on recordings (control_plane_id) where state = 'spooled';
