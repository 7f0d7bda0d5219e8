import t from 'tap'
import { doubtAbout } from '../../server/privacy/clock-watch.ts'
import { clockOf, extended, REGIMES, regimeOf } from '../../server/privacy/clocks.ts'
import { languageFor, PUBLIC_LANGUAGES, PUBLIC_TEXTS } from '../../server/privacy/public-texts.ts'
import {
  decideRetention,
  NOT_RETAINED,
  RETAINED,
  type RetentionItem,
  type RetentionRule
} from '../../server/privacy/retention-rules.ts'
import { STORES } from '../../server/privacy/stores.ts'

const day = (at: Date | null) => at?.toISOString().slice(0, 10) ?? null

t.test('a month of the GDPR ends on its last day, and after a weekend', async t => {
  const received = new Date('2027-01-31T10:00:00Z')
  const clock = clockOf(REGIMES['gdpr']!, received)
  t.equal(day(clock.dueAt), '2027-03-01', '28 February is a Sunday')
  t.equal(day(clock.houseDueAt), '2027-02-25')
  t.equal(day(extended(REGIMES['gdpr']!, received, new Date('2027-02-20T00:00:00Z'))), '2027-04-30')
  t.equal(extended(REGIMES['gdpr']!, received, new Date('2027-03-05T00:00:00Z')), null, 'told too late')
})

t.test('the CCPA counts calendar days for the answer and working days for the receipt and opting out', async t => {
  const received = new Date('2026-12-01T10:00:00Z')
  const clock = clockOf(REGIMES['ccpa']!, received)
  t.equal(day(clock.acknowledgeBy), '2026-12-15')
  t.equal(day(clock.dueAt), '2027-01-15')
  t.equal(day(extended(REGIMES['ccpa']!, received, new Date('2027-01-10T00:00:00Z'))), '2027-03-01')
  t.equal(day(clock.optOutBy), '2026-12-22')
})

t.test('Indonesia counts hours, weekends included', async t => {
  const clock = clockOf(REGIMES['id-pdp']!, new Date('2026-12-01T03:00:00Z'))
  t.equal(clock.dueAt.toISOString(), '2026-12-04T03:00:00.000Z')
})

t.test('the place of the number gives the regime; an unknown one the house rule', async t => {
  t.same(
    [regimeOf('DE'), regimeOf('GB'), regimeOf('US'), regimeOf('JP'), regimeOf(null)].map(one => one.id),
    ['gdpr', 'uk-gdpr', 'ccpa', 'house', 'house']
  )
})

const NOW = new Date('2026-11-28T00:00:00Z')
const item: RetentionItem = {
  store: 'recordings',
  id: 'r1',
  callId: 'c1',
  at: new Date('2026-11-01T00:00:00Z'),
  region: 'DE',
  queueIds: ['support'],
  purpose: 'service',
  hold: null
}
const rule = (id: string, keepDays: number | null, more: Partial<RetentionRule> = {}): RetentionRule => ({
  id,
  name: id,
  stores: [],
  region: null,
  queueId: null,
  purpose: null,
  keepDays,
  reason: 'test',
  ...more
})

t.test('the closest rule decides, and the choice only between equally close ones', async t => {
  const rules = [rule('all', 365), rule('germany', 10, { region: 'DE' }), rule('support', 90, { queueId: 'support' })]
  t.match(decideRetention(item, rules, 'longest', NOW), { kind: 'kept', rule: { id: 'support' } })
  t.match(decideRetention(item, rules, 'shortest', NOW), { kind: 'due', rule: { id: 'germany' } })
  const closest = [...rules, rule('both', null, { region: 'DE', queueId: 'support' })]
  t.match(decideRetention(item, closest, 'shortest', NOW), { kind: 'kept', rule: { id: 'both' }, deleteAt: null })
  t.equal(decideRetention(item, closest, 'shortest', NOW).matched.length, 4, 'every rule that speaks is named')
})

t.test('a rule of a queue, of a purpose or of a store speaks of nothing else', async t => {
  const rules = [
    rule('all', 365),
    rule('marketing', 5, { purpose: 'marketing' }),
    rule('billing', 5, { queueId: 'billing' }),
    rule('clips', 5, { stores: ['clips'] })
  ]
  t.match(
    decideRetention(item, rules, 'shortest', NOW).matched.map(one => one.rule.id),
    ['all']
  )
  for (const [change, id] of [
    [{ purpose: 'marketing' }, 'marketing'],
    [{ queueIds: ['support', 'billing'] }, 'billing'],
    [{ store: 'clips' as const }, 'clips']
  ] as const)
    t.match(decideRetention({ ...item, ...change }, rules, 'longest', NOW), { kind: 'due', rule: { id } }, id)
})

t.test('every store either ages by rules or is named with the reason why not', async t => {
  const named = [...RETAINED, ...Object.keys(NOT_RETAINED)]
  t.same(
    STORES.map(one => one.name).filter(name => !named.includes(name)),
    []
  )
  t.equal(new Set(named).size, named.length, 'and none is both')
})

t.test('a hold is above every rule, and what no rule names is not deleted but reported', async t => {
  const held = { ...item, hold: 'case 7' }
  t.match(decideRetention(held, [rule('short', 1)], 'shortest', NOW), { kind: 'held', hold: 'case 7' })
  t.match(decideRetention(item, [], 'shortest', NOW), { kind: 'unmatched', rule: null })
  t.match(decideRetention(item, [rule('notes', 1, { stores: ['notes'] })], 'shortest', NOW), { kind: 'unmatched' })
})

t.test('the public page says the same in six languages and is chosen by the browser', async t => {
  const keys = (texts: object): string[] =>
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === 'string' ? [`${key} ${(value.match(/\{\w+\}/g) ?? []).sort().join()}`] : keys(value)
    )
  for (const language of PUBLIC_LANGUAGES) t.same(keys(PUBLIC_TEXTS[language]), keys(PUBLIC_TEXTS.en), language)
  t.equal(languageFor(undefined, 'fr-FR,ja;q=0.8,en;q=0.5'), 'ja')
  t.equal(languageFor('ar', 'de'), 'ar')
  t.equal(languageFor(undefined, undefined), 'en')
})

t.test('nothing is deleted for its age while the clock cannot be believed', async t => {
  const nowMs = Date.parse('2027-03-01T02:20:00Z')
  const dayMs = 86_400_000
  const fine = { nowMs, databaseMs: nowMs + 900, driftMs: 40, lastSeenMs: nowMs - dayMs }
  t.equal(doubtAbout(fine), null)
  t.equal(doubtAbout({ ...fine, lastSeenMs: null }), null, 'the first sweep of all')
  t.equal(doubtAbout({ ...fine, lastSeenMs: nowMs - 31 * dayMs }), null, 'a month of rest')
  t.equal(doubtAbout({ ...fine, databaseMs: nowMs - 400 * dayMs }), 'databaseDiffers')
  t.equal(doubtAbout({ ...fine, driftMs: 400 * dayMs }), 'jumped', 'this machine’s clock was put forward while it ran')
  t.equal(doubtAbout({ ...fine, driftMs: -400 * dayMs }), 'jumped')
  t.equal(doubtAbout({ ...fine, lastSeenMs: nowMs + dayMs }), 'wentBack')
  t.equal(doubtAbout({ ...fine, lastSeenMs: nowMs - 400 * dayMs }), 'unseenForLong', 'put forward while it was off')
})
