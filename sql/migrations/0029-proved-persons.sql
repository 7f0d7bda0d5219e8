-- Who was taken for a machine and was a person is asked for each second while a campaign dials, among all its attempts.
create index campaign_attempts_amd_wrong_idx on campaign_attempts (campaign_no, answered_at) where is_amd_wrong;
