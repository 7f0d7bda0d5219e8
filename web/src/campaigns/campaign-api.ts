import { api } from '../api/client.ts'

export type Pacing = 'preview' | 'progressive' | 'predictive' | 'agentless'
export type RetryRule = Readonly<{ times: number; gapMinutes: number; nextNumber?: boolean }>
export type Words = Readonly<{ identification: string } & Partial<Record<StatementName, string>>>
export const STATEMENTS = [
  'identification',
  'aiDisclosure',
  'optOut',
  'purpose',
  'callbackNumber',
  'abandoned',
  'voicemail'
] as const
export type StatementName = (typeof STATEMENTS)[number]
export const RETRIES = ['busy', 'noAnswer', 'machine', 'refused', 'failed'] as const

/** What the screens read and write of a campaign’s settings; everything else is kept as it is. */
export type Settings = Readonly<{
  purpose: string
  seller: string
  lists: readonly string[]
  queue?: string
  flowId?: string
  script?: string
  isAi?: boolean
  schedule: Readonly<{
    weekly: Readonly<Record<string, readonly string[]>>
    from?: string
    until?: string
    except?: readonly string[]
  }>
  segment?: Readonly<{
    languages?: readonly string[]
    countries?: readonly string[]
    custom?: Readonly<Record<string, readonly string[]>>
  }>
  first?: readonly Readonly<{ field: string; value: string; priority: number }>[]
  recordsNotices?: boolean
  suppress?: Readonly<{ campaigns: readonly string[]; days: number }>
  goal?: number
  promiseWaitMinutes?: number
  dispositions?: Readonly<Record<string, DispositionRule>>
  registrations?: readonly string[]
  callerIds: readonly string[]
  languages: Readonly<Record<string, Words>>
  defaultLanguage: string
  optOutKey?: string
  amd: Readonly<{
    isOn: boolean
    onMachine: 'hangUp' | 'message' | 'agent'
    onScreening?: 'hangUp' | 'identify'
    /** Milliseconds; left out, as the detector knows of the country. */
    settings?: Readonly<
      Partial<
        Record<'machineGreetingMs' | 'afterGreetingMs' | 'initialSilenceMs' | 'screeningQuietMs' | 'limitMs', number>
      >
    >
  }>
  ringMs: number
  retries: Readonly<Partial<Record<string, RetryRule>>>
  maxAttempts: number
  maxLines: number
  maxCallsPerSecond: number
}>

export const ACTIONS = ['done', 'retry', 'stop', 'wrongNumber', 'machine'] as const
export type DispositionRule = Readonly<{ action: (typeof ACTIONS)[number]; gapMinutes?: number }>
export type Disposition = Readonly<{ code: string; labels: Readonly<Record<string, string>>; isActive: boolean }>

export type PromisedCall = Readonly<{
  contactId: string
  name: string
  number: string | null
  at: string
  agentId: string | null
  note: string
}>

export type SettingsProblem = Readonly<{ at: string; code: string; message: string }>

export type Campaign = Readonly<{
  id: string
  name: string
  state: 'draft' | 'awaitingApproval' | 'approved' | 'running' | 'paused' | 'stopped' | 'ended'
  pacing: Pacing
  settings: Settings
  stateReason: string
  stateSince: string
  createdBy: string | null
  submittedBy: string | null
  isApproved: boolean
  refusal: string | null
  isDryRunStale: boolean
  problems?: readonly SettingsProblem[]
}>

export const PARTS = [
  'now',
  'hours',
  'limit',
  'doNotCall',
  'consent',
  'place',
  'number',
  'callerId',
  'reached',
  'rules'
] as const

export type DryRun = Readonly<{
  at: string
  total: number
  parts: Readonly<Record<(typeof PARTS)[number], number>>
  places: readonly Readonly<{ zones: readonly string[]; contacts: number; opensAt: string | null }>[]
  firstAt: string | null
  lastAt: string | null
  minutesByDay: Readonly<Record<string, number>>
  readyFrom: string | null
  readyUntil: string | null
  oldestListDays: number | null
}>

export type DryRunState = Readonly<{
  progress: Readonly<{ done: number; total: number; hasFailed: boolean }> | null
  dryRun: DryRun | null
  isStale: boolean
}>

export type Live = Readonly<{
  asOf: string
  state: Campaign['state']
  why: Readonly<{ code: string; values: Readonly<Record<string, string | number>> }>
  agents: Readonly<{ free: number; busy: number; onBreak: number; offline: number; unreachable: number }> | null
  calls: Readonly<{ reserved: number; dialling: number; ringing: number; answered: number; talking: number }>
  leads: Readonly<{
    byState: Readonly<Partial<Record<string, number>>>
    byReason: Readonly<Record<string, number>>
    putOff: readonly Readonly<{ reason: string; count: number; nextAt: string }>[]
  }>
  places: readonly Readonly<{
    key: string
    zones: readonly string[]
    waiting: number
    due: number
    isOpen: boolean
    opensAt: string | null
  }>[]
  pace: Readonly<{ dial: number; headroom: number | null }> | null
  perMinute: number
  isPaceMeasured: boolean
  forecast: Readonly<{ from: string; until: string }> | null
  windows: readonly Readonly<{
    per: string
    capPercent: number
    live: number
    abandoned: number
    abandonedAtMost: number
    liveAtLeast: number
  }>[]
}>

