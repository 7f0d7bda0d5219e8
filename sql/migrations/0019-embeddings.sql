-- What passages mean, as a model of the operator's places them: only where such a model is set.
--
-- Plain numbers and no column of pgvector's type: the extension may come, go, or be missing, and the articles stay.

create table knowledge_embeddings (
  article_id text not null,
  position   integer not null,
  -- Vectors of different models cannot be compared.
  model      text not null,
  embedding  real[] not null check (cardinality(embedding) > 0),
  primary key (article_id, position),
  foreign key (article_id, position) references knowledge_passages (article_id, position) on delete cascade
);
