-- Contacts in lists, campaigns over them, and every attempt to reach somebody.

-- Where numbers can be: the laws and the time zones that go together. Contacts of one place may be called at the same times.
create table contact_places (
  id            integer generated always as identity primary key,
  key           text not null unique,
  jurisdictions text[] not null,
  zones         text[] not null
);

create table contact_lists (
  id         text primary key,
  -- What its contacts name it by: small, because there are millions of them.
  no         integer generated always as identity unique,
  name       text not null,
  note       text not null default '',
  -- How the columns of the last file were read: the proposal for the next one.
  mapping    jsonb,
  created_by text,
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index contact_lists_name_key on contact_lists (lower(name)) where deleted_at is null;

create table contact_imports (
  id               text primary key,
  list_id          text not null references contact_lists (id),
  source_name      text not null,
  format           text not null check (format in ('csv', 'xlsx', 'api')),
  state            text not null default 'running' check (state in ('running', 'done', 'failed', 'cancelled')),
  bytes            bigint not null default 0,
  total_bytes      bigint,
  lines            bigint not null default 0,
  imported         bigint not null default 0,
  updated          bigint not null default 0,
  duplicates       bigint not null default 0,
  wrong            bigint not null default 0,
  -- The first lines that are wrong and what is wrong with them; never the number itself.
  problems         jsonb not null default '[]',
  mapping          jsonb not null,
  encoding         text,
  -- Why it failed, as code and sentence.
  failure          jsonb,
  control_plane_id text not null,
  created_by       text,
  started_at       timestamptz not null,
  ended_at         timestamptz
);
create unique index contact_imports_running_key on contact_imports (list_id) where state = 'running';
create index contact_imports_list_idx on contact_imports (list_id, started_at);

create sequence contacts_id_seq as bigint;
create table contacts (
  id          bigint primary key default nextval('contacts_id_seq'),
  list_no     integer not null,
  import_id   text,
  line        bigint,
  external_id text,
  name        text not null default '',
  language    text,
  -- Where the person is, besides what the number says: ISO 3166 and an IANA zone.
  country     text,
  region      text,
  zone        text,
  party       text not null default 'unknown' check (party in ('consumer', 'business', 'unknown')),
  is_customer boolean,
  custom      jsonb not null default '{}',
  created_at  timestamptz not null default now()
);
create index contacts_list_idx on contacts (list_no, id);
create unique index contacts_external_key on contacts (external_id, list_no) where external_id is not null;

-- A person's numbers in the order in which they are tried. One list holds a number once.
create table contact_numbers (
  contact_id bigint not null,
  position   smallint not null check (position between 0 and 9),
  list_no    integer not null,
  number     text not null,
  kind       text not null default 'unknown' check (kind in ('mobile', 'landline', 'unknown')),
  place_id   integer not null,
  primary key (contact_id, position)
);
create unique index contact_numbers_number_key on contact_numbers (number, list_no);

create table campaigns (
  id              text primary key,
  -- What leads and attempts name it by.
  no              integer generated always as identity unique,
  name            text not null,
  state           text not null default 'draft'
                  check (state in ('draft', 'awaitingApproval', 'approved', 'running', 'paused', 'stopped', 'ended')),
  pacing          text not null check (pacing in ('preview', 'progressive', 'predictive', 'agentless')),
  settings        jsonb not null,
  -- Of the settings: what a dry run and an approval were given for.
  settings_hash   text not null,
  dry_run         jsonb,
  dry_run_hash    text,
  dry_run_at      timestamptz,
  submitted_by    text,
  submitted_at    timestamptz,
  approved_by     text,
  approved_at     timestamptz,
  approved_hash   text,
  refused_by      text,
  refusal         text,
  state_by        text,
  state_reason    text not null default '',
  state_since     timestamptz not null default now(),
  started_at      timestamptz,
  ended_at        timestamptz,
  created_by      text,
  created_at      timestamptz not null default now(),
  deleted_at      timestamptz
);
create unique index campaigns_name_key on campaigns (lower(name)) where deleted_at is null;
create index campaigns_state_idx on campaigns (state) where deleted_at is null;

-- A contact in a campaign, and when it is its turn.
create table campaign_leads (
  campaign_no      integer not null,
  contact_id       bigint not null,
  state            text not null default 'waiting'
                   check (state in ('waiting', 'reserved', 'wrapUp', 'done', 'exhausted', 'blocked', 'review',
                                    'suppressed', 'unknown')),
  -- 0 is served first.
  priority         smallint not null default 5 check (priority between 0 and 9),
  place_id         integer not null,
  -- The number that is tried next.
  position         smallint not null default 0,
  next_at          timestamptz not null,
  attempts         smallint not null default 0,
  last_outcome     text,
  last_at          timestamptz,
  -- Why it may not be called, and the decision that says so.
  reasons          text[] not null default '{}',
  decision_id      text,
  -- What an agent has promised.
  callback_at      timestamptz,
  callback_agent_id text,
  callback_note    text not null default '',
  primary key (campaign_no, contact_id)
);
-- Who is next at a place, in one range of the index: nothing that cannot be called now is ever looked at.
create index campaign_leads_next_idx on campaign_leads (campaign_no, place_id, priority, next_at)
  where state = 'waiting';
create index campaign_leads_state_idx on campaign_leads (campaign_no, state) where state <> 'waiting';

-- One dial. Its id is the id of its call; the SIP Call-ID is made of it.
create table campaign_attempts (
  id               text primary key,
  campaign_no      integer not null,
  contact_id       bigint not null,
  position         smallint not null,
  number           text not null,
  place_id         integer not null,
  -- reserved: nothing has left. permitted: the decision is written. dialling: an INVITE may have left.
  state            text not null default 'reserved'
                   check (state in ('reserved', 'permitted', 'dialling', 'answered', 'over', 'unknown')),
  outcome          text,
  control_plane_id text not null,
  decision_id      text,
  caller_number    text,
  agent_id         text,
  sip_call_id      text,
  sip_status       integer,
  detail           text not null default '',
  amd_result       text,
  amd_ms           integer,
  -- Somebody who listened says that the detector was wrong.
  is_amd_wrong     boolean not null default false,
  is_abandoned     boolean not null default false,
  is_promised      boolean not null default false,
  disposition      text,
  reserved_at      timestamptz not null,
  dialled_at       timestamptz,
  answered_at      timestamptz,
  connected_at     timestamptz,
  ended_at         timestamptz,
  disposed_at      timestamptz
);
-- Never two calls to one number, whichever campaign or control plane wants to.
create unique index campaign_attempts_number_key on campaign_attempts (number)
  where state in ('reserved', 'permitted', 'dialling', 'answered');
create unique index campaign_attempts_lead_key on campaign_attempts (campaign_no, contact_id)
  where state in ('reserved', 'permitted', 'dialling', 'answered');
create index campaign_attempts_contact_idx on campaign_attempts (campaign_no, contact_id, reserved_at);
create index campaign_attempts_called_idx on campaign_attempts (number, ended_at);
create index campaign_attempts_time_idx on campaign_attempts (campaign_no, reserved_at);
create index campaign_attempts_open_idx on campaign_attempts (control_plane_id)
  where state in ('reserved', 'permitted', 'dialling', 'answered');
create index campaign_attempts_dispose_idx on campaign_attempts (campaign_no, ended_at)
  where agent_id is not null and disposed_at is null;

-- What a campaign has done, by UTC day: the counts that the laws on abandonment ask for.
create table campaign_days (
  campaign_no   integer not null,
  day           date not null,
  dialled       bigint not null default 0,
  -- Answered by a person.
  live          bigint not null default 0,
  abandoned     bigint not null default 0,
  machines      bigint not null default 0,
  connected     bigint not null default 0,
  primary key (campaign_no, day)
);

-- Numbers of ours that campaigns may show, with the proof that they are ours.
create table caller_ids (
  id           text primary key,
  number       text not null unique,
  label        text not null default '',
  -- Called numbers that begin so; none: all.
  prefixes     text[] not null default '{}',
  carrier      text not null default '',
  -- The document that proves the right to use: its name or address, and what the carrier attests.
  evidence     text not null default '',
  attestation  text not null default 'unknown' check (attestation in ('A', 'B', 'C', 'unknown')),
  proved_by    text,
  proved_at    timestamptz,
  valid_until  timestamptz,
  blocked_at   timestamptz,
  block_reason text not null default '',
  created_at   timestamptz not null default now()
);

create table campaign_alarms (
  id          bigint generated always as identity primary key,
  campaign_no integer,
  kind        text not null,
  detail      jsonb not null default '{}',
  at          timestamptz not null,
  seen_by     text,
  seen_at     timestamptz
);
create index campaign_alarms_open_idx on campaign_alarms (at) where seen_at is null;

-- Calls begun in each second over a trunk or a carrier, by all control planes together.
create table dial_slots (
  scope  text not null,
  second bigint not null,
  taken  integer not null,
  primary key (scope, second)
);

-- What a carrier allows over all its trunks together.
create table carrier_limits (
  carrier              text primary key,
  max_calls_per_second integer not null check (max_calls_per_second > 0)
);
