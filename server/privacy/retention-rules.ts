/** What holds data that ages, in the order in which a sweep goes through it. */
export const RETAINED = [
  'recordings',
  'transcripts',
  'voicemails',
  'notes',
  'comments',
  'reviewNotes',
  'clips',
  'surveyAnswers',
  'botQuestions',
  'callbacks',
  'languages',
  'consentRequests',
  'requests',
  'attempts',
  'calls',
  'contacts'
] as const
export type Retained = (typeof RETAINED)[number]

/**
 * What no rule speaks of, and why. `proof`: the law wants it kept, and it names nobody without a key or a hash. `follows`: it
 * goes with what it belongs to. `ownLimit`: it goes by itself after days.
 */
export const NOT_RETAINED = {
  consents: 'proof',
  callDecisions: 'proof',
  doNotCallMarks: 'proof',
  searchIndex: 'follows',
  leads: 'follows',
  exports: 'ownLimit'
} as const satisfies Readonly<Record<string, 'proof' | 'follows' | 'ownLimit'>>

/** Everything that holds personal data. */
export type StoreName = Retained | keyof typeof NOT_RETAINED

export type RetentionRule = Readonly<{
  id: string
  name: string
  stores: readonly string[]
  region: string | null
  queueId: string | null
  purpose: string | null
  /** null keeps without end. */
  keepDays: number | null
  reason: string
}>

export type RetentionItem = Readonly<{
  store: Retained
  id: string
  callId: string | null
  at: Date
  region: string | null
  queueIds: readonly string[]
  purpose: string
  /** The legal hold that keeps it. */
  hold: string | null
}>

export type RetentionVerdict = Readonly<{
  /** `unmatched`: no rule speaks, and nothing is deleted; that is an alarm and no decision. */
  kind: 'held' | 'kept' | 'due' | 'unmatched'
  rule: RetentionRule | null
  /** When it is to be deleted; null for never. */
  deleteAt: Date | null
  hold: string | null
  /** Every rule that speaks of it, the one that decides first. */
  matched: readonly Readonly<{ rule: RetentionRule; deleteAt: Date | null }>[]
}>

const DAY_MS = 86_400_000

/**
 * Which rule keeps an item or deletes it, and when. The closest rule decides: the one that names most of store, region,
 * queue and purpose. Between equally close ones the installation's choice does: the longest or the shortest. A legal
 * hold is above every rule.
 */
export function decideRetention(
  item: RetentionItem,
  rules: readonly RetentionRule[],
  overlap: 'longest' | 'shortest',
  now: Date
): RetentionVerdict {
  const endless = overlap === 'longest' ? Number.POSITIVE_INFINITY : Number.MAX_VALUE
  const length = (rule: RetentionRule) => rule.keepDays ?? endless
  const matched = rules
    .filter(rule => speaksOf(rule, item))
    .sort(
      (a, b) =>
        closeness(b) - closeness(a) ||
        (overlap === 'longest' ? length(b) - length(a) || 0 : length(a) - length(b) || 0) ||
        (a.id < b.id ? -1 : 1)
    )
    .map(rule => ({
      rule,
      deleteAt: rule.keepDays === null ? null : new Date(item.at.getTime() + rule.keepDays * DAY_MS)
    }))
  const first = matched[0]
  if (first === undefined) return { kind: 'unmatched', rule: null, deleteAt: null, hold: item.hold, matched }
  const isDue = first.deleteAt !== null && first.deleteAt <= now
  return {
    kind: item.hold !== null ? 'held' : isDue ? 'due' : 'kept',
    rule: first.rule,
    deleteAt: first.deleteAt,
    hold: item.hold,
    matched
  }
}

function speaksOf(rule: RetentionRule, item: RetentionItem): boolean {
  return (
    (rule.stores.length === 0 || rule.stores.includes(item.store)) &&
    (rule.region === null || rule.region === item.region) &&
    (rule.queueId === null || item.queueIds.includes(rule.queueId)) &&
    (rule.purpose === null || rule.purpose === item.purpose)
  )
}

function closeness(rule: RetentionRule): number {
  return (
    (rule.region === null ? 0 : 1) +
    (rule.queueId === null ? 0 : 1) +
    (rule.purpose === null ? 0 : 1) +
    (rule.stores.length === 0 ? 0 : 1)
  )
}
