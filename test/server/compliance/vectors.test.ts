import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { decide } from '../../../server/compliance/decide.ts'
import type { Facts } from '../../../server/compliance/facts.ts'
import { compilePacks } from '../../../server/compliance/packs/compile.ts'
import { loadPacks } from '../../../server/compliance/packs/load.ts'
import type { Settings } from '../../../server/compliance/rules/context.ts'

type Vector = Readonly<{
  id: string
  number: string
  country: string | null
  mode: Facts['mode']
  purpose: Facts['purpose']
  state: string
  at: string
  zones: readonly string[]
  local: readonly string[]
  expected: string
  reason: string
}>

type Case = Readonly<{
  given?: Partial<Facts>
  settings?: Partial<Settings>
  reasons?: readonly string[]
  next?: string
  nextAfter?: string
  obligations?: readonly string[]
  /** The vector names its zones only as examples. */
  hasOwnZones?: false
}>

const PEWC: Partial<Facts> = { consent: { grade: 'written_signed', givenAt: '2026-06-01T00:00:00Z' } }
const OPT_IN: Partial<Facts> = { consent: { grade: 'express_electronic', givenAt: '2026-10-01T00:00:00Z' } }
const scrubbed = (registry: string, obtainedAt: string, listed = false): Partial<Facts> => ({
  registries: { [registry]: { obtainedAt, listed } }
})
const us = (obtainedAt = '2026-11-28T12:00:00Z', listed = false) => scrubbed('us-dnc', obtainedAt, listed)

