import fc from 'fast-check'
import t from 'tap'
import { type Agent, AGENT_SETTINGS, isFree, newAgent } from '../../../server/agents/agent.ts'
import { type AgentEvent, agentStep, dueAt } from '../../../server/agents/agent-step.ts'

const START = new Date('2026-11-23T08:00:00Z')
const after = (ms: number) => new Date(START.getTime() + ms)

/** Takes steps one second apart and gives the agent at the end. */
function live(agent: Agent, ...events: readonly AgentEvent[]): Agent {
  return events.reduce((now, event, at) => agentStep(now, event, after(at * 1_000), AGENT_SETTINGS)[0], agent)
}

const attached: AgentEvent = { kind: 'attached', controlPlaneId: 'cp' }
const proved: AgentEvent = { kind: 'proved', controlPlaneId: 'cp', reasons: [] }
const available: AgentEvent = { kind: 'statusChosen', status: 'available', reason: null }
const lunch: AgentEvent = { kind: 'statusChosen', status: 'onBreak', reason: 'Lunch' }
const reserved: AgentEvent = { kind: 'reserved', offerId: 'o1', callId: 'c1', queueId: 'q', isOwnWish: false }
const talking: AgentEvent = { kind: 'talking', callId: 'c1', queueId: 'q' }
const ended: AgentEvent = {
  kind: 'callEnded',
  callId: 'c1',
  endedBy: 'caller',
  wrapUpMs: 60_000,
  wrapUpLimitMs: 120_000
}
const free = live(newAgent('ana', START), attached, proved, available)

t.test('an agent is free once the softphone is there, has proved itself and the status is Available', async t => {
  const fresh = newAgent('ana', START)
  t.notOk(isFree(fresh, START))
  t.match(live(fresh, attached, available), { isRoutable: false, notRoutable: ['noProof'] })
  t.ok(isFree(free, START))
})

t.test('a break chosen during a call begins after it, and can be taken back', async t => {
  const inCall = live(free, reserved, talking, lunch)
  t.match(inCall, { status: 'available', nextStatus: { status: 'onBreak', reason: 'Lunch' } })
  t.match(live(inCall, available), { nextStatus: null })
  const wrapping = live(inCall, ended)
  t.match(wrapping, { state: 'wrapUp', status: 'available', nextStatus: { status: 'onBreak' } })
  t.match(live(wrapping, { kind: 'wrapUpFinished', callId: 'c1' }), {
    state: 'idle',
    status: 'onBreak',
    statusReason: 'Lunch',
    nextStatus: null
  })
})

t.test('a softphone that is gone stops calls at once, and is a lost connection after the grace', async t => {
  const [gone] = agentStep(free, { kind: 'detached', controlPlaneId: 'cp' }, START, AGENT_SETTINGS)
  t.match(gone, { status: 'available', isRoutable: false, notRoutable: ['noProof'] })
  t.same(dueAt(gone, AGENT_SETTINGS), after(20_000))
  const [lost] = agentStep(gone, { kind: 'tick' }, after(20_000), AGENT_SETTINGS)
  t.match(lost, { status: 'available', isRoutable: false, notRoutable: ['connectionLost'] })
  const [home] = agentStep(lost, { kind: 'tick' }, after(AGENT_SETTINGS.goneAfterMs), AGENT_SETTINGS)
  t.equal(home.status, 'offline')
  t.ok(isFree(live(lost, attached, proved), START), 'back as if nothing had been')
})

t.test('a softphone that moved on is not detached by the control plane that it left', async t => {
  const moved = live(
    free,
    { kind: 'attached', controlPlaneId: 'other' },
    { kind: 'proved', controlPlaneId: 'other', reasons: [] }
  )
  t.equal(live(moved, { kind: 'detached', controlPlaneId: 'cp' }), moved)
  t.equal(live(moved, { kind: 'proved', controlPlaneId: 'cp', reasons: ['microphoneEnded'] }), moved)
})

t.test('each of the five misses does its own', async t => {
  const miss = (reason: 'missed' | 'rejected' | 'device' | 'network' | 'callerGone') =>
    agentStep(live(free, reserved), { kind: 'offerOver', offerId: 'o1', reason }, START, AGENT_SETTINGS)[0]
  t.match(miss('missed'), { isRoutable: false, notRoutable: ['missedCall'], missed: { reason: 'missed' } })
  t.match(miss('rejected'), { isRoutable: true, pausedUntil: after(10_000), missed: { reason: 'rejected' } })
  t.match(miss('device'), { isRoutable: false, notRoutable: ['noProof'], missed: { reason: 'device' } })
  t.match(miss('network'), { isRoutable: false, notRoutable: ['noProof'], missed: { reason: 'network' } })
  t.match(miss('callerGone'), { isRoutable: true, pausedUntil: null, missed: { reason: 'callerGone' } })
  t.ok(isFree(live(miss('missed'), { kind: 'cameBack' }), START))
  t.equal(miss('missed').idleSince, free.idleSince, 'the place in line is kept')
})

t.test('several misses may be allowed before no more calls come', async t => {
  const settings = { ...AGENT_SETTINGS, missesAllowed: 2 }
  const miss = (agent: Agent) =>
    agentStep(
      agentStep(agent, reserved, START, settings)[0],
      { kind: 'offerOver', offerId: 'o1', reason: 'missed' },
      START,
      settings
    )[0]
  t.equal(miss(free).isRoutable, true)
  t.equal(miss(miss(free)).isRoutable, false)
})

