import type { ColumnType, Generated } from 'kysely'

type Json<T> = ColumnType<T, string, string>
type JsonDefault<T> = ColumnType<T, string | undefined, string>
type CreatedAt = ColumnType<Date, Date | undefined, never>
/** A bigint column: text when read, as drivers give it. */
type Big = ColumnType<string, string | number, string | number>

export interface DncListsTable {
  id: string
  name: string
  registry: string
  format: string
  created_by: string | null
  created_at: CreatedAt
}

export interface DncVersionsTable {
  list_id: string
  version: number
  method: 'full' | 'change'
  base_version: number | null
  sequence: ColumnType<string | null, string | number | null, never>
  source_name: string
  source_sha256: string
  source_bytes: Big
  source_lines: Big
  account_ref: string | null
  scope: Generated<string[]>
  numbers: Big
  file: string
  file_sha256: string
  report: Json<Record<string, unknown>>
  obtained_at: Date
  created_by: string | null
  created_at: CreatedAt
}

export interface DncActivationsTable {
  id: Generated<string>
  list_id: string
  version: number
  reason: string
  activated_by: string | null
  activated_at: CreatedAt
}

export interface DncSuppressionsTable {
  id: Generated<string>
  number_hash: string
  kind: 'stop' | 'lift'
  scope: 'all' | 'marketing'
  channel: string
  detail: Generated<string>
  recorded_by: string | null
  at: Date
  created_at: CreatedAt
}

/** What an erasure empties. */
export interface ConsentKeysTable {
  id: string
  /** Of an event from before its personal part was kept here: the key of what is sealed in the event. */
  sealed_key: string | null
  sealed_part: string | null
  erased_at: Date | null
}

export interface ConsentEventsTable {
  id: string
  seq: Generated<string>
  number_hash: string
  person_hash: string | null
  kind: 'grant' | 'confirm' | 'scope_change' | 'revoke' | 'expire'
  seller: string
  grade: string
  purposes: Generated<string[]>
  channels: Generated<string[]>
  modes: Generated<string[]>
  covers_hours: Generated<boolean>
  has_evidence: Generated<boolean>
  evidence: JsonDefault<Record<string, unknown>>
  sealed: string | null
  key_id: string | null
  expires_at: Date | null
  at: Date
  recorded_by: string | null
  created_at: CreatedAt
}

export interface ConsentRequestsTable {
  id: string
  token_hash: string
  channel: string
  event: Json<Record<string, unknown>>
  sent_at: Date
  expires_at: Date
  confirmed_at: Date | null
  /** Keyed; null in rows from before it was kept. */
  number_hash: string | null
}

export interface ComplianceDecisionsTable {
  seq: Big
  id: string
  at: Date
  outcome: 'ALLOW' | 'DEFER' | 'REVIEW' | 'BLOCK'
  reasons: string[]
  number_hash: string
  campaign_id: string | null
  contact_id: string | null
  call_id: string | null
  body: string
  prev: string
  hash: string
  created_at: CreatedAt
}

export interface ComplianceAttemptsTable {
  decision_id: string
  call_id: string
  /** Whether it brought a further party into the call. */
  is_party: Generated<boolean>
  number_hash: string
  subject: string | null
  outcome: string | null
  placed_at: Date
}

export interface ComplianceOverridesTable {
  id: string
  rules: string[]
  reason: string
  number_hash: string | null
  campaign_id: string | null
  signed_by: string
  signed_at: Date
  countersigned_by: string | null
  countersigned_at: Date | null
  expires_at: Date
  revoked_by: string | null
  revoked_at: Date | null
}

export interface ComplianceSuspensionsTable {
  id: string
  jurisdiction: string
  kind: 'emergency' | 'holiday'
  note: Generated<string>
  from_at: Date
  to_at: Date | null
  created_by: string | null
  created_at: CreatedAt
  lifted_by: string | null
  lifted_at: Date | null
}

/** Tables of migration 0002. */
export interface ComplianceTables {
  dnc_lists: DncListsTable
  dnc_versions: DncVersionsTable
  dnc_activations: DncActivationsTable
  dnc_suppressions: DncSuppressionsTable
  consent_keys: ConsentKeysTable
  consent_events: ConsentEventsTable
  consent_requests: ConsentRequestsTable
  compliance_decisions: ComplianceDecisionsTable
  compliance_attempts: ComplianceAttemptsTable
  compliance_overrides: ComplianceOverridesTable
  compliance_suspensions: ComplianceSuspensionsTable
}
