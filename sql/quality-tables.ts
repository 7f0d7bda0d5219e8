import type { ColumnType, Generated } from 'kysely'

type Json<T> = ColumnType<T, string, string>
type JsonDefault<T> = ColumnType<T, string | undefined, string>
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>
type CreatedAt = ColumnType<Date, Date | undefined, never>
type Instant = ColumnType<Date, Date | undefined, Date>
type Data = Readonly<Record<string, unknown>>

export interface TranscriptsTable {
  id: string
  call_id: string
  language: string
  provider: string
  origin: 'live' | 'import' | 'job'
  status: 'writing' | 'complete' | 'erased'
  consent: string
  region: ColumnType<string | null, string | null | undefined, string | null>
  sealed_key: string | null
  utterances: Generated<number>
  words: Generated<number>
  redactions: Generated<number>
  agent_ms: Generated<number>
  customer_ms: Generated<number>
  bot_ms: Generated<number>
  longest_silence_ms: Generated<number>
  overlap_ms: Generated<number>
  created_at: CreatedAt
  written_at: Instant
  finished_at: Date | null
  erased_at: Date | null
}

export interface TranscriptPartsTable {
  transcript_id: string
  part: number
  utterances: number
  from_ms: number
  to_ms: number
  body: ColumnType<Uint8Array, Buffer, never>
}

export interface TranscriptionJobsTable {
  id: string
  call_id: string
  recording_id: string
  provider: string | null
  language: string | null
  status: Generated<'waiting' | 'running' | 'done' | 'failed'>
  attempts: Generated<number>
  code: string | null
  problem: string | null
  leased_until: Date | null
  created_at: CreatedAt
  done_at: Date | null
}

export interface UnredactedGrantsTable {
  id: string
  user_id: string
  reason: string
  granted_by: string
  granted_at: CreatedAt
  expires_at: Date
  revoked_at: Date | null
}

export interface CallDocumentsTable {
  call_id: string
  part: Generated<number>
  started_at: Date
  duration_ms: number
  longest_silence_ms: number
  overlap_ms: number
  words: string
}

export interface SearchQueueTable {
  call_id: string
  queued_at: CreatedAt
}

export interface ScorecardsTable {
  id: string
  name: string
  draft: Json<Data>
  draft_at: Instant
  version: number | null
  created_by: string
  created_at: CreatedAt
  archived_at: Date | null
}

export interface ScorecardVersionsTable {
  scorecard_id: string
  version: number
  body: Json<Data>
  published_by: string
  published_at: CreatedAt
}

export interface CalibrationsTable {
  id: string
  name: string
  call_id: string
  scorecard_id: string
  version: number
  reviewer_ids: string[]
  due_at: Date | null
  created_by: string
  created_at: CreatedAt
}

export type ReviewKind = 'review' | 'calibration' | 'machine'
export type ReviewStatus = 'draft' | 'submitted' | 'disputed' | 'settled'

export interface ReviewsTable {
  id: string
  call_id: string
  scorecard_id: string
  version: number
  kind: ReviewKind
  calibration_id: string | null
  task_id: string | null
  reviewer_id: string
  reviewer_name: string
  agent_id: string | null
  answers: JsonDefault<Data>
  note: Generated<string>
  coaching: Generated<string>
  status: ReviewStatus
  percent: number | null
  critical: Generated<string[]>
  is_passed: boolean | null
  created_at: CreatedAt
  changed_at: Instant
  submitted_at: Date | null
  seen_by_agent_at: Date | null
}

export interface ReviewDisputesTable {
  id: string
  review_id: string
  raised_by: string
  question_ids: Generated<string[]>
  reason: string
  raised_at: CreatedAt
  outcome: 'upheld' | 'changed' | null
  answer: string | null
  answered_by: string | null
  answered_at: Date | null
}

export interface ReviewHistoryTable {
  id: Generated<string>
  review_id: string
  at: CreatedAt
  by_id: string
  what: string
  answers: Json<Data>
  percent: number | null
}

export interface CallCommentsTable {
  id: string
  call_id: string
  at_ms: number
  to_ms: number | null
  text: string
  author_id: string
  author_name: string
  audience: Generated<'team' | 'agent'>
  created_at: CreatedAt
  deleted_at: Date | null
}

export interface ClipsTable {
  id: string
  call_id: string
  recording_id: string | null
  from_ms: number
  to_ms: number
  title: string
  watermark: string
  with_audio: boolean
  token_hash: string
  created_by: string
  created_at: CreatedAt
  expires_at: Date
  max_opens: number | null
  opens: Generated<number>
  revoked_at: Date | null
}

export type SamplingKind = 'perAgent' | 'riskWords' | 'shortCalls' | 'complaints'

export interface SamplingRulesTable {
  id: string
  name: string
  scorecard_id: string
  kind: SamplingKind
  settings: Json<Data>
  queue_ids: Generated<string[]>
  reviewer_ids: Generated<string[]>
  is_enabled: Generated<boolean>
  sampled_until: Instant
  created_by: string
  created_at: CreatedAt
}

