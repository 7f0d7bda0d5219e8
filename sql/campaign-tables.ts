import type { ColumnType, Generated } from 'kysely'

type Json<T> = ColumnType<T, string, string>
type JsonDefault<T> = ColumnType<T, string | undefined, string>
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>
type CreatedAt = ColumnType<Date, Date | undefined, never>
/** A timestamptz column with a default. */
type Instant = ColumnType<Date, Date | undefined, Date>
/** A bigint column: text when read, as drivers give it. */
type Big = ColumnType<string, string | number | undefined, string | number>
type BigKey = ColumnType<string, string | number, never>

export type ImportState = 'running' | 'done' | 'failed' | 'cancelled'
export type CampaignState = 'draft' | 'awaitingApproval' | 'approved' | 'running' | 'paused' | 'stopped' | 'ended'
export type Pacing = 'preview' | 'progressive' | 'predictive' | 'agentless'
export type LeadState =
  | 'waiting'
  | 'reserved'
  | 'wrapUp'
  | 'done'
  | 'exhausted'
  | 'blocked'
  | 'review'
  | 'suppressed'
  | 'unknown'
export type CampaignAttemptState = 'reserved' | 'permitted' | 'dialling' | 'answered' | 'over' | 'unknown'
/** Who said what the law wants said: the campaign’s own words, the agent, or a message. */
export type NoticeBy = 'announcement' | 'agent' | 'abandonedMessage' | 'machineMessage'
export type ContactParty = 'consumer' | 'business' | 'unknown'
export type NumberKind = 'mobile' | 'landline' | 'unknown'
export type LineProblem = Readonly<{ line: number; message: string }>

export interface ContactPlacesTable {
  id: Generated<number>
  key: string
  jurisdictions: string[]
  zones: string[]
}

export interface ContactListsTable {
  id: string
  no: Generated<number>
  name: string
  note: Generated<string>
  mapping: NullableJson<Readonly<Record<string, unknown>>>
  created_by: string | null
  created_at: CreatedAt
  deleted_at: Date | null
}

export interface ContactImportsTable {
  id: string
  list_id: string
  source_name: string
  format: 'csv' | 'xlsx' | 'api'
  state: Generated<ImportState>
  bytes: Big
  total_bytes: ColumnType<string | null, string | number | null, string | number | null>
  lines: Big
  imported: Big
  updated: Big
  duplicates: Big
  wrong: Big
  problems: JsonDefault<readonly LineProblem[]>
  mapping: Json<Readonly<Record<string, unknown>>>
  encoding: string | null
  failure: NullableJson<Readonly<{ code: string; message: string }>>
  control_plane_id: string
  created_by: string | null
  started_at: Date
  ended_at: Date | null
}

export interface ContactsTable {
  id: BigKey
  list_no: number
  import_id: string | null
  line: Big
  external_id: string | null
  name: Generated<string>
  language: string | null
  country: string | null
  region: string | null
  zone: string | null
  party: Generated<ContactParty>
  is_customer: boolean | null
  custom: JsonDefault<Readonly<Record<string, string>>>
  created_at: CreatedAt
}

export interface ContactNumbersTable {
  contact_id: BigKey
  position: number
  list_no: number
  number: string
  kind: Generated<NumberKind>
  place_id: number
}

export interface CampaignsTable {
  id: string
  no: Generated<number>
  name: string
  state: Generated<CampaignState>
  pacing: Pacing
  settings: Json<Readonly<Record<string, unknown>>>
  settings_hash: string
  dry_run: NullableJson<Readonly<Record<string, unknown>>>
  dry_run_hash: string | null
  dry_run_at: Date | null
  submitted_by: string | null
  submitted_at: Date | null
  approved_by: string | null
  approved_at: Date | null
  approved_hash: string | null
  refused_by: string | null
  refusal: string | null
  state_by: string | null
  state_reason: Generated<string>
  state_since: Instant
  started_at: Date | null
  ended_at: Date | null
  created_by: string | null
  created_at: CreatedAt
  deleted_at: Date | null
}

export interface CampaignLeadsTable {
  campaign_no: number
  contact_id: BigKey
  state: Generated<LeadState>
  priority: Generated<number>
  place_id: number
  position: Generated<number>
  next_at: Date
  attempts: Generated<number>
  last_outcome: string | null
  last_at: Date | null
  reasons: Generated<string[]>
  decision_id: string | null
  callback_at: Date | null
  callback_agent_id: string | null
  callback_note: Generated<string>
  put_off_at: Date | null
}

export interface CampaignAttemptsTable {
  id: string
  campaign_no: number
  contact_id: BigKey
  position: number
  number: string
  place_id: number
  state: Generated<CampaignAttemptState>
  outcome: string | null
  control_plane_id: string
  decision_id: string | null
  caller_number: string | null
  agent_id: string | null
  sip_call_id: string | null
  endpoint_id: string | null
  sip_status: number | null
  detail: Generated<string>
  amd_result: string | null
  amd_ms: number | null
  notice_ms: number | null
  notice_by: NoticeBy | null
  is_amd_wrong: Generated<boolean>
  is_abandoned: Generated<boolean>
  is_promised: Generated<boolean>
  disposition: string | null
  reserved_at: Date
  dialled_at: Date | null
  rang_at: Date | null
  answered_at: Date | null
  connected_at: Date | null
  ended_at: Date | null
  disposed_at: Date | null
}

export interface CampaignDaysTable {
  campaign_no: number
  /** YYYY-MM-DD when read as text. */
  day: string
  dialled: Big
  live: Big
  abandoned: Big
  machines: Big
  connected: Big
}

export interface CallerIdsTable {
  id: string
  number: string
  label: Generated<string>
  prefixes: Generated<string[]>
  carrier: Generated<string>
  evidence: Generated<string>
  attestation: Generated<'A' | 'B' | 'C' | 'unknown'>
  proved_by: string | null
  proved_at: Date | null
  valid_until: Date | null
  blocked_at: Date | null
  block_reason: Generated<string>
  created_at: CreatedAt
}

export interface CampaignAlarmsTable {
  id: Generated<string>
  campaign_no: number | null
  kind: string
  detail: JsonDefault<Readonly<Record<string, unknown>>>
  at: Date
  seen_by: string | null
  seen_at: Date | null
}

export interface DialSlotsTable {
  scope: string
  second: BigKey
  taken: number
}

export interface TrunkRestsTable {
  trunk_id: string
  faults: number
  rests_until: Date
}

export interface CarrierLimitsTable {
  carrier: string
  max_calls_per_second: number
}

/** The tables of contacts and campaigns; part of `Tables`. */
export interface CampaignTables {
  contact_places: ContactPlacesTable
  contact_lists: ContactListsTable
  contact_imports: ContactImportsTable
  contacts: ContactsTable
  contact_numbers: ContactNumbersTable
  campaigns: CampaignsTable
  campaign_leads: CampaignLeadsTable
  campaign_attempts: CampaignAttemptsTable
  campaign_days: CampaignDaysTable
  caller_ids: CallerIdsTable
  campaign_alarms: CampaignAlarmsTable
  dial_slots: DialSlotsTable
  carrier_limits: CarrierLimitsTable
  trunk_rests: TrunkRestsTable
}
