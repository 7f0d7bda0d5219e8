import type { ColumnType, Generated } from 'kysely'

type JsonDefault<T> = ColumnType<T, string | undefined, string>
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>
type CreatedAt = ColumnType<Date, Date | undefined, never>
type NullableBig = ColumnType<string | null, number | null | undefined, number | null>

export type ConsentResult = 'granted' | 'refused' | 'withdrawn'
export type ConsentMethod = 'notRequired' | 'notice' | 'key' | 'speech' | 'silence' | 'agent' | 'conduct'

export interface RecordingConsentsTable {
  id: string
  call_id: string
  party: Generated<string>
  result: ConsentResult
  policy: string
  method: ConsentMethod
  /** How sure the recogniser was of a spoken answer, 0 to 1; null for every other. */
  confidence: Generated<number | null>
  prompt_version: string | null
  language: string | null
  jurisdictions: readonly string[]
  reasons: JsonDefault<readonly unknown[]>
  withdraws: string | null
  at: CreatedAt
}

export interface RecordingPromptsTable {
  version: string
  language: string
  prompts: JsonDefault<readonly unknown[]>
  first_used_at: CreatedAt
}

export type GapJson = Readonly<{ kind: string; fromMs: number; toMs: number }>

export interface RecordingsTable {
  id: string
  call_id: string
  consent_id: string
  /** A part of the call itself, or a message that the customer left in it. */
  kind: Generated<'call' | 'voicemail'>
  state: 'spooled' | 'stored' | 'erased'
  store: string
  object_key: string
  control_plane_id: string
  key_version: string | null
  wrapped_key: string | null
  sha256: string | null
  bytes: NullableBig
  index_offset: NullableBig
  answered_at: Date
  duration_ms: number
  language: string | null
  gaps: JsonDefault<readonly GapJson[]>
  legal_hold: string | null
  problem: NullableJson<Readonly<Record<string, unknown>>>
  /** Null for those that are not in their store, and for those that came there before this was noted. */
  stored_at: Generated<Date | null>
  checked_at: Date | null
  erased_at: Date | null
  erased_by: string | null
  erase_reason: string | null
  created_at: CreatedAt
}

export interface RecordingTables {
  recording_consents: RecordingConsentsTable
  recording_prompts: RecordingPromptsTable
  recordings: RecordingsTable
}
