-- When the number of an attempt first rang: until then it is being dialled.
alter table campaign_attempts add column rang_at timestamptz;
