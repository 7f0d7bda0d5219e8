import type { Outcome, Reason } from '../codes.ts'
import { callTimes, decide } from '../decide.ts'
import type { Facts } from '../facts.ts'
import type { PackSet } from '../packs/compile.ts'
import { DAY_MS } from '../time/calendar.ts'
import { minutesByDay, openSpans } from './times.ts'

/** Contacts that share their places, purpose and so their open times. */
export type ForecastGroup = Readonly<{
  jurisdictions: readonly string[]
  zones: readonly string[]
  contacts: number
  /** Contacts that may be called now or later within the horizon, as far as is known today. */
  reachable: number
  minutesByDay: Readonly<Record<string, number>>
  /** The last minute of the horizon in which a call may begin, or null when there is none. */
  lastDialAt: string | null
}>

export type Forecast = Readonly<{
  contacts: number
  outcomes: Readonly<Record<Outcome, number>>
  reasons: Readonly<Partial<Record<Reason, number>>>
  /** Facts that are open and must be settled before dialling, with the contacts that they concern. */
  open: Readonly<Record<string, number>>
  groups: readonly ForecastGroup[]
  /** First and last instant at which any of the contacts may be called. */
  firstDialAt: string | null
  lastDialAt: string | null
}>

type Group = {
  facts: Facts
  jurisdictions: readonly string[]
  zones: readonly string[]
  contacts: number
  reachable: number
}

const MAX_GROUPS = 2_000

/**
 * What would come of a list of contacts from `facts.at` of each on, for `days` days. Streams: memory grows with the
 * number of places, not of contacts.
 */
export async function forecast(
  contacts: AsyncIterable<Facts> | Iterable<Facts>,
  packs: PackSet,
  days: number,
  onProgress?: (done: number) => void
): Promise<Forecast> {
  const outcomes: Record<Outcome, number> = { ALLOW: 0, DEFER: 0, REVIEW: 0, BLOCK: 0 }
  const reasons: Partial<Record<Reason, number>> = {}
  const open: Record<string, number> = {}
  const groups = new Map<string, Group>()
  let count = 0
  for await (const facts of contacts) {
    const decision = decide(facts, packs)
    count += 1
    outcomes[decision.outcome] += 1
    for (const reason of decision.reasons) reasons[reason] = (reasons[reason] ?? 0) + 1
    for (const one of decision.open) open[one] = (open[one] ?? 0) + 1
    if (decision.zones.length > 0) countInGroup(groups, facts, decision.jurisdictions, decision.zones, decision.outcome)
    if (count % 10_000 === 0) onProgress?.(count)
  }
  onProgress?.(count)
  const described = [...groups.values()]
    .map(group => describe(group, packs, days))
    .sort((a, b) => b.contacts - a.contacts)
  const lasts = described.flatMap(one => one.lastDialAt ?? []).sort()
  const firsts = described.flatMap(one => one.firstDialAt ?? []).sort()
  return {
    contacts: count,
    outcomes,
    reasons,
    open,
    groups: described.map(({ firstDialAt: _first, ...group }) => group),
    firstDialAt: firsts[0] ?? null,
    lastDialAt: lasts.at(-1) ?? null
  }
}

function countInGroup(
  groups: Map<string, Group>,
  facts: Facts,
  jurisdictions: readonly string[],
  zones: readonly Readonly<{ zone: string }>[],
  outcome: Outcome
): void {
  const key = `${jurisdictions.join()}|${zones.map(one => one.zone).join()}|${facts.mode}|${facts.purpose}|${facts.sector ?? ''}`
  let group = groups.get(key)
  if (group === undefined) {
    if (groups.size >= MAX_GROUPS) return
    group = { facts, jurisdictions, zones: zones.map(one => one.zone), contacts: 0, reachable: 0 }
    groups.set(key, group)
  }
  group.contacts += 1
  if (outcome === 'ALLOW' || outcome === 'DEFER') group.reachable += 1
}

function describe(
  group: Group,
  packs: PackSet,
  days: number
): ForecastGroup & Readonly<{ firstDialAt: string | null }> {
  const times = callTimes(group.facts, packs)
  const fromMs = Date.parse(group.facts.at)
  const spans = times === null ? [] : openSpans(times, fromMs, fromMs + days * DAY_MS)
  const last = spans.at(-1)
  const isReachable = group.reachable > 0
  return {
    jurisdictions: group.jurisdictions,
    zones: group.zones,
    contacts: group.contacts,
    reachable: group.reachable,
    minutesByDay: minutesByDay(spans),
    firstDialAt: !isReachable || spans[0] === undefined ? null : new Date(spans[0].from).toISOString(),
    lastDialAt: !isReachable || last === undefined ? null : new Date(last.to - 60_000).toISOString()
  }
}
