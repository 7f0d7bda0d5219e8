import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { OUTCOMES } from '../../../server/compliance/codes.ts'
import { decide } from '../../../server/compliance/decide.ts'
import type { Facts } from '../../../server/compliance/facts.ts'
import { compilePacks } from '../../../server/compliance/packs/compile.ts'
import { loadPacks } from '../../../server/compliance/packs/load.ts'
import { patient } from '../../support/patience.ts'

const packs = await loadPacks(fileURLToPath(new URL('../../../config/rule-packs', import.meta.url)))
const set = compilePacks(packs)

const NOON: Facts = {
  at: '2026-12-01T17:00:00Z',
  number: '+12125550123',
  mode: 'human_manual',
  purpose: 'marketing',
  registries: { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
}
const ask = (change: Partial<Facts>) => decide({ ...NOON, ...change }, set)

t.test('one fact that changes flips the rule that looks at it and no other', async t => {
  t.equal(ask({}).outcome, 'ALLOW')
  const flips: readonly (readonly [Partial<Facts>, string, string, string])[] = [
    [{ at: '2026-12-01T12:59:59Z' }, 'us-federal.hours', 'HOURS_OUTSIDE', 'DEFER'],
    [{ registries: {} }, 'us-federal.dnc', 'DNC_SCRUB_MISSING', 'BLOCK'],
    [
      { registries: { 'us-dnc': { obtainedAt: '2026-10-31T16:59:59Z', listed: false } } },
      'us-federal.dnc',
      'DNC_SCRUB_STALE',
      'BLOCK'
    ],
    [
      { registries: { 'us-dnc': { obtainedAt: '2026-12-02T00:00:00Z', listed: false } } },
      'us-federal.dnc',
      'DNC_SCRUB_MISSING',
      'BLOCK'
    ],
    [
      { registries: { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: true } } },
      'us-federal.dnc',
      'DNC_REGISTRY_LISTED',
      'BLOCK'
    ],
    [{ internalList: { since: '2026-12-01T16:59:59Z' } }, 'core.internal-list', 'DNC_INTERNAL', 'BLOCK'],
    [{ callerId: null }, 'core.caller-id', 'CLI_INVALID', 'BLOCK'],
    [{ callerId: { number: '+12125550100', isOwned: false } }, 'core.caller-id', 'CLI_INVALID', 'BLOCK'],
    [{ mode: 'ai_voice' }, 'us-federal.artificial-sales', 'CONSENT_MISSING', 'BLOCK'],
    [
      { suspensions: [{ jurisdiction: 'US-NY', from: '2026-11-30T00:00:00Z' }] },
      'core.suspension',
      'EMERGENCY_SUSPENSION',
      'BLOCK'
    ],
    [
      { mode: 'human_dialer', campaign: { live: 1000, abandoned: 30 } },
      'us-federal.abandon',
      'CAMPAIGN_ABANDON_CAP',
      'BLOCK'
    ]
  ]
  for (const [change, rule, reason, outcome] of flips) {
    const decision = ask(change)
    t.equal(decision.outcome, outcome, `${rule} ${reason}`)
    t.same(
      decision.results.filter(one => !one.ok).map(one => one.rule),
      [rule],
      `${rule} alone fails`
    )
    t.ok(
      decision.reasons.some(one => one === reason),
      reason
    )
  }
})

