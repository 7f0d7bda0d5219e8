-- The leg of an attempt at the media server, which is asked about it when its control plane has died.
alter table campaign_attempts add column endpoint_id text;