export type Attempt = Readonly<{
  id: string
  contactId: string
  contactName: string
  number: string | null
  outcome: string | null
  detail: string
  decisionId: string | null
  amdResult: string | null
  reservedAt: string
  dialledAt: string | null
  notice: Readonly<{
    by: 'announcement' | 'agent' | 'abandonedMessage' | 'machineMessage' | null
    atMs: number | null
    recordingId: string | null
    problem:
      | 'underWay'
      | 'notSaid'
      | 'notAsked'
      | 'refused'
      | 'withdrawn'
      | 'beforeLeave'
      | 'paused'
      | 'erased'
      | 'missing'
      | 'notKnown'
      | null
  }> | null
}>

export type AnswerTime = Readonly<{ weekday: number; hour: number; dialled: number; answered: number }>

export type CallerId = Readonly<{
  id: string
  number: string
  label: string
  evidence: string
  whyUnusable: 'blocked' | 'notProved' | 'expired' | null
  blockReason: string
}>

export type ContactList = Readonly<{ id: string; name: string; contacts: number; imports: number; createdAt: string }>
export const ROLES = [
  'ignore',
  'number',
  'name',
  'firstName',
  'lastName',
  'externalId',
  'language',
  'zone',
  'country',
  'region',
  'party',
  'isCustomer',
  'consentGrade',
  'consentAt',
  'consentReference',
  'custom'
] as const
export type Mapping = Readonly<{
  hasHeader: boolean
  columns: readonly Readonly<{ role: (typeof ROLES)[number]; header?: string; field?: string }>[]
  defaultCountry?: string
  defaultLanguage?: string
  duplicates?: 'skip' | 'update'
}>
export type Upload = Readonly<{
  uploadId: string
  encoding: string | null
  bytes: number
  rows: readonly (readonly string[])[]
  mapping: Mapping
}>
export type ListImport = Readonly<{
  id: string
  sourceName: string
  state: 'running' | 'done' | 'failed' | 'cancelled'
  bytes: number
  totalBytes: number | null
  lines: number
  imported: number
  updated: number
  duplicates: number
  wrong: number
  problems: readonly Readonly<{ line: number; code: string; message: string; shown?: string }>[]
  failure: Readonly<{ code: string; message: string }> | null
}>

export const campaignsQuery = {
  queryKey: ['campaigns', 'list'],
  queryFn: async ({ signal }: { signal: AbortSignal }) =>
    (await api<{ items: readonly Campaign[] }>('/campaigns', { signal })).items
}

export function campaignQuery(id: string) {
  return {
    queryKey: ['campaigns', id],
    queryFn: ({ signal }: { signal: AbortSignal }) => api<Campaign>(`/campaigns/${id}`, { signal })
  }
}

export function itemsQuery<T>(path: string) {
  return {
    queryKey: ['campaigns', path],
    queryFn: async ({ signal }: { signal: AbortSignal }) => (await api<{ items: readonly T[] }>(path, { signal })).items
  }
}

/** Sends a file as it is; the browser never reads it as a whole. */
export async function uploadFile(listId: string, file: File): Promise<Upload> {
  const response = await fetch(`/api/v1/contact-lists/${listId}/uploads?name=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/octet-stream' },
    body: file
  })
  const body = (await response.json()) as Upload & { detail?: string; code?: string }
  if (!response.ok) throw Object.assign(new Error(body.detail ?? ''), { code: body.code ?? `HTTP_${response.status}` })
  return body
}

/** What a new draft begins with: the careful choice everywhere. */
export function freshSettings(language: string): Settings {
  return {
    purpose: 'service',
    seller: '-',
    lists: [],
    schedule: { weekly: { 'mon-fri': ['09:00-18:00'] } },
    callerIds: [],
    languages: { [language]: { identification: '-' } },
    defaultLanguage: language,
    optOutKey: '9',
    amd: { isOn: true, onMachine: 'hangUp' },
    ringMs: 25_000,
    retries: {
      busy: { times: 2, gapMinutes: 30 },
      noAnswer: { times: 2, gapMinutes: 240, nextNumber: true },
      machine: { times: 1, gapMinutes: 480 }
    },
    maxAttempts: 5,
    maxLines: 10,
    maxCallsPerSecond: 2
  }
}
