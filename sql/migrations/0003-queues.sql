-- Queues, agents and who gets whom.
-- Every row that decides about distribution carries the transaction that changed it last, so that a control plane can
-- ask for exactly what has changed since it looked, and a wake-up needs no content.

create function mark_change() returns trigger language plpgsql as $$
begin
  new.change_xid := pg_current_xact_id()::text::bigint;
  if tg_op = 'UPDATE' then new.version := old.version + 1; end if;
  return new;
end $$;

create function wake_control_planes() returns trigger language plpgsql as $$
begin
  perform pg_notify('parley_wake', tg_argv[0]);
  return null;
end $$;

create table queues (
  id                  text primary key,
  name                text not null,
  -- What agents and reports call it, by language.
  labels              jsonb not null default '{}',
  strategy            text not null default 'longestIdle'
                      check (strategy in ('longestIdle', 'roundRobin', 'leastOccupied', 'bestSkill', 'stickyAgent', 'ringAll')),
  tiers               jsonb not null default '[]',
  threshold_ms        integer not null default 20000 check (threshold_ms > 0),
  goal_percent        integer check (goal_percent between 1 and 100),
  priority            integer not null default 0,
  ageing_per_minute   integer not null default 1 check (ageing_per_minute >= 0),
  max_size            integer check (max_size > 0),
  max_wait_ms         integer check (max_wait_ms > 0),
  calendar            jsonb,
  wrap_up_ms          integer not null default 30000 check (wrap_up_ms >= 0),
  wrap_up_limit_ms    integer not null default 300000,
  ring_ms             integer not null default 20000 check (ring_ms > 0),
  is_auto_answered    boolean not null default false,
  sticky_wait_ms      integer not null default 30000 check (sticky_wait_ms >= 0),
  ring_all_max        integer not null default 5 check (ring_all_max > 0),
  -- Free agents that callbacks leave for callers who wait on the line.
  keep_free           integer not null default 0 check (keep_free >= 0),
  waits_without_agents boolean not null default false,
  overflow            jsonb,
  after_hours         jsonb,
  announce            jsonb not null default '{"position":true,"wait":true,"everyMs":30000}',
  music               text,
  script              text not null default '',
  callback_after_ms   integer check (callback_after_ms > 0),
  created_at          timestamptz not null default now(),
  -- Reports keep the names of queues that are gone.
  deleted_at          timestamptz,
  version             bigint not null default 1,
  change_xid          bigint not null default 0,
  check (wrap_up_limit_ms >= wrap_up_ms)
);
create unique index queues_name_key on queues (name) where deleted_at is null;
create index queues_change_idx on queues (change_xid);
create trigger queues_mark before insert or update on queues for each row execute function mark_change();
create trigger queues_wake after insert or update on queues for each statement execute function wake_control_planes('queues');

