import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { OBLIGATIONS, REASONS } from '../../../server/compliance/codes.ts'
import { decide } from '../../../server/compliance/decide.ts'
import { explain, explainLanguage } from '../../../server/compliance/explain/explain.ts'
import { EXPLAIN_LANGUAGES } from '../../../server/compliance/explain/words.ts'
import type { Facts } from '../../../server/compliance/facts.ts'
import { compilePacks } from '../../../server/compliance/packs/compile.ts'
import { loadPacks, parsePacks } from '../../../server/compliance/packs/load.ts'
import { forecast } from '../../../server/compliance/plan/forecast.ts'
import { simulate } from '../../../server/compliance/plan/simulate.ts'
import { timeline } from '../../../server/compliance/plan/times.ts'
import { disclosure, recordingPolicy } from '../../../server/compliance/recording-policy.ts'
import { egressGuard, residencyOf, type ResidencyPolicy } from '../../../server/compliance/residency.ts'
import { mayOverdial } from '../../../server/compliance/rules/instant.ts'

const packs = await loadPacks(fileURLToPath(new URL('../../../config/rule-packs', import.meta.url)))
const set = compilePacks(packs)
const DAY = Math.floor(Date.UTC(2026, 11, 1) / 86_400_000)
const facts: Facts = {
  at: '2026-12-01T17:00:00Z',
  number: '+12125550123',
  mode: 'human_manual',
  purpose: 'marketing',
  registries: { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
}

t.test('the strictest recording law of either end holds, and unknown places count as the strictest', async t => {
  const policy = (...places: string[]) => recordingPolicy(places, set, DAY)
  t.match(
    policy('US-TX', 'US-CA'),
    { policy: 'all_party', obligation: 'RECORDING_NOTICE' },
    'an agent in Texas, a customer in California'
  )
  t.match(policy('US-TX'), { policy: 'one_party', obligation: null })
  t.equal(policy('US').policy, 'all_party', 'a caller of a toll-free number')
  t.match(policy('FR', 'DE'), { policy: 'opt_in', obligation: 'RECORDING_OPT_IN', isOnDemand: true })
  t.equal(policy('GB').policy, 'notice')
  t.equal(policy('ID').isCompulsory, true)
  t.equal(policy('ZW').policy, 'opt_in')
  t.equal(policy().policy, 'opt_in')
  t.ok(
    policy('DE').reasons.some(one => one.cites.includes('StGB s. 201')),
    'with its reason'
  )
  for (const state of 'CA CT DE FL IL MD MA MI MT NV NH PA WA'.split(' '))
    t.equal(policy(`US-${state}`).policy, 'all_party', state)
})

t.test('a rule may forbid recording outright, and then no other place allows it', async t => {
  const rule = (policy: string, expect: string) => `pack: xx-never
version: 2026.1.1
kind: house
title: Nothing is recorded
jurisdictions: [ US-NY ]
owner: compliance
reviewBy: 2027-01-01
sample: "+12125550123"
rules:
  - id: xx-never.recording
    title: Nothing is recorded
    check: recording
    certainty: K
    versions:
      - from: 0001-01-01
        status: enacted
        policy: ${policy}
        source: [ { cite: House rule, grade: K } ]
    tests:
      - { at: 2026-12-01T17:00:00Z, expect: ${expect} }
      - { at: 2026-12-01T17:00:00Z, given: { isRecorded: false }, expect: pass }
`
  const [pack] = parsePacks([{ file: 'xx-never.yaml', text: rule('never', 'RECORDING_FORBIDDEN') }])
  if (pack === undefined) throw new Error('no pack')
  const forbidding = compilePacks([...packs, pack])
  t.match(recordingPolicy(['US-NY', 'DE'], forbidding, DAY), { policy: 'never', obligation: 'RECORDING_FORBIDDEN' })
  t.equal(recordingPolicy(['DE'], forbidding, DAY).policy, 'opt_in', 'elsewhere nothing changes')
})

t.test('a bot always says what it is, and knows where that is law and since when', async t => {
  t.match(disclosure(['DE'], set, DAY), { isLaw: true, obligations: [{ code: 'AI_DISCLOSE' }] })
  t.equal(disclosure(['DE'], set, Math.floor(Date.UTC(2026, 7, 1) / 86_400_000)).isLaw, false, 'the day before')
  t.match(disclosure(['JP'], set, DAY), { isLaw: false, obligations: [{ code: 'AI_DISCLOSE' }] })
  t.match(disclosure([], set, DAY), { obligations: [{ code: 'AI_DISCLOSE' }] })
})

t.test('over-dialling stops before the cap is reached, and new campaigns begin one to one', async t => {
  t.equal(mayOverdial({ live: 1000, abandoned: 30 }, 3), false)
  t.equal(mayOverdial({ live: 1000, abandoned: 29 }, 3), true)
  t.equal(mayOverdial({ live: 10, abandoned: 0 }, 3), false)
  t.equal(mayOverdial({ live: 32, abandoned: 0 }, 3), false)
  t.equal(mayOverdial({ live: 33, abandoned: 0 }, 3), true)
})

t.test('every code has a sentence in every language', async t => {
  const base = decide({ ...facts, at: '2026-12-01T12:00:00Z' }, set)
  t.equal(explainLanguage('de-AT'), 'de')
  t.equal(explainLanguage('fr'), 'en')
  for (const language of EXPLAIN_LANGUAGES) {
    const lines = explain(base, language)
    t.ok(lines.length >= 4, `${language}: ${lines.join(' / ')}`)
    t.ok(
      lines.every(line => line !== '' && !/\{\w+\}/.test(line)),
      language
    )
    for (const reason of REASONS) {
      const one = base.results[0]
      if (one === undefined) throw new Error('no result')
      const text = explain({ ...base, results: [{ ...one, ok: false, reasons: [reason] }] }, language).join(' ')
      t.notMatch(text, /undefined/, `${language} ${reason}`)
    }
    const all = explain({ ...base, obligations: OBLIGATIONS.map(code => ({ code, seconds: 10 })) }, language)
    t.ok(all.length >= OBLIGATIONS.length)
    const open = ['callerId', 'campaign', 'registries.us-dnc', 'registrations.us-tx']
    const asked = explain({ ...base, open }, language).join(' ')
    t.notMatch(asked, /callerId|campaign[,.]|registr(ie|ation)s\./, `${language}: what is open has a name`)
    t.match(asked, /us-dnc.*us-tx/)
  }
  t.match(
    explain(decide({ ...facts, number: '+919812345678' }, set), 'en').join(' '),
    /not confirmed/,
    'unconfirmed values say so'
  )
})

t.test('a forecast streams its contacts and adds up', async t => {
  function* contacts(): Generator<Facts> {
    for (let index = 0; index < 5_000; index += 1)
      yield {
        ...facts,
        number: `+1${['212', '305', '415'][index % 3]}555${1000 + index}`,
        internalList: index % 10 === 0 ? { since: '2026-01-01T00:00:00Z' } : null
      }
  }
  const seen: number[] = []
  const found = await forecast(contacts(), set, 3, done => seen.push(done))
  t.equal(found.contacts, 5_000)
  t.equal(
    Object.values(found.outcomes).reduce((sum, one) => sum + one, 0),
    5_000
  )
  t.equal(found.reasons.DNC_INTERNAL, 500)
  t.equal(found.groups.length, 3)
  t.equal(
    found.groups.reduce((sum, one) => sum + one.contacts, 0),
    5_000
  )
  t.same(seen, [5_000])
  const ny = found.groups.find(one => one.zones.includes('America/New_York') && one.jurisdictions.includes('US-NY'))
  t.equal(ny?.minutesByDay['2026-12-03'], 13 * 60 - 1 + 0, 'a whole day less the minute before the end')
  t.equal(found.lastDialAt, '2026-12-04T16:59:00.000Z', 'California is open when the three days are over')
})

t.test('the time line of a number is closed on holidays and where zones disagree', async t => {
  const line = timeline({ ...facts, number: '+12155550123', at: '2027-03-25T12:00:00Z' }, set, 3)
  t.notOk(
    line?.spans.some(span => span.from < '2027-03-27' && span.to > '2027-03-26T12:00'),
    'Good Friday in Pennsylvania'
  )
  t.equal(timeline({ ...facts, number: '911' }, set, 1), null)
})

t.test('a simulation shows what a stricter set would lose', async t => {
  const strict = compilePacks(packs, { endGuardSeconds: 1_800 })
  const calls = ['2026-12-01T17:00:00Z', '2026-12-02T01:45:00Z', '2026-12-02T05:00:00Z'].map((at, index) => ({
    key: `k${index}`,
    facts: { ...facts, at }
  }))
  const found = await simulate(calls, set, strict)
  t.match(found, {
    calls: 3,
    matrix: { ALLOW: { ALLOW: 1, DEFER: 1 }, DEFER: { DEFER: 1 } },
    newlyUnlawful: ['k1'],
    newlyLawful: []
  })
  t.match(found.byJurisdiction['US-NY'], { calls: 3, lost: 1, gained: 0 })
})

const POLICY: ResidencyPolicy = {
  zones: [
    {
      id: 'eu',
      countries: ['DE', 'FR'],
      storageRegion: 'eu-central',
      processors: ['speech.eu.example', '*.asr.eu.example'],
      reason: 'GDPR chapter V'
    },
    {
      id: 'us',
      countries: ['US'],
      storageRegion: 'us-east',
      processors: ['speech.us.example', '127.0.0.1'],
      reason: 'contract'
    }
  ]
}

t.test('data goes to permitted processors only: a forbidden host is refused before anything is sent', async t => {
  let calls = 0
  const server = createServer((_request, response) => {
    calls += 1
    response.end()
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/recognize`
  const send = async (guard: (url: string) => void) => {
    guard(url)
    await new Promise<void>((done, fail) =>
      request(url, response => response.resume().on('end', done))
        .on('error', fail)
        .end()
    )
  }
  await t.rejects(send(egressGuard(residencyOf(['DE'], POLICY))), { code: 'RESIDENCY_REFUSED' })
  t.equal(calls, 0)
  await send(egressGuard(residencyOf(['US-NY', 'US'], POLICY)))
  t.equal(calls, 1)
  const guard = egressGuard(residencyOf(['DE', 'FR'], POLICY))
  t.doesNotThrow(() => guard('wss://a.asr.eu.example/stream'))
  for (const bad of ['https://asr.eu.example.evil.example', 'https://speech.us.example', 'https://xasr.eu.example'])
    t.throws(() => guard(bad), { code: 'RESIDENCY_REFUSED' }, bad)
  t.throws(() => residencyOf(['DE', 'US'], POLICY), { code: 'RESIDENCY_REFUSED' }, 'two regions need a person')
  t.throws(() => residencyOf(['JP'], POLICY), { code: 'RESIDENCY_REFUSED' })
  t.throws(() => residencyOf([], POLICY), { code: 'RESIDENCY_REFUSED' })
})
