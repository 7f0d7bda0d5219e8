import type { Prompt, QueueOptions, QueueOutcome } from '../../ivr-flows/host.ts'
import type { Endpoint } from '../../media/endpoint.ts'
import { findLastAgent, takeLostPlace } from '../../sql/queries/queue-entries.ts'
import type { MissReason } from '../agents/agent-state.ts'
import type { BotHandOver } from '../bots/hand-over.ts'
import { aborted } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { dialParty, type Party } from '../calls/dial-party.ts'
import type { LegAudio } from '../calls/leg-audio.ts'
import type { OutboundLaw } from '../calls/outbound-law.ts'
import type { Metrics } from '../metrics.ts'
import type { OverflowDestination, Queue } from '../queues/queue.ts'
import type { OfferFacts, QueueVisit } from '../queues/queue-visit.ts'
import type { QueueService } from '../queues/queue-service.ts'
import { withParty } from '../recordings/joining-party.ts'
import type { CardField, DeskDestination } from '../softphone/protocol.ts'
import { type CardParts, type LiveCard, openCard } from './customer-card.ts'
import { announcePlace } from './queue-announcements.ts'
import { ringAgent, type RingOutcome, type RingParts } from './ring-agent.ts'
import type { ConversationEnd } from './conversation.ts'
import type { PartyLeg } from './party.ts'
import { talk, type TalkParts } from './talk.ts'

/** A customer who is answered already and whose leg is free to be played to. */
export type WaitingCustomer = Readonly<{
  endpoint: Endpoint
  audio: LegAudio
  name: string | null
  /** E.164; null when it is hidden. */
  number: string | null
  /** The number of ours that this customer sees. */
  ownNumber: string | null
  language: string
  /** The agent who is to get this customer if possible. */
  stickyAgentId?: string
  /** A script, no person. */
  isSimulated?: boolean
}>