t.test('numbers that cannot or must not be called are blocked in every writing', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['911', 'NUM_SPECIAL'],
    ['112', 'NUM_SPECIAL'],
    ['+44 999', 'NUM_SPECIAL'],
    ['+1 911', 'NUM_SPECIAL'],
    ['12345', 'NUM_SPECIAL'],
    ['+1 900 555 0123', 'NUM_SPECIAL'],
    ['+44 909 879 0000', 'NUM_SPECIAL'],
    ['hello', 'NUM_INVALID'],
    ['', 'NUM_INVALID'],
    ['+447700900123', 'NUM_INVALID'],
    ['+1 212 555', 'NUM_INVALID'],
    ['+99912345678', 'NUM_INVALID']
  ]
  for (const [number, reason] of cases) {
    const decision = ask({ number })
    t.equal(decision.outcome, 'BLOCK', number)
    t.same(decision.reasons, [reason], number)
  }
  for (const number of [
    '+1 (212) 555-0123',
    '001-212-555-0123',
    'tel:+1-212-555-0123',
    '＋１２１２５５５０１２３',
    '+١٢١٢٥٥٥٠١٢٣'
  ])
    t.equal(ask({ number }).outcome, 'ALLOW', number)
})

t.test('a country without a pack, and a number without a place, go to a person', async t => {
  const austria = ask({ number: '+43720123456' })
  t.equal(austria.outcome, 'REVIEW')
  t.same(austria.reasons, ['JUR_NO_PACK'])
  t.same(ask({ number: '+447911123456' }).reasons, ['JUR_NO_PACK'], 'Guernsey is not the United Kingdom')
  const tollFree = ask({ number: '+18005550123' })
  t.equal(tollFree.outcome, 'REVIEW')
  t.same(tollFree.reasons, ['JUR_AMBIGUOUS'])
  const withAddress = ask({
    number: '+18005550123',
    locations: [{ kind: 'address', country: 'US', region: 'TX', zone: 'America/Chicago' }],
    registrations: ['us-tx']
  })
  t.equal(withAddress.outcome, 'ALLOW')
  t.same(withAddress.zones, [{ zone: 'America/Chicago', local: '2026-12-01T11:00:00-06:00' }])
  t.same(withAddress.jurisdictions, ['US-TX', 'US'])
})

t.test('two people can settle a review, one cannot, and nobody can override a law', async t => {
  const override = (signedBy: string[], rules: string[], expiresAt = '2026-12-02T00:00:00Z') => ({
    overrides: [{ id: 'o1', rules, signedBy, reason: 'address confirmed by letter', expiresAt }]
  })
  const number = '+43720123456'
  t.equal(ask({ number, ...override(['ann', 'bob'], ['core.jurisdiction']) }).outcome, 'ALLOW')
  t.same(ask({ number, ...override(['ann', 'bob'], ['core.jurisdiction']) }).reasons, ['OVERRIDE_APPLIED'])
  t.equal(ask({ number, ...override(['ann', 'ann'], ['core.jurisdiction']) }).outcome, 'REVIEW')
  t.equal(ask({ number, ...override(['ann', 'bob'], ['core.jurisdiction'], '2026-12-01T17:00:00Z') }).outcome, 'REVIEW')
  const night = { at: '2026-12-01T12:00:00Z' }
  t.equal(ask({ ...night, ...override(['ann', 'bob'], ['us-federal.hours']) }).outcome, 'DEFER')
  const berlin: Partial<Facts> = {
    number: '+493023125000',
    at: '2026-12-06T11:00:00Z',
    consent: { grade: 'double_opt_in', givenAt: '2026-10-01T00:00:00Z' }
  }
  t.equal(ask(berlin).outcome, 'DEFER')
  const freed = ask({ ...berlin, ...override(['ann', 'bob'], ['de-house.hours'], '2026-12-07T00:00:00Z') })
  t.equal(freed.outcome, 'ALLOW')
  t.equal(freed.results.find(one => one.rule === 'override.o1')?.reasons[0], 'OVERRIDE_APPLIED')
})

t.test('what must be settled before dialling is open while planning and blocks at the dial', async t => {
  const texas: Partial<Facts> = { number: '+15125550123', mode: 'human_dialer' }
  const plan = ask(texas)
  t.equal(plan.outcome, 'ALLOW')
  t.same([...plan.open].sort(), ['callerId', 'campaign', 'registrations.us-tx', 'registries.us-tx'])
  const dial = ask({ ...texas, stage: 'dial' })
  t.equal(dial.outcome, 'BLOCK')
  t.same([...dial.reasons].sort(), [
    'CAMPAIGN_ABANDON_CAP',
    'CAMPAIGN_REGISTRATION_MISSING',
    'CLI_INVALID',
    'DNC_SCRUB_MISSING'
  ])
})

