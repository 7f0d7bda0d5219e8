-- When in a call what the law wants said was begun to be said, in milliseconds since the answer as recordings count, and by whom.
alter table campaign_attempts add column notice_ms integer;
alter table campaign_attempts add column notice_by text
  check (notice_by in ('announcement', 'agent', 'abandonedMessage', 'machineMessage'));

-- A trunk that some control plane found unable to carry calls, for all of them.
create table trunk_rests (
  trunk_id    text primary key,
  faults      integer not null,
  rests_until timestamptz not null
);
