-- The audit log as a chain of hashes, transcripts and their search, reviews, retention, and the rights of persons.

-- Audit log -------------------------------------------------------------------------------------------------------

alter table audit_log add column seq bigint, add column body text, add column prev text, add column hash text;

-- The end of the chain: one row, locked by whoever adds a link, so that links come one after the other.
create table audit_chain (
  only_row boolean primary key default true check (only_row),
  seq      bigint not null,
  hash     text not null
);
insert into audit_chain (seq, hash) values (0, 'sha256:0');

-- What is hashed, byte for byte: every column of the entry.
create function audit_body(entry audit_log) returns text language sql stable as $$
  select jsonb_build_object(
    'at', to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actorKind', entry.actor_kind, 'actorId', entry.actor_id, 'actorName', entry.actor_name,
    'action', entry.action, 'subjectKind', entry.subject_kind, 'subjectId', entry.subject_id,
    'detail', entry.detail, 'ip', entry.ip, 'requestId', entry.request_id)::text
$$;

create function audit_link_hash(seq bigint, prev text, body text) returns text language sql immutable as $$
  select 'sha256:' || encode(sha256(convert_to(seq::text || E'\n' || prev || E'\n' || body, 'UTF8')), 'hex')
$$;

create function audit_add_link() returns trigger language plpgsql as $$
declare
  last audit_chain;
begin
  select * into last from audit_chain for update;
  new.seq := last.seq + 1;
  new.prev := last.hash;
  new.body := audit_body(new);
  new.hash := audit_link_hash(new.seq, new.prev, new.body);
  update audit_chain set seq = new.seq, hash = new.hash;
  return new;
end $$;

-- Entries of before are chained in the order in which they came; the last of them is marked.
drop trigger audit_log_append_only on audit_log;
do $$
declare
  entry audit_log;
  last_seq bigint := 0;
  last_hash text := 'sha256:0';
begin
  for entry in select * from audit_log order by id loop
    last_seq := last_seq + 1;
    update audit_log set seq = last_seq, prev = last_hash, body = audit_body(entry),
      hash = audit_link_hash(last_seq, last_hash, audit_body(entry))
      where id = entry.id;
    last_hash := audit_link_hash(last_seq, last_hash, audit_body(entry));
  end loop;
  update audit_chain set seq = last_seq, hash = last_hash;
end $$;
alter table audit_log alter column seq set not null, alter column body set not null,
  alter column prev set not null, alter column hash set not null;
create unique index audit_log_seq_idx on audit_log (seq);
create index audit_log_actor_idx on audit_log (actor_id, id desc);
create index audit_log_action_idx on audit_log (action, id desc);
create trigger audit_log_chain before insert on audit_log for each row execute function audit_add_link();
create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log
  for each statement execute function refuse_change();
-- How many entries were there before they were chained: their hashes prove only what has happened since.
create table audit_chain_start (chained_before bigint not null, chained_at timestamptz not null default now());
insert into audit_chain_start (chained_before) select seq from audit_chain;

-- Transcripts -----------------------------------------------------------------------------------------------------

-- One for each call. Its text is sealed with a key of its own; erasing it forgets that key.
create table transcripts (
  id          text primary key,
  call_id     text not null unique,
  language    text not null,
  -- Which engine or program heard it.
  provider    text not null,
  origin      text not null check (origin in ('live', 'import', 'job')),
  status      text not null check (status in ('writing', 'complete', 'erased')),
  -- The consent that it rests on: the id of a grant, or what the importer named.
  consent     text not null,
  sealed_key  text,
  utterances  integer not null default 0,
  words       integer not null default 0,
  redactions  integer not null default 0,
  agent_ms    integer not null default 0,
  customer_ms integer not null default 0,
  bot_ms      integer not null default 0,
  longest_silence_ms integer not null default 0,
  overlap_ms  integer not null default 0,
  created_at  timestamptz not null default now(),
  written_at  timestamptz not null default now(),
  finished_at timestamptz,
  erased_at   timestamptz
);
create index transcripts_writing_idx on transcripts (written_at) where status = 'writing';
create index transcripts_language_idx on transcripts (language);

-- Utterances, some together: compressed, then AES-256-GCM. A live one comes alone; a finished transcript is packed.
create table transcript_parts (
  transcript_id text not null references transcripts (id) on delete cascade,
  part          integer not null check (part >= 0),
  utterances    integer not null check (utterances > 0),
  from_ms       integer not null,
  to_ms         integer not null,
  body          bytea not null,
  primary key (transcript_id, part)
);