t.test('facts that cannot be read fail closed and say why', async t => {
  for (const change of [
    { at: 'tomorrow' },
    { callbackRequestedAt: 'soon' },
    { at: '2099-01-01T00:00:00Z' },
    { locations: [{ kind: 'address' as const, country: 'US', region: 'CA', zone: 'Mars/Olympus' }] }
  ]) {
    const decision = ask(change)
    t.equal(decision.outcome, 'BLOCK')
    t.type(decision.error, 'string')
  }
})

t.test('a proposed law is judged in the shadow and binds nobody', async t => {
  const sunday = decide(
    {
      ...NOON,
      number: '+12155550123',
      at: '2027-01-10T17:00:00Z',
      registries: { 'us-dnc': { obtainedAt: '2027-01-05T00:00:00Z', listed: false } }
    },
    set
  )
  t.equal(sunday.outcome, 'ALLOW')
  t.same(
    sunday.shadow.map(one => [one.rule, one.ok, one.reasons[0]]),
    [['us-pa.hours-proposed', false, 'DAY_PROHIBITED']]
  )
})

t.test(
  'the address may replace the area code only where the house trusts it and no state presumes otherwise',
  async t => {
    const trusting = compilePacks(packs, { trustsVerifiedAddress: true })
    const address = { kind: 'address' as const, country: 'US', region: 'CA', verifiedAt: '2026-06-01T00:00:00Z' }
    const early = { ...NOON, at: '2026-12-02T03:30:00Z', locations: [address] }
    t.equal(decide(early, set).outcome, 'DEFER', 'New York is closed')
    t.equal(decide(early, trusting).outcome, 'ALLOW', 'California is open')
    t.equal(
      decide({ ...early, number: '+13055550123' }, trusting).outcome,
      'DEFER',
      'a Florida area code stays Florida'
    )
    t.equal(
      decide({ ...early, locations: [{ ...address, verifiedAt: '2025-06-01T00:00:00Z' }] }, trusting).outcome,
      'DEFER'
    )
  }
)

t.test('no window at all is found and said, not looped on', async t => {
  const never = compilePacks(packs, { ramadan: 'strict' })
  const jakarta: Facts = {
    ...NOON,
    number: '+971501234567',
    at: '2027-02-15T08:00:00Z',
    consent: { grade: 'oral_express' }
  }
  const started = performance.now()
  const decision = decide(jakarta, never)
  t.ok(performance.now() - started < patient(500))
  t.ok(decision.reasons.includes('NO_FEASIBLE_WINDOW'))
  t.equal(decide({ ...jakarta, refusals: ['2026-01-01T00:00:00Z'] }, never).outcome, 'BLOCK', 'refused for ever')
  const riyadh = decide({ ...jakarta, number: '+966501234567' }, never)
  t.equal(riyadh.outcome, 'DEFER')
  t.equal(riyadh.nextAt, '2027-02-15T14:48:00.000Z', 'after sunset in Riyadh')
  t.notOk(riyadh.reasons.includes('NO_FEASIBLE_WINDOW'))
})

