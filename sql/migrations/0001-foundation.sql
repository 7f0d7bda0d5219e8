-- People, access and the audit log.

create table users (
  id            text primary key,
  username      text not null,
  display_name  text not null,
  password_hash text not null,
  role          text not null check (role in ('agent', 'supervisor', 'campaign-manager', 'qa-reviewer', 'admin', 'privacy-officer')),
  language      text not null default 'en',
  created_at    timestamptz not null default now(),
  disabled_at   timestamptz
);
create unique index users_username_key on users (lower(username));

create table sessions (
  token_hash text primary key,
  user_id    text not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ip         text,
  user_agent text
);
create index sessions_user_id_idx on sessions (user_id);

create table api_keys (
  id           text primary key,
  name         text not null,
  prefix       text not null,
  key_hash     text not null unique,
  role         text not null check (role in ('agent', 'supervisor', 'campaign-manager', 'qa-reviewer', 'admin', 'privacy-officer', 'integration')),
  created_by   text not null references users (id),
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '2F000';
end $$;

create table audit_log (
  id           bigint generated always as identity primary key,
  at           timestamptz not null default now(),
  actor_kind   text not null check (actor_kind in ('user', 'api-key', 'system', 'anonymous')),
  actor_id     text,
  actor_name   text not null,
  action       text not null,
  subject_kind text,
  subject_id   text,
  detail       jsonb not null default '{}',
  ip           text,
  request_id   text
);
create index audit_log_at_idx on audit_log (at desc, id desc);
create index audit_log_subject_idx on audit_log (subject_kind, subject_id);
create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_change();

-- Flows: a version never changes once it exists; publishing only moves a pointer.

create table flows (
  id                text primary key,
  name              text not null unique,
  description       text not null default '',
  published_version integer,
  created_at        timestamptz not null default now()
);

create table flow_versions (
  flow_id    text not null references flows (id),
  version    integer not null check (version > 0),
  source     text not null,
  checksum   text not null,
  note       text not null default '',
  created_by text,
  created_at timestamptz not null default now(),
  primary key (flow_id, version)
);
create trigger flow_versions_append_only before update or delete on flow_versions
  for each row execute function refuse_change();
alter table flows add constraint flows_published_version_fkey
  foreign key (id, published_version) references flow_versions (flow_id, version);

create table flow_publications (
  id           bigint generated always as identity primary key,
  flow_id      text not null references flows (id),
  version      integer not null,
  published_by text,
  published_at timestamptz not null default now()
);

-- Telephony: trunks, numbers, desk phones.

create table trunks (
  id                   text primary key,
  name                 text not null unique,
  carrier              text not null default '',
  -- 'ip': the source address proves who calls; 'digest': the carrier signs with username and password.
  authentication       text not null check (authentication in ('ip', 'digest')),
  -- Source addresses in CIDR form.
  addresses            text[] not null default '{}',
  username             text,
  password_sealed      text,
  -- Where outbound calls go, "host:port"; null for inbound-only trunks.
  outbound_address     text,
  transport            text not null default 'udp' check (transport in ('udp', 'tcp', 'tls')),
  default_caller_number text,
  -- A call may only present a number of ours unless this is true.
  allows_foreign_caller_number boolean not null default false,
  -- E.164 prefixes that may be dialled, such as '+49'; empty means none.
  allowed_prefixes     text[] not null default '{}',
  max_calls            integer not null default 30 check (max_calls >= 0),
  max_calls_per_second integer not null default 10 check (max_calls_per_second > 0),
  priority             integer not null default 100,
  is_enabled           boolean not null default true,
  created_at           timestamptz not null default now()
);

create table numbers (
  id         text primary key,
  number     text not null unique check (number ~ '^\+[1-9][0-9]{6,14}$'),
  label      text not null default '',
  language   text not null,
  region     text not null,
  flow_id    text references flows (id),
  trunk_id   text references trunks (id),
  is_enabled boolean not null default true,
  created_at timestamptz not null default now()
);

create table sip_accounts (
  username   text primary key,
  user_id    text references users (id) on delete cascade,
  extension  text unique,
  realm      text not null,
  ha1_md5    text not null,
  ha1_sha256 text not null,
  created_at timestamptz not null default now()
);

create table registrations (
  username       text not null references sip_accounts (username) on delete cascade,
  contact        text not null,
  source_address text not null,
  source_port    integer not null,
  protocol       text not null,
  sip_call_id    text not null,
  cseq           integer not null,
  user_agent     text,
  expires_at     timestamptz not null,
  primary key (username, contact)
);

-- Calls: events are the truth and are never changed; the CDR is folded from them.

create table control_planes (
  id           text primary key,
  started_at   timestamptz not null default now(),
  heartbeat_at timestamptz not null default now()
);

create table call_events (
  call_id text not null,
  seq     integer not null check (seq > 0),
  at      timestamptz not null,
  kind    text not null,
  data    jsonb not null default '{}',
  primary key (call_id, seq)
);
create trigger call_events_append_only before update or delete on call_events
  for each row execute function refuse_change();

create table cdrs (
  call_id           text primary key,
  direction         text not null check (direction in ('inbound', 'outbound')),
  caller_number     text,
  called_number     text,
  sip_call_id       text,
  trunk_id          text,
  number_id         text,
  flow_id           text,
  flow_version      integer,
  language          text,
  state             text not null check (state in ('ringing', 'answered', 'ended')),
  started_at        timestamptz not null,
  answered_at       timestamptz,
  ended_at          timestamptz,
  duration_ms       integer,
  talk_ms           integer,
  end_reason        text,
  ended_by          text,
  fault             text,
  hangup_cause      text,
  tags              text[] not null default '{}',
  last_seq          integer not null,
  control_plane_id  text not null
);
create index cdrs_started_at_idx on cdrs (started_at desc, call_id desc);
create index cdrs_running_idx on cdrs (control_plane_id) where state <> 'ended';
create index cdrs_caller_number_idx on cdrs (caller_number);
create index cdrs_called_number_idx on cdrs (called_number);

create table survey_answers (
  call_id     text not null,
  flow_id     text not null,
  question    text not null,
  answer      text not null,
  answered_at timestamptz not null,
  primary key (call_id, question)
);

create table queue_callbacks (
  id            text primary key,
  call_id       text not null,
  number        text not null,
  queue         text,
  language      text,
  -- The instant at which the caller's place in the queue was taken.
  place_from_at timestamptz not null,
  status        text not null default 'waiting' check (status in ('waiting', 'dialling', 'done', 'failed', 'withdrawn')),
  created_at    timestamptz not null default now()
);

create table voicemails (
  id           text primary key,
  call_id      text not null,
  mailbox      text not null,
  language     text,
  -- Relative to the data folder; the content is AES-256-GCM, see media/recordings.
  file         text not null,
  sealed_key   text not null,
  duration_ms  integer not null,
  bytes        bigint not null,
  created_at   timestamptz not null default now(),
  heard_at     timestamptz
);
create index voicemails_created_at_idx on voicemails (created_at desc, id desc);
