import { updateOpenAttempt } from '../../sql/queries/campaigns/attempts.ts'
import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import type { LiveCard } from '../agent-calls/customer-card.ts'
import type { PartyLeg } from '../agent-calls/party.ts'
import { ringAgent } from '../agent-calls/ring-agent.ts'
import { aborted } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { cardOf, offerOf, talkOf } from './agent-leg.ts'
import type { AgentPool, HeldAgent } from './agent-pool.ts'
import type { Attempt } from './attempt.ts'
import type { Answered } from './person-first.ts'
import { statementsFor } from './settings.ts'
import { speech } from './statements.ts'

/** 47 CFR 64.1200(a)(7): an agent, or the message, within two seconds of the person's completed greeting. */
const WITHIN_MS = 2_000
/** Kept of it for the way of the greeting to us and of the message to the person's ear. */
const ON_THE_WAY_MS = 300

type Connected = Readonly<{ held: HeldAgent; leg: PartyLeg; answerMs: number }>

/** What a person hears whom no agent can take. Begins to be made at once; what cannot be made is heard of when it is wanted. */
export function prepareAbandoned(attempt: Attempt, call: Call, contact: ContactRow): Promise<readonly string[]> {
  const { language, statements } = statementsFor(attempt.campaign.settings, contact.language)
  const texts = [statements?.abandoned ?? statements?.identification, statements?.optOut]
  const prompts = texts.flatMap(text => (text === undefined ? [] : [speech(text, language)]))
  const preparing = attempt.parts.prepare(prompts, call.signal)
  preparing.catch(() => {
    // Thrown again where it is played.
  })
  return preparing
}

/**
 * Until when, by the clock of the greeting's end, an agent may join; at that instant the message begins. What is left of the
 * two seconds of the law is for the way to the person's ear. Pure.
 */
export function latestAt(greetingEndedAtMs: number, withinMs = WITHIN_MS): number {
  return greetingEndedAtMs + withinMs - ON_THE_WAY_MS
}

/**
 * A person has answered: an agent of the pool takes the call, or the message begins, two seconds after the greeting at the
 * latest. Whatever a slow database or desk still does by then counts for nothing.
 */
export async function connectOrAbandon(
  attempt: Attempt,
  answered: Answered,
  noted: Promise<void>,
  message: Promise<readonly string[]>,
  ear: Disposable
): Promise<void> {
  const { call, contact, dialled, answer, amd } = answered
  const { parts } = attempt
  noted.catch(() => {
    // Awaited below, when the person is looked after.
  })
  const untilMs = latestAt(answer.greetingEndedAtMs, parts.withinMs)
  const card = cardOf(attempt, call, contact)
  const connected = attempt.pool === null ? null : await within(attempt, attempt.pool, answered, card, untilMs)
  if (connected === null) {
    await abandon(attempt, answered, noted, message)
    return
  }
  ear[Symbol.dispose]()
  const { held } = connected
  const { agentId } = held.offer
  try {
    const storing = noted.then(() =>
      updateOpenAttempt(parts.db, call.id, { agent_id: agentId, connected_at: parts.now() })
    )
    storing.catch(() => {
      // Awaited when the talk is over.
    })
    await talkOf(attempt, call, contact, dialled, card, connected, null)
    call.end('agentHungUp')
    await storing
    await held.visit.leave('answered')
    await dialled.lawful.outcome('conversation')
    await attempt.finish('person', {
      amd,
      agentId,
      isConnected: true,
      waitsForAgent: true,
      answeredAt: dialled.answeredAt
    })
  } finally {
    if (!held.visit.isOver) await attempt.pool?.giveBack(held)
  }
}

/** An agent who has answered by `untilMs` (by `performance.now()`), or null at that very instant. */
async function within(
  attempt: Attempt,
  pool: AgentPool,
  answered: Answered,
  card: LiveCard,
  untilMs: number
): Promise<Connected | null> {
  const { call } = answered
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), Math.max(0, untilMs - performance.now()))
  const over = AbortSignal.any([call.signal, late.signal])
  try {
    const looking = lookForAgent(attempt, pool, answered, card, untilMs, over)
    const connected = await Promise.race([looking, aborted(over).then((): null => null)])
    // What is still under way gives its agent back; the call's story waits for that.
    if (connected === null)
      call.defer(() =>
        looking.then(
          () => {},
          err => call.log.warn({ err }, 'an agent who came too late could not be given back')
        )
      )
    return connected
  } finally {
    clearTimeout(timer)
  }
}

async function lookForAgent(
  attempt: Attempt,
  pool: AgentPool,
  { call, contact }: Answered,
  card: LiveCard,
  untilMs: number,
  over: AbortSignal
): Promise<Connected | null> {
  const { calls } = attempt.parts
  while (!over.aborted) {
    const held = await pool.next(Math.max(0, untilMs - performance.now()), over)
    if (held === null) return null
    const { offer, visit } = held
    let isKept = false
    try {
      if (over.aborted || !(await calls.parts.queues.assignCall(visit, offer, call.id)) || over.aborted) continue
      const ringMs = Math.max(1, Math.round(untilMs - performance.now()))
      const signal = AbortSignal.any([over, offer.withdrawn])
      const ringing = await ringAgent(
        calls.serveParts(),
        call,
        { agentId: offer.agentId, ringMs, card, offer: offerOf(attempt, call, contact, held, ringMs, true) },
        signal
      ).catch(err => {
        if (signal.aborted) return { kind: 'callerGone' as const }
        throw err
      })
      if (ringing.kind !== 'answered') {
        // Nobody has missed a call that was taken back.
        await visit.settle(offer.id, { kind: signal.aborted ? 'withdrawn' : ringing.kind })
        continue
      }
      const isSettled = await visit.settle(offer.id, { kind: 'answered' })
      if (isSettled && !over.aborted) {
        isKept = true
        return { held, leg: ringing.leg, answerMs: ringing.answerMs }
      }
      await ringing.leg[Symbol.asyncDispose]()
      if (isSettled)
        await calls.parts.agents.callEnded(offer.agentId, call.id, { queueId: visit.queue.id, endedBy: 'system' })
    } finally {
      if (!isKept) await pool.giveBack(held)
    }
  }
  return null
}

/**
 * Nobody was there in time: the person hears who called, and is not called by the dialler for three days. So does what the
 * detector takes for a machine, which an agent was only to have heard for themselves; for the law it counts as a call that
 * was taken for a machine, which may have been a person as often as the detector errs.
 */
async function abandon(
  attempt: Attempt,
  { call, dialled, audio, amd, answer }: Answered,
  noted: Promise<void>,
  message: Promise<readonly string[]>
): Promise<void> {
  if (!call.signal.aborted)
    try {
      const sources = await message
      attempt.noticed('abandonedMessage', call)
      await audio.play(sources, false, call.signal)
    } catch (err) {
      if (!call.signal.aborted) call.log.error({ err }, 'the message for an abandoned person could not be played')
    }
  call.end('flowHungUp', { detail: 'abandoned' })
  await noted
  await dialled.lawful.outcome('abandoned')
  const { answeredAt } = dialled
  if (answer.result === 'machine')
    await attempt.finish('machine', { amd, answeredAt, detail: 'no agent was free to hear it' })
  else await attempt.finish('abandoned', { amd, isAbandoned: true, answeredAt })
}