export interface ReviewTasksTable {
  id: string
  rule_id: string
  call_id: string
  agent_id: string | null
  scorecard_id: string
  reason: string
  assigned_to: string | null
  status: Generated<'open' | 'done' | 'dropped'>
  created_at: CreatedAt
  done_at: Date | null
}

export interface RetentionRulesTable {
  id: string
  name: string
  stores: Generated<string[]>
  region: string | null
  queue_id: string | null
  purpose: string | null
  keep_days: number | null
  reason: string
  is_enabled: Generated<boolean>
  created_by: string
  created_at: CreatedAt
  changed_at: Instant
}

export interface RetentionSettingsTable {
  only_row: Generated<boolean>
  overlap: Generated<'longest' | 'shortest'>
  is_sweeping: Generated<boolean>
  changed_by: string | null
  changed_at: Date | null
  clock_seen_at: Date | null
}

export interface LegalHoldsTable {
  id: string
  call_id: string | null
  number_hash: string | null
  matter: string
  reason: string
  until: Date | null
  set_by: string
  set_at: CreatedAt
  released_by: string | null
  released_at: Date | null
}

export interface ErasuresTable {
  id: Generated<string>
  at: CreatedAt
  store: string
  item_id: string
  call_id: string | null
  cause: string
  method: string
  proof: JsonDefault<Data>
}

export type PrivacyKind = 'access' | 'export' | 'correct' | 'erase' | 'restrict' | 'do-not-sell' | 'stop-calls'
export type PrivacyStatus =
  | 'unconfirmed'
  | 'received'
  | 'identity'
  | 'planned'
  | 'approved'
  | 'running'
  | 'partly'
  | 'done'
  | 'refused'
  | 'withdrawn'

export interface PrivacyRequestsTable {
  id: string
  reference: string
  kind: PrivacyKind
  regime: string
  channel: 'public' | 'staff' | 'call'
  language: string
  sealed_key: string | null
  sealed: string | null
  subject_hashes: string[]
  status: PrivacyStatus
  identity: Generated<'pending' | 'proved' | 'failed'>
  identity_by: string | null
  identity_how: string | null
  received_at: Date
  acknowledge_by: Date | null
  acknowledged_at: Date | null
  due_at: Date
  house_due_at: Date
  extended_at: Date | null
  extension: NullableJson<Data>
  plan: NullableJson<Data>
  planned_by: string | null
  planned_at: Date | null
  approved_by: string | null
  approved_at: Date | null
  refusal: NullableJson<Data>
  progress: JsonDefault<Data>
  certificate: NullableJson<Data>
  export_file: string | null
  export_key: string | null
  export_until: Date | null
  status_hash: string | null
  done_at: Date | null
  created_at: CreatedAt
}

export interface PrivacyRequestEventsTable {
  id: Generated<string>
  request_id: string
  at: CreatedAt
  by_name: string
  what: string
  detail: JsonDefault<Data>
}

export interface PrivacyCodesTable {
  id: string
  kind: string
  subject_hash: string
  sealed: string
  code_hash: string
  language: string
  ip: string
  tries: Generated<number>
  created_at: CreatedAt
  expires_at: Date
  extended: Generated<number>
  used_at: Date | null
}

export interface PrivacyMarksTable {
  id: Generated<string>
  subject_hash: string
  kind: 'restrict' | 'do-not-sell'
  is_set: boolean
  cause: string
  at: CreatedAt
}

export interface AuditChainTable {
  only_row: Generated<boolean>
  seq: string
  hash: string
}

export interface AuditChainStartTable {
  chained_before: string
  chained_at: Date
}

/** Tables of migration 0007; part of `Tables`. */
export interface QualityTables {
  audit_chain: AuditChainTable
  audit_chain_start: AuditChainStartTable
  transcripts: TranscriptsTable
  transcript_parts: TranscriptPartsTable
  transcription_jobs: TranscriptionJobsTable
  unredacted_grants: UnredactedGrantsTable
  call_documents: CallDocumentsTable
  search_queue: SearchQueueTable
  scorecards: ScorecardsTable
  scorecard_versions: ScorecardVersionsTable
  calibrations: CalibrationsTable
  reviews: ReviewsTable
  review_disputes: ReviewDisputesTable
  review_history: ReviewHistoryTable
  call_comments: CallCommentsTable
  clips: ClipsTable
  sampling_rules: SamplingRulesTable
  review_tasks: ReviewTasksTable
  retention_rules: RetentionRulesTable
  retention_settings: RetentionSettingsTable
  legal_holds: LegalHoldsTable
  erasures: ErasuresTable
  privacy_requests: PrivacyRequestsTable
  privacy_request_events: PrivacyRequestEventsTable
  privacy_codes: PrivacyCodesTable
  privacy_marks: PrivacyMarksTable
}