-- Recordings that an engine is to turn into text later.
create table transcription_jobs (
  id           text primary key,
  call_id      text not null,
  recording_id text not null,
  provider     text not null,
  language     text,
  status       text not null default 'waiting' check (status in ('waiting', 'running', 'done', 'failed')),
  attempts     integer not null default 0,
  problem      text,
  leased_until timestamptz,
  created_at   timestamptz not null default now(),
  done_at      timestamptz,
  unique (recording_id, provider)
);
create index transcription_jobs_open_idx on transcription_jobs (created_at) where status in ('waiting', 'running');

-- Who may see what redaction hides, until when and why.
create table unredacted_grants (
  id         text primary key,
  user_id    text not null references users (id),
  reason     text not null,
  granted_by text not null,
  granted_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index unredacted_grants_user_idx on unredacted_grants (user_id, expires_at);

-- What is searched: one row for each ended call (more for very long ones). `words` holds redacted words, weighted by
-- speaker (A agent, B customer, C bot), and facets such as 'q:support', so that one index answers everything.
create table call_documents (
  call_id            text not null,
  part               smallint not null default 0,
  started_at         timestamptz not null,
  duration_ms        integer not null,
  longest_silence_ms integer not null,
  overlap_ms         integer not null,
  words              tsvector not null,
  primary key (call_id, part)
) with (toast_tuple_target = 1024);
-- Without the list of pending entries, which every search would have to read through.
create index call_documents_words_idx on call_documents using gin (words) with (fastupdate = off);
create index call_documents_started_idx on call_documents (started_at desc, call_id desc);

-- Calls whose row above has to be made anew. Triggers write it, so that nobody can forget to.
create table search_queue (
  call_id   text primary key,
  queued_at timestamptz not null default clock_timestamp()
);
create index search_queue_at_idx on search_queue (queued_at);
create function queue_for_search() returns trigger language plpgsql as $$
begin
  insert into search_queue (call_id) values (new.call_id)
    on conflict (call_id) do update set queued_at = clock_timestamp();
  return null;
end $$;
create trigger cdrs_search after insert or update on cdrs
  for each row when (new.state = 'ended') execute function queue_for_search();
create trigger call_notes_search after insert or update on call_notes for each row execute function queue_for_search();
create trigger queue_visits_search after insert or update on queue_visits for each row execute function queue_for_search();
create trigger transcripts_search after insert or update of status on transcripts
  for each row when (new.status <> 'writing') execute function queue_for_search();
insert into search_queue (call_id) select call_id from cdrs where state = 'ended';

-- Reviews ---------------------------------------------------------------------------------------------------------

create table scorecards (
  id          text primary key,
  name        text not null unique,
  -- What is being written; publishing makes a version of it.
  draft       jsonb not null,
  draft_at    timestamptz not null default now(),
  version     integer,
  created_by  text not null,
  created_at  timestamptz not null default now(),
  archived_at timestamptz
);
create table scorecard_versions (
  scorecard_id text not null references scorecards (id),
  version      integer not null check (version > 0),
  body         jsonb not null,
  published_by text not null,
  published_at timestamptz not null default now(),
  primary key (scorecard_id, version)
);
create trigger scorecard_versions_append_only before update or delete on scorecard_versions
  for each row execute function refuse_change();

-- Several people judge one call without seeing each other's answers.
create table calibrations (
  id           text primary key,
  name         text not null,
  call_id      text not null,
  scorecard_id text not null,
  version      integer not null,
  reviewer_ids text[] not null check (cardinality(reviewer_ids) >= 2),
  due_at       timestamptz,
  created_by   text not null,
  created_at   timestamptz not null default now(),
  foreign key (scorecard_id, version) references scorecard_versions (scorecard_id, version)
);

create table reviews (
  id             text primary key,
  call_id        text not null,
  scorecard_id   text not null,
  version        integer not null,
  -- 'machine': by a provider; never part of a person's figures before its agreement is shown.
  kind           text not null check (kind in ('review', 'calibration', 'machine')),
  calibration_id text references calibrations (id),
  task_id        text,
  reviewer_id    text not null,
  reviewer_name  text not null,
  agent_id       text,
  answers        jsonb not null default '{}',
  note           text not null default '',
  coaching       text not null default '',
  status         text not null check (status in ('draft', 'submitted', 'disputed', 'settled')),
  percent        double precision,
  critical       text[] not null default '{}',
  is_passed      boolean,
  created_at     timestamptz not null default now(),
  changed_at     timestamptz not null default now(),
  submitted_at   timestamptz,
  seen_by_agent_at timestamptz,
  foreign key (scorecard_id, version) references scorecard_versions (scorecard_id, version),
  unique (calibration_id, reviewer_id)
);
create index reviews_call_idx on reviews (call_id);
create index reviews_agent_idx on reviews (agent_id, submitted_at desc);
create index reviews_reviewer_idx on reviews (reviewer_id, changed_at desc);
create index reviews_submitted_idx on reviews (submitted_at) where submitted_at is not null;

create table review_disputes (
  id          text primary key,
  review_id   text not null references reviews (id),
  raised_by   text not null,
  question_ids text[] not null default '{}',
  reason      text not null,
  raised_at   timestamptz not null default now(),
  outcome     text check (outcome in ('upheld', 'changed')),
  answer      text,
  answered_by text,
  answered_at timestamptz
);
create index review_disputes_review_idx on review_disputes (review_id);
create unique index review_disputes_open_idx on review_disputes (review_id) where outcome is null;

-- Every state that a submitted review was in: answers that a dispute changed stay readable.
create table review_history (
  id        bigint generated always as identity primary key,
  review_id text not null,
  at        timestamptz not null default now(),
  by_id     text not null,
  what      text not null,
  answers   jsonb not null,
  percent   double precision
);
create index review_history_review_idx on review_history (review_id, id);
create trigger review_history_append_only before update on review_history
  for each row execute function refuse_change();

create table call_comments (
  id          text primary key,
  call_id     text not null,
  at_ms       integer not null check (at_ms >= 0),
  to_ms       integer,
  text        text not null,
  author_id   text not null,
  author_name text not null,
  -- 'team': reviewers and supervisors; 'agent': the agent of the call too.
  audience    text not null default 'team' check (audience in ('team', 'agent')),
  created_at  timestamptz not null default now(),
  deleted_at  timestamptz
);
create index call_comments_call_idx on call_comments (call_id, at_ms);

create table clips (
  id           text primary key,
  call_id      text not null,
  recording_id text,
  from_ms      integer not null check (from_ms >= 0),
  to_ms        integer not null,
  title        text not null,
  watermark    text not null,
  with_audio   boolean not null,
  token_hash   text not null unique,
  created_by   text not null,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null,
  max_opens    integer,
  opens        integer not null default 0,
  revoked_at   timestamptz,
  check (to_ms > from_ms)
);
create index clips_call_idx on clips (call_id);

create table sampling_rules (
  id           text primary key,
  name         text not null unique,
  scorecard_id text not null references scorecards (id),
  -- 'perAgent', 'riskWords', 'shortCalls', 'complaints', each with its own fields in `settings`.
  kind         text not null check (kind in ('perAgent', 'riskWords', 'shortCalls', 'complaints')),
  settings     jsonb not null,
  queue_ids    text[] not null default '{}',
  reviewer_ids text[] not null default '{}',
  is_enabled   boolean not null default true,
  sampled_until timestamptz not null default now(),
  created_by   text not null,
  created_at   timestamptz not null default now()
);
create table review_tasks (
  id           text primary key,
  rule_id      text not null references sampling_rules (id) on delete cascade,
  call_id      text not null,
  agent_id     text,
  scorecard_id text not null,
  reason       text not null,
  assigned_to  text,
  status       text not null default 'open' check (status in ('open', 'done', 'dropped')),
  created_at   timestamptz not null default now(),
  done_at      timestamptz,
  unique (rule_id, call_id)
);
create index review_tasks_open_idx on review_tasks (assigned_to, created_at) where status = 'open';

-- Retention -------------------------------------------------------------------------------------------------------

create table retention_rules (
  id         text primary key,
  name       text not null unique,
  -- Which stores it speaks of; none means all.
  stores     text[] not null default '{}',
  -- ISO 3166-1 of the customer; null means everywhere. The same for queue and purpose.
  region     text,
  queue_id   text,
  purpose    text,
  -- null keeps without end.
  keep_days  integer check (keep_days >= 0),
  reason     text not null,
  is_enabled boolean not null default true,
  created_by text not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
create table retention_settings (
  only_row   boolean primary key default true check (only_row),
  -- Which rule wins where several of the same closeness speak: the one that keeps longest or shortest.
  overlap    text not null default 'longest' check (overlap in ('longest', 'shortest')),
  -- Nothing is deleted before a person has switched the sweep on.
  is_sweeping boolean not null default false,
  changed_by text,
  changed_at timestamptz
);
insert into retention_settings default values;

create table legal_holds (
  id          text primary key,
  -- A call, or everything of a number (by its keyed hash).
  call_id     text,
  number_hash text,
  matter      text not null,
  reason      text not null,
  until       timestamptz,
  set_by      text not null,
  set_at      timestamptz not null default now(),
  released_by text,
  released_at timestamptz,
  check ((call_id is null) <> (number_hash is null))
);
create index legal_holds_call_idx on legal_holds (call_id) where released_at is null;
create index legal_holds_number_idx on legal_holds (number_hash) where released_at is null;

-- Proof that something is gone, without what it was. Restoring a backup applies these again.
create table erasures (
  id      bigint generated always as identity primary key,
  at      timestamptz not null default now(),
  store   text not null,
  item_id text not null,
  call_id text,
  -- 'retention:<rule>' or 'request:<id>'.
  cause   text not null,
  method  text not null,
  proof   jsonb not null default '{}'
);
create index erasures_call_idx on erasures (call_id);
create index erasures_cause_idx on erasures (cause, id);
create index erasures_item_idx on erasures (store, item_id);
create trigger erasures_append_only before update or delete on erasures
  for each row execute function refuse_change();

-- Persons' rights -------------------------------------------------------------------------------------------------

create table privacy_requests (
  id            text primary key,
  -- What the person is told; short enough to be read out.
  reference     text not null unique,
  kind          text not null check (kind in ('access', 'export', 'correct', 'erase', 'restrict', 'do-not-sell', 'stop-calls')),
  regime        text not null,
  channel       text not null check (channel in ('public', 'staff', 'call')),
  language      text not null,
  -- The person's own words and marks, sealed with a key of this request.
  sealed_key    text,
  sealed        text,
  subject_hashes text[] not null,
  status        text not null check (status in ('unconfirmed', 'received', 'identity', 'planned', 'approved', 'running', 'partly', 'done', 'refused', 'withdrawn')),
  identity      text not null default 'pending' check (identity in ('pending', 'proved', 'failed')),
  identity_by   text,
  identity_how  text,
  received_at   timestamptz not null,
  acknowledge_by timestamptz,
  acknowledged_at timestamptz,
  due_at        timestamptz not null,
  house_due_at  timestamptz not null,
  extended_at   timestamptz,
  extension     jsonb,
  plan          jsonb,
  planned_by    text,
  planned_at    timestamptz,
  approved_by   text,
  approved_at   timestamptz,
  refusal       jsonb,
  progress      jsonb not null default '{}',
  certificate   jsonb,
  export_file   text,
  export_key    text,
  export_until  timestamptz,
  status_hash   text unique,
  done_at       timestamptz,
  created_at    timestamptz not null default now(),
  -- The one who planned an erasure does not approve it.
  check (approved_by is null or approved_by <> planned_by)
);
create index privacy_requests_due_idx on privacy_requests (due_at) where status not in ('done', 'refused', 'withdrawn', 'unconfirmed');
create index privacy_requests_created_idx on privacy_requests (created_at desc, id desc);
create index privacy_requests_subject_idx on privacy_requests using gin (subject_hashes);

create table privacy_request_events (
  id         bigint generated always as identity primary key,
  request_id text not null references privacy_requests (id),
  at         timestamptz not null default now(),
  by_name    text not null,
  what       text not null,
  detail     jsonb not null default '{}'
);
create index privacy_request_events_request_idx on privacy_request_events (request_id, id);
create trigger privacy_request_events_append_only before update or delete on privacy_request_events
  for each row execute function refuse_change();

-- Codes of the public page. The row exists whether we know the person or not.
create table privacy_codes (
  id          text primary key,
  kind        text not null,
  subject_hash text not null,
  sealed      text not null,
  code_hash   text not null,
  language    text not null,
  ip          text not null,
  tries       integer not null default 0,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  extended    integer not null default 0,
  used_at     timestamptz
);
create index privacy_codes_subject_idx on privacy_codes (subject_hash, created_at);

-- Marks that outlive the person's data, by keyed hash: restricted processing, no sale of data.
create table privacy_marks (
  id           bigint generated always as identity primary key,
  subject_hash text not null,
  kind         text not null check (kind in ('restrict', 'do-not-sell')),
  is_set       boolean not null,
  cause        text not null,
  at           timestamptz not null default now()
);
create index privacy_marks_subject_idx on privacy_marks (subject_hash, kind, id desc);
create trigger privacy_marks_append_only before update or delete on privacy_marks
  for each row execute function refuse_change();

-- The story of a call stays when a person is erased, without what names that person: only `data` may change, and only
-- while an erasure says so.
create function refuse_change_unless_erasing() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and current_setting('parley.erasing', true) = 'on'
    and (new.call_id, new.seq, new.at, new.kind) = (old.call_id, old.seq, old.at, old.kind) then
    return new;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = '2F000';
end $$;
drop trigger call_events_append_only on call_events;
create trigger call_events_append_only before update or delete on call_events
  for each row execute function refuse_change_unless_erasing();

create trigger recordings_search after insert or update of state on recordings
  for each row execute function queue_for_search();

create trigger reviews_search after insert or update of status on reviews
  for each row when (new.status <> 'draft') execute function queue_for_search();
