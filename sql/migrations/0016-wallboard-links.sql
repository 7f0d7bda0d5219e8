-- Links that show the wallboard, without names of people, to whoever has one: for screens on a wall.
create table wallboard_links (
  id           text primary key,
  name         text not null check (name <> ''),
  -- SHA-256 of the secret in the link.
  token_hash   text not null unique,
  created_by   text not null,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at   timestamptz
);
