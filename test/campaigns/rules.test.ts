import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Value } from 'typebox/value'
import { chooseCallerId, whyUnusable } from '../../server/campaigns/caller-id.ts'
import { AnsweringMachineDetector, amdSettings } from '../../media/audio/amd.ts'
import { generateNoise } from '../../media/audio/tone.ts'
import { latestAt } from '../../server/campaigns/connect-or-abandon.ts'
import { forecastEnd, plannedPace } from '../../server/campaigns/forecast.ts'
import { SharedCounts } from '../../server/campaigns/shared-counts.ts'
import { OPT_OUT_LANGUAGES, saysStop } from '../../server/campaigns/opt-out-words.ts'
import { nextStep, type Outcome, outcomeForStatus } from '../../server/campaigns/retry.ts'
import { CampaignSettingsSchema } from '../../server/campaigns/settings.ts'
import { isScheduled, placeTimes } from '../../server/campaigns/schedule.ts'
import { openingOf } from '../../server/campaigns/statements.ts'
import { explainDialling, type Situation } from '../../server/campaigns/why.ts'
import { callTimes, decide } from '../../server/compliance/decide.ts'
import { compilePacks } from '../../server/compliance/packs/compile.ts'
import { loadPacks } from '../../server/compliance/packs/load.ts'
import { settings, WORDS } from './support.ts'

const NOW = new Date('2026-11-24T17:00:00Z')
const MINUTE_MS = 60_000
const packs = compilePacks(await loadPacks(fileURLToPath(new URL('../../config/rule-packs', import.meta.url))))

t.test('over a clock change on three continents people are called in their own hours only', async t => {
  const schedule = { weekly: { daily: ['09:00-20:00'] } }
  for (const [number, zone, changeAt] of [
    ['+493023125100', 'Europe/Berlin', '2026-10-25T01:00:00Z'],
    ['+12125550100', 'America/New_York', '2026-11-01T06:00:00Z'],
    ['+61292500100', 'Australia/Sydney', '2026-10-03T16:00:00Z']
  ] as const) {
    const question = { number, mode: 'human_manual', purpose: 'marketing' } as const
    let opened = 0
    const from = Date.parse(changeAt) - 36 * 3_600_000
    for (let atMs = from; atMs < from + 72 * 3_600_000; atMs += 15 * MINUTE_MS) {
      const at = new Date(atMs)
      const times = callTimes({ ...question, at: at.toISOString() }, packs)
      const place = placeTimes(times, schedule, times?.zones ?? [], at)
      if (!place.isOpen) continue
      opened += 1
      const hour = Number(new Intl.DateTimeFormat('en-GB', { hour: '2-digit', timeZone: zone }).format(at))
      t.ok(hour >= 9 && hour < 20, `${zone} ${at.toISOString()} is ${hour} o’clock there`)
      const reasons = decide({ ...question, at: at.toISOString() }, packs).reasons
      for (const reason of ['HOURS_OUTSIDE', 'DAY_PROHIBITED', 'HOLIDAY_PROHIBITED'] as const)
        t.notOk(reasons.includes(reason), `${zone} ${at.toISOString()} ${reason}`)
    }
    t.ok(opened > 8, `${zone} has open hours (${opened})`)
  }
  t.equal(isScheduled({ weekly: { daily: ['09:00-18:00'] }, except: ['2026-11-24'] }, ['America/New_York'], NOW), false)
  t.equal(isScheduled({ weekly: { daily: ['09:00-18:00'] }, until: '2026-11-23' }, ['America/New_York'], NOW), false)
  const both = ['America/New_York', 'America/Los_Angeles']
  t.equal(isScheduled({ weekly: { daily: ['09:30-18:00'] } }, both, NOW), false, 'a person in two zones: in both')
})

t.test('a place that is closed says when it opens, and that instant is open', async t => {
  const schedule = { weekly: { 'mon-fri': ['10:00-12:00'] } }
  const at = new Date('2026-11-27T20:00:00Z')
  const times = callTimes(
    { number: '+12125550100', mode: 'human_manual', purpose: 'service', at: at.toISOString() },
    packs
  )
  const place = placeTimes(times, schedule, times?.zones ?? [], at)
  t.match(place, { isOpen: false, opensAt: new Date('2026-11-30T15:00:00Z') })
})

