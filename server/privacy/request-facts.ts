import type { PrivacyKind } from '../../sql/quality-tables.ts'

/** Who asks, in the clear only inside a sealed column. */
export type Asked = Readonly<{
  numbers: readonly string[]
  emails: readonly string[]
  name?: string
  /** The person's own words. */
  note?: string
}>

export type PlanLine = Readonly<{ store: string; count: number }>
export type KeepLine = Readonly<{ store: string; count: number; why: string; until: string | null }>
export type Plan = Readonly<{
  madeAt: string
  calls: number
  /** What will be deleted (or, for a copy, handed out). */
  take: readonly PlanLine[]
  keep: readonly KeepLine[]
}>

export type Certificate = Readonly<{
  reference: string
  kind: PrivacyKind
  regime: string
  receivedAt: string
  finishedAt: string
  subjects: readonly string[]
  stores: readonly Readonly<{
    store: string
    found: number
    erased: number
    kept: number
    method: string
    at: string
  }>[]
  kept: readonly KeepLine[]
  /** Over all of the above, so that a copy can be compared with the original. */
  sha256: string
}>
