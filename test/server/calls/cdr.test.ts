import t from 'tap'
import type { CallEvent, CallEventData } from '../../../server/calls/call-events.ts'
import { applyEvent, deriveCdr } from '../../../server/calls/cdr.ts'

const BEGAN = Date.UTC(2026, 10, 23, 12, 0, 0)

function story(...data: readonly (CallEventData & { afterMs: number })[]): CallEvent[] {
  return data.map(
    ({ afterMs, ...rest }, index) =>
      ({ callId: 'c1', seq: index + 1, at: new Date(BEGAN + afterMs), ...rest }) as CallEvent
  )
}

const started = {
  kind: 'started',
  direction: 'inbound',
  callerNumber: '+12025550123',
  calledNumber: '+12025550100',
  sipCallId: 'x',
  trunkId: null,
  numberId: 'n1',
  sourceAddress: '127.0.0.1',
  controlPlaneId: 'p1',
  afterMs: 0
} as const

t.test('a whole call folds into one row with its times', async t => {
  const events = story(
    started,
    { kind: 'flowChosen', flowId: 'f', flowVersion: 3, language: 'de', afterMs: 1 },
    { kind: 'answered', codec: 'PCMU', setupMs: 15, afterMs: 20 },
    { kind: 'tagged', tags: ['sales', 'vip'], afterMs: 30 },
    { kind: 'tagged', tags: ['vip'], afterMs: 31 },
    { kind: 'languageChanged', language: 'en', afterMs: 40 },
    { kind: 'ended', reason: 'callerHungUp', endedBy: 'caller', fault: 'none', hangupCause: null, afterMs: 5020 }
  )
  t.match(deriveCdr(events), {
    callId: 'c1',
    flowId: 'f',
    flowVersion: 3,
    language: 'en',
    state: 'ended',
    durationMs: 5020,
    talkMs: 5000,
    endReason: 'callerHungUp',
    tags: ['sales', 'vip'],
    lastSeq: 7
  })
})

t.test('a call that was never answered has no talk time', async t => {
  const cdr = deriveCdr(
    story(started, {
      kind: 'ended',
      reason: 'callerCancelled',
      endedBy: 'caller',
      fault: 'none',
      hangupCause: null,
      afterMs: 900
    })
  )
  t.match(cdr, { durationMs: 900, talkMs: null, answeredAt: null })
})

t.test('an event that is delivered twice changes nothing the second time', async t => {
  const events = story(started, { kind: 'tagged', tags: ['a'], afterMs: 1 })
  const once = deriveCdr(events)
  t.same(applyEvent(once, events[1] as CallEvent), once)
})

t.test('a story cannot begin in the middle', async t => {
  t.throws(() => deriveCdr(story({ kind: 'held', afterMs: 0 })), TypeError)
})
