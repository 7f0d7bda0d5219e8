-- Other programs hear of what happens in calls. A delivery is written with the event itself, in one transaction.

create table webhooks (
  id            text primary key,
  name          text not null unique,
  url           text not null check (url ~ '^https?://'),
  -- Kinds of call events, such as 'started' and 'ended'; '*' stands for all.
  kinds         text[] not null,
  secret_sealed text not null,
  is_enabled    boolean not null default true,
  created_at    timestamptz not null default now()
);

create table webhook_deliveries (
  id           bigint generated always as identity primary key,
  webhook_id   text not null references webhooks (id) on delete cascade,
  call_id      text not null,
  seq          integer not null,
  state        text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
  attempts     integer not null default 0,
  next_at      timestamptz not null default now(),
  -- A control plane that is sending it right now; the lease ends by itself when that one dies.
  leased_until timestamptz,
  last_status  integer,
  last_problem text,
  delivered_at timestamptz,
  created_at   timestamptz not null default now(),
  unique (webhook_id, call_id, seq)
);
create index webhook_deliveries_due_idx on webhook_deliveries (next_at) where state = 'waiting';
create index webhook_deliveries_list_idx on webhook_deliveries (webhook_id, id desc);