export type ServeParts = RingParts &
  TalkParts &
  Readonly<{
    queues: QueueService
    law: OutboundLaw
    metrics: Metrics
    cards: CardParts
    /** Sources of the media server for prompts; rejects when one cannot be made. */
    prepare(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[]>
  }>

/** Where the customer goes next, and with what rights. */
type Next =
  | Readonly<{ kind: 'queue'; queue: string; isFlowQueue: boolean; placeFromAt?: Date; isHead?: boolean }>
  | Readonly<{ kind: 'agent'; agentId: string; otherwise: string | null }>
  | Readonly<{ kind: 'dial'; destination: Party }>

const DIRECT_RING_MS = 30_000
/** So long a customer's last agent is worth waiting for. */
const REMEMBERED_MS = 90 * 86_400_000

/**
 * Serves a caller from the queue that the flow names until everybody who was to talk has talked: the wait with music and
 * announcements, the ring, the conversation, and what transfers make of it. Rejects when the caller hangs up.
 */
export async function serveCaller(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  options: QueueOptions & Readonly<{ reason?: string; answers?: readonly CardField[]; bot?: BotHandOver }>,
  signal: AbortSignal
): Promise<QueueOutcome> {
  const card = openCard(
    parts.cards,
    {
      callId: call.id,
      number: customer.number,
      name: customer.name,
      language: customer.language,
      reason: options.reason ?? null,
      answers: options.answers ?? [],
      ...(options.bot !== undefined && { bot: options.bot }),
      ...(customer.isSimulated === true && { isSimulated: true })
    },
    signal
  )
  let next: Next = { kind: 'queue', queue: options.queue, isFlowQueue: true }
  for (;;) {
    signal.throwIfAborted()
    const step: Step = await take(parts, call, customer, card, options, next, signal)
    if (step.kind === 'done') return step.outcome
    next = step.next
  }
}

type Step = Readonly<{ kind: 'done'; outcome: QueueOutcome }> | Readonly<{ kind: 'on'; next: Next }>

async function take(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  card: LiveCard,
  options: QueueOptions,
  next: Next,
  signal: AbortSignal
): Promise<Step> {
  switch (next.kind) {
    case 'queue':
      return await waitInQueue(parts, call, customer, card, options, next, signal)
    case 'agent':
      return await ringDirectly(parts, call, customer, card, next, signal)
    case 'dial':
      return await dialOut(parts, call, customer, next, signal)
    default:
      return next satisfies never
  }
}

async function waitInQueue(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  card: LiveCard,
  options: QueueOptions,
  place: Extract<Next, { kind: 'queue' }>,
  signal: AbortSignal
): Promise<Step> {
  const stickyAgentId = customer.stickyAgentId ?? (await agentOfBefore(parts, customer, place.queue))
  const placeFromAt = place.placeFromAt ?? (await lostPlace(parts, call, customer, place.queue))
  const entering = await parts.queues.enter({
    callId: call.id,
    queue: place.queue,
    language: customer.language,
    priority: options.priority,
    skills: place.isFlowQueue ? options.skills : [],
    ...(place.isFlowQueue && options.maxWaitMs !== undefined && { maxWaitMs: options.maxWaitMs }),
    ...(placeFromAt !== undefined && { placeFromAt }),
    ...(place.isHead === true && { isHead: true }),
    ...(place.isFlowQueue && options.announce !== undefined && { announceEveryMs: options.announce.everyMs }),
    ...(stickyAgentId !== undefined && { stickyAgentId }),
    calledNumber: customer.ownNumber
  })
  if (entering.kind === 'unknownQueue') {
    call.record({ kind: 'queueEntered', queue: place.queue })
    call.record({ kind: 'queueLeft', queue: place.queue, outcome: 'unknown' })
    return done({ kind: 'unavailable', reason: `There is no queue ${place.queue}.` })
  }
  if (entering.kind !== 'waiting') {
    call.record({ kind: 'queueEntered', queue: place.queue })
    call.record({ kind: 'queueLeft', queue: place.queue, outcome: entering.kind })
    return overflow(entering.overflow, entering.kind)
  }
  await using visit = entering.visit
  const { queue } = visit
  call.record({ kind: 'queueEntered', queue: queue.name })
  const enteredAtMs = performance.now()
  const left = (outcome: string) => call.record({ kind: 'queueLeft', queue: queue.name, outcome })
  for (;;) {
    const found = await waitForAgent(parts, call, customer, card, options, place, visit, enteredAtMs, signal).catch(
      err => {
        left(signal.aborted ? 'abandoned' : 'failed')
        throw err
      }
    )
    switch (found.kind) {
      case 'maxWait':
        left('maxWait')
        await visit.leave('overflow')
        return overflow(found.overflow, 'maxWait')
      case 'lost':
        left('lost')
        return on({ ...place, isHead: true })
      case 'answered': {
        left('answered')
        const end = await talk(
          parts,
          call,
          { ...customer, card },
          { leg: found.leg, agentId: found.agentId, answerMs: found.answerMs, waitedMs: found.waitedMs },
          queue,
          signal
        )
        const step = await afterTalk(end, visit, place)
        if (step !== null) return step
        break
      }
      default:
        found satisfies never
    }
  }
}

/** The place of a caller who was cut off by a fault of ours, and calls again. */
async function lostPlace(
  parts: ServeParts,
  call: Call,
  { number }: WaitingCustomer,
  queue: string
): Promise<Date | undefined> {
  const queueId = parts.queues.findQueue(queue)?.id
  if (call.direction !== 'inbound' || number === null || queueId === undefined) return undefined
  return (await takeLostPlace(parts.db, queueId, number)) ?? undefined
}

/** Who talked to this customer last, for queues that keep the two together. */
async function agentOfBefore(parts: ServeParts, customer: WaitingCustomer, queue: string): Promise<string | undefined> {
  if (customer.number === null || parts.queues.findQueue(queue)?.strategy !== 'stickyAgent') return undefined
  return (await findLastAgent(parts.db, customer.number, new Date(Date.now() - REMEMBERED_MS))) ?? undefined
}

type Found =
  | Readonly<{ kind: 'answered'; agentId: string; leg: PartyLeg; answerMs: number; waitedMs: number }>
  | Readonly<{ kind: 'maxWait'; overflow: OverflowDestination | null }>
  | Readonly<{ kind: 'lost' }>

/** Music, announcements and ringing agents, until one of them has answered or the wait is over. */
async function waitForAgent(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  card: LiveCard,
  options: QueueOptions,
  place: Extract<Next, { kind: 'queue' }>,
  visit: QueueVisit,
  enteredAtMs: number,
  signal: AbortSignal
): Promise<Found> {
  const { queue } = visit
  const music = await musicFor(parts, customer.language, place.isFlowQueue ? options.music : undefined, signal)
  let stopMusic: (() => Promise<void>) | undefined = customer.audio.loop(music)
  const rings = new Map<string, Promise<Ring>>()
  const waiting = new AbortController()
  const listening = AbortSignal.any([signal, waiting.signal])
  // Both may end while an announcement is played and nobody looks; whoever looks next hears of it.
  const watched = <T>(running: Promise<T>): Promise<T> => {
    running.catch(() => {})
    return running
  }
  let happening = watched(visit.next(listening))
  try {
    for (;;) {
      const event = await Promise.race([happening.then(one => ({ kind: 'visit', one }) as const), ...rings.values()])
      signal.throwIfAborted()
      if (event.kind === 'ring') {
        rings.delete(event.offer.id)
        const { outcome, offer } = event
        if (outcome.kind !== 'answered') {
          await visit.settle(offer.id, { kind: outcome.kind })
          continue
        }
        if (!(await visit.settle(offer.id, { kind: 'answered' }))) {
          await outcome.leg[Symbol.asyncDispose]()
          continue
        }
        const waitedMs = Math.round(performance.now() - enteredAtMs)
        return { kind: 'answered', agentId: offer.agentId, leg: outcome.leg, answerMs: outcome.answerMs, waitedMs }
      }
      const { one } = event
      happening = watched(visit.next(listening))
      switch (one.kind) {
        case 'offer':
          rings.set(one.offer.id, watched(ring(one.offer)))
          break
        case 'announce': {
          const prompts =
            options.announce !== undefined && place.isFlowQueue
              ? options.announce.prompts
              : announcePlace(customer.language, one, queue.announce ?? { position: true, wait: true })
          await stopMusic?.()
          stopMusic = undefined
          await announce(parts, call, customer, prompts, signal)
          stopMusic = customer.audio.loop(music)
          break
        }
        case 'callbackOffer':
          // The flow decides what callers may do; a queue alone cannot ask for a number.
          break
        case 'maxWait':
          return { kind: 'maxWait', overflow: one.overflow }
        case 'lost':
          return { kind: 'lost' }
        default:
          one satisfies never
      }
    }
  } finally {
    waiting.abort()
    if (!signal.aborted) await stopMusic?.()
    for (const other of rings.values()) void other.then(letGo, () => {})
  }

  async function ring(offer: OfferFacts): Promise<Ring> {
    const ringing = AbortSignal.any([listening, offer.withdrawn])
    try {
      const outcome = await ringAgent(
        parts,
        call,
        {
          agentId: offer.agentId,
          ringMs: offer.ringMs,
          card,
          offer: {
            id: offer.id,
            callId: call.id,
            kind: 'queue',
            queue: { id: queue.id, name: queue.name },
            from: null,
            language: customer.language,
            waitedMs: Math.round(performance.now() - enteredAtMs),
            isAutoAnswered: offer.isAutoAnswered,
            expiresAt: new Date(Date.now() + offer.ringMs).toISOString()
          }
        },
        ringing
      )
      return { kind: 'ring', offer, outcome }
    } catch (err) {
      if (!ringing.aborted) throw err
      // The caller is gone, or another agent was faster: nothing that this agent has missed.
      const reason: MissReason | 'withdrawn' = signal.aborted ? 'callerGone' : 'withdrawn'
      call.log.debug({ agentId: offer.agentId, reason }, 'an offer was taken back')
      if (signal.aborted) await visit.settle(offer.id, { kind: 'callerGone' })
      return { kind: 'ring', offer, outcome: { kind: 'callerGone' } }
    }
  }
}

type Ring = Readonly<{ kind: 'ring'; offer: OfferFacts; outcome: RingOutcome }>

async function letGo(ring: Ring): Promise<void> {
  if (ring.outcome.kind === 'answered') await ring.outcome.leg[Symbol.asyncDispose]()
}

/** Rings one agent to whom the customer was sent; one who does not answer leaves the customer to the queue. */
async function ringDirectly(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  card: LiveCard,
  to: Extract<Next, { kind: 'agent' }>,
  signal: AbortSignal
): Promise<Step> {
  const instead = (): Step =>
    to.otherwise === null
      ? done({ kind: 'overflow', reason: 'noAgents' })
      : on({ kind: 'queue', queue: to.otherwise, isFlowQueue: false, isHead: true })
  const reserved = await parts.agents.reserveDirect(to.agentId, call.id, { ringMs: DIRECT_RING_MS })
  if (reserved.kind === 'notFree') return instead()
  const music = await parts.music(customer.language)
  const stopMusic = customer.audio.loop(music)
  let outcome: RingOutcome
  try {
    outcome = await ringAgent(
      parts,
      call,
      {
        agentId: to.agentId,
        ringMs: DIRECT_RING_MS,
        card,
        offer: {
          id: reserved.offerId,
          callId: call.id,
          kind: 'direct',
          queue: null,
          from: null,
          language: customer.language,
          waitedMs: 0,
          isAutoAnswered: false,
          expiresAt: new Date(Date.now() + DIRECT_RING_MS).toISOString()
        }
      },
      signal
    )
  } catch (err) {
    await parts.agents.settleDirect(reserved.offerId, { kind: signal.aborted ? 'callerGone' : 'withdrawn' })
    throw err
  }
  if (!signal.aborted) await stopMusic()
  if (outcome.kind !== 'answered') {
    await parts.agents.settleDirect(reserved.offerId, { kind: outcome.kind })
    return instead()
  }
  if (!(await parts.agents.settleDirect(reserved.offerId, { kind: 'answered' }))) {
    await outcome.leg[Symbol.asyncDispose]()
    return instead()
  }
  const end = await talk(
    parts,
    call,
    { ...customer, card },
    { leg: outcome.leg, agentId: to.agentId, answerMs: outcome.answerMs, waitedMs: null },
    null,
    signal
  )
  return (await afterTalk(end, null, null)) ?? instead()
}

/** Sends the customer to a phone outside and waits until that talk is over. */
async function dialOut(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  to: Extract<Next, { kind: 'dial' }>,
  signal: AbortSignal
): Promise<Step> {
  const stopMusic = customer.audio.loop(await parts.music(customer.language))
  const outcome = await dialParty(
    parts,
    call,
    to.destination,
    { callerNumber: customer.ownNumber, ringMs: DIRECT_RING_MS },
    signal
  )
  if (outcome.kind !== 'answered') {
    await stopMusic()
    return done({ kind: 'overflow', reason: 'noAgents' })
  }
  await using other = outcome.leg
  signal.throwIfAborted()
  const recording = parts.recordings.of(call)
  const party = { id: other.id, number: to.destination.value, language: customer.language }
  const joining =
    to.destination.kind === 'extension'
      ? 'told'
      : await parts.recordings.tell(call, other.endpoint, party, parts.prepare, signal)
  await stopMusic()
  if (joining === 'mayNotJoin') return done({ kind: 'overflow', reason: 'noAgents' })
  await withParty(recording, joining === 'told', async () => {
    await customer.endpoint.bridge(other.endpoint)
    call.record({ kind: 'bridged', legId: other.id })
    await aborted(AbortSignal.any([other.dialog.ended, other.endpoint.lost, signal]))
  })
  signal.throwIfAborted()
  return done({ kind: 'served' })
}

/** What becomes of the customer after the talk; null: back to the same queue, at its head. */
async function afterTalk(
  end: ConversationEnd,
  visit: QueueVisit | null,
  place: Extract<Next, { kind: 'queue' }> | null
): Promise<Step | null> {
  switch (end.kind) {
    case 'served':
      return done({ kind: 'served' })
    case 'agentLost': {
      if (visit === null || place === null) return null
      if (await visit.backToHead()) return null
      return on({ ...place, isHead: true })
    }
    case 'transfer':
      await visit?.leave('answered')
      return on(nextOf(end.destination, visit?.queue ?? null))
    default:
      return end satisfies never
  }
}

function nextOf(destination: DeskDestination, from: Queue | null): Next {
  switch (destination.kind) {
    case 'queue':
      return { kind: 'queue', queue: destination.queueId, isFlowQueue: false }
    case 'agent':
      return { kind: 'agent', agentId: destination.agentId, otherwise: from?.id ?? null }
    case 'number':
      return { kind: 'dial', destination: { kind: 'number', value: destination.number, isOwnPlace: false } }
    case 'extension':
      return { kind: 'dial', destination: { kind: 'extension', value: destination.extension, isOwnPlace: true } }
    default:
      return destination satisfies never
  }
}

/** Where a queue sends whom it does not serve; what only a flow can do is left to the flow. */
function overflow(destination: OverflowDestination | null, reason: 'closed' | 'full' | 'maxWait' | 'noAgents'): Step {
  if (destination === null) return done({ kind: 'overflow', reason })
  switch (destination.kind) {
    case 'queue':
      return on({ kind: 'queue', queue: destination.value, isFlowQueue: false })
    case 'agent':
      return on({ kind: 'agent', agentId: destination.value, otherwise: null })
    case 'number':
    case 'extension':
      return on({ kind: 'dial', destination: { kind: destination.kind, value: destination.value, isOwnPlace: true } })
    case 'voicemail':
    case 'flow':
      return done({ kind: 'overflow', reason })
    default:
      return destination.kind satisfies never
  }
}

async function announce(
  parts: ServeParts,
  call: Call,
  customer: WaitingCustomer,
  prompts: readonly Prompt[],
  signal: AbortSignal
): Promise<void> {
  if (prompts.length === 0) return
  try {
    const sources = await parts.prepare(prompts, signal)
    await customer.audio.play(sources, false, signal)
  } catch (err) {
    signal.throwIfAborted()
    // The place in the queue matters more than the words about it.
    call.log.warn({ err }, 'an announcement could not be played')
  }
}

async function musicFor(
  parts: ServeParts,
  language: string,
  prompt: Prompt | undefined,
  signal: AbortSignal
): Promise<string> {
  if (prompt === undefined) return await parts.music(language)
  try {
    const [source] = await parts.prepare([prompt], signal)
    return source ?? (await parts.music(language))
  } catch (err) {
    signal.throwIfAborted()
    parts.log.warn({ err }, 'the music of a queue cannot be played; the usual music is')
    return await parts.music(language)
  }
}

function done(outcome: QueueOutcome): Step {
  return { kind: 'done', outcome }
}

function on(next: Next): Step {
  return { kind: 'on', next }
}
