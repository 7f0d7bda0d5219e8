import type { StoreName } from '../../../server/privacy/retention-rules.ts'

export const KINDS = ['export', 'access', 'correct', 'erase', 'restrict', 'do-not-sell', 'stop-calls'] as const
export type Kind = (typeof KINDS)[number]

export type PrivacyRequest = Readonly<{
  id: string
  reference: string
  kind: Kind
  regimeTitle: string
  status: string
  identity: 'pending' | 'proved' | 'failed'
  receivedAt: string
  dueAt: string
  houseDueAt: string
  daysLeft: number
  isOverdue: boolean
  extendBy: string | null
  extendedAt: string | null
  plannedBy: string | null
}>

export type RequestDetail = PrivacyRequest &
  Readonly<{
    asked: Readonly<{ numbers: readonly string[]; emails: readonly string[]; name?: string; note?: string }> | null
    plan: Readonly<{
      calls: number
      take: readonly Readonly<{ store: Store; count: number }>[]
      keep: readonly Readonly<{ store: Store; count: number; why: string; until: string | null }>[]
    }> | null
    certificate: Readonly<{
      finishedAt: string
      sha256: string
      stores: readonly Readonly<{ store: Store; found: number; erased: number; kept: number; method: string }>[]
      kept: readonly Readonly<{ store: Store; count: number; why: string }>[]
    }> | null
    hasExport: boolean
    events: readonly Readonly<{ at: string; by: string; what: string }>[]
  }>

/** What holds personal data, as the server names it; each has a text. */
export type Store = StoreName
