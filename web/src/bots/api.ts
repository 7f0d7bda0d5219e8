import type { Page } from '../api/client.ts'

export type Article = Readonly<{
  id: string
  language: string
  region: string | null
  product: string | null
  title: string
  newestVersion: number
  publishedVersion: number | null
  updatedAt: string
}>

export type Version = Readonly<{
  version: number
  state: 'draft' | 'published' | 'old'
  title: string
  body: string
  validFrom: string | null
  validUntil: string | null
  author: string
  createdAt: string
  /** Sentences that do not speak to callers as one speaks to customers. */
  impolite: readonly string[]
}>

export type ArticleDetail = Article & Readonly<{ versions: readonly Version[] }>

export type QuestionAnswer = Readonly<{
  isKnown: boolean
  threshold: number
  terms: readonly string[]
  passages: readonly Readonly<{
    articleId: string
    title: string
    heading: string
    text: string
    score: number
    matched: readonly string[]
  }>[]
}>

export type ImportReport = Readonly<{
  created: number
  changed: number
  unchanged: number
  problems: readonly Readonly<{ line: number; code: string; message: string }>[]
}>

export type QuestionGroup = Readonly<{ language: string; example: string; ids: readonly string[]; lastAskedAt: string }>

type Counted = readonly Readonly<{ name: string; count: number }>[]

export type BotReport = Readonly<{
  conversations: number
  contained: number
  solved: number
  askedIfSolved: number
  handover: number
  cents: number
  handOvers: Counted
  leaving: Counted
  topics: readonly Readonly<{
    articleId: string
    title: string | null
    answers: number
    conversations: number
    solved: number
    handedOver: number
  }>[]
  menuChoices: readonly Readonly<{
    flowId: string
    node: string
    key: string
    count: number
    spoken: number
    calls: number
  }>[]
  stages: readonly Readonly<{
    source: 'model' | 'retrieval' | 'none'
    stage: 'retrieval' | 'firstClause' | 'speech' | 'reply'
    turns: number
    medianMs: number
    p95Ms: number
  }>[]
}>

export type ArticlePage = Page<Article>

/** What a list says of an article's state. */
export function stateOf({ publishedVersion, newestVersion }: Article): 'draft' | 'published' | 'changed' {
  if (publishedVersion === null) return 'draft'
  return publishedVersion === newestVersion ? 'published' : 'changed'
}

/** Empty fields of a form mean none. */
export function orNull(text: string): string | null {
  return text.trim() === '' ? null : text.trim()
}