t.test('consent counts for the purpose and the way of calling that it names', async t => {
  const base: Partial<Facts> = { number: '+4915123456789', at: '2026-12-01T10:00:00Z' }
  const consent = { grade: 'express_electronic' as const, givenAt: '2026-10-01T00:00:00Z' }
  const reasons = (change: Partial<Facts>) => ask({ ...base, ...change }).reasons
  t.same(reasons({ consent }), [])
  t.same(reasons({ consent: { ...consent, purposes: ['service'] } }), ['CONSENT_SCOPE'])
  t.same(reasons({ consent: { ...consent, purposes: ['marketing'] }, purpose: 'existing_customer_marketing' }), [])
  t.same(reasons({ consent: { ...consent, modes: ['human_manual'] }, mode: 'ai_voice' }), ['CONSENT_SCOPE'])
  t.same(reasons({ consent: { ...consent, channels: ['sms'] } }), ['CONSENT_SCOPE'])
  t.same(reasons({ consent: { ...consent, evidence: 'unreadable' } }), ['CONSENT_UNPROVEN'])
  t.same(reasons({ consent: { ...consent, expiresAt: '2026-12-01T10:00:00Z' } }), ['CONSENT_MISSING'])
  t.same(reasons({ consent: { ...consent, givenAt: '2026-12-01T10:00:01Z' } }), ['CONSENT_MISSING'])
  t.same(reasons({ consent: { ...consent, revokedAt: '2026-11-01T00:00:00Z' } }), ['CONSENT_REVOKED'])
  t.same(
    reasons({ consent: { ...consent, revokedAt: '2026-09-01T00:00:00Z' } }),
    [],
    'given again after the withdrawal'
  )
})

// ---- properties

const numbers = [
  '+12125550123',
  '+13055550123',
  '+18505550123',
  '+15125550123',
  '+16055550123',
  '+14015550123',
  '+12155550123',
  '+18015550123',
  '+15045550123',
  '+14165550123',
  '+447400123456',
  '+4915123456789',
  '+33612345678',
  '+34612345678',
  '+393331234567',
  '+61412345678',
  '+6591234567',
  '+919812345678',
  '+971501234567',
  '+628123456789',
  '+573012345678',
  '+5511912345678'
]
const instants = fc
  .integer({ min: Date.UTC(2024, 0, 2) / 1000, max: Date.UTC(2029, 11, 1) / 1000 })
  .map(seconds => new Date(seconds * 1000).toISOString())
const anyFacts: fc.Arbitrary<Facts> = fc.record(
  {
    at: instants,
    number: fc.constantFrom(...numbers),
    mode: fc.constantFrom('human_manual', 'human_dialer', 'prerecorded', 'ai_voice'),
    purpose: fc.constantFrom('marketing', 'service', 'collections', 'research', 'existing_customer_marketing'),
    sector: fc.constantFrom('finance', 'telecom'),
    consent: fc.constantFrom(null, { grade: 'written_signed' as const }, { grade: 'implied' as const }),
    relationship: fc.constantFrom({ isCustomer: true }, { lastPurchaseAt: '2026-01-01T00:00:00Z' }),
    attempts: fc.array(fc.record({ at: instants }), { maxLength: 4 })
  },
  { requiredKeys: ['at', 'number', 'mode', 'purpose'] }
)

/** Facts under which only time decides. */
const clean = (facts: Facts): Facts => ({
  ...facts,
  consent: { grade: 'double_opt_in' },
  registrations: ['us-tx', 'ca-dncl', 'ae-approval', 'in-autodialler']
})

t.test('the same facts give the same decision, whatever the order of the packs', async t => {
  const reversed = compilePacks([...packs].reverse())
  fc.assert(
    fc.property(anyFacts, facts => {
      const one = decide(facts, set)
      const again = decide(facts, set)
      const other = decide(facts, reversed)
      return (
        JSON.stringify(one) === JSON.stringify(again) &&
        one.outcome === other.outcome &&
        one.nextAt === other.nextAt &&
        [...one.reasons].sort().join() === [...other.reasons].sort().join()
      )
    }),
    { numRuns: 300 }
  )
  t.pass()
})

t.test('one pack more never makes an outcome better', async t => {
  const withoutStates = compilePacks(
    packs.filter(one => !one.pack.pack.startsWith('us-') || one.pack.pack === 'us-federal')
  )
  const withoutHouse = compilePacks(packs.filter(one => one.pack.kind === 'law'))
  fc.assert(
    fc.property(anyFacts, facts => {
      const all = OUTCOMES.indexOf(decide(facts, set).outcome)
      const less = decide(facts, withoutStates)
      const law = decide(facts, withoutHouse)
      return (
        all >= OUTCOMES.indexOf(less.outcome) &&
        (law.reasons.includes('JUR_NO_PACK') || all >= OUTCOMES.indexOf(law.outcome))
      )
    }),
    { numRuns: 300 }
  )
  t.pass()
})

