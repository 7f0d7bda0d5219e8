import type { Call } from './calls/call.ts'
import type { AnsweredLeg } from './calls/dial.ts'
import type { LegAudio } from './calls/leg-audio.ts'
import type { FlowHostParts } from './flow-host.ts'
import type { FlowLibrary } from './flow-library.ts'
import { runCallFlow } from './run-call-flow.ts'

/** Runs the published flow of an agentless campaign until it ends the call; false when none is published. */
export async function runCampaignFlow(
  parts: FlowHostParts & Readonly<{ flows: FlowLibrary }>,
  call: Call,
  { leg, audio }: Readonly<{ leg: AnsweredLeg; audio: LegAudio }>,
  flowId: string,
  facts: Readonly<{
    callerNumber: string | null
    calledNumber: string
    language: string
    variables: Readonly<Record<string, string>>
  }>
): Promise<boolean> {
  const runnable = await parts.flows.published(flowId)
  if (runnable === null) return false
  const connected = { endpoint: leg.endpoint, audio, dialog: leg.dialog }
  await runCallFlow(parts, call, { isAnswered: true, connected: async () => connected }, runnable, facts)
  return true
}
