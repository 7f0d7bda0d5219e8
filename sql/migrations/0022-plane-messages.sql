-- What control planes say to each other. Nothing here outlives a minute, so that it need not survive a crash either.
create unlogged table plane_messages (
  no         bigint generated always as identity primary key,
  to_plane   text not null,
  from_plane text not null,
  body       jsonb not null,
  sent_at    timestamptz not null default now()
);
create index plane_messages_to_idx on plane_messages (to_plane, no);
