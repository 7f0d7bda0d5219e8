-- Outbound compliance: do-not-call lists, consent, decisions, overrides, suspensions.

-- A list is a registry or a purchased file; its numbers are in a file of the data folder, its history is here.
create table dnc_lists (
  id           text primary key,
  name         text not null unique,
  -- The registry that rule packs name, such as 'us-dnc'; several lists may serve one registry (scopes).
  registry     text not null,
  format       text not null,
  created_by   text,
  created_at   timestamptz not null default now()
);
create index dnc_lists_registry_idx on dnc_lists (registry);

create table dnc_versions (
  list_id       text not null references dnc_lists (id),
  version       integer not null check (version > 0),
  method        text not null check (method in ('full', 'change')),
  -- The version that a change file was applied to.
  base_version  integer,
  -- Number of the change file as its registry counts them.
  sequence      bigint,
  source_name   text not null,
  source_sha256 text not null,
  source_bytes  bigint not null,
  source_lines  bigint not null,
  account_ref   text,
  scope         text[] not null default '{}',
  numbers       bigint not null,
  file          text not null,
  file_sha256   text not null,
  report        jsonb not null,
  -- When the registry made the file available to us; ages count from here.
  obtained_at   timestamptz not null,
  created_by    text,
  created_at    timestamptz not null default now(),
  primary key (list_id, version)
);
create trigger dnc_versions_append_only before update or delete on dnc_versions
  for each row execute function refuse_change();

-- Which version is in force is the newest row; going back adds a row.
create table dnc_activations (
  id           bigint generated always as identity primary key,
  list_id      text not null,
  version      integer not null,
  reason       text not null,
  activated_by text,
  activated_at timestamptz not null default now(),
  foreign key (list_id, version) references dnc_versions (list_id, version)
);
create index dnc_activations_list_idx on dnc_activations (list_id, id desc);
create trigger dnc_activations_append_only before update or delete on dnc_activations
  for each row execute function refuse_change();

-- The internal list: a keyed hash of the number, so that it survives the erasure of the person.
create table dnc_suppressions (
  id          bigint generated always as identity primary key,
  number_hash text not null,
  kind        text not null check (kind in ('stop', 'lift')),
  scope       text not null check (scope in ('all', 'marketing')),
  -- Where the person said it: call, key, sms, email, chat, form, agent, import.
  channel     text not null,
  detail      text not null default '',
  recorded_by text,
  at          timestamptz not null,
  created_at  timestamptz not null default now()
);
create index dnc_suppressions_hash_idx on dnc_suppressions (number_hash, id);
create trigger dnc_suppressions_append_only before update or delete on dnc_suppressions
  for each row execute function refuse_change();

-- Consent is a fold of events. The personal part is sealed with a key of its own row; erasure forgets that key.
create table consent_keys (
  id         text primary key,
  sealed_key text,
  erased_at  timestamptz
);

create table consent_events (
  id          text primary key,
  seq         bigint generated always as identity unique,
  number_hash text not null,
  person_hash text,
  kind        text not null check (kind in ('grant', 'confirm', 'scope_change', 'revoke', 'expire')),
  seller      text not null,
  grade       text not null,
  purposes    text[] not null default '{}',
  channels    text[] not null default '{}',
  modes       text[] not null default '{}',
  covers_hours boolean not null default false,
  has_evidence boolean not null default false,
  -- Hashes and references only: text version, language, method, evidence. What names a person is in `sealed`.
  evidence    jsonb not null default '{}',
  sealed      text,
  key_id      text references consent_keys (id),
  expires_at  timestamptz,
  at          timestamptz not null,
  recorded_by text,
  created_at  timestamptz not null default now()
);
create index consent_events_number_idx on consent_events (number_hash, seq);
create index consent_events_person_idx on consent_events (person_hash, seq);
create trigger consent_events_append_only before update or delete on consent_events
  for each row execute function refuse_change();

-- Double opt-in: a question that was sent and waits for its answer.
create table consent_requests (
  id           text primary key,
  token_hash   text not null unique,
  channel      text not null,
  event        jsonb not null,
  sent_at      timestamptz not null,
  expires_at   timestamptz not null,
  confirmed_at timestamptz
);

-- Every decision, before its call, in a chain of hashes. `body` is the text that was hashed, byte for byte.
create table compliance_decisions (
  seq          bigint primary key check (seq > 0),
  id           text not null unique,
  at           timestamptz not null,
  outcome      text not null check (outcome in ('ALLOW', 'DEFER', 'REVIEW', 'BLOCK')),
  reasons      text[] not null,
  number_hash  text not null,
  campaign_id  text,
  contact_id   text,
  call_id      text,
  body         text not null,
  prev         text not null,
  hash         text not null,
  created_at   timestamptz not null default now()
);
create index compliance_decisions_number_idx on compliance_decisions (number_hash, seq desc);
create index compliance_decisions_campaign_idx on compliance_decisions (campaign_id, seq desc);
create index compliance_decisions_at_idx on compliance_decisions (at desc, seq desc);
create trigger compliance_decisions_append_only before update or delete on compliance_decisions
  for each row execute function refuse_change();

-- The attempt that used a decision: exactly one for each side.
create table compliance_attempts (
  decision_id text primary key references compliance_decisions (id),
  call_id     text not null unique,
  number_hash text not null,
  subject     text,
  outcome     text,
  placed_at   timestamptz not null
);
create index compliance_attempts_number_idx on compliance_attempts (number_hash, placed_at);

create table compliance_overrides (
  id           text primary key,
  rules        text[] not null check (cardinality(rules) > 0),
  reason       text not null,
  number_hash  text,
  campaign_id  text,
  signed_by    text not null,
  signed_at    timestamptz not null,
  countersigned_by text,
  countersigned_at timestamptz,
  expires_at   timestamptz not null,
  revoked_by   text,
  revoked_at   timestamptz,
  -- Two different people.
  check (countersigned_by is null or countersigned_by <> signed_by)
);

create table compliance_suspensions (
  id           text primary key,
  jurisdiction text not null,
  kind         text not null check (kind in ('emergency', 'holiday')),
  note         text not null default '',
  from_at      timestamptz not null,
  to_at        timestamptz,
  created_by   text,
  created_at   timestamptz not null default now(),
  lifted_by    text,
  lifted_at    timestamptz
);