t.test('wrap-up runs on the server’s clock: typing keeps 30 s, a wish adds a minute, the limit holds', async t => {
  const [wrapping, actions] = agentStep(live(free, reserved, talking), ended, START, AGENT_SETTINGS)
  t.match(wrapping.wrapUp, { startedAt: START, endsAt: after(60_000), limitAt: after(120_000), endedBy: 'caller' })
  t.match(actions, [{ kind: 'callOver' }, { kind: 'wrapUpBegan', callId: 'c1' }])
  const at = (ms: number, event: AgentEvent, agent = wrapping) => agentStep(agent, event, after(ms), AGENT_SETTINGS)[0]
  t.equal(at(10_000, { kind: 'typed' }), wrapping, '50 s remain anyway')
  t.same(at(50_000, { kind: 'typed' }).wrapUp?.endsAt, after(80_000))
  t.same(at(50_000, { kind: 'wrapUpExtended' }).wrapUp?.endsAt, after(120_000))
  t.same(at(115_000, { kind: 'typed' }, at(0, { kind: 'wrapUpExtended' })).wrapUp?.endsAt, after(120_000))
  const [over, ends] = agentStep(wrapping, { kind: 'tick' }, after(60_050), AGENT_SETTINGS)
  t.match(over, { state: 'idle', wrapUp: null, idleSince: after(60_000) })
  t.match(ends, [{ kind: 'wrapUpOver', how: 'timedOut', at: after(60_000) }])
})

t.test('a second call never ends the first', async t => {
  const inCall = live(free, reserved, talking)
  t.match(agentStep(inCall, { ...talking, callId: 'c2' }, START, AGENT_SETTINGS), [inCall, [{ why: 'otherCall' }]])
  t.match(agentStep(inCall, { ...reserved, offerId: 'o2' }, START, AGENT_SETTINGS), [inCall, [{ why: 'notIdle' }]])
})

t.test('an own call from a break returns to the break when it fails', async t => {
  const resting = live(free, lunch)
  t.match(agentStep(resting, reserved, START, AGENT_SETTINGS)[1], [{ kind: 'refuse', why: 'notAvailable' }])
  const calling = live(resting, { ...reserved, isOwnWish: true })
  t.equal(calling.state, 'reserved')
  t.match(live(calling, { kind: 'offerOver', offerId: 'o1', reason: 'withdrawn' }), {
    state: 'idle',
    status: 'onBreak'
  })
})

t.test('a desk phone needs no softphone', async t => {
  const desk = live(newAgent('bo', START), { kind: 'deskPhoneSet', isUsed: true }, available)
  t.ok(isFree(desk, START))
})

t.test('work counts as occupied on the day on which it ends', async t => {
  const done = live(free, reserved, talking, { ...ended, wrapUpMs: 0 })
  t.equal(done.occupiedMs, 1_000)
  t.equal(done.occupiedOn, '2026-11-23')
})

const event: fc.Arbitrary<AgentEvent> = fc.oneof(
  fc.constantFrom<AgentEvent>(
    { kind: 'signedOut' },
    attached,
    { kind: 'detached', controlPlaneId: 'cp' },
    proved,
    { kind: 'proved', controlPlaneId: 'cp', reasons: ['microphoneEnded'] },
    available,
    lunch,
    { kind: 'cameBack' },
    { kind: 'typed' },
    { kind: 'wrapUpExtended' },
    { kind: 'tick' },
    ended,
    { ...ended, wrapUpMs: 0 },
    { kind: 'wrapUpFinished', callId: 'c1' },
    talking,
    { ...talking, callId: 'c2' },
    { kind: 'ringing', offerId: 'o1' },
    reserved,
    { ...reserved, isOwnWish: true, queueId: null }
  ),
  fc
    .constantFrom('missed', 'rejected', 'device', 'network', 'callerGone', 'withdrawn')
    .map((reason): AgentEvent => ({ kind: 'offerOver', offerId: 'o1', reason: reason as 'missed' }))
)

t.test('whatever happens in whatever order, an agent is never in two states at once and never stuck', async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 90_000 })), { maxLength: 60 }), steps => {
      let agent = newAgent('ana', START)
      let nowMs = START.getTime()
      for (const [one, laterMs] of steps) {
        nowMs += laterMs
        ;[agent] = agentStep(agent, one, new Date(nowMs), AGENT_SETTINGS)
        const isHeld = agent.state === 'reserved' || agent.state === 'ringing'
        if ((agent.offerId !== null) !== isHeld) return false
        if ((agent.wrapUp !== null) !== (agent.state === 'wrapUp')) return false
        if ((agent.state === 'idle') !== (agent.callId === null)) return false
        if (agent.state === 'idle' && agent.nextStatus !== null) return false
        if (agent.isRoutable !== (agent.notRoutable.length === 0)) return false
      }
      // Time alone ends every wrap-up and every pause.
      for (let due = dueAt(agent, AGENT_SETTINGS), rounds = 0; due !== null; due = dueAt(agent, AGENT_SETTINGS)) {
        if (rounds++ > 5) return false
        nowMs = Math.max(nowMs, due.getTime())
        ;[agent] = agentStep(agent, { kind: 'tick' }, new Date(nowMs), AGENT_SETTINGS)
      }
      return agent.state !== 'wrapUp' && agent.pausedUntil === null
    }),
    { numRuns: 2_000 }
  )
  t.pass()
})
