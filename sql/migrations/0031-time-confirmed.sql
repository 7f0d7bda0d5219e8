-- When a person has said that the time is right, after clocks were set; every control plane hears of it.
create table time_confirmations (
  id bigint generated always as identity primary key,
  said_at timestamptz not null default clock_timestamp(),
  said_by text not null
);
