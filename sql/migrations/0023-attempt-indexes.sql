-- Each index of attempts is written for each dial. Open attempts are few and found by the partial indexes on number and lead;
-- who was called when is asked of attempts that are over.
drop index campaign_attempts_open_idx;
drop index campaign_attempts_called_idx;
create index campaign_attempts_called_idx on campaign_attempts (number, ended_at) where ended_at is not null;
