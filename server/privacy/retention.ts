import type { Db } from '../../sql/database.ts'
import { activeHolds, type AgingItem, type HoldRow, listAging } from '../../sql/queries/privacy/items.ts'
import { analyzeNumber } from '../compliance/numbers/analyze.ts'
import {
  decideRetention,
  RETAINED,
  type Retained,
  type RetentionItem,
  type RetentionRule,
  type RetentionVerdict
} from './retention-rules.ts'
import { STORES, type StoreParts } from './stores.ts'
import { bury } from './tombstones.ts'

const BATCH = 500

export type RetentionState = Readonly<{
  rules: readonly RetentionRule[]
  overlap: 'longest' | 'shortest'
  isSweeping: boolean
}>

export async function readRetention(db: Db): Promise<RetentionState> {
  const [rows, settings] = await Promise.all([
    db.selectFrom('retention_rules').selectAll().where('is_enabled', '=', true).orderBy('id').execute(),
    db.selectFrom('retention_settings').selectAll().executeTakeFirstOrThrow()
  ])
  return {
    overlap: settings.overlap,
    isSweeping: settings.is_sweeping,
    rules: rows.map(row => ({
      id: row.id,
      name: row.name,
      stores: row.stores,
      region: row.region,
      queueId: row.queue_id,
      purpose: row.purpose,
      keepDays: row.keep_days,
      reason: row.reason
    }))
  }
}

/** What one sweep has found, by store and by rule; `deleted` is 0 in a dry run. */
export type SweepReport = Readonly<{
  checked: number
  due: number
  deleted: number
  held: number
  unmatched: number
  byRule: readonly Readonly<{ store: Retained; ruleId: string; name: string; due: number }>[]
  problems: readonly Readonly<{ store: Retained; id: string; problem: string }>[]
}>

/**
 * Goes through everything that ages and deletes what is due, with a tombstone for each. In a dry run nothing is deleted.
 * Rules given take the place of those in force, to see what a change would do to what is there already.
 */
export async function sweep(
  parts: StoreParts,
  options: Readonly<{ isDry: boolean; now: Date; state?: RetentionState }>
): Promise<SweepReport> {
  const { db } = parts
  const { isDry, now } = options
  const { rules, overlap } = options.state ?? (await readRetention(db))
  const byRule = new Map<string, { store: Retained; ruleId: string; name: string; due: number }>()
  const problems: { store: Retained; id: string; problem: string }[] = []
  let [checked, due, deleted, held, unmatched] = [0, 0, 0, 0, 0]
  for (const store of RETAINED) {
    let after: AgingItem | null = null
    for (;;) {
      const batch: readonly AgingItem[] = await listAging(db, store, after, BATCH)
      const last = batch.at(-1)
      if (last === undefined) break
      after = last
      // A sweep takes hours where there is much; a court may ask for something meanwhile.
      const holds = await activeHolds(db, now)
      const doomed: { item: RetentionItem; rule: RetentionRule; number: string | null }[] = []
      for (const row of batch) {
        const item = toItem(parts, store, row, holds)
        const verdict = decideRetention(item, rules, overlap, now)
        checked += 1
        if (verdict.kind === 'held') held += 1
        if (verdict.kind === 'unmatched') unmatched += 1
        if (verdict.kind !== 'due' || verdict.rule === null) continue
        due += 1
        const key = `${store} ${verdict.rule.id}`
        const known = byRule.get(key) ?? { store, ruleId: verdict.rule.id, name: verdict.rule.name, due: 0 }
        byRule.set(key, { ...known, due: known.due + 1 })
        doomed.push({ item, rule: verdict.rule, number: row.customer })
      }
      if (!isDry) deleted += await eraseDue(parts, store, doomed, problems)
      if (batch.length < BATCH) break
    }
  }
  return { checked, due, deleted, held, unmatched, byRule: [...byRule.values()], problems }
}