create table skills (
  name        text primary key check (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  description text not null default '',
  created_at  timestamptz not null default now()
);

-- One row for each user that takes calls.
create table agents (
  id                  text primary key references users (id),
  status              text not null default 'offline' check (status in ('offline', 'available', 'onBreak')),
  status_reason       text,
  status_since        timestamptz not null default now(),
  next_status         jsonb,
  state               text not null default 'idle' check (state in ('idle', 'reserved', 'ringing', 'talking', 'wrapUp')),
  state_since         timestamptz not null default now(),
  call_id             text,
  queue_id            text,
  offer_id            text,
  -- The control plane that holds the softphone. Its heartbeat is the lease of everything that it owns.
  control_plane_id    text,
  detached_at         timestamptz,
  has_desk_phone      boolean not null default false,
  -- Why the last proof of the softphone says that no call can be heard there.
  proof_reasons       text[] not null default '{noProof}',
  missed              jsonb,
  miss_count          integer not null default 0,
  paused_until        timestamptz,
  is_routable         boolean not null default false,
  not_routable        text[] not null default '{connectionLost}',
  -- Which work this agent takes: callers on the line, callbacks, campaigns.
  work                text[] not null default '{inbound,callback,campaign}',
  wrap_up_started_at  timestamptz,
  wrap_up_ends_at     timestamptz,
  wrap_up_limit_at    timestamptz,
  wrap_up_ended_by    text,
  last_call_ended_at  timestamptz,
  -- Since when the agent waits for work, for "longest idle": a missed offer does not begin it anew.
  idle_since          timestamptz not null default now(),
  last_offered_at     timestamptz,
  occupied_ms         bigint not null default 0,
  -- The UTC day that occupied_ms counts, as YYYY-MM-DD.
  occupied_on         text,
  -- When time alone changes something next.
  due_at              timestamptz,
  profile_version     bigint not null default 1,
  created_at          timestamptz not null default now(),
  version             bigint not null default 1,
  change_xid          bigint not null default 0
);
create index agents_change_idx on agents (change_xid);
create index agents_due_idx on agents (due_at) where due_at is not null;
create index agents_owner_idx on agents (control_plane_id) where control_plane_id is not null;
create trigger agents_mark before insert or update on agents for each row execute function mark_change();
create trigger agents_wake after insert or update on agents for each statement execute function wake_control_planes('agents');

create table agent_skills (
  agent_id text not null references agents (id) on delete cascade,
  skill    text not null references skills (name),
  level    integer not null check (level between 1 and 5),
  primary key (agent_id, skill)
);
create index agent_skills_skill_idx on agent_skills (skill);

create table agent_languages (
  agent_id text not null references agents (id) on delete cascade,
  language text not null,
  level    text not null check (level in ('A1', 'A2', 'B1', 'B2', 'C1', 'C2')),
  primary key (agent_id, language)
);

-- What agents were doing, without gaps and overlaps; written by the database so that no writer can forget it.
create table agent_intervals (
  id            bigint generated always as identity primary key,
  agent_id      text not null,
  status        text not null,
  status_reason text,
  state         text not null,
  call_id       text,
  queue_id      text,
  started_at    timestamptz not null,
  ended_at      timestamptz
);
create unique index agent_intervals_open_key on agent_intervals (agent_id) where ended_at is null;
create index agent_intervals_agent_idx on agent_intervals (agent_id, started_at);
create index agent_intervals_ended_idx on agent_intervals (ended_at);

create function keep_agent_history() returns trigger language plpgsql as $$
begin
  update agent_intervals i set ended_at = greatest(i.started_at, n.status_since, n.state_since)
    from new_agents n join old_agents o on o.id = n.id
    where i.agent_id = n.id and i.ended_at is null
      and (o.status, o.status_reason, o.state) is distinct from (n.status, n.status_reason, n.state);
  insert into agent_intervals (agent_id, status, status_reason, state, call_id, queue_id, started_at)
    select n.id, n.status, n.status_reason, n.state, n.call_id, n.queue_id, greatest(n.status_since, n.state_since)
    from new_agents n join old_agents o on o.id = n.id
    where (o.status, o.status_reason, o.state) is distinct from (n.status, n.status_reason, n.state);
  return null;
end $$;
create trigger agents_history after update on agents referencing old table as old_agents new table as new_agents
  for each statement execute function keep_agent_history();

create function begin_agent_history() returns trigger language plpgsql as $$
begin
  insert into agent_intervals (agent_id, status, status_reason, state, started_at)
    values (new.id, new.status, new.status_reason, new.state, greatest(new.status_since, new.state_since));
  return null;
end $$;
create trigger agents_history_begins after insert on agents for each row execute function begin_agent_history();

create table queue_entries (
  id               text primary key,
  call_id          text not null,
  queue_id         text not null references queues (id),
  kind             text not null default 'inbound' check (kind in ('inbound', 'callback', 'campaign')),
  control_plane_id text not null,
  language         text not null,
  skills           text[] not null default '{}',
  priority         integer not null default 0,
  -- Goes before everybody else of the queue: lost its agent through no fault of its own.
  is_head          boolean not null default false,
  called_number    text,
  entered_at       timestamptz not null,
  -- The instant that the place in the queue counts from; earlier than entered_at for a caller who kept it.
  place_from_at    timestamptz not null,
  max_wait_ms      integer,
  sticky_agent_id  text,
  state            text not null default 'waiting' check (state in ('waiting', 'reserved', 'connected', 'left')),
  tier             integer,
  outcome          text,
  left_at          timestamptz,
  version          bigint not null default 1,
  change_xid       bigint not null default 0
);
create index queue_entries_change_idx on queue_entries (change_xid);
create index queue_entries_live_idx on queue_entries (queue_id) where state in ('waiting', 'reserved');
create index queue_entries_call_idx on queue_entries (call_id);
create index queue_entries_owner_idx on queue_entries (control_plane_id) where state <> 'left';
create index queue_entries_left_idx on queue_entries (left_at) where state = 'left';
create trigger queue_entries_mark before insert or update on queue_entries for each row execute function mark_change();
create trigger queue_entries_wake after insert or update on queue_entries
  for each statement execute function wake_control_planes('entries');

-- One row for each time that one agent was held for one call.
create table offers (
  id                     text primary key,
  -- Null for a direct call: a transfer, a consultation, a click to call.
  entry_id               text,
  call_id                text not null,
  queue_id               text,
  agent_id               text not null references agents (id),
  call_control_plane_id  text not null,
  agent_control_plane_id text,
  state                  text not null default 'pending' check (state in ('pending', 'answered', 'over')),
  outcome                text check (outcome in ('missed', 'rejected', 'device', 'network', 'callerGone', 'withdrawn')),
  reason                 text not null default '',
  created_at             timestamptz not null,
  expires_at             timestamptz not null,
  answered_at            timestamptz,
  ended_at               timestamptz
);
create index offers_pending_idx on offers (expires_at) where state = 'pending';
create index offers_entry_idx on offers (entry_id) where state = 'pending';
create index offers_agent_idx on offers (agent_id, created_at);
create index offers_created_idx on offers (created_at);

-- The turns of callbacks (the callback itself is in queue_callbacks).
create table queue_callback_turns (
  callback_id text primary key references queue_callbacks (id),
  attempts    integer not null default 0,
  not_before  timestamptz not null default now(),
  -- The entry that holds its place now.
  entry_id    text
);
create index queue_callbacks_waiting_idx on queue_callbacks (queue) where status = 'waiting';
create trigger queue_callbacks_wake after insert or update on queue_callbacks
  for each statement execute function wake_control_planes('callbacks');

create table dispositions (
  code       text primary key check (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  labels     jsonb not null default '{}',
  -- Queues that it can be chosen in; none means all.
  queue_ids  text[] not null default '{}',
  is_active  boolean not null default true,
  created_at timestamptz not null default now()
);

create table status_reasons (
  code       text primary key check (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  labels     jsonb not null default '{}',
  is_active  boolean not null default true,
  created_at timestamptz not null default now()
);

-- What an agent wrote and decided about a call. A disposition of null is missing; it is never made up.
create table call_notes (
  call_id     text not null,
  agent_id    text not null references agents (id),
  queue_id    text,
  disposition text,
  note        text not null default '',
  wrap_up_started_at timestamptz,
  wrap_up_ended_at   timestamptz,
  -- 'finished' by the agent or 'timedOut'.
  wrap_up_end text check (wrap_up_end in ('finished', 'timedOut')),
  updated_at  timestamptz not null,
  primary key (call_id, agent_id)
);
create index call_notes_agent_idx on call_notes (agent_id, updated_at);

-- One row for each visit to a queue, once its wait is over. Reports and the wallboard count these.
create table queue_visits (
  id              text primary key,
  call_id         text not null,
  queue_id        text not null references queues (id),
  kind            text not null,
  called_number   text,
  language        text not null,
  entered_at      timestamptz not null,
  -- When the wait was over.
  left_at         timestamptz not null,
  outcome         text not null
                  check (outcome in ('answered', 'abandoned', 'overflow', 'callback', 'voicemail', 'transferred', 'lost')),
  waited_ms       integer not null check (waited_ms >= 0),
  is_within_threshold boolean not null,
  agent_id        text,
  talk_ms         integer,
  hold_ms         integer,
  wrap_up_ms      integer,
  is_transferred  boolean not null default false
);
create index queue_visits_left_idx on queue_visits (left_at);
create index queue_visits_queue_idx on queue_visits (queue_id, left_at);
create index queue_visits_call_idx on queue_visits (call_id);
