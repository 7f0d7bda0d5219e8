import { createHash } from 'node:crypto'
import {
  insertTasks,
  listAgentCalls,
  listRules,
  openTaskCounts,
  type RuleRow,
  updateRule
} from '../../sql/queries/quality/reviews.ts'
import { readCallsToIndex } from '../../sql/queries/quality/search.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { prepareSearch, searchCalls, type SearchFilter, type SearchParts } from './search.ts'

/** What each kind of rule is set by; the boundary checks it. */
export type SamplingSettings = Readonly<{
  /** perAgent: share of each agent's calls. */
  percent?: number
  /** riskWords: a search, as reviewers write it. */
  words?: string
  /** shortCalls: calls with an agent that were over before this. */
  maxTalkMs?: number
  /** complaints: any of these tags or outcomes. */
  tags?: readonly string[]
  dispositions?: readonly string[]
}>

type Drawn = Readonly<{ callId: string; agentId: string | null; reason: string }>

/** Transcripts and outcomes come after the call: so far back it is looked again for what was said. */
const LOOK_BACK_MS = 3 * 86_400_000
const MAX_DRAWN = 500

/** Draws calls for every rule that is switched on; one that fails keeps no other one from its calls. Returns how many tasks are new. */
export async function sampleAll(parts: SearchParts & Readonly<{ log: Logger }>, now: Date): Promise<number> {
  let made = 0
  for (const rule of await listRules(parts.db)) {
    if (!rule.is_enabled) continue
    try {
      made += await sampleOne(parts, rule, now)
    } catch (err) {
      parts.log.error({ err, ruleId: rule.id }, 'no calls can be drawn for a rule; it is tried again in an hour')
    }
  }
  return made
}

/** Draws calls for one rule: those that ended since it was last drawn for. */
export async function sampleOne(parts: SearchParts, rule: RuleRow, now: Date): Promise<number> {
  const drawn = await draw(parts, rule, now)
  const load = new Map(await openTaskCounts(parts.db))
  const rows = drawn.map(one => {
    const assigned = leastBusy(rule.reviewer_ids, load)
    if (assigned !== null) load.set(assigned, (load.get(assigned) ?? 0) + 1)
    return {
      id: newId(),
      rule_id: rule.id,
      call_id: one.callId,
      agent_id: one.agentId,
      scorecard_id: rule.scorecard_id,
      reason: one.reason,
      assigned_to: assigned,
      done_at: null
    }
  })
  const made = await insertTasks(parts.db, rows)
  await updateRule(parts.db, rule.id, { sampled_until: now })
  return made
}

async function draw(parts: SearchParts, rule: RuleRow, now: Date): Promise<readonly Drawn[]> {
  const settings = rule.settings as SamplingSettings
  const calls = () => listAgentCalls(parts.db, rule.sampled_until, now, rule.queue_ids)
  switch (rule.kind) {
    case 'perAgent':
      return (await calls())
        .filter(call => isDrawn(rule.id, call.callId, settings.percent ?? 0))
        .map(call => ({ callId: call.callId, agentId: call.agentId, reason: `${settings.percent ?? 0} %` }))
    case 'shortCalls':
      return (await calls())
        .filter(call => call.talkMs <= (settings.maxTalkMs ?? 0))
        .map(call => ({ callId: call.callId, agentId: call.agentId, reason: `${Math.round(call.talkMs / 1000)} s` }))
    case 'riskWords':
      return await bySearch(parts, rule, now, { q: settings.words ?? '' }, settings.words ?? '')
    case 'complaints':
      return [
        ...(await eachOf(settings.tags ?? [], tag => bySearch(parts, rule, now, { tag: [tag] }, tag))),
        ...(await eachOf(settings.dispositions ?? [], code =>
          bySearch(parts, rule, now, { disposition: [code] }, code)
        ))
      ]
    default:
      return rule.kind satisfies never
  }
}

async function eachOf<T>(values: readonly string[], find: (value: string) => Promise<readonly T[]>): Promise<T[]> {
  const found: T[] = []
  for (const value of values) found.push(...(await find(value)))
  return found
}

async function bySearch(
  parts: SearchParts,
  rule: RuleRow,
  now: Date,
  filter: SearchFilter,
  reason: string
): Promise<readonly Drawn[]> {
  const prepared = await prepareSearch(parts, {
    ...filter,
    from: new Date(rule.sampled_until.getTime() - LOOK_BACK_MS),
    until: now,
    ...(rule.queue_ids.length > 0 && { queueId: rule.queue_ids })
  })
  const found = await searchCalls(parts, prepared, null, MAX_DRAWN, now)
  const calls = await readCallsToIndex(
    parts.db,
    found.map(one => one.callId)
  )
  return calls.map(call => ({ callId: call.callId, agentId: call.agentIds[0] ?? null, reason }))
}

/** Whether a call is in a rule's share. Pure. */
export function isDrawn(ruleId: string, callId: string, percent: number): boolean {
  return lot(ruleId, callId) < percent / 100
}

/** A number from 0 to 1 that belongs to this call and rule: who draws twice draws the same, and nobody can choose. */
function lot(ruleId: string, callId: string): number {
  return createHash('sha256').update(`${ruleId} ${callId}`).digest().readUInt32BE(0) / 2 ** 32
}

function leastBusy(reviewerIds: readonly string[], load: ReadonlyMap<string, number>): string | null {
  return [...reviewerIds].sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0))[0] ?? null
}
