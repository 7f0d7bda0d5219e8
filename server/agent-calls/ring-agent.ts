import type { MediaServer } from '../../media/endpoint.ts'
import { MediaError } from '../../media/endpoint.ts'
import { SoftphoneMediaError } from '../../media/webrtc/softphone-media.ts'
import type { AgentService } from '../agents/agent-service.ts'
import type { MissReason } from '../agents/agent-state.ts'
import type { Call } from '../calls/call.ts'
import { type AnsweredLeg, dial, type DialParts } from '../calls/dial.ts'
import type { Offer } from '../softphone/protocol.ts'
import type { BrowserLeg, DeskPhone } from '../softphone/desk-phone.ts'
import type { AgentDesk } from './agent-desk.ts'
import type { LiveCard } from './customer-card.ts'
import type { PartyLeg } from './party.ts'

export type RingParts = DialParts &
  Readonly<{
    agents: AgentService
    media: MediaServer
    desk(agentId: string): AgentDesk<DeskPhone> | undefined
    /** The SIP account of the agent's desk phone; null when there is none. */
    phoneOf(agentId: string): Promise<string | null>
  }>

export type RingOutcome =
  | Readonly<{ kind: 'answered'; leg: PartyLeg; answerMs: number }>
  | Readonly<{ kind: MissReason }>

/**
 * Rings an agent for an offer, in the browser or on the desk phone, until the time of the offer is over. While a browser
 * rings, its leg is made, so that the answer only has to open it. Rejects with the signal's reason when it is aborted.
 */
export async function ringAgent(
  parts: RingParts,
  call: Call,
  ringing: Readonly<{ agentId: string; ringMs: number; offer: Omit<Offer, 'customer'>; card: LiveCard }>,
  signal: AbortSignal
): Promise<RingOutcome> {
  const { agentId, ringMs, offer, card } = ringing
  const startedAtMs = performance.now()
  call.record({ kind: 'agentOffered', agentId, offerId: offer.id, queue: offer.queue?.name ?? null })
  const outcome = parts.agents.view(agentId)?.hasDeskPhone
    ? await ringPhone(parts, call, agentId, ringMs, offer, card, signal)
    : await ringSoftphone(parts, agentId, ringMs, offer, card, signal)
  if (outcome.kind === 'answered') return { ...outcome, answerMs: Math.round(performance.now() - startedAtMs) }
  call.record({ kind: 'agentMissed', agentId, offerId: offer.id, reason: outcome.kind })
  return outcome
}

async function ringSoftphone(
  parts: RingParts,
  agentId: string,
  ringMs: number,
  offer: Omit<Offer, 'customer'>,
  card: LiveCard,
  signal: AbortSignal
): Promise<Readonly<{ kind: 'answered'; leg: PartyLeg }> | Readonly<{ kind: MissReason }>> {
  const desk = parts.desk(agentId)
  if (desk === undefined || !desk.softphone.isPresent) return { kind: 'network' }
  const making = desk.softphone.createLeg(parts.media)
  making.catch(() => {
    // Thrown below, when the agent answers; one who does not has nothing to hear.
  })
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ringMs)])
  let isKept = false
  try {
    parts.agents
      .ringing(agentId, offer.id)
      .catch(err => parts.log.warn({ err, agentId }, 'ringing could not be stored'))
    const outcome = await desk.ring(offer, card, limit)
    signal.throwIfAborted()
    if (outcome !== 'answered') return { kind: outcome }
    const softphoneLeg = await making
    await softphoneLeg.open()
    signal.throwIfAborted()
    isKept = true
    return { kind: 'answered', leg: browserLeg(softphoneLeg) }
  } catch (err) {
    signal.throwIfAborted()
    // The agent did answer; what failed is our side of the way to the head-set.
    if (err instanceof SoftphoneMediaError || err instanceof MediaError) {
      parts.log.error({ err, agentId }, 'an answered softphone could not be put through')
      return { kind: 'network' }
    }
    throw err
  } finally {
    if (!isKept)
      making.then(
        leg => leg[Symbol.asyncDispose](),
        () => {
          // It was never made.
        }
      )
  }
}

async function ringPhone(
  parts: RingParts,
  call: Call,
  agentId: string,
  ringMs: number,
  offer: Omit<Offer, 'customer'>,
  card: LiveCard,
  signal: AbortSignal
): Promise<Readonly<{ kind: 'answered'; leg: PartyLeg }> | Readonly<{ kind: MissReason }>> {
  const username = await parts.phoneOf(agentId)
  if (username === null) return { kind: 'network' }
  parts.agents.ringing(agentId, offer.id).catch(err => parts.log.warn({ err, agentId }, 'ringing could not be stored'))
  const outcome = await dial(
    parts,
    call,
    { destination: { kind: 'agent', value: username }, callerNumber: card.wholeNumber, ringMs },
    signal
  )
  switch (outcome.kind) {
    case 'answered':
      // What a customer keys in, such as a card's number, is not for the agent's ear. Browsers are never sent keys.
      await outcome.leg.endpoint.refuseKeys()
      return { kind: 'answered', leg: phoneLeg(outcome.leg) }
    case 'busy':
      return { kind: 'rejected' }
    case 'noAnswer':
      return { kind: 'missed' }
    case 'refused':
      return { kind: outcome.status === 603 ? 'rejected' : 'network' }
    case 'notAllowed':
      return { kind: 'network' }
    default:
      return outcome satisfies never
  }
}

/** An agent in a browser as a party of a conversation. */
export function browserLeg(softphoneLeg: BrowserLeg): PartyLeg {
  return {
    endpoint: softphoneLeg.endpoint,
    gone: softphoneLeg.gone,
    softphoneLeg,
    [Symbol.asyncDispose]: () => softphoneLeg[Symbol.asyncDispose]()
  }
}

/** A party on a phone. */
export function phoneLeg(leg: AnsweredLeg): PartyLeg {
  return {
    endpoint: leg.endpoint,
    gone: AbortSignal.any([leg.dialog.ended, leg.endpoint.lost]),
    softphoneLeg: null,
    [Symbol.asyncDispose]: () => leg[Symbol.asyncDispose]()
  }
}