/** The sentence in `state` of each vector as facts. What a vector leaves open is left open here too. */
const CASES: Readonly<Record<string, Case>> = {
  T01: { given: us(), reasons: ['HOURS_OUTSIDE'], next: '2026-12-01T13:00:00Z' },
  T02: { given: us() },
  T04: { given: PEWC, reasons: ['HOURS_OUTSIDE'] },
  T05: { given: us(), reasons: ['HOURS_OUTSIDE'], next: '2026-12-01T14:00:00Z' },
  T07: {
    given: { ...us(), locations: [{ kind: 'address', country: 'US', region: 'CA' }] },
    reasons: ['HOURS_OUTSIDE'],
    next: '2026-12-01T16:00:00Z'
  },
  T08: { given: us('2027-06-20T00:00:00Z'), reasons: ['HOURS_OUTSIDE'] },
  T10: { given: { ...us(), registrations: ['us-tx'] } },
  T11: { given: { ...us(), registrations: ['us-tx'] }, reasons: ['HOURS_OUTSIDE'] },
  T13: { given: PEWC, reasons: ['HOURS_OUTSIDE'] },
  T14: { given: us('2023-09-20T00:00:00Z') },
  T16: { given: us('2025-06-20T00:00:00Z') },
  T17: { given: us('2027-03-20T00:00:00Z'), reasons: ['HOLIDAY_PROHIBITED'] },
  T19: { given: us(), reasons: ['HOURS_OUTSIDE'], next: '2026-12-07T14:00:00Z' },
  T20: { given: PEWC, reasons: ['DAY_PROHIBITED'] },
  T22: { given: us('2026-10-20T00:00:00Z'), reasons: ['HOURS_OUTSIDE'] },
  T23: { given: us(), reasons: ['HOURS_OUTSIDE'] },
  T25: { given: us(), reasons: ['JUR_AMBIGUOUS'], hasOwnZones: false },
  T26: { given: { ...us(undefined, true), relationship: { lastPurchaseAt: '2025-06-02T00:00:00Z' } } },
  T28: {
    given: { ...us(undefined, true), relationship: { lastInquiryAt: '2026-08-30T00:00:00Z' } },
    reasons: ['DNC_REGISTRY_LISTED', 'EBR_EXPIRED']
  },
  T29: {
    given: {
      ...us(),
      relationship: { lastPurchaseAt: '2026-11-24T00:00:00Z' },
      internalList: { since: '2026-11-20T00:00:00Z' }
    },
    reasons: ['DNC_INTERNAL']
  },
  T31: { given: { consent: null }, reasons: ['CONSENT_MISSING'] },
  T32: {
    given: { consent: { grade: 'express_electronic', givenAt: '2026-11-25T00:00:00Z' } },
    obligations: ['IDENTIFY_AT_START', 'AI_DISCLOSE', 'CALLBACK_NUMBER', 'OPTOUT_MECHANISM', 'RECORDING_NOTICE']
  },
  T34: {
    given: {
      ...PEWC,
      subject: 'warranty',
      attempts: ['2026-12-01T14:00:00Z', '2026-12-01T16:00:00Z', '2026-12-01T19:00:00Z'].map(at => ({
        at,
        subject: 'warranty'
      }))
    },
    reasons: ['FREQ_EXCEEDED'],
    next: '2026-12-02T14:00:00Z'
  },
  T35: {
    given: {
      subject: 'debt-1',
      attempts: [25, 26, 27, 28, 29, 30]
        .map(day => ({ at: `2026-11-${day}T18:00:00Z`, subject: 'debt-1' }))
        .concat([{ at: '2026-11-30T20:00:00Z', subject: 'debt-1' }])
    },
    reasons: ['FREQ_EXCEEDED'],
    next: '2026-12-02T18:00:00Z'
  },
  T37: {
    given: {
      consent: { grade: 'written_signed', givenAt: '2024-05-01T00:00:00Z' },
      reassigned: { answer: 'yes' }
    },
    reasons: ['REASSIGNED_YES']
  },
  T38: {
    given: {
      consent: { grade: 'written_signed', givenAt: '2024-05-01T00:00:00Z', revokedAt: '2026-11-30T18:00:00Z' }
    },
    reasons: ['CONSENT_REVOKED']
  },
  T40: { given: us(), reasons: ['HOURS_OUTSIDE'] },
  T41: { given: scrubbed('ca-dncl', '2026-11-20T00:00:00Z') },
  T43: { given: { relationship: { isCustomer: true } }, reasons: ['CONSENT_MISSING'] },
  T44: {
    given: {
      registries: { 'gb-tps': { obtainedAt: '2026-11-28T00:00:00Z', listed: true, listedAt: '2026-06-01T00:00:00Z' } },
      relationship: { isCustomer: true }
    },
    reasons: ['DNC_REGISTRY_LISTED']
  },
  T46: { given: scrubbed('gb-tps', '2026-11-28T00:00:00Z'), reasons: ['CONSENT_MISSING'] },
  T47: { given: { relationship: { isCustomer: true } }, reasons: ['CONSENT_MISSING'] },
  T49: { given: scrubbed('fr-bloctel', '2026-08-01T00:00:00Z') },
  T50: { given: scrubbed('fr-bloctel', '2026-08-01T00:00:00Z'), reasons: ['CONSENT_MISSING'] },
  T52: { given: OPT_IN, reasons: ['HOLIDAY_PROHIBITED'] },
  T53: {
    given: {
      ...OPT_IN,
      attempts: ['2026-11-05', '2026-11-12', '2026-11-19', '2026-11-26'].map(day => ({ at: `${day}T10:00:00Z` }))
    },
    reasons: ['FREQ_EXCEEDED'],
    // 30 days after the first of the four is Saturday 5 December 11:00; the next open hour is on Monday.
    next: '2026-12-07T09:00:00Z'
  },
  T55: { given: OPT_IN, reasons: ['HOURS_OUTSIDE'] },
  T56: { given: OPT_IN, reasons: ['DAY_PROHIBITED'] },
  T58: {
    given: {
      consent: { grade: 'express_electronic', givenAt: '2024-01-10T00:00:00Z' },
      registries: { 'it-rpo': { obtainedAt: '2026-11-28T00:00:00Z', listed: true, listedAt: '2025-02-01T00:00:00Z' } }
    },
    reasons: ['DNC_REGISTRY_LISTED']
  },
  T59: { given: { relationship: { isCustomer: true } } },
  T61: {
    given: scrubbed('au-dncr', '2026-11-25T22:30:00Z'),
    reasons: ['HOURS_OUTSIDE'],
    next: '2026-12-01T01:00:00Z'
  },
  T62: { given: scrubbed('au-dncr', '2026-11-25T22:30:00Z') },
  T64: { given: scrubbed('sg-dnc', '2026-12-01T02:00:00Z'), reasons: ['DNC_SCRUB_STALE'] },
  T65: {
    given: {
      ...scrubbed('in-ncpr', '2026-12-01T04:00:00Z'),
      callerId: { number: '+911401234567', isOwned: true }
    },
    reasons: ['HOURS_OUTSIDE']
  },
  T67: {
    given: {
      ...OPT_IN,
      attempts: [
        { at: '2026-11-30T08:00:00Z', outcome: 'no_answer' },
        { at: '2026-12-01T08:30:00Z', outcome: 'no_answer' }
      ]
    },
    // The second of December is also a national day, on which the house does not call.
    reasons: ['FREQ_EXCEEDED', 'HOLIDAY_PROHIBITED']
  },
  T68: {
    given: { consent: { grade: 'express_electronic', givenAt: '2027-01-01T00:00:00Z' } },
    settings: { ramadan: 'strict' },
    reasons: ['COURTESY_RAMADAN', 'NO_FEASIBLE_WINDOW'],
    next: '2027-03-10T05:00:00Z'
  },
  T70: { given: { ...OPT_IN, sector: 'finance' }, reasons: ['HOURS_OUTSIDE'] },
  T71: { given: OPT_IN, reasons: ['HOURS_OUTSIDE'] },
  T73: { given: { ...scrubbed('br-nmp', '2026-12-01T00:00:00Z'), sector: 'telecom' }, reasons: ['DAY_PROHIBITED'] },
  T74: { reasons: ['NUM_INVALID'], hasOwnZones: false },
  T76: { given: { callbackRequestedAt: '2026-12-01T02:10:00Z' }, reasons: ['HOURS_OUTSIDE'] }
}