t.test('each outcome has its own rule for trying again', async t => {
  const rules = settings({
    retries: {
      busy: { times: 2, gapMinutes: 10 },
      noAnswer: { times: 3, gapMinutes: 60, nextNumber: true },
      machine: { times: 1, gapMinutes: 240 },
      abandoned: { times: 1, gapMinutes: 60 }
    },
    maxAttempts: 4
  })
  const after = (outcome: Outcome, position: number, before: readonly [Outcome, number][], numbers: number) =>
    nextStep(
      outcome,
      position,
      {
        attempts: [...before, [outcome, position] as const].map(([one, at]) => ({ outcome: one, position: at })),
        numbers
      },
      rules,
      NOW
    )
  const inMinutes = (minutes: number) => new Date(NOW.getTime() + minutes * MINUTE_MS)
  t.match(after('busy', 0, [], 1), { state: 'waiting', at: inMinutes(10), position: 0 })
  t.match(
    after(
      'busy',
      0,
      [
        ['busy', 0],
        ['busy', 0]
      ],
      1
    ),
    { state: 'exhausted' },
    'twice is enough'
  )
  t.match(after('noAnswer', 0, [], 2), { state: 'waiting', at: inMinutes(1), position: 1 }, 'the other number soon')
  t.match(after('noAnswer', 1, [['noAnswer', 0]], 2), { state: 'waiting', at: inMinutes(60), position: 0 })
  t.match(after('invalid', 0, [], 2), { state: 'waiting', position: 1 }, 'a dead number leads to the next')
  t.match(after('invalid', 1, [['invalid', 0]], 2), { state: 'exhausted' })
  t.match(after('abandoned', 0, [], 1), { state: 'waiting', at: inMinutes(72 * 60) }, 'three days at least')
  t.match(after('blocked', 0, [], 3), { state: 'exhausted' }, 'another number would be cycling')
  t.match(after('unknown', 0, [], 3), { state: 'unknown' })
  t.match(after('refused', 0, [], 1), { state: 'exhausted' }, 'no rule, no second call')
  t.match(
    after(
      'busy',
      0,
      [
        ['machine', 0],
        ['noAnswer', 0],
        ['busy', 0]
      ],
      1
    ),
    { state: 'exhausted' },
    'four in all'
  )
  t.equal(outcomeForStatus(603, true), 'blocked')
  t.equal(outcomeForStatus(607, false), 'blocked')
  t.equal(outcomeForStatus(608, true), 'blocked')
  t.equal(outcomeForStatus(603, false), 'refused')
})

t.test('only a proved number is shown, the nearest to the called one, and always the same to one person', async t => {
  const base = { carrier: '', evidence: 'letter', proved_by: 'ana', valid_until: null, blocked_at: null }
  const pool = [
    { ...base, id: 'any', number: '+12025550100', prefixes: [] },
    { ...base, id: 'us', number: '+12025550101', prefixes: ['+1'] },
    { ...base, id: 'ny', number: '+12125550102', prefixes: ['+1212'] },
    { ...base, id: 'de', number: '+493023125100', prefixes: ['+49'], evidence: '' }
  ]
  t.equal(chooseCallerId(pool, '+12125550199', '7', NOW)?.id, 'ny')
  t.equal(chooseCallerId(pool, '+13055550199', '7', NOW)?.id, 'us')
  t.equal(chooseCallerId(pool, '+493023125199', '7', NOW)?.id, 'any', 'the German one is not proved')
  t.equal(chooseCallerId([], '+493023125199', '7', NOW), null)
  t.equal(
    whyUnusable({ ...base, id: 'x', number: '+1', prefixes: [], valid_until: new Date('2026-01-01') }, NOW),
    'expired'
  )
  const twins = ['1', '2'].map(id => ({ ...base, id, number: `+1202555010${id}`, prefixes: ['+1'] }))
  t.equal(chooseCallerId(twins, '+12025550199', '41', NOW)?.id, chooseCallerId(twins, '+12025550199', '41', NOW)?.id)
})

