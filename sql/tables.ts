import type { ColumnType, Generated } from 'kysely'
import type { BotTables } from './bot-tables.ts'
import type { CampaignTables } from './campaign-tables.ts'
import type { QualityTables } from './quality-tables.ts'
import type { QueueTables } from './queue-tables.ts'
import type { RecordingTables } from './recording-tables.ts'

/** A jsonb column: read as parsed data, written as JSON text so that PGlite and pg treat arrays alike. */
type Json<T> = ColumnType<T, string, string>
/** A jsonb column with a default. */
type JsonDefault<T> = ColumnType<T, string | undefined, string>
/** A timestamptz column that the database fills when it is left out. */
type CreatedAt = ColumnType<Date, Date | undefined, never>

export type UserRole = 'agent' | 'supervisor' | 'campaign-manager' | 'qa-reviewer' | 'admin' | 'privacy-officer'
export type ApiKeyRole = UserRole | 'integration'

export interface UsersTable {
  id: string
  username: string
  display_name: string
  password_hash: string
  role: UserRole
  language: Generated<string>
  created_at: CreatedAt
  disabled_at: Date | null
}

export interface SessionsTable {
  token_hash: string
  user_id: string
  created_at: CreatedAt
  expires_at: Date
  ip: string | null
  user_agent: string | null
}

export interface ApiKeysTable {
  id: string
  name: string
  prefix: string
  key_hash: string
  role: ApiKeyRole
  created_by: string
  created_at: CreatedAt
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
}

export interface AuditLogTable {
  id: Generated<string>
  at: CreatedAt
  actor_kind: 'user' | 'api-key' | 'system' | 'anonymous'
  actor_id: string | null
  actor_name: string
  action: string
  subject_kind: string | null
  subject_id: string | null
  detail: JsonDefault<Record<string, unknown>>
  ip: string | null
  request_id: string | null
  /** Written by a trigger only: the entry's place in the chain of hashes (migration 0007). */
  seq: ColumnType<string, never, never>
  body: ColumnType<string, never, never>
  prev: ColumnType<string, never, never>
  hash: ColumnType<string, never, never>
}

export interface FlowsTable {
  id: string
  name: string
  description: Generated<string>
  published_version: number | null
  created_at: CreatedAt
}

export interface FlowVersionsTable {
  flow_id: string
  version: number
  source: string
  checksum: string
  note: Generated<string>
  created_by: string | null
  created_at: CreatedAt
}

export interface FlowPublicationsTable {
  id: Generated<string>
  flow_id: string
  version: number
  published_by: string | null
  published_at: CreatedAt
}

export interface TrunksTable {
  id: string
  name: string
  carrier: Generated<string>
  authentication: 'ip' | 'digest'
  addresses: Generated<string[]>
  username: string | null
  password_sealed: string | null
  outbound_address: string | null
  transport: Generated<'udp' | 'tcp' | 'tls'>
  default_caller_number: string | null
  allows_foreign_caller_number: Generated<boolean>
  allowed_prefixes: Generated<string[]>
  max_calls: Generated<number>
  max_calls_per_second: Generated<number>
  priority: Generated<number>
  is_enabled: Generated<boolean>
  created_at: CreatedAt
}

export interface NumbersTable {
  id: string
  number: string
  label: Generated<string>
  language: string
  region: string
  flow_id: string | null
  trunk_id: string | null
  is_enabled: Generated<boolean>
  created_at: CreatedAt
}

export interface SipAccountsTable {
  username: string
  user_id: string | null
  extension: string | null
  realm: string
  ha1_md5: string
  ha1_sha256: string
  created_at: CreatedAt
}

export interface RegistrationsTable {
  username: string
  contact: string
  source_address: string
  source_port: number
  protocol: string
  sip_call_id: string
  cseq: number
  user_agent: string | null
  expires_at: Date
}

export interface ControlPlanesTable {
  id: string
  started_at: CreatedAt
  heartbeat_at: ColumnType<Date, Date | undefined, Date>
}

export interface TimeConfirmationsTable {
  id: Generated<string>
  said_at: CreatedAt
  said_by: string
}

export interface HeldLegsTable {
  kind: 'dialog' | 'channel' | 'invite'
  engine_id: string
  control_plane_id: string
  held_at: CreatedAt
}

