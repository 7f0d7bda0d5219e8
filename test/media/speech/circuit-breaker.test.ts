import fc from 'fast-check'
import t from 'tap'
import {
  afterAsking,
  afterFailure,
  type Breaker,
  BREAKER_RULES,
  CLOSED,
  mayAsk
} from '../../../media/speech/circuit-breaker.ts'
import { ProviderHealth } from '../../../media/speech/provider-health.ts'

const RULES = { failures: 3, restMs: 1_000, maxRestMs: 8_000 }
const fail = (state: Breaker, nowMs: number, isLasting = false) => afterFailure(state, nowMs, isLasting, RULES)

t.test('three failures in a row open it, one question later tries, and each further failure rests longer', async t => {
  let state = fail(fail(CLOSED, 0), 0)
  t.ok(mayAsk(state, 0))
  state = fail(state, 0)
  t.notOk(mayAsk(state, 999))
  t.ok(mayAsk(state, 1_000))
  state = afterAsking(state, 1_000, RULES)
  t.notOk(mayAsk(state, 1_001), 'only one tries')
  t.ok(mayAsk(state, 2_000), 'a question that never came back blocks nobody')
  state = fail(state, 1_100)
  t.notOk(mayAsk(state, 3_099))
  t.ok(mayAsk(state, 3_100))
})

t.test('callers who were all in the middle of a word when it failed make it rest no longer than one would', async t => {
  let state: Breaker = CLOSED
  for (let caller = 1; caller <= 20; caller += 1) state = fail(state, caller)
  t.notOk(mayAsk(state, 1_002))
  t.ok(mayAsk(state, 1_003), 'the third failure opened it, and the others were asked before that')
  state = fail(afterAsking(state, 1_003, RULES), 1_100)
  t.notOk(mayAsk(state, 3_099), 'the one that tried counts')
  t.ok(mayAsk(state, 3_100))
  t.notOk(mayAsk(fail(state, 1_200, true), 9_199), 'and so does a key that is refused')
})

t.test('a refused key rests longest at once', async t => {
  const state = fail(CLOSED, 0, true)
  t.notOk(mayAsk(state, 7_999))
  t.ok(mayAsk(state, 8_000))
})

t.test('whatever happens, it is asked again some day', async () => {
  const event = fc.constantFrom('ask', 'fail', 'lasting')
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 5_000 })), { maxLength: 60 }), steps => {
      let state: Breaker = CLOSED
      let nowMs = 0
      for (const [kind, laterMs] of steps) {
        nowMs += laterMs
        state = kind === 'ask' ? afterAsking(state, nowMs, RULES) : fail(state, nowMs, kind === 'lasting')
      }
      return mayAsk(state, nowMs + RULES.maxRestMs)
    })
  )
})

t.test('a provider’s health is told: ok, degraded, open, and ok again', async t => {
  let nowMs = 0
  const health = new ProviderHealth(BREAKER_RULES, () => nowMs)
  t.equal(health.state, 'ok')
  health.failed('SPEECH_LANGUAGE_UNKNOWN')
  t.equal(health.state, 'ok', 'a language that it does not know is no fault')
  health.failed('SPEECH_FAILED')
  t.match(health, { state: 'degraded', lastCode: 'SPEECH_FAILED' })
  health.failed('SPEECH_FAILED')
  health.failed('SPEECH_QUOTA')
  t.match(health, { state: 'open', mayAsk: false, lastCode: 'SPEECH_QUOTA' })
  nowMs = BREAKER_RULES.restMs
  t.ok(health.mayAsk)
  health.asked()
  health.succeeded()
  t.match(health, { state: 'ok', lastCode: null })
  const check = { language: 'en', checkedAt: new Date(0), heard: 0.2, tookMs: 5, code: null }
  health.checked({ ...check, isOk: false })
  t.equal(health.state, 'degraded')
  health.checked({ ...check, isOk: true })
  t.equal(health.state, 'ok')
})

t.test('a check that failed is forgotten when another control plane makes the later ones', async t => {
  let nowMs = 0
  const health = new ProviderHealth(BREAKER_RULES, () => nowMs)
  const check = { language: 'en', checkedAt: new Date(0), isOk: false, heard: 0.2, tookMs: 5, code: null }
  health.checked(check)
  nowMs = 90 * 60_000
  t.equal(health.state, 'degraded', 'the next one may be late')
  nowMs = 120 * 60_000
  t.equal(health.state, 'ok')
  t.same(health.checks, [check], 'what it found can still be read, with its time')
})
