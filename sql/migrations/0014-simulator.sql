-- Calls of scripted callers: marked, and left out of whatever counts or finds calls of people.
alter table cdrs add column is_simulated boolean not null default false;
create index cdrs_simulated_idx on cdrs (call_id) where is_simulated;

-- Scripted callers that somebody keeps for a flow, as YAML.
create table call_scenarios (
  flow_id    text not null references flows (id) on delete cascade,
  name       text not null check (name <> ''),
  source     text not null,
  updated_by text,
  updated_at timestamptz not null default now(),
  primary key (flow_id, name)
);

-- One for each time that somebody had scripted callers call a flow.
create table simulations (
  id           text primary key,
  flow_id      text not null,
  -- 0: a draft that was never stored.
  flow_version integer not null,
  scenario     text not null,
  started_by   text not null,
  started_at   timestamptz not null,
  ended_at     timestamptz,
  -- What came of it; null while it runs.
  is_success   boolean,
  report       jsonb
);
create index simulations_flow_idx on simulations (flow_id, started_at desc);
