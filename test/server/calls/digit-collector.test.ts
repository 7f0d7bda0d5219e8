import t from 'tap'
import {
  COLLECT_START,
  collect,
  type CollectEvent,
  type CollectRules,
  type CollectStep
} from '../../../server/calls/digit-collector.ts'

const RULES: CollectRules = { minDigits: 1, maxDigits: 4, terminators: '#', timeoutMs: 5000, interDigitMs: 2000 }

/** Feeds events one after the other and returns the last step. */
function press(rules: CollectRules, events: readonly (CollectEvent | string)[]): CollectStep {
  let state = COLLECT_START
  let last: CollectStep = { kind: 'wait', state, timerMs: null }
  for (const event of events) {
    last = collect(rules, state, typeof event === 'string' ? { kind: 'digit', digit: event } : event)
    if (last.kind !== 'wait') return last
    state = last.state
  }
  return last
}

t.test('a caller who presses the longest allowed input is not kept waiting', async t => {
  t.same(press(RULES, ['1', '2', '3', '4']), { kind: 'digits', digits: '1234', terminator: null })
})

t.test('a terminator ends the input and is not part of it', async t => {
  t.same(press(RULES, ['1', '2', '#']), { kind: 'digits', digits: '12', terminator: '#' })
})

t.test('the clock for the first key starts when the prompt is over', async t => {
  t.match(press(RULES, []), { kind: 'wait', timerMs: null })
  t.match(press(RULES, [{ kind: 'promptOver' }]), { kind: 'wait', timerMs: 5000 })
})

t.test('after each key the shorter clock runs', async t => {
  t.match(press(RULES, ['1']), { kind: 'wait', timerMs: 2000 })
  t.match(press(RULES, ['1', { kind: 'promptOver' }]), { kind: 'wait', timerMs: 2000 })
})

t.test('silence is no input, and what was pressed before silence is the answer', async t => {
  t.same(press(RULES, [{ kind: 'promptOver' }, { kind: 'timeout' }]), { kind: 'noInput' })
  t.same(press(RULES, ['7', { kind: 'timeout' }]), { kind: 'digits', digits: '7', terminator: null })
})

t.test('too few keys are handed on, so that the flow can say so', async t => {
  t.same(press({ ...RULES, minDigits: 3 }, ['7', { kind: 'timeout' }]), {
    kind: 'digits',
    digits: '7',
    terminator: null
  })
})

t.test('a terminator alone is an answer only where none is needed', async t => {
  t.match(press(RULES, ['#']), { kind: 'wait' })
  t.same(press({ ...RULES, minDigits: 0 }, ['#']), { kind: 'digits', digits: '', terminator: '#' })
})
