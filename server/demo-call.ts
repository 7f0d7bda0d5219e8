import type { MediaServer } from '../media/endpoint.ts'
import type { DemoCustomer } from './agent-calls/agent-calls.ts'
import { openCard, type CardParts } from './agent-calls/customer-card.ts'
import type { Call } from './calls/call.ts'
import { LegAudio } from './calls/leg-audio.ts'
import type { LiveCalls } from './calls/live-calls.ts'
import type { FlowHostParts } from './flow-host.ts'
import type { FlowLibrary } from './flow-library.ts'
import { newId } from './ids.ts'
import { endByError, runCallFlow } from './run-call-flow.ts'

const DEMO_FLOW = 'first-minute'

export type DemoParts = FlowHostParts &
  Readonly<{
    flows: FlowLibrary
    liveCalls: LiveCalls
    media: MediaServer
    cards: CardParts
  }>

/**
 * The first minute: calls a newcomer's browser and runs a flow on it as if it were a customer's phone. The flow's queue
 * then offers the call to the same browser, so that one hears oneself over every part of the way. Never throws.
 */
export async function serveDemoCall(parts: DemoParts, call: Call, { desk, language }: DemoCustomer): Promise<void> {
  const startedAtMs = performance.now()
  try {
    await using _call = call
    try {
      const runnable = await parts.flows.published(DEMO_FLOW)
      if (runnable === null) {
        call.end('flowFailed', { detail: `No version of the flow ${DEMO_FLOW} is published.` })
        return
      }
      const card = openCard(
        parts.cards,
        { callId: call.id, number: null, name: desk.name, language, reason: null, answers: [] },
        call.signal
      )
      const softphoneLeg = await desk.softphone.createLeg(parts.media)
      call.defer(() => softphoneLeg[Symbol.asyncDispose]())
      const { endpoint } = softphoneLeg
      const answer = await desk.ring(
        {
          id: newId(),
          callId: call.id,
          kind: 'demo',
          queue: null,
          from: null,
          language,
          waitedMs: 0,
          // Pressing "Ring me" is the answer: nobody is taken by surprise.
          isAutoAnswered: true,
          expiresAt: new Date(Date.now() + 30_000).toISOString()
        },
        card,
        call.signal
      )
      if (answer !== 'answered') {
        call.end('noAnswer', { detail: answer })
        return
      }
      await softphoneLeg.open()
      using audio = new LegAudio(endpoint)
      desk.beginDemo(
        { callId: call.id, direction: 'outbound', queue: null, language, card },
        { press: digit => endpoint.pushDigit(digit), hangUp: () => call.end('calleeHungUp') }
      )
      call.defer(() => desk.endDemo(call.id))
      call.customerAnswered(endpoint, performance.now() - startedAtMs)
      await runCallFlow(
        parts,
        call,
        { isAnswered: true, connected: async () => ({ endpoint, audio, dialog: null }) },
        runnable,
        { callerNumber: null, calledNumber: null, language, variables: {}, stickyAgentId: desk.agentId }
      )
    } catch (err) {
      if (!call.signal.aborted) endByError(call, err)
    }
  } finally {
    parts.liveCalls.remove(call)
  }
}
