-- A call may lead to further attempts: whoever it is transferred to outside is called on a decision of their own.
alter table compliance_attempts add column is_party boolean not null default false;
alter table compliance_attempts drop constraint compliance_attempts_call_id_key;
-- What the call itself is for joins exactly one decision.
create unique index compliance_attempts_call_key on compliance_attempts (call_id) where not is_party;
create index compliance_attempts_call_idx on compliance_attempts (call_id);
-- Legs to numbers outside, which are checked against the attempts.
create index call_events_outside_legs_idx on call_events (at)
  where kind = 'legStarted' and data ->> 'destination' = 'number';
