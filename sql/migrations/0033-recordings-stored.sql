-- When the store took a recording: whoever works with what is stored looks at this, and not at when it was made. A store, or the machine
-- that recorded, may have been away for days between the two.
alter table recordings add column stored_at timestamptz;
create index recordings_stored_at_idx on recordings (coalesce(stored_at, created_at)) where state = 'stored';