export interface CallEventsTable {
  call_id: string
  seq: number
  at: Date
  kind: string
  data: Json<Record<string, unknown>>
}

export interface CdrsTable {
  call_id: string
  direction: 'inbound' | 'outbound'
  caller_number: string | null
  called_number: string | null
  sip_call_id: string | null
  trunk_id: string | null
  number_id: string | null
  flow_id: string | null
  flow_version: number | null
  language: string | null
  state: 'ringing' | 'answered' | 'ended'
  started_at: Date
  answered_at: Date | null
  ended_at: Date | null
  duration_ms: number | null
  talk_ms: number | null
  end_reason: string | null
  ended_by: string | null
  fault: string | null
  hangup_cause: string | null
  tags: Generated<string[]>
  last_seq: number
  control_plane_id: string
  is_simulated: Generated<boolean>
}

export interface CallScenariosTable {
  flow_id: string
  name: string
  source: string
  updated_by: string | null
  updated_at: ColumnType<Date, Date | undefined, Date>
}

export interface SimulationsTable {
  id: string
  flow_id: string
  flow_version: number
  scenario: string
  started_by: string
  started_at: Date
  ended_at: Date | null
  is_success: boolean | null
  report: ColumnType<unknown, string | null | undefined, string>
}

export interface SurveyAnswersTable {
  call_id: string
  flow_id: string
  question: string
  answer: string
  answered_at: Date
}

export interface QueueCallbacksTable {
  id: string
  call_id: string
  number: string
  queue: string | null
  language: string | null
  place_from_at: Date
  status: Generated<'waiting' | 'dialling' | 'done' | 'failed' | 'withdrawn'>
  created_at: CreatedAt
}

export interface VoicemailsTable {
  id: string
  call_id: string
  mailbox: string
  language: string | null
  /** What holds its sound; null for messages from before these were recordings, which have `file` and `sealed_key` instead. */
  recording_id: string | null
  file: string | null
  sealed_key: string | null
  /** Where it begins in its recording, in milliseconds since the answer. */
  from_ms: number | null
  duration_ms: number
  bytes: ColumnType<string, number, number>
  created_at: CreatedAt
  heard_at: Date | null
}

export interface CardSourcesTable {
  id: string
  name: string
  url: string
  headers_sealed: string | null
  timeout_ms: Generated<number>
  fields: JsonDefault<readonly Readonly<{ label: string; path: string }>[]>
  name_path: string | null
  is_enabled: Generated<boolean>
  created_at: CreatedAt
}

export interface WebhooksTable {
  id: string
  name: string
  url: string
  kinds: string[]
  secret_sealed: string
  is_enabled: Generated<boolean>
  created_at: CreatedAt
}

export interface WebhookDeliveriesTable {
  id: Generated<string>
  webhook_id: string
  call_id: string
  seq: number
  state: Generated<'waiting' | 'delivered' | 'failed'>
  attempts: Generated<number>
  next_at: ColumnType<Date, Date | undefined, Date>
  leased_until: Date | null
  last_status: number | null
  last_problem: string | null
  delivered_at: Date | null
  created_at: CreatedAt
}

export interface CallerLanguagesTable {
  id: Generated<string>
  number: string
  language: string
  chosen_at: Date
}

/** Every table that this program reads or writes; pg-boss keeps its own schema `pgboss`. */
export interface Tables extends QueueTables, RecordingTables, CampaignTables, QualityTables, BotTables {
  users: UsersTable
  sessions: SessionsTable
  api_keys: ApiKeysTable
  audit_log: AuditLogTable
  flows: FlowsTable
  flow_versions: FlowVersionsTable
  flow_publications: FlowPublicationsTable
  trunks: TrunksTable
  numbers: NumbersTable
  sip_accounts: SipAccountsTable
  registrations: RegistrationsTable
  control_planes: ControlPlanesTable
  time_confirmations: TimeConfirmationsTable
  held_legs: HeldLegsTable
  call_events: CallEventsTable
  cdrs: CdrsTable
  survey_answers: SurveyAnswersTable
  caller_languages: CallerLanguagesTable
  call_scenarios: CallScenariosTable
  simulations: SimulationsTable
  queue_callbacks: QueueCallbacksTable
  voicemails: VoicemailsTable
  card_sources: CardSourcesTable
  webhooks: WebhooksTable
  webhook_deliveries: WebhookDeliveriesTable
}
