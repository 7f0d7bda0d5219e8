-- Services of the company's that know customers (CRM, ERP, device data), asked when a call enters a queue.

create table card_sources (
  id             text primary key,
  name           text not null unique,
  -- With {number}, {callId} and {language} in it.
  url            text not null check (url ~ '^https?://'),
  -- Header name to value, sealed as one JSON text; null for none.
  headers_sealed text,
  timeout_ms     integer not null default 2000 check (timeout_ms between 100 and 30000),
  fields         jsonb not null default '[]',
  name_path      text,
  is_enabled     boolean not null default true,
  created_at     timestamptz not null default now()
);
