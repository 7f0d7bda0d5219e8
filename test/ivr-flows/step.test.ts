import fc from 'fast-check'
import t from 'tap'
import type { Flow } from '../../ivr-flows/flow.ts'
import type { Answer, Ask } from '../../ivr-flows/node-kind.ts'
import type { FlowState } from '../../ivr-flows/state.ts'
import { type FlowEvent, initialState, step } from '../../ivr-flows/step.ts'
import { example, flowOf } from './support.ts'

const call = {
  id: 'c1',
  callerNumber: '+12025550123',
  calledNumber: '+12025550100',
  direction: 'inbound' as const,
  startedAt: '2026-03-02T10:00:00.000Z'
}

/** One of the answers that the world may give, chosen by a number. */
function answerTo(ask: Ask, choice: number): Answer {
  const pick = <const T extends readonly unknown[]>(...options: T) => options[choice % options.length] as T[number]
  const failed = { kind: 'failed', code: 'X', reason: 'x' } as const
  const digit = (Math.floor(choice / 7) % 10).toString()
  switch (ask.kind) {
    case 'play':
      return { kind: 'play', outcome: pick({ kind: 'finished' }, { kind: 'interrupted', digit }, failed) }
    case 'gather': {
      const digits = digit.repeat(1 + (choice % ask.options.maxDigits))
      return {
        kind: 'gather',
        outcome: pick(
          { kind: 'digits', digits, terminator: null },
          { kind: 'noInput' },
          { kind: 'digits', digits: digit, terminator: null },
          failed
        )
      }
    }
    case 'request':
      return {
        kind: 'request',
        outcome: pick(
          { kind: 'response', status: 200, body: { status: 'shipped' } },
          { kind: 'response', status: 404, body: null },
          { kind: 'failed', code: 'TIMEOUT', reason: 'x' }
        )
      }
    case 'transfer':
      return { kind: 'transfer', outcome: pick({ kind: 'completed' }, { kind: 'busy' }, { kind: 'noAnswer' }, failed) }
    case 'queue':
      return {
        kind: 'queue',
        outcome: pick({ kind: 'served' }, { kind: 'overflow', reason: 'full' }, { kind: 'unavailable', reason: 'x' })
      }
    case 'voicemail':
      return { kind: 'voicemail', outcome: pick({ kind: 'recorded', durationMs: 1 }, { kind: 'empty' }, failed) }
    case 'callback':
      return { kind: 'callback', outcome: pick({ kind: 'booked', id: 'b' }, failed) }
    case 'consent': {
      const said = { policy: 'opt_in', method: 'key' }
      return {
        kind: 'consent',
        outcome: pick(
          { kind: 'granted', ...said },
          { kind: 'refused', ...said, mustRecord: choice % 3 === 0 },
          { kind: 'never', reason: 'x' },
          failed
        )
      }
    }
    case 'bot':
      return {
        kind: 'bot',
        outcome: pick(
          { kind: 'handover', reason: 'asked', summary: 'x' },
          { kind: 'done', isSolved: null },
          { kind: 'noAnswer' },
          failed
        )
      }
    case 'loadFlow':
      return { kind: 'loadFlow', outcome: { kind: 'unknown' } }
    default:
      return ask satisfies never
  }
}

const NAMES = [
  'welcome-en.yaml',
  'languages.yaml',
  'reception.yaml',
  'nodes/consent.yaml',
  'nodes/gather.yaml',
  'nodes/pin.yaml',
  'nodes/survey.yaml',
  'nodes/transfer.yaml',
  'nodes/request.yaml'
]
const flows: Flow[] = (await Promise.all(NAMES.map(example))).map(flowOf)

t.test('whatever a caller and the world do, the flow asks, goes on and ends', async () => {
  const life = fc.tuple(fc.constantFrom(...flows), fc.array(fc.nat(1_000_000), { maxLength: 60 }), fc.nat(500))
  fc.assert(
    fc.property(life, ([flow, choices, days]) => {
      const now = new Date(Date.parse('2026-01-01T00:00:00Z') + days * 7_000_000)
      let state: FlowState = initialState(flow, { call, now })
      let event: FlowEvent = { kind: 'started' }
      for (const choice of choices) {
        const before = JSON.stringify(state)
        const [next, actions] = step(flow, state, event, { now })
        const [again, sameActions] = step(flow, JSON.parse(before), event, { now })
        // Pure: nothing is changed, and a state that was stored and read goes the same way.
        if (JSON.stringify(state) !== before) return false
        if (JSON.stringify([next, actions]) !== JSON.stringify([again, sameActions])) return false
        const last = actions.at(-1)
        if (actions.filter(action => action.kind === 'ask' || action.kind === 'end').length !== 1) return false
        if (last?.kind === 'end') return next.end !== null
        if (last?.kind !== 'ask') return false
        state = next
        event = { kind: 'answered', answer: answerTo(last.ask, choice) }
      }
      return state.end === null
    }),
    { numRuns: 300 }
  )
})

t.test('whatever a caller does, a call in a flow comes to its end', async t => {
  // A small random walk per flow: keys at random lead out sooner or later, and maxSteps leads out for certain.
  for (const flow of flows) {
    let state = initialState(flow, { call, now: new Date(call.startedAt) })
    let event: FlowEvent = { kind: 'started' }
    let seed = 7
    let rounds = 0
    while (state.end === null && rounds < 20_000) {
      const [next, actions] = step(flow, state, event, { now: new Date(call.startedAt) })
      state = next
      const last = actions.at(-1)
      if (last?.kind === 'ask')
        event = { kind: 'answered', answer: answerTo(last.ask, (seed = (seed * 48_271) % 2_147_483_647)) }
      rounds += 1
    }
    t.ok(state.end !== null, `${flow.id} ended after ${rounds} questions`)
  }
})

t.test('a driver that answers what was not asked, or after the end, is told so', async t => {
  const [flow] = flows
  if (flow === undefined) throw new Error('no flow')
  const now = new Date(call.startedAt)
  const [waiting] = step(flow, initialState(flow, { call, now }), { kind: 'started' }, { now })
  const wrong: FlowEvent = { kind: 'answered', answer: { kind: 'queue', outcome: { kind: 'served' } } }
  t.throws(() => step(flow, waiting, wrong, { now }), { code: 'FLOW_STEP' })
  const ended: FlowState = { ...waiting, end: { kind: 'hangup', node: 'greet' } }
  t.throws(() => step(flow, ended, wrong, { now }), { code: 'FLOW_STEP' })
})
