import type { Certainty, Obligation, ObligationCode } from './codes.ts'
import type { PackSet } from './packs/compile.ts'
import type { VersionOf } from './packs/schema.ts'

export const RECORDING_POLICIES = ['one_party', 'notice', 'notice_object', 'all_party', 'opt_in', 'never'] as const
export type RecordingPolicyName = (typeof RECORDING_POLICIES)[number]

/** Why a policy or a disclosure holds: the rule, its place and its sources. */
export type PolicyReason = Readonly<{
  rule: string
  jurisdiction: string
  certainty: Certainty
  what: string
  cites: readonly string[]
}>

/**
 * How a call may be recorded. `one_party`: nothing is owed to the other side. `notice`: say so. `notice_object`: say so and
 * stop on objection. `all_party`: say so, going on is consent. `opt_in`: nothing is recorded before a key or a yes. `never`:
 * nothing is recorded, whatever anybody says.
 */
export type RecordingPolicy = Readonly<{
  policy: RecordingPolicyName
  obligation: ObligationCode | null
  /** The law wants this call recorded; when the person refuses, the offer may not be made. */
  isCompulsory: boolean
  /** A compulsory recording that fails ends the call; otherwise the call goes on and somebody is alarmed. */
  endsOnFailure: boolean
  /** Recording starts only from the moment on which it is needed. */
  isOnDemand: boolean
  reasons: readonly PolicyReason[]
}>

const UNKNOWN: PolicyReason = {
  rule: 'core.recording-unknown',
  jurisdiction: '?',
  certainty: 'K',
  what: 'opt_in',
  cites: ['A place of the call is unknown or has no pack: the strictest policy holds']
}

/**
 * The strictest policy of every place at either end of the call (`US-CA`, `US`, `DE`). Unknown places count as `opt_in`,
 * unknown places of the North American plan as `all_party`. `day` is a local date as a day number.
 */
export function recordingPolicy(jurisdictions: readonly string[], packs: PackSet, day: number): RecordingPolicy {
  let byPlace = known.get(packs)
  if (byPlace === undefined || byPlace.size > MAX_KNOWN) {
    byPlace = new Map()
    known.set(packs, byPlace)
  }
  const key = `${jurisdictions.join()} ${day}`
  let policy = byPlace.get(key)
  if (policy === undefined) {
    policy = findPolicy(jurisdictions, packs, day)
    byPlace.set(key, policy)
  }
  return policy
}

/** Places whose law wants some calls recorded on this day. */
export function mustRecordPlaces(set: PackSet, day: number): readonly string[] {
  const places = new Set(set.packs.flatMap(({ pack }) => pack.jurisdictions))
  return [...places]
    .filter(place => set.recordingRules(place).some(rule => rule.on(day)?.isCompulsory === true))
    .toSorted()
}

const MAX_KNOWN = 10_000
const known = new WeakMap<PackSet, Map<string, RecordingPolicy>>()

function findPolicy(jurisdictions: readonly string[], packs: PackSet, day: number): RecordingPolicy {
  const reasons: PolicyReason[] = []
  let strictest = -1
  let isCompulsory = false
  let endsOnFailure = false
  let isOnDemand = false
  const take = (reason: PolicyReason, policy: RecordingPolicyName) => {
    reasons.push(reason)
    strictest = Math.max(strictest, RECORDING_POLICIES.indexOf(policy))
  }
  const places = [...new Set(jurisdictions.flatMap(one => (one.includes('-') ? [one, one.slice(0, 2)] : [one])))]
  for (const jurisdiction of places) {
    const rules = packs.recordingRules(jurisdiction)
    // A state without a rule of its own has that of its country.
    if (rules.length === 0 && jurisdiction.includes('-')) continue
    let isKnown = false
    for (const rule of rules) {
      const version: VersionOf<'recording'> | null = rule.on(day)
      if (version === null) continue
      isKnown = true
      isCompulsory ||= version.isCompulsory === true
      endsOnFailure ||= version.isCompulsory === true && version.whenRecorderFails !== 'goOn'
      isOnDemand ||= version.onDemand === true
      take(
        {
          rule: rule.id,
          jurisdiction,
          certainty: rule.certainty,
          what: version.policy,
          cites: version.source.map(one => one.cite)
        },
        version.policy
      )
    }
    if (!isKnown) take({ ...UNKNOWN, jurisdiction }, 'opt_in')
  }
  const hasState = places.some(one => one.startsWith('US-'))
  if (places.includes('US') && !hasState)
    take(
      { ...UNKNOWN, jurisdiction: 'US', what: 'all_party', cites: ['The state is unknown: the all-party rule holds'] },
      'all_party'
    )
  if (strictest < 0) take(UNKNOWN, 'opt_in')
  const policy = RECORDING_POLICIES[strictest] ?? 'opt_in'
  return { policy, obligation: obligationOf(policy), isCompulsory, endsOnFailure, isOnDemand, reasons }
}

function obligationOf(policy: RecordingPolicyName): ObligationCode | null {
  switch (policy) {
    case 'one_party':
      return null
    case 'notice':
    case 'notice_object':
    case 'all_party':
      return 'RECORDING_NOTICE'
    case 'opt_in':
      return 'RECORDING_OPT_IN'
    case 'never':
      return 'RECORDING_FORBIDDEN'
    default:
      return policy satisfies never
  }
}

/** What a bot must disclose, with where the duty comes from: a law, or the house rule that holds everywhere. */
export type Disclosure = Readonly<{
  obligations: readonly Obligation[]
  isLaw: boolean
  reasons: readonly PolicyReason[]
}>

/** What an AI voice must say about itself in these places. Always at least that it is no human. */
export function disclosure(jurisdictions: readonly string[], packs: PackSet, day: number): Disclosure {
  const places = [...new Set(jurisdictions.flatMap(one => (one.includes('-') ? [one, one.slice(0, 2)] : [one])))]
  const reasons: PolicyReason[] = []
  const obligations = new Map<ObligationCode, Obligation>()
  let isLaw = false
  for (const jurisdiction of places.length === 0 ? ['?'] : places)
    for (const { rule, source } of packs.disclosureRules(jurisdiction)) {
      if (source.modes?.includes('ai_voice') === false) continue
      const version = rule.on(day)
      if (!version?.obligations.some(one => one.code === 'AI_DISCLOSE')) continue
      isLaw ||= rule.layer === 'law' && rule.pack !== 'core'
      if (reasons.some(one => one.rule === rule.id)) continue
      for (const one of version.obligations) obligations.set(one.code, one)
      reasons.push({
        rule: rule.id,
        jurisdiction,
        certainty: rule.certainty,
        what: version.obligations.map(one => one.code).join(' '),
        cites: version.source.map(one => one.cite)
      })
    }
  return { obligations: [...obligations.values()], isLaw, reasons }
}
