-- The language that a caller chose, for the next call from the same number.
create table caller_languages (
  id bigint generated always as identity primary key,
  number text not null unique,
  language text not null,
  chosen_at timestamptz not null
);
create index caller_languages_chosen_idx on caller_languages (chosen_at);
