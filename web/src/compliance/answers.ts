/** What the compliance API answers, as far as these screens show it. Instants are RFC 3339 text. */

export type Outcome = 'ALLOW' | 'DEFER' | 'REVIEW' | 'BLOCK'

export type RuleResult = Readonly<{
  rule: string
  pack: string
  layer: 'law' | 'code' | 'courtesy' | 'house'
  certainty: 'P' | 'S' | 'K' | 'UNVERIFIED'
  version: string | null
  ok: boolean
  reasons: readonly string[]
  outcome: Outcome
  next: string | null
  exemptBy: string | null
}>

export type Decision = Readonly<{
  outcome: Outcome
  reasons: readonly string[]
  nextAt: string | null
  obligations: readonly Readonly<{ code: string; seconds?: number }>[]
  open: readonly string[]
  number: Readonly<{ country: string | null; evidence: readonly string[] }>
  jurisdictions: readonly string[]
  zones: readonly Readonly<{ zone: string; local: string }>[]
  validUntil: string
  packs: readonly string[]
  packSetHash: string
  numberingPlan: string
  results: readonly RuleResult[]
  shadow: readonly RuleResult[]
  error: string | null
}>

export type Judged = Readonly<{ decision: Decision; explanation: readonly string[] }>

export type OpenSpan = Readonly<{ from: string; to: string }>

export type Timeline = Readonly<{ decision: Decision; spans: readonly OpenSpan[] }>

/** One line of `GET /compliance/decisions`. */
export type DecisionRow = Readonly<{
  id: string
  seq: number
  at: string
  outcome: Outcome
  reasons: readonly string[]
  lastDigits: string
  campaignId: string | null
}>

export type StoredDecision = Judged &
  Readonly<{
    id: string
    seq: number
    at: string
    facts: Readonly<Record<string, unknown>>
    lastDigits: string
    replay: Readonly<{ isSame: boolean; outcome: Outcome; reasons: readonly string[] }> | null
    engine: string
    tzdb: string
    prev: string
    hash: string
  }>

export type Chain = Readonly<{
  length: number
  broken: Readonly<{ seq: number; id: string; why: 'changed' | 'missing' | 'reordered' }> | null
  callsWithoutDecision: readonly string[]
}>

export type PackRow = Readonly<{
  pack: string
  version: string
  kind: string
  title: string
  jurisdictions: readonly string[]
  reviewBy: string
  isOn: boolean
  isOverdue: boolean
  rules: number
  unverified: readonly string[]
}>

export type Source = Readonly<{ cite: string; url?: string; seen?: string; grade: string }>

export type PackRule = Readonly<{
  id: string
  title: string
  check: string
  certainty: string
  versions: readonly (Readonly<{ from: string; to?: string; status: string; source: readonly Source[] }> &
    Readonly<Record<string, unknown>>)[]
}>

export type Pack = Readonly<{
  pack: Readonly<{
    pack: string
    version: string
    kind: string
    title: string
    reviewBy: string
    note?: string
    rules: readonly PackRule[]
  }>
  text: string
  hash: string
}>

export type PackChange = Readonly<{
  kind: string
  pack: string
  rule?: string
  fields?: readonly Readonly<{ path: string; before: unknown; after: unknown }>[]
}>

export type Simulation = Readonly<{
  calls: number
  matrix: Readonly<Record<string, Readonly<Record<string, number>>>>
  rules: readonly Readonly<{ rule: string; newlyStopped: number; newlyPassed: number }>[]
}>

export type DncList = Readonly<{
  id: string
  name: string
  registry: string
  format: string
  version: number | null
  numbers: number | null
  obtainedAt: string | null
  ageDays: number | null
  importing: Readonly<{ bytes: number; lines: number }> | null
}>

export type ImportReport = Readonly<{
  lines: number
  numbers: number
  listedLines: number
  removedLines: number
  duplicates: number
  wrongLines: number
  problems: readonly Readonly<{ line: number; message: string }>[]
  bytes: number
  encoding: string
}>

export type DncVersion = Readonly<{
  version: number
  method: string
  sourceName: string
  sourceSha256: string
  numbers: number
  obtainedAt: string
  createdAt: string
  report: ImportReport
}>

export type ConsentEvent = Readonly<{
  id: string
  kind: string
  seller: string
  grade: string
  purposes: readonly string[]
  channels: readonly string[]
  modes: readonly string[]
  evidence: Readonly<Record<string, unknown>>
  hasEvidence: boolean
  expiresAt: string | null
  at: string
  /** What of the evidence names the person. */
  named: Readonly<{
    state: 'open' | 'none' | 'erased' | 'unreadable'
    number?: string
    personal?: Readonly<Record<string, string>>
  }>
}>

export type ConsentRecord = Readonly<{
  now: Readonly<{ grade: string; givenAt?: string; expiresAt?: string; revokedAt?: string }> | null
  events: readonly ConsentEvent[]
}>

export type Override = Readonly<{
  id: string
  rules: readonly string[]
  reason: string
  campaignId: string | null
  isForOneNumber: boolean
  signedBy: string
  signedAt: string
  countersignedBy: string | null
  expiresAt: string
  isInForce: boolean
}>

export type Suspension = Readonly<{
  id: string
  jurisdiction: string
  kind: string
  note: string
  fromAt: string
  toAt: string | null
}>
