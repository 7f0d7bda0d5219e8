import type { ColumnType, Generated } from 'kysely'

type JsonDefault<T> = ColumnType<T, string | undefined, string>
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>
type CreatedAt = ColumnType<Date, Date | undefined, never>
/** A timestamptz column with a default. */
type Instant = ColumnType<Date, Date | undefined, Date>
/** A bigint column: text when read, as drivers give it. */
type Big = ColumnType<string, string | number | undefined, string | number>
/** Written by triggers only. */
type Version = ColumnType<string, never, never>

export type LabelsJson = Readonly<Record<string, string>>
export type QueueStrategy = 'longestIdle' | 'roundRobin' | 'leastOccupied' | 'bestSkill' | 'stickyAgent' | 'ringAll'
export type WorkKind = 'inbound' | 'callback' | 'campaign'
export type VisitOutcome = 'answered' | 'abandoned' | 'overflow' | 'callback' | 'voicemail' | 'transferred' | 'lost'

export interface QueuesTable {
  id: string
  name: string
  labels: JsonDefault<LabelsJson>
  strategy: Generated<QueueStrategy>
  tiers: JsonDefault<readonly Readonly<Record<string, unknown>>[]>
  threshold_ms: Generated<number>
  goal_percent: number | null
  priority: Generated<number>
  ageing_per_minute: Generated<number>
  max_size: number | null
  max_wait_ms: number | null
  calendar: NullableJson<Readonly<Record<string, unknown>>>
  wrap_up_ms: Generated<number>
  wrap_up_limit_ms: Generated<number>
  ring_ms: Generated<number>
  is_auto_answered: Generated<boolean>
  sticky_wait_ms: Generated<number>
  ring_all_max: Generated<number>
  keep_free: Generated<number>
  waits_without_agents: Generated<boolean>
  overflow: NullableJson<Readonly<{ kind: string; value: string }>>
  after_hours: NullableJson<Readonly<{ kind: string; value: string }>>
  announce: JsonDefault<Readonly<{ position: boolean; wait: boolean; everyMs: number }> | null>
  music: string | null
  script: Generated<string>
  callback_after_ms: number | null
  created_at: CreatedAt
  deleted_at: ColumnType<Date | null, never, Date | null>
  version: Version
  change_xid: Version
}

export interface SkillsTable {
  name: string
  description: Generated<string>
  created_at: CreatedAt
}

export interface AgentsTable {
  id: string
  status: Generated<'offline' | 'available' | 'onBreak'>
  status_reason: string | null
  status_since: Instant
  next_status: NullableJson<Readonly<{ status: 'offline' | 'available' | 'onBreak'; reason: string | null }>>
  state: Generated<'idle' | 'reserved' | 'ringing' | 'talking' | 'wrapUp'>
  state_since: Instant
  call_id: string | null
  queue_id: string | null
  offer_id: string | null
  control_plane_id: string | null
  detached_at: Date | null
  has_desk_phone: Generated<boolean>
  proof_reasons: Generated<string[]>
  missed: NullableJson<Readonly<{ reason: string; at: string; callId: string; queueId: string | null }>>
  miss_count: Generated<number>
  paused_until: Date | null
  is_routable: Generated<boolean>
  not_routable: Generated<string[]>
  work: Generated<WorkKind[]>
  wrap_up_started_at: Date | null
  wrap_up_ends_at: Date | null
  wrap_up_limit_at: Date | null
  wrap_up_ended_by: string | null
  last_call_ended_at: Date | null
  idle_since: Instant
  last_offered_at: Date | null
  occupied_ms: Big
  /** UTC day as YYYY-MM-DD. */
  occupied_on: string | null
  due_at: Date | null
  profile_version: Big
  created_at: CreatedAt
  version: Version
  change_xid: Version
}

export interface AgentSkillsTable {
  agent_id: string
  skill: string
  level: number
}

export interface AgentLanguagesTable {
  agent_id: string
  language: string
  level: 'A1' | 'A2' | 'B1' | 'B2' | 'C1' | 'C2'
}

export interface AgentIntervalsTable {
  id: Generated<string>
  agent_id: string
  status: string
  status_reason: string | null
  state: string
  call_id: string | null
  queue_id: string | null
  started_at: Date
  ended_at: Date | null
}

export interface QueueEntriesTable {
  id: string
  call_id: string
  queue_id: string
  kind: Generated<WorkKind>
  control_plane_id: string
  language: string
  skills: Generated<string[]>
  priority: Generated<number>
  is_head: Generated<boolean>
  called_number: string | null
  entered_at: Date
  place_from_at: Date
  max_wait_ms: number | null
  sticky_agent_id: string | null
  state: Generated<'waiting' | 'reserved' | 'connected' | 'left'>
  tier: number | null
  outcome: string | null
  left_at: Date | null
  /** Whether a caller whose place was lost has got it back. */
  is_place_taken: Generated<boolean>
  version: Version
  change_xid: Version
}

export interface OffersTable {
  id: string
  entry_id: string | null
  call_id: string
  queue_id: string | null
  agent_id: string
  call_control_plane_id: string
  agent_control_plane_id: string | null
  state: Generated<'pending' | 'answered' | 'over'>
  outcome: 'missed' | 'rejected' | 'device' | 'network' | 'callerGone' | 'withdrawn' | null
  reason: Generated<string>
  created_at: Date
  expires_at: Date
  answered_at: Date | null
  ended_at: Date | null
}

export interface QueueCallbackTurnsTable {
  callback_id: string
  attempts: Generated<number>
  not_before: Instant
  entry_id: string | null
}

export interface DispositionsTable {
  code: string
  labels: JsonDefault<LabelsJson>
  queue_ids: Generated<string[]>
  is_active: Generated<boolean>
  created_at: CreatedAt
}

export interface StatusReasonsTable {
  code: string
  labels: JsonDefault<LabelsJson>
  is_active: Generated<boolean>
  created_at: CreatedAt
}

export interface CallNotesTable {
  call_id: string
  agent_id: string
  queue_id: string | null
  disposition: string | null
  note: Generated<string>
  wrap_up_started_at: Date | null
  wrap_up_ended_at: Date | null
  wrap_up_end: 'finished' | 'timedOut' | null
  updated_at: Date
}

export interface QueueVisitsTable {
  id: string
  call_id: string
  queue_id: string
  kind: WorkKind
  called_number: string | null
  language: string
  entered_at: Date
  left_at: Date
  outcome: VisitOutcome
  waited_ms: number
  is_within_threshold: boolean
  agent_id: string | null
  talk_ms: number | null
  hold_ms: number | null
  wrap_up_ms: number | null
  is_transferred: Generated<boolean>
}

/** The tables of queues and agents; part of `Tables`. */
export interface WallboardLinksTable {
  id: string
  name: string
  token_hash: string
  created_by: string
  created_at: CreatedAt
  last_used_at: Date | null
  revoked_at: Date | null
}

export interface QueueTables {
  queues: QueuesTable
  skills: SkillsTable
  agents: AgentsTable
  agent_skills: AgentSkillsTable
  agent_languages: AgentLanguagesTable
  agent_intervals: AgentIntervalsTable
  queue_entries: QueueEntriesTable
  offers: OffersTable
  queue_callback_turns: QueueCallbackTurnsTable
  dispositions: DispositionsTable
  status_reasons: StatusReasonsTable
  call_notes: CallNotesTable
  queue_visits: QueueVisitsTable
  wallboard_links: WallboardLinksTable
}