t.test('a wish for no more calls is understood in every language that ships', async t => {
  const wishes = {
    en: ['Please stop calling me.', 'STOP', 'Take me off your list', "Don't call me again!"],
    de: ['Rufen Sie mich nicht mehr an', 'Ich möchte keine Anrufe mehr', 'Stopp'],
    es: ['No me llame más', 'Quiero darme de baja', 'Dejen de llamar, por favor'],
    zh: ['别再打来了', '请不要再打电话给我', '退订'],
    ar: ['لا تتصل بي مرة أخرى', 'احذفوا رقمي من القائمة'],
    ja: ['もう電話しないでください', '二度と電話をかけてこないで', 'リストから外してください']
  }
  t.same(Object.keys(wishes).toSorted(), [...OPT_OUT_LANGUAGES].toSorted())
  for (const [language, sentences] of Object.entries(wishes))
    for (const sentence of sentences) t.ok(saysStop(sentence), `${language}: ${sentence}`)
  for (const other of [
    'When does the bus stop?',
    'Ich rufe Sie morgen an',
    'Llámeme mañana',
    '请明天再打来',
    'あとで電話してください'
  ])
    t.equal(saysStop(other), null, other)
})

t.test('what the law wants to be said is said first and in its order, or the call is not made', async t => {
  const wanted = [
    { code: 'IDENTIFY_AT_START' },
    { code: 'OPTOUT_WITHIN_2S_OF_ID' },
    { code: 'PURPOSE_DISCLOSE' }
  ] as const
  const opening = openingOf(settings(), 'en-GB', wanted)
  t.match(opening, {
    language: 'en',
    prompts: [
      { text: WORDS.identification },
      { text: WORDS.optOut },
      { text: WORDS.purpose },
      { text: WORDS.callbackNumber }
    ]
  })
  t.match(openingOf(settings(), 'en', [...wanted, { code: 'AI_DISCLOSE' }]), { missing: ['AI_DISCLOSE'] })
  t.match(openingOf(settings({ languages: {} }), 'en', wanted), {
    missing: ['IDENTIFY_AT_START', 'OPTOUT_WITHIN_2S_OF_ID', 'PURPOSE_DISCLOSE']
  })
})

t.test('every cause for not dialling is named', async t => {
  const usual: Situation = {
    state: 'running',
    stateBy: null,
    pacing: 'predictive',
    isDraining: false,
    clockDoubt: null,
    enginesDown: [],
    hasTrunk: true,
    trunksDown: [],
    hasCallerId: true,
    queue: null,
    agents: { free: 2, busy: 0, onBreak: 0, offline: 0, unreachable: 0 },
    calls: 0,
    due: 10,
    closed: 0,
    closedUntil: null,
    later: 0,
    laterAt: null,
    pace: 'dialling'
  }
  const why = (change: Partial<Situation>) => explainDialling({ ...usual, ...change }).code
  t.equal(why({}), 'dialling')
  t.equal(why({ state: 'paused' }), 'paused')
  t.equal(why({ isDraining: true }), 'draining')
  t.equal(why({ enginesDown: ['drachtio'] }), 'enginesDown')
  t.equal(why({ clockDoubt: { kind: 'differs', byMs: -40_000 } }), 'clockDiffers')
  t.equal(why({ clockDoubt: { kind: 'wasSet', byMs: 40_000 } }), 'clockWasSet')
  t.equal(why({ hasTrunk: false }), 'noTrunk')
  t.equal(why({ hasCallerId: false }), 'noCallerId')
  t.equal(why({ queue: 'closed' }), 'queueClosed')
  t.equal(why({ due: 0, closed: 1_140 }), 'quietHours')
  t.equal(why({ due: 0, later: 3 }), 'retriesLater')
  t.equal(why({ due: 0 }), 'nobodyLeft')
  t.equal(why({ agents: { free: 0, busy: 0, onBreak: 3, offline: 1, unreachable: 0 } }), 'noAgents')
  t.equal(why({ pace: 'cap' }), 'cap')
  t.equal(why({ pace: 'noLines' }), 'noLines')
  t.equal(why({ pace: 'allBusy' }), 'allBusy')
  t.equal(why({ pace: 'goal' }), 'goal')
  t.equal(why({ pace: 'promised' }), 'promised')
})

