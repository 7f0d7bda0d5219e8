-- What bots answer from, what they did in each call, and what they could not answer.

-- Knowledge -------------------------------------------------------------------------------------------------------

create table knowledge_articles (
  id                text primary key,
  -- The name that its importer has for it: importing the same again makes a new version, not a second article.
  source            text unique,
  -- BCP 47. An article in en serves callers who speak en-GB; one in en-US does not.
  language          text not null,
  -- Country or part of one, such as US or US-CA; null: everywhere.
  region            text,
  -- null: all products.
  product           text,
  -- Of the newest version, for lists.
  title             text not null,
  newest_version    integer not null check (newest_version > 0),
  -- The version that bots answer from; null: none.
  published_version integer,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now()
);
create index knowledge_articles_updated_idx on knowledge_articles (updated_at desc, id desc);

create table knowledge_versions (
  article_id   text not null references knowledge_articles (id) on delete cascade,
  version      integer not null check (version > 0),
  title        text not null,
  -- Markdown: headings, paragraphs, lists.
  body         text not null,
  valid_from   timestamptz,
  valid_until  timestamptz,
  author       text not null,
  created_at   timestamptz not null default now(),
  published_at timestamptz,
  primary key (article_id, version),
  check (valid_from is null or valid_until is null or valid_from < valid_until)
);

-- Pieces of published versions, short enough to be read to a caller.
create table knowledge_passages (
  id         bigint generated always as identity primary key,
  article_id text not null references knowledge_articles (id) on delete cascade,
  position   integer not null check (position >= 0),
  heading    text not null,
  text       text not null,
  -- Primary language, so that words are counted among their own.
  language   text not null,
  words      tsvector not null,
  unique (article_id, position)
);
create index knowledge_passages_words_idx on knowledge_passages using gin (words);
create index knowledge_passages_language_idx on knowledge_passages (language);

-- What bots did ---------------------------------------------------------------------------------------------------

-- One for each time that a bot took over a call. No words of the caller.
create table bot_conversations (
  id           text primary key,
  call_id      text not null,
  flow_id      text not null,
  node         text not null,
  language     text not null,
  outcome      text not null check (outcome in ('handover', 'done', 'noAnswer', 'failed', 'callerLeft')),
  reason       text not null,
  -- Where the caller was when it ended: disclosure, greeting, question, answer, confirmation, tool.
  ended_at_step text not null,
  turns        integer not null,
  answered     integer not null,
  unknown      integer not null,
  -- The caller said that it was answered; null when nobody asked.
  is_solved    boolean,
  model        text,
  tokens       integer not null default 0,
  cost_cents   double precision not null default 0,
  disclosed_ms integer,
  started_at   timestamptz not null,
  ended_at     timestamptz not null
);
create index bot_conversations_started_idx on bot_conversations (started_at);
create index bot_conversations_call_idx on bot_conversations (call_id);

-- One for each question of a caller, without its words: what it was answered with, and how long each stage took.
create table bot_turns (
  conversation_id text not null references bot_conversations (id) on delete cascade,
  turn            integer not null,
  -- The article that answered; its title is the topic. Null: none.
  article_id      text,
  -- What the turn came to: answer, unknown, tool, talk, notUnderstood, silence, handover.
  outcome         text not null,
  source          text not null check (source in ('model', 'retrieval', 'none')),
  confidence      double precision,
  retrieval_ms    integer,
  first_clause_ms integer,
  reply_ms        integer,
  speech_ms       integer,
  primary key (conversation_id, turn)
);
create index bot_turns_article_idx on bot_turns (article_id) where article_id is not null;

-- Questions without an answer, redacted, and only of callers who agreed to be recorded; they go with their call.
create table bot_questions (
  id          text primary key,
  call_id     text not null,
  language    text not null,
  question    text not null,
  -- Its words in their normal form, for grouping.
  words       text[] not null,
  asked_at    timestamptz not null,
  -- The article that was written because of it.
  article_id  text references knowledge_articles (id) on delete set null,
  settled_at  timestamptz
);
create index bot_questions_open_idx on bot_questions (asked_at desc) where settled_at is null;
create index bot_questions_call_idx on bot_questions (call_id);
