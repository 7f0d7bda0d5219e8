-- When it was said until when a contact waits, by the clock that said so; null where a person has said it. When that clock
-- turns out to have been ahead, so was what it said.
alter table campaign_leads add column put_off_at timestamptz;