t.test('the same greeting is a person’s in Japan and a machine’s in America, or as the campaign says', async t => {
  // Words of 300 ms with pauses of 100 ms, 2.7 s in all; then quiet.
  const words = Array.from({ length: 7 }, () => [...generateNoise(8 * 300, 6_000), ...generateNoise(8 * 100, 20)])
  const heard = Int16Array.from([...generateNoise(8 * 400, 20), ...words.flat(), ...generateNoise(8 * 3_000, 20)])
  const verdict = (amd: ReturnType<typeof amdSettings>) => {
    const detector = new AnsweringMachineDetector(amd)
    detector.push(heard)
    return detector.verdict
  }
  t.equal(verdict(amdSettings('JP')), 'human')
  t.equal(verdict(amdSettings('US')), 'machine')
  t.equal(verdict({ ...amdSettings('US'), machineGreetingMs: 3_000 }), 'human')
  const amd = { isOn: true, onMachine: 'hangUp', settings: { machineGreetingMs: 3_000 } } as const
  t.ok(Value.Check(CampaignSettingsSchema, settings({ amd })), 'which a campaign may set')
  t.notOk(Value.Check(CampaignSettingsSchema, settings({ amd: { ...amd, settings: { machineGreetingMs: 50 } } })))
})

t.test('whom no agent takes hears the message within two seconds of their greeting unless told otherwise', async t => {
  const greetingEndedAtMs = 10_000
  const beginsMs = latestAt(greetingEndedAtMs)
  t.ok(beginsMs <= greetingEndedAtMs + 2_000 - 100, 'with room for the way to the ear (47 CFR 64.1200(a)(7))')
  t.ok(beginsMs >= greetingEndedAtMs + 1_500, 'and agents have most of the time')
})

t.test('the end of a campaign is foreseen from its pace, its places and its goal', async t => {
  const hour = (at: number) => NOW.getTime() + at * 60 * MINUTE_MS
  const near = { people: 60, spans: [{ from: hour(0), to: hour(4) }] }
  const far = {
    people: 60,
    spans: [
      { from: hour(10), to: hour(11) },
      { from: hour(34), to: hour(38) }
    ]
  }
  const rest = { places: [near], perMinute: 1, dialsEach: { least: 1, most: 2 }, dialsToGoal: null }
  t.same(forecastEnd(rest), { fromMs: hour(1), untilMs: hour(2) }, 'everybody once, and at most twice')
  t.same(
    forecastEnd({ ...rest, places: [near, far] }),
    { fromMs: hour(11), untilMs: hour(35) },
    'not before the hours of the other place, which are too few for a second time'
  )
  t.same(forecastEnd({ ...rest, dialsToGoal: 30 }), { fromMs: hour(0.5), untilMs: hour(0.5) }, 'the goal comes first')
  t.equal(forecastEnd({ ...rest, perMinute: 0.1 }), null, 'not within the hours that are known')
  t.equal(forecastEnd({ ...rest, perMinute: 0 }), null)
  t.equal(forecastEnd({ ...rest, places: [] }), null)
  t.equal(plannedPace('predictive', { maxCallsPerSecond: 50, maxLines: 500 }, 10), 14)
  t.equal(plannedPace('progressive', { maxCallsPerSecond: 50, maxLines: 500 }, 10), 8)
  t.equal(plannedPace('agentless', { maxCallsPerSecond: 1, maxLines: 500 }, 0), 60)
})

t.test('whoever looks at a large campaign sees what has just been counted for somebody else', async t => {
  let nowMs = 0
  let total = 1_000_000
  let counted = 0
  let isBroken = false
  const counts = new SharedCounts(
    async () => {
      counted += 1
      nowMs += 200
      if (isBroken) throw new Error('the database is away')
      return { byState: { waiting: total }, byReason: {}, putOff: [], places: [] }
    },
    () => nowMs
  )
  await Promise.all([counts.of(1), counts.of(1), counts.of(1)])
  nowMs += 700
  t.match(await counts.of(1), { byState: { waiting: 1_000_000 } })
  t.equal(counted, 1)
  nowMs += 200
  total = 1_000
  t.match(await counts.of(1), { byState: { waiting: 1_000 } }, 'counted anew after four times as long as it takes')
  await counts.of(1)
  t.equal(counted, 3, 'few are counted each time')
  isBroken = true
  await t.rejects(counts.of(1), { message: 'the database is away' })
  isBroken = false
  t.match(await counts.of(1), { byState: { waiting: 1_000 } }, 'a fault is not kept')
})
