-- What each control plane holds at the engines: dialogs of the SIP server, channels of the media server. When it dies,
-- another one ends them.
create table held_legs (
  kind             text not null check (kind in ('dialog', 'channel')),
  -- The engine's own id.
  engine_id        text not null,
  control_plane_id text not null,
  held_at          timestamptz not null default now(),
  primary key (kind, engine_id)
);
create index held_legs_owner_idx on held_legs (control_plane_id);
-- Callers whose control plane died get their places back when they call again.
alter table queue_entries add column is_place_taken boolean not null default false;
create index queue_entries_lost_idx on queue_entries (queue_id) where outcome = 'lost' and not is_place_taken;
