-- Earlier states of a review stay as they were, but for what an erasure takes out of them.
create function refuse_change_of_review_unless_erasing() returns trigger language plpgsql as $$
begin
  if current_setting('parley.erasing', true) = 'on'
    and (new.id, new.review_id, new.at, new.by_id, new.what) = (old.id, old.review_id, old.at, old.by_id, old.what) then
    return new;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = '2F000';
end $$;
drop trigger review_history_append_only on review_history;
create trigger review_history_append_only before update on review_history
  for each row execute function refuse_change_of_review_unless_erasing();

-- When a sweep last found the clock to be right; null before the first one.
alter table retention_settings add column clock_seen_at timestamptz;

-- Whom a message asked, by keyed hash, so that an erasure finds it; null in rows from before.
alter table consent_requests add column number_hash text;
create index consent_requests_number_idx on consent_requests (number_hash);
