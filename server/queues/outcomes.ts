import type { Db } from '../../sql/database.ts'
import type { AgentRow } from '../../sql/queries/agents.ts'
import { lockAgents } from '../../sql/queries/agents.ts'
import type { OfferRow } from '../../sql/queries/offers.ts'
import { settleOffer } from '../../sql/queries/offers.ts'
import {
  type EntryRow,
  findOffer,
  insertVisit,
  listPendingOffers,
  lockEntry,
  writeEntry
} from '../../sql/queries/queue-entries.ts'
import type { VisitOutcome } from '../../sql/queue-tables.ts'
import type { AgentSettings } from '../agents/agent.ts'
import type { MissReason } from '../agents/agent-state.ts'
import type { AgentEvent } from '../agents/agent-step.ts'
import { stepInTransaction } from '../agents/store-step.ts'
import { newId } from '../ids.ts'

/** Rows that a transaction changed, for the mirrors; null when what was asked for was over before. */
export type Changed = Readonly<{ entry: EntryRow; agents: readonly AgentRow[] }> | null

type OfferOutcome = 'answered' | MissReason | 'withdrawn'

/**
 * Stores what became of an offer of a queue. Answered: caller and agent talk, and whoever else rang for this caller is
 * free again. Not answered: the caller waits on in the same place (`toHead`: before all others).
 */
export async function settleQueueOffer(
  db: Db,
  offerId: string,
  outcome: OfferOutcome,
  options: Readonly<{ now: Date; settings: AgentSettings; thresholdMs(queueId: string): number; toHead?: boolean }>
): Promise<Changed> {
  const offer = await findOffer(db, offerId)
  if (offer === undefined || offer.entry_id === null || offer.state !== 'pending') return null
  return await withEntry(db, offer.entry_id, async (trx, entry, pending) => {
    if (entry.state !== 'reserved' || !pending.some(one => one.id === offerId)) return null
    const { now } = options
    const agents: AgentRow[] = []
    const step = async (one: OfferRow, event: AgentEvent) => {
      const stepped = await stepInTransaction(trx, one.agent_id, event, now, options.settings, {
        // What the agent has in hand meanwhile is not this offer's business.
        condition: agent => agent.offerId === one.id
      })
      if (stepped?.row) agents.push(stepped.row)
      await settleOffer(trx, one.id, event.kind === 'talking' ? 'answered' : endOf(event), now)
      return stepped?.refused === null
    }
    if (outcome === 'answered') {
      const isTalking = await step(offer, { kind: 'talking', callId: entry.call_id, queueId: entry.queue_id })
      if (!isTalking)
        return { entry: pending.length > 1 ? entry : await writeEntry(trx, entry.id, { state: 'waiting' }), agents }
      for (const one of pending)
        if (one.id !== offerId) await step(one, { kind: 'offerOver', offerId: one.id, reason: 'withdrawn' })
      await insertVisit(trx, visitOf(entry, 'answered', offer.agent_id, now, options.thresholdMs(entry.queue_id)))
      return { entry: await writeEntry(trx, entry.id, { state: 'connected' }), agents }
    }
    await step(offer, { kind: 'offerOver', offerId, reason: outcome })
    const isStillRinging = pending.length > 1
    const change = {
      ...(!isStillRinging && { state: 'waiting' as const }),
      ...(options.toHead && { is_head: true })
    }
    return { entry: Object.keys(change).length === 0 ? entry : await writeEntry(trx, entry.id, change), agents }
  })
}

/** Takes a caller out of the queue for good; agents who ring are free again. */
export async function leaveQueue(
  db: Db,
  entryId: string,
  outcome: VisitOutcome,
  options: Readonly<{ now: Date; settings: AgentSettings; thresholdMs(queueId: string): number }>
): Promise<Changed> {
  return await withEntry(db, entryId, async (trx, entry, pending) => {
    if (entry.state === 'left') return null
    const { now } = options
    const agents: AgentRow[] = []
    for (const one of pending) {
      const reason = outcome === 'abandoned' ? 'callerGone' : 'withdrawn'
      const event: AgentEvent = { kind: 'offerOver', offerId: one.id, reason }
      const stepped = await stepInTransaction(trx, one.agent_id, event, now, options.settings, {
        condition: agent => agent.offerId === one.id
      })
      if (stepped?.row) agents.push(stepped.row)
      await settleOffer(trx, one.id, reason, now)
    }
    // The visit of a caller who was served is written already; a campaign's hold on an agent is nobody's visit.
    if (entry.state !== 'connected' && entry.kind !== 'campaign')
      await insertVisit(trx, visitOf(entry, outcome, null, now, options.thresholdMs(entry.queue_id)))
    return { entry: await writeEntry(trx, entry.id, { state: 'left', outcome, left_at: now }), agents }
  })
}

/** Puts a caller back who was served or taken out by mistake: before all others. */
export async function requeueEntry(db: Db, entryId: string, now: Date): Promise<EntryRow | null> {
  return await db.transaction().execute(async trx => {
    const entry = await lockEntry(trx, entryId)
    if (entry === undefined || entry.state === 'waiting' || entry.state === 'reserved') return null
    const change = { state: 'waiting', is_head: true, entered_at: now, outcome: null, left_at: null } as const
    return await writeEntry(trx, entryId, change)
  })
}

/**
 * Runs a task with an entry locked and, before it, all agents who ring for it: every writer locks agents first, so that
 * none waits for another in a circle. Offers that appear meanwhile make it begin again.
 */
async function withEntry(
  db: Db,
  entryId: string,
  task: (trx: Db, entry: EntryRow, pending: readonly OfferRow[]) => Promise<Changed>
): Promise<Changed> {
  for (;;) {
    const outcome = await db.transaction().execute(async trx => {
      const before = await listPendingOffers(trx, entryId)
      await lockAgents(
        trx,
        before.map(offer => offer.agent_id)
      )
      const entry = await lockEntry(trx, entryId)
      if (entry === undefined) return null
      const pending = await listPendingOffers(trx, entryId)
      if (pending.some(offer => !before.some(one => one.id === offer.id))) return 'again' as const
      return await task(trx, entry, pending)
    })
    if (outcome !== 'again') return outcome
  }
}

function endOf(event: AgentEvent): MissReason | 'withdrawn' {
  return event.kind === 'offerOver' ? event.reason : 'withdrawn'
}

function visitOf(entry: EntryRow, outcome: VisitOutcome, agentId: string | null, now: Date, thresholdMs: number) {
  const waitedMs = Math.max(0, now.getTime() - entry.entered_at.getTime())
  return {
    id: newId(now.getTime()),
    call_id: entry.call_id,
    queue_id: entry.queue_id,
    kind: entry.kind,
    called_number: entry.called_number,
    language: entry.language,
    entered_at: entry.entered_at,
    left_at: now,
    outcome,
    waited_ms: waitedMs,
    is_within_threshold: outcome === 'answered' && waitedMs <= thresholdMs,
    agent_id: agentId,
    talk_ms: null,
    hold_ms: null,
    wrap_up_ms: null
  }
}
