-- What callers chose in menus, for reports of what they call about.
create index call_events_choices_idx on call_events (at)
  where kind = 'nodeLeft' and data -> 'detail' ->> 'key' is not null;
