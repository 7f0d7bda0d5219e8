import type { ColumnType, Generated } from 'kysely'

type CreatedAt = ColumnType<Date, Date | undefined, never>
type Instant = ColumnType<Date, Date | undefined, Date>

export interface KnowledgeArticlesTable {
  id: string
  source: string | null
  language: string
  region: string | null
  product: string | null
  title: string
  newest_version: number
  published_version: number | null
  created_at: CreatedAt
  updated_at: Instant
}

export interface KnowledgeVersionsTable {
  article_id: string
  version: number
  title: string
  body: string
  valid_from: Date | null
  valid_until: Date | null
  author: string
  created_at: CreatedAt
  published_at: Date | null
}

export interface KnowledgePassagesTable {
  id: Generated<string>
  article_id: string
  position: number
  heading: string
  text: string
  language: string
  words: ColumnType<string, never, never>
}

export interface KnowledgeEmbeddingsTable {
  article_id: string
  position: number
  model: string
  embedding: number[]
}

export interface BotConversationsTable {
  id: string
  call_id: string
  flow_id: string
  node: string
  language: string
  outcome: 'handover' | 'done' | 'noAnswer' | 'failed' | 'callerLeft'
  reason: string
  ended_at_step: string
  turns: number
  answered: number
  unknown: number
  is_solved: boolean | null
  model: string | null
  tokens: number
  cost_cents: number
  disclosed_ms: number | null
  started_at: Date
  ended_at: Date
}

export interface BotTurnsTable {
  conversation_id: string
  turn: number
  article_id: string | null
  outcome: string
  source: 'model' | 'retrieval' | 'none'
  confidence: number | null
  retrieval_ms: number | null
  first_clause_ms: number | null
  reply_ms: number | null
  speech_ms: number | null
}

export interface BotQuestionsTable {
  id: string
  call_id: string
  language: string
  question: string
  words: string[]
  asked_at: Date
  article_id: string | null
  settled_at: Date | null
}

export interface BotTables {
  knowledge_articles: KnowledgeArticlesTable
  knowledge_versions: KnowledgeVersionsTable
  knowledge_passages: KnowledgePassagesTable
  knowledge_embeddings: KnowledgeEmbeddingsTable
  bot_conversations: BotConversationsTable
  bot_turns: BotTurnsTable
  bot_questions: BotQuestionsTable
}
