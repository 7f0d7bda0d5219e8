-- The personal part of a consent is sealed in the row that an erasure empties; events from before have a key there and the part in the event.
alter table consent_keys add column sealed_part text;
-- Both rows come and stay together: an event cannot be changed, and no row of this table is ever deleted. Checking it cost an import
-- more than storing the row.
alter table consent_events drop constraint consent_events_key_id_fkey;
-- Few events name a person beside the number.
drop index consent_events_person_idx;
create index consent_events_person_idx on consent_events (person_hash, seq) where person_hash is not null;
