import type { Call } from './call.ts'
import { dial, type DialOutcome, type DialParts, wasAnswered } from './dial.ts'
import type { AttemptOutcome, OutboundLaw } from './outbound-law.ts'
import { routeOutbound } from '../routing/route-outbound.ts'

/** Somebody who is to join a call or to take it over. */
export type Party = Readonly<{
  kind: 'number' | 'extension' | 'sip' | 'agent'
  value: string
  /**
   * Whether the company itself has written this number into a flow or a queue: then it is one of its own places, a branch or
   * a partner. A number that a person has keyed in, or that came from data, may be anybody's.
   */
  isOwnPlace: boolean
}>

const ATTEMPT_OUTCOMES = {
  answered: 'conversation',
  busy: 'busy',
  noAnswer: 'no_answer',
  refused: 'failed',
  notAllowed: 'not_placed'
} as const satisfies Record<DialOutcome['kind'], AttemptOutcome>

/**
 * Dials a further party of a call that is under way: a transfer, a consultation, an overflow to a phone outside. Each number
 * outside is an attempt with a decision of its own, whatever the call began with; one that is not lawful now is not dialled
 * and comes back as `notAllowed` with the code NOT_LAWFUL, or CLOCK_IN_DOUBT.
 * Rejects as {@link dial} does, and when the decision cannot be written.
 */
export async function dialParty(
  parts: DialParts & Readonly<{ law: OutboundLaw }>,
  call: Call,
  party: Party,
  options: Readonly<{ callerNumber: string | null; ringMs: number }>,
  signal: AbortSignal
): Promise<DialOutcome> {
  const { value, isOwnPlace } = party
  if (party.kind !== 'number')
    return await dial(parts, call, { ...options, destination: { kind: party.kind, value } }, signal)
  // Where no trunk may go there is nothing to decide.
  const route = routeOutbound(value, options.callerNumber, await parts.routing.tables())
  if (route.kind === 'refuse') return { kind: 'notAllowed', code: route.code, reason: route.reason }
  const ruling = await parts.law.rule({
    callId: call.id,
    isParty: true,
    number: value,
    mode: 'human_manual',
    purpose: 'service',
    party: isOwnPlace ? 'business' : 'unknown',
    isOwnPlace,
    callerNumber: route.trunks[0]?.callerNumber ?? null
  })
  if (ruling.kind === 'refused') {
    const { decisionId, decision, code, reason } = ruling
    call.record({ kind: 'partyRefused', decisionId, reasons: decision.reasons })
    return { kind: 'notAllowed', code, reason }
  }
  const { attempt } = ruling
  try {
    const outcome = await dial(parts, call, { ...options, destination: { kind: 'number', value, attempt } }, signal)
    await attempt.outcome(wasAnswered(outcome) ? 'abandoned' : ATTEMPT_OUTCOMES[outcome.kind])
    return outcome
  } catch (err) {
    await attempt.outcome('failed')
    throw err
  }
}