t.test('the next instant of a deferred call is allowed, and nothing before it is', async t => {
  const runs = fc.sample(anyFacts, { numRuns: 250, seed: 20261123 })
  let deferred = 0
  for (const facts of runs) {
    const one = decide(clean(facts), set)
    if (one.outcome !== 'DEFER' || one.nextAt === null) continue
    deferred += 1
    const nextMs = Date.parse(one.nextAt)
    const at = (ms: number) => decide({ ...clean(facts), at: new Date(ms).toISOString() }, set)
    t.not(at(nextMs).outcome, 'DEFER', `${facts.number} at ${one.nextAt}`)
    t.equal(at(nextMs - 1).outcome, 'DEFER', `${facts.number} a millisecond before ${one.nextAt}`)
    const from = Date.parse(facts.at)
    for (let ms = from; ms < nextMs; ms += Math.max(60_000, Math.floor((nextMs - from) / 400)))
      if (at(ms).outcome !== 'DEFER')
        t.fail(`${facts.number} was allowed at ${new Date(ms).toISOString()}, before ${one.nextAt}`)
  }
  t.ok(deferred > 50, `${deferred} deferred calls`)
})

// ---- an oracle that shares nothing with the engine: Intl, and hours written down a second time.

type Naive = Readonly<{
  number: string
  zones: readonly string[]
  hours: (weekday: number) => readonly (readonly [string, string])[]
  closed?: ReadonlySet<string>
}>
const all =
  (...windows: [string, string][]) =>
  () =>
    windows
const NAIVE: readonly Naive[] = [
  { number: '+12125550123', zones: ['America/New_York'], hours: all(['08:00', '20:59']) },
  { number: '+18505550123', zones: ['America/New_York', 'America/Chicago'], hours: all(['08:00', '19:59']) },
  { number: '+19285550123', zones: ['America/Phoenix', 'America/Denver'], hours: all(['08:00', '20:59']) },
  {
    number: '+15125550123',
    zones: ['America/Chicago'],
    hours: day => (day === 7 ? [['12:00', '20:59']] : [['09:00', '20:59']])
  },
  {
    number: '+14165550123',
    zones: ['America/Toronto'],
    hours: day => (day > 5 ? [['10:00', '17:59']] : [['09:00', '21:29']])
  }
]

t.test('an independent reading of the clock finds no allowed minute outside the hours, in years of calls', async t => {
  for (const naive of NAIVE) {
    const formats = naive.zones.map(
      timeZone =>
        new Intl.DateTimeFormat('en-GB', {
          timeZone,
          weekday: 'short',
          hour: '2-digit',
          minute: '2-digit',
          hourCycle: 'h23'
        })
    )
    const isOpen = (ms: number) =>
      formats.every(format => {
        const parts = Object.fromEntries(format.formatToParts(ms).map(part => [part.type, part.value]))
        const day = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(parts['weekday'] ?? '') + 1
        const clock = `${parts['hour']}:${parts['minute']}`
        return naive.hours(day).some(([start, end]) => clock >= start && clock < end)
      })
    let wrong = 0
    for (let index = 0; index < 6_000; index += 1) {
      // A step that is prime in minutes visits every minute of the day over the years.
      const ms = Date.UTC(2024, 0, 1) + index * 613 * 60_000
      const facts = clean({ ...NOON, number: naive.number, at: new Date(ms).toISOString() })
      const isAllowed = decide(facts, set).outcome === 'ALLOW'
      if (isAllowed !== isOpen(ms)) wrong += 1
    }
    t.equal(wrong, 0, naive.number)
  }
})
