-- A transaction that has sent a notice commits alone: PostgreSQL holds one lock for all of them until it is on the disk. So
-- whoever changes agents or callers says so after the commit, in a transaction that writes nothing. One that dies before that is
-- made good by looking every second.
drop trigger agents_wake on agents;
drop trigger queue_entries_wake on queue_entries;

-- An INVITE that has no final answer yet, by the SIP server's name of its transaction.
alter table held_legs drop constraint held_legs_kind_check;
alter table held_legs add constraint held_legs_kind_check check (kind in ('dialog', 'channel', 'invite'));