async function eraseDue(
  parts: StoreParts,
  store: Retained,
  doomed: readonly Readonly<{ item: RetentionItem; rule: RetentionRule; number: string | null }>[],
  problems: { store: Retained; id: string; problem: string }[]
): Promise<number> {
  if (doomed.length === 0) return 0
  const found = STORES.find(one => one.name === store)
  if (found === undefined) throw new TypeError(`no store is called ${store}`)
  const toItems = (some: typeof doomed) =>
    some.map(({ item }) => ({ id: item.id, callId: item.callId, at: item.at, hold: null }))
  const subject = {
    numbers: [...new Set(doomed.flatMap(one => (one.number === null ? [] : [one.number])))],
    emails: [],
    callIds: doomed.flatMap(one => one.item.callId ?? []),
    contactIds: []
  }
  const buried = async (some: typeof doomed, method: string) =>
    await bury(
      parts,
      some.map(({ item, rule }) => ({
        store,
        itemId: item.id,
        callId: item.callId,
        cause: `retention:${rule.id}`,
        method,
        proof: { rule: rule.name, keepDays: rule.keepDays, at: item.at.toISOString() }
      }))
    )
  try {
    await buried(doomed, await found.erase(parts, toItems(doomed), subject, 'retention'))
    return doomed.length
  } catch (err) {
    // One of them cannot be deleted: the others are not made to wait for it.
    parts.quality.log.warn({ err, store }, 'a batch of a retention sweep is deleted one by one')
  }
  let deleted = 0
  for (const one of doomed)
    try {
      await buried([one], await found.erase(parts, toItems([one]), subject, 'retention'))
      deleted += 1
    } catch (err) {
      parts.quality.log.error({ err, store, itemId: one.item.id }, 'what is due by retention cannot be deleted')
      problems.push({ store, id: one.item.id, problem: err instanceof Error ? err.message : String(err) })
    }
  return deleted
}

export type Explained = Readonly<{ item: RetentionItem; verdict: RetentionVerdict }>

/** Which rule keeps each part of a call or deletes it, and when. */
export async function explainCall(parts: StoreParts, callId: string, now: Date): Promise<readonly Explained[]> {
  return await explain(parts, RETAINED, { callId }, now)
}

/** Which rule keeps one thing or deletes it, and when; null when there is none, or nothing of it is left. */
export async function explainItem(
  parts: StoreParts,
  store: Retained,
  id: string,
  now: Date
): Promise<Explained | null> {
  return (await explain(parts, [store], { id }, now))[0] ?? null
}

async function explain(
  parts: StoreParts,
  stores: readonly Retained[],
  only: Readonly<{ callId: string } | { id: string }>,
  now: Date
): Promise<readonly Explained[]> {
  const { rules, overlap } = await readRetention(parts.db)
  const holds = await activeHolds(parts.db, now)
  const explained: Explained[] = []
  for (const store of stores)
    for (const row of await listAging(parts.db, store, null, 100, only)) {
      const item = toItem(parts, store, row, holds)
      explained.push({ item, verdict: decideRetention(item, rules, overlap, now) })
    }
  return explained
}

const countries = new Map<string, string | null>()

function toItem(parts: StoreParts, store: Retained, row: AgingItem, holds: readonly HoldRow[]): RetentionItem {
  const numbers = row.customer === null ? row.otherNumbers : [row.customer, ...row.otherNumbers]
  const hashes = holds.every(one => one.numberHash === null) ? [] : numbers.map(one => parts.compliance.hashOf(one))
  const hold = holds.find(
    one =>
      (one.callId !== null && one.callId === row.callId) || (one.numberHash !== null && hashes.includes(one.numberHash))
  )
  return {
    store,
    id: row.id,
    callId: row.callId,
    at: row.at,
    region: row.customer === null ? null : countryOf(row.customer),
    queueIds: row.queueIds,
    purpose: row.purpose ?? 'service',
    hold: hold?.matter ?? row.recordingHold
  }
}

/** ISO 3166-1 of a number, or null where it says none. */
export function countryOf(number: string): string | null {
  const prefix = number.slice(0, 8)
  let country = countries.get(prefix)
  if (country === undefined) {
    const found = analyzeNumber(number)
    country = found.kind === 'number' ? found.country : null
    if (countries.size > 50_000) countries.clear()
    countries.set(prefix, country)
  }
  return country
}
