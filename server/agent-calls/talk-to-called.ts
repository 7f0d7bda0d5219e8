import type { Call } from '../calls/call.ts'
import type { Queue } from '../queues/queue.ts'
import { ownEnd } from '../recordings/ask-called.ts'
import type { AgentCalls } from './agent-calls.ts'
import { talk, type TalkingAgent, type TalkingCustomer } from './talk.ts'

/** A customer outside whom we have called and who has answered. */
export type AnsweredCustomer = Omit<TalkingCustomer, 'number' | 'language'> &
  Readonly<{
    number: string
    /** The number of ours that was shown. */
    shown: string | null
    /** Null: that of the number that was shown. */
    language: string | null
    /** See `CalledCustomer`. */
    isInHaste: boolean
  }>

/**
 * Tells or asks a customer whom we called about the recording, then connects them with the agent, whose hold is settled
 * already; resolves when no agent is in the call any more. False when they were never connected: the customer hung up first,
 * or the law wants a recording and there is none; then the agent is free again and the call has ended.
 * @param onTold once nothing is left but to connect them
 */
export async function talkToCalled(
  calls: AgentCalls,
  call: Call,
  customer: AnsweredCustomer,
  agent: TalkingAgent,
  queue: Queue | null,
  onTold: () => Promise<void>
): Promise<boolean> {
  const { parts } = calls
  const { endpoint, number, shown, isInHaste, card } = customer
  const row = shown === null ? undefined : (await parts.routing.tables()).numbers.get(shown)
  const language = customer.language ?? row?.language ?? 'en'
  const told = { number, own: ownEnd(shown, row), language, isInHaste }
  const recording = parts.recordings.of(call)
  const forget = recording.onChange(() => calls.desk(agent.agentId)?.changed())
  const forgetEnd = recording.onMustEnd(notice => calls.desk(agent.agentId)?.notify(notice, ''))
  let isTold = false
  try {
    await parts.recordings.askCalled(call, endpoint, told, parts.prepare, call.signal)
    isTold = true
  } catch (err) {
    // Who hangs up meanwhile has heard enough, and so has one whose call may not go on.
    if (!call.signal.aborted) throw err
  } finally {
    forget()
    forgetEnd()
    if (!isTold || call.signal.aborted) {
      await agent.leg[Symbol.asyncDispose]()
      calls.desk(agent.agentId)?.endCall(call.id)
      await parts.agents.callEnded(agent.agentId, call.id, { queueId: queue?.id ?? null, endedBy: 'customer' })
    }
  }
  if (call.signal.aborted) return false
  await onTold()
  await talk(calls.serveParts(), call, { endpoint, number, language, card }, agent, queue, call.signal)
  return true
}