const folder = fileURLToPath(new URL('../../../config/rule-packs', import.meta.url))
const vectors: readonly Vector[] = JSON.parse(await readFile(new URL('./vectors.json', import.meta.url), 'utf8'))
const packs = await loadPacks(folder)

t.test('every call vector of the reference is decided as it says', async t => {
  t.same(Object.keys(CASES).sort(), vectors.map(one => one.id).sort(), 'each vector has its case')
  for (const vector of vectors) {
    const one = CASES[vector.id] ?? {}
    const facts: Facts = {
      at: vector.at,
      number: vector.number,
      mode: vector.mode,
      purpose: vector.purpose,
      ...one.given
    }
    const decision = decide(facts, compilePacks(packs, one.settings))
    const label = `${vector.id} ${vector.state}`
    t.equal(decision.outcome, vector.expected, label)
    t.equal(decision.error, null)
    if (one.reasons === undefined) t.same(decision.reasons, [], `${label}: no reason`)
    else if (vector.expected === 'DEFER') t.same([...decision.reasons].sort(), [...one.reasons].sort(), label)
    else
      for (const reason of one.reasons)
        t.ok(
          decision.reasons.some(found => found === reason),
          `${label}: ${reason}`
        )
    if (one.next !== undefined) t.equal(Date.parse(decision.nextAt ?? ''), Date.parse(one.next), `${label}: next`)
    if (one.obligations !== undefined)
      t.same(decision.obligations.map(each => each.code).sort(), [...one.obligations].sort(), label)
    if (one.hasOwnZones === false) continue
    t.equal(decision.number.country, vector.country, `${label}: country`)
    t.same(decision.zones.map(each => each.local).sort(), [...vector.local].sort(), `${label}: local times`)
  }
})

t.test('a callback that was asked for two minutes ago is allowed at night', async t => {
  const decision = decide(
    {
      at: '2026-12-01T02:12:00Z',
      number: '+12125550123',
      mode: 'human_manual',
      purpose: 'callback_requested',
      callbackRequestedAt: '2026-12-01T02:10:00Z'
    },
    compilePacks(packs)
  )
  t.equal(decision.outcome, 'ALLOW')
})
